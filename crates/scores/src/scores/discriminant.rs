//! Fisher's linear discriminant with a shrunk scatter within classes: shared by SFDA, NCTI and ETran.
//!
//! ```text
//! m_y [d] class means,  π_y shares of classes,  S_W = (1/n) Σ_i (x_i − m_{y_i})(x_i − m_{y_i})ᵀ [d, d]
//! S = (1 − s) S_W + s (tr S_W/d) I
//! score of class y for x:  xᵀS⁻¹m_y − ½ m_yᵀS⁻¹m_y + ln π_y
//! ```
//!
//! One Cholesky factor of `[d, d]`; the generalised eigenvectors of published code are needed for coordinates only, as
//! their outer product is S⁻¹.

use faer::linalg::matmul::triangular::{BlockStructure, matmul as triangular_matmul};
use faer::{Accum, Mat};

use crate::error::{Error, ErrorKind, Result};
use crate::linalg;

/// Rows of a block.
const BLOCK: usize = 512;
/// Scatter below this part of the mean square is rounding (f32 features carry 6e-8 of themselves).
const CONSTANT: f64 = 1e-13;
/// The least scatter within classes, as a part of all scatter.
const WITHIN: f64 = 1e-12;

/// λ_max from which on the adaptive shrinkage is its least, and that.
const LARGE: f64 = 4.7;
const LEAST: f64 = 1e-10;

/// A sample as the discriminant sees it: writes row `i` into the slice.
pub(super) type Row<'r> = dyn Fn(usize, &mut [f64]) + Sync + 'r;

/// What a discriminant is fitted to.
pub(super) struct Samples<'a> {
    /// Class of every sample, `[n]`.
    pub classes: &'a [usize],
    /// Samples of every class, `[c]`.
    pub counts: &'a [usize],
    pub n_features: usize,
    pub row: &'a Row<'a>,
}

/// Means and scatter.
pub(super) struct Scatters {
    /// `[c, d]`
    pub means: Vec<f64>,
    /// `S_W` `[d, d]`, lower triangle.
    pub within: Mat<f64>,
    /// `tr(S_T)`: of all samples about their mean.
    pub total: f64,
    /// Whether the features are all the same for all samples.
    pub is_constant: bool,
}

impl Samples<'_> {
    /// Calls `work` with every row, in order.
    pub fn for_each(&self, mut work: impl FnMut(usize, &[f64])) {
        let mut row = vec![0.0; self.n_features];
        for i in 0..self.classes.len() {
            (self.row)(i, &mut row);
            work(i, &row);
        }
    }

    pub fn scatters(&self) -> Scatters {
        let (n, d, c) = (self.classes.len(), self.n_features, self.counts.len());
        let mut means = vec![0.0; c * d];
        let mut square = 0.0;
        self.for_each(|i, row| {
            let mean = &mut means[self.classes[i] * d..][..d];
            for (mean, value) in mean.iter_mut().zip(row) {
                *mean += value;
            }
            square += row.iter().map(|value| value * value).sum::<f64>();
        });
        let mut all = vec![0.0; d];
        for (mean, &count) in means.chunks_exact_mut(d).zip(self.counts) {
            for (all, mean) in all.iter_mut().zip(mean) {
                *all += *mean / n as f64;
                *mean /= count as f64;
            }
        }
        let mut within = Mat::zeros(d, d);
        let mut block = vec![0.0; BLOCK.min(n) * d];
        let mut total = 0.0;
        for first in (0..n).step_by(BLOCK) {
            let rows = BLOCK.min(n - first);
            for (i, to) in block[..rows * d].chunks_exact_mut(d).enumerate() {
                (self.row)(first + i, to);
                total += to.iter().zip(&all).map(|(x, mean)| (x - mean).powi(2)).sum::<f64>();
                let mean = &means[self.classes[first + i] * d..][..d];
                for (to, mean) in to.iter_mut().zip(mean) {
                    *to -= mean;
                }
            }
            let x = faer::MatRef::from_row_major_slice(&block[..rows * d], rows, d);
            triangular_matmul(
                within.as_mut(),
                BlockStructure::TriangularLower,
                Accum::Add,
                x.transpose(),
                BlockStructure::Rectangular,
                x,
                BlockStructure::Rectangular,
                1.0 / n as f64,
                linalg::parallel(),
            );
        }
        Scatters {
            means,
            within,
            is_constant: total <= CONSTANT * square,
            total: total / n as f64,
        }
    }

    /// Calls `work` with the shares of classes that `discriminant` gives each sample, `[c]`, in order.
    pub fn for_each_share(&self, discriminant: &Discriminant, mut work: impl FnMut(usize, &[f64])) {
        let (n, d, c) = (self.classes.len(), self.n_features, self.counts.len());
        let mut block = vec![0.0; BLOCK.min(n) * d];
        for first in (0..n).step_by(BLOCK) {
            let rows = BLOCK.min(n - first);
            for (i, to) in block[..rows * d].chunks_exact_mut(d).enumerate() {
                (self.row)(first + i, to);
            }
            let x = faer::MatRef::from_row_major_slice(&block[..rows * d], rows, d);
            let scores = linalg::product(x, discriminant.coefficients.as_ref(), linalg::parallel());
            let mut shares = vec![0.0; c];
            for i in 0..rows {
                for (class, share) in shares.iter_mut().enumerate() {
                    *share = scores[(i, class)] + discriminant.intercepts[class];
                }
                softmax(&mut shares);
                work(first + i, &shares);
            }
        }
    }
}

impl Scatters {
    /// SFDA's shrinkage, `max(exp(−5 λ_max(S_W)), 1e-10)`.
    ///
    /// # Errors
    /// [`ErrorKind::Precision`] where the eigenvalues do not converge.
    pub fn adaptive_shrinkage(&self) -> Result<f64> {
        // No eigenvalue is needed where a diagonal entry, which λ_max is not below, decides.
        let largest_variance = (0..self.within.nrows())
            .map(|i| self.within[(i, i)])
            .fold(0.0, f64::max);
        if largest_variance > LARGE {
            return Ok(LEAST);
        }
        let eigen = linalg::eigen(self.within.as_ref()).ok_or_else(|| {
            Error::new(
                ErrorKind::Precision,
                "the eigenvalues of the scatter within classes did not converge; scale the features",
            )
        })?;
        let largest = eigen.values.into_iter().fold(0.0, f64::max);
        Ok((-5.0 * largest).exp().max(LEAST))
    }

    /// `S`, lower triangle, for shrinkage `s`. Where classes have no scatter within, a trace of all scatter stands for it.
    pub fn shrunk(&self, shrinkage: f64) -> Mat<f64> {
        let d = self.within.nrows();
        let trace: f64 = (0..d).map(|i| self.within[(i, i)]).sum();
        let least = WITHIN * self.total / d as f64;
        let ridge = (shrinkage * trace / d as f64).max(if trace <= WITHIN * self.total { least } else { 0.0 });
        Mat::from_fn(d, d, |i, j| match i.cmp(&j) {
            std::cmp::Ordering::Less => 0.0,
            std::cmp::Ordering::Equal => (1.0 - shrinkage) * self.within[(i, i)] + ridge,
            std::cmp::Ordering::Greater => (1.0 - shrinkage) * self.within[(i, j)],
        })
    }

    /// The discriminant for shrinkage `s`; `counts` `[c]` are the samples of the classes.
    ///
    /// # Errors
    /// [`ErrorKind::Precision`] where `S` is singular to rounding.
    pub fn discriminant(&self, counts: &[usize], shrinkage: f64) -> Result<Discriminant> {
        let (d, c) = (self.within.nrows(), counts.len());
        let n: usize = counts.iter().sum();
        let means = Mat::from_fn(d, c, |i, class| self.means[class * d + i]);
        let coefficients = if self.is_constant {
            Mat::zeros(d, c)
        } else {
            let shrunk = self.shrunk(shrinkage);
            let factor = linalg::cholesky(shrunk).ok_or_else(|| {
                Error::new(
                    ErrorKind::Precision,
                    "the scatter within classes is singular to rounding; leave out features that repeat others",
                )
            })?;
            let mut coefficients = means.clone();
            linalg::solve_lower(factor.as_ref(), coefficients.as_mut());
            linalg::solve_lower_transposed(factor.as_ref(), coefficients.as_mut());
            coefficients
        };
        let intercepts = (0..c)
            .map(|class| {
                let along: f64 = (0..d).map(|i| means[(i, class)] * coefficients[(i, class)]).sum();
                (counts[class] as f64 / n as f64).ln() - 0.5 * along
            })
            .collect();
        Ok(Discriminant {
            coefficients,
            intercepts,
        })
    }
}

/// A fitted discriminant.
pub(super) struct Discriminant {
    /// `S⁻¹m_y` `[d, c]`
    pub coefficients: Mat<f64>,
    /// `−½ m_yᵀS⁻¹m_y + ln π_y` `[c]`
    pub intercepts: Vec<f64>,
}

/// Softmax in place.
pub(super) fn softmax(scores: &mut [f64]) {
    let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut sum = 0.0;
    for score in scores.iter_mut() {
        *score = (*score - largest).exp();
        sum += *score;
    }
    for score in scores {
        *score /= sum;
    }
}
