//! What a path holds, and the errors about splits that several ways of finding it share.

use std::path::{Path, PathBuf};

use crate::Error;
use crate::error::listed;
use crate::load::options::Split;

/// What is read.
pub(in crate::load) enum Found {
    /// One table, or the shards of one.
    Tables {
        path: PathBuf,
        files: Vec<PathBuf>,
        notes: Vec<String>,
    },
    ClassFolders {
        path: PathBuf,
        notes: Vec<String>,
    },
    /// Annotations of brat, each beside its text.
    Documents {
        path: PathBuf,
        files: Vec<PathBuf>,
        notes: Vec<String>,
    },
    /// A file of words and tags.
    Columns {
        path: PathBuf,
        notes: Vec<String>,
    },
}

impl Found {
    pub(super) fn table(path: &Path, notes: Vec<String>) -> Self {
        Self::Tables {
            path: path.to_owned(),
            files: vec![path.to_owned()],
            notes,
        }
    }
}

/// The error where training data are wanted and several other splits are there.
pub(super) fn no_split_taken(path: &Path, names: &[&str]) -> Error {
    let message = format!(
        "no train split among {}; name the split to read with --split",
        listed(names)
    );
    Error::not_found(message).in_file(path)
}

/// The names that files of a split may have, for messages.
pub(super) fn expected_names(split: Split) -> String {
    split.names().join(" or ")
}
