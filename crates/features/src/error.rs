//! What can go wrong between a graph and its features.

use std::fmt;

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
    /// A library was found, but cannot be used: too old, for another machine, or not what its name says.
    LibraryUnusable,
    /// The graph is refused: it cannot be read, or uses an operator or a type that the engine does not have.
    UnsupportedModel,
    /// An input or output that was asked for does not fit the graph.
    InvalidInput,
    /// The engine failed while it ran the graph.
    Inference,
    /// The engine panicked; the process goes on.
    Panicked,
    /// Too many samples cannot be read.
    UnreadableInputs,
    /// The work was interrupted; what is finished is kept.
    Interrupted,
    /// A file of the store could not be opened, read or written.
    Io,
    /// An entry of the store does not hold what its checksums say.
    Corrupt,
}

/// An error about an engine, a graph in an engine, or the store.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error of `kind`; `message` names the thing, what was expected and what was found.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            source: None,
        }
    }

    /// Keeps the cause; it is shown by `source()` only.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Names the tensor that it is about.
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

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
