//! Scores against what was measured.

use serde::{Deserialize, Serialize};

/// Every score against the accuracies of one method, on data sets of one metric and kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Agreement {
    /// The tuning method.
    pub method: String,
    /// The metric.
    pub metric: String,
    /// The kind of the data sets, such as `images`.
    pub kind: String,
    /// Coverage of the intervals, such as 0.9.
    pub level: f64,
    /// By score, in the order of the table of scores.
    pub scores: Vec<ScoreAgreement>,
}

/// One score.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScoreAgreement {
    /// Its name.
    pub score: String,
    /// Mean weighted τ over the data sets on which it is defined.
    pub weighted_tau: Option<f64>,
    /// Its interval with these data sets: models and seeds are drawn again.
    pub interval: Option<[f64; 2]>,
    /// Mean over data sets of the best value minus that of the score's first model.
    pub top_1_regret: Option<f64>,
    /// The same with the best of the score's first three.
    pub top_3_regret: Option<f64>,
    /// By data set.
    pub data: Vec<DataAgreement>,
}

/// One score on one data set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DataAgreement {
    /// The data set.
    pub data: String,
    /// Models that have both a score and a value.
    pub models: usize,
    /// Weighted Kendall τ; `null` with fewer than two models, or where scores or values are all the same.
    pub weighted_tau: Option<f64>,
    /// Its interval: models and seeds are drawn again.
    pub interval: Option<[f64; 2]>,
    /// The best value minus that of the score's first model.
    pub top_1_regret: Option<f64>,
    /// The same with the best of the score's first three.
    pub top_3_regret: Option<f64>,
}
