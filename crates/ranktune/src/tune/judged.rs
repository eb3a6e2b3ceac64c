//! Predictions for the validation samples, measured as trials are: metric, loss, and the metric on resamples.

use ranktune_core::random::Random;
use ranktune_data::{DatasetTargets, Task};
use ranktune_report::training::Measured;

use super::choice::{RESAMPLES, Tried};
use crate::error::Error;
use crate::evaluate::{measure, ones};

/// The random stream of the resamples.
const STREAM: u64 = 0x6a75_6467;

/// The name of the metric that tells candidates apart; larger is better.
fn metric(task: Task) -> &'static str {
    match task {
        Task::MultiLabel => "map",
        Task::Regression => "r2",
        _ => "accuracy",
    }
}

/// Measures logits `[n, c]` of samples with `targets`. The resamples follow from the seed, so that those of two candidates are the same.
///
/// # Errors
/// Logits that do not fit the targets.
pub(crate) fn judge(logits: &[f32], columns: usize, targets: &DatasetTargets, seed: u64) -> Result<Tried, Error> {
    let metric = metric(targets.task());
    let value = |logits: &[f32], targets: &DatasetTargets| -> Result<f64, Error> {
        let found = measure(logits, columns, targets)?;
        // A resample without any of a label has no average precision.
        Ok(found.get(metric).and_then(serde_json::Value::as_f64).unwrap_or(0.0))
    };
    let n = logits.len() / columns.max(1);
    let mut random = Random::of_stream(seed, STREAM);
    let mut resampled = Vec::with_capacity(RESAMPLES);
    for _ in 0..RESAMPLES {
        let drawn: Vec<usize> = (0..n).map(|_| random.below(n)).collect();
        let rows = drawn
            .iter()
            .flat_map(|&row| &logits[row * columns..(row + 1) * columns]);
        let rows: Vec<f32> = rows.copied().collect();
        resampled.push(value(&rows, &targets.select(&drawn))?);
    }
    Ok(Tried {
        measured: Measured {
            metric: metric.to_owned(),
            value: value(logits, targets)?,
            loss: loss(logits, columns, targets),
            standard_error: None,
        },
        resampled,
    })
}

/// The mean loss: cross-entropy, binary cross-entropy, or the squared error over the variance of the targets.
fn loss(logits: &[f32], columns: usize, targets: &DatasetTargets) -> f64 {
    let rows = logits.chunks_exact(columns.max(1));
    let n = rows.len().max(1) as f64;
    match targets {
        DatasetTargets::Classes { labels, .. } => {
            let each = rows.zip(labels).map(|(row, &label)| {
                let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                let sum: f64 = row.iter().map(|&value| f64::from(value - largest).exp()).sum();
                sum.ln() + f64::from(largest) - f64::from(row[label as usize])
            });
            each.sum::<f64>() / n
        }
        DatasetTargets::MultiLabel { names, rows: own } => {
            let truth = ones(own, names.len());
            // ln(1 + e^z) − y z
            let each = logits.iter().zip(&truth).map(|(&z, &y)| {
                let z = f64::from(z);
                z.max(0.0) + (-z.abs()).exp().ln_1p() - f64::from(y) * z
            });
            each.sum::<f64>() / logits.len().max(1) as f64
        }
        DatasetTargets::Regression { values, .. } => {
            let mean = |column: usize| values.iter().skip(column).step_by(columns).sum::<f64>() / n;
            let means: Vec<f64> = (0..columns).map(mean).collect();
            let (mut left, mut total) = (0.0, 0.0);
            for (at, (&z, &y)) in logits.iter().zip(values).enumerate() {
                left += (f64::from(z) - y).powi(2);
                total += (y - means[at % columns]).powi(2);
            }
            if total > 0.0 { left / total } else { left }
        }
        DatasetTargets::Tags { .. } => f64::NAN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_are_those_by_hand() {
        let names = ["a", "b"].map(str::to_owned).to_vec();
        let classes = DatasetTargets::Classes {
            names: names.clone(),
            labels: vec![0, 1],
        };
        let found = loss(&[1.0, 0.0, 1.0, 0.0], 2, &classes);
        let right = (1.0 + (-1.0_f64).exp()).ln();
        assert!((found - 0.5 * (right + right + 1.0)).abs() < 1e-7, "{found}");
        let labels = DatasetTargets::MultiLabel {
            names: names.clone(),
            rows: vec![vec![0]],
        };
        let found = loss(&[2.0, -3.0], 2, &labels);
        let expected = 0.5 * ((1.0 + (-2.0_f64).exp()).ln() + (1.0 + (-3.0_f64).exp()).ln());
        assert!((found - expected).abs() < 1e-7, "{found}");
        let numbers = DatasetTargets::Regression {
            names: names[..1].to_vec(),
            values: vec![1.0, 3.0],
        };
        // Errors of 1 and 0 against deviations of 1 each.
        assert!((loss(&[2.0, 3.0], 1, &numbers) - 0.5).abs() < 1e-7);
    }

    #[test]
    fn two_candidates_are_resampled_alike() {
        let names = ["a", "b"].map(str::to_owned).to_vec();
        let targets = DatasetTargets::Classes {
            names,
            labels: vec![0, 1, 0, 1, 1],
        };
        let logits = [1.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0];
        let flipped: Vec<f32> = logits.iter().map(|value| 1.0 - value).collect();
        let (one, other) = (
            judge(&logits, 2, &targets, 3).unwrap(),
            judge(&flipped, 2, &targets, 3).unwrap(),
        );
        assert!((one.measured.value - 0.6).abs() < 1e-12);
        // What one has right the other has wrong, on every resample.
        assert!(
            one.resampled
                .iter()
                .zip(&other.resampled)
                .all(|(a, b)| (a + b - 1.0).abs() < 1e-12)
        );
        assert!(one.resampled.iter().any(|value| (value - 0.6).abs() > 0.1));
    }
}
