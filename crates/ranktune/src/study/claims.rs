//! Who does what, among any number of processes: a lock of the operating system on a file of its own for every part of a study.
//!
//! The lock belongs to the open file, not to its existence: it ends with the process, however that ends, so that no part can stay claimed
//! by nobody. A file that is left over means nothing.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;

/// A part that this process does. Dropping it gives the part back.
pub(super) struct Claim {
    /// Holds the lock.
    _file: File,
}

impl Claim {
    /// Claims the part whose file is `path`; `None` if another process, or another thread, has it.
    ///
    /// # Errors
    /// What the system says, such as for a file system without locks.
    pub(super) fn attempt(path: &Path) -> io::Result<Option<Self>> {
        let file = open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Claims the part, after whoever has it.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn wait(path: &Path) -> io::Result<Self> {
        let file = open(path)?;
        file.lock()?;
        Ok(Self { _file: file })
    }
}

fn open(path: &Path) -> io::Result<File> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    File::options().create(true).write(true).truncate(false).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_has_one_owner_at_a_time_and_a_file_that_is_left_over_claims_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("claims/a.lock");
        let first = Claim::attempt(&path).unwrap();
        assert!(first.is_some());
        assert!(Claim::attempt(&path).unwrap().is_none());
        assert!(Claim::attempt(&folder.path().join("claims/b.lock")).unwrap().is_some());
        drop(first);
        assert!(path.exists());
        assert!(Claim::attempt(&path).unwrap().is_some());
    }

    #[test]
    fn two_threads_share_the_parts_and_do_none_twice() {
        let folder = tempfile::tempdir().unwrap();
        let done = std::sync::Mutex::new(vec![0; 20]);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    for part in 0..20 {
                        let path = folder.path().join(format!("{part}.lock"));
                        let Some(_claim) = Claim::attempt(&path).unwrap() else {
                            continue;
                        };
                        if done.lock().unwrap()[part] == 0 {
                            std::thread::yield_now();
                            done.lock().unwrap()[part] += 1;
                        }
                    }
                });
            }
        });
        assert_eq!(done.into_inner().unwrap(), vec![1; 20]);
    }
}
