//! Where a search stands: what every model's trial has reached, and what further steps cost.

use ranktune_report::ranking::DecisionCost;
use ranktune_report::trial::{TrialRung, TrialStatus};

use super::cost::{Spent, Work, epoch_seconds};
use super::trial::half;

/// The part of tuning every model that trials may take by default.
const SHARE: f64 = 0.05;

/// Everything that the choice of the next step depends on. What is read from kept trials gives the same standing as having run them, so a
/// search that was killed goes on as if it had not been.
#[derive(Clone, Debug)]
pub(crate) struct Standing<'a> {
    /// Epochs at the end of every rung, ascending.
    pub(crate) rungs: &'a [usize],
    /// Epochs of a full tuning.
    pub(crate) epochs: usize,
    /// Configurations at the first rung.
    pub(crate) configurations: usize,
    pub(crate) work: Work,
    /// The rungs that were reached, by model.
    pub(crate) reached: Vec<Vec<TrialRung>>,
}

impl Standing<'_> {
    /// Whether the model diverged or could not be trained.
    pub(crate) fn is_out(&self, model: usize) -> bool {
        self.reached[model].iter().any(|rung| rung.status != TrialStatus::Done)
    }

    /// The models that are not out.
    pub(crate) fn left(&self) -> Vec<usize> {
        (0..self.reached.len()).filter(|&model| !self.is_out(model)).collect()
    }

    /// Seconds of trials so far.
    pub(crate) fn spent(&self) -> f64 {
        self.reached
            .iter()
            .flatten()
            .map(|rung| rung.seconds)
            .fold(0.0, |sum, seconds| sum + seconds)
    }

    /// Seconds of an epoch of one configuration, by model.
    pub(crate) fn epoch_seconds(&self) -> Vec<f64> {
        let spent: Vec<Spent> = self
            .reached
            .iter()
            .map(|rungs| {
                let timed = rungs.iter().filter(|rung| rung.epochs_trained > 0);
                timed.fold(Spent::default(), |sum, rung| Spent {
                    seconds: sum.seconds + rung.seconds,
                    epochs: sum.epochs + rung.epochs_trained,
                })
            })
            .collect();
        epoch_seconds(&self.work, &spent)
    }

    /// Configurations that train from what the model has reached to the next rung.
    pub(crate) fn configurations_left(&self, model: usize) -> usize {
        match self.reached[model].last() {
            Some(rung) => half(rung.configurations.len()),
            None => self.configurations,
        }
    }

    /// Epochs, over all configurations, from what the model has reached to the rung at position `to`.
    pub(crate) fn epochs_to(&self, model: usize, to: usize) -> usize {
        let done = self.reached[model].len();
        let mut from = self.reached[model].last().map_or(0, |rung| rung.epochs);
        let mut count = self.configurations_left(model);
        let mut sum = 0;
        for &epochs in self.rungs.iter().take(to + 1).skip(done) {
            sum += count * (epochs - from);
            from = epochs;
            count = half(count);
        }
        sum
    }

    /// Estimated seconds of tuning every model, with its whole search.
    pub(crate) fn tuning_all(&self) -> f64 {
        let of_one = (self.configurations * self.epochs) as f64;
        self.epoch_seconds().iter().map(|seconds| of_one * seconds).sum()
    }

    /// What the trials cost so far.
    pub(crate) fn cost(&self) -> DecisionCost {
        let (seconds, seconds_of_tuning_all) = (self.spent(), self.tuning_all());
        DecisionCost {
            seconds,
            seconds_of_tuning_all,
            share: seconds / seconds_of_tuning_all,
        }
    }

    /// Seconds that trials may take in all: `given`, or a twentieth of [`tuning_all`](Self::tuning_all) and at least the first rung of any
    /// two models, as nothing is learnt from one.
    pub(crate) fn budget(&self, given: Option<f64>) -> f64 {
        given.unwrap_or_else(|| {
            let mut first: Vec<f64> = self.epoch_seconds();
            first.sort_by(|a, b| b.total_cmp(a));
            let rung = (self.configurations * self.rungs[0]) as f64;
            let of_two: f64 = first.iter().take(2).map(|seconds| rung * seconds).sum();
            (SHARE * self.tuning_all()).max(of_two)
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A rung that was reached with this value, by `count` configurations.
    pub(crate) fn done(epochs: usize, value: f64, seconds: f64, (count, trained): (usize, usize)) -> TrialRung {
        TrialRung {
            epochs,
            status: TrialStatus::Done,
            metric: Some("accuracy".to_owned()),
            value: Some(value),
            seconds,
            epochs_trained: trained,
            reason: None,
            configurations: (0..count)
                .map(|position| ranktune_report::trial::TrialConfiguration {
                    position,
                    learning_rate: 0.001,
                    batch_norm: "frozen".to_owned(),
                    value,
                    loss: 1.0,
                })
                .collect(),
        }
    }

    /// Two models of equal work, 1 s an epoch, five configurations, ten epochs.
    pub(crate) fn standing(rungs: &[usize], n_models: usize) -> Standing<'_> {
        Standing {
            rungs,
            epochs: 10,
            configurations: 5,
            // 6 · n / throughput
            work: Work::new(&vec![Some(600.0); n_models], &vec![1; n_models], 100),
            reached: vec![Vec::new(); n_models],
        }
    }

    #[test]
    fn configurations_halve_from_rung_to_rung() {
        let mut standing = standing(&[1, 2, 4, 8], 2);
        // 5·1, + 2·1, + 1·2, + 1·4
        let all: Vec<usize> = (0..4).map(|rung| standing.epochs_to(0, rung)).collect();
        assert_eq!(all, [5, 7, 9, 13]);
        standing.reached[0].push(done(1, 0.5, 5.0, (4, 4)));
        let left: Vec<usize> = (1..4).map(|rung| standing.epochs_to(0, rung)).collect();
        assert_eq!(left, [2, 4, 8]);
        assert_eq!(standing.configurations_left(1), 5);
    }

    #[test]
    fn the_default_budget_is_a_twentieth_of_tuning_all_and_two_first_rungs_at_least() {
        let rungs = [1, 2];
        // 40 models of 50 s: 2000 s in all.
        assert!((standing(&rungs, 40).budget(None) - 100.0).abs() < 1e-9);
        // 3 models of 50 s: 7.5 s are less than two first rungs of 5 s.
        assert!((standing(&rungs, 3).budget(None) - 10.0).abs() < 1e-9);
        assert_eq!(standing(&rungs, 3).budget(Some(7.0)), 7.0);
    }

    #[test]
    fn a_model_that_diverged_is_out() {
        let mut standing = standing(&[1, 2], 2);
        standing.reached[1].push(TrialRung {
            status: TrialStatus::Diverged,
            value: None,
            ..done(1, 0.5, 2.0, (0, 0))
        });
        assert_eq!(standing.left(), [0]);
        assert_eq!(standing.spent(), 2.0);
    }
}
