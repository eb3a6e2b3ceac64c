//! Metrics of predictions, as `tune` and `eval` report them.
//!
//! | task | metrics | the one a checkpoint is chosen by |
//! |---|---|---|
//! | classification | [`accuracy`], [`Confusion::f1_macro`] | accuracy, higher |
//! | multi-label | [`mean_average_precision`] (`map`), [`f1_micro`], [`f1_macro`] | map, higher |
//! | tokens | [`entities`] (`f1` by entity, `accuracy`) | f1, higher |
//! | regression | [`mse`], [`mae`], [`r2`], [`spearman`] | mse, lower |
//!
//! `n` samples, `c` columns, row-major. All in f64. Where a metric has no value (the correlation of a constant, the average
//! precision of a label that no sample has) it is `None`, never NaN.

mod calibration;
mod classes;
mod confusion;
mod counts;
pub mod entities;
mod interval;
mod labels;
mod numbers;
mod residuals;

pub use calibration::{CalibrationBin, ClassifierCalibration};
pub use classes::{accuracy, largest};
pub use confusion::Confusion;
pub use counts::Counts;
pub use interval::share_interval;
pub use labels::{f1_macro, f1_micro, label_counts, mean_average_precision};
pub use numbers::{mae, mse, r2, spearman};
pub use residuals::{QUANTILES, Residuals};

use crate::error::{Error, ErrorKind, Result};

/// The true targets of the samples.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Truth<'a> {
    /// One class per sample, `[n]`; predictions are logits or probabilities `[n, c]`.
    Classes(&'a [u32]),
    /// 0 or 1 for every label, `[n, c]`; predictions are logits `[n, c]`, above 0 for a label that is predicted.
    Labels(&'a [f32]),
    /// Numbers `[n, c]`; predictions are numbers in the same units.
    Numbers(&'a [f64]),
}

/// Whether higher or lower values of a metric are better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Higher is better.
    Higher,
    /// Lower is better.
    Lower,
}

/// A metric by its name in the JSON documents.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Metric {
    /// The name.
    pub name: &'static str,
    /// The value, where there is one.
    pub value: Option<f64>,
    /// Whether higher or lower is better.
    pub direction: Direction,
}

/// All metrics of the task, the one that a checkpoint is chosen by first. `predictions` are `[n, c]`.
///
/// # Errors
/// [`ErrorKind::Shape`] where there is no sample or the sizes do not match; [`ErrorKind::OutOfRange`] for a class beyond `c`;
/// [`ErrorKind::NonFinite`] for a prediction that is not finite.
///
/// # Examples
/// ```
/// use ranktune_scores::metrics::{Truth, evaluate};
/// let metrics = evaluate(&[0.1, 0.9, 0.8, 0.2], Truth::Classes(&[1, 1]), 2)?;
/// assert_eq!((metrics[0].name, metrics[0].value), ("accuracy", Some(0.5)));
/// # Ok::<(), ranktune_scores::Error>(())
/// ```
pub fn evaluate(predictions: &[f32], truth: Truth<'_>, c: usize) -> Result<Vec<Metric>> {
    let n = match truth {
        Truth::Classes(labels) => labels.len(),
        Truth::Labels(values) => values.len() / c.max(1),
        Truth::Numbers(values) => values.len() / c.max(1),
    };
    let cells = match truth {
        Truth::Classes(_) => n * c,
        Truth::Labels(values) => values.len(),
        Truth::Numbers(values) => values.len(),
    };
    if n == 0 || c == 0 || n * c != cells || predictions.len() != cells {
        let message = format!(
            "expected predictions for {n} samples and {c} columns, at least one of each, found {} numbers",
            predictions.len()
        );
        return Err(Error::new(ErrorKind::Shape, message));
    }
    if let Some(at) = predictions.iter().position(|value| !value.is_finite()) {
        let message = format!(
            "predictions must be finite, got {} at sample {}, column {}",
            predictions[at],
            at / c,
            at % c
        );
        return Err(Error::new(ErrorKind::NonFinite, message));
    }
    let metric = |name, value, direction| Metric { name, value, direction };
    Ok(match truth {
        Truth::Classes(labels) => {
            if let Some(&label) = labels.iter().find(|&&label| label as usize >= c) {
                let message = format!("class {label} is not among the {c} that are predicted");
                return Err(Error::new(ErrorKind::OutOfRange, message));
            }
            vec![
                metric("accuracy", Some(accuracy(predictions, labels, c)), Direction::Higher),
                metric(
                    "f1_macro",
                    Confusion::new(predictions, labels, c).f1_macro(),
                    Direction::Higher,
                ),
            ]
        }
        Truth::Labels(values) => vec![
            metric("map", mean_average_precision(predictions, values, c), Direction::Higher),
            metric("f1_micro", f1_micro(predictions, values), Direction::Higher),
            metric("f1_macro", f1_macro(predictions, values, c), Direction::Higher),
        ],
        Truth::Numbers(values) => vec![
            metric("mse", Some(mse(predictions, values)), Direction::Lower),
            metric("mae", Some(mae(predictions, values)), Direction::Lower),
            metric("r2", r2(predictions, values, c), Direction::Higher),
            metric("spearman", spearman(predictions, values, c), Direction::Higher),
        ],
    })
}

/// The mean of the defined values.
fn mean_of_known(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let known: Vec<f64> = values.flatten().collect();
    (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_that_do_not_fit_classes_beyond_the_columns_and_nan_are_refused() {
        let kind = |predictions: &[f32], truth, c| evaluate(predictions, truth, c).unwrap_err().kind();
        assert_eq!(kind(&[0.0; 3], Truth::Classes(&[0, 1]), 2), ErrorKind::Shape);
        assert_eq!(kind(&[], Truth::Classes(&[]), 2), ErrorKind::Shape);
        assert_eq!(kind(&[0.0; 4], Truth::Numbers(&[0.0; 3]), 2), ErrorKind::Shape);
        assert_eq!(kind(&[0.0; 4], Truth::Classes(&[0, 2]), 2), ErrorKind::OutOfRange);
        assert_eq!(
            kind(&[0.0, f32::NAN], Truth::Labels(&[0.0, 1.0]), 2),
            ErrorKind::NonFinite
        );
    }
}
