//! What trials would have said of a tuning: the validation of its configurations after the first epochs.
//!
//! `rank --refine` trains all configurations of a search to its first rung and the better half of them to each further one. A finished
//! tuning has the same epochs in it, so that a study teaches the decision model what trials are worth without running any.

use ranktune_report::Training;
use ranktune_report::study::StudyRung;
use ranktune_report::training::ValidatedEpoch;

use crate::refine::{half, rung_name, rungs};

/// The best validation at every rung, of the configurations that a trial would still train there.
pub(super) fn of_training(training: &Training) -> Vec<StudyRung> {
    let mut curves: Vec<Vec<ValidatedEpoch>> = if training.rate_curve.is_empty() {
        vec![validated(training)]
    } else {
        training.rate_curve.iter().map(|point| point.epochs.clone()).collect()
    };
    let mut reached = Vec::new();
    for epochs in rungs(training.epochs) {
        // A tuning that ended early says nothing of later rungs.
        curves.retain(|curve| curve.len() >= epochs);
        let mut ranked: Vec<(ValidatedEpoch, Vec<ValidatedEpoch>)> = curves
            .into_iter()
            .filter_map(|curve| Some((best(&curve[..epochs])?, curve)))
            .collect();
        ranked.sort_by(|(a, _), (b, _)| b.value.total_cmp(&a.value).then(a.loss.total_cmp(&b.loss)));
        let Some((first, _)) = ranked.first() else { break };
        reached.push(StudyRung {
            rung: rung_name(epochs, training.epochs),
            value: first.value,
        });
        let left = half(ranked.len());
        curves = ranked.into_iter().take(left).map(|(_, curve)| curve).collect();
    }
    reached
}

/// The validation of the epochs of a tuning without a search.
fn validated(training: &Training) -> Vec<ValidatedEpoch> {
    let of_epoch = |epoch: &ranktune_report::training::Epoch| {
        let metrics = epoch.validation.as_ref()?;
        let (_, value) = metrics.iter().find(|(name, _)| *name != "loss")?;
        Some(ValidatedEpoch {
            value: value.as_f64()?,
            loss: metrics.get("loss").and_then(serde_json::Value::as_f64)?,
        })
    };
    training.history.iter().map_while(of_epoch).collect()
}

/// The best epoch: by its metric, then by its loss.
fn best(epochs: &[ValidatedEpoch]) -> Option<ValidatedEpoch> {
    let better = |a: &&ValidatedEpoch, b: &&ValidatedEpoch| a.value.total_cmp(&b.value).then(b.loss.total_cmp(&a.loss));
    epochs.iter().max_by(better).copied()
}

#[cfg(test)]
mod tests {
    use ranktune_report::training::{Measured, RatePoint};

    use super::*;

    fn point(rate: f64, values: &[f64]) -> RatePoint {
        RatePoint {
            learning_rate: rate,
            batch_norm: "frozen".to_owned(),
            measured: Measured {
                metric: "accuracy".to_owned(),
                value: 0.0,
                loss: 1.0,
                standard_error: None,
            },
            epochs: values
                .iter()
                .map(|&value| ValidatedEpoch { value, loss: 1.0 })
                .collect(),
        }
    }

    fn training(rate_curve: Vec<RatePoint>, epochs: usize) -> Training {
        let training = serde_json::json!({
            "schema": "ranktune.training/1",
            "model": "m",
            "model_digest": "d",
            "method": "fine-tune",
            "teachers": [],
            "task": "classification",
            "data": {"path": "p", "samples": 60, "validation_samples": 20, "classes": ["a", "b"], "digest": "d"},
            "settings": {},
            "seed": 0,
            "epochs": epochs,
            "chosen_epoch": 1,
            "metrics": {"train": {}, "validation": {}, "test": {}},
            "history": [],
            "seconds": 1.0,
            "seconds_per_step": 0.1,
            "steps": 10,
        });
        Training {
            rate_curve,
            ..serde_json::from_value(training).unwrap()
        }
    }

    #[test]
    fn the_better_half_of_the_configurations_goes_on() {
        // The third is the worst after one epoch, and so is not seen at two, where it would be the best.
        let curve = vec![
            point(0.001, &[0.50, 0.55, 0.40, 0.60, 0.60]),
            point(0.01, &[0.60, 0.50, 0.58, 0.70, 0.90]),
            point(0.1, &[0.10, 0.90, 0.95, 0.99, 0.99]),
        ];
        let rungs = of_training(&training(curve, 5));
        let said: Vec<(&str, f64)> = rungs.iter().map(|rung| (rung.rung.as_str(), rung.value)).collect();
        assert_eq!(
            said,
            [("1 of 5 epochs", 0.6), ("2 of 5 epochs", 0.6), ("4 of 5 epochs", 0.7)]
        );
    }

    #[test]
    fn a_tuning_without_a_search_is_one_configuration_and_one_that_ended_early_has_fewer_rungs() {
        let mut tuned = training(Vec::new(), 9);
        let epoch = |at: usize, value: f64| ranktune_report::training::Epoch {
            epoch: at,
            loss: 1.0,
            parts: serde_json::Map::new(),
            validation: serde_json::json!({"loss": 0.9, "accuracy": value}).as_object().cloned(),
            seconds: 1.0,
        };
        tuned.history = vec![epoch(1, 0.4), epoch(2, 0.3), epoch(3, 0.5)];
        let rungs = of_training(&tuned);
        let said: Vec<(&str, f64)> = rungs.iter().map(|rung| (rung.rung.as_str(), rung.value)).collect();
        assert_eq!(said, [("1 of 9 epochs", 0.4), ("2 of 9 epochs", 0.4)]);
        tuned.history.clear();
        assert!(of_training(&tuned).is_empty());
    }
}
