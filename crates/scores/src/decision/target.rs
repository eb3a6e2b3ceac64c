//! What is known of the models on the data set that the decision is about.

use std::collections::BTreeMap;

use super::past::{check_accuracy, check_scores};
use crate::error::{Error, ErrorKind, Result};

/// A model among which the best is sought.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Candidate {
    /// What identifies it in the record. It need not occur there.
    pub name: String,
    /// Its family, if known.
    pub family: Option<String>,
    /// Scores on the target by name, unstandardised; higher is better. `loo-accuracy`, a share, also tells the level of accuracies.
    pub scores: BTreeMap<String, f64>,
    /// Standard error of the score that is an observation ([`CorrelatedScore`](super::CorrelatedScore)), if known.
    pub score_error: Option<f64>,
}

/// The result of a trial tuning.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trial {
    /// Position of the model in [`DecisionTarget::models`].
    pub model: usize,
    /// Position of the rung in the options; `None` for a full tuning, whose accuracy is then known.
    pub rung: Option<usize>,
    /// A share.
    pub accuracy: f64,
}

/// A data set, the models of a hub, and trials so far.
///
/// Rows of the record on the same data set under the same protocol are taken as trials of the models named there, unless a trial of
/// that rung is given. Rows of other models there are not used.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DecisionTarget {
    /// The data set. A record of it under another protocol is used for what model and data set have in common.
    pub data_set: String,
    /// How the accuracies to predict are measured.
    pub protocol: String,
    /// `K` models.
    pub models: Vec<Candidate>,
    /// Results on this data set.
    pub trials: Vec<Trial>,
}

impl DecisionTarget {
    /// Checks numbers and positions.
    pub(crate) fn check(&self, n_rungs: usize) -> Result<()> {
        if self.models.is_empty() {
            return Err(Error::new(
                ErrorKind::Shape,
                "a decision needs at least one model, got none",
            ));
        }
        for model in &self.models {
            check_scores(&model.scores, || format!("model {:?}", model.name))?;
            if let Some(error) = model.score_error.filter(|error| !(error.is_finite() && *error >= 0.0)) {
                return Err(Error::new(
                    ErrorKind::NonFinite,
                    format!(
                        "model {:?}: the standard error of a score must be finite and 0 or more, got {error}",
                        model.name
                    ),
                ));
            }
        }
        for (i, trial) in self.trials.iter().enumerate() {
            if trial.model >= self.models.len() || trial.rung.is_some_and(|rung| rung >= n_rungs) {
                return Err(Error::new(
                    ErrorKind::OutOfRange,
                    format!(
                        "trial {i} is of model {} and rung {:?}, but there are {} models and {n_rungs} rungs",
                        trial.model,
                        trial.rung,
                        self.models.len()
                    ),
                ));
            }
            check_accuracy(trial.accuracy, || format!("trial {i}"))?;
            if self.trials[..i]
                .iter()
                .any(|other| (other.model, other.rung) == (trial.model, trial.rung))
            {
                return Err(Error::new(
                    ErrorKind::OutOfRange,
                    format!("trial {i} repeats an earlier one of the same model and rung; give their mean"),
                ));
            }
        }
        Ok(())
    }
}
