//! Models and data sets from the Hugging Face hub, or from any server with the same protocol.
//!
//! ```text
//! repository@revision ──look up──► commit, files ──select──► names ──download──► cache/…/snapshots/COMMIT
//! ```
//!
//! The two kinds of repositories differ in what is selected, [`Remote::fetch`] and [`Remote::fetch_data`].
//!
//! A search ([`Remote::search`]) finds repositories with usable ONNX files, at their commits and with the sizes of what would be
//! downloaded.
//!
//! Written by hand instead of with the `hf-hub` crate: its version 1.0 brings 330 crates, an asynchronous runtime and C code
//! built with CMake; version 0.5 verifies neither sizes nor checksums, uses file names from servers unchecked, and sends the token
//! to the storage that the hub redirects to. The protocol is small, and `ureq` with `rustls` and `ring` serves it.
//!
//! Limits on a hostile or broken server: at most [`RemoteOptions::retries`] attempts in a row without progress; a file is no
//! longer than announced, and no longer than [`RemoteOptions::max_file_bytes`]; nothing is written outside the cache; a file gets
//! its name only after its checksum is verified; the token is sent to no other host.

#[doc(hidden)]
pub mod answers;
mod batch;
mod cache;
mod checksum;
mod data;
mod download;
mod event;
mod fetch;
mod found;
mod http;
mod listing;
mod lookup;
mod options;
mod outstanding;
mod retry;
mod search;
mod search_page;
mod select;
mod status;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

pub use data::{DataRequest, DataSnapshot};
pub use event::DownloadEvent;
pub use found::{FoundRepository, Parameters, SearchResult, SkippedRepository};
pub use options::{Connection, RemoteOptions, Token};
pub use outstanding::Outstanding;
pub use search_page::Gate;

use crate::repository::RepoKind;
use crate::{DatasetId, Error, ErrorKind, FileChoice, RepoId, SearchQuery, Snapshot};
use cache::Cache;
use data::FetchData;
use fetch::Fetch;
use http::Client;
use lookup::{KnownListings, ListedHub};

/// A hub and a cache.
#[derive(Debug)]
pub struct Remote {
    options: RemoteOptions,
    client: Client,
    /// What the hub listed for commits.
    known: KnownListings,
}

impl Remote {
    /// Prepares connections without opening any.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`]: an invalid address or file of certificates; [`ErrorKind::Io`]: the file cannot be read.
    pub fn new(options: RemoteOptions) -> Result<Self, Error> {
        let client = Client::new(&options)?;
        Ok(Self {
            options,
            client,
            known: KnownListings::default(),
        })
    }

    /// The settings.
    pub fn options(&self) -> &RemoteOptions {
        &self.options
    }

    /// Downloads the model of `id` into the cache, or finds it there. Events are reported on the calling thread.
    ///
    /// A commit whose files are in the cache needs no network. A branch or tag is looked up each time; if the hub cannot be
    /// reached, the cached snapshot is used.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`]: no such repository, revision or ONNX file; [`ErrorKind::Denied`]: private or gated;
    /// [`ErrorKind::Offline`]: not in the cache; [`ErrorKind::Network`]: the hub cannot be reached, or all attempts failed;
    /// [`ErrorKind::Untrusted`]: a wrong size or checksum, or an unsafe name or redirect; [`ErrorKind::Io`]: the cache cannot be
    /// written; [`ErrorKind::Interrupted`].
    pub fn fetch(
        &self,
        id: &RepoId,
        choice: &FileChoice,
        on_event: &mut dyn FnMut(DownloadEvent),
    ) -> Result<Snapshot, Error> {
        self.fetch_with(id, choice, self.options.jobs, on_event)
    }

    /// Downloads several models as [`Remote::fetch`] does, several repositories at a time, with at most [`RemoteOptions::jobs`]
    /// files at a time in total. A failure does not stop the others. Events are reported on several threads.
    pub fn fetch_all(
        &self,
        wanted: &[(RepoId, FileChoice)],
        on_event: &(dyn Fn(&RepoId, DownloadEvent) + Sync),
    ) -> Vec<Result<Snapshot, Error>> {
        let at_once = self.options.jobs.clamp(1, 64).min(wanted.len()).max(1);
        let jobs = (self.options.jobs / at_once).max(1);
        let next = AtomicUsize::new(0);
        let mut results: BTreeMap<usize, Result<Snapshot, Error>> = thread::scope(|scope| {
            let worker = || {
                let mut results = Vec::new();
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some((id, choice)) = wanted.get(index) else {
                        return results;
                    };
                    let mut report = |event| on_event(id, event);
                    results.push((index, self.fetch_with(id, choice, jobs, &mut report)));
                }
            };
            let workers: Vec<_> = (0..at_once).map(|_| scope.spawn(worker)).collect();
            workers
                .into_iter()
                .flat_map(|worker| worker.join().unwrap_or_default())
                .collect()
        });
        let lost = || Error::new(ErrorKind::Network, "the download ended without a result; try again");
        (0..wanted.len())
            .map(|index| results.remove(&index).unwrap_or_else(|| Err(lost())))
            .collect()
    }

    /// What [`Remote::fetch`] would download, from the hub's listing. Nothing is downloaded. A file of weights with an unusual name is
    /// not counted, because only the ONNX file names it.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`], [`ErrorKind::Denied`], [`ErrorKind::Offline`], [`ErrorKind::Network`], [`ErrorKind::Untrusted`] and
    /// [`ErrorKind::Interrupted`], as [`Remote::fetch`].
    pub fn outstanding(
        &self,
        id: &RepoId,
        choice: &FileChoice,
        on_event: &mut dyn FnMut(DownloadEvent),
    ) -> Result<Outstanding, Error> {
        let cache = Cache::new(&self.options.cache_dir, RepoKind::Model, id.name());
        let fetch = self.fetch_of(id, choice, (&cache, 1));
        fetch.outstanding(on_event).map_err(|e| e.about(&id.to_string()))
    }

    /// Downloads those files of a data set that hold the splits of `request` into the cache, or finds them there. Before the download an
    /// event has their number and size. Events are reported on the calling thread.
    ///
    /// A commit whose files are in the cache needs no network, and a branch or tag is looked up, as in [`Remote::fetch`].
    ///
    /// # Errors
    /// As [`Remote::fetch`]; [`ErrorKind::NotFound`] also for a configuration, split or data that are not there;
    /// [`ErrorKind::Malformed`]: several configurations, and none is named.
    pub fn fetch_data(
        &self,
        id: &DatasetId,
        request: &DataRequest,
        on_event: &mut dyn FnMut(DownloadEvent),
    ) -> Result<DataSnapshot, Error> {
        let fetch = FetchData {
            hub: self.hub(),
            id,
            request,
            cache: &Cache::new(&self.options.cache_dir, RepoKind::Dataset, id.repository().name()),
        };
        fetch.run(on_event).map_err(|e| e.about(&id.to_string()))
    }

    /// Searches the hub for repositories with ONNX files that can be used at the precision of the options. Nothing is downloaded.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`]: an invalid query; [`ErrorKind::Offline`]; [`ErrorKind::Network`]: the hub cannot be reached, or
    /// all attempts failed; [`ErrorKind::NotFound`]: a server without a search; [`ErrorKind::Denied`]: it asks for a token;
    /// [`ErrorKind::Untrusted`]: an unexpected answer; [`ErrorKind::Interrupted`]. No repository is not an error.
    pub fn search(
        &self,
        query: &SearchQuery,
        on_event: &mut (dyn FnMut(DownloadEvent) + Send),
    ) -> Result<SearchResult, Error> {
        search::search(self.hub(), query, on_event)
    }

    fn fetch_with(
        &self,
        id: &RepoId,
        choice: &FileChoice,
        jobs: usize,
        on_event: &mut dyn FnMut(DownloadEvent),
    ) -> Result<Snapshot, Error> {
        let cache = Cache::new(&self.options.cache_dir, RepoKind::Model, id.name());
        let fetch = self.fetch_of(id, choice, (&cache, jobs));
        fetch.run(on_event).map_err(|e| e.about(&id.to_string()))
    }

    fn fetch_of<'a>(&'a self, id: &'a RepoId, choice: &'a FileChoice, (cache, jobs): (&'a Cache, usize)) -> Fetch<'a> {
        Fetch {
            hub: self.hub(),
            id,
            precision: choice.precision.unwrap_or(self.options.precision),
            file: choice.file.as_deref(),
            cache,
            jobs,
        }
    }

    /// The hub, asked with the retries of the options.
    fn hub(&self) -> ListedHub<'_> {
        ListedHub {
            client: &self.client,
            options: &self.options,
            known: &self.known,
            retries: self.options.retries,
        }
    }
}
