//! What was measured: one row for every model, data set and method, and the methods against each other.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::cell::StudyRung;

/// A model on a data set, tuned by a method with every seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StudyAccuracy {
    /// The data set.
    pub data: String,
    /// The model.
    pub model: String,
    /// The method.
    pub method: String,
    /// The metric.
    pub metric: String,
    /// How it was measured, in words: method, samples, epochs, learning rates. Values of different protocols are not comparable.
    pub protocol: String,
    /// Mean over the seeds that have a value.
    pub value: f64,
    /// Standard deviation over those seeds; `null` for one.
    pub deviation: Option<f64>,
    /// The value of every seed, in order; failed ones are left out.
    pub values: Vec<f64>,
    /// Mean wall-clock time of a tuning.
    pub seconds: f64,
    /// The model's scores on the data set, by name.
    pub scores: BTreeMap<String, f64>,
    /// What the beginning of the tunings said, mean over the seeds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rungs: Vec<StudyRung>,
}

/// The methods on one data set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MethodTable {
    /// The data set.
    pub data: String,
    /// The metric.
    pub metric: String,
    /// Number of models that every method has tuned; the means are over these.
    pub models: usize,
    /// By method, in the order in which they were named.
    pub methods: Vec<MethodMean>,
}

/// A method on one data set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MethodMean {
    /// The method.
    pub method: String,
    /// Mean over models, each the mean over its seeds; `null` without models.
    pub value: Option<f64>,
    /// The highest of the models.
    pub best: Option<f64>,
    /// Mean difference from the first method over models.
    pub difference: Option<f64>,
    /// Standard error of that difference from its deviation over models; `null` for the first method, and for one model.
    pub standard_error: Option<f64>,
    /// Mean wall-clock time of a tuning.
    pub seconds: Option<f64>,
}
