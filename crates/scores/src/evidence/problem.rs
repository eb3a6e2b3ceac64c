//! All columns at one value of `t`, from one factor of the band matrix that they share.
//!
//! ```text
//! L*_j(t)/n = ½ ln n − ½ − ½ ln 2π − ½ ln R_j(t) − (1/2n) Σ ln(1 + λ_i/t)
//! ```
//!
//! `R_j` is as in [`super::profile`], and so are the two forms. The limits `t → ∞` and `t → 0` are those of [`super::maximise`].

use std::f64::consts::PI;

use faer::MatRef;
use rayon::prelude::*;

use super::band::Band;
use super::forward::Packed;
use super::maximise::{BEYOND, Maximum, Optimum, STEP};
use super::profile::Form;
use super::shifted::Shifted;

/// The target columns in the coordinates of the band.
pub(super) struct Problem<'a> {
    pub form: Form,
    pub band: &'a Band,
    /// `QᵀB` or `QᵀY`, `[k, c]`
    pub rhs: MatRef<'a, f64>,
    /// The same, packed for [`Shifted::products`].
    pub packed: Packed,
    /// `s_j`, `[c]`
    pub squares: &'a [f64],
    pub n_samples: usize,
    /// A bound of the error of the matrix, in its norm.
    pub matrix_error: f64,
}

/// All columns at one value of `t`.
pub(super) struct Sample {
    /// `ln t`
    pub x: f64,
    /// `Σ ln(1 + λ_i/t)`
    pub log_ratio: f64,
    /// `R_j`, `[c]`
    pub penalised: Vec<f64>,
}

impl Problem<'_> {
    pub fn n(&self) -> f64 {
        self.n_samples as f64
    }

    /// The points of the grid, ascending, and the factor at `t = 0` where it can be trusted. `None` for a matrix of zeros.
    pub fn points(&self) -> Option<(Vec<f64>, Option<Shifted>)> {
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
        Some((points, at_zero))
    }

    /// Samples at the given values of ln t; `None` where the matrix is not positive definite to rounding.
    pub fn sample(&self, points: &[f64]) -> Vec<Option<Sample>> {
        points
            .par_iter()
            .map(|&x| {
                let shifted = Shifted::new(self.band, x.exp())?;
                let penalised = shifted
                    .products(&self.packed)
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

    /// `½ ln n − ½ − ½ ln 2π`
    pub fn constant(&self) -> f64 {
        0.5 * self.n().ln() - 0.5 - 0.5 * (2.0 * PI).ln()
    }

    /// `L*/n` of a column; −∞ where its residual is lost to rounding.
    pub fn value(&self, sample: &Sample, column: usize) -> f64 {
        let value = self.value_of(sample.penalised[column], sample.log_ratio);
        if value.is_finite() { value } else { f64::NEG_INFINITY }
    }

    /// `L*/n` from `R` and `Σ ln(1 + λ_i/t)`.
    pub fn value_of(&self, penalised: f64, log_ratio: f64) -> f64 {
        self.constant() - 0.5 * penalised.ln() - log_ratio / (2.0 * self.n())
    }

    /// The limit `t → ∞` of a column with `yᵀy = square`.
    pub fn no_information(&self, square: f64) -> Maximum {
        Maximum {
            optimum: Optimum::NoInformation,
            value: self.constant() - 0.5 * square.ln(),
            error_bound: 0.0,
            lower_end: None,
        }
    }

    /// The limit `t → 0` of every column; `None` where rounding may have spoiled it.
    pub fn noise_free(&self, zero: &Shifted) -> Vec<Option<Maximum>> {
        let trace = zero.trace();
        let solution = zero.solve(self.rhs);
        zero.products(&self.packed)
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
}
