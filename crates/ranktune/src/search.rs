//! Searches on a hub: as a list of repositories, and as a source of models.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use ranktune_core::{Event, Interrupt, Progress, counted};
use ranktune_hub::remote::{DownloadEvent, FoundRepository, Parameters, Remote, RemoteOptions, SearchResult};
use ranktune_hub::{License, SearchQuery, Source};
use ranktune_report::format::bytes;
use ranktune_report::ranking::SkippedModel;
use ranktune_report::search::{FoundModel, SCHEMA, SearchListing};

use crate::error::{Error, ErrorKind};

/// Searches the hub of `options` for repositories with usable ONNX files. Nothing is downloaded.
///
/// # Errors
/// [`ErrorKind::Arguments`]: an invalid query. [`ErrorKind::Hub`]: the hub cannot be reached, refuses, or answers in an unexpected
/// way; offline mode. [`ErrorKind::Interrupted`]. A search that finds nothing is not an error.
///
/// # Examples
/// A search needs a connection.
/// ```
/// use ranktune::{Connection, ErrorKind, Interrupt, RemoteOptions, Silent};
///
/// let query = "bird photographs task:image-classification".parse()?;
/// let offline = RemoteOptions { connection: Connection::Offline, ..RemoteOptions::default() };
/// let error = ranktune::search(&query, &offline, &Silent, &Interrupt::default()).unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Hub);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn search(
    query: &SearchQuery,
    options: &RemoteOptions,
    progress: &dyn Progress,
    interrupt: &Interrupt,
) -> Result<SearchListing, Error> {
    query.check().map_err(|error| Error::new(ErrorKind::Arguments, error))?;
    let remote = Remote::new(RemoteOptions {
        interrupt: interrupt.clone(),
        ..options.clone()
    })?;
    let result = search_with(&remote, query, progress)?;
    let size = total(&result.found);
    Ok(SearchListing {
        schema: SCHEMA.to_owned(),
        query: query.to_string(),
        precision: options.precision.name().to_owned(),
        models: result.found.iter().map(model).collect(),
        bytes: size.all,
        missing_bytes: size.missing,
        skipped: result
            .skipped
            .into_iter()
            .map(|skipped| SkippedModel {
                name: skipped.name,
                reason: skipped.reason,
            })
            .collect(),
    })
}

/// Searches, and reports notes.
fn search_with(remote: &Remote, query: &SearchQuery, progress: &dyn Progress) -> Result<SearchResult, Error> {
    // A hub that cannot be reached is said once, not at every retry.
    let said = Mutex::new(HashSet::new());
    let mut report = |event: DownloadEvent| {
        if let DownloadEvent::Retrying { reason, .. } = event
            && said
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(reason.clone())
        {
            progress.event(Event::Note(&format!("search: {reason}; retrying")));
        }
    };
    let result = remote.search(query, &mut report)?;
    for note in &result.notes {
        progress.event(Event::Note(note));
    }
    Ok(result)
}

/// `sources` with every search replaced by what it finds. What would be downloaded for the searches is reported in total, before
/// anything is downloaded.
///
/// # Errors
/// [`ErrorKind::Arguments`]: an invalid query; [`ErrorKind::Hub`]: as [`search`], or nothing was found; [`ErrorKind::Interrupted`].
pub(crate) fn resolved<'a>(
    sources: &'a [Source],
    remote: &Remote,
    progress: &dyn Progress,
) -> Result<Cow<'a, [Source]>, Error> {
    if sources.iter().all(|source| source.query().is_none()) {
        return Ok(Cow::Borrowed(sources));
    }
    let (mut list, mut found) = (Vec::new(), Vec::new());
    for source in sources {
        let Some(query) = source.query() else {
            list.push(source.clone());
            continue;
        };
        let query = query.map_err(|error| Error::new(ErrorKind::Arguments, error))?;
        let result = search_with(remote, &query, progress)?;
        let (gated, open): (Vec<_>, Vec<_>) = result.found.into_iter().partition(|found| found.gate.is_some());
        if !gated.is_empty() {
            let names: Vec<&str> = gated.iter().map(|found| found.id.name()).collect();
            progress.event(Event::Note(&format!(
                "{source}: left out, because their conditions have to be accepted first: {}",
                names.join(", ")
            )));
        }
        if open.is_empty() {
            return Err(nothing_found(&source.to_string(), result.skipped.len() + gated.len()));
        }
        list.extend(open.iter().map(|found| Source::from(&*found.id.to_string())));
        found.extend(open);
    }
    let lines: Vec<String> = found.iter().map(described).collect();
    let repositories = counted(found.len(), "repository").replace("repositorys", "repositories");
    progress.event(Event::Note(&format!("found {repositories}: {}", lines.join(", "))));
    let size = match total(&found).missing {
        Some(0) => "all of it is in the cache".to_owned(),
        Some(missing) => format!("{} to download", bytes(missing)),
        None => "the hub does not state how much there is to download".to_owned(),
    };
    progress.event(Event::Note(&format!("{repositories}, {size}")));
    Ok(Cow::Owned(list))
}

/// The error of a search without a result.
pub(crate) fn nothing_found(query: &str, skipped: usize) -> Error {
    let advice = if skipped == 0 {
        "no repository with ONNX files has this in its name; use fewer or other words, or a task alone".to_owned()
    } else {
        format!("{skipped} found, of which none can be used; `ranktune hub search` lists the reasons")
    };
    Error::new(ErrorKind::Hub, format!("{query}: {advice}"))
}

/// Name and size.
fn described(found: &FoundRepository) -> String {
    let size = found.bytes.map_or_else(|| "size unknown".to_owned(), bytes);
    format!("{} ({size})", found.id.name())
}

/// Lengths of files; `None` where one is not known.
struct Total {
    all: Option<u64>,
    missing: Option<u64>,
}

fn total(found: &[FoundRepository]) -> Total {
    let sum = |size: &dyn Fn(&FoundRepository) -> Option<u64>| {
        let mut found = found.iter();
        found.try_fold(0_u64, |sum, found| sum.checked_add(size(found)?))
    };
    Total {
        all: sum(&|found| found.bytes),
        missing: sum(&|found| found.missing_bytes),
    }
}

fn model(found: &FoundRepository) -> FoundModel {
    FoundModel {
        name: found.id.name().to_owned(),
        source: found.id.to_string(),
        revision: found.id.revision().unwrap_or_default().to_owned(),
        task: found.task.clone(),
        licenses: found.licenses.iter().map(License::to_string).collect(),
        parameters: found.parameters.map(Parameters::count),
        parameters_are_estimated: matches!(found.parameters, Some(Parameters::Estimated(_))),
        file: found.file.clone(),
        bytes: found.bytes,
        missing_bytes: found.missing_bytes,
        downloads: found.downloads,
        gated: found.gate.map(|gate| gate.name().to_owned()),
        private: found.is_private,
    }
}
