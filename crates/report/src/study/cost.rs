//! The time of ranking against that of tuning everything.

use serde::{Deserialize, Serialize};

/// Time by data set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StudyCost {
    /// By data set.
    pub data: Vec<DataCost>,
    /// All data sets together.
    pub ranking_seconds: f64,
    /// All data sets together: every model tuned once by the first method.
    pub tuning_seconds: f64,
    /// `tuning_seconds` over `ranking_seconds`; `null` without either.
    pub seconds_ratio: Option<f64>,
}

/// One data set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DataCost {
    /// The data set.
    pub data: String,
    /// Models that were both ranked and tuned; only their time counts.
    pub models: usize,
    /// Features of all models.
    pub extract_seconds: f64,
    /// All scores of all models.
    pub score_seconds: f64,
    /// Every model tuned once by the first method, with its search of the learning rate; the mean over seeds.
    pub tuning_seconds: f64,
    /// `tuning_seconds` over `extract_seconds + score_seconds`; `null` without either.
    pub seconds_ratio: Option<f64>,
}
