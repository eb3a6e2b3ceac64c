//! What a download reports while it runs.

use std::time::Duration;

/// A step of a download.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DownloadEvent {
    /// The revision is resolved, and the files to download are known; files in the cache are not counted.
    Resolved {
        /// The commit.
        commit: String,
        /// Number of files.
        files: usize,
        /// Their total length, if the hub states it.
        bytes: Option<u64>,
    },
    /// The hub cannot be reached, and the cached snapshot is used.
    Cached {
        /// Why the hub cannot be reached.
        reason: String,
    },
    /// Another process is downloading the file.
    Waiting {
        /// Name in the repository.
        file: String,
    },
    /// The transfer of a file begins.
    Started {
        /// Name in the repository.
        file: String,
        /// Length, if the hub states it.
        bytes: Option<u64>,
        /// Bytes received by an earlier download.
        resumed_at: u64,
    },
    /// Bytes were received.
    Progress {
        /// Name in the repository.
        file: String,
        /// Bytes received so far, including earlier downloads.
        received: u64,
    },
    /// An attempt failed.
    Retrying {
        /// Name in the repository, or the repository's own name for the request for its files.
        file: String,
        /// What went wrong.
        reason: String,
        /// Time until the next attempt.
        pause: Duration,
    },
    /// The file is complete and verified.
    Finished {
        /// Name in the repository.
        file: String,
    },
}
