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

use faer::Mat;
use rayon::prelude::*;

use crate::error::{Error, ErrorKind, Result};
use crate::linalg;
use crate::statistics::Statistics;
use crate::statistics::gram::add_square;
use crate::statistics::strips::Wide;
use crate::statistics::triangle::Triangle;

/// Rows of a block.
const BLOCK: usize = 512;
/// Scatter below this part of the mean square is rounding (f32 features carry 6e-8 of themselves).
const CONSTANT: f64 = 1e-13;
/// The least scatter within classes, as a part of all scatter.
const WITHIN: f64 = 1e-12;

/// What must be left of a feature's mean square, within classes and beside the features before it, for the scatter to be taken from
/// sums about zero: the difference then keeps ten digits.
const LEFT: f64 = 1e-5;

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
    /// Mean squares of the features about zero, where `within` is a difference of such sums.
    raw: Option<Vec<f64>>,
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
        let mut within = Triangle::zeros(d);
        let (mut block, mut wide) = (vec![0.0; BLOCK.min(n) * d], Wide::default());
        let mut total = 0.0;
        for first in (0..n).step_by(BLOCK) {
            let rows = BLOCK.min(n - first);
            let squares: Vec<f64> = block[..rows * d]
                .par_chunks_exact_mut(d)
                .enumerate()
                .map(|(i, to)| {
                    (self.row)(first + i, to);
                    let square = to.iter().zip(&all).map(|(x, mean)| (x - mean).powi(2)).sum();
                    let mean = &means[self.classes[first + i] * d..][..d];
                    for (to, mean) in to.iter_mut().zip(mean) {
                        *to -= mean;
                    }
                    square
                })
                .collect();
            total += squares.iter().sum::<f64>();
            wide.fill(rows, d, |row, first, to| {
                to.copy_from_slice(&block[row * d + first..row * d + first + to.len()]);
            });
            add_square(&mut within, &wide, 1.0 / n as f64);
        }
        Scatters {
            means,
            within: within.dense(),
            is_constant: total <= CONSTANT * square,
            total: total / n as f64,
            raw: None,
        }
    }

    /// Calls `work` with the shares of classes that `discriminant` gives each sample, `[c]`, in order.
    pub fn for_each_share(&self, discriminant: &Discriminant, mut work: impl FnMut(usize, &[f64])) {
        let (n, d, c) = (self.classes.len(), self.n_features, self.counts.len());
        let mut block = vec![0.0; BLOCK.min(n) * d];
        for first in (0..n).step_by(BLOCK) {
            let rows = BLOCK.min(n - first);
            block[..rows * d]
                .par_chunks_exact_mut(d)
                .enumerate()
                .for_each(|(i, to)| {
                    (self.row)(first + i, to);
                });
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

/// The discriminant of features about their mean, from their statistics.
pub(super) struct Fitted {
    pub scatters: Scatters,
    /// Of the scatter within classes.
    pub shrinkage: f64,
    pub discriminant: Discriminant,
}

impl Fitted {
    /// Fits the discriminant with [`Scatters::adaptive_shrinkage`] to `samples`, which are those of `statistics` about their mean. The scatter
    /// comes from the statistics where they keep enough digits, and otherwise from another pass over the rows.
    ///
    /// # Errors
    /// As [`Scatters::adaptive_shrinkage`] and [`Scatters::discriminant`].
    pub fn new(samples: &Samples<'_>, statistics: &Statistics) -> Result<Self> {
        if let Some(scatters) = Scatters::of_statistics(statistics, samples.counts) {
            let shrinkage = scatters.adaptive_shrinkage()?;
            if let Ok(discriminant) = scatters.discriminant(samples.counts, shrinkage) {
                return Ok(Self {
                    scatters,
                    shrinkage,
                    discriminant,
                });
            }
        }
        let scatters = samples.scatters();
        let shrinkage = scatters.adaptive_shrinkage()?;
        Ok(Self {
            discriminant: scatters.discriminant(samples.counts, shrinkage)?,
            scatters,
            shrinkage,
        })
    }
}

impl Scatters {
    /// `S_W = (G − Σ_y n_y μ_yμ_yᵀ)/n` of the features about their mean; `None` where the difference keeps too few digits.
    fn of_statistics(statistics: &Statistics, counts: &[usize]) -> Option<Self> {
        let gram = statistics.gram()?;
        let (n, d) = (statistics.n_samples() as f64, statistics.n_features());
        let columns = statistics.target_columns();
        if !statistics.is_classes() || columns.len() != counts.len() {
            return None;
        }
        let mean = statistics.moments().mean();
        let class_mean = |class: usize, i: usize| columns[class].product[i] / columns[class].square;
        let mut between = Wide::default();
        between.fill(columns.len(), d, |class, first, to| {
            let root = columns[class].square.sqrt();
            for (i, to) in to.iter_mut().enumerate() {
                *to = root * class_mean(class, first + i);
            }
        });
        let raw: Vec<f64> = (0..d).map(|i| gram[(i, i)] / n).collect();
        let mut within = gram.clone();
        add_square(&mut within, &between, -1.0);
        let mut within = within.dense();
        for j in 0..d {
            for value in &mut within.col_as_slice_mut(j)[j..] {
                *value /= n;
            }
        }
        let total: f64 = (0..d).map(|i| raw[i] - mean[i] * mean[i]).sum();
        (0..d).all(|i| within[(i, i)] >= LEFT * raw[i]).then(|| Self {
            means: (0..columns.len())
                .flat_map(|class| (0..d).map(move |i| (class, i)))
                .map(|(class, i)| class_mean(class, i) - mean[i])
                .collect(),
            within,
            total,
            is_constant: false,
            raw: Some(raw),
        })
    }

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
        let values = linalg::eigenvalues(self.within.as_ref()).ok_or_else(|| {
            Error::new(
                ErrorKind::Precision,
                "the eigenvalues of the scatter within classes did not converge; scale the features",
            )
        })?;
        let largest = values.into_iter().fold(0.0, f64::max);
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
    /// [`ErrorKind::Precision`] where `S` is singular to rounding, or keeps too few digits as it is a difference.
    pub fn discriminant(&self, counts: &[usize], shrinkage: f64) -> Result<Discriminant> {
        let (d, c) = (self.within.nrows(), counts.len());
        let n: usize = counts.iter().sum();
        let means = Mat::from_fn(d, c, |i, class| self.means[class * d + i]);
        let coefficients = if self.is_constant {
            Mat::zeros(d, c)
        } else {
            let shrunk = self.shrunk(shrinkage);
            let lost = || {
                Error::new(
                    ErrorKind::Precision,
                    "the scatter within classes is singular to rounding; leave out features that repeat others",
                )
            };
            let factor = linalg::cholesky(shrunk).ok_or_else(lost)?;
            let keeps = |(i, raw): (usize, &f64)| factor[(i, i)].powi(2) >= LEFT * raw;
            if !self.raw.iter().all(|raw| raw.iter().enumerate().all(keeps)) {
                return Err(lost());
            }
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
