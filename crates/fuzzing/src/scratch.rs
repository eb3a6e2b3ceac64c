//! A folder for the files of one input, for readers that take paths.

use std::fs;
use std::path::{Path, PathBuf};

/// A temporary folder, used for one input after another.
#[derive(Debug)]
pub struct Scratch {
    folder: tempfile::TempDir,
}

impl Scratch {
    /// A new folder, in memory where the system has such a place: a million inputs are a million files.
    ///
    /// # Panics
    /// If no folder can be made.
    pub fn new() -> Self {
        let in_memory = Path::new("/dev/shm");
        let folder = tempfile::tempdir_in(in_memory).or_else(|_| tempfile::tempdir());
        Self {
            folder: folder.unwrap_or_else(|error| panic!("no temporary folder: {error}")),
        }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file, in folders that are made for it.
    ///
    /// # Panics
    /// If it cannot be written.
    pub fn put(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path().join(name);
        let write = || fs::write(&path, bytes);
        let written = write().or_else(|_| {
            fs::create_dir_all(path.parent().unwrap_or(self.path()))?;
            write()
        });
        written.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        path
    }
}

impl Default for Scratch {
    fn default() -> Self {
        Self::new()
    }
}
