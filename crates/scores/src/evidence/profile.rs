//! The evidence of every column as a function of one variable, `t = α/β`, in `O(k)` a column and value of `t`.
//!
//! ```text
//! T            [k]            symmetric tridiagonal, T + tI = L D Lᵀ with unit bidiagonal L (l_i) and pivots D_i
//! S = (T + tI)⁻¹              S_kk = 1/D_k,  S_ii = 1/D_i + l_i² S_{i+1,i+1},  S_{i,i+1} = −l_i S_{i+1,i+1}
//! u = L⁻¹b,  m = (T + tI)⁻¹b  bᵀm = Σ u_i²/D_i, so R costs the forward half only
//! L*(t)/n = ½ ln(n/R) − ½ − ½ ln 2π − (1/2n) Σ ln(1 + λ_i/t),    Σ ln(1 + λ_i/t) = Σ ln(D_i/t)
//! g(t) = dL*/d ln t = ½ (γ − n·t·m2/R) = ½ (n·r2/R − (n − γ))
//! ```
//!
//! Two forms share this:
//! - **primal**, `T` from `G`, right-hand side `b = QᵀFᵀy`: `R = s − bᵀm`, `m2 = ‖m‖²`;
//! - **dual**, `T` from `K = FFᵀ` (or the squared singular values: `T` diagonal), right-hand side `z = Qᵀy` and
//!   `ρ`, the part of `yᵀy` outside: `a = (T + tI)⁻¹z`, `R = ρ + t·zᵀa`, `r2 = ρ + t²‖a‖²`, `m2 = aᵀTa`.
//!
//! Sums are arranged so that nothing cancels at either end: γ is `k − t·tr S` for small t and `tr(TS)` for large t, the
//! derivative takes the first or the second form above. Only the primal `R = s − bᵀm` loses digits, as `s/R` grows.
//! [`Profile::error_bound`] bounds the loss, and the caller goes back to the rows where it is too large.

use std::f64::consts::PI;

/// Columns that are evaluated together on the shared grid: one vector register of eight, or two of four.
pub(crate) const LANES: usize = 8;

/// Which of the two forms of the module's header.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Form {
    Primal,
    Dual,
}

/// The part of the problem that all columns share. Units: `T` is divided by a scale that the caller keeps.
pub(crate) struct Profile {
    pub form: Form,
    pub diagonal: Vec<f64>,
    pub off_diagonal: Vec<f64>,
    pub n_samples: usize,
    /// An upper bound of the largest eigenvalue of `T` within a factor of three.
    pub lambda_max: f64,
    /// A bound of the error of the entries of `T`, as a multiple of `lambda_max`; zero for singular values, which are accurate
    /// where they matter.
    pub backward_error: f64,
    is_diagonal: bool,
}

/// One column: its right-hand side in the coordinates of `T`, and its square.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    /// `b` or `z`, `[k]`
    pub rhs: Vec<f64>,
    /// `s = yᵀy`
    pub square: f64,
    /// `ρ`, dual form only
    pub outside: f64,
}

/// `T + tI` factored.
pub(crate) struct Shift {
    pub t: f64,
    /// `1/D_i`
    inverse: Vec<f64>,
    /// `l_i`
    lower: Vec<f64>,
    /// `Σ ln(D_i/t)`; at `t = 0`, `Σ ln D_i`
    pub log_ratio: f64,
}

/// Everything about one column at one t.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Point {
    pub t: f64,
    /// `R(t)`
    pub penalised: f64,
    /// `‖m‖²`
    pub m2: f64,
    /// `‖Fm − y‖²`
    pub r2: f64,
    /// `γ = Σ λ_i/(λ_i + t)`
    pub gamma: f64,
    /// `n − γ`
    pub free: f64,
    /// `Σ 1/(λ_i + t)` over the k eigenvalues
    pub trace: f64,
    /// `dL*/d ln t`, in units of n
    pub slope: f64,
}

impl Profile {
    pub fn new(form: Form, diagonal: Vec<f64>, off_diagonal: Vec<f64>, n_samples: usize, backward_error: f64) -> Self {
        let k = diagonal.len();
        let around = |i: usize| {
            let before = if i > 0 { off_diagonal[i - 1].abs() } else { 0.0 };
            let after = if i + 1 < k { off_diagonal[i].abs() } else { 0.0 };
            before + after
        };
        let lambda_max = (0..k).map(|i| diagonal[i] + around(i)).fold(0.0, f64::max);
        Self {
            form,
            is_diagonal: off_diagonal.iter().all(|&e| e == 0.0),
            diagonal,
            off_diagonal,
            n_samples,
            lambda_max,
            backward_error,
        }
    }

    pub fn size(&self) -> usize {
        self.diagonal.len()
    }

    /// Factors `T + tI`; nothing where it is not positive definite to rounding.
    pub fn shift(&self, t: f64) -> Option<Shift> {
        let k = self.size();
        let mut inverse = Vec::with_capacity(k);
        let mut lower = Vec::with_capacity(k);
        let mut log_ratio = 0.0;
        let mut carried = 0.0;
        for i in 0..k {
            let own = self.diagonal[i] - carried;
            let pivot = own + t;
            if pivot <= 0.0 || !pivot.is_finite() {
                return None;
            }
            log_ratio += if t > 0.0 { (own / t).ln_1p() } else { pivot.ln() };
            let inverted = 1.0 / pivot;
            inverse.push(inverted);
            if i + 1 < k {
                let l = self.off_diagonal[i] * inverted;
                carried = self.off_diagonal[i] * l;
                lower.push(l);
            }
        }
        Some(Shift {
            t,
            inverse,
            lower,
            log_ratio,
        })
    }

    /// `L*(t)/n` from `R(t)` and `Σ ln(1 + λ_i/t)`.
    pub fn value(&self, penalised: f64, log_ratio: f64) -> f64 {
        let n = self.n_samples as f64;
        0.5 * (n.ln() - penalised.ln()) - 0.5 - 0.5 * (2.0 * PI).ln() - log_ratio / (2.0 * n)
    }

    /// `R(t)` of up to [`LANES`] columns; `lanes` is their right-hand sides interleaved, `[k]`.
    pub fn penalised(&self, shift: &Shift, lanes: &[[f64; LANES]], columns: &[Column]) -> [f64; LANES] {
        let mut u = [0.0; LANES];
        let mut sum = [0.0; LANES];
        let mut l = 0.0;
        for (i, rhs) in lanes.iter().enumerate() {
            let inverse = shift.inverse[i];
            for lane in 0..LANES {
                u[lane] = rhs[lane] - l * u[lane];
                sum[lane] += u[lane] * u[lane] * inverse;
            }
            l = shift.lower.get(i).copied().unwrap_or(0.0);
        }
        let mut penalised = [f64::NAN; LANES];
        for ((penalised, sum), column) in penalised.iter_mut().zip(sum).zip(columns) {
            *penalised = self.residual(column, sum, shift.t);
        }
        penalised
    }

    fn residual(&self, column: &Column, product: f64, t: f64) -> f64 {
        match self.form {
            Form::Primal => column.square - product,
            Form::Dual => column.outside + t * product,
        }
    }

    /// `(T + tI)⁻¹ rhs` `[k]`, and `rhsᵀ(T + tI)⁻¹rhs`.
    pub fn solve(&self, shift: &Shift, rhs: &[f64]) -> (Vec<f64>, f64) {
        let k = self.size();
        let mut x = Vec::with_capacity(k);
        let mut product = 0.0;
        let mut u = 0.0;
        for (i, rhs) in rhs.iter().enumerate() {
            u = rhs - if i > 0 { shift.lower[i - 1] * u } else { 0.0 };
            product += u * u * shift.inverse[i];
            x.push(u * shift.inverse[i]);
        }
        for i in (0..k.saturating_sub(1)).rev() {
            x[i] -= shift.lower[i] * x[i + 1];
        }
        (x, product)
    }

    /// Everything about `column` at `shift`.
    pub fn point(&self, shift: &Shift, column: &Column) -> Point {
        let k = self.size();
        let t = shift.t;
        let n = self.n_samples as f64;
        let (x, product) = self.solve(shift, &column.rhs);
        let penalised = self.residual(column, product, t);
        let length: f64 = x.iter().map(|x| x * x).sum();
        let (trace, weighted_trace) = self.traces(shift);
        // tr(TS) has no cancellation once t dominates, and t·tr S none before.
        let large = t > self.lambda_max / 8.0 || self.is_diagonal;
        let gamma = if large { weighted_trace } else { k as f64 - t * trace };
        let free = if large && t > self.lambda_max / 8.0 {
            n - gamma
        } else {
            n - k as f64 + t * trace
        };
        let (m2, r2) = match self.form {
            Form::Primal => (length, penalised - t * length),
            Form::Dual => {
                let r2 = column.outside + t * t * length;
                let m2 = if large {
                    self.quadratic(&x)
                } else {
                    product - t * length
                };
                (m2, r2)
            }
        };
        let slope = match self.form {
            Form::Dual if t <= self.lambda_max => 0.5 * (n * r2 / penalised - free),
            _ => 0.5 * (gamma - n * t * m2 / penalised),
        };
        Point {
            t,
            penalised,
            m2,
            r2,
            gamma,
            free,
            trace,
            slope: slope / n,
        }
    }

    /// `tr S` and `tr(TS)`.
    fn traces(&self, shift: &Shift) -> (f64, f64) {
        let k = self.size();
        let (mut trace, mut weighted) = (0.0, 0.0);
        let mut below = 0.0;
        for i in (0..k).rev() {
            let mut own = shift.inverse[i];
            if i + 1 < k {
                let l = shift.lower[i];
                own += l * l * below;
                weighted -= 2.0 * self.off_diagonal[i] * l * below;
            }
            trace += own;
            weighted += self.diagonal[i] * own;
            below = own;
        }
        (trace, weighted)
    }

    /// `xᵀTx`.
    fn quadratic(&self, x: &[f64]) -> f64 {
        let own: f64 = x.iter().zip(&self.diagonal).map(|(x, d)| x * x * d).sum();
        let next: f64 = self
            .off_diagonal
            .iter()
            .enumerate()
            .map(|(i, e)| e * x[i] * x[i + 1])
            .sum();
        own + 2.0 * next
    }

    /// A first-order bound of the error of `L*/n` at `point`, from the backward error of `T` and, in the primal form, the
    /// cancellation in `R`.
    pub fn error_bound(&self, point: &Point, column: &Column) -> f64 {
        let n = self.n_samples as f64;
        let through_matrix =
            0.5 * self.backward_error * self.lambda_max * (point.trace / n + point.m2 / point.penalised);
        let through_residual = match self.form {
            Form::Primal => 2.0 * f64::EPSILON * column.square / point.penalised,
            Form::Dual => 0.0,
        };
        let bound = through_matrix + through_residual;
        if bound.is_nan() { f64::INFINITY } else { bound }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn diagonal_profile(form: Form, lambda: &[f64], n: usize) -> Profile {
        Profile::new(form, lambda.to_vec(), vec![0.0; lambda.len() - 1], n, f64::EPSILON)
    }

    #[test]
    fn the_slope_is_the_derivative_of_the_value() {
        let lambda = [9.0, 4.0, 0.5, 0.01];
        let profile = diagonal_profile(Form::Dual, &lambda, 6);
        let column = Column {
            rhs: vec![1.0, -2.0, 0.5, 0.3],
            square: 7.0,
            outside: 0.4,
        };
        for t in [1e-3, 0.1, 1.0, 30.0, 500.0] {
            let value = |t: f64| {
                let shift = profile.shift(t).unwrap();
                profile.value(profile.point(&shift, &column).penalised, shift.log_ratio)
            };
            let h = 1e-5_f64;
            let central = (value(t * h.exp()) - value(t * (-h).exp())) / (2.0 * h);
            let slope = profile.point(&profile.shift(t).unwrap(), &column).slope;
            assert!((central - slope).abs() < 1e-8, "t = {t}: {central} against {slope}");
        }
    }

    #[test]
    fn lanes_give_the_same_residual_as_single_solves() {
        let diagonal = vec![5.0, 4.0, 3.0, 2.0, 1.0];
        let profile = Profile::new(Form::Primal, diagonal, vec![1.0, -0.5, 0.25, 0.1], 9, f64::EPSILON);
        let columns: Vec<Column> = (0..3)
            .map(|j| Column {
                rhs: (0..5).map(|i| ((i * 3 + j * 7) % 5) as f64 - 1.5).collect(),
                square: 50.0,
                outside: 0.0,
            })
            .collect();
        let lanes: Vec<[f64; LANES]> = (0..5)
            .map(|i| std::array::from_fn(|lane| columns.get(lane).map_or(0.0, |column| column.rhs[i])))
            .collect();
        let shift = profile.shift(0.7).unwrap();
        let together = profile.penalised(&shift, &lanes, &columns);
        for (column, together) in columns.iter().zip(together) {
            let alone = profile.point(&shift, column).penalised;
            assert!((alone - together).abs() < 1e-13 * alone.abs());
        }
    }
}
