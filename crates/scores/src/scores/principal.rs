//! Principal components of features, from their second moments.
//!
//! ```text
//! S = (F − 1μᵀ)ᵀ(F − 1μᵀ)/n = VΛVᵀ        [d, d], or for n ≤ d from the [n, n] product of the centred rows
//! coordinates of a row f:  Vᵀ(f − μ)       of the leading components
//! ```
//!
//! Components without variance are left out: of dependent or constant features only rounding is left along them, and a score that scales
//! its coordinates would scale rounding up (published code does). Of the two signs of a component the one is taken whose largest weight is
//! positive, as in scikit-learn: PARC depends on it.

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat};

use crate::error::{Error, ErrorKind, Result};
use crate::features::FeatureView;
use crate::linalg;
use crate::statistics::Statistics;
use crate::statistics::gram::dual_gram;

/// A variance below this part of the largest is rounding.
const RANK_CUT: f64 = 1e-12;
/// All variance below this part of the mean square is rounding (f32 features carry 6e-8 of themselves).
const CONSTANT: f64 = 1e-13;
/// Rows that are projected together.
const BLOCK: usize = 512;

/// Leading principal components.
pub(super) struct Principal {
    mean: Vec<f64>,
    /// `V` `[d, p]`
    vectors: Mat<f64>,
    /// Variance along each, `[p]`, descending; divided by n.
    pub variances: Vec<f64>,
    /// Of all components.
    pub total_variance: f64,
}

impl Principal {
    /// At most `most` components of the samples of `statistics`.
    ///
    /// # Errors
    /// [`ErrorKind::Precision`] where the eigenvalues do not converge.
    pub fn new(statistics: &Statistics, most: usize) -> Result<Self> {
        let (n, d) = (statistics.n_samples() as f64, statistics.n_features());
        let mean = statistics.moments().mean();
        let origin: f64 = mean.iter().map(|mean| mean * mean).sum();
        let matrix = match (statistics.rows(), statistics.gram()) {
            (Some(rows), _) => dual_gram(rows, d, Some(&mean), None),
            (_, Some(gram)) => {
                let mut matrix = gram.dense();
                for j in 0..d {
                    for i in j..d {
                        matrix[(i, j)] -= n * mean[i] * mean[j];
                    }
                }
                matrix
            }
            _ => return Err(Error::new(ErrorKind::Unsupported, "statistics hold no second moments")),
        };
        let decomposition = linalg::eigen(matrix.as_ref()).ok_or_else(|| {
            Error::new(
                ErrorKind::Precision,
                "the eigenvalues of the features' covariance did not converge; scale the features",
            )
        })?;
        let values: Vec<f64> = decomposition.values.iter().map(|value| value / n).collect();
        let total_variance: f64 = values.iter().map(|value| value.max(0.0)).sum();
        let largest = values.iter().copied().fold(0.0, f64::max);
        let is_constant = total_variance <= CONSTANT * (origin + total_variance);
        let kept: Vec<usize> = (0..values.len())
            .rev()
            .take(most)
            .filter(|&k| !is_constant && values[k] > RANK_CUT * largest)
            .collect();
        let leading = Mat::from_fn(values.len(), kept.len(), |i, k| decomposition.vectors[(i, kept[k])]);
        let variances: Vec<f64> = kept.iter().map(|&k| values[k]).collect();
        let mut vectors = match statistics.rows() {
            Some(rows) => {
                // V = X̃ᵀU/√(nλ)
                let centred = Mat::from_fn(values.len(), d, |i, j| f64::from(rows[i * d + j]) - mean[j]);
                let scaled = Mat::from_fn(values.len(), kept.len(), |i, k| {
                    leading[(i, k)] / (n * variances[k]).sqrt()
                });
                linalg::product(centred.transpose(), scaled.as_ref(), linalg::parallel())
            }
            None => leading,
        };
        for k in 0..kept.len() {
            let axis = vectors.col_as_slice_mut(k);
            let larger = |a: f64, &b: &f64| if b.abs() > a.abs() { b } else { a };
            if axis.iter().fold(0.0, larger) < 0.0 {
                for weight in axis {
                    *weight = -*weight;
                }
            }
        }
        Ok(Self {
            mean,
            vectors,
            variances,
            total_variance: if is_constant { 0.0 } else { total_variance },
        })
    }

    /// Number of components, `p`.
    pub fn len(&self) -> usize {
        self.variances.len()
    }

    /// Keeps the first `count` components.
    pub fn truncate(&mut self, count: usize) {
        if count < self.len() {
            self.variances.truncate(count);
            self.vectors = self.vectors.get(.., ..count).to_owned();
        }
    }

    /// `V` `[d, p]`.
    pub fn vectors(&self) -> &Mat<f64> {
        &self.vectors
    }

    /// The mean of the samples, `[d]`.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// The coordinates of rows, `[n, p]`.
    pub fn coordinates(&self, features: &FeatureView<'_>) -> Mat<f64> {
        let (n, d, p) = (features.n_samples(), features.n_features(), self.len());
        let mut coordinates = Mat::zeros(n, p);
        for first in (0..n).step_by(BLOCK) {
            let rows = BLOCK.min(n - first);
            let block = Mat::from_fn(rows, d, |i, j| f64::from(features.row(first + i)[j]) - self.mean[j]);
            matmul(
                coordinates.as_mut().subrows_mut(first, rows),
                Accum::Replace,
                &block,
                &self.vectors,
                1.0,
                linalg::parallel(),
            );
        }
        coordinates
    }
}
