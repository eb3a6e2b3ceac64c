//! The rows of an entry for the samples of a data set: which of them there are, and their values.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use ranktune_core::counted;

use super::pending::Pending;
use super::segment::{Layout, read_index};
use super::{Columns, Key, SEGMENT, Store, Wanted, io_error};
use crate::{Error, ErrorKind};

/// Features `[n, d]`, logits `[n, z]` of a model with a classifier, and validity `[n]` of the wanted samples, as far as they are there.
#[derive(Debug)]
pub struct Rows {
    pub(super) store: Store,
    pub(super) key: Key,
    pub(super) folder: PathBuf,
    pub(super) wanted: Arc<Wanted>,
    /// The engine whose rows are taken; `None` for any.
    engine: Option<String>,
    pub(super) columns: Option<Columns>,
    /// By position of a sample, or of the first that is equal to it.
    pub(super) places: Vec<Place>,
    /// By position; `false` for those that are missing.
    pub(super) valid: Vec<bool>,
    /// Number of leading samples that have a row.
    leading: usize,
    pub(super) segments: Vec<Segment>,
    /// Names of the segments that were looked at.
    pub(super) seen: HashSet<OsString>,
    pub(super) pending: Pending,
    /// Why new rows are not kept, once they could not be written.
    pub(super) not_kept: Option<String>,
    /// Damaged segments that were found and deleted.
    n_damaged: usize,
    reader: BlockReader,
}

/// Where a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Missing,
    Stored {
        segment: u32,
        row: u32,
    },
    /// Among the rows that are not written yet.
    Pending(u32),
}

/// A segment with at least one wanted row.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) path: PathBuf,
    pub(super) layout: Layout,
    /// Unless too many are open.
    file: Option<File>,
    /// Whether this process wrote it for the rows that read it.
    is_own: bool,
}

/// The block that was read last, and its file if the segment does not have it open.
#[derive(Debug, Default)]
struct BlockReader {
    file: Option<(usize, File)>,
    block: Option<(usize, usize)>,
    bytes: Vec<u8>,
    features: Vec<f32>,
    logits: Vec<f32>,
}

/// Why a block was not read.
enum BlockFault {
    Io(io::Error),
    Damaged,
}

impl Rows {
    pub(super) fn open(store: &Store, key: &Key, wanted: &Arc<Wanted>, engine: Option<&str>) -> Result<Self, Error> {
        let mut rows = Self {
            folder: store.entry(key),
            store: store.clone(),
            key: *key,
            wanted: Arc::clone(wanted),
            engine: engine.map(str::to_owned),
            columns: None,
            places: vec![Place::Missing; wanted.len()],
            valid: vec![false; wanted.len()],
            leading: 0,
            segments: Vec::new(),
            seen: HashSet::new(),
            pending: Pending::default(),
            not_kept: None,
            n_damaged: 0,
            reader: BlockReader::default(),
        };
        rows.refresh()?;
        Ok(rows)
    }

    /// Looks for rows that other processes have written meanwhile.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] if the folder cannot be read.
    pub fn refresh(&mut self) -> Result<(), Error> {
        let listed = match fs::read_dir(&self.folder) {
            Ok(listed) => listed,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(io_error("cannot read", &self.folder, error)),
        };
        let mut names: Vec<OsString> = listed
            .filter_map(|entry| Some(entry.ok()?.file_name()))
            .filter(|name| {
                Path::new(name)
                    .extension()
                    .is_some_and(|extension| extension == SEGMENT)
            })
            .filter(|name| !self.seen.contains(name))
            .collect();
        // The oldest first, so that of equal rows all processes take the same.
        names.sort();
        for name in names {
            let path = self.folder.join(&name);
            self.seen.insert(name);
            self.look_up(path)?;
        }
        Ok(())
    }

    /// Takes the wanted rows of a segment.
    fn look_up(&mut self, path: PathBuf) -> Result<(), Error> {
        let opened = File::open(&path).and_then(|file| {
            let length = file.metadata()?.len();
            let index = read_index(&mut BufReader::with_capacity(1 << 20, &file), length, &self.key)?;
            Ok((file, index))
        });
        let (file, index) = match opened {
            Ok((file, Some(index))) => (file, index),
            Ok((_, None)) => {
                self.n_damaged += 1;
                let _ = fs::remove_file(&path);
                return Ok(());
            }
            // Deleted by another process.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(io_error("cannot read", &path, error)),
        };
        let is_other = self.engine.as_ref().is_some_and(|engine| *engine != index.engine);
        if is_other || self.columns.is_some_and(|columns| columns != index.layout.columns) {
            return Ok(());
        }
        let segment = self.segments.len() as u32;
        let mut is_used = false;
        for (row, (digest, &valid)) in index.digests().zip(&index.valid).enumerate() {
            let Some(position) = self.wanted.position(digest) else {
                continue;
            };
            if self.places[position] == Place::Missing {
                self.places[position] = Place::Stored {
                    segment,
                    row: row as u32,
                };
                self.valid[position] = valid;
                is_used = true;
            }
        }
        if is_used {
            self.columns = Some(index.layout.columns);
            self.copy_to_repeated();
            self.add_segment((path, file), index.layout, false);
        }
        Ok(())
    }

    /// Adds a segment of which rows are used: it is not evicted by this process, and its time of use is now.
    pub(super) fn add_segment(&mut self, (path, file): (PathBuf, File), layout: Layout, is_own: bool) {
        // The time of use is the time of modification, which only a file that is open for writing can set.
        if let Ok(file) = File::options().write(true).open(&path) {
            let _ = file.set_modified(SystemTime::now());
        }
        let file = self.store.hold(&path, file);
        self.segments.push(Segment {
            path,
            layout,
            file,
            is_own,
        });
    }

    /// The validity of samples that repeat an earlier one.
    pub(super) fn copy_to_repeated(&mut self) {
        let wanted = Arc::clone(&self.wanted);
        for (position, first) in wanted.repeated() {
            self.valid[position] = self.valid[first];
        }
    }

    fn place(&self, position: usize) -> Place {
        self.places[self.wanted.first(position)]
    }

    /// Number of leading samples that have a row.
    pub fn leading(&mut self) -> usize {
        while self.leading < self.wanted.len() && self.place(self.leading) != Place::Missing {
            self.leading += 1;
        }
        self.leading
    }

    /// The samples among `range` whose row is missing, each of several equal ones once.
    pub fn missing(&self, range: Range<usize>) -> Vec<usize> {
        let mut missing: Vec<usize> = range
            .filter(|&position| self.place(position) == Place::Missing)
            .collect();
        if self.wanted.repeated().next().is_some() {
            let mut seen = HashSet::new();
            missing.retain(|&position| seen.insert(self.wanted.first(position)));
        }
        missing
    }

    /// Number of samples whose rows were appended, each of several equal ones counted; the others were found in the store.
    pub fn n_appended(&self) -> usize {
        let is_own = |position: &usize| match self.place(*position) {
            Place::Missing => false,
            Place::Pending(_) => true,
            Place::Stored { segment, .. } => self.segments[segment as usize].is_own,
        };
        (0..self.wanted.len()).filter(is_own).count()
    }

    /// Number of samples, with a row or without.
    pub fn n_samples(&self) -> usize {
        self.wanted.len()
    }

    /// Number of features in a row, `d`; 0 before the first row.
    pub fn n_features(&self) -> usize {
        self.columns.map_or(0, |columns| columns.d)
    }

    /// Logits in a row, `z`; `None` without a classifier.
    pub fn n_logits(&self) -> Option<usize> {
        self.columns.map(|columns| columns.z).filter(|&z| z > 0)
    }

    /// Which samples have a row that holds features, `[n]`; the others are missing or could not be read.
    pub fn valid(&self) -> &[bool] {
        &self.valid
    }

    /// Why rows are in memory and not in the store, if they could not be written.
    pub fn not_kept(&self) -> Option<&str> {
        self.not_kept.as_deref()
    }

    /// Number of damaged segments that were found and deleted; their rows are missing.
    pub fn n_damaged(&self) -> usize {
        self.n_damaged
    }

    /// Replaces the contents of `into` with the features of the samples at `range`, row-major.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for rows that are missing; [`ErrorKind::Io`], [`ErrorKind::Corrupt`] if a file was damaged or deleted
    /// since it was looked at.
    pub fn read_features(&mut self, range: Range<usize>, into: &mut Vec<f32>) -> Result<(), Error> {
        self.read(range, Part::Features, into)
    }

    /// Replaces the contents of `into` with the logits of the samples at `range`, row-major; empty without a classifier.
    ///
    /// # Errors
    /// As [`read_features`](Self::read_features).
    pub fn read_logits(&mut self, range: Range<usize>, into: &mut Vec<f32>) -> Result<(), Error> {
        self.read(range, Part::Logits, into)
    }

    fn read(&mut self, range: Range<usize>, part: Part, into: &mut Vec<f32>) -> Result<(), Error> {
        // What was rounded on its way to the disk must be so for every reader.
        self.flush();
        into.clear();
        if range.start > range.end || range.end > self.wanted.len() {
            return Err(self.not_there(&range));
        }
        for position in range.clone() {
            self.read_row(position, part, into, &range)?;
        }
        Ok(())
    }

    pub(super) fn read_row(
        &mut self,
        position: usize,
        part: Part,
        into: &mut Vec<f32>,
        range: &Range<usize>,
    ) -> Result<(), Error> {
        let columns = self.columns.unwrap_or(Columns { d: 0, z: 0 });
        let width = match part {
            Part::Features => columns.d,
            Part::Logits => columns.z,
        };
        loop {
            let (values, row) = match self.place(position) {
                Place::Missing => return Err(self.not_there(range)),
                Place::Pending(row) => (
                    match part {
                        Part::Features => &self.pending.features,
                        Part::Logits => &self.pending.logits,
                    },
                    row as usize,
                ),
                Place::Stored { segment, row } => {
                    let segment = segment as usize;
                    let (block, row) = self.segments[segment].layout.block_of(row as usize);
                    if let Err(fault) = self.reader.load(&self.segments[segment], segment, block, &self.key) {
                        self.lose(segment, fault)?;
                        continue;
                    }
                    (
                        match part {
                            Part::Features => &self.reader.features,
                            Part::Logits => &self.reader.logits,
                        },
                        row,
                    )
                }
            };
            into.extend_from_slice(&values[row * width..(row + 1) * width]);
            return Ok(());
        }
    }

    fn not_there(&self, range: &Range<usize>) -> Error {
        let there = (0..self.wanted.len())
            .filter(|&position| self.place(position) != Place::Missing)
            .count();
        let message = format!(
            "{}: rows {range:?} were requested, of {} samples the entry has {}",
            self.folder.display(),
            self.wanted.len(),
            counted(there, "row")
        );
        Error::new(ErrorKind::InvalidInput, message)
    }

    /// Takes the rows of a segment that cannot be read from other segments: another process may have joined it with others, and those
    /// are gone as well.
    ///
    /// # Errors
    /// Where no other segment has them.
    fn lose(&mut self, segment: usize, fault: BlockFault) -> Result<(), Error> {
        let path = self.segments[segment].path.clone();
        if matches!(fault, BlockFault::Damaged) {
            let _ = fs::remove_file(&path);
        }
        self.reader = BlockReader::default();
        let is_gone: Vec<bool> = (0..self.segments.len())
            .map(|other| other == segment || !self.segments[other].path.exists())
            .collect();
        let lost: Vec<usize> = (0..self.places.len())
            .filter(
                |&position| matches!(self.places[position], Place::Stored { segment, .. } if is_gone[segment as usize]),
            )
            .collect();
        for &position in &lost {
            self.places[position] = Place::Missing;
        }
        self.leading = 0;
        // Segments that were passed over, since their rows were there already, may have them.
        self.seen = (self.segments.iter().zip(&is_gone))
            .filter(|(_, is_gone)| !**is_gone)
            .filter_map(|(segment, _)| Some(segment.path.file_name()?.to_owned()))
            .collect();
        self.refresh()?;
        if lost.iter().all(|&position| self.places[position] != Place::Missing) {
            return Ok(());
        }
        let error = match fault {
            BlockFault::Damaged => Error::new(
                ErrorKind::Corrupt,
                format!("{} does not match its checksums, and was deleted", path.display()),
            ),
            BlockFault::Io(error) => io_error("cannot read", &path, error),
        };
        Err(error.or_try("run the same command again: its rows are computed anew"))
    }
}

/// Which values of a row.
#[derive(Clone, Copy)]
pub(super) enum Part {
    Features,
    Logits,
}

impl BlockReader {
    /// Reads a block, unless it was read last.
    fn load(&mut self, segment: &Segment, number: usize, block: usize, key: &Key) -> Result<(), BlockFault> {
        if self.block == Some((number, block)) {
            return Ok(());
        }
        self.block = None;
        let place = segment.layout.block(block);
        let mut file = match (&segment.file, &mut self.file) {
            (Some(file), _) => file,
            (None, Some((open, file))) if *open == number => &*file,
            (None, other) => {
                let file = File::open(&segment.path).map_err(BlockFault::Io)?;
                &other.insert((number, file)).1
            }
        };
        self.bytes.resize(place.bytes, 0);
        let read = file
            .seek(SeekFrom::Start(place.position))
            .and_then(|_| file.read_exact(&mut self.bytes));
        match read {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Err(BlockFault::Damaged),
            Err(error) => return Err(BlockFault::Io(error)),
        }
        let decoded = segment.layout.decode(key, block, &self.bytes);
        (self.features, self.logits) = decoded.ok_or(BlockFault::Damaged)?;
        self.block = Some((number, block));
        Ok(())
    }
}

impl Drop for Rows {
    /// Rows that were appended are kept, whatever ends the work.
    fn drop(&mut self) {
        self.flush();
        for segment in &self.segments {
            self.store.release(&segment.path, segment.file.is_some());
        }
    }
}
