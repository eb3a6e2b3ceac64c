//! What training reports while it runs.

use std::path::Path;

use ranktune_core::Silent;

use crate::outcome::EpochRecord;

/// A step of training.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum TrainEvent<'a> {
    /// Training starts, or resumes from a checkpoint.
    Started {
        /// Number of steps of the run.
        steps: u64,
        /// Steps that the checkpoint holds already.
        done: u64,
        /// Number of epochs.
        epochs: usize,
    },
    /// Batches run in smaller parts than before, to fit into [`TrainOptions::memory`](crate::TrainOptions::memory).
    Parts {
        /// Samples of a part.
        samples: usize,
        /// Whether BatchNormalization uses the statistics of a part, so that the result is another than that of whole batches.
        has_batch_statistics: bool,
    },
    /// A step is done.
    Step {
        /// Steps done.
        step: u64,
        /// Epoch of the step, from 0.
        epoch: usize,
        /// The loss of the batch.
        loss: f32,
        /// Learning rate of the backbone.
        learning_rate: f32,
    },
    /// Validation is running.
    Validating {
        /// Samples done.
        done: usize,
        /// Number of samples.
        samples: usize,
    },
    /// An epoch is done.
    Epoch(&'a EpochRecord),
    /// A checkpoint was written.
    Checkpoint {
        /// The file.
        path: &'a Path,
        /// Steps done.
        step: u64,
    },
}

/// Receives [`TrainEvent`]s.
pub trait TrainObserver: Sync {
    /// Called as each event happens.
    fn event(&self, event: TrainEvent<'_>);
}

impl TrainObserver for Silent {
    fn event(&self, _: TrainEvent<'_>) {}
}
