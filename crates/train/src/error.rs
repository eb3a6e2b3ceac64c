//! What stops training.

use ranktune_core::BoxError;
use ranktune_nn::ErrorKind as GraphErrorKind;

/// The kind of an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Options, targets, samples or a method's settings are out of range or do not fit each other, or a sample cannot be loaded.
    Input,
    /// The model lacks what training needs, such as an output or its new head, or its head does not fit the targets.
    Model,
    /// The model's graph cannot be trained or run; the graph's own kind.
    Graph(GraphErrorKind),
    /// The loss is not a number, or has exploded.
    Diverged,
    /// A checkpoint is damaged, or belongs to another model, method, data set or other options.
    Checkpoint,
    /// A file cannot be read or written.
    File,
}

/// An error of training: what was expected and what was found. The cause is in `source()` only.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct Error(Inner);

/// The result of everything here that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug, thiserror::Error)]
enum Inner {
    #[error("{message}")]
    Training {
        kind: ErrorKind,
        message: String,
        source: Option<BoxError>,
    },
    #[error(transparent)]
    Graph(ranktune_nn::Error),
}

impl Error {
    /// An error of `kind`; `message` names what was expected and what was found.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Inner::Training {
            kind,
            message: message.into(),
            source: None,
        })
    }

    /// Options, targets or samples that do not fit.
    pub fn input(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Input, message)
    }

    /// A model that cannot be trained as it is.
    pub fn model(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Model, message)
    }

    /// A loss that exploded.
    pub fn diverged(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Diverged, message)
    }

    /// Keeps the cause, which `source()` shows. An error of the graph keeps its own.
    #[must_use]
    pub fn caused_by(mut self, cause: impl Into<BoxError>) -> Self {
        if let Inner::Training { source, .. } = &mut self.0 {
            *source = Some(cause.into());
        }
        self
    }

    /// The kind.
    pub fn kind(&self) -> ErrorKind {
        match &self.0 {
            Inner::Training { kind, .. } => *kind,
            Inner::Graph(error) => ErrorKind::Graph(error.kind()),
        }
    }
}

impl From<ranktune_nn::Error> for Error {
    fn from(error: ranktune_nn::Error) -> Self {
        Self(Inner::Graph(error))
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;

    #[test]
    fn an_error_of_the_graph_keeps_its_text_and_kind() {
        let graph = || ranktune_nn::Error::new(GraphErrorKind::Unsupported, "Loop").at_node("body", "Loop");
        let error = Error::from(graph());
        assert_eq!(error.to_string(), graph().to_string());
        assert_eq!(error.kind(), ErrorKind::Graph(GraphErrorKind::Unsupported));
        assert!(error.source().is_none());
    }

    #[test]
    fn the_cause_is_in_the_source_and_not_in_the_text() {
        let error = Error::input("samples cannot be loaded").caused_by("cat.jpg: truncated");
        assert_eq!(error.to_string(), "samples cannot be loaded");
        assert_eq!(error.source().unwrap().to_string(), "cat.jpg: truncated");
    }
}
