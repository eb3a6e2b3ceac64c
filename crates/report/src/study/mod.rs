//! `ranktune.study/1`: every model of a hub tuned on every data set, and what each score said of it beforehand.
//!
//! | module | what it holds |
//! |---|---|
//! | `cell` | the files of a study in progress: one tuning, one ranking |
//! | `accuracy` | what was measured |
//! | `agreement` | scores against what was measured |
//! | `calibration` | predictions of the decision model against what was measured |
//! | `cost` | the time of ranking and of tuning |
//! | `plan` | what a study will do |
//! | `record` | what was measured, as rows of a record |
//! | `blocks` | headings, paragraphs and tables, as text for a terminal and as Markdown |
//! | `text` | the report, in blocks |
//! | `tables` | CSV for other programs |

mod accuracy;
mod agreement;
pub(crate) mod blocks;
mod calibration;
mod cell;
mod cost;
mod plan;
mod record;
mod tables;
#[cfg(test)]
mod tests;
mod text;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::ranking::SkippedModel;

pub use accuracy::{MethodMean, MethodTable, StudyAccuracy};
pub use agreement::{Agreement, DataAgreement, ScoreAgreement};
pub use calibration::{DecisionCalibration, ProbabilityRange};
pub use cell::{CELL_SCHEMA, RANKING_SCHEMA, StudyCell, StudyRanking, StudyRung};
pub use cost::{DataCost, StudyCost};
pub use plan::{PLAN_SCHEMA, PlannedData, StudyPlan};
pub use tables::scores_csv;
pub(crate) use text::{DECISIONS, known};

/// Name and version of the document.
pub const SCHEMA: &str = "ranktune.study/1";

/// A finished study.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Study {
    /// [`SCHEMA`].
    pub schema: String,
    /// All settings that decide the result, by their names on the command line.
    pub settings: Map<String, Value>,
    /// The data sets.
    pub data: Vec<StudyData>,
    /// The models that take at least one of them.
    pub models: Vec<StudyModel>,
    /// Models that take none of the data sets, or cannot be used.
    pub skipped: Vec<SkippedModel>,
    /// Number of tunings that have a value.
    pub measured: usize,
    /// Tunings and rankings that have none, with the reason.
    pub failures: Vec<StudyFailure>,
    /// Mean values over seeds.
    pub accuracies: Vec<StudyAccuracy>,
    /// Scores against what was measured, by method, metric and kind of data.
    pub agreement: Vec<Agreement>,
    /// The decision model with one data set left out at a time.
    pub decisions: Vec<DecisionCalibration>,
    /// Methods against each other.
    pub methods: Vec<MethodTable>,
    /// Time.
    pub cost: StudyCost,
    /// What limits these figures.
    pub notes: Vec<String>,
}

/// A data set of a study.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StudyData {
    /// Its name in the other parts of the document.
    pub name: String,
    /// As it was given.
    pub path: String,
    /// `images`, `texts`, …
    pub kind: String,
    /// `classification`, `multilabel`, `regression` or `tokens`.
    pub task: String,
    /// The metric of the test samples that counts: higher is better.
    pub metric: String,
    /// Samples to rank with and to tune on, those of validation included; words with `tokens`.
    pub samples: usize,
    /// Samples that the tuned models are measured on.
    pub test_samples: usize,
    /// Where those come from.
    pub test_source: TestSource,
    /// Number of classes, labels or target columns.
    pub classes: usize,
    /// Content digest of training and test samples with their targets.
    pub digest: String,
    /// Models that take it.
    pub models: Vec<String>,
}

/// Where test samples come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TestSource {
    /// The data set's own test split.
    Split,
    /// A share of its samples, the same for every model, method and seed.
    HeldOut,
}

/// A model of a study.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StudyModel {
    /// Name in the hub.
    pub name: String,
    /// Content digest of its files.
    pub digest: String,
    /// Number of weights.
    pub parameters: u64,
}

/// A tuning or a ranking without a value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StudyFailure {
    /// The data set.
    pub data: String,
    /// The model; absent for a ranking that failed for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The tuning method; absent for rankings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// The seed; absent for rankings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// Why.
    pub reason: String,
}
