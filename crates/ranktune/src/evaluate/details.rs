//! What lies behind the metrics of an evaluation.

use ranktune_data::DatasetTargets;
use ranktune_report::Evaluation;
use ranktune_report::evaluation::{
    CalibrationCurve, ClassMetrics, ColumnResiduals, ConfidenceBin, ConfusedPair, MOST_CONFUSED,
};
use ranktune_scores::metrics::entities::EntityMetrics;
use ranktune_scores::metrics::{ClassifierCalibration, Confusion, Counts, Residuals, label_counts, share_interval};

use super::ones;

/// Adds what `logits` `[n, c]` say about targets in the order of the model's outputs, beyond the metrics.
pub(super) fn add(evaluation: &mut Evaluation, logits: &[f32], c: usize, targets: &DatasetTargets) {
    match targets {
        DatasetTargets::Classes { names, labels } => {
            let confusion = Confusion::new(logits, labels, c);
            let right = confusion.classes.iter().map(|counts| counts.right).sum();
            if let Some((low, high)) = share_interval(right, labels.len()) {
                evaluation.intervals.insert("accuracy".to_owned(), [low, high]);
            }
            evaluation.classes = of_counts(names, &confusion.classes);
            evaluation.confused = confusion
                .most_confused()
                .into_iter()
                .take(MOST_CONFUSED)
                .map(|((class, predicted), samples)| ConfusedPair {
                    class: names[class].clone(),
                    predicted: names[predicted].clone(),
                    samples,
                })
                .collect();
            evaluation.calibration = ClassifierCalibration::new(logits, labels, c).map(curve);
        }
        DatasetTargets::MultiLabel { names, rows } => {
            evaluation.classes = of_counts(names, &label_counts(logits, &ones(rows, c), c));
        }
        DatasetTargets::Regression { names, values } => {
            let columns = names.iter().enumerate();
            evaluation.residuals = columns
                .filter_map(|(j, name)| {
                    let residuals = Residuals::of_column(logits, values, j, c)?;
                    Some(ColumnResiduals {
                        column: name.clone(),
                        mean: residuals.mean,
                        standard_deviation: residuals.standard_deviation,
                        quantiles: residuals.quantiles,
                    })
                })
                .collect();
        }
        DatasetTargets::Tags { .. } => {}
    }
}

/// The types of entities.
pub(super) fn of_entities(metrics: &EntityMetrics) -> Vec<ClassMetrics> {
    metrics
        .by_type
        .iter()
        .map(|(name, counts)| class(name, counts))
        .collect()
}

fn of_counts(names: &[String], counts: &[Counts]) -> Vec<ClassMetrics> {
    names
        .iter()
        .zip(counts)
        .map(|(name, counts)| class(name, counts))
        .collect()
}

fn class(name: &str, counts: &Counts) -> ClassMetrics {
    ClassMetrics {
        name: name.to_owned(),
        support: counts.truth,
        predicted: counts.found,
        precision: counts.precision(),
        recall: counts.recall(),
        f1: counts.f1(),
    }
}

fn curve(calibration: ClassifierCalibration) -> CalibrationCurve {
    CalibrationCurve {
        expected_calibration_error: calibration.expected_error,
        bins: calibration
            .bins
            .iter()
            .map(|bin| ConfidenceBin {
                low: bin.low,
                high: bin.high,
                samples: bin.samples,
                confidence: bin.confidence,
                accuracy: bin.accuracy,
            })
            .collect(),
    }
}
