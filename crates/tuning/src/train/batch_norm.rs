//! What `auto` makes of BatchNormalization.

use super::BatchNorm;
use super::run::Job;

/// Running statistics up to this many training samples.
const FEW: usize = 2000;

/// The choice for a job.
pub(super) fn auto(job: &Job<'_>) -> BatchNorm {
    match job.targets.n_samples() <= FEW {
        true => BatchNorm::Frozen,
        false => BatchNorm::Train,
    }
}
