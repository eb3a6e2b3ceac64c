//! Why an image could not be decoded.

use std::path::{Path, PathBuf};

use ranktune_core::BoxError;

/// The kind of an [`ImageError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ImageErrorKind {
    /// The file could not be opened or read.
    Io,
    /// The bytes are not an image, or the image is damaged or truncated.
    Malformed,
    /// A format, or a variant of a format, that is not supported; the text names it.
    Unsupported,
    /// More pixels or bytes than the limit.
    TooLarge,
    /// The file is no longer the one that was looked at before.
    Changed,
}

/// Why an image could not be decoded.
#[derive(Debug, thiserror::Error)]
#[error("{}{message}", path.as_ref().map_or_else(String::new, |path| format!("{}: ", path.display())))]
pub struct ImageError {
    kind: ImageErrorKind,
    path: Option<PathBuf>,
    message: String,
    source: Option<BoxError>,
}

impl ImageError {
    pub(crate) fn new(kind: ImageErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            path: None,
            message: message.into(),
            source: None,
        }
    }

    pub(super) fn malformed(message: impl Into<String>) -> Self {
        Self::new(ImageErrorKind::Malformed, message)
    }

    pub(super) fn unsupported(message: impl Into<String>) -> Self {
        Self::new(ImageErrorKind::Unsupported, message)
    }

    pub(super) fn caused_by(mut self, source: impl Into<BoxError>) -> Self {
        self.source = Some(source.into());
        self
    }

    pub(crate) fn in_file(mut self, path: &Path) -> Self {
        self.path = Some(path.to_owned());
        self
    }

    /// The kind.
    pub fn kind(&self) -> ImageErrorKind {
        self.kind
    }

    /// The message without the file, for lists that name the file by themselves.
    pub fn reason(&self) -> String {
        match &self.source {
            Some(cause) => format!("{}: {cause}", self.message),
            None => self.message.clone(),
        }
    }

    /// The file, if the error is about one.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }
}
