//! The files of a study in progress: one for every finished tuning, one for every finished ranking.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::ranking::Ranking;

/// Name and version of [`StudyCell`].
pub const CELL_SCHEMA: &str = "ranktune.study-cell/1";

/// Name and version of [`StudyRanking`].
pub const RANKING_SCHEMA: &str = "ranktune.study-ranking/1";

/// One model tuned on one data set by one method with one seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StudyCell {
    /// [`CELL_SCHEMA`].
    pub schema: String,
    /// The data set.
    pub data: String,
    /// The model.
    pub model: String,
    /// The method.
    pub method: String,
    /// The seed.
    pub seed: u64,
    /// Name of the metric.
    pub metric: String,
    /// The metric of the tuned model on the test samples; `null` if tuning failed.
    pub value: Option<f64>,
    /// Why there is no value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// All metrics of the test samples.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub test: Map<String, Value>,
    /// All metrics of the validation samples.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub validation: Map<String, Value>,
    /// The settings of the tuning, with the learning rate and the statistics that were chosen.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub settings: Map<String, Value>,
    /// The epoch whose weights were measured, from 1; 0 if tuning failed.
    pub chosen_epoch: usize,
    /// Wall-clock time, with the search of the learning rate; after an interruption without the epoch that was lost.
    pub seconds: f64,
    /// What its beginning said, as trials of `rank --refine` would have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rungs: Vec<StudyRung>,
}

/// The validation of a tuning that was stopped early.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StudyRung {
    /// The name of its length, in a record.
    pub rung: String,
    /// The metric on the validation samples.
    pub value: f64,
}

/// The scores of all models on one data set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StudyRanking {
    /// [`RANKING_SCHEMA`].
    pub schema: String,
    /// The data set.
    pub data: String,
    /// The ranking; `null` if no model could be ranked.
    pub ranking: Option<Ranking>,
    /// Why there is no ranking.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
