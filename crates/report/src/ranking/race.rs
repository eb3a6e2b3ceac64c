//! The record of a race: its rounds, how far each model came, and why it ended.

use serde::{Deserialize, Serialize};

/// What the samples of a race are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RaceUnit {
    /// Those of the data set.
    #[default]
    Samples,
    /// Whole sentences, where the samples are their words.
    Sentences,
}

impl RaceUnit {
    /// `samples` or `sentences`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Samples => "samples",
            Self::Sentences => "sentences",
        }
    }
}

/// How far a model came.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RaceRecord {
    /// Samples that the model has seen and that its scores are computed from, in the unit of the race ([`RaceSummary::unit`]).
    pub samples: usize,
    /// Whether the model was eliminated.
    pub stopped: bool,
    /// The chance to be among the first k when it was last estimated.
    pub p_top_k: f64,
    /// Why the model was eliminated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Why a race ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RaceEnd {
    /// The first k and their order are clear.
    Settled,
    /// The time budget was used up.
    Time,
    /// Without a budget: half of the samples of a full ranking were used.
    Share,
    /// The remaining models have seen every sample.
    Complete,
}

/// One round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RaceRound {
    /// Length of the prefix that its models have seen.
    pub samples: usize,
    /// Number of models in the round.
    pub models: usize,
}

/// A race.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RaceSummary {
    /// The k: how many models the race looked for.
    pub top_k: usize,
    /// The unit of `samples`, here and in the records of models.
    #[serde(default)]
    pub unit: RaceUnit,
    /// The chance below which a model was eliminated.
    pub threshold: f64,
    /// The budget for extraction, if one was given.
    pub budget_seconds: Option<f64>,
    /// From the first to the last.
    pub rounds: Vec<RaceRound>,
    /// Why it ended.
    pub ended: RaceEnd,
    /// Time that extraction took for all models.
    pub seconds: f64,
    /// Time that extraction would have taken for all models on all samples, at the same pace.
    pub full_seconds: f64,
}
