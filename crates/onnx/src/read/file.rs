//! The bytes of a file.
//!
//! Files of a megabyte and more are mapped into memory: looking at a hub of large models then reads only what is
//! looked at, and the weights are shared with the system's page cache. The price: **a file must not be changed in
//! place while a model read from it is in use** (its weights would change, and truncating it ends the process with a
//! bus error). Download tools, package managers and [`Model::save`](crate::Model::save) write a new file and rename
//! it, which is safe; who cannot rule out the other reads the file and calls
//! [`Model::from_bytes`](crate::Model::from_bytes). Smaller files are read.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use bytes::Bytes;
use memmap2::Mmap;

use crate::{Error, ErrorKind};

/// Files from this size on are mapped.
const MAP_FROM: u64 = 1 << 20;

/// The bytes of the file at `path`.
///
/// # Errors
/// `Io` when it cannot be read or is not a plain file (reading a pipe or a device may never end).
pub fn open(path: &Path) -> Result<Bytes, Error> {
    let failed = |error: std::io::Error| {
        let reason = match error.kind() {
            std::io::ErrorKind::NotFound => "the file does not exist",
            std::io::ErrorKind::PermissionDenied => "the file may not be read (permission denied)",
            _ => "the file cannot be read",
        };
        Error::new(ErrorKind::Io, reason).in_file(path).caused_by(error)
    };
    // Looked at before opening: opening a named pipe waits for its other end.
    let kind = std::fs::metadata(path).map_err(failed)?;
    if !kind.is_file() {
        let found = if kind.is_dir() {
            "a folder"
        } else {
            "a device or a pipe"
        };
        return Err(Error::new(ErrorKind::Io, format!("expected a file, found {found}")).in_file(path));
    }
    let mut file = File::open(path).map_err(failed)?;
    if kind.len() >= MAP_FROM {
        // SAFETY: the map is read-only and private to this process. That nobody changes the file in place is asked of
        // the caller in the module's documentation; every Rust program that maps files relies on the same.
        #[expect(
            unsafe_code,
            reason = "mapping a file is the one way to read its weights only when they are used"
        )]
        let map = unsafe { Mmap::map(&file) }.map_err(failed)?;
        return Ok(Bytes::from_owner(map));
    }
    let mut bytes = Vec::new();
    // A file that grows while it is read stays below the size from which it would have been mapped.
    file.by_ref().take(MAP_FROM).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes.into())
}
