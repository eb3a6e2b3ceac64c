//! How far a measure is due to the samples that it was taken on: the measure on resamples of them.

use super::evaluate::Evaluation;
use super::order::Random;
use super::prepared::Prepared;
use super::{Interrupt, Job, TargetValues, Targets, Watch};
use ranktune_nn::{Error, ErrorKind, GraphOptions, Result, TrainableGraph};
use ranktune_onnx::Model;

/// The measure of a trained model on `count` resamples of the job's validation samples, drawn with replacement from the seed: the same
/// ones for every model of the job. The standard deviation of the difference between two models' values is the standard error of the
/// difference between their measures (the bootstrap: Efron, Annals of Statistics 1979). `None` when interrupted.
///
/// # Errors
/// `Input` when there are no validation samples or one cannot be loaded; others as [`super::train`].
pub fn resampled(
    job: &Job<'_>,
    model: &Model,
    count: usize,
    watch: &dyn Watch,
    interrupt: &Interrupt,
) -> Result<Option<Vec<f64>>> {
    let Some(validation) = &job.validation else {
        return Err(Error::new(
            ErrorKind::Input,
            "there are no validation samples to measure on",
        ));
    };
    let output = model.graph.outputs.first();
    let logits = output
        .map(|output| output.name.clone())
        .ok_or_else(|| Error::invalid("the model has no output"))?;
    let options = GraphOptions {
        outputs: vec![logits.clone()],
        device: job.options.device.clone(),
        ..GraphOptions::default()
    };
    let graph = TrainableGraph::new(model, options)?;
    let evaluation = Evaluation {
        samples: validation.samples,
        // A trained model gives the units of the data, so that nothing is standardised.
        prepared: &Prepared {
            targets: validation.targets,
            standard: None,
        },
        judge: validation.judge,
        options: job.options,
    };
    let Some(found) = evaluation.logits(&graph, &logits, watch, interrupt)? else {
        return Ok(None);
    };
    let targets = validation.targets;
    let mut random = Random::new(job.options.seed, STREAM);
    let mut values = Vec::with_capacity(count);
    for _ in 0..count {
        let drawn: Vec<usize> = (0..targets.n_samples())
            .map(|_| random.below(targets.n_samples() as u64) as usize)
            .collect();
        // A draw of sentences without a word has nothing to measure.
        let Ok((logits, targets)) = select(&found.values, targets, &drawn) else {
            continue;
        };
        values.push(evaluation.measure(&logits, &targets).1);
    }
    Ok(Some(values))
}

/// Keeps the draws apart from those of orders and views.
const STREAM: u64 = 0x7265_7361_6d70_6c65;

/// Logits and targets of these samples.
fn select(logits: &[f32], targets: &Targets, samples: &[usize]) -> Result<(Vec<f32>, Targets)> {
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
    let chosen = match targets.is_by_row() {
        false => Targets::new(values)?,
        true => {
            let mut offsets = vec![0];
            for &sample in samples {
                offsets.push(offsets[offsets.len() - 1] + targets.rows_of(sample).len());
            }
            Targets::by_row(values, offsets)?
        }
    };
    Ok((wide(logits), chosen))
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
        let targets = Targets::by_row(values, vec![0, 2, 3]).unwrap();
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
