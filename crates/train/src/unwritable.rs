//! The error of a file that cannot be written.

use std::path::Path;

use crate::error::{Error, ErrorKind};

/// The error of a file or folder at `path` that cannot be written.
pub(crate) fn unwritable(path: &Path, error: std::io::Error) -> Error {
    Error::new(ErrorKind::File, format!("{}: cannot be written", path.display())).caused_by(error)
}
