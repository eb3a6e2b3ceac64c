//! The cache folder, in the layout of Python's `huggingface_hub`, so that each uses what the other has downloaded.
//!
//! ```text
//! models--ORGANISATION--NAME/refs/REVISION          the commit that a branch or tag was at
//!                           /blobs/CHECKSUM         the bytes of a file, CHECKSUM.incomplete while they arrive
//!                           /snapshots/COMMIT/NAME  links into blobs
//!                           /.no_exist/COMMIT/NAME  empty: this commit has no such file
//! .locks/models--ORGANISATION--NAME/CHECKSUM.lock   held by the process that downloads
//! ```
//!
//! A lock saves a second download; nothing depends on it, because some network file systems grant it to everyone. All writers of
//! a blob put the same bytes at the same places, and only a whole and verified file is renamed to its checksum.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crate::repository::is_commit;
use crate::{Error, ErrorKind};

/// One repository's part of the cache.
#[derive(Clone, Debug)]
pub(crate) struct Cache {
    repository: PathBuf,
    locks: PathBuf,
}

/// Far more than any model's folder has; bounds the listing of a folder that is not one.
const MAX_FILES: usize = 10_000;

impl Cache {
    /// The part of `root` for the repository `name`, which a [`RepoId`](crate::RepoId) has checked.
    pub(crate) fn new(root: &Path, name: &str) -> Self {
        let folder = format!("models--{}", name.replace('/', "--"));
        Self {
            repository: root.join(&folder),
            locks: root.join(".locks").join(folder),
        }
    }

    /// The commit that `revision` is, or was when it was last looked up.
    pub(crate) fn commit(&self, revision: &str) -> Option<String> {
        if is_commit(revision) {
            return Some(revision.to_owned());
        }
        let mut text = String::new();
        let file = File::open(self.repository.join("refs").join(revision)).ok()?;
        file.take(100).read_to_string(&mut text).ok()?;
        Some(text.trim().to_owned()).filter(|commit| is_commit(commit))
    }

    /// Notes the commit of a branch or tag. A cache that cannot be written to can still be read from.
    pub(crate) fn set_commit(&self, revision: &str, commit: &str) -> Result<(), Error> {
        if revision == commit || self.commit(revision).as_deref() == Some(commit) {
            return Ok(());
        }
        let path = self.repository.join("refs").join(revision);
        let written = create_parent(&path).and_then(|()| {
            let temporary = beside(&path, "tmp");
            fs::write(&temporary, commit)?;
            fs::rename(&temporary, &path)
        });
        match written {
            Err(e) if !is_read_only(&e) => Err(io_error("cannot note the revision", e, &path)),
            _ => Ok(()),
        }
    }

    pub(crate) fn snapshot(&self, commit: &str) -> PathBuf {
        self.repository.join("snapshots").join(commit)
    }

    pub(crate) fn pointer(&self, commit: &str, name: &str) -> PathBuf {
        self.snapshot(commit).join(name)
    }

    pub(crate) fn blob(&self, checksum: &str) -> PathBuf {
        self.repository.join("blobs").join(checksum)
    }

    pub(crate) fn partial(&self, checksum: &str) -> PathBuf {
        self.repository.join("blobs").join(format!("{checksum}.incomplete"))
    }

    /// The names of the snapshot's files, less links to blobs that are gone.
    pub(crate) fn files(&self, commit: &str) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        let mut folders = vec![(self.snapshot(commit), String::new())];
        while let Some((folder, prefix)) = folders.pop() {
            for item in fs::read_dir(folder).into_iter().flatten().flatten() {
                let (path, Ok(name)) = (item.path(), item.file_name().into_string()) else {
                    continue;
                };
                let name = format!("{prefix}{name}");
                // A folder is not a link here, so this cannot go in circles.
                if item.file_type().is_ok_and(|kind| kind.is_dir()) {
                    folders.push((path, format!("{name}/")));
                } else if path.is_file() {
                    names.insert(name);
                }
            }
            if names.len() + folders.len() > MAX_FILES {
                break;
            }
        }
        names
    }

    /// Notes that `commit` has no file `name`. It is only a saving, so failing is no error.
    pub(crate) fn set_missing(&self, commit: &str, name: &str) {
        let path = self.missing(commit, name);
        if !path.exists() && create_parent(&path).is_ok() {
            let _ = fs::write(path, "");
        }
    }

    pub(crate) fn is_missing(&self, commit: &str, name: &str) -> bool {
        self.missing(commit, name).is_file()
    }

    fn missing(&self, commit: &str, name: &str) -> PathBuf {
        self.repository.join(".no_exist").join(commit).join(name)
    }

    /// Makes `name` in the snapshot stand for a blob.
    pub(crate) fn link(&self, commit: &str, name: &str, checksum: &str) -> Result<(), Error> {
        let (pointer, blob) = (self.pointer(commit, name), self.blob(checksum));
        let depth = name.matches('/').count() + 2;
        let target = Path::new(&"../".repeat(depth)).join("blobs").join(checksum);
        let linked = create_parent(&pointer).and_then(|()| {
            let temporary = beside(&pointer, "link");
            // Where links are not to be had, a second name or a copy of the file does the same.
            symlink(&target, &temporary)
                .or_else(|_| fs::hard_link(&blob, &temporary))
                .or_else(|_| fs::copy(&blob, &temporary).map(drop))?;
            fs::rename(&temporary, &pointer)
        });
        linked.map_err(|e| io_error("cannot link the downloaded file", e, &pointer))
    }

    /// Opens the file that a blob's bytes arrive in, in a folder that is made if need be.
    pub(crate) fn open_partial(&self, checksum: &str) -> Result<File, Error> {
        let path = self.partial(checksum);
        let open = || {
            create_parent(&path)?;
            // Whoever else can write to the cache must not choose where bytes from the network go.
            if fs::symlink_metadata(&path).is_ok_and(|meta| !meta.is_file()) {
                fs::remove_file(&path)?;
            }
            OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(&path)
        };
        open().map_err(|e| io_error("cannot write to the cache; HF_HUB_CACHE names another folder", e, &path))
    }

    /// Renames a verified file to its checksum.
    pub(crate) fn finish(&self, checksum: &str) -> Result<(), Error> {
        let (partial, blob) = (self.partial(checksum), self.blob(checksum));
        match fs::rename(&partial, &blob) {
            // Another process, whose lock meant nothing, was first with the same bytes.
            Err(_) if blob.is_file() => Ok(()),
            renamed => renamed.map_err(|e| io_error("cannot finish the download", e, &partial)),
        }
    }

    /// Takes the lock of a blob, waiting as long as its holder makes headway; the lock goes with the file, or with the process.
    ///
    /// `on_wait` is called once if there is a wait, `is_cancelled` again and again. `None` where files cannot be locked.
    pub(crate) fn lock(
        &self,
        checksum: &str,
        patience: Duration,
        on_wait: &mut dyn FnMut(),
        is_cancelled: &dyn Fn() -> bool,
    ) -> Result<Option<File>, Error> {
        let path = self.locks.join(format!("{checksum}.lock"));
        let open = || {
            create_parent(&path)?;
            OpenOptions::new().write(true).create(true).truncate(false).open(&path)
        };
        let file =
            open().map_err(|e| io_error("cannot write to the cache; HF_HUB_CACHE names another folder", e, &path))?;
        let length = || fs::metadata(self.partial(checksum)).map_or(0, |meta| meta.len());
        let mut seen: Option<(u64, Instant)> = None;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Some(file)),
                Err(TryLockError::Error(_)) => return Ok(None),
                Err(TryLockError::WouldBlock) => {}
            }
            let now = length();
            match seen {
                None => on_wait(),
                Some((before, _)) if before != now => {}
                Some((_, since)) if since.elapsed() < patience => {
                    if is_cancelled() {
                        return Err(Error::new(ErrorKind::Io, "cancelled"));
                    }
                    thread::sleep(Duration::from_millis(50));
                    continue;
                }
                Some(_) => {
                    let text = "another process holds this lock and downloads nothing; end it and try again";
                    return Err(Error::new(ErrorKind::Io, text).in_file(&path));
                }
            }
            seen = Some((now, Instant::now()));
        }
    }
}

fn create_parent(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)
}

/// A name in the same folder that no other process or thread uses.
fn beside(path: &Path, extension: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(
        ".{}-{}.{extension}",
        std::process::id(),
        super::retry::random()
    ));
    path.with_file_name(name)
}

fn is_read_only(e: &io::Error) -> bool {
    matches!(
        e.kind(),
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem
    )
}

#[cfg(unix)]
fn symlink(target: &Path, link: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, link)
}

#[cfg(windows)]
fn symlink(target: &Path, link: &Path) -> io::Result<()> {
    std::os::windows::fs::symlink_file(target, link)
}

#[cfg(not(any(unix, windows)))]
fn symlink(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(crate) fn io_error(what: &str, e: io::Error, path: &Path) -> Error {
    Error::new(ErrorKind::Io, format!("{what}: {e}")).in_file(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    #[test]
    fn a_revision_is_remembered_and_one_that_is_no_commit_is_not_believed() {
        let root = tempfile::tempdir().unwrap();
        let cache = Cache::new(root.path(), "a/b");
        assert_eq!(cache.commit("refs/pr/1"), None);
        cache.set_commit("refs/pr/1", COMMIT).unwrap();
        assert_eq!(cache.commit("refs/pr/1").as_deref(), Some(COMMIT));
        assert_eq!(
            fs::read(root.path().join("models--a--b/refs/refs/pr/1")).unwrap(),
            COMMIT.as_bytes()
        );
        fs::write(root.path().join("models--a--b/refs/main"), "../../..").unwrap();
        assert_eq!(cache.commit("main"), None);
    }

    #[test]
    fn a_link_is_relative_and_replaces_a_dangling_one() {
        let root = tempfile::tempdir().unwrap();
        let cache = Cache::new(root.path(), "a/b");
        let checksum = "ab".repeat(32);
        cache
            .link(COMMIT, "onnx/model.onnx", &"cd".repeat(32))
            .unwrap_or_default();
        cache.open_partial(&checksum).unwrap();
        cache.finish(&checksum).unwrap();
        cache.link(COMMIT, "onnx/model.onnx", &checksum).unwrap();
        cache.link(COMMIT, "config.json", &checksum).unwrap();
        assert_eq!(
            cache.files(COMMIT).into_iter().collect::<Vec<_>>(),
            ["config.json", "onnx/model.onnx"]
        );
        if cfg!(unix) {
            let target = fs::read_link(cache.pointer(COMMIT, "onnx/model.onnx")).unwrap();
            assert_eq!(target, Path::new("../../../blobs").join(&checksum));
        }
    }

    #[test]
    #[cfg(unix)]
    fn a_link_in_the_place_of_a_partial_download_is_replaced_and_not_followed() {
        use std::io::Write as _;
        let root = tempfile::tempdir().unwrap();
        let cache = Cache::new(root.path(), "a/b");
        let checksum = "ab".repeat(32);
        let precious = root.path().join("precious");
        fs::write(&precious, "kept").unwrap();
        fs::create_dir_all(root.path().join("models--a--b/blobs")).unwrap();
        for target in [precious.clone(), root.path().join("nothing")] {
            symlink(&target, &cache.partial(&checksum)).unwrap();
            cache.open_partial(&checksum).unwrap().write_all(b"foreign").unwrap();
            assert_eq!(fs::read(cache.partial(&checksum)).unwrap(), b"foreign");
            fs::remove_file(cache.partial(&checksum)).unwrap();
        }
        assert_eq!(fs::read_to_string(&precious).unwrap(), "kept");
        assert!(!root.path().join("nothing").exists());
    }

    #[test]
    fn a_lock_whose_holder_does_nothing_is_given_up() {
        let root = tempfile::tempdir().unwrap();
        let cache = Cache::new(root.path(), "a/b");
        let (patience, never) = (Duration::from_millis(120), || false);
        let held = cache
            .lock("x", patience, &mut || panic!("nobody else has it"), &never)
            .unwrap();
        let mut waits = 0;
        let error = cache.lock("x", patience, &mut || waits += 1, &never).unwrap_err();
        assert!(error.to_string().contains("another process"), "{error}");
        assert_eq!(waits, 1);
        drop(held);
        cache
            .lock("x", patience, &mut || panic!("it is free again"), &never)
            .unwrap();
    }
}
