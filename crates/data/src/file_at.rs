//! Positioned reads from a file, without a shared cursor or a memory map.
//!
//! A mapped file counts as resident memory while it is streamed, and raises a signal if another program truncates it; here that is
//! an error. A range beyond the end is an error before anything is allocated.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::{Error, Result};

#[derive(Clone, Debug)]
pub(crate) struct FileAt {
    file: Arc<File>,
    len: u64,
    path: PathBuf,
}

impl FileAt {
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let metadata = std::fs::metadata(path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => Error::not_found("no such file").in_file(path),
            _ => Error::io("cannot be read", path, source),
        })?;
        if !metadata.is_file() {
            return Err(Error::unsupported("is a folder or a special file; expected a file").in_file(path));
        }
        let file = File::open(path).map_err(|source| Error::io("cannot be read", path, source))?;
        Ok(Self {
            file: Arc::new(file),
            len: metadata.len(),
            path: path.to_owned(),
        })
    }

    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Fills `out` with the bytes from `offset`.
    pub(crate) fn read_exact_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let mut done = 0;
        while done < out.len() {
            match self.read_at(offset + done as u64, &mut out[done..]) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(read) => done += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// The `len` bytes from `offset`. A range beyond the end is an error before anything is allocated.
    pub(crate) fn bytes_at(&self, offset: u64, len: u64) -> io::Result<Vec<u8>> {
        let inside = offset.checked_add(len).is_some_and(|end| end <= self.len);
        let len = usize::try_from(len)
            .ok()
            .filter(|_| inside)
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        let mut bytes = vec![0; len];
        self.read_exact_at(offset, &mut bytes)?;
        Ok(bytes)
    }

    /// A reader with its own position, starting at `offset`.
    pub(crate) fn reader(&self, offset: u64) -> Cursor {
        Cursor {
            file: self.clone(),
            position: offset,
        }
    }

    #[cfg(unix)]
    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<usize> {
        std::os::unix::fs::FileExt::read_at(&*self.file, out, offset)
    }

    #[cfg(windows)]
    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<usize> {
        std::os::windows::fs::FileExt::seek_read(&*self.file, out, offset)
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Cursor {
    file: FileAt,
    position: u64,
}

impl Read for Cursor {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(self.position, out)?;
        self.position += read as u64;
        Ok(read)
    }
}

impl Seek for Cursor {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(back) => self.file.len.checked_add_signed(back),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

impl parquet::file::reader::Length for FileAt {
    fn len(&self) -> u64 {
        self.len
    }
}

impl parquet::file::reader::ChunkReader for FileAt {
    type T = BufReader<Cursor>;

    fn get_read(&self, start: u64) -> parquet::errors::Result<Self::T> {
        Ok(BufReader::new(self.reader(start)))
    }

    fn get_bytes(&self, start: u64, length: usize) -> parquet::errors::Result<bytes::Bytes> {
        let length = u64::try_from(length).unwrap_or(u64::MAX);
        Ok(self.bytes_at(start, length)?.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(bytes: &[u8]) -> (tempfile::TempDir, FileAt) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        std::fs::write(&path, bytes).unwrap();
        let file = FileAt::open(&path).unwrap();
        (folder, file)
    }

    #[test]
    fn ranges_beyond_the_end_are_errors_without_allocation() {
        let (_folder, file) = file(b"abc");
        assert_eq!(file.bytes_at(1, 2).unwrap(), b"bc");
        assert!(file.bytes_at(1, 3).is_err());
        assert!(file.bytes_at(0, u64::MAX).is_err());
        assert!(file.bytes_at(u64::MAX, 1).is_err());
    }

    #[test]
    fn readers_do_not_move_each_other() {
        let (_folder, file) = file(b"abcdef");
        let (mut a, mut b) = (file.reader(0), file.reader(3));
        let mut two = [0; 2];
        a.read_exact(&mut two).unwrap();
        b.read_exact(&mut two).unwrap();
        assert_eq!(&two, b"de");
        a.seek(SeekFrom::End(-1)).unwrap();
        assert_eq!(a.read(&mut two).unwrap(), 1);
        assert!(a.seek(SeekFrom::Current(-100)).is_err());
    }
}
