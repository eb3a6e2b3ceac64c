//! What trials and full tunings cost, estimated before any and corrected by every one that ran.
//!
//! ```text
//! seconds of an epoch of model m = rate · work_m      work: seconds a sample of the model takes in extraction, or its weights
//! rate                           = geometric mean over the models tried of seconds of an epoch / work_m
//! ```
//!
//! A model that was tried has its own mean instead.

/// Training takes about six times as long as extraction: a forward and a backward pass are three forward passes, and the graph that trains
/// is about half as fast as the engine. Only the estimates before the first trial rest on it.
const TRAINING_FACTOR: f64 = 6.0;

/// Seconds for one sample and one weight where no model has a throughput; as above, soon replaced.
const SECONDS_PER_WEIGHT: f64 = 1e-8;

/// How much work a model is, and the rate that a unit of it is believed to take.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Work {
    /// By model; comparable among models, more than 0.
    of_model: Vec<f64>,
    /// Seconds of an epoch by unit of work, before any trial.
    rate: f64,
}

impl Work {
    /// From each model's throughput in extraction, in samples a second, or from the weights of all where one has no throughput.
    pub(crate) fn new(throughputs: &[Option<f64>], weights: &[u64], n_samples: usize) -> Self {
        let n_samples = n_samples.max(1) as f64;
        let known: Option<Vec<f64>> = throughputs
            .iter()
            .map(|throughput| {
                throughput
                    .filter(|rate| rate.is_finite() && *rate > 0.0)
                    .map(f64::recip)
            })
            .collect();
        match known {
            Some(of_model) => Self {
                of_model,
                rate: TRAINING_FACTOR * n_samples,
            },
            None => Self {
                of_model: weights.iter().map(|&count| (count as f64).max(1.0)).collect(),
                rate: SECONDS_PER_WEIGHT * n_samples,
            },
        }
    }
}

/// Seconds and epochs of the trials of one model so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Spent {
    pub(crate) seconds: f64,
    /// Over all configurations.
    pub(crate) epochs: usize,
}

/// Seconds of one epoch of one configuration, by model.
pub(crate) fn epoch_seconds(work: &Work, spent: &[Spent]) -> Vec<f64> {
    let own = |spent: &Spent| (spent.epochs > 0 && spent.seconds > 0.0).then(|| spent.seconds / spent.epochs as f64);
    let logarithms: Vec<f64> = work
        .of_model
        .iter()
        .zip(spent)
        .filter_map(|(work, spent)| Some((own(spent)? / work).ln()))
        .collect();
    let rate = if logarithms.is_empty() {
        work.rate
    } else {
        (logarithms.iter().sum::<f64>() / logarithms.len() as f64).exp()
    };
    work.of_model
        .iter()
        .zip(spent)
        .map(|(work, spent)| own(spent).unwrap_or(rate * work))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: &[f64], expected: &[f64]) {
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-9 * expected, "{found} {expected}");
        }
    }

    #[test]
    fn before_any_trial_the_throughput_decides_and_the_weights_where_one_is_missing() {
        let work = Work::new(&[Some(100.0), Some(10.0)], &[5, 1], 50);
        close(&epoch_seconds(&work, &[Spent::default(); 2]), &[3.0, 30.0]);
        let work = Work::new(&[Some(100.0), None], &[2_000_000, 1_000_000], 50);
        close(&epoch_seconds(&work, &[Spent::default(); 2]), &[1.0, 0.5]);
    }

    #[test]
    fn a_trial_corrects_its_own_model_and_the_rate_of_the_others() {
        let work = Work::new(&[Some(100.0), Some(10.0), Some(50.0)], &[1; 3], 50);
        let tried = |seconds| Spent { seconds, epochs: 5 };
        // 4 epochs' worth a unit at 0.01: a rate of 400; and 100 at 0.1, in the geometric mean 200.
        let spent = [tried(20.0), tried(50.0), Spent::default()];
        close(&epoch_seconds(&work, &spent), &[4.0, 10.0, 4.0]);
    }
}
