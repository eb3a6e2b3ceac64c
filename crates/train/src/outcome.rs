//! What a run gives.

use std::path::PathBuf;

use ranktune_onnx::Model;
use serde::{Deserialize, Serialize};

/// What validation found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ValidationRecord {
    /// Mean loss of the task (without a method's own terms), without label smoothing; regression: of standardised targets.
    pub loss: f64,
    /// Name of [`ValidationRecord::value`]: `accuracy` (classes), `map` (multi-label), `r2` (regression) or a judge's own.
    pub metric: String,
    /// Larger is better.
    pub value: f64,
}

/// An epoch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochRecord {
    /// From 0.
    pub epoch: usize,
    /// Steps done by its end.
    pub step: u64,
    /// Mean loss over its steps, with all terms.
    pub loss: f64,
    /// Mean of each term over its steps.
    pub parts: Vec<(String, f64)>,
    /// Validation, where there are validation samples.
    pub validation: Option<ValidationRecord>,
    /// Time it took, validation included.
    pub seconds: f64,
}

/// A finished run.
#[derive(Clone, Debug)]
pub struct Trained {
    /// The model with trained weights, running statistics and head: `logits` in the targets' units, dynamic batch.
    pub model: Model,
    /// Epochs, those before a checkpoint included.
    pub epochs: Vec<EpochRecord>,
    /// The epoch whose weights the model has.
    pub chosen_epoch: usize,
    /// Steps in all.
    pub steps: u64,
    /// Time of the training steps of this run (loading waited for included, validation not).
    pub step_seconds: f64,
    /// Steps of this run, which [`Trained::step_seconds`] counts.
    pub steps_timed: u64,
    /// What BatchNormalization did: `train`, `frozen` or `adapted`, after `auto` has been decided.
    pub batch_norm: &'static str,
}

/// How a run ended.
#[derive(Debug)]
pub enum Outcome {
    /// All steps are done.
    Finished(Box<Trained>),
    /// It was asked to stop; a checkpoint was written first, where there is a folder for it.
    Interrupted {
        /// Steps done.
        step: u64,
        /// Steps in all.
        steps: u64,
        /// The checkpoint.
        checkpoint: Option<PathBuf>,
    },
}
