//! Which model will be best after tuning: what is predicted of every model, and of choosing now.

use serde::{Deserialize, Serialize};

use crate::trial::TrialStatus;

/// What is expected of a model after tuning.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Prediction {
    /// The metric, such as `accuracy`; more is better, and 1 is the most.
    pub metric: String,
    /// Its expected value after tuning, a share.
    pub value: f64,
    /// The standard deviation of that value. A part of it is how hard the data set is, which the models share.
    pub standard_error: f64,
    /// Probability that the model is the best of those that are compared.
    pub p_best: f64,
    /// The ranks that hold the model with a probability of 90 %.
    pub rank_interval: [usize; 2],
    /// What taking this model now is expected to lose against the best.
    pub expected_regret: f64,
    /// Earlier results of this model that the prediction rests on.
    #[serde(default)]
    pub record_rows: usize,
    /// How those were found: `digest`, `hub-id` or `name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matched_by: Option<String>,
    /// The family whose results count for the model, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family: Option<String>,
}

/// What is known of the choice as a whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// Name of the model with the highest expected value: the first of the ranking.
    pub best: String,
    /// What taking it now is expected to lose against the best, in the metric; `None` where trials alone decide.
    pub expected_regret: Option<f64>,
    /// Results of any model that the decision rests on.
    pub record_rows: usize,
    /// Trial tunings on this data set, by model in the order of the score, and by length.
    pub trials: Vec<TrialResult>,
    /// What the trials cost; none where trials were not asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<DecisionCost>,
    /// Why there are no more trials.
    pub ended: DecisionEnd,
    /// How the predicted value would be measured: tuning method and data.
    #[serde(default)]
    pub protocol: String,
    /// The score that the decision uses; none where no model has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<String>,
}

/// What trial tunings cost, those kept from earlier runs counted.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct DecisionCost {
    /// Wall-clock time of the trials.
    pub seconds: f64,
    /// Estimated time of tuning every model fully, with the same search for the learning rate.
    pub seconds_of_tuning_all: f64,
    /// The former divided by the latter.
    pub share: f64,
}

/// A trial tuning.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrialResult {
    /// Name of the model.
    pub model: String,
    /// Name of the rung, as rows of a record have it.
    pub rung: String,
    /// Epochs at its end, those of shorter trials counted.
    pub epochs: usize,
    /// Name of the metric; `None` without a value.
    pub metric: Option<String>,
    /// The metric on the held-out samples; `None` where the trial diverged or failed.
    pub value: Option<f64>,
    /// Wall-clock time from the shorter trial of the model on, or from the start.
    pub seconds: f64,
    /// How it ended.
    pub status: TrialStatus,
    /// Why there is no value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Why no further trial was run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum DecisionEnd {
    /// Trials were not asked for.
    NoTrials,
    /// The expected regret is within the tolerance.
    Tolerance,
    /// No trial that is left fits the budget.
    Budget,
    /// No trial that is left is expected to change the choice.
    NothingToLearn,
    /// The user stopped the trials.
    Interrupted,
}

/// How certain the place of a model by its score is, with other samples of the same kind. It says nothing of the accuracy after tuning.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScoreUncertainty {
    /// Share of the resampled data sets on which the model has the highest score.
    pub p_best: f64,
    /// Share of the resampled data sets on which its score is among the first `options.top_k`; of the first three in version 1 of the
    /// document, and `None` in its oldest documents.
    #[serde(default)]
    pub p_top_k: Option<f64>,
    /// The ranks by score between which 90 % of the resampled data sets place the model.
    pub rank_interval: [usize; 2],
}
