//! The features' scatter about their mean, in whichever form is smaller; shared by the H-scores and TransRate.
//!
//! ```text
//! F̃ = F − 1μᵀ          [n, d]
//! S = F̃ᵀF̃ = G − nμμᵀ    [d, d]   primal, n > d
//! K̃ = F̃F̃ᵀ              [n, n]   dual, n ≤ d, from centred rows
//! v_y = √n_y (μ_y − μ) = F̃ᵀu_y,  u_y = 1_y/√n_y       Σ_y v_y v_yᵀ is the scatter between classes
//! ```
//!
//! Both are lower triangles.

use faer::Mat;

use crate::error::{Error, ErrorKind, Result};
use crate::linalg;
use crate::statistics::Statistics;
use crate::statistics::gram::dual_gram;

/// `S` or `K̃`, the mean, and the class means about it.
pub(crate) struct Scatter {
    pub n: usize,
    pub d: usize,
    pub mean: Vec<f64>,
    /// `S` or `K̃`
    pub matrix: Mat<f64>,
    /// `v_y` `[d, c]` or `u_y` `[n, c]`
    pub between: Mat<f64>,
    pub is_dual: bool,
}

impl Scatter {
    /// The scatter of all samples; `weights` `[d]` scale the columns of F̃ in the dual form (all ones if not given).
    pub fn new(statistics: &Statistics, score: &str) -> Result<Self> {
        Self::weighted(statistics, score, None)
    }

    fn weighted(statistics: &Statistics, score: &str, weights: Option<&[f64]>) -> Result<Self> {
        let (n, d) = (statistics.n_samples(), statistics.n_features());
        let columns = statistics.target_columns();
        if !statistics.is_classes() {
            return Err(Error::new(
                ErrorKind::MissingInput,
                format!("{score} needs one class a sample, got columns of numbers; use logme for these targets"),
            ));
        }
        if columns.len() < 2 {
            return Err(Error::new(
                ErrorKind::TooFewClasses,
                format!(
                    "{score} compares classes, but all {n} samples are of one class; give it samples of at least two classes"
                ),
            ));
        }
        let mean = statistics.moments().mean();
        if let Some(rows) = statistics.rows() {
            let matrix = dual_gram(rows, d, Some(&mean), weights);
            let mut between = statistics.dual_targets();
            for (j, column) in columns.iter().enumerate() {
                for value in between.col_as_slice_mut(j) {
                    *value /= column.square.sqrt();
                }
            }
            return Ok(Self {
                n,
                d,
                mean,
                matrix,
                between,
                is_dual: true,
            });
        }
        let gram = statistics
            .gram()
            .ok_or_else(|| Error::new(ErrorKind::Unsupported, "statistics hold no second moments"))?;
        let matrix = Mat::from_fn(d, d, |i, j| {
            if i >= j {
                gram[(i, j)] - n as f64 * mean[i] * mean[j]
            } else {
                0.0
            }
        });
        let between = Mat::from_fn(d, columns.len(), |i, j| {
            columns[j].square.sqrt() * (columns[j].product[i] / columns[j].square - mean[i])
        });
        Ok(Self {
            n,
            d,
            mean,
            matrix,
            between,
            is_dual: false,
        })
    }

    /// `tr(S⁺ Σ_y v_y v_yᵀ)`: the part of the label space that lies in the range of the centred features.
    ///
    /// A regular linear map of the features does not change the value, so each feature is first divided by its standard
    /// deviation: the numerical rank then depends on correlations, not on units. Features whose variance is rounding (below
    /// `1e-13` of their mean square) are left out. So are directions whose eigenvalue of the correlation matrix is below
    /// [`RANK_CUT`] of the largest: exact dependence, after rounding to f32, stays below it.
    pub fn explained(statistics: &Statistics, score: &str) -> Result<f64> {
        let plain = Self::variances(statistics);
        let weights: Vec<f64> = plain
            .iter()
            .map(|&(variance, square)| {
                if variance > CONSTANT * square {
                    1.0 / variance.sqrt()
                } else {
                    0.0
                }
            })
            .collect();
        let mut scatter = Self::weighted(statistics, score, Some(&weights))?;
        if !scatter.is_dual {
            let d = scatter.d;
            scatter.matrix = Mat::from_fn(d, d, |i, j| {
                if i == j {
                    f64::from(u8::from(weights[i] > 0.0))
                } else {
                    scatter.matrix[(i, j)] * weights[i] * weights[j]
                }
            });
            for j in 0..scatter.between.ncols() {
                for (value, weight) in scatter.between.col_as_slice_mut(j).iter_mut().zip(&weights) {
                    *value *= weight;
                }
            }
            if let Some(value) = scatter.by_cholesky(&weights) {
                return Ok(value);
            }
        }
        scatter.by_eigenvectors()
    }

    /// `Σ_y ‖L⁻¹v_y‖²`, where the correlation matrix is clearly regular.
    fn by_cholesky(&self, weights: &[f64]) -> Option<f64> {
        let mut regular = self.matrix.clone();
        for (i, weight) in weights.iter().enumerate() {
            if *weight == 0.0 {
                // A feature that was left out has a zero right-hand side, so any pivot works.
                regular[(i, i)] = 1.0;
            }
        }
        let factor = linalg::cholesky(regular)?;
        let least = (0..factor.nrows())
            .map(|i| factor[(i, i)])
            .fold(f64::INFINITY, f64::min);
        if least * least < 1e-6 {
            return None;
        }
        Some(squared_solution(factor.as_ref(), self.between.clone()))
    }

    fn by_eigenvectors(&self) -> Result<f64> {
        let eigen = linalg::eigen(self.matrix.as_ref()).ok_or_else(|| {
            Error::new(
                ErrorKind::Precision,
                "the eigenvalues of the features' covariance did not converge; scale the features",
            )
        })?;
        let largest = eigen.values.iter().copied().fold(0.0, f64::max);
        let rotated = linalg::product(eigen.vectors.transpose(), self.between.as_ref(), linalg::parallel());
        let mut sum = 0.0;
        for (i, &value) in eigen.values.iter().enumerate() {
            if value > RANK_CUT * largest {
                let along: f64 = (0..rotated.ncols()).map(|j| rotated[(i, j)].powi(2)).sum();
                sum += if self.is_dual { along } else { along / value };
            }
        }
        Ok(sum)
    }

    /// Sum of squares about the mean, and about zero, of every feature.
    fn variances(statistics: &Statistics) -> Vec<(f64, f64)> {
        let n = statistics.n_samples() as f64;
        let mean = statistics.moments().mean();
        let d = mean.len();
        match (statistics.rows(), statistics.gram()) {
            (Some(rows), _) => {
                let mut sums = vec![(0.0, 0.0); d];
                for row in rows.chunks_exact(d) {
                    for ((sum, &value), mean) in sums.iter_mut().zip(row).zip(&mean) {
                        let value = f64::from(value);
                        sum.0 += (value - mean).powi(2);
                        sum.1 += value * value;
                    }
                }
                sums
            }
            (_, Some(gram)) => (0..d)
                .map(|i| (gram[(i, i)] - n * mean[i] * mean[i], gram[(i, i)]))
                .collect(),
            _ => vec![(0.0, 0.0); d],
        }
    }
}

/// Eigenvalues of the correlation matrix below this part of the largest are taken as zero.
pub(crate) const RANK_CUT: f64 = 1e-12;
/// A variance below this part of the mean square is rounding (f32 features carry 6e-8 of themselves).
const CONSTANT: f64 = 1e-13;

/// `‖L⁻¹X‖²`, summed over all columns.
pub(crate) fn squared_solution(factor: faer::MatRef<'_, f64>, mut columns: Mat<f64>) -> f64 {
    linalg::solve_lower(factor, columns.as_mut());
    (0..columns.ncols())
        .map(|j| columns.col_as_slice(j).iter().map(|x| x * x).sum::<f64>())
        .sum()
}

/// `ln|M|` of a positive definite matrix given by its lower triangle; `None` where it is not positive definite.
pub(crate) fn log_determinant(matrix: &Mat<f64>) -> Option<f64> {
    let factor = linalg::cholesky(matrix.clone())?;
    Some(2.0 * (0..factor.nrows()).map(|i| factor[(i, i)].ln()).sum::<f64>())
}
