//! What a source finds: models that are not opened yet, and those that cannot be used.

use std::path::PathBuf;

use crate::foreign;
use crate::{Error, FileChoice, HubEntry, Overrides, RepoId, Snapshot};

/// Downloads a repository's model, as `remote::Remote::fetch` does.
pub type Download<'a> = dyn FnMut(&RepoId, &FileChoice) -> Result<Snapshot, Error> + 'a;

/// A model of a source that cannot be used, and why.
#[derive(Debug)]
pub struct SkippedInHub {
    /// The name it would have had.
    pub name: String,
    /// Folder or file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub reason: Error,
}

/// A model that a source has found.
#[derive(Default)]
pub(crate) struct Candidate {
    pub(crate) name: String,
    pub(crate) model: PathBuf,
    /// The folder of its configuration files.
    pub(crate) dir: Option<PathBuf>,
    pub(crate) overrides: Overrides,
    /// The repository at its commit, for a downloaded model.
    pub(crate) pinned: Option<RepoId>,
}

/// A model, or why it cannot be used.
pub(crate) type Found = Result<Candidate, SkippedInHub>;

impl Candidate {
    pub(crate) fn new(name: String, model: PathBuf, dir: Option<PathBuf>) -> Self {
        Self {
            name,
            model,
            dir,
            ..Self::default()
        }
    }

    /// Reads the model's configuration files.
    pub(crate) fn open(self) -> Result<HubEntry, SkippedInHub> {
        let Self { name, model, dir, .. } = self;
        let opened = match foreign::refused(&model) {
            Some(error) => Err(error),
            None => HubEntry::open(name.clone(), model.clone(), dir),
        };
        let mut entry = opened.map_err(|reason| SkippedInHub {
            name,
            path: model,
            reason,
        })?;
        entry.pinned = self.pinned;
        Ok(entry.with_overrides(self.overrides))
    }
}
