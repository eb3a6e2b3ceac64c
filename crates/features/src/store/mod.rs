//! Keeps the features of a model by sample, so that no sample runs through a model twice: another score, a resumed run, another split,
//! a subset, ten more images, or another data set with some of the same images need inference for what is new only.
//!
//! ```text
//! Key = BLAKE3(schema, model, preprocessing, feature tensor, pooling) ──► entry: a folder of segments
//! segment: digests of samples [rows] ──► features [rows, d], logits [rows, z], validity [rows]; the engine that made them
//! ```
//!
//! A segment is written under a temporary name, synced and renamed, and never changed afterwards (see `segment`). So there are no locks:
//! a process that is killed leaves whole segments, and a temporary file that is deleted when it is old. Two processes that compute the
//! same rows at the same time both write them, which costs time and is not wrong; each looks for new segments of the other as it goes on.
//!
//! | file | what it holds |
//! |---|---|
//! | `key` | the name of an entry |
//! | `wanted` | the samples that are looked for |
//! | `segment` | the file format |
//! | `rows` | the rows of an entry for the wanted samples: looked up, read |
//! | `pending` | new rows that wait to be written |
//! | `append` | new rows: buffered, written, and small segments joined |
//! | `evict` | the size limit |
//!
//! Written by hand: an embedded database (sled, redb, LMDB) would keep rows in its own pages, and locks its file for one process.
//!
//! # Engines
//! Engines agree to 1e-3 (`experiments/engine_speed`). Rows are used whichever engine made them, unless one is asked for by name.
//!
//! # Full or read-only disks, folders that vanish
//! Rows that cannot be written stay in memory, and [`Rows::not_kept`] says why: a cache that fails must not fail a ranking.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::{Error, ErrorKind};

mod append;
mod evict;
mod key;
mod pending;
mod rows;
mod segment;
mod wanted;

pub use append::Block;
pub use evict::StoreStats;
pub use key::{Key, KeyParts};
pub use rows::Rows;
pub use wanted::Wanted;

/// Version of the file format and of the parts of a key; included in both.
const SCHEMA: u32 = 2;

/// The extension of a segment.
const SEGMENT: &str = "rows";

/// Segments that are kept open while their rows are used, so that they can be read to the end if another process deletes them (on
/// Windows they cannot be deleted then). Far below what a process may open by default.
const MOST_OPEN: usize = 200;

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
    /// Maximum size of all entries in bytes; the least recently used segments are deleted first. Default: 20 GiB.
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

/// Numbers of a row: features and, where `z > 0`, logits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Columns {
    d: usize,
    z: usize,
}

/// A folder of entries.
#[derive(Clone, Debug)]
pub struct Store {
    folder: PathBuf,
    options: StoreOptions,
    /// The folder of an earlier version, if this process was the first to make the present one.
    superseded: Option<PathBuf>,
    /// Segments that may be open at a time.
    most_open: usize,
    shared: Arc<Mutex<Shared>>,
}

/// What all entries that were opened through one store share.
#[derive(Debug, Default)]
struct Shared {
    /// Segments that are not evicted, with the number of those that read them.
    in_use: HashMap<PathBuf, usize>,
    /// Bytes that may be written before the size of the store is looked at again.
    unchecked: u64,
    /// Segments whose files are open.
    open: usize,
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
        let is_new = !entries.exists();
        if let Err(error) = fs::create_dir_all(&entries)
            && !entries.is_dir()
        {
            return Err(io_error("cannot create the cache folder", &entries, error)
                .or_try("name another with --cache or RANKTUNE_CACHE"));
        }
        let earlier = folder.join(format!("features-{}", SCHEMA - 1));
        Ok(Self {
            superseded: (is_new && earlier.is_dir()).then_some(earlier),
            folder: entries,
            options: options.clone(),
            most_open: MOST_OPEN,
            shared: Arc::default(),
        })
    }

    /// The folder of a store that an earlier version wrote, which is not read; only for the process that made the present one.
    pub fn superseded(&self) -> Option<&Path> {
        self.superseded.as_deref()
    }

    /// The rows of the entry named `key` for the `wanted` samples, as far as the store has them. With an `engine`, only rows that it made.
    /// Segments that are damaged are deleted.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] if the folder of the entry cannot be read.
    pub fn rows(&self, key: &Key, wanted: &Arc<Wanted>, engine: Option<&str>) -> Result<Rows, Error> {
        Rows::open(self, key, wanted, engine)
    }

    fn entry(&self, key: &Key) -> PathBuf {
        self.folder
            .join(format!("{}.{}", key.hex(), self.options.precision.name()))
    }

    /// Keeps a segment from being evicted by this process, until it is released as often. Returns the file if it may stay open.
    fn hold(&self, segment: &Path, file: File) -> Option<File> {
        let mut shared = self.shared();
        *shared.in_use.entry(segment.to_owned()).or_default() += 1;
        let may_stay = shared.open < self.most_open;
        shared.open += usize::from(may_stay);
        may_stay.then_some(file)
    }

    fn release(&self, segment: &Path, was_open: bool) {
        let mut shared = self.shared();
        shared.open -= usize::from(was_open);
        if let Some(count) = shared.in_use.get_mut(segment) {
            *count -= 1;
            if *count == 0 {
                shared.in_use.remove(segment);
            }
        }
    }

    fn shared(&self) -> std::sync::MutexGuard<'_, Shared> {
        // A set of paths and a number are whole whatever happened to another thread.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
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

#[cfg(test)]
mod tests;
