//! Keeps the features of a model on a data set, so that another score, or a run after an interruption, needs no inference.
//!
//! ```text
//! Key = BLAKE3(schema, model, preprocessing, feature tensor, pooling, data) ──► entry: features [n, d], logits [n, z], validity [n]
//! ```
//!
//! An entry is named by what it was computed from, never by when or by which engine (engines agree to 1e-3, see
//! `experiments/engine_speed`), so it is never out of date. It is written as an append-only file of checksummed chunks under a
//! temporary name: a killed process leaves a valid prefix, which the next one continues; when all rows are there the file is
//! synced and renamed. Both names hold the same format (see [`format`]).
//!
//! # Several processes
//! Every entry has a lock file: readers share it, a writer has it alone, and the operating system releases it with the
//! process, so no lock outlives its owner. A second process that wants an entry which is being written is told
//! [`EntryState::Busy`], and may take another model first, wait, or compute on its own. Lock files are opened
//! under a shared lock on the folder and deleted under an exclusive one, so nobody ever locks a file that is gone.
//!
//! # When the disk is full or read-only
//! Every call returns an error then, and whoever computes features goes on without the store: it is a convenience and must
//! never cost a ranking.

use std::env;
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

pub use evict::Stats;
pub use key::{Key, KeyParts};
pub use reader::Reader;
pub use writer::{Block, Writer};

/// Version of the format and of what goes into a key; part of both.
const SCHEMA: u32 = 1;

const COMPLETE: &str = "features";
const PARTIAL: &str = "partial";
const LOCK: &str = "lock";

/// How many bytes a feature takes in the store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Precision {
    /// 4 bytes, exact.
    #[default]
    F32,
    /// 2 bytes, rounded to 11 significant bits. Values beyond ±65504 are kept in f32; logits always are.
    F16,
}

impl Precision {
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
    /// Bytes that all entries may take together; the least recently used ones go first. 20 GiB by default.
    pub max_bytes: u64,
    /// Precision of new features. Entries of the two precisions do not stand in for each other.
    pub precision: Precision,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            max_bytes: 20 << 30,
            precision: Precision::F32,
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
    pub fn with_precision(mut self, precision: Precision) -> Self {
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

/// What the store has of an entry.
#[derive(Debug)]
pub enum EntryState {
    /// All rows.
    Complete(Reader),
    /// The first [`Writer::rows_done`] rows; the writer continues after them.
    Partial(Writer),
    /// Nothing; the writer begins.
    Absent(Writer),
    /// Another process, or another part of this one, is writing it.
    Busy,
}

impl Store {
    /// Where the store is unless the user says otherwise: `$RANKTUNE_CACHE`, else `ranktune` in the user's cache folder
    /// (`$XDG_CACHE_HOME`, `~/Library/Caches` on macOS, `%LOCALAPPDATA%` on Windows, `~/.cache` elsewhere). `None` where there is no
    /// home folder either.
    pub fn default_folder() -> Option<PathBuf> {
        let variable = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        if let Some(folder) = variable("RANKTUNE_CACHE") {
            return Some(folder);
        }
        // The specification has relative paths ignored.
        let cache = variable("XDG_CACHE_HOME")
            .filter(|folder| folder.is_absolute())
            .or_else(|| {
                if cfg!(windows) {
                    variable("LOCALAPPDATA")
                } else {
                    let home = env::home_dir()?;
                    Some(home.join(if cfg!(target_os = "macos") {
                        "Library/Caches"
                    } else {
                        ".cache"
                    }))
                }
            });
        cache.map(|folder| folder.join("ranktune"))
    }

    /// Opens the store in `folder`, which is made if need be. A folder that can only be read serves what it holds.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] if the folder can be neither made nor read.
    pub fn open(folder: &Path, options: &StoreOptions) -> Result<Self, Error> {
        let entries = folder.join(format!("features-{SCHEMA}"));
        if let Err(error) = fs::create_dir_all(&entries)
            && !entries.is_dir()
        {
            return Err(io_error("cannot make the cache folder", &entries, error)
                .or_try("name another with --cache or RANKTUNE_CACHE"));
        }
        Ok(Self {
            folder: entries,
            options: options.clone(),
        })
    }

    /// The entry called `key`. What is found has been verified: a damaged complete entry is dropped and counts as absent, a
    /// damaged or torn end of a partial one is cut off.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] if the entry can be neither read nor begun.
    pub fn entry(&self, key: &Key) -> Result<EntryState, Error> {
        let files = self.files(key);
        // First as one of many readers, so that several processes can use one entry at once.
        if files.complete.exists() {
            let lock = match self.try_lock(&files, Hold::Shared) {
                Ok(Some(lock)) => Some(lock),
                Ok(None) => return Ok(EntryState::Busy),
                // Where no lock file can be opened, nothing can be deleted either.
                Err(_) => None,
            };
            match Reader::open(&files, key, lock) {
                Ok(reader) => return Ok(EntryState::Complete(reader)),
                Err(error) if error.kind() == ErrorKind::Corrupt || !files.complete.exists() => {}
                Err(error) => return Err(error),
            }
        }
        let Some(lock) = self.try_lock(&files, Hold::Alone)? else {
            return Ok(EntryState::Busy);
        };
        // Another process may have finished or mended it before the lock was ours.
        if files.complete.exists() {
            match Reader::open(&files, key, None) {
                Ok(reader) => return Ok(EntryState::Complete(reader.holding(shared(lock)))),
                Err(_) => fs::remove_file(&files.complete)
                    .map_err(|error| io_error("cannot delete the damaged", &files.complete, error))?,
            }
        }
        Writer::open(self, files, key, lock)
    }

    /// As [`entry`](Self::entry), but waits while another process is writing, and so is never [`EntryState::Busy`].
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
            // Blocks until the writer is done or dead. What it left is looked at anew, since even the lock file may be gone.
            open_lock_file(&path)?
                .lock_shared()
                .map_err(|error| io_error("cannot lock", &path, error))?;
            // Several who waited must not take turns in keeping each other out.
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

    /// The entry's lock, or `None` if another holds it.
    fn try_lock(&self, files: &Files, hold: Hold) -> Result<Option<File>, Error> {
        let _folder = self.lock_folder(Hold::Shared)?;
        let file = open_lock_file(&files.lock)?;
        let tried = match hold {
            Hold::Shared => file.try_lock_shared(),
            Hold::Alone => file.try_lock(),
        };
        match tried {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(io_error("cannot lock", &files.lock, error)),
        }
    }

    /// Shared by those who open lock files, alone for one who deletes them. Never held for long.
    fn lock_folder(&self, hold: Hold) -> Result<File, Error> {
        let path = self.folder.join(LOCK);
        let file = open_lock_file(&path)?;
        match hold {
            Hold::Shared => file.lock_shared(),
            Hold::Alone => file.lock(),
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
    Alone,
}

fn open_lock_file(path: &Path) -> Result<File, Error> {
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .map_err(|error| io_error("cannot open", path, error))
}

/// Makes a writer's lock a reader's. Between the two somebody may delete the entry; whoever has it open keeps its contents.
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
