//! Files that are written whole or not at all.
//!
//! A file is written under a temporary name in the same folder, synced, and renamed; then the folder is synced. A reader
//! sees the old file or the new one, never a part, also after a crash of the machine.

use std::env;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// The folder of what can be made again: `$RANKTUNE_CACHE`, or else `ranktune` in the user's cache folder (`$XDG_CACHE_HOME`,
/// `~/Library/Caches` on macOS, `%LOCALAPPDATA%` on Windows, `~/.cache` elsewhere). `None` without a home folder.
pub fn cache_folder() -> Option<PathBuf> {
    let variable = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(folder) = variable("RANKTUNE_CACHE") {
        return Some(folder);
    }
    // The XDG specification says that relative paths are ignored.
    let cache = variable("XDG_CACHE_HOME")
        .filter(|folder| folder.is_absolute())
        .or_else(|| {
            if cfg!(windows) {
                return variable("LOCALAPPDATA");
            }
            let home = env::home_dir()?;
            Some(home.join(if cfg!(target_os = "macos") {
                "Library/Caches"
            } else {
                ".cache"
            }))
        });
    cache.map(|folder| folder.join("ranktune"))
}

/// Writes `bytes` to `path`, whole or not at all. A file that was there before is replaced.
///
/// # Errors
/// What the system says; the temporary file is removed.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_atomically_with(path, |file| file.write_all(bytes))
}

/// As [`write_atomically`], with what `write` writes.
///
/// # Errors
/// What `write` or the system says; the temporary file is removed.
pub fn write_atomically_with(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    replace_atomically(path, |temporary| {
        let file = OpenOptions::new().write(true).create_new(true).open(temporary)?;
        let mut buffered = BufWriter::new(file);
        write(&mut buffered)?;
        buffered.into_inner().map_err(io::IntoInnerError::into_error)?;
        Ok(())
    })
}

/// As [`write_atomically`], for code that opens the file itself: `write` makes a file at the path it is given, which is
/// then synced and renamed to `path`.
///
/// # Errors
/// What `write` says; what the system says, converted. The temporary file is removed.
pub fn replace_atomically<E: From<io::Error>>(
    path: &Path,
    write: impl FnOnce(&Path) -> Result<(), E>,
) -> Result<(), E> {
    let temporary = temporary_name(path);
    let written = write(&temporary).and_then(|()| Ok(sync_and_rename(&temporary, path)?));
    if written.is_err() {
        // Best effort: the first error is the one to report.
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// Whether the file at `path` lies in `folder`, also after all links are followed; or is a link of the kind that Hugging Face's cache
/// makes, `snapshots/REVISION/NAME` → `../../blobs/CHECKSUM`, for which the cache's own folder is the border. A file that does not exist
/// leads nowhere.
///
/// A folder from someone else may hold links to files of its reader. What is copied out of such a folder, or opened by a name in one of
/// its files, must stay in it.
pub fn stays_inside(folder: &Path, path: &Path) -> bool {
    let (Ok(folder), Ok(real)) = (folder.canonicalize(), path.canonicalize()) else {
        return true;
    };
    let is_snapshots = |ancestor: &&Path| ancestor.file_name().is_some_and(|name| name == "snapshots");
    let store = folder.ancestors().find(is_snapshots).and_then(Path::parent);
    real.starts_with(&folder) || store.is_some_and(|store| real.starts_with(store.join("blobs")))
}

fn sync_and_rename(temporary: &Path, path: &Path) -> io::Result<()> {
    // Some systems sync only a file that is open for writing.
    OpenOptions::new().write(true).open(temporary)?.sync_all()?;
    fs::rename(temporary, path)?;
    // The new name is durable once the folder is synced; not every system can.
    if let Some(folder) = path.parent() {
        let folder = if folder.as_os_str().is_empty() {
            Path::new(".")
        } else {
            folder
        };
        let _ = File::open(folder).and_then(|folder| folder.sync_all());
    }
    Ok(())
}

/// A hidden name beside `path` that no other process or thread writes to.
pub fn temporary_name(path: &Path) -> PathBuf {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let (process, count) = (std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed));
    path.with_file_name(format!(".{name}.{process}.{count}.tmp"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_replaced_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        write_atomically(&path, b"old").unwrap();
        write_atomically(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(names(folder.path()), ["a.json"]);
    }

    #[test]
    fn a_write_that_fails_in_the_middle_leaves_the_old_file_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        write_atomically(&path, b"old").unwrap();
        let failed = write_atomically_with(&path, |file| {
            file.write_all(b"half")?;
            Err(io::Error::other("stop"))
        });
        assert_eq!(failed.unwrap_err().to_string(), "stop");
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names(folder.path()), ["a.json"]);
    }

    #[test]
    fn a_missing_folder_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        assert!(write_atomically(&folder.path().join("none/a.json"), b"x").is_err());
    }

    #[cfg(unix)]
    #[test]
    fn links_out_of_a_folder_are_told_from_those_within_and_those_of_a_cache() {
        use std::os::unix::fs::symlink;

        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        for folder in ["model/inner", "cache/snapshots/1", "cache/blobs", "other"] {
            fs::create_dir_all(at(folder)).unwrap();
        }
        for file in ["model/inner/a", "cache/blobs/a", "other/secret"] {
            fs::write(at(file), "").unwrap();
        }
        symlink("inner/a", at("model/within")).unwrap();
        symlink(at("other/secret"), at("model/out")).unwrap();
        symlink(at("other"), at("model/folder")).unwrap();
        symlink("../../blobs/a", at("cache/snapshots/1/a")).unwrap();
        symlink(at("other/secret"), at("cache/snapshots/1/out")).unwrap();
        symlink(at("model"), at("linked")).unwrap();
        for (folder, name, expected) in [
            ("model", "inner/a", true),
            ("model", "within", true),
            ("model", "missing", true),
            ("model", "out", false),
            ("model", "folder/secret", false),
            ("model", "../other/secret", false),
            ("cache/snapshots/1", "a", true),
            ("cache/snapshots/1", "out", false),
            // A folder that is itself a link is where it leads.
            ("linked", "inner/a", true),
        ] {
            assert_eq!(
                stays_inside(&at(folder), &at(folder).join(name)),
                expected,
                "{folder}/{name}"
            );
        }
    }

    #[test]
    fn threads_that_write_one_path_do_not_disturb_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        std::thread::scope(|scope| {
            for byte in b'a'..=b'h' {
                let path = &path;
                scope.spawn(move || write_atomically(path, &[byte; 10_000]).unwrap());
            }
        });
        let bytes = fs::read(&path).unwrap();
        assert_eq!(bytes, vec![bytes[0]; 10_000]);
        assert_eq!(names(folder.path()), ["a.json"]);
    }
}
