//! What a download of a model would transfer, without downloading it.

use std::collections::BTreeSet;

use super::event::DownloadEvent;
use super::fetch::{Fetch, offline};
use super::options::Connection;
use super::select::select;
use crate::Error;
use crate::repository::RepoKind;

/// Names of the files of weights beside an ONNX file, after its own name. Others are known once the file was read.
const WEIGHTS: [&str; 2] = ["_data", ".data"];

/// Files of a repository's model that are not in the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outstanding {
    /// Number of files.
    pub files: usize,
    /// Their total size in bytes; `None` where the hub lists no sizes.
    pub bytes: Option<u64>,
}

impl Fetch<'_> {
    /// What [`run`](Self::run) would download.
    pub(super) fn outstanding(&self, on_event: &mut dyn FnMut(DownloadEvent)) -> Result<Outstanding, Error> {
        if self.hub.options.connection == Connection::Offline {
            return Err(offline("is not in the cache"));
        }
        let revision = self.id.revision().unwrap_or("main");
        let listing = self.hub.look_up(RepoKind::Model, self.id.name(), revision, on_event)?;
        let names: BTreeSet<String> = listing.files.keys().cloned().collect();
        let mut selection = select(&names, self.precision, self.file, self.id.name())?;
        let weights = WEIGHTS.map(|end| format!("{}{end}", selection.model));
        selection
            .files
            .extend(weights.into_iter().filter(|name| names.contains(name)));
        let missing: Vec<Option<u64>> = selection
            .files
            .iter()
            .filter_map(|name| listing.files.get_key_value(name))
            .filter(|(name, info)| !self.cache.holds(&listing.commit, name, info.size))
            .map(|(_, info)| info.size)
            .collect();
        Ok(Outstanding {
            files: missing.len(),
            bytes: missing.into_iter().sum(),
        })
    }
}
