//! Every column's global maximum from values of `t` that all columns share: a grid, then Chebyshev nodes where the maxima lie.
//!
//! `ln R_j(t)` and `Σ ln(1 + λ_i/t)` are analytic in `x = ln t` in the strip of half-width π. On a piece of length at most [`PIECE`] their
//! Chebyshev interpolants through N nodes are off by about `ρ⁻ᴺ`, `ρ = 2π/ℓ + √(1 + (2π/ℓ)²) ≥ 4.4`: 1e-13 with [`NODES`]. The last
//! coefficients say whether that holds; where they do not, there is no answer, and the caller takes the tridiagonal form.
//!
//! The choice among hills and limits is that of `maximise`: all hills within reach of the best, and the limits `t → ∞` and `t → 0`.

use std::f64::consts::PI;

use faer::MatRef;
use rayon::prelude::*;

use super::band::Band;
use super::interpolant::{Chebyshev, nodes};
use super::maximise::{BEYOND, LowerEnd, MARGIN, Maximum, Optimum, REACH, STEP};
use super::profile::{Form, Point};
use super::shifted::Shifted;

/// Longest piece of ln t that is interpolated at once.
const PIECE: f64 = 3.0;
const NODES: usize = 20;
/// What the interpolation may leave of error in `L/n`.
const TOLERANCE: f64 = 1e-11;

/// The columns in the coordinates of the band.
pub(crate) struct Problem<'a> {
    pub form: Form,
    pub band: &'a Band,
    /// `QᵀB` or `QᵀY`, `[k, c]`
    pub rhs: MatRef<'a, f64>,
    /// `s_j`, `[c]`
    pub squares: &'a [f64],
    pub n_samples: usize,
    /// How far the matrix may be from the truth, in its norm.
    pub matrix_error: f64,
}

/// All columns at one value of `t`.
struct Sample {
    x: f64,
    log_ratio: f64,
    /// `R_j`, `[c]`
    penalised: Vec<f64>,
}

/// A stretch of ln t around a hill of one column.
struct Bracket {
    column: usize,
    low: f64,
    high: f64,
}

/// The maximum of every column; nothing where the interpolation is not good enough.
pub(crate) fn maximise(problem: &Problem<'_>) -> Option<Vec<Maximum>> {
    let (grid, at_zero) = problem.grid()?;
    let mut best: Vec<Maximum> = problem
        .squares
        .iter()
        .map(|&square| problem.no_information(square))
        .collect();
    let limits = at_zero
        .as_ref()
        .map_or_else(|| vec![None; best.len()], |zero| problem.noise_free(zero));
    let limit_is_known: Vec<bool> = limits.iter().map(Option::is_some).collect();
    for (best, limit) in best.iter_mut().zip(limits) {
        if let Some(limit) = limit
            && limit.value > best.value + MARGIN
        {
            *best = limit;
        }
    }
    let mut brackets = Vec::new();
    for (column, best) in best.iter().enumerate() {
        let values: Vec<f64> = grid.iter().map(|sample| problem.value(sample, column)).collect();
        let highest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        for i in 1..values.len().saturating_sub(1) {
            let is_peak = values[i] >= values[i - 1] && values[i] >= values[i + 1];
            if is_peak && values[i] >= highest - REACH && values[i] >= best.value - REACH {
                brackets.push(Bracket {
                    column,
                    low: grid[i - 1].x,
                    high: grid[i + 1].x,
                });
            }
        }
    }
    for (low, high) in pieces(&brackets) {
        problem.climb(&brackets, low, high, &mut best)?;
    }
    let first = grid.first()?;
    let unresolved = if limit_is_known.iter().all(|known| *known) {
        0.0
    } else {
        Shifted::new(problem.band, first.x.exp())?.trace() * first.x.exp()
    };
    for (column, best) in best.iter_mut().enumerate() {
        if limit_is_known[column] {
            continue;
        }
        let value = problem.value(first, column);
        let next = grid.get(1).map_or(value, |sample| problem.value(sample, column));
        let penalised = first.penalised[column];
        // Rising towards the grid's lower end with no limit to arrive at: what lies below cannot be told.
        let rises = value >= next && value > best.value - REACH;
        if rises || penalised <= 0.0 || penalised.is_nan() {
            best.error_bound = f64::INFINITY;
        }
        best.lower_end = Some(LowerEnd {
            value,
            penalised,
            unresolved,
        });
    }
    Some(best)
}

/// The union of all brackets, cut into pieces.
fn pieces(brackets: &[Bracket]) -> Vec<(f64, f64)> {
    let mut sorted: Vec<(f64, f64)> = brackets.iter().map(|bracket| (bracket.low, bracket.high)).collect();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut joined: Vec<(f64, f64)> = Vec::new();
    for (low, high) in sorted {
        match joined.last_mut() {
            Some(last) if low <= last.1 => last.1 = last.1.max(high),
            _ => joined.push((low, high)),
        }
    }
    joined
        .into_iter()
        .flat_map(|(low, high)| {
            let count = ((high - low) / PIECE).ceil().max(1.0);
            let length = (high - low) / count;
            (0..count as usize).map(move |i| (low + i as f64 * length, low + (i + 1) as f64 * length))
        })
        .collect()
}

impl Problem<'_> {
    fn n(&self) -> f64 {
        self.n_samples as f64
    }

    /// Samples on the grid, ascending, and the factors at `t = 0` where they are safe to use.
    fn grid(&self) -> Option<(Vec<Sample>, Option<Shifted>)> {
        let largest = self.band.lambda_max();
        let k = self.band.size();
        if largest <= 0.0 {
            return None;
        }
        let floor = (8.0 * k as f64 * f64::EPSILON * largest)
            .max(8.0 * self.matrix_error)
            .max(f64::MIN_POSITIVE * 1e20);
        let mut at_zero = (self.form == Form::Dual && k == self.n_samples)
            .then(|| Shifted::new(self.band, 0.0))
            .flatten();
        let mut smallest = floor;
        if let Some(zero) = &at_zero {
            let eigenvalue = 1.0 / zero.trace();
            if eigenvalue > floor {
                smallest = eigenvalue / BEYOND;
            } else {
                at_zero = None;
            }
        }
        let (from, to) = (smallest.ln(), (largest * BEYOND).ln());
        let steps = ((to - from) / STEP).ceil().max(1.0);
        let points: Vec<f64> = (0..=steps as usize)
            .map(|i| from + (to - from) * i as f64 / steps)
            .collect();
        // A point that fails lies below the matrix's rounding errors, and so does everything before it.
        let mut samples: Vec<Sample> = self
            .sample(&points)
            .into_iter()
            .rev()
            .map_while(|sample| sample)
            .collect();
        samples.reverse();
        Some((samples, at_zero))
    }

    fn sample(&self, points: &[f64]) -> Vec<Option<Sample>> {
        points
            .par_iter()
            .map(|&x| {
                let shifted = Shifted::new(self.band, x.exp())?;
                let penalised = shifted
                    .products(self.rhs)
                    .into_iter()
                    .zip(self.squares)
                    .map(|(product, square)| match self.form {
                        Form::Primal => square - product,
                        Form::Dual => shifted.t * product,
                    })
                    .collect();
                Some(Sample {
                    x,
                    log_ratio: shifted.log_ratio,
                    penalised,
                })
            })
            .collect()
    }

    /// What `L/n` is beside `−½ ln R − log_ratio/2n`.
    fn constant(&self) -> f64 {
        0.5 * self.n().ln() - 0.5 - 0.5 * (2.0 * PI).ln()
    }

    fn value(&self, sample: &Sample, column: usize) -> f64 {
        let value = self.constant() - 0.5 * sample.penalised[column].ln() - sample.log_ratio / (2.0 * self.n());
        if value.is_finite() { value } else { f64::NEG_INFINITY }
    }

    fn no_information(&self, square: f64) -> Maximum {
        Maximum {
            optimum: Optimum::NoInformation,
            value: self.constant() - 0.5 * square.ln(),
            error_bound: 0.0,
            lower_end: None,
        }
    }

    /// The limit `t → 0` of every column, where it can be trusted.
    fn noise_free(&self, zero: &Shifted) -> Vec<Option<Maximum>> {
        let trace = zero.trace();
        let solution = zero.solve(self.rhs);
        zero.products(self.rhs)
            .into_iter()
            .enumerate()
            .map(|(column, product)| {
                let length: f64 = solution.col_as_slice(column).iter().map(|x| x * x).sum();
                let value = self.constant() - 0.5 * product.ln() - zero.log_ratio / (2.0 * self.n());
                let error_bound = 0.5 * self.matrix_error * (trace / self.n() + length / product);
                (value.is_finite() && error_bound < 1e-3).then_some(Maximum {
                    optimum: Optimum::NoiseFree(product),
                    value,
                    error_bound,
                    lower_end: None,
                })
            })
            .collect()
    }

    /// Climbs the hills that lie between `low` and `high`; nothing where the interpolants are not good enough.
    fn climb(&self, brackets: &[Bracket], low: f64, high: f64, best: &mut [Maximum]) -> Option<()> {
        let points = nodes(low, high, NODES);
        let samples: Vec<Sample> = self.sample(&points).into_iter().collect::<Option<_>>()?;
        let of = |values: &dyn Fn(&Sample) -> f64| Chebyshev::new(low, high, samples.iter().map(values).collect());
        let log_ratio = of(&|sample| sample.log_ratio);
        for bracket in brackets {
            let (from, to) = (bracket.low.max(low), bracket.high.min(high));
            if from >= to {
                continue;
            }
            let column = bracket.column;
            if samples
                .iter()
                .any(|sample| sample.penalised[column].is_nan() || sample.penalised[column] <= 0.0)
            {
                best[column].error_bound = f64::INFINITY;
                continue;
            }
            let log_residual = of(&|sample| sample.penalised[column].ln());
            let curve = log_residual.combined(-0.5, &log_ratio, -0.5 / self.n());
            let x = curve.maximum(from, to);
            let value = self.constant() + curve.at(x);
            let point = self.point(x, &log_residual, &log_ratio);
            let square = self.squares[column];
            let lost = match self.form {
                Form::Primal => 2.0 * f64::EPSILON * square / point.penalised,
                Form::Dual => 0.0,
            };
            let interpolation = curve.tail();
            if interpolation > TOLERANCE + 8.0 * lost {
                return None;
            }
            if value > best[column].value + MARGIN {
                let through_matrix = 0.5 * self.matrix_error * (point.trace / self.n() + point.m2 / point.penalised);
                let bound = through_matrix + lost + interpolation;
                best[column] = Maximum {
                    optimum: Optimum::Interior(point),
                    value,
                    error_bound: if bound.is_nan() { f64::INFINITY } else { bound },
                    lower_end: None,
                };
            }
        }
        Some(())
    }

    /// Everything about a column at `ln t = x`, from the slopes of its interpolants: `γ = −dlog_ratio/dx`, `m2 = dR/dt`.
    fn point(&self, x: f64, log_residual: &Chebyshev, log_ratio: &Chebyshev) -> Point {
        let t = x.exp();
        let penalised = log_residual.at(x).exp();
        let gamma = -log_ratio.slope(x);
        let m2 = penalised * log_residual.slope(x) / t;
        Point {
            t,
            penalised,
            m2,
            r2: penalised - t * m2,
            gamma,
            free: self.n() - gamma,
            trace: (self.band.size() as f64 - gamma) / t,
            slope: 0.0,
        }
    }
}
