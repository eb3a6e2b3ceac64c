//! The options of trial tunings, with their defaults.

use std::path::PathBuf;
use std::time::Duration;

use ranktune_data::Dataset;

use crate::error::{Error, ErrorKind};
use crate::tune::{TuneOptions, Validation, training_defaults, usual_rates};

/// How a ranking is refined by trial tunings.
#[derive(Clone, Debug)]
pub struct RefineOptions {
    /// Time that trials may take, those kept from earlier runs counted. Default: a twentieth of the estimated time of tuning every model,
    /// and at least that of the shortest trials of two models.
    pub budget: Option<Duration>,
    /// The expected regret, as a share of the metric, at or below which the search ends. Default: 0.01, one point of accuracy.
    pub tolerance: f64,
    /// The epochs after which a trial pauses and is compared, ascending. Default: 1, 2, 4, … below the epochs of the full tuning.
    pub rungs: Vec<usize>,
    /// The folder in which trials are kept, each in a folder of its own that [`tune`](crate::tune()) resumes.
    pub folder: PathBuf,
    /// The full tuning, of which a trial is the beginning. The method must be `fine-tune`; model, ranking and output folder are not used.
    pub tune: TuneOptions,
}

impl RefineOptions {
    /// The defaults that suit `dataset`: those of `tune --method fine-tune --learning-rate auto`. Trials are kept in `folder`.
    ///
    /// # Examples
    /// ```
    /// use ranktune::{LoadOptions, RefineOptions};
    ///
    /// let texts = ranktune::load("../../examples/data/topics".as_ref(), &LoadOptions::default())?;
    /// let options = RefineOptions::new(&texts, "trials");
    /// assert_eq!((options.tune.train.epochs, options.rungs), (5, vec![1, 2, 4]));
    /// # Ok::<(), ranktune::Error>(())
    /// ```
    pub fn new(dataset: &Dataset, folder: impl Into<PathBuf>) -> Self {
        let folder = folder.into();
        let mut tune = TuneOptions::new(&folder);
        "fine-tune".clone_into(&mut tune.method);
        tune.train = training_defaults(dataset);
        tune.learning_rates = usual_rates(dataset);
        Self {
            budget: None,
            tolerance: 0.01,
            rungs: rungs(tune.train.epochs),
            folder,
            tune,
        }
    }

    /// Checks the ranges of the options.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let wrong = |message: String| Err(Error::new(ErrorKind::Arguments, message));
        if !(self.tolerance.is_finite() && self.tolerance >= 0.0) {
            return wrong(format!("the tolerance must be at least 0, got {}", self.tolerance));
        }
        if self.tune.method != "fine-tune" {
            return wrong(format!(
                "trials are tuned by fine-tune, whose first epochs need no teachers; got the method {}",
                self.tune.method
            ));
        }
        if self.tune.validation == Validation::None {
            return wrong(
                "trials are compared on validation samples, and there are none; leave the validation out".to_owned(),
            );
        }
        let epochs = self.tune.train.epochs;
        let is_ascending = self.rungs.windows(2).all(|pair| pair[0] < pair[1]);
        let is_within = self.rungs.first().is_some_and(|&first| first > 0) && self.rungs.last() <= Some(&epochs);
        if !(is_ascending && is_within) {
            return wrong(format!(
                "the rungs of trials must ascend from at least 1 to at most {epochs} epochs, got {:?}",
                self.rungs
            ));
        }
        Ok(())
    }
}

/// The name of a rung, in rows of a record.
pub(crate) fn rung_name(epochs: usize, of: usize) -> String {
    format!("{epochs} of {of} epochs")
}

/// Powers of two below `epochs`; 1 at least.
pub(crate) fn rungs(epochs: usize) -> Vec<usize> {
    let below = std::iter::successors(Some(1_usize), |rung| rung.checked_mul(2));
    let below: Vec<usize> = below.take_while(|&rung| rung < epochs).collect();
    if below.is_empty() { vec![1] } else { below }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{LoadOptions, load};

    #[test]
    fn rungs_double_below_the_epochs_of_the_tuning() {
        assert_eq!(rungs(10), [1, 2, 4, 8]);
        assert_eq!(rungs(8), [1, 2, 4]);
        assert_eq!(rungs(1), [1]);
    }

    #[test]
    fn each_option_out_of_its_range_is_named() {
        let digits = load("../../examples/data/digits".as_ref(), &LoadOptions::default()).unwrap();
        let defaults = RefineOptions::new(&digits, "trials");
        assert!(defaults.check().is_ok());
        let refused = |change: &dyn Fn(&mut RefineOptions)| {
            let mut options = defaults.clone();
            change(&mut options);
            let error = options.check().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Arguments);
            error.to_string()
        };
        assert!(refused(&|options| options.tolerance = -1.0).contains("tolerance must be at least 0, got -1"));
        assert!(refused(&|options| options.tolerance = f64::NAN).contains("got NaN"));
        assert!(
            refused(&|options| "b-tuning".clone_into(&mut options.tune.method)).contains("got the method b-tuning")
        );
        assert!(refused(&|options| options.tune.validation = Validation::None).contains("validation samples"));
        for rungs in [vec![], vec![0, 1], vec![2, 2], vec![1, 11]] {
            let message = refused(&|options| options.rungs.clone_from(&rungs));
            assert!(
                message.contains(&format!("at most 10 epochs, got {rungs:?}")),
                "{message}"
            );
        }
    }
}
