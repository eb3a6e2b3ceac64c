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
//! Leverages are found in one of two ways. Large matrices have been reduced to a band for LogME, and `shared` goes on from there: no
//! eigenvectors. Small ones, and samples that the features reproduce, are left to an eigendecomposition (`spectrum`).

mod shared;
mod spectrum;

use faer::{Mat, MatRef};
use rayon::prelude::*;

use super::Fit;
use crate::error::{Error, ErrorKind, Result};
use crate::features::FeatureView;
use crate::linalg;
use crate::statistics::Statistics;
use crate::targets::Targets;

/// Rows of a block.
const BLOCK: usize = 512;

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
    /// One class a sample.
    Classes {
        /// 1 where the largest prediction is that of the sample's class, 0 where it is not; where k predictions are largest, 1/k if the
        /// class is among them. `[n]`
        right: Vec<f64>,
        /// What else is known of the samples.
        of_samples: LeftOutClasses,
    },
    /// Columns of numbers: the predictions, `[n, c]` row-major.
    Numbers(Vec<f32>),
}

/// What the linear model of LogME says of each sample without having seen it, for classes.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct LeftOutClasses {
    /// The class with the largest prediction, the sample's own among equal ones, `[n]`.
    pub predicted: Vec<u32>,
    /// Prediction of the sample's own class less the largest of the others, where targets are 0 and 1; below 0 where it is wrong, `[n]`.
    /// NaN where there is one class.
    pub margins: Vec<f32>,
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

impl Solved {
    /// `1/σ²` in the dual form, where `q = (1 − H_ii)/t`; without information it is that of the noise.
    fn precision(&self, q: f64) -> f64 {
        match self.alpha {
            Some(alpha) => alpha * q,
            None => self.beta.unwrap_or(0.0),
        }
    }
}

impl LeftOut {
    /// Predicts every sample of `features` without it, at the solution that `fit` holds. In the primal form (n > d) they may be some
    /// of the samples of `statistics`; in the dual form they are all of them, in their order.
    ///
    /// # Errors
    /// [`ErrorKind::MissingInput`] where rows are missing in the dual form;
    /// [`ErrorKind::Precision`] where eigenvalues do not converge or a density is lost to rounding.
    pub fn new(statistics: &Statistics, features: &FeatureView<'_>, targets: &Targets<'_>, fit: &Fit) -> Result<Self> {
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
        let columns: Vec<Solved> = fit
            .evidence()
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
        let empty = || Collected::new(targets, &columns);
        let from_band = match fit.in_band() {
            Some(solution) => {
                let mut out = empty();
                shared::predict(&solution, features, &mut out).then_some(out)
            }
            None => None,
        };
        let out = match from_band {
            Some(out) => out,
            None => {
                let mut out = empty();
                spectrum::predict(statistics, features, &mut out)?;
                out
            }
        };
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
    fn new(targets: &Targets<'a>, columns: &'a [Solved]) -> Self {
        let y = Values::new(targets, columns);
        let answers = match &y {
            Values::Classes(_) => Answers::Classes {
                right: Vec::with_capacity(targets.n_samples()),
                of_samples: LeftOutClasses::default(),
            },
            Values::Numbers { .. } => Answers::Numbers(Vec::with_capacity(targets.n_samples() * columns.len())),
        };
        Self {
            columns,
            y,
            log_densities: Vec::with_capacity(targets.n_samples()),
            answers,
        }
    }

    /// The target of sample `row` in the column at position `place`.
    fn target(&self, row: usize, place: usize) -> f64 {
        self.y.at(row, place, self.columns[place].column)
    }

    /// Adds `rows` samples, the next of which is sample `first`: `residual(i, j)` and `precision(i, j)` are `r` and `1/σ²` of the i-th
    /// of them in the column at position j.
    fn add(
        &mut self,
        (first, rows): (usize, usize),
        residual: impl Fn(usize, usize) -> f64 + Sync,
        precision: impl Fn(usize, usize) -> f64 + Sync,
    ) {
        let c = self.columns.len();
        let found: Vec<(f64, Predicted)> = (0..rows)
            .into_par_iter()
            .map(|i| {
                let mut density = 0.0;
                let mut predictions = Vec::with_capacity(c);
                for place in 0..c {
                    let (residual, precision) = (residual(i, place), precision(i, place));
                    density +=
                        0.5 * (precision.ln() - (2.0 * std::f64::consts::PI).ln() - precision * residual * residual);
                    predictions.push(self.target(first + i, place) - residual);
                }
                let predicted = match &self.y {
                    Values::Classes(index) => self.class_of(&predictions, index[first + i]),
                    Values::Numbers { .. } => Predicted::Numbers(predictions),
                };
                (density / c as f64, predicted)
            })
            .collect();
        for (density, predicted) in found {
            self.log_densities.push(density);
            match (&mut self.answers, predicted) {
                (Answers::Classes { right, of_samples }, Predicted::Class { share, class, margin }) => {
                    right.push(share);
                    of_samples.predicted.push(class);
                    of_samples.margins.push(margin);
                }
                (Answers::Numbers(all), Predicted::Numbers(values)) => {
                    all.extend(values.iter().map(|&value| value as f32));
                }
                _ => {}
            }
        }
    }

    /// What predictions by class say of a sample whose class is that of the column at position `own`.
    fn class_of(&self, predictions: &[f64], own: usize) -> Predicted {
        let share = share_of(predictions, own);
        let others = || predictions.iter().enumerate().filter(|(place, _)| *place != own);
        let best = others().max_by(|(_, a), (_, b)| a.total_cmp(b));
        let place = match best {
            Some((place, _)) if share == 0.0 => place,
            _ => own,
        };
        Predicted::Class {
            share,
            class: u32::try_from(self.columns[place].column).unwrap_or(u32::MAX),
            margin: best.map_or(f32::NAN, |(_, best)| (predictions[own] - best) as f32),
        }
    }
}

/// What is predicted of one sample.
enum Predicted {
    Class { share: f64, class: u32, margin: f32 },
    Numbers(Vec<f64>),
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

/// Rows `first..first + rows` in f64, as columns: `[d, rows]`.
fn block_of(features: &FeatureView<'_>, first: usize, rows: usize) -> Mat<f64> {
    let mut block = Mat::zeros(features.n_features(), rows);
    block.as_mut().par_col_iter_mut().enumerate().for_each(|(row, to)| {
        for (to, &from) in to.iter_mut().zip(features.row(first + row)) {
            *to = f64::from(from);
        }
    });
    block
}

fn product(a: MatRef<'_, f64>, b: MatRef<'_, f64>) -> Mat<f64> {
    linalg::product(a, b, linalg::parallel())
}
