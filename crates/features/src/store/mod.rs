//! Keeps the features of a model on a data set, so that another score or a resumed run needs no inference.
//!
//! ```text
//! Key = BLAKE3(schema, model, preprocessing, feature tensor, pooling, data) ──► entry: features [n, d], logits [n, z], validity [n]
//! ```
//!
//! An entry is named by what it was computed from, not by the time or the engine (engines agree to 1e-3, see
//! `experiments/engine_speed`), so it is never out of date. It is written as an append-only file of checksummed chunks under a
//! temporary name: a killed process leaves a valid prefix, which the next one continues. The complete file is synced and
//! renamed. Both names have the same format (see [`format`]).
//!
//! Written by hand: an embedded database (sled, redb, LMDB) would keep rows in its own pages, and none shares an entry between
//! processes while one of them appends to it.
//!
//! # Several processes
//! Every entry has a lock file, shared by readers and exclusive to a writer. The operating system releases it with the
//! process, so no lock outlives its owner. A process that opens an entry which another one is writing gets
//! [`EntryState::Busy`], and may continue with another model, wait, or compute the features without the store. Lock files are
//! opened under a shared lock on the folder and deleted under an exclusive one, so no process locks a deleted file.
//!
//! # Full or read-only disks
//! Every call then returns an error, and extraction continues without the store: a cache that fails must not fail a ranking.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use crate::{Error, ErrorKind};

mod evict;
mod format;
mod key;
mod reader;
mod writer;

pub use evict::StoreStats;
pub use key::{Key, KeyParts};
pub use reader::Reader;
pub use writer::{Block, Writer};

/// Version of the file format and of the parts of a key; included in both.
const SCHEMA: u32 = 1;

const COMPLETE: &str = "features";
const PARTIAL: &str = "partial";
const LOCK: &str = "lock";

/// The precision of stored features.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CachePrecision {
    /// 4 bytes, exact.
    #[default]
    F32,
    /// 2 bytes, rounded to 11 significant bits. Blocks with values beyond ±65504, and all logits, stay in f32.
    F16,
}

impl CachePrecision {
    fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
        }
    }
}

/// How a store keeps its entries.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreOptions {
    /// Maximum size of all entries in bytes; the least recently used entries are deleted first. Default: 20 GiB.
    pub max_bytes: u64,
    /// Precision of the features. Entries of different precisions are separate. Default: f32.
    pub precision: CachePrecision,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            max_bytes: 20 << 30,
            precision: CachePrecision::F32,
        }
    }
}

impl StoreOptions {
    /// Sets [`max_bytes`](Self::max_bytes).
    #[must_use]
    pub fn with_max_bytes(mut self, max_bytes: u64) -> Self {
        self.max_bytes = max_bytes;
        self
    }

    /// Sets [`precision`](Self::precision).
    #[must_use]
    pub fn with_precision(mut self, precision: CachePrecision) -> Self {
        self.precision = precision;
        self
    }
}

/// A folder of entries.
#[derive(Clone, Debug)]
pub struct Store {
    folder: PathBuf,
    options: StoreOptions,
}

/// The state of an entry in the store.
#[derive(Debug)]
pub enum EntryState {
    /// All rows.
    Complete(Reader),
    /// The first [`Writer::rows_done`] rows exist; the writer continues after them.
    Partial(Writer),
    /// No rows; the writer begins the entry.
    Absent(Writer),
    /// Another process, or another part of this one, is writing the entry.
    Busy,
}

impl Store {
    /// The default folder, [`ranktune_core::files::cache_folder`].
    pub fn default_folder() -> Option<PathBuf> {
        ranktune_core::files::cache_folder()
    }

    /// Opens the store in `folder`, and creates the folder if it is missing. A read-only folder still serves its entries.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] if the folder can be neither created nor read.
    pub fn open(folder: &Path, options: &StoreOptions) -> Result<Self, Error> {
        let entries = folder.join(format!("features-{SCHEMA}"));
        if let Err(error) = fs::create_dir_all(&entries)
            && !entries.is_dir()
        {
            return Err(io_error("cannot create the cache folder", &entries, error)
                .or_try("name another with --cache or RANKTUNE_CACHE"));
        }
        Ok(Self {
            folder: entries,
            options: options.clone(),
        })
    }

    /// The entry named `key`, verified: a damaged complete entry is deleted and counts as absent, the damaged or torn end of a
    /// partial one is cut off.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] if the entry can be neither read nor created.
    pub fn entry(&self, key: &Key) -> Result<EntryState, Error> {
        let files = self.files(key);
        // First with a shared lock, so that several processes can read one entry at once.
        if files.complete.exists() {
            let lock = match self.try_lock(&files, Hold::Shared) {
                Ok(Some(lock)) => Some(lock),
                Ok(None) => return Ok(EntryState::Busy),
                // A folder in which no lock file can be opened is read-only, so no entry in it can be deleted.
                Err(_) => None,
            };
            match Reader::open(&files, key, lock) {
                Ok(reader) => return Ok(EntryState::Complete(reader)),
                Err(error) if error.kind() == ErrorKind::Corrupt || !files.complete.exists() => {}
                Err(error) => return Err(error),
            }
        }
        let Some(lock) = self.try_lock(&files, Hold::Exclusive)? else {
            return Ok(EntryState::Busy);
        };
        // Another process may have completed or repaired it before this one got the lock.
        if files.complete.exists() {
            match Reader::open(&files, key, None) {
                Ok(reader) => return Ok(EntryState::Complete(reader.holding(shared(lock)))),
                Err(_) => fs::remove_file(&files.complete)
                    .map_err(|error| io_error("cannot delete the damaged", &files.complete, error))?,
            }
        }
        Writer::open(self, files, key, lock)
    }

    /// As [`entry`](Self::entry), but waits while another process is writing; never [`EntryState::Busy`].
    ///
    /// # Errors
    /// As [`entry`](Self::entry).
    pub fn wait_for(&self, key: &Key) -> Result<EntryState, Error> {
        loop {
            match self.entry(key)? {
                EntryState::Busy => {}
                state => return Ok(state),
            }
            let path = self.files(key).lock;
            // Blocks until the writer has finished or died. Then the entry is opened anew: even the lock file may be deleted.
            open_lock_file(&path)?
                .lock_shared()
                .map_err(|error| io_error("cannot lock", &path, error))?;
            // Several waiting processes must not lock each other out in turn.
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn files(&self, key: &Key) -> Files {
        let stem = format!("{}.{}", key.hex(), self.options.precision.name());
        let file = |extension: &str| self.folder.join(format!("{stem}.{extension}"));
        Files {
            complete: file(COMPLETE),
            partial: file(PARTIAL),
            lock: file(LOCK),
        }
    }

    /// The lock of the entry, or `None` if it is held elsewhere.
    fn try_lock(&self, files: &Files, hold: Hold) -> Result<Option<File>, Error> {
        let _folder = self.lock_folder(Hold::Shared)?;
        let file = open_lock_file(&files.lock)?;
        let tried = match hold {
            Hold::Shared => file.try_lock_shared(),
            Hold::Exclusive => file.try_lock(),
        };
        match tried {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(io_error("cannot lock", &files.lock, error)),
        }
    }

    /// Shared to open lock files, exclusive to delete them. Never held for long.
    fn lock_folder(&self, hold: Hold) -> Result<File, Error> {
        let path = self.folder.join(LOCK);
        let file = open_lock_file(&path)?;
        match hold {
            Hold::Shared => file.lock_shared(),
            Hold::Exclusive => file.lock(),
        }
        .map_err(|error| io_error("cannot lock", &path, error))?;
        Ok(file)
    }
}

/// The files of one entry.
#[derive(Clone, Debug)]
struct Files {
    complete: PathBuf,
    partial: PathBuf,
    lock: PathBuf,
}

#[derive(Clone, Copy)]
enum Hold {
    Shared,
    Exclusive,
}

fn open_lock_file(path: &Path) -> Result<File, Error> {
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .map_err(|error| io_error("cannot open", path, error))
}

/// Turns an exclusive lock into a shared one. In between another process may delete the entry; an open file keeps its contents.
fn shared(lock: File) -> Option<File> {
    lock.unlock().ok()?;
    lock.try_lock_shared().ok()?;
    Some(lock)
}

fn io_error(what: &str, path: &Path, error: io::Error) -> Error {
    let kind = error.kind();
    let error = Error::new(ErrorKind::Io, format!("{what} {}", path.display())).caused_by(error);
    match kind {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            error.or_try("free space there, or name another folder with --cache")
        }
        _ => error,
    }
}

fn corrupt(path: &Path, what: &str) -> Error {
    Error::new(ErrorKind::Corrupt, format!("{}: {what}", path.display()))
}

#[cfg(test)]
mod tests;
