//! How good predictions of the targets are, by kind of target; shared by the scores that predict.
//!
//! | targets | value | chance |
//! |---|---|---|
//! | one class a sample | share of right predictions | share of the largest class |
//! | several labels a sample (columns of 0 and 1) | mean average precision | mean share of samples that have a label |
//! | numbers | R², mean over columns | 0, the mean's |

use super::ScoreOutcome;
use crate::error::{Error, ErrorKind, Result};
use crate::metrics::{mean_average_precision, r2};
use crate::targets::{Compact, Targets};

/// Targets as what is to be predicted.
pub(super) enum Kind<'a> {
    /// One class a sample.
    Classes(Compact),
    /// Several labels a sample, `[n, c]` of 0 and 1.
    Labels(&'a [f64], usize),
    /// Numbers, `[n, c]`.
    Numbers(&'a [f64], usize),
}

impl<'a> Kind<'a> {
    /// The kind of `targets`, for the score called `score`.
    ///
    /// # Errors
    /// [`ErrorKind::TooFewClasses`] where all samples are of one class.
    pub(super) fn of(targets: &Targets<'a>, score: &str) -> Result<Self> {
        let Some(values) = targets.values() else {
            return Ok(Self::Classes(Compact::new(targets.labels_for(score)?)));
        };
        let columns = targets.n_columns();
        if values.iter().all(|&value| value == 0.0 || value == 1.0) {
            Ok(Self::Labels(values, columns))
        } else {
            Ok(Self::Numbers(values, columns))
        }
    }

    /// The value that predictions without features reach.
    pub(super) fn chance(&self) -> f64 {
        match self {
            Self::Classes(labels) => {
                let largest = labels.counts.iter().copied().max().unwrap_or(0);
                largest as f64 / labels.index.len() as f64
            }
            Self::Labels(values, columns) => {
                let shares: Vec<f64> = (0..*columns)
                    .map(|column| values.iter().skip(column).step_by(*columns).sum::<f64>())
                    .filter(|&sum| sum > 0.0)
                    .map(|sum| sum * *columns as f64 / values.len() as f64)
                    .collect();
                shares.iter().sum::<f64>() / shares.len().max(1) as f64
            }
            Self::Numbers(..) => 0.0,
        }
    }
}

/// The quality of predicted columns, `[n, c]`, of labels or numbers.
///
/// # Errors
/// [`ErrorKind::Unbounded`] where no column has two different values.
pub(super) fn of_columns(kind: &Kind<'_>, predictions: &[f32], score: &str) -> Result<ScoreOutcome> {
    let (value, what) = match kind {
        Kind::Classes(_) => (None, "columns"),
        Kind::Labels(values, columns) => {
            let truth: Vec<f32> = values.iter().map(|&value| value as f32).collect();
            (mean_average_precision(predictions, &truth, *columns), "label")
        }
        Kind::Numbers(values, columns) => (r2(predictions, values, *columns), "varying column"),
    };
    let value = value.ok_or_else(|| {
        Error::new(
            ErrorKind::Unbounded,
            format!("{score} has no value, as the targets have no {what}"),
        )
    })?;
    Ok(ScoreOutcome::of(value).with_chance(Some(kind.chance())).capped(1.0))
}
