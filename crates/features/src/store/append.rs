//! New rows: buffered in memory, written as segments, and small segments joined.

use std::fs::{self, File};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use half::f16;
use ranktune_core::files::write_atomically;
use ranktune_core::{Digest, one_line};

use super::pending::Written;
use super::rows::{Part, Place, Rows};
use super::segment::{encode, fits_half};
use super::{CachePrecision, Columns, SEGMENT, io_error};
use crate::{Error, ErrorKind};

/// Bytes of values after which a segment is written.
const FULL: usize = 8 << 20;
/// Time after which a segment is written even if it is small: what a process that is killed loses.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Consecutive rows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Block<'a> {
    /// `[rows, d]`
    pub features: &'a [f32],
    /// `[rows, z]`; `None` for a model without a classifier.
    pub logits: Option<&'a [f32]>,
    /// `[rows]`: whether a row holds features, or belongs to a sample that could not be read. `None` if all do.
    pub valid: Option<&'a [bool]>,
}

impl Rows {
    /// Adds the rows of the samples at `positions`, which `engine` made. They survive a crash of the process within
    /// seconds, and all of them after [`flush`](Self::flush).
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if the block does not have a row for every position, with the columns of the entry.
    pub fn append(&mut self, positions: &[usize], block: &Block<'_>, engine: &str) -> Result<(), Error> {
        if positions.is_empty() {
            return Ok(());
        }
        let columns = self.check(positions, block)?;
        if self.pending.engine != engine {
            self.flush();
            engine.clone_into(&mut self.pending.engine);
        }
        self.columns = Some(columns);
        let pending = &mut self.pending;
        pending.since.get_or_insert_with(Instant::now);
        pending.features.extend_from_slice(block.features);
        pending.logits.extend_from_slice(block.logits.unwrap_or_default());
        for (row, &position) in positions.iter().enumerate() {
            let valid = block.valid.is_none_or(|valid| valid[row]);
            let first = self.wanted.first(position);
            self.places[first] = Place::Pending(pending.positions.len() as u32);
            self.valid[first] = valid;
            pending.positions.push(first);
            pending.valid.push(valid);
        }
        let bytes = 4 * (self.pending.features.len() + self.pending.logits.len());
        if bytes >= FULL || self.pending.since.is_some_and(|since| since.elapsed() >= LONGEST_WAIT) {
            self.flush();
        }
        Ok(())
    }

    fn check(&self, positions: &[usize], block: &Block<'_>) -> Result<Columns, Error> {
        let rows = positions.len();
        let refuse = |what: &str| {
            let message = format!("{what} in a block of {rows} rows");
            Err(Error::new(ErrorKind::InvalidInput, message))
        };
        let logits = block.logits.unwrap_or_default();
        if let Some(beyond) = positions.iter().find(|&&position| position >= self.n_samples()) {
            return refuse(&format!("sample {beyond} of {}", self.n_samples()));
        }
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

    /// Writes the rows that were appended. Where that fails they stay in memory, and [`not_kept`](Self::not_kept) says why.
    pub fn flush(&mut self) {
        if self.pending.positions.is_empty() {
            return;
        }
        self.copy_to_repeated();
        self.round();
        if self.not_kept.is_some() {
            return;
        }
        if let Err(error) = self.write() {
            self.not_kept = Some(one_line(&error));
        }
    }

    /// Rounds what is about to be written to the precision of the store, for those who read it from memory after a failure.
    fn round(&mut self) {
        let pending = &mut self.pending;
        let features = &mut pending.features[pending.rounded..];
        if self.store.options.precision == CachePrecision::F16 && features.iter().all(|&x| fits_half(x)) {
            for x in features {
                *x = f16::from_f32(*x).to_f32();
            }
        }
        pending.rounded = pending.features.len();
    }

    fn write(&mut self) -> Result<(), Error> {
        let Some(columns) = self.columns else { return Ok(()) };
        let pending = &self.pending;
        let digests: Vec<Digest> = pending
            .positions
            .iter()
            .map(|&position| self.wanted.digest(position))
            .collect();
        let block = Block {
            features: &pending.features,
            logits: Some(&pending.logits),
            valid: Some(&pending.valid),
        };
        let precision = self.store.options.precision;
        let (bytes, layout) = encode(&self.key, &pending.engine, precision, &digests, columns, &block);
        self.store.make_room(bytes.len() as u64, &self.folder)?;
        let path = self.folder.join(new_name());
        let file = fs::create_dir_all(&self.folder)
            .and_then(|()| write_atomically(&path, &bytes))
            .and_then(|()| File::open(&path))
            .map_err(|error| io_error("cannot write", &path, error))?;
        self.seen.extend(path.file_name().map(std::ffi::OsStr::to_owned));
        self.add_segment((path, file), layout, true);
        let segment = (self.segments.len() - 1) as u32;
        for (row, &position) in self.pending.positions.iter().enumerate() {
            self.places[position] = Place::Stored {
                segment,
                row: row as u32,
            };
        }
        let pending = &mut self.pending;
        pending.written.push(Written {
            segment,
            engine: pending.engine.clone(),
            positions: std::mem::take(&mut pending.positions),
        });
        pending.clear();
        Ok(())
    }

    /// Writes the rows that were appended, and joins the small segments that this process has written: a slow model leaves one every
    /// few seconds. A process that is killed in between leaves some rows twice.
    pub fn finish(&mut self) {
        self.flush();
        if self.not_kept.is_some() {
            return;
        }
        let columns = self.columns.unwrap_or(Columns { d: 0, z: 0 });
        let size = |written: &Written| written.positions.len() * 4 * (columns.d + columns.z);
        let mut group: Vec<Written> = Vec::new();
        for written in std::mem::take(&mut self.pending.written) {
            if size(&written) >= FULL / 2 {
                continue;
            }
            let is_other = group.first().is_some_and(|first| first.engine != written.engine);
            if is_other || group.iter().map(size).sum::<usize>() >= FULL {
                self.join(std::mem::take(&mut group));
            }
            group.push(written);
        }
        self.join(group);
        self.pending.written.clear();
    }

    /// Writes the rows of these segments, of one engine, as one. What fails leaves them as they are.
    fn join(&mut self, group: Vec<Written>) {
        let [first, _, ..] = &group[..] else { return };
        let engine = first.engine.clone();
        let positions: Vec<usize> = group.iter().flat_map(|written| &written.positions).copied().collect();
        let (mut features, mut logits) = (Vec::new(), Vec::new());
        for &position in &positions {
            let range = position..position + 1;
            let read = self
                .read_row(position, Part::Features, &mut features, &range)
                .and_then(|()| self.read_row(position, Part::Logits, &mut logits, &range));
            if read.is_err() {
                return;
            }
        }
        self.pending.valid = positions.iter().map(|&position| self.valid[position]).collect();
        (self.pending.features, self.pending.logits) = (features, logits);
        (self.pending.positions, self.pending.engine) = (positions, engine);
        if self.write().is_err() {
            self.pending.positions.clear();
            self.pending.clear();
            return;
        }
        for Written { segment, .. } in group {
            let _ = fs::remove_file(&self.segments[segment as usize].path);
        }
    }
}

/// A name that sorts by time and that no other process or thread gives.
fn new_name() -> String {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let (process, count) = (std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed));
    format!("{:016x}-{process:x}-{count:x}.{SEGMENT}", since.as_nanos() as u64)
}
