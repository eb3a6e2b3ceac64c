//! Which run a checkpoint belongs to: digests of the model and the data, and everything else that decides the weights.
//!
//! The digests are computed here and not by `ranktune_core::digest`, because checkpoints of version 1 hold these.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::job::TrainingJob;
use crate::targets::{TargetValues, TrainTargets};

/// What decides which weights come out. A run is only resumed from a checkpoint with the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Identity {
    pub model: String,
    pub data: String,
    pub method: String,
    /// JSON; compared as text, so that no number is rounded.
    pub settings: String,
}

impl Identity {
    /// The identity of a job whose BatchNormalization runs as `batch_norm`.
    pub(crate) fn of(job: &TrainingJob<'_>, batch_norm: &str) -> Result<Self> {
        let model = job
            .model
            .to_bytes()
            .map_err(|error| Error::model("the model cannot be written").caused_by(error))?;
        let mut data = blake3::Hasher::new();
        add_targets(&mut data, job.targets);
        data.update(job.samples.digest().as_bytes());
        if let Some(validation) = &job.validation {
            add_targets(&mut data, validation.targets);
            data.update(validation.samples.digest().as_bytes());
        }
        let mut settings = serde_json::to_value(job.options)
            .map_err(|error| Error::input("the options cannot be written").caused_by(error))?;
        settings["batch_norm"] = batch_norm.into();
        Ok(Self {
            model: short(blake3::hash(&model)),
            data: short(data.finalize()),
            method: job.method.describe(),
            settings: settings.to_string(),
        })
    }
}

/// A digest of arrays of numbers, for [`crate::Method::describe`].
pub(crate) fn digest_of_floats(parts: &[&[f32]]) -> String {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        for value in *part {
            hasher.update(&value.to_le_bytes());
        }
    }
    short(hasher.finalize())
}

fn short(hash: blake3::Hash) -> String {
    hash.to_hex()[..16].to_owned()
}

fn add_targets(hasher: &mut blake3::Hasher, targets: &TrainTargets) {
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
