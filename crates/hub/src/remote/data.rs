//! The files of a data set that hold a split, from the hub or from the cache.
//!
//! ```text
//! listing ──► README.md, dataset_infos.json ──► files of the configuration's splits ──► size, download
//! ```
//!
//! Which files these are is decided by the crate that reads them ([`ranktune_data::data_files`]), so that both agree. Where only the
//! cache may be used, the kept listing of the commit tells whether a file of a split is missing.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::PathBuf;
use std::sync::Arc;

use ranktune_core::{counted, one_line};
use ranktune_data::card::DatasetCard;
use ranktune_data::{DataFiles, Split, data_files};

use super::batch::Batch;
use super::cache::Cache;
use super::download::interrupted;
use super::event::DownloadEvent;
use super::fetch::offline;
use super::listing::{FileInfo, Listing};
use super::lookup::ListedHub;
use super::options::Connection;
use super::select::is_usable;
use crate::repository::{RepoKind, is_commit};
use crate::{DatasetId, Error, ErrorKind};

/// A kept listing is as large as the hub's answer at most.
const MAX_LISTING: u64 = 64 << 20;

/// The splits to download.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DataRequest {
    /// The split that is needed. Default: train, or the only one.
    pub split: Option<Split>,
    /// Splits to download as well if the data set has them. Default: none.
    pub also: Vec<Split>,
}

/// The files of a data set on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataSnapshot {
    /// The data set at its commit, which never changes, with the configuration that was taken.
    pub id: DatasetId,
    /// The folder of the repository's files.
    pub dir: PathBuf,
    /// Names of the files that hold the splits.
    pub files: Vec<String>,
}

/// A request for the files of a data set.
pub(super) struct FetchData<'a> {
    pub(super) hub: ListedHub<'a>,
    pub(super) id: &'a DatasetId,
    pub(super) request: &'a DataRequest,
    pub(super) cache: &'a Cache,
}

impl FetchData<'_> {
    /// Downloads what is not in the cache.
    pub(super) fn run(&self, on_event: &mut dyn FnMut(DownloadEvent)) -> Result<DataSnapshot, Error> {
        if self.hub.options.is_interrupted() {
            return Err(interrupted());
        }
        let repository = self.id.repository();
        let revision = repository.revision().unwrap_or("main");
        let cached = self.cache.commit(revision);
        if self.hub.options.connection == Connection::Offline {
            let commit = cached.ok_or_else(|| offline("is not in the cache"))?;
            return self.cached(&commit);
        }
        // A commit never changes; without its listing files could be missing.
        if is_commit(revision)
            && self.kept(revision).is_some()
            && let Ok(snapshot) = self.cached(revision)
        {
            return Ok(snapshot);
        }
        let from_cache = cached.and_then(|commit| self.cached(&commit).ok());
        let retries = if from_cache.is_some() {
            0
        } else {
            self.hub.options.retries
        };
        let hub = ListedHub { retries, ..self.hub };
        let listing = match (
            hub.look_up(RepoKind::Dataset, repository.name(), revision, on_event),
            from_cache,
        ) {
            (Err(e), Some(snapshot)) if e.kind() == ErrorKind::Network => {
                on_event(DownloadEvent::Cached { reason: one_line(&e) });
                return Ok(snapshot);
            }
            (listing, _) => listing?,
        };
        self.download(revision, &listing, on_event)
    }

    fn download(
        &self,
        revision: &str,
        listing: &Arc<Listing>,
        on_event: &mut dyn FnMut(DownloadEvent),
    ) -> Result<DataSnapshot, Error> {
        let batch = Batch {
            hub: self.hub,
            cache: self.cache,
            repository: &RepoKind::Dataset.place(self.id.repository().name()),
            jobs: self.hub.options.jobs,
        };
        batch.download(listing, &described(listing), on_event)?;
        let (files, names) = self.choose(listing)?;
        batch.download(listing, &names, on_event)?;
        self.cache.keep_listing(&listing.commit, &listing.to_json())?;
        self.cache.set_commit(revision, &listing.commit)?;
        self.snapshot(&listing.commit, &files, names)
    }

    /// The snapshot of a commit, if its files are in the cache.
    fn cached(&self, commit: &str) -> Result<DataSnapshot, Error> {
        let listing = match self.kept(commit) {
            Some(listing) => listing,
            // Downloaded by another program, which keeps no listings.
            None => Listing {
                commit: commit.to_owned(),
                files: self
                    .cache
                    .files(commit)
                    .into_iter()
                    .map(|name| (name, FileInfo::default()))
                    .collect(),
            },
        };
        if listing.files.is_empty() {
            return Err(offline("is not in the cache"));
        }
        let is_missing = |name: &&String| {
            let size = listing.files.get(*name).and_then(|info| info.size);
            !self.cache.holds(commit, name, size)
        };
        if let Some(name) = described(&listing).iter().find(is_missing) {
            return Err(offline(&format!("is in the cache without its {name:?}")));
        }
        let (files, names) = self.choose(&listing)?;
        let missing: Vec<&String> = names.iter().filter(is_missing).collect();
        if let Some(first) = missing.first() {
            let what = format!(
                "is only partly in the cache: {} of {} missing, such as {first:?}",
                missing.len(),
                match names.len() {
                    1 => "1 file is".to_owned(),
                    n => format!("{} are", counted(n, "file")),
                }
            );
            return Err(offline(&what));
        }
        self.snapshot(commit, &files, names)
    }

    /// The listing that an earlier download kept.
    fn kept(&self, commit: &str) -> Option<Listing> {
        let path = self.cache.listing(commit);
        if fs::metadata(&path).ok()?.len() > MAX_LISTING {
            return None;
        }
        let mut text = Vec::new();
        File::open(&path).ok()?.take(MAX_LISTING).read_to_end(&mut text).ok()?;
        Listing::parse(&text, commit).ok()
    }

    /// The files of the configuration, and the names of those to download.
    fn choose(&self, listing: &Listing) -> Result<(DataFiles, Vec<String>), Error> {
        let card = DatasetCard::read(&self.cache.snapshot(&listing.commit));
        let names: BTreeSet<String> = listing.files.keys().filter(|name| is_usable(name)).cloned().collect();
        let files = data_files(&names, &card, self.id.config()).map_err(|error| {
            let kind = match error.kind() {
                ranktune_data::ErrorKind::NotFound => ErrorKind::NotFound,
                _ => ErrorKind::Malformed,
            };
            Error::new(kind, error.to_string())
        })?;
        let splits = files.splits();
        let split = match (self.request.split, splits.as_slice()) {
            (Some(split), _) => split,
            (None, [only]) if files.of(Split::Train).is_empty() => *only,
            (None, _) => Split::Train,
        };
        let own = files.of(split);
        if own.is_empty() {
            let known: Vec<String> = splits.iter().map(ToString::to_string).collect();
            let text = format!(
                "no split {split}: the repository has {}; name another with --split",
                if known.is_empty() {
                    "none by name".to_owned()
                } else {
                    known.join(", ")
                }
            );
            return Err(Error::not_found(text));
        }
        let also = self
            .request
            .also
            .iter()
            .filter(|other| **other != split)
            .flat_map(|other| files.of(*other));
        let all: BTreeSet<String> = own.into_iter().chain(also).collect();
        Ok((files, all.into_iter().collect()))
    }

    fn snapshot(&self, commit: &str, files: &DataFiles, names: Vec<String>) -> Result<DataSnapshot, Error> {
        Ok(DataSnapshot {
            id: self.id.pinned(commit, files.config.as_deref())?,
            dir: self.cache.snapshot(commit),
            files: names,
        })
    }
}

/// The files of the listing that describe the data set.
fn described(listing: &Listing) -> Vec<String> {
    let names = DatasetCard::FILES.iter().map(|name| (*name).to_owned());
    names.filter(|name| listing.files.contains_key(name)).collect()
}
