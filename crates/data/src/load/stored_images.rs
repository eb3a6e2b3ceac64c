//! Images that a table stores as bytes. They are written to files named by their content, once, and read from there like all
//! others.

use std::fs;
use std::path::{Path, PathBuf};
use std::process;

use ranktune_core::files::cache_folder;

use crate::image::extension_of;
use crate::{Error, Result};

/// The folder of the images, and how many a table has.
#[derive(Debug)]
pub(super) struct StoredImages {
    folder: PathBuf,
    pub(super) count: usize,
}

impl StoredImages {
    /// The images in `folder`, by default `images` in the user's cache folder.
    pub(super) fn new(folder: Option<&Path>) -> Self {
        let usual = || cache_folder().unwrap_or_else(|| std::env::temp_dir().join("ranktune"));
        Self {
            folder: folder.map_or_else(|| usual().join("images"), Path::to_owned),
            count: 0,
        }
    }

    /// The file of the image in `bytes`.
    pub(super) fn file(&mut self, bytes: &[u8]) -> Result<PathBuf> {
        self.count += 1;
        let name = blake3::hash(bytes).to_hex();
        // Folders of a few thousand files each.
        let folder = self.folder.join(&name[..2]);
        let path = folder.join(format!("{name}.{}", extension_of(bytes)));
        // A machine that lost power may have left the name and the length, and other bytes.
        if fs::read(&path).is_ok_and(|found| found == bytes) {
            return Ok(path);
        }
        let io = |source| Error::io("the image of a table cannot be written", &path, source);
        fs::create_dir_all(&folder).map_err(io)?;
        // Another process may write the same image.
        let temporary = folder.join(format!("{name}.{}", process::id()));
        fs::write(&temporary, bytes)
            .and_then(|()| fs::rename(&temporary, &path))
            .map_err(io)?;
        Ok(path)
    }

    pub(super) fn note(&self, column: &str) -> Option<String> {
        let images = crate::error::counted(self.count, "image");
        (self.count > 0).then(|| {
            format!(
                "the {images} stored in column {column:?} are files in {} now",
                self.folder.display()
            )
        })
    }
}
