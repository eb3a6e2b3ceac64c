//! Data sets of a hub: `hf:datasets/ORGANISATION/NAME@REVISION/CONFIGURATION` in the place of a path.

use std::path::{Path, PathBuf};

use ranktune_core::{Event, Interrupt, Progress};
use ranktune_data::{LoadOptions, Split};
use ranktune_hub::DatasetId;
use ranktune_hub::remote::{DataRequest, Remote, RemoteOptions};

use crate::download_report::DownloadReport;
use crate::error::{Error, ErrorKind};

/// A data set on this machine: what [`load`](crate::load) takes.
#[derive(Clone, Debug, PartialEq)]
pub struct LocalData {
    /// A folder or file.
    pub path: PathBuf,
    /// How it is read. For a repository, with its configuration and its name at the commit.
    pub load: LoadOptions,
}

/// Whether `path` is the name of a repository, such as `hf:datasets/stanfordnlp/imdb`.
pub fn is_hub_data(path: &Path) -> bool {
    path.to_str().is_some_and(DatasetId::is_meant)
}

/// Downloads the data set that `path` names, or finds it in the cache; a path of this machine stays as it is.
///
/// The split of `options` is downloaded, and those of `also` if the data set has them. How much that is, is reported before.
///
/// # Errors
/// [`ErrorKind::Data`]: no such data set, configuration or split; no data of a format that is read; it cannot be downloaded.
/// [`ErrorKind::Interrupted`]: received bytes are kept.
///
/// # Examples
/// Without a connection only the cache is used, and here it is empty. Leave the line out to download.
/// ```
/// use ranktune::{Connection, ErrorKind, Interrupt, LoadOptions, RemoteOptions, Silent};
///
/// let cache = tempfile::tempdir()?;
/// let remote = RemoteOptions {
///     cache_dir: cache.path().to_owned(),
///     connection: Connection::Offline,
///     ..RemoteOptions::default()
/// };
/// let data = "hf:datasets/stanfordnlp/imdb".as_ref();
/// let load = LoadOptions::default();
/// let error = ranktune::fetch_data(data, (&load, &[]), &remote, &Silent, &Interrupt::default()).unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Data);
/// assert!(error.to_string().contains("not in the cache"), "{error}");
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn fetch_data(
    path: &Path,
    (options, also): (&LoadOptions, &[Split]),
    remote: &RemoteOptions,
    progress: &dyn Progress,
    interrupt: &Interrupt,
) -> Result<LocalData, Error> {
    let Some(name) = path.to_str().filter(|name| DatasetId::is_meant(name)) else {
        return Ok(LocalData {
            path: path.to_owned(),
            load: options.clone(),
        });
    };
    let mut id = DatasetId::parse(name).map_err(of_data)?;
    if let Some(config) = &options.config {
        id = with_config(&id, config)?;
    }
    let remote = Remote::new(RemoteOptions {
        interrupt: interrupt.clone(),
        ..remote.clone()
    })
    .map_err(of_data)?;
    let request = DataRequest {
        split: options.split,
        also: also.to_vec(),
    };
    let (name, report) = (id.to_string(), DownloadReport::new(progress));
    let fetched = remote.fetch_data(&id, &request, &mut |event| report.event(&name, &event));
    if fetched.is_err() {
        progress.event(Event::DownloadFailed { repository: &name });
    }
    let fetched = fetched.map_err(of_data)?;
    Ok(LocalData {
        path: fetched.dir,
        load: LoadOptions {
            config: fetched.id.config().map(str::to_owned),
            name: Some(fetched.id.to_string()),
            ..options.clone()
        },
    })
}

/// The data set with the configuration of an option, which must not contradict its name.
fn with_config(id: &DatasetId, config: &str) -> Result<DatasetId, Error> {
    match id.config() {
        Some(own) if own == config => Ok(id.clone()),
        Some(own) => {
            let message = format!("{id} names the configuration {own:?}, and --config {config:?}; give one of them");
            Err(Error::new(ErrorKind::Arguments, message))
        }
        None => DatasetId::parse(&format!(
            "{}@{}/{config}",
            id.to_string().split('@').next().unwrap_or_default(),
            id.repository().revision().unwrap_or("main")
        ))
        .map_err(of_data),
    }
}

/// An error about a data set, whatever its kind at the hub.
fn of_data(error: ranktune_hub::Error) -> Error {
    let kind = match error.kind() {
        ranktune_hub::ErrorKind::Interrupted => ErrorKind::Interrupted,
        _ => ErrorKind::Data,
    };
    Error::new(kind, error)
}
