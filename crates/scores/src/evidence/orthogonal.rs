//! The profile from the rows themselves, for data whose second moments have lost too many digits.
//!
//! Forming `G` squares the condition number: eigenvalues below 1e-16 of the largest are rounding. Orthogonal transformations
//! of the rows do not:
//!
//! ```text
//! n > d    [F | Y] = Q [R Z; 0 E]   accumulated over blocks of rows (no n×d copy);  R = U Σ Vᵀ
//!          λ = Σ²,  z_j = Uᵀ Z_j,  ρ_j = ‖E_j‖²
//! n ≤ d    F = U Σ Vᵀ,  λ = Σ²,  z_j = Uᵀ y_j,  ρ_j = ‖y_j‖² − ‖z_j‖², taken as 0 (U is square)
//! ```
//!
//! It costs several times the symmetric product, so only the columns that need it are solved this way. Singular values below
//! `max(n, d) · ε` of the largest count as zero. Where `r < n`, a column whose part outside the range is only rounding is
//! reproduced exactly, and its evidence has no upper bound.

use faer::{Accum, Mat, MatRef, Par};

use crate::error::{Error, ErrorKind, Result};
use crate::features::FeatureView;
use crate::linalg::{self, Singular};
use crate::targets::{Compact, Targets};

use super::profile::{Column, Form, Profile};
use super::tridiagonal::power_of_four;

/// Squared singular values, right-hand sides, and the right singular vectors for weights.
pub(crate) struct Orthogonal {
    pub profile: Profile,
    pub columns: Vec<Column>,
    /// `V` `[d, k]`
    pub vectors: Mat<f64>,
    /// `σ² = scale · λ`
    pub scale: f64,
    /// A value of t below every maximum.
    pub lowest: f64,
    /// Numerical rank, `r`.
    pub rank: usize,
}

impl Orthogonal {
    /// Decomposes the rows for the target columns at positions `which` among those that count.
    pub fn new(features: &FeatureView<'_>, targets: &Targets<'_>, which: &[usize]) -> Result<Self> {
        let (n, d) = (features.n_samples(), features.n_features());
        // Features are scaled by a power of two so that their squares neither over- nor underflow.
        let largest = features
            .data()
            .iter()
            .fold(0.0_f32, |largest, value| largest.max(value.abs()));
        let scale = if largest > 0.0 {
            power_of_four(f64::from(largest).powi(2))
        } else {
            1.0
        };
        let factor = 1.0 / scale.sqrt();
        let dense = DenseTargets::new(targets);
        let (triangle, raw, outside) = if n > d {
            triangular_factor(features, &dense, which, factor)
        } else {
            let f = Mat::from_fn(n, d, |i, j| f64::from(features.row(i)[j]) * factor);
            let y = Mat::from_fn(n, which.len(), |i, j| dense.at(i, which[j]));
            (f, y, vec![0.0; which.len()])
        };
        let singular = linalg::singular(triangle.as_ref()).ok_or_else(|| {
            Error::new(
                ErrorKind::Precision,
                "the singular values of the features did not converge; scale the features",
            )
        })?;
        let Singular { left, values, right } = singular;
        let cut = values.first().copied().unwrap_or(0.0) * n.max(d) as f64 * f64::EPSILON;
        let lambda: Vec<f64> = values.iter().map(|&s| if s > cut { s * s } else { 0.0 }).collect();
        let rank = lambda.iter().filter(|&&value| value > 0.0).count();
        let rotated = linalg::product(left.transpose(), raw.as_ref(), linalg::parallel());
        let columns: Vec<Column> = outside
            .iter()
            .enumerate()
            .map(|(j, &outside)| {
                let rhs: Vec<f64> = rotated.col_as_slice(j).to_vec();
                Column {
                    square: outside + rhs.iter().map(|z| z * z).sum::<f64>(),
                    rhs,
                    outside,
                }
            })
            .collect();
        let lowest = lowest_useful(&lambda, &columns, n, rank);
        let off_diagonal = vec![0.0; lambda.len().saturating_sub(1)];
        Ok(Self {
            profile: Profile::new(Form::Dual, lambda, off_diagonal, n, 0.0),
            columns,
            vectors: right,
            scale,
            lowest,
            rank,
        })
    }

    /// Whether `column` is reproduced to rounding by features of rank below `n`.
    pub fn is_reproduced(&self, column: &Column) -> bool {
        let n = self.profile.n_samples;
        if self.rank >= n {
            return false;
        }
        // Rounding of the rotations grows like the square root of their number.
        let tolerance = 32.0 * f64::EPSILON * (n as f64).sqrt();
        outside_range(&self.profile.diagonal, column) <= tolerance * tolerance * column.square
    }
}

/// The part of `yᵀy` that no combination of the features gives.
fn outside_range(lambda: &[f64], column: &Column) -> f64 {
    let null: f64 = column
        .rhs
        .iter()
        .zip(lambda)
        .filter(|(_, l)| **l == 0.0)
        .map(|(z, _)| z * z)
        .sum();
    column.outside + null
}

/// A t below every maximum: the slope is positive once `n·t·m2(0) < r·R(0)`, and near a noise-free end nothing happens below
/// the smallest eigenvalue.
fn lowest_useful(lambda: &[f64], columns: &[Column], n: usize, rank: usize) -> f64 {
    let smallest = lambda
        .iter()
        .copied()
        .filter(|&l| l > 0.0)
        .fold(f64::INFINITY, f64::min);
    if !smallest.is_finite() {
        return 1.0;
    }
    let mut lowest = smallest;
    if rank < n {
        for column in columns {
            let outside = outside_range(lambda, column);
            let m2: f64 = column
                .rhs
                .iter()
                .zip(lambda)
                .filter(|(_, l)| **l > 0.0)
                .map(|(z, l)| z * z / l)
                .sum();
            let balance = rank as f64 * outside / (n as f64 * m2);
            if balance > 0.0 {
                lowest = lowest.min(balance);
            }
        }
    }
    lowest * 1e-8
}

/// `R` `[d, d]`, `Z` `[d, c]` and `ρ` `[c]` by a sequence of QR factorisations of stacked blocks.
fn triangular_factor(
    features: &FeatureView<'_>,
    dense: &DenseTargets<'_>,
    which: &[usize],
    factor: f64,
) -> (Mat<f64>, Mat<f64>, Vec<f64>) {
    let (n, d) = (features.n_samples(), features.n_features());
    let width = d + which.len();
    let block = width.max(256);
    let mut kept = Mat::<f64>::zeros(0, width);
    for start in (0..n).step_by(block) {
        let rows = block.min(n - start);
        let above = kept.nrows();
        let stacked = Mat::from_fn(above + rows, width, |i, j| {
            if i < above {
                kept[(i, j)]
            } else if j < d {
                f64::from(features.row(start + i - above)[j]) * factor
            } else {
                dense.at(start + i - above, which[j - d])
            }
        });
        kept = linalg::triangular_factor(stacked);
    }
    let square = kept.as_ref().get(..d, ..d).to_owned();
    let raw = kept.as_ref().get(..d, d..).to_owned();
    let outside = (0..which.len())
        .map(|j| (d..kept.nrows().min(d + j + 1)).map(|i| kept[(i, d + j)].powi(2)).sum())
        .collect();
    (square, raw, outside)
}

/// Entries of `Y` over the columns that count.
pub(crate) struct DenseTargets<'a> {
    labels: Option<Compact>,
    values: &'a [f64],
    n_columns: usize,
}

impl<'a> DenseTargets<'a> {
    pub fn new(targets: &Targets<'a>) -> Self {
        Self {
            labels: targets.labels().map(Compact::new),
            values: targets.values().unwrap_or_default(),
            n_columns: targets.n_columns(),
        }
    }

    /// `Y[row, column]`, `column` among those that count.
    pub fn at(&self, row: usize, column: usize) -> f64 {
        match &self.labels {
            Some(labels) => f64::from(u8::from(labels.index[row] == column)),
            None => self.values[row * self.n_columns + column],
        }
    }
}

/// `V diag(√λ/(λ + t)) z`, the weights at `t`, in the units of the features.
pub(crate) fn weights(problem: &Orthogonal, column: &Column, t: f64) -> Vec<f64> {
    let coefficients: Vec<f64> = column
        .rhs
        .iter()
        .zip(&problem.profile.diagonal)
        .map(|(z, &lambda)| {
            if lambda > 0.0 {
                z * lambda.sqrt() / (lambda + t)
            } else {
                0.0
            }
        })
        .collect();
    let mut weights = vec![0.0; problem.vectors.nrows()];
    let d = weights.len();
    faer::linalg::matmul::matmul(
        faer::MatMut::from_column_major_slice_mut(&mut weights, d, 1),
        Accum::Replace,
        problem.vectors.as_ref(),
        MatRef::from_column_major_slice(&coefficients, coefficients.len(), 1),
        1.0 / problem.scale.sqrt(),
        Par::Seq,
    );
    weights
}
