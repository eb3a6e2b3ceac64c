//! The models of a command's `--hub` arguments. Repositories are downloaded first, several at a time.

use std::path::Path;

use ranktune_core::{Event, Interrupt, Progress, one_line};
use ranktune_hub::remote::{Connection, DownloadEvent, Remote, RemoteOptions};
use ranktune_hub::{FileChoice, Hub, RepoId, Snapshot, Source};

use crate::download_report::DownloadReport;
use crate::error::{Error, ErrorKind};
use crate::search::resolved;

/// Where models come from, and how repositories are downloaded.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// Folders, files, manifests, repositories, searches, starter lists.
    pub list: Vec<Source>,
    /// Address of the hub, cache folder, precision. Default: `https://huggingface.co`, without the environment
    /// ([`RemoteOptions::from_env`] reads it).
    pub remote: RemoteOptions,
}

impl From<Vec<Source>> for Sources {
    fn from(list: Vec<Source>) -> Self {
        Self {
            list,
            remote: RemoteOptions::default(),
        }
    }
}

impl From<&str> for Sources {
    fn from(source: &str) -> Self {
        Self::from(vec![Source::from(source)])
    }
}

impl From<&Path> for Sources {
    fn from(source: &Path) -> Self {
        Self::from(vec![Source::from(source)])
    }
}

impl Sources {
    /// Finds the models, and downloads those in repositories. A model that cannot be used is listed in [`Hub::skipped`] with the
    /// reason.
    ///
    /// # Errors
    /// [`ErrorKind::Hub`]: a source does not exist, or no source has a model. [`ErrorKind::Interrupted`]: `interrupt` was raised
    /// during a download; received bytes are kept.
    ///
    /// # Examples
    /// ```
    /// use ranktune::{Interrupt, Silent, Sources};
    ///
    /// let hub = Sources::from("../../examples/hub").open(&Silent, &Interrupt::default())?;
    /// assert_eq!((hub.entries.len(), hub.skipped.len()), (6, 0));
    /// # Ok::<(), ranktune::Error>(())
    /// ```
    pub fn open(&self, progress: &dyn Progress, interrupt: &Interrupt) -> Result<Hub, Error> {
        self.open_with_snapshots(progress, interrupt).map(|(hub, _)| hub)
    }

    /// As [`open`](Self::open), with the downloaded or cached snapshots.
    pub(crate) fn open_with_snapshots(
        &self,
        progress: &dyn Progress,
        interrupt: &Interrupt,
    ) -> Result<(Hub, Vec<Snapshot>), Error> {
        if !self.list.iter().any(Source::may_download) {
            return Ok((Hub::open(&self.list)?, Vec::new()));
        }
        let remote = Remote::new(RemoteOptions {
            interrupt: interrupt.clone(),
            ..self.remote.clone()
        })?;
        let list = resolved(&self.list, &remote, progress)?;
        let wanted = Hub::repositories(&list)?;
        let said = DownloadReport::new(progress);
        let report = |id: &RepoId, event: DownloadEvent| said.event(&id.to_string(), &event);
        let mut fetched: Vec<_> = remote.fetch_all(&wanted, &report).into_iter().map(Some).collect();
        for ((id, _), _) in wanted
            .iter()
            .zip(&fetched)
            .filter(|(_, result)| matches!(result, Some(Err(_))))
        {
            let repository = &id.to_string();
            progress.event(Event::DownloadFailed { repository });
        }
        let mut snapshots = Vec::new();
        let hub = Hub::open_with(&list, &mut |id: &RepoId, choice: &FileChoice| {
            let place = wanted.iter().position(|(i, c)| (i, c) == (id, choice));
            let result = place
                .and_then(|place| fetched[place].take())
                // Named by a second source: now in the cache.
                .unwrap_or_else(|| remote.fetch(id, choice, &mut |event| report(id, event)));
            snapshots.extend(result.as_ref().ok().cloned());
            result
        });
        if interrupt.is_raised() {
            let message = "interrupted; received bytes are kept, run the same command to continue";
            return Err(Error::new(ErrorKind::Interrupted, message));
        }
        Ok((hub?, snapshots))
    }
}

/// A repository whose model is not in the download cache.
pub(crate) struct NotDownloaded {
    /// The repository, in the form of `--hub`.
    pub(crate) name: String,
    /// Size of the download; `None` where the hub does not list it.
    pub(crate) bytes: Option<u64>,
}

impl Sources {
    /// The models that are on this machine, and the repositories that [`open`](Self::open) would download. Nothing is downloaded.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub(crate) fn open_local(
        &self,
        progress: &dyn Progress,
        interrupt: &Interrupt,
    ) -> Result<(Hub, Vec<NotDownloaded>), Error> {
        if !self.list.iter().any(Source::may_download) {
            return Ok((Hub::open(&self.list)?, Vec::new()));
        }
        let options = RemoteOptions {
            interrupt: interrupt.clone(),
            ..self.remote.clone()
        };
        let cached = Remote::new(RemoteOptions {
            connection: Connection::Offline,
            ..options.clone()
        })?;
        let remote = Remote::new(options)?;
        let list = resolved(&self.list, &remote, progress)?;
        let said = DownloadReport::new(progress);
        let mut absent = Vec::new();
        let hub = Hub::open_with(&list, &mut |id: &RepoId, choice: &FileChoice| {
            let found = cached.fetch(id, choice, &mut |_| {});
            if found.is_err() {
                let mut report = |event| said.event(&id.to_string(), &event);
                absent.push(NotDownloaded {
                    name: id.to_string(),
                    bytes: remote.outstanding(id, choice, &mut report)?.bytes,
                });
            }
            found
        });
        if interrupt.is_raised() {
            return Err(Error::new(ErrorKind::Interrupted, "interrupted"));
        }
        let mut hub = match hub {
            Ok(hub) => hub,
            // None of the models is on this machine.
            Err(_) if !absent.is_empty() => Hub::default(),
            Err(error) => return Err(error.into()),
        };
        let is_absent = |path: &Path| absent.iter().any(|absent| path == Path::new(&absent.name));
        hub.skipped.retain(|skipped| !is_absent(&skipped.path));
        Ok((hub, absent))
    }
}

/// Downloads the models of `sources` that are in repositories, and reports their folders.
///
/// # Errors
/// [`ErrorKind::Arguments`] if no source names a repository; otherwise as [`Sources::open`].
///
/// # Examples
/// Without a connection only the cache is used, and here it is empty. Leave the line out to download.
/// ```
/// use ranktune::{Connection, ErrorKind, Interrupt, Silent, Sources};
///
/// let cache = tempfile::tempdir()?;
/// let mut sources = Sources::from("hf:BAAI/bge-small-en-v1.5");
/// sources.remote.cache_dir = cache.path().to_owned();
/// sources.remote.connection = Connection::Offline;
/// let error = ranktune::pull(&sources, &Silent, &Interrupt::default()).unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Hub);
/// assert!(error.to_string().contains("not in the cache"), "{error}");
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn pull(sources: &Sources, progress: &dyn Progress, interrupt: &Interrupt) -> Result<ranktune_report::Pull, Error> {
    let is_search = |source: &Source| source.query().is_some();
    if !sources.list.iter().any(is_search) && Hub::repositories(&sources.list)?.is_empty() {
        let message = "nothing to download: expected hf:ORGANISATION/NAME, search:WORDS, starter:LIST, or a manifest that names repositories";
        return Err(Error::new(ErrorKind::Arguments, message));
    }
    let (hub, snapshots) = sources.open_with_snapshots(progress, interrupt)?;
    let models = hub.entries.iter().filter_map(|entry| {
        let pinned = entry.pinned.as_ref()?;
        let snapshot = snapshots
            .iter()
            .find(|snapshot| snapshot.id == *pinned && snapshot.model == entry.model_path)?;
        let length = |file: &String| std::fs::metadata(snapshot.dir.join(file)).map_or(0, |meta| meta.len());
        Some(ranktune_report::pull::PulledModel {
            name: entry.name.clone(),
            source: pinned.to_string(),
            folder: snapshot.dir.display().to_string(),
            bytes: snapshot.files.iter().map(length).sum(),
            files: snapshot.files.clone(),
        })
    });
    Ok(ranktune_report::Pull {
        schema: ranktune_report::pull::SCHEMA.to_owned(),
        models: models.collect(),
        skipped: skipped(&hub),
    })
}

/// The models of a hub that cannot be used, as listed in the documents.
pub(crate) fn skipped(hub: &Hub) -> Vec<ranktune_report::ranking::SkippedModel> {
    hub.skipped
        .iter()
        .map(|entry| ranktune_report::ranking::SkippedModel {
            name: entry.name.clone(),
            reason: one_line(&entry.reason),
        })
        .collect()
}

/// Settings of downloads from the environment: address, cache folder, token, proxy and offline mode, with the variables of
/// Python's `huggingface_hub`.
///
/// # Errors
/// [`ErrorKind::Arguments`]: a variable or the token file has an invalid value.
///
/// # Examples
/// ```
/// use ranktune::{Source, Sources};
///
/// let list = vec![Source::from("hf:BAAI/bge-small-en-v1.5")];
/// let sources = Sources { list, remote: ranktune::remote_from_env()? };
/// assert!(sources.list[0].may_download() && sources.remote.endpoint.starts_with("http"));
/// # Ok::<(), ranktune::Error>(())
/// ```
pub fn remote_from_env() -> Result<RemoteOptions, Error> {
    RemoteOptions::from_env().map_err(|error| Error::new(ErrorKind::Arguments, error))
}
