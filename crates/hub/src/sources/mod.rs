//! The sources of models: what a user's `--hub` argument can be.
//!
//! A kind of source is one file here and one line in [`KINDS`], which holds its functions.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::candidate::{Download, Found};
use crate::{Error, FileChoice, RepoId, SearchQuery};

mod folder;
mod hugging_face;
mod manifest_file;
mod model_folder;
mod names;
mod onnx_file;
mod parts;
mod search;
pub mod starter;

/// The repositories that a source names, with the files to take of each.
type Repositories = fn(&Path) -> Result<Vec<(RepoId, FileChoice)>, Error>;

/// One kind of source.
pub(crate) struct SourceKind {
    /// Whether an argument is of this kind.
    recognizes: fn(&Path) -> bool,
    /// The repositories that its models are downloaded from; `None` for a kind without downloads.
    repositories: Option<Repositories>,
    /// Finds its models.
    find: fn(&Path, &mut Download<'_>) -> Result<Vec<Found>, Error>,
}

/// Every kind of source. The first that recognizes an argument opens it; the last one recognizes all.
const KINDS: &[SourceKind] = &[
    hugging_face::KIND,
    search::KIND,
    starter::KIND,
    manifest_file::KIND,
    onnx_file::KIND,
    folder::KIND,
];

/// A source of models: a folder, an ONNX file, a manifest, `hf:ORGANISATION/NAME@REVISION`,
/// `search:WORDS` or `starter:LIST`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source(PathBuf);

impl Source {
    /// Whether using the source may take a download, as opposed to a folder or a file.
    pub fn may_download(&self) -> bool {
        self.kind().repositories.is_some()
    }

    /// The query of a source `search:…`, which stands for the repositories that are found; `None` for other sources.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed): an unknown option, or an invalid value of one.
    pub fn query(&self) -> Option<Result<SearchQuery, Error>> {
        search::query(&self.0)
    }

    /// The repositories that its models are downloaded from.
    pub(crate) fn repositories(&self) -> Result<Vec<(RepoId, FileChoice)>, Error> {
        self.kind()
            .repositories
            .map_or(Ok(Vec::new()), |repositories| repositories(&self.0))
    }

    /// Finds its models, and downloads them if need be.
    pub(crate) fn find(&self, download: &mut Download<'_>) -> Result<Vec<Found>, Error> {
        (self.kind().find)(&self.0, download)
    }

    fn kind(&self) -> &'static SourceKind {
        let recognized = KINDS.iter().find(|kind| (kind.recognizes)(&self.0));
        recognized.unwrap_or(&folder::KIND)
    }
}

impl From<&Path> for Source {
    fn from(path: &Path) -> Self {
        Self(path.to_owned())
    }
}

impl From<&str> for Source {
    fn from(text: &str) -> Self {
        Self(PathBuf::from(text))
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.display().fmt(f)
    }
}

/// The text after `scheme`, such as `hf:`, if `source` begins with it.
fn after_scheme<'a>(source: &'a Path, scheme: &str) -> Option<&'a str> {
    source.to_str()?.strip_prefix(scheme)
}
