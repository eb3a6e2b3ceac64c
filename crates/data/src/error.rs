//! The errors of reading and writing data, with the file and the place in it.

use std::path::{Path, PathBuf};

use ranktune_core::BoxError;
pub(crate) use ranktune_core::counted;
use ranktune_core::error::bounded;

/// The kind of an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The file or folder could not be read or written.
    Io,
    /// The bytes do not follow the format: truncated, corrupted, or of another format.
    Malformed,
    /// The file can be read, but its content cannot be used: fewer than two classes, a target that is not a number, shapes that
    /// do not match.
    Invalid,
    /// The file is valid, but holds something that this crate does not read.
    Unsupported,
    /// The requested path, split, column or array does not exist.
    NotFound,
}

/// An error about data: what was expected, what was found, and where.
#[derive(Debug, thiserror::Error)]
#[error("{}{message}", prefix(path.as_deref(), place.as_deref()))]
pub struct Error {
    kind: ErrorKind,
    path: Option<PathBuf>,
    place: Option<String>,
    message: String,
    source: Option<BoxError>,
}

/// The result of reading or writing data.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error of `kind`; `message` says what was expected, what was found, and what to try.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            path: None,
            place: None,
            message: bounded(message),
            source: None,
        }
    }

    pub(crate) fn malformed(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Malformed, message)
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid, message)
    }

    pub(crate) fn unsupported(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unsupported, message)
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotFound, message)
    }

    /// An error of the operating system about `path`; `message` says what failed ("cannot read the folder").
    pub(crate) fn io(message: &str, path: &Path, source: std::io::Error) -> Self {
        Self::new(ErrorKind::Io, message).in_file(path).caused_by(source)
    }

    /// Adds the file that the error is about, unless it has one.
    #[must_use]
    pub fn in_file(mut self, path: &Path) -> Self {
        self.path.get_or_insert_with(|| path.to_owned());
        self
    }

    /// Adds the place in the file (`line 12, column "label"`; `array "features"`), unless it has one.
    #[must_use]
    pub fn at(mut self, place: impl Into<String>) -> Self {
        self.place.get_or_insert_with(|| place.into());
        self
    }

    /// Adds the cause, which only [`source`](std::error::Error::source) shows.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<BoxError>) -> Self {
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

    /// The place in the file, if the error is about one.
    pub fn place(&self) -> Option<&str> {
        self.place.as_deref()
    }
}

/// `path: place: `, as far as they are known.
fn prefix(path: Option<&Path>, place: Option<&str>) -> String {
    let path = path.map(|path| path.display().to_string());
    path.iter()
        .map(String::as_str)
        .chain(place)
        .map(|part| format!("{part}: "))
        .collect()
}

/// The first names, quoted, and the number of the others.
pub(crate) fn listed<S: AsRef<str>>(names: &[S]) -> String {
    const SHOWN: usize = 12;
    let mut text = names
        .iter()
        .take(SHOWN)
        .map(|name| format!("{:?}", shortened(name.as_ref())))
        .collect::<Vec<_>>()
        .join(", ");
    if names.len() > SHOWN {
        text += &format!(" and {} more", names.len() - SHOWN);
    }
    text
}

/// Text from a file, truncated so that an error stays readable.
pub(crate) fn shortened(text: &str) -> String {
    const SHOWN: usize = 60;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_file_place_and_reason_and_leaves_the_cause_to_source() {
        let error = Error::malformed("expected a list")
            .in_file(Path::new("a.csv"))
            .at("line 2")
            .caused_by("inner");
        assert_eq!(error.to_string(), "a.csv: line 2: expected a list");
        assert!(std::error::Error::source(&error).is_some());
    }
}
