//! What can be wrong with the inputs of a score.

use std::fmt;

/// The kind of an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Sizes do not fit together, or there is nothing to score.
    Shape,
    /// A number is NaN, infinite, or too large to square.
    NonFinite,
    /// A class label, a probability or an option lies outside its range.
    OutOfRange,
    /// The score compares classes, and fewer than two occur.
    TooFewClasses,
    /// The score needs an input that was not given (probabilities, class labels).
    MissingInput,
    /// No score, option or column has that name.
    UnknownName,
    /// The value asked for has no finite answer (an all-zero column, a column reproduced exactly).
    Unbounded,
    /// The value exists, but cannot be told from what is left after rounding.
    Precision,
    /// Bytes that are no saved statistics, or damaged ones.
    Malformed,
    /// The operation is not defined for statistics in this form.
    Unsupported,
}

/// An error about the inputs of a score: what was expected, what was found, what to try.
#[derive(Clone, Debug, PartialEq, Eq)]
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

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

/// `Result` with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;
