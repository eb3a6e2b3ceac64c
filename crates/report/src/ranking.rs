//! `ranktune.ranking/2`: the models of a hub, those that are expected to be best after tuning first.
//!
//! Version 1 is still read. There, `p_best`, `p_top_k` and `rank_interval` of the score stood among the keys of a model, and `p_top_k` of a
//! model was always the chance to be among the first three, while `race.p_top_k` was that of the first `--top-k`. In version 2 both are
//! of the first `options.top_k`, and what is the score's own is in `score_uncertainty`.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

mod baseline;
mod classes;
mod decision;
mod layers;
mod old_keys;
mod plan;
mod race;
mod table;
#[cfg(test)]
mod tests;

pub use baseline::{Baseline, PermutedLabels};
pub use classes::{ClassConfusion, ClassDetail, ClassEvidence, JudgedSample};
pub use decision::{Decision, DecisionCost, DecisionEnd, Prediction, ScoreUncertainty, TrialResult};
pub use layers::LayerScore;
pub use plan::{PLAN_SCHEMA, PlannedModel, PlannedTotal, RankingPlan};
pub use race::{RaceEnd, RaceRecord, RaceRound, RaceSummary, RaceUnit};

/// Name and version of the document.
pub const SCHEMA: &str = "ranktune.ranking/2";

/// The k of `p_top_k` in documents of version 1, which do not state it.
const FIRST_VERSION_TOP_K: u64 = 3;

/// A ranking: its options, the models from best to worst, and those that could not be ranked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ranking {
    /// [`SCHEMA`].
    pub schema: String,
    /// `classification`, `multilabel`, `regression` or `tokens`.
    pub task: String,
    /// The data set.
    pub data: Data,
    /// The options that can change the result, by their names on the command line.
    pub options: Map<String, Value>,
    /// Best first: by the predicted metric, or else by the score. Models that a race eliminated are last.
    pub models: Vec<RankedModel>,
    /// What is known of the choice among them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<Decision>,
    /// Why nothing is predicted, in a sentence; none where there is a decision, and in version 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undecided: Option<String>,
    /// What the models are compared with beside each other; `None` in documents of earlier releases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<Baseline>,
    /// What makes the ranking doubtful: too little data, no model above the baseline, scores that tell no models apart.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// How the race went, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub race: Option<RaceSummary>,
    /// Models that could not be ranked, in the hub's order.
    pub skipped: Vec<SkippedModel>,
}

/// The data set of a ranking.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Data {
    /// As the user named it.
    pub path: String,
    /// Samples that were scored.
    pub samples: usize,
    /// Classes, labels or target columns by name.
    pub classes: Vec<String>,
    /// Content digest of inputs and targets.
    pub digest: String,
    /// Rows of a table that were skipped because their target or their file is missing.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub skipped: usize,
    /// What was read, left out and guessed, and which options change it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Samples that could not be read, with the reason; they are in no model's score.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<Unreadable>,
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// A sample that could not be read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Unreadable {
    /// The file.
    pub file: String,
    /// Why.
    pub reason: String,
}

/// One model's place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct RankedModel {
    /// From 1.
    pub rank: usize,
    /// Name in the hub.
    pub name: String,
    /// The repository at its commit, as `--hub` takes it, for a model from another hub: `hf:ORGANISATION/NAME@COMMIT`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Content digest of the model's files.
    pub digest: String,
    /// Number of weights.
    pub parameters: u64,
    /// The tensor whose values are the features.
    pub feature_tensor: String,
    /// Features a sample.
    pub feature_dim: usize,
    /// By name; the score that orders the ranking comes first.
    pub scores: Map<String, Value>,
    /// The score of every layer, from the first to the last, where layers were asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<LayerScore>,
    /// What is expected of the model after tuning, where that can be predicted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predicted: Option<Prediction>,
    /// How certain its place by score is; none for a model that a race eliminated.
    pub score_uncertainty: Option<ScoreUncertainty>,
    /// How far the model came in a race.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub race: Option<RaceRecord>,
    /// What its features say of the classes, where samples have one class each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classes: Option<ClassDetail>,
    /// Wall-clock time.
    pub seconds: Seconds,
    /// Samples that ran through the model; the others came from the cache, or are equal to one that ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub samples_computed: Option<usize>,
    /// Throughput of the extraction, where images are the input; `null` when the features came from the cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub images_per_second: Option<Value>,
    /// Throughput of the extraction, for other inputs; `null` when the features came from the cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub samples_per_second: Option<Value>,
}

impl Serialize for RankedModel {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for RankedModel {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut model = Map::deserialize(deserializer)?;
        old_keys::move_into_place(&mut model);
        Self::deserialize(Value::Object(model)).map_err(D::Error::custom)
    }
}

/// Where a model's time went, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Seconds {
    /// Reading, preparing and running the model over the samples; near 0 from the cache.
    pub extract: f64,
    /// All scores.
    pub score: f64,
}

/// A model that is not in the ranking.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SkippedModel {
    /// Name in the hub.
    pub name: String,
    /// Why, and what to try.
    pub reason: String,
}

/// How the reason begins for a model that takes another kind of data than the data set has, or that a filter leaves out.
pub const NOT_APPLICABLE: &str = "not applicable: ";

impl SkippedModel {
    /// Whether the model takes another kind of data, or a filter leaves it out: no fault of the model.
    pub fn is_not_applicable(&self) -> bool {
        self.reason.starts_with(NOT_APPLICABLE)
    }
}

impl RankedModel {
    /// The value of a score, where the model has one.
    pub fn score(&self, name: &str) -> Option<f64> {
        self.scores.get(name)?.get("value")?.as_f64()
    }

    /// Whether a score is the largest that there is for these samples, and not a share of which 1 says so itself.
    pub(crate) fn is_plainly_saturated(&self, name: &str) -> bool {
        let Some(score) = self.scores.get(name) else {
            return false;
        };
        score.get("status").and_then(Value::as_str) == Some("saturated") && score.get("chance").is_none()
    }

    /// Rows per second of the extraction; `None` where features came from the cache.
    pub fn throughput(&self) -> Option<f64> {
        self.images_per_second
            .as_ref()
            .or(self.samples_per_second.as_ref())?
            .as_f64()
    }
}

impl Ranking {
    /// The k of `p_top_k`.
    pub fn top_k(&self) -> u64 {
        let stated = self.options.get("top_k").and_then(Value::as_u64);
        stated.unwrap_or(FIRST_VERSION_TOP_K)
    }
}
