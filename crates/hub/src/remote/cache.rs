//! The cache folder, in the layout of Python's `huggingface_hub`, so that both share their downloads.
//!
//! ```text
//! models--ORGANISATION--NAME/refs/REVISION          the last known commit of a branch or tag (datasets--… for data sets)
//!                           /blobs/CHECKSUM         the bytes of a file; CHECKSUM.incomplete during the download
//!                           /snapshots/COMMIT/NAME  links into blobs
//!                           /.no_exist/COMMIT/NAME  empty: this commit has no such file
//! .locks/models--ORGANISATION--NAME/CHECKSUM.lock   held by the downloading process
//! ```
//!
//! A lock only avoids a second download. Correctness does not depend on it, because some network file systems grant it to everyone:
//! all writers of a blob write the same bytes at the same offsets, and only a complete and verified file is renamed to its
//! checksum.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use ranktune_core::files::{temporary_name, write_atomically};

use crate::repository::{RepoKind, is_commit};
use crate::{Error, ErrorKind};

/// One repository's part of the cache.
#[derive(Clone, Debug)]
pub(crate) struct Cache {
    repository: PathBuf,
    locks: PathBuf,
}

/// Far more files than a model has; bounds the listing of a folder that is not a snapshot.
const MAX_FILES: usize = 10_000;

const NOT_WRITABLE: &str = "cannot write to the cache; set HF_HUB_CACHE to another folder";

impl Cache {
    /// The part of `root` for the repository `name`, which is a checked name of a [`RepoId`](crate::RepoId).
    pub(crate) fn new(root: &Path, kind: RepoKind, name: &str) -> Self {
        let folder = format!("{}--{}", kind.plural(), name.replace('/', "--"));
        Self {
            repository: root.join(&folder),
            locks: root.join(".locks").join(folder),
        }
    }

    /// The commit of `revision` when it was last looked up; a commit is its own.
    pub(crate) fn commit(&self, revision: &str) -> Option<String> {
        if is_commit(revision) {
            return Some(revision.to_owned());
        }
        let mut text = String::new();
        let file = File::open(self.repository.join("refs").join(revision)).ok()?;
        file.take(100).read_to_string(&mut text).ok()?;
        Some(text.trim().to_owned()).filter(|commit| is_commit(commit))
    }

    /// Records the commit of a branch or tag. A read-only cache is not an error.
    pub(crate) fn set_commit(&self, revision: &str, commit: &str) -> Result<(), Error> {
        if revision == commit || self.commit(revision).as_deref() == Some(commit) {
            return Ok(());
        }
        let path = self.repository.join("refs").join(revision);
        let written = create_parent(&path).and_then(|()| write_atomically(&path, commit.as_bytes()));
        match written {
            Err(e) if !is_read_only(&e) => Err(Error::io("cannot record the commit of the revision", e, &path)),
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

    /// The names of the snapshot's files, without links to missing blobs.
    pub(crate) fn files(&self, commit: &str) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        let mut folders = vec![(self.snapshot(commit), String::new())];
        while let Some((folder, prefix)) = folders.pop() {
            for item in fs::read_dir(folder).into_iter().flatten().flatten() {
                let (path, Ok(name)) = (item.path(), item.file_name().into_string()) else {
                    continue;
                };
                let name = format!("{prefix}{name}");
                // Links to folders are not followed, so the walk ends.
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

    /// Records that `commit` has no file `name`. It only saves a request, so a failure is ignored.
    pub(crate) fn set_missing(&self, commit: &str, name: &str) {
        let path = self.missing(commit, name);
        if !path.exists() && create_parent(&path).is_ok() {
            let _ = fs::write(path, "");
        }
    }

    pub(crate) fn is_missing(&self, commit: &str, name: &str) -> bool {
        self.missing(commit, name).is_file()
    }

    /// Where the hub's listing of a commit is kept. `huggingface_hub` keeps none, and leaves other folders alone.
    pub(crate) fn listing(&self, commit: &str) -> PathBuf {
        self.repository.join(".listings").join(format!("{commit}.json"))
    }

    /// Keeps the listing of a commit. A read-only cache is not an error.
    pub(crate) fn keep_listing(&self, commit: &str, text: &[u8]) -> Result<(), Error> {
        let path = self.listing(commit);
        match create_parent(&path).and_then(|()| write_atomically(&path, text)) {
            Err(e) if !is_read_only(&e) => Err(Error::io(NOT_WRITABLE, e, &path)),
            _ => Ok(()),
        }
    }

    /// Whether the snapshot has the file, of the length `size` if that is known.
    pub(crate) fn holds(&self, commit: &str, name: &str, size: Option<u64>) -> bool {
        let there = fs::metadata(self.pointer(commit, name));
        there.is_ok_and(|meta| meta.is_file() && size.is_none_or(|size| size == meta.len()))
    }

    fn missing(&self, commit: &str, name: &str) -> PathBuf {
        self.repository.join(".no_exist").join(commit).join(name)
    }

    /// Links `name` in the snapshot to a blob.
    pub(crate) fn link(&self, commit: &str, name: &str, checksum: &str) -> Result<(), Error> {
        let (pointer, blob) = (self.pointer(commit, name), self.blob(checksum));
        let depth = name.matches('/').count() + 2;
        // By parts: Windows does not follow links whose targets have slashes.
        let up: PathBuf = std::iter::repeat_n("..", depth).collect();
        let target = up.join("blobs").join(checksum);
        let linked = create_parent(&pointer).and_then(|()| {
            let temporary = temporary_name(&pointer);
            // Fallbacks for file systems without symbolic links.
            symlink(&target, &temporary)
                .or_else(|_| fs::hard_link(&blob, &temporary))
                .or_else(|_| copy_to_new(&blob, &temporary))?;
            fs::rename(&temporary, &pointer)
        });
        linked.map_err(|e| Error::io("cannot link the downloaded file", e, &pointer))
    }

    /// Opens the partial file of a blob; creates its folder if necessary.
    pub(crate) fn open_partial(&self, checksum: &str) -> Result<File, Error> {
        let path = self.partial(checksum);
        let open = || {
            create_parent(&path)?;
            // Another user of the cache must not redirect the download through a link.
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
        open().map_err(|e| Error::io(NOT_WRITABLE, e, &path))
    }

    /// Renames a verified file to its checksum.
    pub(crate) fn finish(&self, checksum: &str) -> Result<(), Error> {
        let (partial, blob) = (self.partial(checksum), self.blob(checksum));
        match fs::rename(&partial, &blob) {
            // Another process without a working lock was first, with the same bytes.
            Err(_) if blob.is_file() => Ok(()),
            renamed => renamed.map_err(|e| Error::io("cannot rename the finished download", e, &partial)),
        }
    }

    /// Takes the lock of a blob, and waits as long as its holder makes progress. The lock is released with the returned file.
    ///
    /// `on_wait` is called once before waiting, `is_cancelled` repeatedly. `None` where files cannot be locked.
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
        let file = open().map_err(|e| Error::io(NOT_WRITABLE, e, &path))?;
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
                    let text = "another process holds this lock and makes no progress; end it and try again";
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

/// Copies a file to a path that does not exist yet: an existing one could be a link to the file itself.
fn copy_to_new(from: &Path, to: &Path) -> io::Result<()> {
    let mut copy = OpenOptions::new().write(true).create_new(true).open(to)?;
    io::copy(&mut File::open(from)?, &mut copy).map(drop)
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn a_recorded_commit_is_read_again(revision in "[A-Za-z0-9+=_-]{1,20}(/[A-Za-z0-9+=_-]{1,20}){0,2}", commit in "[0-9a-f]{40}") {
            let root = tempfile::tempdir().unwrap();
            let cache = Cache::new(root.path(), RepoKind::Model, "a/b");
            cache.set_commit(&revision, COMMIT).unwrap();
            cache.set_commit(&revision, &commit).unwrap();
            prop_assert_eq!(cache.commit(&revision), Some(commit));
        }
    }

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    #[test]
    fn a_revision_is_remembered_and_one_that_is_no_commit_is_not_believed() {
        let root = tempfile::tempdir().unwrap();
        let cache = Cache::new(root.path(), RepoKind::Model, "a/b");
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
        let cache = Cache::new(root.path(), RepoKind::Model, "a/b");
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
        let cache = Cache::new(root.path(), RepoKind::Model, "a/b");
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
        let cache = Cache::new(root.path(), RepoKind::Model, "a/b");
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
