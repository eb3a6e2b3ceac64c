//! `ranktune.evaluation/1`: metrics of a model on a data set; and `ranktune.predictions/1`: its prediction for each input.

mod details;
mod predictions;
mod samples;
mod table;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::ranking::Unreadable;

pub use details::{CalibrationCurve, ClassMetrics, ColumnResiduals, ConfidenceBin, ConfusedPair, WrongPrediction};
pub use predictions::{PREDICTIONS_SCHEMA, Prediction, Predictions, TaggedWord};
pub use samples::EvaluatedSamples;

/// Name and version of the document.
pub const SCHEMA: &str = "ranktune.evaluation/1";

/// Metrics of a model on a data set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// [`SCHEMA`].
    pub schema: String,
    /// The model, as the user named it.
    pub model: String,
    /// The data set, as the user named it.
    pub data: String,
    /// `classification`, `multilabel`, `regression` or `tokens`.
    pub task: String,
    /// Number of predicted samples.
    pub samples: usize,
    /// Metrics by name; `null` for a metric that is not defined on these data.
    pub metrics: Map<String, Value>,
    /// 95 % intervals of metrics that are shares of samples, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub intervals: BTreeMap<String, [f64; 2]>,
    /// By class, label or type of entity.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<ClassMetrics>,
    /// Pairs of classes that are confused, the most frequent first; at most [`MOST_CONFUSED`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub confused: Vec<ConfusedPair>,
    /// Classification: the wrong predictions with the highest probability, the highest first; at most [`WORST`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<WrongPrediction>,
    /// Classification: calibration of the probabilities.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration: Option<CalibrationCurve>,
    /// Regression: residuals by target column.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub residuals: Vec<ColumnResiduals>,
    /// Unreadable samples with the reason; excluded from all metrics.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<Unreadable>,
}

/// Pairs of classes in [`Evaluation::confused`].
pub const MOST_CONFUSED: usize = 20;
/// Wrong predictions in [`Evaluation::errors`].
pub const WORST: usize = 16;
