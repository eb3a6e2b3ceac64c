//! The steps of a download as progress.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use ranktune_core::{Event, Progress, counted};
use ranktune_hub::remote::DownloadEvent;
use ranktune_report::format::bytes;

/// Passes the steps of downloads on. A hub that cannot be reached is said once, not at every retry.
pub(crate) struct DownloadReport<'a> {
    progress: &'a dyn Progress,
    /// Files and reasons of attempts that failed.
    said: Mutex<HashSet<(String, String)>>,
}

impl<'a> DownloadReport<'a> {
    pub(crate) fn new(progress: &'a dyn Progress) -> Self {
        Self {
            progress,
            said: Mutex::default(),
        }
    }

    /// A step of a download from `repository`.
    pub(crate) fn event(&self, repository: &str, event: &DownloadEvent) {
        let is_new = match event {
            DownloadEvent::Retrying { file, reason, .. } => self
                .said
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert((file.clone(), reason.clone())),
            _ => true,
        };
        if is_new {
            report(self.progress, repository, event);
        }
    }
}

/// Passes a step of a download on as progress.
fn report(progress: &dyn Progress, repository: &str, event: &DownloadEvent) {
    let note = |text: String| progress.event(Event::Note(&format!("{repository}: {text}")));
    match event {
        DownloadEvent::Resolved {
            commit,
            files,
            bytes: length,
        } => {
            let length = length.map_or_else(String::new, |length| format!(", {}", bytes(length)));
            note(format!(
                "{} to download{length}, commit {}",
                counted(*files, "file"),
                commit.get(..12).unwrap_or(commit)
            ));
        }
        DownloadEvent::Cached { reason } => note(format!("the cached files are used without a look-up: {reason}")),
        DownloadEvent::Waiting { file } => note(format!("{file}: waiting for another process that is downloading it")),
        DownloadEvent::Retrying { file, reason, pause } => {
            let file = if repository.contains(file.as_str()) {
                String::new()
            } else {
                format!("{file}: ")
            };
            note(format!(
                "{file}{reason}; retrying in {:.1} s, and then a few times more",
                pause.as_secs_f64()
            ));
        }
        DownloadEvent::Started {
            file,
            bytes: length,
            resumed_at,
        } => {
            if *resumed_at > 0 {
                note(format!("{file}: resumed at {}", bytes(*resumed_at)));
            }
            progress.event(Event::DownloadStarted {
                repository,
                file,
                bytes: *length,
            });
            progress.event(Event::Downloaded {
                repository,
                file,
                received: *resumed_at,
            });
        }
        DownloadEvent::Progress { file, received } => progress.event(Event::Downloaded {
            repository,
            file,
            received: *received,
        }),
        DownloadEvent::Finished { file } => progress.event(Event::DownloadFinished { repository, file }),
        _ => {}
    }
}
