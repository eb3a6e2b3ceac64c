//! What can be wrong with a hub, a model's folder, or its preprocessing, with the file it was found in.

use std::fmt;
use std::path::{Path, PathBuf};

/// The kind of an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A file could not be opened or read.
    Io,
    /// A configuration file is not JSON, or a field of it is not what it must be.
    Malformed,
    /// A configuration is read but asks for something that is not supported here; the text names it.
    Unsupported,
    /// Two things that must agree do not, such as a preprocessor's size and the graph's input.
    Mismatch,
    /// No model was found where one was expected.
    NotFound,
    /// A server could not be reached, or kept failing.
    Network,
    /// Something would have to be downloaded, but the network is not to be used.
    Offline,
    /// The server asks for a token, or for conditions to be accepted.
    Denied,
    /// The user has asked to stop; what has arrived is kept.
    Interrupted,
    /// A server's answer is not to be trusted: wrong checksum or size, a file name or a redirect that leads astray.
    Untrusted,
}

/// An error about a hub, a model's folder or its preprocessing.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    path: Option<PathBuf>,
    message: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            path: None,
            message: message.into(),
            source: None,
        }
    }

    pub(crate) fn malformed(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Malformed, message)
    }

    pub(crate) fn unsupported(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unsupported, message)
    }

    /// Names the file the error is about, unless one is named already.
    #[must_use]
    pub(crate) fn in_file(mut self, path: &Path) -> Self {
        self.path.get_or_insert_with(|| path.to_owned());
        self
    }

    /// Puts what the error is about, such as `hf:BAAI/bge-small-en-v1.5`, before the message.
    #[must_use]
    pub(crate) fn about(mut self, what: &str) -> Self {
        self.message = format!("{what}: {}", self.message);
        self
    }

    #[must_use]
    pub(crate) fn caused_by(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
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

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(path) = &self.path {
            write!(f, "{}: ", path.display())?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
