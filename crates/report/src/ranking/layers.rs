//! The scores of a model's layers.

use serde::{Deserialize, Serialize};

/// The score of one layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerScore {
    /// The tensor.
    pub name: String,
    /// Features a sample.
    pub dim: usize,
    /// The score that orders the ranking.
    pub score: f64,
    /// Of `score`.
    pub standard_error: Option<f64>,
}
