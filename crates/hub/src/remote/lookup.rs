//! Short answers of the hub: retried after passing failures, and kept where they cannot change.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use ranktune_core::one_line;

use super::download::interrupted;
use super::event::DownloadEvent;
use super::http::{Client, TextAnswer, encode_segment};
use super::listing::Listing;
use super::options::RemoteOptions;
use super::retry::{self, Failure};
use crate::Error;
use crate::repository::{RepoKind, is_commit};

/// Listings by name and commit. A commit never changes, so its listing is asked for once.
#[derive(Debug, Default)]
pub(crate) struct KnownListings(Mutex<BTreeMap<(String, String), Arc<Listing>>>);

impl KnownListings {
    fn get(&self, name: &str, commit: &str) -> Option<Arc<Listing>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&(name.to_owned(), commit.to_owned())).cloned()
    }

    fn insert(&self, name: &str, listing: Listing) -> Arc<Listing> {
        let (key, listing) = ((name.to_owned(), listing.commit.clone()), Arc::new(listing));
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(key, listing.clone());
        listing
    }
}

/// A hub that is asked for listings and searches.
#[derive(Clone, Copy)]
pub(crate) struct ListedHub<'a> {
    pub(crate) client: &'a Client,
    pub(crate) options: &'a RemoteOptions,
    pub(crate) known: &'a KnownListings,
    /// Attempts after the first one.
    pub(crate) retries: u32,
}

impl ListedHub<'_> {
    /// Asks for the files of the repository `name` at a revision.
    pub(crate) fn look_up(
        &self,
        kind: RepoKind,
        name: &str,
        revision: &str,
        on_event: &mut dyn FnMut(DownloadEvent),
    ) -> Result<Arc<Listing>, Error> {
        if is_commit(revision)
            && let Some(listing) = self.known.get(&kind.place(name), revision)
        {
            return Ok(listing);
        }
        let path = format!(
            "/api/{}/{name}/revision/{}?blobs=true",
            kind.plural(),
            encode_segment(revision)
        );
        let answer = self.ask(name, &path, on_event)?;
        let listing = Listing::parse(&answer.body, revision)?;
        Ok(self.known.insert(&kind.place(name), listing))
    }

    /// Gets a short text; `subject` is what events call it.
    pub(crate) fn ask(
        &self,
        subject: &str,
        path: &str,
        on_event: &mut dyn FnMut(DownloadEvent),
    ) -> Result<TextAnswer, Error> {
        let mut failures = 0;
        loop {
            let (error, asked) = match self.client.text(path) {
                Ok(answer) => return Ok(answer),
                Err(Failure::Final(error)) => return Err(error),
                Err(Failure::Passing(error, asked)) => (error, asked),
                Err(Failure::Stale) => (self.client.untrusted("a range that was not requested"), None),
            };
            failures += 1;
            if failures > self.retries {
                return Err(error);
            }
            let pause = retry::pause(self.options.backoff, failures, asked);
            let (file, reason) = (subject.to_owned(), one_line(&error));
            on_event(DownloadEvent::Retrying { file, reason, pause });
            let until = Instant::now() + pause;
            while !until.saturating_duration_since(Instant::now()).is_zero() {
                if self.options.is_interrupted() {
                    return Err(interrupted());
                }
                thread::sleep(Duration::from_millis(50).min(pause));
            }
        }
    }
}
