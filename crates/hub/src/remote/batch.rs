//! Several files of one repository, several at a time, with their sizes said first.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::cache::Cache;
use super::download::Download;
use super::event::DownloadEvent;
use super::listing::{FileInfo, Listing};
use super::lookup::ListedHub;
use crate::Error;

/// Downloads of one repository.
pub(super) struct Batch<'a> {
    pub(super) hub: ListedHub<'a>,
    pub(super) cache: &'a Cache,
    /// The repository, as addresses of files have it.
    pub(super) repository: &'a str,
    /// Files at a time.
    pub(super) jobs: usize,
}

impl Batch<'_> {
    /// Downloads the files of `names` that the listing has into its snapshot; stops at the first failure.
    pub(super) fn download(
        &self,
        listing: &Listing,
        names: &[String],
        on_event: &mut dyn FnMut(DownloadEvent),
    ) -> Result<(), Error> {
        let all: Vec<(&String, &FileInfo)> = names
            .iter()
            .filter_map(|name| listing.files.get_key_value(name))
            .filter(|(name, info)| !self.cache.holds(&listing.commit, name, info.size))
            .collect();
        if all.is_empty() {
            return Ok(());
        }
        on_event(DownloadEvent::Resolved {
            commit: listing.commit.clone(),
            files: all.len(),
            bytes: all.iter().try_fold(0_u64, |sum, (_, info)| sum.checked_add(info.size?)),
        });
        let (sender, receiver) = channel();
        let stop = AtomicBool::new(false);
        let download = Download {
            client: self.hub.client,
            cache: self.cache,
            options: self.hub.options,
            repository: self.repository,
            commit: &listing.commit,
            stop: &stop,
            events: sender,
        };
        let jobs = self.jobs.clamp(1, 64).min(all.len());
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
                        // The first failure is the cause; the other files only stop because of it.
                        if let Err(error) = download.file(name, info)
                            && !download.stop.swap(true, Ordering::Relaxed)
                        {
                            *failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
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
