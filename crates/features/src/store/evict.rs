//! Keeps a store within its size limit: the least recently used entries are deleted first, and none that is in use.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::SystemTime;

use super::{COMPLETE, Hold, LOCK, PARTIAL, Store, io_error, open_lock_file};
use crate::Error;

/// The size of a store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreStats {
    /// Complete entries.
    pub complete: usize,
    /// Incomplete entries.
    pub partial: usize,
    /// Bytes of all entries.
    pub bytes: u64,
}

/// All files of one entry.
struct Held {
    data: Vec<PathBuf>,
    bytes: u64,
    used: SystemTime,
}

impl Store {
    /// Number and size of the entries.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) if the folder cannot be read.
    pub fn stats(&self) -> Result<StoreStats, Error> {
        let mut stats = StoreStats::default();
        for held in self.held()?.values() {
            stats.bytes += held.bytes;
            for file in &held.data {
                match file.extension() {
                    Some(extension) if extension == COMPLETE => stats.complete += 1,
                    _ => stats.partial += 1,
                }
            }
        }
        Ok(stats)
    }

    /// Deletes every entry that is not in use, and returns the number of bytes freed.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) if the folder cannot be read or a file cannot be deleted.
    pub fn clear(&self) -> Result<u64, Error> {
        self.evict(0)
    }

    /// Deletes entries until at most `limit` bytes are left, and returns the number of bytes freed.
    pub(super) fn evict(&self, limit: u64) -> Result<u64, Error> {
        let total = |held: &BTreeMap<String, Held>| held.values().map(|held| held.bytes).sum::<u64>();
        if limit > 0 && total(&self.held()?) <= limit {
            return Ok(0);
        }
        // From here on no process can open a lock file; a lock that is held stays held.
        let _folder = self.lock_folder(Hold::Exclusive)?;
        let held = self.held()?;
        let mut left = total(&held);
        let mut freed = 0;
        let mut oldest: Vec<_> = held.into_iter().collect();
        oldest.sort_by_key(|(_, held)| held.used);
        for (stem, held) in oldest {
            if limit > 0 && left <= limit {
                break;
            }
            let lock_path = self.folder.join(format!("{stem}.{LOCK}"));
            let lock = open_lock_file(&lock_path)?;
            // In use, or completed and renamed since the folder was read.
            if lock.try_lock().is_err() || !held.data.iter().all(|file| file.exists()) {
                continue;
            }
            for file in &held.data {
                fs::remove_file(file).map_err(|error| io_error("cannot delete", file, error))?;
            }
            drop(lock);
            // A remaining empty file is harmless.
            let _ = fs::remove_file(&lock_path);
            left -= held.bytes;
            freed += held.bytes;
        }
        Ok(freed)
    }

    /// The files of every entry, by their common stem.
    fn held(&self) -> Result<BTreeMap<String, Held>, Error> {
        let read = |error| io_error("cannot read", &self.folder, error);
        let mut entries = BTreeMap::new();
        for entry in fs::read_dir(&self.folder).map_err(read)? {
            let path = entry.map_err(read)?.path();
            let (Some(stem), Some(extension)) = (path.file_stem().and_then(|stem| stem.to_str()), path.extension())
            else {
                continue;
            };
            if extension != COMPLETE && extension != PARTIAL {
                continue;
            }
            // Another process may have deleted it since.
            let Ok(metadata) = path.metadata() else { continue };
            let held = entries.entry(stem.to_owned()).or_insert(Held {
                data: Vec::new(),
                bytes: 0,
                used: SystemTime::UNIX_EPOCH,
            });
            held.bytes += metadata.len();
            held.used = held.used.max(metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH));
            held.data.push(path);
        }
        Ok(entries)
    }
}
