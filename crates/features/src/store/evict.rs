//! Keeps a store within its size limit: the least recently used segments are deleted first, and none that this process uses.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::{SEGMENT, Store, io_error};
use crate::{Error, ErrorKind};

/// Bytes that are written between two looks at the size of the store; each lists its folders.
const CHECK_EVERY: u64 = 64 << 20;
/// Age at which a temporary file is no longer being written by anyone.
const STALE: Duration = Duration::from_secs(3600);

/// The size of a store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreStats {
    /// Entries with at least one segment.
    pub entries: usize,
    /// Segments.
    pub segments: usize,
    /// Bytes of all segments.
    pub bytes: u64,
}

/// A segment on the disk.
struct Held {
    path: PathBuf,
    bytes: u64,
    used: SystemTime,
}

impl Store {
    /// Number and size of the entries.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] if the folder cannot be read.
    pub fn stats(&self) -> Result<StoreStats, Error> {
        let held = self.held()?;
        let mut folders: Vec<Option<&Path>> = held.iter().map(|one| one.path.parent()).collect();
        folders.sort();
        folders.dedup();
        Ok(StoreStats {
            entries: folders.len(),
            segments: held.len(),
            bytes: held.iter().map(|one| one.bytes).sum(),
        })
    }

    /// Deletes every segment that this process does not use, and returns the number of bytes freed.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] if the folder cannot be read or a file cannot be deleted.
    pub fn clear(&self) -> Result<u64, Error> {
        let before = self.held()?.iter().map(|one| one.bytes).sum::<u64>();
        Ok(before.saturating_sub(self.evict(0)?))
    }

    /// Makes room for a segment of `more` bytes in the entry at `entry`.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] if the limit leaves no room.
    pub(super) fn make_room(&self, more: u64, entry: &Path) -> Result<(), Error> {
        let limit = self.options.max_bytes;
        let refuse = |what: &str| {
            let message = format!("{} {what} the cache limit of {limit} bytes", entry.display());
            Err(Error::new(ErrorKind::Io, message))
        };
        if more > limit {
            return refuse("alone exceeds");
        }
        let is_checked = {
            let mut shared = self.shared();
            let is_checked = shared.unchecked >= more;
            shared.unchecked = shared.unchecked.saturating_sub(more);
            is_checked
        };
        if is_checked {
            return Ok(());
        }
        let left = self.evict(limit - more)?;
        if left > limit - more {
            return refuse("and the other entries in use exceed");
        }
        self.shared().unchecked = (limit - more - left).min(CHECK_EVERY);
        Ok(())
    }

    /// Deletes segments until at most `limit` bytes are left, and returns how many are.
    fn evict(&self, limit: u64) -> Result<u64, Error> {
        let mut held = self.held()?;
        let mut left: u64 = held.iter().map(|one| one.bytes).sum();
        held.sort_by(|a, b| (a.used, &a.path).cmp(&(b.used, &b.path)));
        let in_use: HashSet<PathBuf> = self.shared().in_use.keys().cloned().collect();
        for one in held {
            if left <= limit {
                break;
            }
            if in_use.contains(&one.path) {
                continue;
            }
            match fs::remove_file(&one.path) {
                Ok(()) => {}
                // By another process.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(io_error("cannot delete", &one.path, error)),
            }
            left -= one.bytes;
            // The folder of an entry goes with its last segment: it can only be deleted while it is empty.
            if let Some(folder) = one.path.parent() {
                let _ = fs::remove_dir(folder);
            }
        }
        Ok(left)
    }

    /// Every segment. Temporary files that a killed process left are deleted on the way.
    fn held(&self) -> Result<Vec<Held>, Error> {
        let mut held = Vec::new();
        let listed = fs::read_dir(&self.folder).map_err(|error| io_error("cannot read", &self.folder, error))?;
        // Another process may delete folders and files at any time.
        for entry in listed.filter_map(Result::ok) {
            let Ok(files) = fs::read_dir(entry.path()) else {
                continue;
            };
            for file in files.filter_map(Result::ok) {
                let path = file.path();
                let Ok(metadata) = file.metadata() else { continue };
                let used = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
                match path.extension() {
                    Some(extension) if extension == SEGMENT => held.push(Held {
                        path,
                        bytes: metadata.len(),
                        used,
                    }),
                    _ if used.elapsed().is_ok_and(|age| age > STALE) => {
                        let _ = fs::remove_file(&path);
                    }
                    _ => {}
                }
            }
        }
        Ok(held)
    }
}
