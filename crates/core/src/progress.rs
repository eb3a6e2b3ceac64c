//! What long work reports while it runs.

/// A step of long work.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event<'a> {
    /// Extraction of a model's features begins, or goes on after a pause.
    ModelStarted {
        /// Name in the hub.
        model: &'a str,
        /// Samples in all.
        samples: usize,
    },
    /// So many samples are done.
    Samples {
        /// Name in the hub.
        model: &'a str,
        /// Done so far.
        done: usize,
    },
    /// A model's features are complete.
    ModelFinished {
        /// Name in the hub.
        model: &'a str,
        /// Time it took.
        seconds: f64,
        /// Samples that ran through the model.
        computed: usize,
        /// Samples of the data set; the others came from the cache.
        samples: usize,
    },
    /// A run of training is complete.
    TrainingFinished {
        /// The run, such as `training resnet18`.
        model: &'a str,
        /// Time it took.
        seconds: f64,
    },
    /// A model is left alone while others go on.
    ModelStopped {
        /// Name in the hub.
        model: &'a str,
        /// Why.
        reason: &'a str,
    },
    /// A model cannot be used.
    ModelSkipped {
        /// Name in the hub.
        model: &'a str,
        /// Why, and what to try.
        reason: &'a str,
    },
    /// A part of long work is done, such as an epoch of training; a line that says how it went.
    Done(&'a str),
    /// Bytes of a file are about to come from a hub.
    DownloadStarted {
        /// The repository, such as `hf:BAAI/bge-small-en-v1.5`.
        repository: &'a str,
        /// Name in the repository.
        file: &'a str,
        /// Length, if the hub says it.
        bytes: Option<u64>,
    },
    /// So much of a file is here, earlier runs counted.
    Downloaded {
        /// The repository.
        repository: &'a str,
        /// Name in the repository.
        file: &'a str,
        /// Bytes.
        received: u64,
    },
    /// A file is here and verified.
    DownloadFinished {
        /// The repository.
        repository: &'a str,
        /// Name in the repository.
        file: &'a str,
    },
    /// A repository cannot be had; whoever asked for it says why.
    DownloadFailed {
        /// The repository.
        repository: &'a str,
    },
    /// A stage of long work starts.
    Stage {
        /// Its number, from 1.
        number: usize,
        /// Number of stages.
        count: usize,
        /// Its name.
        name: &'a str,
    },
    /// Something the user should know.
    Note(&'a str),
}

/// Receives [`Event`]s, from several threads.
pub trait Progress: Sync {
    /// Called as each step happens.
    fn event(&self, event: Event<'_>);
}

/// Nobody watches.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn event(&self, _: Event<'_>) {}
}
