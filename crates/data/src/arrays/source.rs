//! Which array of which file: the format by the file's name, the array by what it is wanted for.

use std::path::{Path, PathBuf};

use super::raw::{Bytes, Contents};
use super::{npy, npz, parquet_columns, safetensors_file};
use crate::error::{did_you_mean, listed};
use crate::file_at::FileAt;
use crate::{Error, Result};

/// What an array is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Features,
    Targets,
    Probabilities,
}

impl Role {
    /// Names that such arrays usually have, the likeliest first.
    pub(super) fn names(self) -> &'static [&'static str] {
        match self {
            Self::Features => &["features", "embeddings", "X", "x", "arr_0"],
            Self::Targets => &["labels", "targets", "label", "target", "y", "Y", "classes"],
            Self::Probabilities => &["probabilities", "probs", "p"],
        }
    }

    fn takes_rank(self, rank: usize) -> bool {
        match self {
            Self::Features | Self::Probabilities => rank == 2,
            Self::Targets => rank == 1 || rank == 2,
        }
    }
}

/// An array of a file that holds several.
pub(super) struct Candidate {
    pub(super) name: String,
    pub(super) rank: usize,
    pub(super) index: usize,
}

/// Reads `FILE` or `FILE:NAME`; the path that comes back is the file's.
pub(super) fn read(path: &Path, role: Role) -> Result<(Contents, PathBuf)> {
    let (path, wanted) = split(path);
    let extension = path
        .extension()
        .and_then(|extension| extension.to_str())
        .unwrap_or_default()
        .to_lowercase();
    let wanted = wanted.as_deref();
    let contents = match extension.as_str() {
        "npy" => read_npy(&path),
        "npz" => npz::read(&path, wanted, role),
        "safetensors" => safetensors_file::read(&path, wanted, role),
        "parquet" | "pq" => parquet_columns::read(&path, wanted, role),
        _ if !path.exists() => Err(Error::not_found("no such file")),
        _ => Err(Error::unsupported("expected .npy, .npz, .safetensors or .parquet")),
    };
    match contents {
        Ok(contents) => Ok((contents, path)),
        Err(error) => Err(error.in_file(&path)),
    }
}

/// `FILE:NAME` as file and name, unless a file is called just so.
fn split(path: &Path) -> (PathBuf, Option<String>) {
    let name = path.file_name().and_then(|name| name.to_str());
    match name.and_then(|name| name.rsplit_once(':')) {
        Some((file, array)) if !path.exists() && !file.is_empty() && !array.is_empty() => {
            (path.with_file_name(file), Some(array.to_owned()))
        }
        _ => (path.to_owned(), None),
    }
}

fn read_npy(path: &Path) -> Result<Contents> {
    let file = FileAt::open(path)?;
    let truncated = |source| Error::malformed("the header is truncated").caused_by(source);
    let prefix = file
        .bytes_at(0, file.len().min(npy::PREFIX as u64))
        .map_err(truncated)?;
    let offset = npy::data_offset(&prefix)? as u64;
    let head = file.bytes_at(0, offset).map_err(truncated)?;
    let name = path
        .file_stem()
        .map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    npy::contents(&name, &head, Bytes::File { file, offset })
}

/// The array called `wanted`; else the one whose name says what it is; else the only one it can be.
pub(super) fn choose<'a>(candidates: &'a [Candidate], wanted: Option<&str>, role: Role) -> Result<&'a Candidate> {
    let names: Vec<&str> = candidates.iter().map(|candidate| candidate.name.as_str()).collect();
    let called = |name: &str| candidates.iter().find(|candidate| candidate.name == name);
    if let Some(name) = wanted {
        return called(name).ok_or_else(|| {
            let message = format!(
                "no array {name:?}{}; there are {}",
                did_you_mean(name, &names),
                listed(&names)
            );
            Error::not_found(message)
        });
    }
    if let Some(usual) = role.names().iter().find_map(|name| called(name)) {
        return Ok(usual);
    }
    let fitting: Vec<&Candidate> = candidates
        .iter()
        .filter(|candidate| role.takes_rank(candidate.rank))
        .collect();
    match fitting.as_slice() {
        [only] => Ok(only),
        _ => {
            let message = format!(
                "cannot tell which array holds the {}: expected one called {:?}, found {}; name it as FILE:NAME",
                role.names()[0],
                role.names()[0],
                listed(&names)
            );
            Err(Error::not_found(message))
        }
    }
}
