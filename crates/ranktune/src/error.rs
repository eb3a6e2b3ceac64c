//! The error of this crate. Its kind says what a caller can do; the error of the crate below is kept as the cause.
//!
//! ```text
//! data, hub, features, scores ──From──► Error { kind, cause } ──► exit code and text of the command line
//! ```
//!
//! `Display` and `source()` are those of the cause, so that a chain of errors prints no text twice. They are written by hand,
//! because `thiserror` forwards both only for a type with a single field, and the kind is a second one.

use std::error::Error as StdError;
use std::fmt;

use ranktune_core::BoxError;

/// The kind of an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The data set, or a file of features or targets, cannot be used.
    Data,
    /// No model of the hub can be used.
    Hub,
    /// The arguments do not fit each other or the data.
    Arguments,
    /// A score is not defined for its inputs.
    Scores,
    /// Features could not be extracted.
    Extraction,
    /// The output folder cannot be used or written to.
    Output,
    /// Training stopped, such as over a checkpoint that does not fit. The checkpoint is kept.
    Training,
    /// The training loss diverged; the text names the step and a learning rate to try.
    Diverged,
    /// [`crate::Interrupt`] was raised; finished work is kept.
    Interrupted,
}

/// An error of any entry point of this crate. `source()` continues with the causes.
pub struct Error {
    kind: ErrorKind,
    cause: BoxError,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, cause: impl Into<BoxError>) -> Self {
        Self {
            kind,
            cause: cause.into(),
        }
    }

    /// The kind.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Whether a file or folder could not be found, read or written.
    pub fn is_io(&self) -> bool {
        let of_data = self.cause.downcast_ref::<ranktune_data::Error>().is_some_and(|error| {
            let is_missing = || error.path().is_some_and(|path| !path.exists());
            match error.kind() {
                ranktune_data::ErrorKind::Io => true,
                ranktune_data::ErrorKind::NotFound => is_missing(),
                _ => false,
            }
        });
        of_data || self.kind == ErrorKind::Output || self.has_io_cause()
    }

    fn has_io_cause(&self) -> bool {
        let mut cause: Option<&(dyn StdError + 'static)> = Some(&*self.cause);
        while let Some(error) = cause {
            if error.is::<std::io::Error>() {
                return true;
            }
            cause = error.source();
        }
        false
    }

    /// The kind of the score's error, where the cause is one.
    pub(crate) fn scores_kind(&self) -> Option<ranktune_scores::ErrorKind> {
        self.cause
            .downcast_ref::<ranktune_scores::Error>()
            .map(ranktune_scores::Error::kind)
    }
}

impl From<ranktune_train::Error> for Error {
    fn from(error: ranktune_train::Error) -> Self {
        use ranktune_nn::ErrorKind as Graph;
        use ranktune_train::ErrorKind as Train;
        let kind = match error.kind() {
            Train::Input | Train::Graph(Graph::Input) => ErrorKind::Arguments,
            Train::Model | Train::Graph(_) => ErrorKind::Hub,
            Train::Diverged => ErrorKind::Diverged,
            _ => ErrorKind::Training,
        };
        Self::new(kind, error)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.kind)
            .field("cause", &self.cause)
            .finish()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.cause, f)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause.source()
    }
}

impl From<ranktune_data::Error> for Error {
    fn from(error: ranktune_data::Error) -> Self {
        Self::new(ErrorKind::Data, error)
    }
}

impl From<ranktune_hub::Error> for Error {
    fn from(error: ranktune_hub::Error) -> Self {
        let kind = match error.kind() {
            ranktune_hub::ErrorKind::Interrupted => ErrorKind::Interrupted,
            _ => ErrorKind::Hub,
        };
        Self::new(kind, error)
    }
}

impl From<ranktune_features::Error> for Error {
    fn from(error: ranktune_features::Error) -> Self {
        let kind = match error.kind() {
            ranktune_features::ErrorKind::Interrupted => ErrorKind::Interrupted,
            ranktune_features::ErrorKind::UnreadableInputs => ErrorKind::Data,
            _ => ErrorKind::Extraction,
        };
        Self::new(kind, error)
    }
}

impl From<ranktune_scores::Error> for Error {
    fn from(error: ranktune_scores::Error) -> Self {
        let kind = match error.kind() {
            // Names come from the user.
            ranktune_scores::ErrorKind::UnknownName => ErrorKind::Arguments,
            _ => ErrorKind::Scores,
        };
        Self::new(kind, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_layer_keeps_its_kind_text_and_cause() {
        let io = std::io::Error::other("disk is full");
        let lower =
            ranktune_features::Error::new(ranktune_features::ErrorKind::Io, "store: cannot be written").caused_by(io);
        let error = Error::from(lower);
        assert_eq!(error.kind(), ErrorKind::Extraction);
        assert_eq!(error.to_string(), "store: cannot be written");
        assert_eq!(error.source().map(ToString::to_string).as_deref(), Some("disk is full"));

        let interrupted = ranktune_features::Error::new(ranktune_features::ErrorKind::Interrupted, "interrupted");
        assert_eq!(Error::from(interrupted).kind(), ErrorKind::Interrupted);
        let unreadable = ranktune_features::Error::new(ranktune_features::ErrorKind::UnreadableInputs, "9 of 10");
        assert_eq!(Error::from(unreadable).kind(), ErrorKind::Data);

        let unknown = Error::from(ranktune_scores::scores::find("logmee").unwrap_err());
        assert_eq!(unknown.kind(), ErrorKind::Arguments);
        assert_eq!(unknown.scores_kind(), Some(ranktune_scores::ErrorKind::UnknownName));
    }
}
