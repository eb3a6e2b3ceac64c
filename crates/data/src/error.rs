//! What can be wrong with data, with the file and the place in it.

use std::fmt;
use std::path::{Path, PathBuf};

/// The kind of an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The file or folder could not be read or written.
    Io,
    /// The bytes are not what the format asks for (truncated, random, another format).
    Malformed,
    /// The file is read, but what it holds cannot be used: no classes, a target that is no number, shapes that do not fit.
    Invalid,
    /// The file is right, but holds something this crate does not read.
    Unsupported,
    /// A path, split, column or member that was asked for is not there.
    NotFound,
}

/// An error about data: what was expected, what was found, and where.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    path: Option<PathBuf>,
    place: Option<String>,
    message: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// The result of reading or writing data.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error of `kind`; `message` names what was expected, what was found, and what to try.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            path: None,
            place: None,
            message: message.into(),
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

    /// An error of the operating system while `doing` something ("cannot read the folder") to `path`.
    pub(crate) fn io(doing: &str, path: &Path, source: std::io::Error) -> Self {
        Self::new(ErrorKind::Io, doing).in_file(path).caused_by(source)
    }

    /// Names the file the error is about, unless one is named already.
    #[must_use]
    pub fn in_file(mut self, path: &Path) -> Self {
        self.path.get_or_insert_with(|| path.to_owned());
        self
    }

    /// Names the place in the file (`line 12, column "label"`; `array "features"`), unless one is named already.
    #[must_use]
    pub fn at(mut self, place: impl Into<String>) -> Self {
        self.place.get_or_insert_with(|| place.into());
        self
    }

    /// Keeps the cause; it is shown by `source()` only.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
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

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(path) = &self.path {
            write!(f, "{}: ", path.display())?;
        }
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

/// `2 files`, `1 file`.
pub(crate) fn counted(n: usize, one: &str) -> String {
    match n {
        1 => format!("1 {one}"),
        _ => format!("{n} {one}s"),
    }
}

/// The first few of `names`, quoted, and how many more there are.
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

/// Text from a file, cut so that an error stays readable.
pub(crate) fn shortened(text: &str) -> String {
    const SHOWN: usize = 60;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// `; did you mean "label"?` where a candidate is close to `name`, else nothing.
pub(crate) fn did_you_mean<S: AsRef<str>>(name: &str, candidates: &[S]) -> String {
    let name = name.to_lowercase();
    let nearest = candidates
        .iter()
        .map(|candidate| (edits(&name, &candidate.as_ref().to_lowercase()), candidate.as_ref()))
        .min_by_key(|(distance, _)| *distance);
    match nearest {
        Some((distance, candidate)) if distance <= name.chars().count().div_ceil(3) => {
            format!("; did you mean {:?}?", shortened(candidate))
        }
        _ => String::new(),
    }
}

/// Edits (a swap of neighbours counts as one) that turn `a` into `b`, of the first 64 characters.
fn edits(a: &str, b: &str) -> usize {
    let head = |text: &str| text.chars().take(64).collect::<String>();
    strsim::osa_distance(&head(a), &head(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_suggested_only_when_it_is_near() {
        assert_eq!(did_you_mean("lable", &["file", "label"]), "; did you mean \"label\"?");
        assert_eq!(did_you_mean("Label", &["file", "label"]), "; did you mean \"label\"?");
        assert_eq!(did_you_mean("price", &["file", "zipcode"]), "");
        assert_eq!(did_you_mean::<&str>("price", &[]), "");
    }

    #[test]
    fn distance_counts_insertions_deletions_and_substitutions() {
        assert_eq!(edits("kitten", "sitting"), 3);
        assert_eq!(edits("", "abc"), 3);
        assert_eq!(edits("abc", ""), 3);
    }

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
