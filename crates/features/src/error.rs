//! The errors of engines, extraction and the feature store.

use ranktune_core::BoxError;
use ranktune_core::error::bounded;

/// The kind of an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// No engine has that name.
    UnknownEngine,
    /// The engine is known, but not compiled into this build.
    NotInBuild,
    /// The engine needs a library, and none was found.
    LibraryNotFound,
    /// A library was found but cannot be used: it is too old, for another machine, or another library.
    LibraryUnusable,
    /// The graph is refused: it cannot be read, or uses an operator or a type that the engine does not support.
    UnsupportedModel,
    /// A requested input or output does not fit the graph.
    InvalidInput,
    /// The engine failed while it ran the graph.
    Inference,
    /// The engine panicked; the process continues.
    Panicked,
    /// Too many samples cannot be read.
    UnreadableInputs,
    /// The work was interrupted; finished work is kept.
    Interrupted,
    /// A file of the store could not be opened, read or written.
    Io,
    /// An entry of the store does not match its checksums.
    Corrupt,
}

/// An error about an engine, a graph in an engine, or the store.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    kind: ErrorKind,
    message: String,
    #[source]
    source: Option<BoxError>,
}

impl Error {
    /// An error of `kind`; `message` names the thing, what was expected and what was found.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: bounded(message),
            source: None,
        }
    }

    /// Keeps the cause, which only `source()` returns.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<BoxError>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Names the tensor that the error is about.
    #[must_use]
    pub(crate) fn about(mut self, tensor: &str) -> Self {
        self.message = format!("tensor {tensor:?}: {}", self.message);
        self
    }

    /// Adds what the user can try.
    #[must_use]
    pub(crate) fn or_try(mut self, advice: &str) -> Self {
        self.message = format!("{}; {advice}", self.message);
        self
    }

    /// The kind.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}

impl From<ranktune_onnx::Error> for Error {
    fn from(error: ranktune_onnx::Error) -> Self {
        Self::new(
            ErrorKind::UnsupportedModel,
            "the graph cannot be prepared for an engine",
        )
        .caused_by(error)
    }
}
