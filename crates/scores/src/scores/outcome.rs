//! The result of a score.

use crate::evidence::Evidence;

/// The value of a score, and for LogME the evidence of its columns.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ScoreOutcome {
    /// The score; higher is better.
    pub value: f64,
    /// LogME's columns.
    pub evidence: Option<Evidence>,
    /// A first-order bound of the error of LogME's value.
    pub error_bound: Option<f64>,
}

impl ScoreOutcome {
    pub(super) fn of(value: f64) -> Self {
        Self {
            value,
            evidence: None,
            error_bound: None,
        }
    }
}
