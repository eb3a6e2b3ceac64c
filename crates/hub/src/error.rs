//! The error of this crate: its kind, the file it is about, and the cause.

use std::path::{Path, PathBuf};

use ranktune_core::BoxError;
use ranktune_core::error::bounded;

/// The kind of an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A file could not be opened, read or written.
    Io,
    /// A configuration file is not valid, or a field has an unexpected type or value.
    Malformed,
    /// A configuration is valid but asks for something that is not supported; the text names it.
    Unsupported,
    /// Two things that must agree do not, such as a preprocessor's size and the graph's input.
    Mismatch,
    /// No model was found where one was expected.
    NotFound,
    /// A server could not be reached, or kept failing.
    Network,
    /// A download is needed, but the network may not be used.
    Offline,
    /// The server asks for a token, or for conditions to be accepted.
    Denied,
    /// The user interrupted the download; received bytes are kept.
    Interrupted,
    /// A server's response cannot be trusted: a wrong checksum or size, or an unsafe file name or redirect.
    Untrusted,
}

/// An error about a hub, a model's folder or its preprocessing.
#[derive(Debug, thiserror::Error)]
#[error("{}{message}", prefix(.path.as_deref()))]
pub struct Error {
    kind: ErrorKind,
    path: Option<PathBuf>,
    message: String,
    #[source]
    cause: Option<BoxError>,
}

/// `PATH: `, or nothing.
fn prefix(path: Option<&Path>) -> String {
    path.map(|path| format!("{}: ", path.display())).unwrap_or_default()
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            path: None,
            message: bounded(message),
            cause: None,
        }
    }

    /// An error of the file system about `path`; `message` says what was tried.
    pub(crate) fn io(message: impl Into<String>, cause: std::io::Error, path: &Path) -> Self {
        Self::new(ErrorKind::Io, message).caused_by(cause).in_file(path)
    }

    pub(crate) fn malformed(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Malformed, message)
    }

    pub(crate) fn unsupported(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unsupported, message)
    }

    pub(crate) fn mismatch(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Mismatch, message)
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotFound, message)
    }

    /// Names the file the error is about, unless one is named already.
    #[must_use]
    pub(crate) fn in_file(mut self, path: &Path) -> Self {
        self.path.get_or_insert_with(|| path.to_owned());
        self
    }

    /// Puts the subject of the error, such as `hf:BAAI/bge-small-en-v1.5`, before the message.
    #[must_use]
    pub(crate) fn about(mut self, subject: &str) -> Self {
        self.message = format!("{subject}: {}", self.message);
        self
    }

    #[must_use]
    pub(crate) fn caused_by(mut self, cause: impl Into<BoxError>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// The kind.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The file or folder, if the error is about one.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }
}
