//! What training reports while it runs.

use std::path::Path;

use super::EpochRecord;

/// A step of training.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event<'a> {
    /// Training begins, or goes on from a checkpoint.
    Started {
        /// Steps in all.
        steps: u64,
        /// Steps done before, in an earlier run.
        done: u64,
        /// Epochs in all.
        epochs: usize,
    },
    /// A step is done.
    Step {
        /// Steps done.
        step: u64,
        /// Epoch it belongs to, from 0.
        epoch: usize,
        /// The loss of the batch.
        loss: f32,
        /// Learning rate of the backbone.
        learning_rate: f32,
    },
    /// Validation goes on.
    Validating {
        /// Samples done.
        done: usize,
        /// Samples in all.
        samples: usize,
    },
    /// An epoch is done.
    Epoch(&'a EpochRecord),
    /// A checkpoint was written.
    Checkpoint {
        /// Where.
        path: &'a Path,
        /// Steps done.
        step: u64,
    },
    /// Something the user should know.
    Note(&'a str),
}

/// Receives [`Event`]s.
pub trait Watch: Sync {
    /// Called as each step happens.
    fn event(&self, event: Event<'_>);
}

/// Nobody watches.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Watch for Silent {
    fn event(&self, _: Event<'_>) {}
}
