//! The error of this crate: what is wrong with the inputs of a score.

/// The kind of an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Sizes do not match, or there is nothing to score.
    Shape,
    /// A number is NaN, infinite, or too large to square.
    NonFinite,
    /// A class label, a probability or an option is out of range.
    OutOfRange,
    /// The score compares classes, and fewer than two occur.
    TooFewClasses,
    /// The score needs an input that was not given, such as probabilities or class labels.
    MissingInput,
    /// No score, option or column has that name.
    UnknownName,
    /// The value is not finite: a target column is all zero, or the features reproduce it exactly.
    Unbounded,
    /// The value exists, but rounding has lost the digits that it needs.
    Precision,
    /// The bytes are not saved statistics, or are damaged.
    Malformed,
    /// The operation is not supported for these statistics, such as a file of another version.
    Unsupported,
}

/// An error about the inputs of a score: what was expected, what was found, what to try.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    kind: ErrorKind,
    message: String,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }

    /// The kind.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}

/// `Result` with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;
