//! What a checkpoint says of the run it belongs to.

use super::checkpoint::Identity;
use super::job::Job;
use super::{TargetValues, Targets};
use ranktune_nn::{Error, Result};

/// The identity of a job.
pub(super) fn of(job: &Job<'_>, batch_norm: &str) -> Result<Identity> {
    let broken = |error| Error::invalid("the model cannot be written").caused_by(error);
    let model = blake3::hash(&job.model.to_bytes().map_err(broken)?);
    let mut data = blake3::Hasher::new();
    hash(&mut data, job.targets);
    data.update(job.samples.digest().as_bytes());
    if let Some(validation) = &job.validation {
        hash(&mut data, validation.targets);
        data.update(validation.samples.digest().as_bytes());
    }
    let mut settings = serde_json::to_value(job.options)
        .map_err(|error| Error::invalid("the settings cannot be written").caused_by(error))?;
    settings["batch_norm"] = batch_norm.into();
    Ok(Identity {
        model: short(model),
        data: short(data.finalize()),
        method: job.method.describe(),
        settings: settings.to_string(),
    })
}

fn short(hash: blake3::Hash) -> String {
    hash.to_hex()[..16].to_owned()
}

fn hash(hasher: &mut blake3::Hasher, targets: &Targets) {
    hasher.update(&(targets.n_samples() as u64).to_le_bytes());
    hasher.update(&(targets.columns() as u64).to_le_bytes());
    for sample in 0..targets.n_samples() {
        hasher.update(&(targets.rows_of(sample).end as u64).to_le_bytes());
    }
    match targets.values() {
        TargetValues::Classes { labels, .. } => labels.iter().for_each(|label| {
            hasher.update(&label.to_le_bytes());
        }),
        TargetValues::MultiLabel { values, .. } | TargetValues::Regression { values, .. } => {
            values.iter().for_each(|value| {
                hasher.update(&value.to_le_bytes());
            });
        }
    }
}
