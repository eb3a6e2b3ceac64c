//! What is asked: which of these models is the best on these data, tuned in this way.

use std::collections::BTreeMap;

use ranktune_data::Task;

use super::priors;

/// The models and the data of a decision.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    pub(crate) task: Task,
    /// Why the samples are too few for any prediction, where they are.
    pub(crate) too_few: Option<String>,
    /// Name of the data set, as rows of a record name it.
    pub(crate) data: String,
    /// Digest of its inputs and targets.
    pub(crate) data_digest: String,
    /// How the metric would be measured.
    pub(crate) protocol: String,
    /// The models, among which the best is sought.
    pub(crate) models: Vec<ModelFacts>,
}

/// What identifies a model, and its scores.
#[derive(Clone, Debug, Default)]
pub(crate) struct ModelFacts {
    pub(crate) name: String,
    pub(crate) digest: String,
    /// `hf:ORGANISATION/NAME`, without a commit.
    pub(crate) hub_id: Option<String>,
    /// What the model's own files say of its architecture; never a guess from its name.
    pub(crate) family: Option<String>,
    /// Values of scores by name; more is better.
    pub(crate) scores: BTreeMap<String, f64>,
    /// Standard errors of scores by name, where they are known.
    pub(crate) errors: BTreeMap<String, f64>,
}

impl Question {
    /// The metric that tells models apart for this task; none where no share of 1 does.
    pub(super) fn metric(&self) -> Option<&'static str> {
        match self.task {
            Task::Classification => Some("accuracy"),
            Task::MultiLabel => Some("map"),
            Task::Tokens => Some("f1"),
            _ => None,
        }
    }

    /// The score that the decision uses, if a model has it.
    pub(super) fn score(&self) -> Option<&'static str> {
        let has = |model: &ModelFacts| model.scores.get(priors::SCORE).is_some_and(|value| value.is_finite());
        self.models.iter().any(has).then_some(priors::SCORE)
    }

    /// Why these data allow no prediction.
    pub(super) fn obstacle(&self) -> Option<String> {
        let reason = self.too_few.as_ref()?;
        Some(format!(
            "Nothing is predicted, because {reason}; the order is that of the score, and may be chance."
        ))
    }
}
