//! The sampling error of a validation metric: its values on resamples of the validation samples.

use ranktune_core::Interrupt;
use ranktune_core::random::Random;
use ranktune_onnx::Model;

use crate::error::Result;
use crate::job::TrainingJob;
use crate::observer::TrainObserver;
use crate::targets::{TargetValues, TrainTargets};
use crate::validation::{evaluation, predict, unscaled};

/// The metric of a trained model on `count` resamples of the job's validation samples, drawn with replacement from the seed: the same
/// resamples for every model of the job. The standard deviation of the difference between two models' values estimates the standard
/// error of the difference between their metrics (the bootstrap: Efron, Annals of Statistics 1979). `None` when interrupted.
///
/// # Errors
/// `Input` when there are no validation samples or one cannot be loaded; other errors as in [`crate::train`].
pub fn resampled(
    job: &TrainingJob<'_>,
    model: &Model,
    count: usize,
    observer: &dyn TrainObserver,
    interrupt: &Interrupt,
) -> Result<Option<Vec<f64>>> {
    let prepared = unscaled(job)?;
    let evaluation = evaluation(job, &prepared)?;
    let Some(found) = predict(job, model, observer, interrupt)? else {
        return Ok(None);
    };
    let targets = prepared.targets;
    let mut random = Random::of_stream(job.options.seed, STREAM);
    let mut values = Vec::with_capacity(count);
    for _ in 0..count {
        let drawn: Vec<usize> = (0..targets.n_samples())
            .map(|_| random.below(targets.n_samples()))
            .collect();
        // A resample of sentences without a word has no metric.
        let Ok((logits, targets)) = select(&found.values, targets, &drawn) else {
            continue;
        };
        values.push(evaluation.measure(&logits, &targets).1);
    }
    Ok(Some(values))
}

/// The random stream of resamples, apart from those of orders and views.
const STREAM: u64 = 0x7265_7361_6d70_6c65;

/// Logits and targets of these samples.
fn select(logits: &[f32], targets: &TrainTargets, samples: &[usize]) -> Result<(Vec<f32>, TrainTargets)> {
    let columns = targets.columns();
    let rows = || samples.iter().flat_map(|&sample| targets.rows_of(sample));
    let wide = |values: &[f32]| -> Vec<f32> {
        rows()
            .flat_map(|row| &values[row * columns..(row + 1) * columns])
            .copied()
            .collect()
    };
    let values = match targets.values() {
        TargetValues::Classes { labels, n_classes } => TargetValues::Classes {
            labels: rows().map(|row| labels[row]).collect(),
            n_classes: *n_classes,
        },
        TargetValues::MultiLabel { values, n_labels } => TargetValues::MultiLabel {
            values: wide(values),
            n_labels: *n_labels,
        },
        TargetValues::Regression { values, n_outputs } => TargetValues::Regression {
            values: wide(values),
            n_outputs: *n_outputs,
        },
    };
    if !targets.is_by_row() {
        return Ok((wide(logits), TrainTargets::new(values)?));
    }
    let mut offsets = vec![0];
    for &sample in samples {
        offsets.push(offsets[offsets.len() - 1] + targets.rows_of(sample).len());
    }
    Ok((wide(logits), TrainTargets::by_row(values, offsets)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_go_with_their_samples() {
        let values = TargetValues::Classes {
            labels: vec![0, 1, 1],
            n_classes: 2,
        };
        let targets = TrainTargets::by_row(values, vec![0, 2, 3]).unwrap();
        let logits = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let (found, chosen) = select(&logits, &targets, &[1, 1, 0]).unwrap();
        assert_eq!(found, [5.0, 6.0, 5.0, 6.0, 1.0, 2.0, 3.0, 4.0]);
        let TargetValues::Classes { labels, .. } = chosen.values() else {
            panic!("classes stay classes")
        };
        assert_eq!(labels, &[1, 1, 0, 1]);
        assert_eq!((chosen.rows_of(0), chosen.rows_of(2)), (0..1, 2..4));
    }
}
