//! Models from the Hugging Face hub, or from any server that speaks its protocol.
//!
//! ```text
//! repository@revision ──look up──► commit, files ──select──► names ──download──► cache/…/snapshots/COMMIT
//! ```
//!
//! The `hf-hub` crate was weighed: version 1.0 brings 330 crates, an asynchronous runtime and C built with CMake; version 0.5
//! checks neither sizes nor checksums, takes names from servers as they come, and sends the token along to the storage that the
//! hub redirects to. So the protocol, which is small, is spoken here, over `ureq` with `rustls` and `ring`.
//!
//! What a hostile or broken server can cost: it is asked at most [`RemoteOptions::retries`] times in a row without progress; a
//! file is no longer than it was said to be, and no longer than [`RemoteOptions::max_file_bytes`]; nothing is written outside
//! the cache; no file gets its name before its checksum is right; the token goes to no other host.

mod cache;
mod checksum;
mod download;
mod http;
mod listing;
mod options;
mod retry;
mod select;
mod status;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

pub use options::{Connection, RemoteOptions, Token};

use crate::repository::is_commit;
use crate::{Error, ErrorKind, FileChoice, RepoId, Snapshot, WeightPrecision, external};
use cache::Cache;
use download::{Download, encode};
use http::Client;
use listing::{FileInfo, Listing};
use retry::Failure;
use select::{CONFIGURATION, Selection, candidates, check_name, is_usable, select};

/// What is going on; told on the thread that has called [`Remote::fetch`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DownloadEvent {
    /// The revision is known, and what is to come; files that are in the cache are not counted.
    Resolved {
        /// The commit.
        commit: String,
        /// Number of files.
        files: usize,
        /// Their length altogether, if the hub says it.
        bytes: Option<u64>,
    },
    /// The hub cannot be reached, and the cached snapshot is used as it is.
    Cached {
        /// Why not.
        reason: String,
    },
    /// Another process downloads the file.
    Waiting {
        /// Name in the repository.
        file: String,
    },
    /// Bytes are about to come.
    Started {
        /// Name in the repository.
        file: String,
        /// Length, if the hub says it.
        bytes: Option<u64>,
        /// How much of it is here from before.
        resumed_at: u64,
    },
    /// Bytes have come.
    Progress {
        /// Name in the repository.
        file: String,
        /// How much of the file is here.
        received: u64,
    },
    /// An attempt has failed.
    Retrying {
        /// Name in the repository, or the repository's own where it was to be looked up.
        file: String,
        /// What went wrong.
        reason: String,
        /// The time before the next one.
        pause: Duration,
    },
    /// The file is here and verified.
    Finished {
        /// Name in the repository.
        file: String,
    },
}

/// A hub and a cache.
#[derive(Debug)]
pub struct Remote {
    options: RemoteOptions,
    client: Client,
}

impl Remote {
    /// Prepares connections; makes none.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`]: an address or the file of certificates cannot be used; [`ErrorKind::Io`]: it cannot be read.
    pub fn new(options: RemoteOptions) -> Result<Self, Error> {
        let client = Client::new(&options)?;
        Ok(Self { options, client })
    }

    /// The settings.
    pub fn options(&self) -> &RemoteOptions {
        &self.options
    }

    /// Brings the model of `id` into the cache, or finds it there.
    ///
    /// A commit whose files are in the cache needs no network. A branch or tag is looked up each time, and where that fails for
    /// want of a connection, the cached snapshot stands in.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`]: no such repository, revision or ONNX file; [`ErrorKind::Denied`]: private or gated;
    /// [`ErrorKind::Offline`]: not in the cache; [`ErrorKind::Network`]: not reached, or given up; [`ErrorKind::Untrusted`]:
    /// sizes, checksums, names or redirects are wrong; [`ErrorKind::Io`]: the cache cannot be written.
    pub fn fetch(
        &self,
        id: &RepoId,
        choice: &FileChoice,
        on_event: &mut dyn FnMut(DownloadEvent),
    ) -> Result<Snapshot, Error> {
        self.fetch_with(id, choice, self.options.jobs, on_event)
    }

    /// Brings several models into the cache as [`Remote::fetch`] does, several repositories at a time, and altogether at most
    /// [`RemoteOptions::jobs`] files at a time. One that cannot be had stops none of the others. Events are told on several
    /// threads.
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
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    let Some((id, choice)) = wanted.get(place) else {
                        return results;
                    };
                    let mut tell = |event| on_event(id, event);
                    results.push((place, self.fetch_with(id, choice, jobs, &mut tell)));
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
            .map(|place| results.remove(&place).unwrap_or_else(|| Err(lost())))
            .collect()
    }

    fn fetch_with(
        &self,
        id: &RepoId,
        choice: &FileChoice,
        jobs: usize,
        on_event: &mut dyn FnMut(DownloadEvent),
    ) -> Result<Snapshot, Error> {
        self.fetch_inner(id, choice, jobs, on_event)
            .map_err(|e| e.about(&id.to_string()))
    }

    fn fetch_inner(
        &self,
        id: &RepoId,
        choice: &FileChoice,
        jobs: usize,
        on_event: &mut dyn FnMut(DownloadEvent),
    ) -> Result<Snapshot, Error> {
        if self.options.is_interrupted() {
            return Err(download::interrupted());
        }
        let cache = Cache::new(&self.options.cache_dir, id.name());
        let wanted = Wanted {
            id,
            precision: choice.precision.unwrap_or(self.options.precision),
            file: choice.file.as_deref(),
            cache: &cache,
            jobs,
        };
        let revision = id.revision().unwrap_or("main");
        let cached = cache.commit(revision).map(|commit| wanted.cached(&commit));
        if self.options.connection == Connection::Offline {
            return cached.unwrap_or_else(|| Err(offline("is not in the cache")));
        }
        if is_commit(revision) && wanted.is_complete(revision) {
            return wanted.cached(revision);
        }
        let mut cached = cached.and_then(Result::ok);
        let retries = if cached.is_some() { 0 } else { self.options.retries };
        let listing = match self.look_up(id.name(), revision, retries, on_event) {
            Err(e) if e.kind() == ErrorKind::Network && cached.is_some() => {
                on_event(DownloadEvent::Cached { reason: e.to_string() });
                return cached.take().ok_or(e);
            }
            listing => listing?,
        };
        let names: BTreeSet<String> = listing.files.keys().cloned().collect();
        let mut selection = select(&names, wanted.precision, wanted.file, id.name())?;
        self.download(&wanted, &listing, &selection.files, on_event)?;
        let weights = wanted.weights(&listing.commit, &selection)?;
        if let Some(name) = weights.iter().find(|name| !names.contains(*name)) {
            let text = format!(
                "{} keeps weights in {name:?}, which the repository does not have",
                selection.model
            );
            return Err(Error::new(ErrorKind::NotFound, text));
        }
        self.download(&wanted, &listing, &weights, on_event)?;
        selection.files.extend(weights);
        for name in candidates(wanted.precision)
            .iter()
            .map(String::as_str)
            .chain(CONFIGURATION)
        {
            if !names.contains(name) {
                cache.set_missing(&listing.commit, name);
            }
        }
        cache.set_commit(revision, &listing.commit)?;
        wanted.snapshot(&listing.commit, selection)
    }

    /// Asks the hub what a repository has at a revision.
    fn look_up(
        &self,
        name: &str,
        revision: &str,
        retries: u32,
        on_event: &mut dyn FnMut(DownloadEvent),
    ) -> Result<Listing, Error> {
        let path = format!("/api/models/{name}/revision/{}?blobs=true", encode(revision, ""));
        let mut failures = 0;
        loop {
            let (error, asked) = match self.client.text(&path) {
                Ok(answer) => return Listing::parse(&answer, revision),
                Err(Failure::Final(error)) => return Err(error),
                Err(Failure::Passing(error, asked)) => (error, asked),
                Err(Failure::Stale) => (self.client.untrusted("a range that was not asked for"), None),
            };
            failures += 1;
            if failures > retries {
                return Err(error);
            }
            let pause = retry::pause(self.options.backoff, failures, asked);
            let (file, reason) = (name.to_owned(), error.to_string());
            on_event(DownloadEvent::Retrying { file, reason, pause });
            let until = Instant::now() + pause;
            while !until.saturating_duration_since(Instant::now()).is_zero() {
                if self.options.is_interrupted() {
                    return Err(download::interrupted());
                }
                thread::sleep(Duration::from_millis(50).min(pause));
            }
        }
    }

    /// Downloads several files at a time; stops at the first that fails.
    fn download(
        &self,
        wanted: &Wanted<'_>,
        listing: &Listing,
        names: &[String],
        on_event: &mut dyn FnMut(DownloadEvent),
    ) -> Result<(), Error> {
        let there = wanted.cache.files(&listing.commit);
        let all: Vec<(&String, &FileInfo)> = names
            .iter()
            .filter_map(|name| listing.files.get_key_value(name))
            .collect();
        let sizes: Vec<Option<u64>> = all
            .iter()
            .filter(|(name, _)| !there.contains(*name))
            .map(|(_, info)| info.size)
            .collect();
        if !sizes.is_empty() {
            let commit = listing.commit.clone();
            let bytes = sizes.iter().try_fold(0_u64, |sum, size| sum.checked_add((*size)?));
            on_event(DownloadEvent::Resolved {
                commit,
                files: sizes.len(),
                bytes,
            });
        }
        let (sender, receiver) = channel();
        let stop = AtomicBool::new(false);
        let download = Download {
            client: &self.client,
            cache: wanted.cache,
            options: &self.options,
            repository: wanted.id.name(),
            commit: &listing.commit,
            stop: &stop,
            events: sender,
        };
        let jobs = wanted.jobs.clamp(1, 64).min(all.len());
        let (queue, failure) = (Mutex::new(all.into_iter()), Mutex::new(None));
        thread::scope(|scope| {
            for _ in 0..jobs {
                let download = Download {
                    events: download.events.clone(),
                    ..download
                };
                let (queue, failure) = (&queue, &failure);
                scope.spawn(move || {
                    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
                    while let Some((name, info)) = next()
                        && !download.stop.load(Ordering::Relaxed)
                    {
                        if let Err(error) = download.file(name, info) {
                            // The first failure is the cause; the others only stop for it.
                            if !download.stop.swap(true, Ordering::Relaxed) {
                                *failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                            }
                        }
                    }
                });
            }
            drop(download);
            for event in receiver {
                on_event(event);
            }
        });
        failure
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
            .map_or(Ok(()), Err)
    }
}

/// What is asked of a repository's cache.
struct Wanted<'a> {
    id: &'a RepoId,
    precision: WeightPrecision,
    file: Option<&'a str>,
    cache: &'a Cache,
    /// Files at a time.
    jobs: usize,
}

impl Wanted<'_> {
    /// The snapshot as far as it is in the cache, if that is enough to run the model.
    fn cached(&self, commit: &str) -> Result<Snapshot, Error> {
        let names = self.cache.files(commit);
        if names.is_empty() {
            return Err(offline("is not in the cache"));
        }
        let mut selection = select(&names, self.precision, self.file, self.id.name())
            .map_err(|e| offline(&format!("is only in part in the cache (the snapshot {e})")))?;
        let weights = self.weights(commit, &selection)?;
        if let Some(name) = weights.iter().find(|name| !names.contains(*name)) {
            return Err(offline(&format!("is in the cache without its weights {name:?}")));
        }
        selection.files.extend(weights);
        self.snapshot(commit, selection)
    }

    /// Whether every file that could be wanted is in the cache, or is known not to exist.
    fn is_complete(&self, commit: &str) -> bool {
        let names = self.cache.files(commit);
        let known = |name: &str| names.contains(name) || self.cache.is_missing(commit, name);
        let model = match self.file {
            Some(file) => names.contains(file),
            None => {
                let candidates = candidates(self.precision);
                let first = candidates.iter().position(|name| names.contains(name));
                first.is_some_and(|first| candidates[..first].iter().all(|name| known(name)))
            }
        };
        model && CONFIGURATION.iter().all(|name| known(name)) && self.cached(commit).is_ok()
    }

    /// The files that the model keeps weights in and that are not in the selection, as names in the repository.
    fn weights(&self, commit: &str, selection: &Selection) -> Result<Vec<String>, Error> {
        let path = self.cache.pointer(commit, &selection.model);
        let io = |e| cache::io_error("cannot read the downloaded model", e, &path);
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
                    "{}: weights in a file called {name:?} are not downloaded",
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

fn offline(what: &str) -> Error {
    let text = format!(
        "{what}, and the network is not to be used; run once without --offline (or HF_HUB_OFFLINE) to download it"
    );
    Error::new(ErrorKind::Offline, text)
}
