//! Leave-one-out predictions of the posterior mean, at each column's own `t`, without fitting anything again.
//!
//! ```text
//! F [n, d],  y [n] one target column,  m = (G + tI)⁻¹Fᵀy,  H = F(G + tI)⁻¹Fᵀ
//! r_i = (y − Fm)_i / (1 − H_ii)            the residual of sample i under the weights of all other samples
//! ŷ₋ᵢ = y_i − r_i
//! ln p(y_i | y₋ᵢ) = ln N(r_i; 0, σ_i²),  σ_i² = 1/(β(1 − H_ii))
//! ```
//!
//! Both are exact for fixed α and β (Rasmussen & Williams 2006, equations 5.10 to 5.12; Sundararajan & Keerthi 2001, for the dual form):
//! only the hyper-parameters have seen the sample, and one sample of many moves them little. The share of right predictions and the mean
//! of the densities are the scores `loo-accuracy` and `loo-log-likelihood`.
//!
//! One eigendecomposition serves all columns, since columns differ in t only. With `G = VΛVᵀ`, `Z = FV`, `u = z/√λ`, `ŷ = Λ^{-½}Vᵀ(Fᵀy)`:
//!
//! ```text
//! n > d    1 − H_ii = (1 − Σ_k u_ik²) + Σ_k u_ik² t/(λ_k + t)           [n, d] · [d, c]
//!          (y − Fm)_i = (y_i − Σ_k u_ik ŷ_k) + Σ_k u_ik ŷ_k t/(λ_k + t)
//! n ≤ d    FFᵀ = UΣUᵀ,  q_i = Σ_k u_ik²/(σ_k + t),  r_i = (Σ_k u_ik ŷ_k/(σ_k + t)) / q_i,   1 − H_ii = t·q_i      [n, n] · [n, c]
//! ```
//!
//! The second terms are exact however small t is, and so is the first where the features reproduce a sample (leverage 1): it is zero there.
//! In the dual form the limit t → 0 (noise-free columns) needs no case of its own, but for its variance `1/(α q_i)`.
//!
//! Cost: an eigendecomposition of `min(n, d)²`, `2nd²` for Z, and `6ncd` for all columns; the rows are taken in blocks, so memory is that
//! of `[d, d]` and a block of `[rows, d + c]`.

use faer::{Mat, MatRef};

use super::outcome::Evidence;
use crate::error::{Error, ErrorKind, Result};
use crate::features::FeatureView;
use crate::linalg::{self, Eigen};
use crate::statistics::Statistics;
use crate::statistics::gram::dual_gram;
use crate::targets::Targets;

/// Rows of a block.
const BLOCK: usize = 512;
/// Eigenvalues below this part of the largest are rounding: such directions predict nothing.
const RANK_CUT: f64 = 1e-13;
/// A sample is reproduced by the features where less than this is left of it outside their range.
const REPRODUCED: f64 = 1e-8;

/// The leave-one-out predictions of all samples.
#[derive(Debug)]
pub(crate) struct LeftOut {
    /// `ln p(y_i | y₋ᵢ)`, mean over columns, `[n]`.
    pub log_densities: Vec<f64>,
    /// What is predicted.
    pub answers: Answers,
}

/// Predictions, by kind of target.
#[derive(Debug)]
pub(crate) enum Answers {
    /// One class a sample: 1 where the largest prediction is that of the sample's class, 0 where it is not; where k predictions are
    /// largest, 1/k if the class is among them. `[n]`
    Right(Vec<f64>),
    /// Columns of numbers: the predictions, `[n, c]` row-major.
    Numbers(Vec<f32>),
}

/// One target column at its solution.
struct Solved {
    /// Of the targets.
    column: usize,
    /// α/β; infinite without information, 0 where the features interpolate.
    t: f64,
    alpha: Option<f64>,
    beta: Option<f64>,
}

impl LeftOut {
    /// Predicts every sample of `features` without it, at the solution that `evidence` holds. In the primal form (n > d) they may be some
    /// of the samples of `statistics`; in the dual form they are all of them, in their order.
    ///
    /// # Errors
    /// [`ErrorKind::MissingInput`] where rows are missing in the dual form;
    /// [`ErrorKind::Precision`] where eigenvalues do not converge or a density is lost to rounding.
    pub fn new(
        statistics: &Statistics,
        features: &FeatureView<'_>,
        targets: &Targets<'_>,
        evidence: &Evidence,
    ) -> Result<Self> {
        if statistics.is_dual() && features.n_samples() != statistics.n_samples() {
            return Err(Error::new(
                ErrorKind::MissingInput,
                format!(
                    "leave-one-out predictions of no more samples than features ({} of {}) need the rows of all of them, got {}",
                    statistics.n_samples(),
                    statistics.n_features(),
                    features.n_samples()
                ),
            ));
        }
        let columns: Vec<Solved> = evidence
            .columns
            .iter()
            .map(|column| Solved {
                column: column.column,
                t: match (column.alpha, column.beta) {
                    (Some(alpha), Some(beta)) => alpha / beta,
                    (None, _) => f64::INFINITY,
                    (_, None) => 0.0,
                },
                alpha: column.alpha,
                beta: column.beta,
            })
            .collect();
        let y = Values::new(targets, &columns);
        let mut out = Collected::new(targets, &columns, y);
        if statistics.is_dual() {
            dual(features, &columns, &mut out)?;
        } else {
            primal(statistics, features, &columns, &mut out)?;
        }
        if let Some(sample) = out.log_densities.iter().position(|density| !density.is_finite()) {
            return Err(Error::new(
                ErrorKind::Precision,
                format!("the leave-one-out density of sample {sample} is lost to rounding; scale the features"),
            ));
        }
        Ok(Self {
            log_densities: out.log_densities,
            answers: out.answers,
        })
    }
}

/// The target of a sample in a column.
enum Values<'a> {
    /// The position of the sample's class among the columns.
    Classes(Vec<usize>),
    Numbers {
        values: &'a [f64],
        width: usize,
    },
}

impl<'a> Values<'a> {
    fn new(targets: &Targets<'a>, columns: &[Solved]) -> Self {
        match (targets.labels(), targets.values()) {
            (Some(labels), _) => {
                // Columns are the classes of all samples, ascending; these samples may be a draw of them.
                let place = |&label: &u32| {
                    columns.partition_point(|column| {
                        u64::try_from(column.column).is_ok_and(|class| class < u64::from(label))
                    })
                };
                Self::Classes(labels.iter().map(place).collect())
            }
            (_, Some(values)) => Self::Numbers {
                values,
                width: targets.n_columns(),
            },
            _ => Self::Classes(Vec::new()),
        }
    }

    /// Of sample `row` in the column at position `place`, which is column `column` of the targets.
    fn at(&self, row: usize, place: usize, column: usize) -> f64 {
        match self {
            Self::Classes(index) => f64::from(u8::from(index[row] == place)),
            Self::Numbers { values, width } => values[row * width + column],
        }
    }
}

/// Fills the result, block by block.
struct Collected<'a> {
    columns: &'a [Solved],
    y: Values<'a>,
    log_densities: Vec<f64>,
    answers: Answers,
}

impl<'a> Collected<'a> {
    fn new(targets: &Targets<'a>, columns: &'a [Solved], y: Values<'a>) -> Self {
        let answers = match &y {
            Values::Classes(_) => Answers::Right(Vec::with_capacity(targets.n_samples())),
            Values::Numbers { .. } => Answers::Numbers(Vec::with_capacity(targets.n_samples() * columns.len())),
        };
        Self {
            columns,
            y,
            log_densities: Vec::with_capacity(targets.n_samples()),
            answers,
        }
    }

    /// Adds the next sample, of which `residual(j)` and `precision(j)` are `r_i` and `1/σ_i²` in the column at position j.
    fn add(&mut self, row: usize, residual: impl Fn(usize) -> f64, precision: impl Fn(usize) -> f64) {
        let c = self.columns.len();
        let mut density = 0.0;
        let mut predictions = Vec::with_capacity(c);
        for (place, column) in self.columns.iter().enumerate() {
            let (residual, precision) = (residual(place), precision(place));
            density += 0.5 * (precision.ln() - (2.0 * std::f64::consts::PI).ln() - precision * residual * residual);
            predictions.push(self.y.at(row, place, column.column) - residual);
        }
        self.log_densities.push(density / c as f64);
        match (&mut self.answers, &self.y) {
            (Answers::Right(right), Values::Classes(index)) => right.push(share_of(&predictions, index[row])),
            (Answers::Numbers(all), _) => all.extend(predictions.iter().map(|&value| value as f32)),
            _ => {}
        }
    }
}

/// 1/k where `class` is one of k largest predictions, else 0. Predictions that differ by rounding only are equal.
fn share_of(predictions: &[f64], class: usize) -> f64 {
    let largest = predictions.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let size = predictions.iter().fold(0.0_f64, |size, value| size.max(value.abs()));
    let is_largest = |value: f64| value >= largest - 1e-12 * size;
    if !is_largest(predictions[class]) {
        return 0.0;
    }
    1.0 / predictions.iter().filter(|&&value| is_largest(value)).count() as f64
}

/// `t/(λ + t)`, also at the ends.
fn shrunk(lambda: f64, t: f64) -> f64 {
    if t.is_infinite() { 1.0 } else { t / (lambda + t) }
}

fn eigen(matrix: &Mat<f64>) -> Result<Eigen> {
    linalg::eigen(matrix.as_ref()).ok_or_else(|| {
        Error::new(
            ErrorKind::Precision,
            "the eigenvalues of the features' second moments did not converge; scale the features",
        )
    })
}

fn primal(
    statistics: &Statistics,
    features: &FeatureView<'_>,
    columns: &[Solved],
    out: &mut Collected<'_>,
) -> Result<()> {
    let Some(gram) = statistics.gram() else {
        return Err(Error::new(ErrorKind::Unsupported, "statistics hold no second moments"));
    };
    let (d, c) = (features.n_features(), columns.len());
    let Eigen {
        values: lambda,
        vectors,
    } = eigen(&gram.dense())?;
    let largest = lambda.iter().copied().fold(0.0, f64::max);
    let kept: Vec<usize> = (0..d).filter(|&k| lambda[k] > RANK_CUT * largest).collect();
    // V/√λ, so that products with rows of features are rows of u.
    let basis = Mat::from_fn(d, kept.len(), |i, k| vectors[(i, kept[k])] / lambda[kept[k]].sqrt());
    let products: Vec<&[f64]> = {
        let all = statistics.target_columns();
        all.iter().map(|column| column.product).collect()
    };
    let right = Mat::from_fn(d, c, |i, j| products[j][i]);
    let fitted = product(basis.transpose(), right.as_ref());
    let weights = Mat::from_fn(kept.len(), c, |k, j| shrunk(lambda[kept[k]], columns[j].t));
    let shrunk_fit = Mat::from_fn(kept.len(), c, |k, j| fitted[(k, j)] * weights[(k, j)]);
    for first in (0..features.n_samples()).step_by(BLOCK) {
        let rows = BLOCK.min(features.n_samples() - first);
        let block = Mat::from_fn(rows, d, |i, j| f64::from(features.row(first + i)[j]));
        let u = product(block.as_ref(), basis.as_ref());
        let squares = Mat::from_fn(rows, kept.len(), |i, k| u[(i, k)] * u[(i, k)]);
        let (inside, left, leverage) = (
            product(u.as_ref(), fitted.as_ref()),
            product(u.as_ref(), shrunk_fit.as_ref()),
            product(squares.as_ref(), weights.as_ref()),
        );
        for i in 0..rows {
            let outside = 1.0 - (0..kept.len()).map(|k| squares[(i, k)]).sum::<f64>();
            let is_reproduced = outside < REPRODUCED;
            let one_less = |j: usize| leverage[(i, j)] + if is_reproduced { 0.0 } else { outside };
            let residuals: Vec<f64> = (0..c)
                .map(|j| {
                    let y = out.y.at(first + i, j, columns[j].column);
                    let beyond = if is_reproduced { 0.0 } else { y - inside[(i, j)] };
                    (beyond + left[(i, j)]) / one_less(j).max(f64::MIN_POSITIVE)
                })
                .collect();
            let precision = |j: usize| columns[j].beta.unwrap_or(0.0) * one_less(j);
            out.add(first + i, |j| residuals[j], precision);
        }
    }
    Ok(())
}

fn dual(features: &FeatureView<'_>, columns: &[Solved], out: &mut Collected<'_>) -> Result<()> {
    let (n, c) = (features.n_samples(), columns.len());
    let Eigen {
        values: sigma,
        vectors: u,
    } = eigen(&dual_gram(features.data(), features.n_features(), None, None))?;
    let largest = sigma.iter().copied().fold(0.0, f64::max);
    // What rounding leaves of a zero must not be negative, and not zero where t is.
    let sigma: Vec<f64> = sigma.iter().map(|value| value.max(f64::EPSILON * largest)).collect();
    let y = Mat::from_fn(n, c, |i, j| out.y.at(i, j, columns[j].column));
    let rotated = product(u.transpose(), y.as_ref());
    // 1/(σ + t), and in the limit t → ∞ t/(σ + t): the ratio of the two sums is what counts.
    let inverse = Mat::from_fn(n, c, |k, j| {
        let t = columns[j].t;
        if t.is_infinite() { 1.0 } else { 1.0 / (sigma[k] + t) }
    });
    let scaled = Mat::from_fn(n, c, |k, j| rotated[(k, j)] * inverse[(k, j)]);
    let squares = Mat::from_fn(n, n, |i, k| u[(i, k)] * u[(i, k)]);
    let (above, below) = (
        product(u.as_ref(), scaled.as_ref()),
        product(squares.as_ref(), inverse.as_ref()),
    );
    for i in 0..n {
        let precision = |j: usize| {
            let q = below[(i, j)];
            match (columns[j].alpha, columns[j].beta) {
                (Some(alpha), _) => alpha * q,
                (None, beta) => beta.unwrap_or(0.0),
            }
        };
        out.add(i, |j| above[(i, j)] / below[(i, j)], precision);
    }
    Ok(())
}

fn product(a: MatRef<'_, f64>, b: MatRef<'_, f64>) -> Mat<f64> {
    linalg::product(a, b, linalg::parallel())
}
