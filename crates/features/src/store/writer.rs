//! Appends rows to an entry and completes it.

use std::fs::{self, File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};

use super::format::{self, Columns, Contents};
use super::{EntryState, Files, Key, Reader, Store, io_error, shared};
use crate::{Error, ErrorKind};

/// Consecutive rows of an entry.
#[derive(Clone, Copy, Debug, Default)]
pub struct Block<'a> {
    /// `[rows, d]`, row-major; the contents of rows that are not valid are ignored.
    pub features: &'a [f32],
    /// `[rows, z]`, in every block or in none.
    pub logits: Option<&'a [f32]>,
    /// `[rows]`: which rows hold features. Default: all.
    pub valid: Option<&'a [bool]>,
}

/// An entry that is being written. Dropping it keeps the appended rows; the next writer continues after them.
#[derive(Debug)]
pub struct Writer {
    store: Store,
    key: Key,
    files: Files,
    file: File,
    columns: Option<Columns>,
    rows: usize,
    length: u64,
    /// Length at which the size limit is checked again.
    next_check: u64,
    lock: File,
}

/// Bytes between two checks of the size limit; each check lists the folder.
const CHECK_EVERY: u64 = 64 << 20;

impl Writer {
    /// Opens the partial file, whose lock is held, and cuts off its invalid end.
    pub(super) fn open(store: &Store, files: Files, key: &Key, lock: File) -> Result<EntryState, Error> {
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&files.partial)
            .map_err(|error| io_error("cannot open", &files.partial, error))?;
        let contents = format::scan(&mut file, key).map_err(|error| io_error("cannot read", &files.partial, error))?;
        let rows = contents.rows();
        let Contents {
            columns,
            length,
            complete,
            ..
        } = contents;
        let mut writer = Self {
            store: store.clone(),
            key: *key,
            files,
            file,
            columns,
            rows,
            length,
            next_check: length.saturating_add(CHECK_EVERY.min(store.options.max_bytes / 4)),
            lock,
        };
        if complete {
            // The process was killed between the last write and the rename.
            let reader = writer.rename()?;
            return Ok(EntryState::Complete(reader.holding(shared(writer.lock))));
        }
        writer.cut_off()?;
        Ok(if rows > 0 {
            EntryState::Partial(writer)
        } else {
            EntryState::Absent(writer)
        })
    }

    /// Number of rows written; the next block begins after them.
    pub fn rows_done(&self) -> usize {
        self.rows
    }

    /// Number of features in a row; `None` before the first row.
    pub fn n_features(&self) -> Option<usize> {
        self.columns.map(|columns| columns.d)
    }

    /// Appends `rows` rows. They survive a crash of the process from now on, a crash of the machine after
    /// [`finish`](Self::finish).
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if the block does not have `rows` rows with the entry's columns; [`ErrorKind::Io`] if it
    /// cannot be written, or if the entry alone exceeds the size limit. Earlier rows are kept.
    pub fn append(&mut self, rows: usize, block: &Block<'_>) -> Result<(), Error> {
        if rows == 0 {
            return Ok(());
        }
        let columns = self.check(rows, block)?;
        let mut bytes = if self.length == 0 {
            format::header(&self.key, columns)
        } else {
            Vec::new()
        };
        bytes.extend(format::chunk(
            &self.key,
            self.rows,
            rows,
            block,
            self.store.options.precision,
        ));
        self.make_room(bytes.len() as u64)?;
        self.write(&bytes)?;
        self.columns = Some(columns);
        self.rows += rows;
        Ok(())
    }

    /// Opens the rows appended so far.
    ///
    /// # Errors
    /// [`ErrorKind::Io`]; [`ErrorKind::Corrupt`] before the first row.
    pub fn so_far(&self) -> Result<Reader, Error> {
        let opened = Reader::open_partial(&self.files.partial, &self.key);
        match opened {
            // The folder may have been deleted meanwhile; the open file is still there.
            Err(error) if error.kind() == ErrorKind::Io => {
                let file = self
                    .file
                    .try_clone()
                    .map_err(|error| io_error("cannot read", &self.files.partial, error))?;
                Reader::of_rows(file, &self.files.partial, &self.key, &error)
            }
            opened => opened,
        }
    }

    /// Completes the entry, evicts others if the store exceeds its size limit, and opens it. If it cannot be completed, because the disk
    /// is full or the folder was deleted, its rows are still read from the open file, and [`Reader::not_kept`] says why.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] without a row; [`ErrorKind::Io`] if the rows cannot be read.
    pub fn finish(mut self) -> Result<Reader, Error> {
        if self.rows == 0 {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                "an entry without rows cannot be completed",
            ));
        }
        match self.complete() {
            Ok(reader) => Ok(reader.holding(shared(self.lock))),
            Err(error) if error.kind() == ErrorKind::Io => {
                Reader::of_rows(self.file, &self.files.partial, &self.key, &error)
            }
            Err(error) => Err(error),
        }
    }

    fn complete(&mut self) -> Result<Reader, Error> {
        let end = format::end(&self.key, self.rows);
        self.write(&end)?;
        self.file
            .sync_data()
            .map_err(|error| io_error("cannot write", &self.files.partial, error))?;
        self.rename()
    }

    fn rename(&mut self) -> Result<Reader, Error> {
        fs::rename(&self.files.partial, &self.files.complete)
            .map_err(|error| io_error("cannot rename", &self.files.partial, error))?;
        let reader = Reader::open(&self.files, &self.key, None)?;
        // If eviction fails now, a later writer repeats it.
        let _ = self.store.evict(self.store.options.max_bytes);
        Ok(reader)
    }

    fn check(&self, rows: usize, block: &Block<'_>) -> Result<Columns, Error> {
        let refuse = |what: &str| {
            Err(Error::new(
                ErrorKind::InvalidInput,
                format!("{what} in a block of {rows} rows"),
            ))
        };
        let logits = block.logits.unwrap_or_default();
        if block.features.is_empty() || !block.features.len().is_multiple_of(rows) {
            return refuse(&format!("{} features", block.features.len()));
        }
        if !logits.len().is_multiple_of(rows) {
            return refuse(&format!("{} logits", logits.len()));
        }
        if let Some(valid) = block.valid
            && valid.len() != rows
        {
            return refuse(&format!("{} validity flags", valid.len()));
        }
        let columns = Columns {
            d: block.features.len() / rows,
            z: logits.len() / rows,
        };
        match self.columns {
            Some(had) if had != columns => refuse(&format!(
                "{} features and {} logits a row, expected {} and {} as before",
                columns.d, columns.z, had.d, had.z
            )),
            _ => Ok(columns),
        }
    }

    /// Keeps the store within its limit while an entry grows: other entries are evicted first, then this one is refused.
    fn make_room(&mut self, more: u64) -> Result<(), Error> {
        let limit = self.store.options.max_bytes;
        if self.length.saturating_add(more) > limit {
            return Err(Error::new(
                ErrorKind::Io,
                format!(
                    "{} alone exceeds the cache limit of {limit} bytes",
                    self.files.partial.display()
                ),
            ));
        }
        if self.length >= self.next_check {
            self.next_check = self.length.saturating_add(CHECK_EVERY);
            self.store.evict(limit)?;
        }
        Ok(())
    }

    /// One write per record, so that a killed process tears at most the last one.
    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        // A reader of the rows so far may share the file, and its position.
        let at_end = self.file.seek(SeekFrom::Start(self.length));
        if let Err(error) = at_end.and_then(|_| self.file.write_all(bytes)) {
            // A full disk may have written a part. If cutting it off fails too, the checksums find it later.
            let _ = self.cut_off();
            return Err(io_error("cannot write", &self.files.partial, error));
        }
        self.length += bytes.len() as u64;
        Ok(())
    }

    fn cut_off(&mut self) -> Result<(), Error> {
        self.file
            .set_len(self.length)
            .and_then(|()| self.file.seek(SeekFrom::Start(self.length)))
            .map_err(|error| io_error("cannot write", &self.files.partial, error))?;
        Ok(())
    }
}
