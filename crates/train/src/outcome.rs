//! The results of a run.

use std::path::PathBuf;

use ranktune_onnx::Model;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The result of a validation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ValidationRecord {
    /// Mean loss of the task (without a method's own terms), without label smoothing; regression: of standardised targets.
    pub loss: f64,
    /// Name of [`ValidationRecord::value`]: `accuracy` (classes), `map` (multi-label), `r2` (regression), or that of a [`crate::ValidationMetric`].
    pub metric: String,
    /// Larger is better.
    pub value: f64,
    /// Macro F1, of classes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub f1_macro: Option<f64>,
}

impl Stopped {
    /// The name in documents.
    pub fn name(self) -> &'static str {
        match self {
            Self::Patience => "patience",
            Self::Budget => "budget",
        }
    }
}

impl ValidationRecord {
    /// Whether this is better: by the metric, then by the loss.
    pub fn is_better_than(&self, other: &Self) -> bool {
        self.value > other.value || (self.value == other.value && self.loss < other.loss)
    }
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
    /// The validation after it, where there are validation samples.
    pub validation: Option<ValidationRecord>,
    /// Wall-clock time with validation.
    pub seconds: f64,
}

/// A finished run, or one as far as it came.
#[derive(Clone, Debug)]
pub struct Trained {
    /// The model with trained weights, running statistics and head: `logits` in the targets' units, dynamic batch.
    pub model: Model,
    /// All epochs, including those before a checkpoint.
    pub epochs: Vec<EpochRecord>,
    /// The epoch whose weights the model has, from 0.
    pub chosen_epoch: usize,
    /// Steps of these epochs.
    pub steps: u64,
    /// Time of this run's training steps, with waiting for samples and without validation.
    pub step_seconds: f64,
    /// The steps that [`Trained::step_seconds`] counts: those of this run.
    pub steps_timed: u64,
    /// Samples of the smallest part in which a batch ran to fit into [`TrainOptions::memory`](crate::TrainOptions::memory); `None` where all
    /// batches ran as a whole.
    pub micro_batch: Option<usize>,
    /// How BatchNormalization ran: `train`, `frozen`, `adapted` or `stochastic`; never `auto`.
    pub batch_norm: &'static str,
    /// What ended the run before its last epoch; `None` where nothing did.
    pub stopped: Option<Stopped>,
    /// What the method chose at the end, by name.
    pub method_settings: Map<String, Value>,
    /// The validation of `model`, where the method made it of the trained one.
    pub final_validation: Option<ValidationRecord>,
}

/// What ends a run before its last epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stopped {
    /// The validation metric has not risen for [`TrainOptions::patience`](crate::TrainOptions::patience) epochs.
    Patience,
    /// Another epoch would not have fitted into [`TrainOptions::seconds`](crate::TrainOptions::seconds).
    Budget,
}

/// How a run ended.
#[derive(Debug)]
pub enum TrainOutcome {
    /// All steps are done.
    Finished(Box<Trained>),
    /// It paused after the epochs that [`Checkpoints::pause_after`](crate::Checkpoints::pause_after) asks for, with a checkpoint. The model
    /// is the best so far.
    Paused(Box<Trained>),
    /// It was interrupted; a checkpoint was written first, where there is a folder for it.
    Interrupted {
        /// Steps done.
        step: u64,
        /// Steps of all epochs.
        steps: u64,
        /// The checkpoint.
        checkpoint: Option<PathBuf>,
    },
}
