//! A step of a trial: one model trained from the rung below to the next, with the configurations that are left.
//!
//! The first rung has every configuration that `tune --learning-rate auto` would try; every further rung has the better half of those
//! before, the one that `tune` would choose first among them.

use std::time::Instant;

use ranktune_core::{Progress, one_line};
use ranktune_hub::Hub;
use ranktune_report::trial::{TrialConfiguration, TrialRung, TrialStatus};

use super::folder::TrialFolder;
use crate::error::{Error, ErrorKind};
use crate::tune::partial::{PartialResult, PartialTuning, find};

/// Runs trials.
pub(crate) trait Trainer {
    /// Trains the model at this position to the end of `epochs`, from the `earlier` rungs.
    ///
    /// # Errors
    /// [`ErrorKind::Interrupted`]; [`ErrorKind::Output`]. A model that cannot be trained is no error, but a rung with that status.
    fn step(&self, model: usize, epochs: usize, earlier: &[TrialRung]) -> Result<TrialRung, Error>;
}

/// Runs trials in folders that keep them.
pub(crate) struct FolderTrainer<'a> {
    pub(crate) tuning: PartialTuning<'a>,
    pub(crate) hub: &'a Hub,
    /// By model.
    pub(crate) folders: &'a [TrialFolder],
    pub(crate) progress: &'a dyn Progress,
}

impl Trainer for FolderTrainer<'_> {
    fn step(&self, model: usize, epochs: usize, earlier: &[TrialRung]) -> Result<TrialRung, Error> {
        let begun = Instant::now();
        let folder = &self.folders[model];
        let below = earlier.last();
        let left = below.map(survivors);
        let from = below.map_or(0, |rung| rung.epochs);
        let result = find(self.hub, folder.model())
            .and_then(|entry| self.tuning.advance(entry, &folder.path, (epochs, left.as_deref())));
        let rung = match result {
            Ok(result) => reached(result, (from, epochs), begun.elapsed().as_secs_f64()),
            Err(error) if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::Output) => return Err(error),
            Err(error) => TrialRung {
                epochs,
                status: if error.kind() == ErrorKind::Diverged {
                    TrialStatus::Diverged
                } else {
                    TrialStatus::Failed
                },
                metric: None,
                value: None,
                seconds: begun.elapsed().as_secs_f64(),
                epochs_trained: 0,
                reason: Some(one_line(&error)),
                configurations: Vec::new(),
            },
        };
        let mut document = folder.read(self.progress);
        document.rungs.retain(|other| other.epochs < epochs);
        document.rungs.push(rung.clone());
        folder.write(&document)?;
        Ok(rung)
    }
}

/// The rung that the configurations of `result` reached.
fn reached(result: PartialResult, (from, epochs): (usize, usize), seconds: f64) -> TrialRung {
    let n_trained = result.configurations.len() * (epochs - from);
    // A trial that was interrupted took longer than its last run.
    let of_epochs: f64 = result
        .configurations
        .iter()
        .flat_map(|configuration| configuration.epoch_seconds.iter().take(epochs).skip(from))
        .sum();
    let chosen = result.configurations.get(result.chosen).map(|chosen| chosen.position);
    let mut configurations: Vec<_> = result.configurations.into_iter().collect();
    configurations.sort_by(|a, b| {
        let is_other = |position| Some(position) != chosen;
        is_other(a.position)
            .cmp(&is_other(b.position))
            .then(b.measured.value.total_cmp(&a.measured.value))
            .then(a.measured.loss.total_cmp(&b.measured.loss))
    });
    let best = configurations.first().map(|best| best.measured.clone());
    TrialRung {
        epochs,
        status: TrialStatus::Done,
        value: best.as_ref().map(|best| best.value),
        metric: best.map(|best| best.metric),
        seconds: seconds.max(of_epochs),
        epochs_trained: n_trained,
        reason: None,
        configurations: configurations
            .into_iter()
            .map(|configuration| TrialConfiguration {
                position: configuration.position,
                learning_rate: configuration.learning_rate,
                batch_norm: configuration.batch_norm.to_owned(),
                value: configuration.measured.value,
                loss: configuration.measured.loss,
            })
            .collect(),
    }
}

/// Positions in the search of the configurations that go on from a rung: the better half.
fn survivors(rung: &TrialRung) -> Vec<usize> {
    let left = half(rung.configurations.len());
    let first = rung.configurations.iter().take(left);
    first.map(|configuration| configuration.position).collect()
}

/// Half of `count`, rounded down, and at least one.
pub(crate) fn half(count: usize) -> usize {
    (count / 2).max(1)
}

#[cfg(test)]
mod tests {
    use ranktune_report::training::Measured;

    use super::*;
    use crate::tune::partial::Configuration;

    fn configuration(position: usize, value: f64, loss: f64) -> Configuration {
        Configuration {
            position,
            learning_rate: 0.001,
            batch_norm: "frozen",
            measured: Measured {
                metric: "accuracy".to_owned(),
                value,
                loss,
                standard_error: None,
            },
            epoch_seconds: vec![1.0, 2.0, 4.0],
        }
    }

    #[test]
    fn the_chosen_configuration_and_the_best_of_the_others_go_on() {
        let result = PartialResult {
            configurations: vec![
                configuration(0, 0.80, 0.5),
                configuration(2, 0.82, 0.6),
                configuration(3, 0.82, 0.5),
                configuration(4, 0.70, 0.4),
            ],
            chosen: 0,
        };
        let rung = reached(result, (1, 3), 1.0);
        let order: Vec<usize> = rung.configurations.iter().map(|one| one.position).collect();
        assert_eq!(order, [0, 3, 2, 4]);
        assert_eq!(survivors(&rung), [0, 3]);
        assert_eq!((rung.value, rung.metric.as_deref()), (Some(0.80), Some("accuracy")));
        // Two epochs of each, 6 s, which is more than the 1 s that this run took.
        assert_eq!((rung.epochs_trained, rung.seconds), (8, 24.0));
    }

    #[test]
    fn one_configuration_goes_on_alone() {
        let result = PartialResult {
            configurations: vec![configuration(1, 0.5, 0.5)],
            chosen: 0,
        };
        let rung = reached(result, (0, 1), 3.0);
        assert_eq!((survivors(&rung), rung.seconds), (vec![1], 3.0));
    }
}
