//! A measure of validation that a caller chooses.

use crate::targets::TrainTargets;

/// A measure of validation other than the task's own.
pub trait ValidationMetric: Sync {
    /// Its name in records.
    fn name(&self) -> &str;

    /// The value, larger is better, of logits `[rows, columns]` for all rows of `targets`, in order; regression: in the
    /// units of the data.
    fn value(&self, logits: &[f32], targets: &TrainTargets) -> f64;
}
