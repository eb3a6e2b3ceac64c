//! What lies behind the metrics: classes, confusions, calibration, residuals.

use serde::{Deserialize, Serialize};

/// How one class, label or type of entity is predicted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassMetrics {
    /// The class.
    pub name: String,
    /// Samples (or entities) that are of the class.
    pub support: usize,
    /// Samples that are predicted to be.
    pub predicted: usize,
    /// Share of the predicted ones that are; 0 where none is predicted.
    pub precision: f64,
    /// Share of those that are which are predicted to be; 0 where there are none.
    pub recall: f64,
    /// The harmonic mean of precision and recall.
    pub f1: f64,
}

/// Samples of one class that are taken for another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfusedPair {
    /// The class of the samples.
    pub class: String,
    /// The class that is predicted.
    pub predicted: String,
    /// Number of samples.
    pub samples: usize,
}

/// A sample whose predicted class is wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WrongPrediction {
    /// Its file, or its number.
    pub sample: String,
    /// The beginning of its text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// A small picture of it, as a `data:` address; in reports with `--thumbnails` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thumbnail: Option<String>,
    /// Its class.
    pub class: String,
    /// The class that is predicted.
    pub predicted: String,
    /// The probability of the predicted class.
    pub probability: f64,
}

/// Whether probabilities are shares of right predictions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CalibrationCurve {
    /// Mean difference of confidence and accuracy over the bins, weighted by samples; 0 is perfect.
    pub expected_calibration_error: f64,
    /// Bins of confidence that have samples.
    pub bins: Vec<ConfidenceBin>,
}

/// Samples of similar confidence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConfidenceBin {
    /// Lower end of the bin, exclusive.
    pub low: f64,
    /// Upper end, inclusive.
    pub high: f64,
    /// Number of samples.
    pub samples: usize,
    /// Mean confidence.
    pub confidence: f64,
    /// Share of right predictions.
    pub accuracy: f64,
}

/// How far predictions of numbers lie from the targets, in the units of the column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ColumnResiduals {
    /// The column.
    pub column: String,
    /// Mean of prediction minus target.
    pub mean: f64,
    /// Standard deviation of the same.
    pub standard_deviation: f64,
    /// Quantiles at 5, 25, 50, 75 and 95 %.
    pub quantiles: [f64; 5],
}
