//! One repository's model, from the hub or from the cache.

use std::collections::BTreeSet;
use std::fs::{self, File};

use super::batch::Batch;
use super::cache::Cache;
use super::download::interrupted;
use super::event::DownloadEvent;
use super::listing::Listing;
use super::lookup::ListedHub;
use super::options::Connection;
use super::select::{CONFIGURATION, Selection, candidates, check_name, is_usable, select};
use crate::repository::{RepoKind, is_commit};
use crate::{Error, ErrorKind, RepoId, Snapshot, WeightPrecision, external};
use ranktune_core::one_line;

/// A request for a repository's model.
pub(crate) struct Fetch<'a> {
    pub(crate) hub: ListedHub<'a>,
    pub(crate) id: &'a RepoId,
    pub(crate) precision: WeightPrecision,
    pub(crate) file: Option<&'a str>,
    pub(crate) cache: &'a Cache,
    /// Files at a time.
    pub(crate) jobs: usize,
}

impl Fetch<'_> {
    /// Downloads what is not in the cache.
    pub(crate) fn run(&self, on_event: &mut dyn FnMut(DownloadEvent)) -> Result<Snapshot, Error> {
        if self.hub.options.is_interrupted() {
            return Err(interrupted());
        }
        let revision = self.id.revision().unwrap_or("main");
        let cached = self.cache.commit(revision).map(|commit| self.cached(&commit));
        if self.hub.options.connection == Connection::Offline {
            return cached.unwrap_or_else(|| Err(offline("is not in the cache")));
        }
        if is_commit(revision) && self.is_complete(revision) {
            return self.cached(revision);
        }
        let cached = cached.and_then(Result::ok);
        let retries = if cached.is_some() { 0 } else { self.hub.options.retries };
        let hub = ListedHub { retries, ..self.hub };
        let listing = match (hub.look_up(RepoKind::Model, self.id.name(), revision, on_event), cached) {
            (Err(e), Some(snapshot)) if e.kind() == ErrorKind::Network => {
                on_event(DownloadEvent::Cached { reason: one_line(&e) });
                return Ok(snapshot);
            }
            (listing, _) => listing?,
        };
        self.download_model(revision, &listing, on_event)
    }

    fn download_model(
        &self,
        revision: &str,
        listing: &Listing,
        on_event: &mut dyn FnMut(DownloadEvent),
    ) -> Result<Snapshot, Error> {
        let names: BTreeSet<String> = listing.files.keys().cloned().collect();
        let mut selection = select(&names, self.precision, self.file, self.id.name())?;
        let batch = Batch {
            hub: self.hub,
            cache: self.cache,
            repository: self.id.name(),
            jobs: self.jobs,
        };
        batch.download(listing, &selection.files, on_event)?;
        let weights = self.weights(&listing.commit, &selection)?;
        if let Some(name) = weights.iter().find(|name| !names.contains(*name)) {
            let text = format!(
                "{} has weights in {name:?}, which the repository does not contain",
                selection.model
            );
            return Err(Error::not_found(text));
        }
        batch.download(listing, &weights, on_event)?;
        selection.files.extend(weights);
        let candidates = candidates(self.precision);
        let wanted = candidates.iter().map(String::as_str).chain(CONFIGURATION);
        for name in wanted.filter(|name| !names.contains(*name)) {
            self.cache.set_missing(&listing.commit, name);
        }
        self.cache.set_commit(revision, &listing.commit)?;
        self.snapshot(&listing.commit, selection)
    }

    /// The cached snapshot, if its files suffice to run the model.
    fn cached(&self, commit: &str) -> Result<Snapshot, Error> {
        let names = self.cache.files(commit);
        if names.is_empty() {
            return Err(offline("is not in the cache"));
        }
        let mut selection = select(&names, self.precision, self.file, self.id.name())
            .map_err(|e| offline(&format!("is only partly in the cache (the snapshot {e})")))?;
        let weights = self.weights(commit, &selection)?;
        if let Some(name) = weights.iter().find(|name| !names.contains(*name)) {
            return Err(offline(&format!("is in the cache without its weights {name:?}")));
        }
        selection.files.extend(weights);
        self.snapshot(commit, selection)
    }

    /// Whether every file that the model could need is in the cache, or is known not to exist.
    fn is_complete(&self, commit: &str) -> bool {
        let names = self.cache.files(commit);
        let is_known = |name: &str| names.contains(name) || self.cache.is_missing(commit, name);
        let has_model = match self.file {
            Some(file) => names.contains(file),
            None => {
                let candidates = candidates(self.precision);
                let first = candidates.iter().position(|name| names.contains(name));
                first.is_some_and(|first| candidates[..first].iter().all(|name| is_known(name)))
            }
        };
        has_model && CONFIGURATION.iter().all(|name| is_known(name)) && self.cached(commit).is_ok()
    }

    /// The names in the repository of the model's files of weights that are not in the selection.
    fn weights(&self, commit: &str, selection: &Selection) -> Result<Vec<String>, Error> {
        let path = self.cache.pointer(commit, &selection.model);
        let io = |e| Error::io("cannot read the downloaded model", e, &path);
        let length = fs::metadata(&path).map_err(io)?.len();
        let folder = selection.model.rsplit_once('/').map_or("", |(folder, _)| folder);
        let mut weights = BTreeSet::new();
        for location in external::locations(File::open(&path).map_err(io)?, length) {
            check_name(&location)?;
            let relative = location.trim_start_matches("./");
            let name = if folder.is_empty() {
                relative.to_owned()
            } else {
                format!("{folder}/{relative}")
            };
            if !is_usable(&name) {
                let text = format!(
                    "{}: weights in a file called {name:?} are not supported",
                    selection.model
                );
                return Err(Error::unsupported(text));
            }
            weights.insert(name);
        }
        Ok(weights
            .into_iter()
            .filter(|name| !selection.files.contains(name))
            .collect())
    }

    fn snapshot(&self, commit: &str, selection: Selection) -> Result<Snapshot, Error> {
        Ok(Snapshot {
            id: self.id.at(commit)?,
            commit: commit.to_owned(),
            dir: self.cache.snapshot(commit),
            model: self.cache.pointer(commit, &selection.model),
            files: selection.files,
        })
    }
}

pub(super) fn offline(what: &str) -> Error {
    let text = format!("{what}, and downloads are off; run once without --offline (or HF_HUB_OFFLINE) to download it");
    Error::new(ErrorKind::Offline, text)
}
