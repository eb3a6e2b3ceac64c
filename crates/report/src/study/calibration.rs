//! Predictions of the decision model against what was measured.

use serde::{Deserialize, Serialize};

/// The decision model with one data set left out at a time: it knows what was measured on the others, and the scores on this one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DecisionCalibration {
    /// The tuning method.
    pub method: String,
    /// The metric.
    pub metric: String,
    /// The kind of the data sets, such as `images`.
    pub kind: String,
    /// The scores that it knows beside the record of the other data sets.
    pub scores: Vec<String>,
    /// Number of data sets.
    pub data_sets: usize,
    /// Number of predictions: models, each on every data set.
    pub predictions: usize,
    /// Mean weighted τ of expected and measured values.
    pub weighted_tau: Option<f64>,
    /// Mean over data sets of the best value minus that of the first model.
    pub top_1_regret: Option<f64>,
    /// The same as it was expected beforehand.
    pub expected_regret: Option<f64>,
    /// Levels of the intervals, such as 0.5, 0.8 and 0.9.
    pub levels: Vec<f64>,
    /// Share of the values inside them.
    pub coverage: Vec<f64>,
    /// The same for the differences of values from the mean of the data set's models.
    pub coverage_of_differences: Vec<f64>,
    /// Mean Brier score of P(best), 0 to 2; lower is better.
    pub brier: Option<f64>,
    /// That of the same probability for every model.
    pub uniform_brier: Option<f64>,
    /// P(best) against how often the model was the best.
    pub bins: Vec<ProbabilityRange>,
}

/// Predictions of P(best) in one range.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProbabilityRange {
    /// The upper end; the lower one is that of the range before.
    pub below: f64,
    /// Number of predictions.
    pub predictions: usize,
    /// Their mean; `null` without any.
    pub probability: Option<f64>,
    /// The share of these models that was the best; `null` without any.
    pub best: Option<f64>,
}
