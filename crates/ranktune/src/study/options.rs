//! The options of a study and their defaults.

use std::path::PathBuf;

use ranktune_data::LoadOptions;
use ranktune_features::extract::ExtractOptions;
use ranktune_train::{Need, TrainOptions, methods};

use crate::error::{Error, ErrorKind};

/// A data set of a study.
#[derive(Clone, Debug, PartialEq)]
pub struct StudyInput {
    /// The data set, as [`load`](crate::load) takes it.
    pub path: PathBuf,
    /// How it is read.
    pub load: LoadOptions,
}

/// What a study does.
#[derive(Clone, Debug)]
pub struct StudyOptions {
    /// The folder of the study: finished parts and documents.
    pub out: PathBuf,
    /// Tuning methods by name, one of [`METHODS`](crate::METHODS) each; others are compared with the first. Default: `fine-tune`.
    pub methods: Vec<String>,
    /// Tunings of every model on every data set by every method, with consecutive seeds. Default: 1.
    pub seeds: usize,
    /// The first seed; it also draws the samples. Default: 0.
    pub seed: u64,
    /// Scores by name; those that a data set's task does not have are left out there. Default: all that the task has.
    pub scores: Vec<String>,
    /// Maximum number of training samples of a data set, drawn from every class in proportion. Default: all.
    pub max_samples: Option<usize>,
    /// Maximum number of test samples. Default: all.
    pub max_test_samples: Option<usize>,
    /// The share of samples that is held out for testing where a data set has no test split: a stratified draw, the same for every model,
    /// method and seed. Default: 0.2.
    pub test_share: f64,
    /// The share of training samples that validates, drawn anew with every seed. Default: 0.1.
    pub validation: f64,
    /// Epochs. Default: those of [`training_defaults`](crate::training_defaults).
    pub epochs: Option<usize>,
    /// Learning rates: several are searched, one is used as it is. Default: a search of [`usual_rates`](crate::usual_rates), with both kinds of
    /// batch statistics.
    pub learning_rates: Vec<f32>,
    /// The largest shorter edge of images that are tuned on, in pixels; models with smaller inputs keep theirs. Default: what the model's
    /// preprocessing makes.
    pub image_size: Option<usize>,
    /// Whether tunings and rankings that failed before are done again. Default: no.
    pub retry_failed: bool,
    /// Options of extraction. Rankings do not use the feature cache, so that their time is that of a first ranking.
    pub extract: ExtractOptions,
}

impl StudyOptions {
    /// The defaults, in the folder `out`.
    pub fn new(out: impl Into<PathBuf>) -> Self {
        Self {
            out: out.into(),
            methods: vec!["fine-tune".to_owned()],
            seeds: 1,
            seed: 0,
            scores: Vec::new(),
            max_samples: None,
            max_test_samples: None,
            test_share: 0.2,
            validation: 0.1,
            epochs: None,
            learning_rates: Vec::new(),
            image_size: None,
            retry_failed: false,
            extract: ExtractOptions::default(),
        }
    }

    /// The seeds in order.
    pub(super) fn seeds(&self) -> Vec<u64> {
        (0..self.seeds as u64)
            .map(|place| self.seed.wrapping_add(place))
            .collect()
    }

    /// Checks names and ranges before anything is read.
    ///
    /// # Errors
    /// [`ErrorKind::Arguments`].
    pub(super) fn check(&self) -> Result<(), Error> {
        let wrong = |message: String| Err(Error::new(ErrorKind::Arguments, message));
        if self.methods.is_empty() || self.seeds == 0 {
            return wrong("a study needs at least one method and one seed".to_owned());
        }
        for (place, method) in self.methods.iter().enumerate() {
            let info = methods::find(method)?;
            let is_single = ![Need::Search, Need::Stack, Need::Ensemble, Need::Homogeneous]
                .into_iter()
                .any(|need| info.needs(need));
            if !is_single {
                return wrong(format!(
                    "a study tunes one model at a time, and {method} is of several models or runs; use tune for it"
                ));
            }
            if self.methods[..place].contains(method) {
                return wrong(format!("method {method} is named twice"));
            }
        }
        for (name, share) in [("test", self.test_share), ("validation", self.validation)] {
            if !(share > 0.0 && share < 1.0) {
                return wrong(format!(
                    "the share of {name} samples must be above 0 and below 1, got {share}"
                ));
            }
        }
        for (name, count) in [
            ("training samples", self.max_samples),
            ("test samples", self.max_test_samples),
            ("epochs", self.epochs),
        ] {
            if count == Some(0) {
                return wrong(format!("expected at least 1 of {name}, got 0"));
            }
        }
        for &learning_rate in &self.learning_rates {
            let options = TrainOptions {
                learning_rate,
                ..TrainOptions::default()
            };
            options.check()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_option_out_of_range_is_named() {
        let check = |change: &dyn Fn(&mut StudyOptions)| {
            let mut options = StudyOptions::new("out");
            change(&mut options);
            options.check().unwrap_err().to_string()
        };
        for (text, expected) in [
            (check(&|options| options.methods.clear()), "at least one method"),
            (check(&|options| options.seeds = 0), "one seed"),
            (
                check(&|options| options.methods = vec!["fine-tun".to_owned()]),
                "fine-tune",
            ),
            (
                check(&|options| options.methods = vec!["bss".to_owned(), "bss".to_owned()]),
                "named twice",
            ),
            (check(&|options| options.test_share = 1.0), "share of test samples"),
            (
                check(&|options| options.validation = f64::NAN),
                "share of validation samples",
            ),
            (check(&|options| options.epochs = Some(0)), "epochs"),
            (check(&|options| options.learning_rates = vec![-1.0]), "learning rate"),
        ] {
            assert!(text.contains(expected), "{expected:?} is missing in {text}");
        }
        assert!(StudyOptions::new("out").check().is_ok());
    }
}
