//! Reads a complete entry in blocks of rows.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::format::{self, Chunk, Columns, Contents, decode, feature_size};
use ranktune_core::one_line;

use super::{CachePrecision, Files, Key, corrupt, io_error};
use crate::{Error, ErrorKind};

/// A verified entry: features `[n, d]`, logits `[n, z]` of a model with a classifier, validity `[n]`. It is complete unless it was
/// opened by [`Writer::so_far`](super::Writer::so_far).
#[derive(Debug)]
pub struct Reader {
    path: PathBuf,
    file: File,
    columns: Columns,
    chunks: Vec<Chunk>,
    valid: Vec<bool>,
    buffer: Vec<u8>,
    /// Why the entry is not in the store, if it could not be completed.
    not_kept: Option<String>,
    /// Protects the entry from eviction while it is read.
    _lock: Option<File>,
}

impl Reader {
    /// Opens and verifies the complete file, and sets its time of use to now.
    pub(super) fn open(files: &Files, key: &Key, lock: Option<File>) -> Result<Self, Error> {
        let path = files.complete.clone();
        // The time of use is the modification time of the file, which only a file open for writing can set.
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(&path)
            .or_else(|_| File::open(&path))
            .map_err(|error| io_error("cannot open", &path, error))?;
        let contents = format::scan(&mut file, key).map_err(|error| io_error("cannot read", &path, error))?;
        let Contents {
            columns: Some(columns),
            chunks,
            valid,
            complete: true,
            ..
        } = contents
        else {
            return Err(corrupt(&path, "does not match its checksums"));
        };
        let _ = file.set_modified(SystemTime::now());
        Ok(Self {
            path,
            file,
            columns,
            chunks,
            valid,
            buffer: Vec::new(),
            not_kept: None,
            _lock: lock,
        })
    }

    /// Opens the valid part of a partial file that this process is writing.
    pub(super) fn open_partial(path: &Path, key: &Key) -> Result<Self, Error> {
        let file = File::open(path).map_err(|error| io_error("cannot open", path, error))?;
        Self::of_part(file, path, key)
    }

    /// The rows in `file`, which is open and was written by this process, after `error` has kept it from completing the entry.
    pub(super) fn of_rows(file: File, path: &Path, key: &Key, error: &Error) -> Result<Self, Error> {
        Ok(Self {
            not_kept: Some(one_line(error)),
            ..Self::of_part(file, path, key)?
        })
    }

    fn of_part(mut file: File, path: &Path, key: &Key) -> Result<Self, Error> {
        let contents = format::scan(&mut file, key).map_err(|error| io_error("cannot read", path, error))?;
        let Some(columns) = contents.columns else {
            return Err(corrupt(path, "has no rows yet"));
        };
        Ok(Self {
            path: path.to_owned(),
            file,
            columns,
            chunks: contents.chunks,
            valid: contents.valid,
            buffer: Vec::new(),
            not_kept: None,
            _lock: None,
        })
    }

    /// Holds `lock` until the reader is dropped.
    pub(super) fn holding(mut self, lock: Option<File>) -> Self {
        self._lock = lock;
        self
    }

    /// Why the entry is not in the store, if it could not be completed; its rows are read from a file that is deleted, or is left as it
    /// is for the next writer.
    pub fn not_kept(&self) -> Option<&str> {
        self.not_kept.as_deref()
    }

    /// Number of rows, `n`.
    pub fn n_rows(&self) -> usize {
        self.valid.len()
    }

    /// Number of features in a row, `d`.
    pub fn n_features(&self) -> usize {
        self.columns.d
    }

    /// Number of logits in a row, `z`; `None` if the entry has none.
    pub fn n_logits(&self) -> Option<usize> {
        (self.columns.z > 0).then_some(self.columns.z)
    }

    /// Which rows hold features, `[n]`; the others belong to samples that could not be read.
    pub fn valid(&self) -> &[bool] {
        &self.valid
    }

    /// Replaces the contents of `into` with the features of `rows`, row-major.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for rows that do not exist; [`ErrorKind::Io`].
    pub fn read_features(&mut self, rows: Range<usize>, into: &mut Vec<f32>) -> Result<(), Error> {
        into.clear();
        let columns = self.columns.d;
        self.read(rows, columns, |chunk| (chunk.features, chunk.encoding), into)
    }

    /// Replaces the contents of `into` with the logits of `rows`, row-major; empty if the entry has none.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for rows that do not exist; [`ErrorKind::Io`].
    pub fn read_logits(&mut self, rows: Range<usize>, into: &mut Vec<f32>) -> Result<(), Error> {
        into.clear();
        let columns = self.columns.z;
        self.read(rows, columns, |chunk| (chunk.logits, CachePrecision::F32), into)
    }

    fn read(
        &mut self,
        rows: Range<usize>,
        columns: usize,
        part: impl Fn(&Chunk) -> (u64, CachePrecision),
        into: &mut Vec<f32>,
    ) -> Result<(), Error> {
        if rows.start > rows.end || rows.end > self.n_rows() {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!(
                    "{}: rows {rows:?} were requested, the entry has {}",
                    self.path.display(),
                    self.n_rows()
                ),
            ));
        }
        let first = self
            .chunks
            .partition_point(|chunk| chunk.first_row + chunk.rows <= rows.start);
        for chunk in &self.chunks[first..] {
            if chunk.first_row >= rows.end {
                break;
            }
            let (position, encoding) = part(chunk);
            let from = rows.start.max(chunk.first_row) - chunk.first_row;
            let to = rows.end.min(chunk.first_row + chunk.rows) - chunk.first_row;
            // The chunk lies in the file, so these cannot overflow.
            let row = columns * feature_size(encoding);
            self.buffer.resize((to - from) * row, 0);
            self.file
                .seek(SeekFrom::Start(position + (from * row) as u64))
                .and_then(|_| self.file.read_exact(&mut self.buffer))
                .map_err(|error| io_error("cannot read", &self.path, error))?;
            decode(&self.buffer, encoding, into);
        }
        Ok(())
    }
}
