//! A search for repositories with usable ONNX files.
//!
//! ```text
//! words ──pages──► repositories ──license, files──► candidates ──listing at the commit──► sizes, parameters ──► found
//! ```
//!
//! The hub finds names that contain the whole text. A sentence is no name, so if nothing is found, every word is searched for on
//! its own, and each contributes its share of the limit.
//!
//! Limits on a broken or hostile hub: at most [`MAX_PAGES`] pages for a text and [`MAX_WORDS`] words; a page as large as any other
//! answer; no request to another host.

use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use ranktune_core::counts::abbreviated;
use ranktune_core::one_line;

use super::cache::Cache;
use super::download::interrupted;
use super::event::DownloadEvent;
use super::found::{FoundRepository, Parameters, SearchResult, SkippedRepository};
use super::listing::Listing;
use super::lookup::ListedHub;
use super::options::Connection;
use super::search_page::{self, ListedRepository, Unlisted, first_page, next_page};
use super::select::{Selection, select};
use crate::license::license_fault;
use crate::repository::RepoKind;
use crate::{Error, ErrorKind, SearchQuery, WeightPrecision};

const MAX_PAGES: usize = 10;
const MAX_WORDS: usize = 5;
/// Words with fewer letters are in most names.
const SHORTEST_WORD: usize = 3;
/// Repositories on a page, at least; most pages have some without usable files.
const SMALLEST_PAGE: usize = 32;

/// Answers a query; see [`Remote::search`](super::Remote::search).
pub(crate) fn search(
    hub: ListedHub<'_>,
    query: &SearchQuery,
    on_event: &mut (dyn FnMut(DownloadEvent) + Send),
) -> Result<SearchResult, Error> {
    query.check()?;
    if hub.options.connection == Connection::Offline {
        let text = "a search needs the hub, and downloads are off; run it once without --offline (or HF_HUB_OFFLINE) and keep \
                    its manifest";
        return Err(Error::new(ErrorKind::Offline, text));
    }
    let mut search = Search {
        hub,
        query,
        seen: BTreeSet::new(),
        result: SearchResult::default(),
    };
    let words: Vec<&str> = query.words().collect();
    let text = words.join(" ");
    search.pages(&text, query.limit, on_event)?;
    if search.result.found.is_empty() && words.len() > 1 {
        let long = words.iter().filter(|word| word.chars().count() >= SHORTEST_WORD);
        let words: Vec<&str> = long.take(MAX_WORDS).copied().collect();
        let note = format!(
            "no usable repository has {text:?} in its name; searched for {}",
            words.join(", ")
        );
        search.result.notes.push(note);
        for (index, word) in words.iter().enumerate() {
            let open = query.limit - search.result.found.len();
            search.pages(word, open.div_ceil(words.len() - index), on_event)?;
        }
    }
    Ok(search.result)
}

/// A search in progress.
struct Search<'a> {
    hub: ListedHub<'a>,
    query: &'a SearchQuery,
    /// Names of repositories that were examined.
    seen: BTreeSet<String>,
    result: SearchResult,
}

/// A repository whose files can be used.
struct Candidate {
    listed: ListedRepository,
    selection: Selection,
}

impl Search<'_> {
    /// Adds up to `count` repositories with `words` in their names.
    fn pages(
        &mut self,
        words: &str,
        count: usize,
        on_event: &mut (dyn FnMut(DownloadEvent) + Send),
    ) -> Result<(), Error> {
        let goal = self.result.found.len() + count;
        let size = (2 * count).max(SMALLEST_PAGE);
        let mut next = Some(first_page(self.query, words, size));
        for _ in 0..MAX_PAGES {
            let Some(path) = next.take() else { break };
            let answer = self.hub.ask("search", &path, on_event);
            let answer = answer.map_err(|error| self.explained(error))?;
            next = answer.link.as_deref().and_then(next_page);
            let mut candidates = VecDeque::new();
            for item in search_page::parse(&answer.body)? {
                candidates.extend(self.candidate(item));
            }
            while self.result.found.len() < goal && !candidates.is_empty() {
                let open = candidates.len().min(goal - self.result.found.len());
                let batch: Vec<Candidate> = candidates.drain(..open).collect();
                self.examine(batch, on_event)?;
            }
            if self.result.found.len() >= goal {
                break;
            }
        }
        Ok(())
    }

    /// A repository of a page, if its page does not exclude it.
    fn candidate(&mut self, item: Result<ListedRepository, Unlisted>) -> Option<Candidate> {
        let listed = match item {
            Ok(listed) => listed,
            Err(Unlisted { name, fault }) => {
                if self.seen.insert(name.clone()) {
                    self.skip(name, fault);
                }
                return None;
            }
        };
        let name = listed.id.name().to_owned();
        if !self.seen.insert(name.clone()) {
            return None;
        }
        let stated = listed.parameters.map(Parameters::Stated);
        let fault = license_fault(&listed.licenses, &self.query.licenses)
            .or_else(|| stated.and_then(|count| self.size_fault(Some(count))));
        if let Some(fault) = fault {
            self.skip(name, fault);
            return None;
        }
        match select(&listed.files, self.hub.options.precision, None, &name) {
            Ok(selection) => Some(Candidate { listed, selection }),
            Err(error) => {
                self.skip(name, one_line(&error));
                None
            }
        }
    }

    /// Looks the candidates up, several at a time, and adds those that are small enough.
    fn examine(
        &mut self,
        candidates: Vec<Candidate>,
        on_event: &mut (dyn FnMut(DownloadEvent) + Send),
    ) -> Result<(), Error> {
        let listings = self.listings(&candidates, on_event);
        if self.hub.options.is_interrupted() {
            return Err(interrupted());
        }
        for (candidate, listing) in candidates.into_iter().zip(listings) {
            let name = candidate.listed.id.name().to_owned();
            let sizes = match listing {
                Ok(listing) => self.sizes(&candidate, &listing),
                // The page that was searched is no proof that the files can be had.
                Err(error) if error.kind() == ErrorKind::Untrusted => {
                    self.skip(name, one_line(&error));
                    continue;
                }
                Err(error) => {
                    let note = format!("{name}: its size is unknown: {}", one_line(&error));
                    self.result.notes.push(note);
                    Sizes::default()
                }
            };
            let Candidate { listed, selection } = candidate;
            let estimated = sizes.weights.map(|bytes| {
                let width = match self.hub.options.precision {
                    WeightPrecision::Float32 => 4,
                    WeightPrecision::Float16 => 2,
                    WeightPrecision::Int8 => 1,
                };
                Parameters::Estimated(bytes / width)
            });
            let parameters = listed.parameters.map(Parameters::Stated).or(estimated);
            if let Some(fault) = self.size_fault(parameters) {
                self.skip(name, fault);
                continue;
            }
            self.result.found.push(FoundRepository {
                id: listed.id,
                file: selection.model,
                task: listed.task,
                licenses: listed.licenses,
                parameters,
                bytes: sizes.all,
                missing_bytes: sizes.missing,
                downloads: listed.downloads,
                gate: listed.gate,
                is_private: listed.is_private,
            });
        }
        Ok(())
    }

    /// The listing of every candidate at its commit.
    fn listings(
        &self,
        candidates: &[Candidate],
        on_event: &mut (dyn FnMut(DownloadEvent) + Send),
    ) -> Vec<Result<Arc<Listing>, Error>> {
        let (hub, next) = (self.hub, AtomicUsize::new(0));
        let on_event = Mutex::new(on_event);
        let results: Mutex<Vec<_>> = Mutex::new(candidates.iter().map(|_| None).collect());
        thread::scope(|scope| {
            for _ in 0..hub.options.jobs.clamp(1, candidates.len().max(1)) {
                scope.spawn(|| {
                    loop {
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        let Some(candidate) = candidates.get(index).filter(|_| !hub.options.is_interrupted()) else {
                            return;
                        };
                        let id = &candidate.listed.id;
                        let mut report = |event| on_event.lock().unwrap_or_else(PoisonError::into_inner)(event);
                        let revision = id.revision().unwrap_or_default();
                        let listing = hub.look_up(RepoKind::Model, id.name(), revision, &mut report);
                        results.lock().unwrap_or_else(PoisonError::into_inner)[index] = Some(listing);
                    }
                });
            }
        });
        let results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
        results
            .into_iter()
            .map(|listing| listing.unwrap_or_else(|| Err(interrupted())))
            .collect()
    }

    fn sizes(&self, candidate: &Candidate, listing: &Listing) -> Sizes {
        let Candidate { listed, selection } = candidate;
        let cached = Cache::new(&self.hub.options.cache_dir, RepoKind::Model, listed.id.name()).files(&listing.commit);
        let sum = |is_counted: &dyn Fn(&String) -> bool| {
            let files = selection.files.iter().filter(|name| is_counted(name));
            let mut sizes = files.map(|name| listing.files.get(name)?.size);
            sizes.try_fold(0_u64, |sum, size| sum.checked_add(size?))
        };
        Sizes {
            all: sum(&|_| true),
            missing: sum(&|name| !cached.contains(name)),
            weights: sum(&|name| name.starts_with(&selection.model)),
        }
    }

    /// Why a model of this size is excluded, if it is.
    fn size_fault(&self, parameters: Option<Parameters>) -> Option<String> {
        let max = self.query.max_parameters?;
        let expected = format!("expected at most {}", abbreviated(max));
        let Some(parameters) = parameters else {
            return Some(format!("its number of parameters is unknown, {expected}"));
        };
        let about = match parameters {
            Parameters::Stated(_) => "",
            Parameters::Estimated(_) => "about ",
        };
        let count = parameters.count();
        (count > max).then(|| format!("it has {about}{} parameters, {expected}", abbreviated(count)))
    }

    fn skip(&mut self, name: String, reason: String) {
        self.result.skipped.push(SkippedRepository { name, reason });
    }

    /// The error of a request for a page: those about repositories do not fit.
    fn explained(&self, error: Error) -> Error {
        let host = self.hub.client.host();
        let text = match error.kind() {
            ErrorKind::NotFound => format!("{host} has no search (/api/models); check HF_ENDPOINT"),
            ErrorKind::Denied => format!("{host} refused the search; log in with `hf auth login`, or set HF_TOKEN"),
            _ => return error,
        };
        Error::new(error.kind(), text).caused_by(error)
    }
}

/// Lengths of the files of a repository; `None` where the hub does not state one.
#[derive(Default)]
struct Sizes {
    all: Option<u64>,
    missing: Option<u64>,
    /// Of the ONNX file and its files of weights.
    weights: Option<u64>,
}
