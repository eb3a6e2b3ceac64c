//! The one error of the front door: what a part of it said, kept whole.

use std::error::Error as StdError;
use std::fmt;

/// What stopped the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The data set, or a file of features or targets, cannot be used.
    Data,
    /// No model of the hub can be used.
    Hub,
    /// Arguments that do not fit each other or the data.
    Arguments,
    /// A score is not defined for what it was given.
    Scores,
    /// Features could not be extracted.
    Extraction,
    /// The folder that results go to cannot be used or written to.
    Output,
    /// Training stopped, such as over a checkpoint that does not fit. What a checkpoint holds is kept.
    Training,
    /// The loss of training exploded; the text says at which step, and a learning rate to try.
    Diverged,
    /// [`crate::Interrupt`] was raised; finished work is kept.
    Interrupted,
}

/// An error with its kind; `source()` goes on to the causes.
pub struct Error {
    kind: ErrorKind,
    inner: Box<dyn StdError + Send + Sync>,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, inner: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self {
            kind,
            inner: inner.into(),
        }
    }

    /// The kind.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What a score said, where it was a score.
    pub(crate) fn scores_kind(&self) -> Option<ranktune_scores::ErrorKind> {
        self.inner
            .downcast_ref::<ranktune_scores::Error>()
            .map(ranktune_scores::Error::kind)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.kind)
            .field("inner", &self.inner)
            .finish()
    }
}

// The inner error stands for this one, so that a chain never prints it twice.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.inner, f)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.inner.source()
    }
}
