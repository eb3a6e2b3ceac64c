//! Where extracted rows go: the store, or memory without one.
//!
//! Readers share the rows in memory. They would be copied only if rows were appended while a reader still held them, which
//! [`Extractor::look`](super::Extractor::look) rules out.

use std::ops::Range;
use std::sync::Arc;

use crate::store::{Block, Reader, Writer};
use crate::{Error, ErrorKind};

/// A model's features on a data set, or on its first rows.
#[derive(Debug)]
pub struct ExtractedFeatures {
    place: Place,
    rows: usize,
}

#[derive(Debug)]
enum Place {
    Stored(Box<Reader>),
    Memory(Arc<Memory>),
}

/// Rows kept in memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory {
    columns: usize,
    /// Number of leading rows whose features and logits were dropped.
    forgotten: usize,
    features: Vec<f32>,
    logits: Option<Vec<f32>>,
    valid: Vec<bool>,
}

impl Memory {
    /// The values of `rows` in `values`, which holds `columns` numbers for every row that was not dropped.
    fn values_of<'a>(&self, values: &'a [f32], columns: usize, rows: &Range<usize>) -> Result<&'a [f32], Error> {
        let begin = rows.start.checked_sub(self.forgotten);
        begin
            .and_then(|begin| values.get(begin * columns..(begin + rows.len()) * columns))
            .ok_or_else(|| {
                let held = self.forgotten..self.valid.len();
                let message = format!("rows {rows:?} of features were requested, only {held:?} are in memory");
                Error::new(ErrorKind::InvalidInput, message)
            })
    }

    /// Logits of a row, `z`.
    fn n_logits(&self, logits: &[f32]) -> usize {
        logits.len() / (self.valid.len() - self.forgotten).max(1)
    }
}

impl ExtractedFeatures {
    pub(crate) fn stored(reader: Reader) -> Self {
        Self {
            rows: reader.n_rows(),
            place: Place::Stored(Box::new(reader)),
        }
    }

    fn memory(memory: Arc<Memory>) -> Self {
        Self {
            rows: memory.valid.len(),
            place: Place::Memory(memory),
        }
    }

    /// Why the features are not in the cache, if they were to be kept and could not be.
    pub(crate) fn not_kept(&self) -> Option<&str> {
        match &self.place {
            Place::Stored(reader) => reader.not_kept(),
            Place::Memory(_) => None,
        }
    }

    /// Restricts the features to the first `rows` rows, or to all rows if there are fewer.
    pub fn take_rows(&mut self, rows: usize) {
        let all = match &self.place {
            Place::Stored(reader) => reader.n_rows(),
            Place::Memory(memory) => memory.valid.len(),
        };
        self.rows = rows.min(all);
    }

    /// Number of rows, `n`, including those of unreadable samples.
    pub fn n_rows(&self) -> usize {
        self.rows
    }

    /// Number of features in a row, `d`.
    pub fn n_features(&self) -> usize {
        match &self.place {
            Place::Stored(reader) => reader.n_features(),
            Place::Memory(memory) => memory.columns,
        }
    }

    /// Which rows hold features, `[n]`; the others belong to samples that could not be read.
    pub fn valid(&self) -> &[bool] {
        let valid = match &self.place {
            Place::Stored(reader) => reader.valid(),
            Place::Memory(memory) => &memory.valid,
        };
        &valid[..self.rows]
    }

    /// The features of the valid rows, `[valid, d]`.
    ///
    /// # Errors
    /// As [`features_of`](Self::features_of).
    pub fn features(&mut self) -> Result<Vec<f32>, Error> {
        self.features_of(0..self.rows)
    }

    /// The features of the valid rows among `rows`, `[valid, d]`.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] if the store cannot be read; [`ErrorKind::InvalidInput`] for rows that do not exist or were dropped.
    pub fn features_of(&mut self, rows: Range<usize>) -> Result<Vec<f32>, Error> {
        let columns = self.n_features();
        let part = match &mut self.place {
            Place::Memory(memory) => memory.values_of(&memory.features, columns, &rows)?.to_vec(),
            Place::Stored(reader) => {
                let mut part = Vec::new();
                reader.read_features(rows.clone(), &mut part)?;
                part
            }
        };
        Ok(only_valid(part, columns, &self.valid()[rows]))
    }

    /// The logits of the valid rows, `[valid, z]`, with `z`; `None` for a model without a classifier.
    ///
    /// # Errors
    /// As [`features_of`](Self::features_of).
    pub fn logits(&mut self) -> Result<Option<(Vec<f32>, usize)>, Error> {
        self.logits_of(0..self.rows)
    }

    /// The logits of the valid rows among `rows`, `[valid, z]`, with `z`; `None` for a model without a classifier.
    ///
    /// # Errors
    /// As [`features_of`](Self::features_of).
    pub fn logits_of(&mut self, rows: Range<usize>) -> Result<Option<(Vec<f32>, usize)>, Error> {
        let part = match &mut self.place {
            Place::Memory(memory) => {
                let Some(logits) = &memory.logits else { return Ok(None) };
                memory.values_of(logits, memory.n_logits(logits), &rows)?.to_vec()
            }
            Place::Stored(reader) => {
                if reader.n_logits().is_none() {
                    return Ok(None);
                }
                let mut part = Vec::new();
                reader.read_logits(rows.clone(), &mut part)?;
                part
            }
        };
        let columns = part.len() / rows.len().max(1);
        Ok(Some((only_valid(part, columns, &self.valid()[rows]), columns)))
    }
}

/// Removes the rows that are not valid.
fn only_valid(mut rows: Vec<f32>, columns: usize, valid: &[bool]) -> Vec<f32> {
    let mut kept = 0;
    for (row, _) in valid.iter().enumerate().filter(|(_, valid)| **valid) {
        rows.copy_within(row * columns..(row + 1) * columns, kept * columns);
        kept += 1;
    }
    rows.truncate(kept * columns);
    rows
}

/// Takes a model's rows, in order.
#[derive(Debug)]
pub(crate) enum Sink {
    Store(Box<Writer>),
    Memory(Arc<Memory>),
}

impl Sink {
    pub(crate) fn memory() -> Self {
        Self::Memory(Arc::default())
    }

    pub(crate) fn rows_done(&self) -> usize {
        match self {
            Self::Store(writer) => writer.rows_done(),
            Self::Memory(memory) => memory.valid.len(),
        }
    }

    /// Appends the rows at `rows`.
    pub(crate) fn append(&mut self, rows: &Range<usize>, block: &Block<'_>) -> Result<(), Error> {
        match self {
            Self::Store(writer) => writer.append(rows.len(), block),
            Self::Memory(memory) => {
                let memory = Arc::make_mut(memory);
                memory.columns = block.features.len() / rows.len().max(1);
                memory.features.extend_from_slice(block.features);
                if let Some(logits) = block.logits {
                    memory.logits.get_or_insert_default().extend_from_slice(logits);
                }
                match block.valid {
                    Some(valid) => memory.valid.extend_from_slice(valid),
                    None => memory.valid.extend(rows.clone().map(|_| true)),
                }
                Ok(())
            }
        }
    }

    /// Drops features and logits that are held in memory.
    pub(crate) fn forget(&mut self) {
        if let Self::Memory(memory) = self {
            let memory = Arc::make_mut(memory);
            memory.forgotten = memory.valid.len();
            memory.features.clear();
            if let Some(logits) = &mut memory.logits {
                logits.clear();
            }
        }
    }

    /// The rows appended so far. Rows in memory are shared, not copied.
    pub(crate) fn so_far(&self) -> Result<ExtractedFeatures, Error> {
        Ok(match self {
            Self::Store(writer) => ExtractedFeatures::stored(writer.so_far()?),
            Self::Memory(memory) => ExtractedFeatures::memory(Arc::clone(memory)),
        })
    }

    /// All rows.
    pub(crate) fn finish(self) -> Result<ExtractedFeatures, Error> {
        Ok(match self {
            Self::Store(writer) => ExtractedFeatures::stored(writer.finish()?),
            Self::Memory(memory) => ExtractedFeatures::memory(memory),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn append(sink: &mut Sink, rows: Range<usize>, features: &[f32], logits: &[f32], valid: &[bool]) {
        let block = Block {
            features,
            logits: Some(logits),
            valid: Some(valid),
        };
        sink.append(&rows, &block).unwrap();
    }

    /// Three rows of two features and one logit; the second row is not valid.
    fn filled() -> Sink {
        let mut sink = Sink::memory();
        append(&mut sink, 0..2, &[1.0, 2.0, 3.0, 4.0], &[10.0, 20.0], &[true, false]);
        append(&mut sink, 2..3, &[5.0, 6.0], &[30.0], &[true]);
        sink
    }

    fn address(sink: &Sink) -> *const f32 {
        match sink {
            Sink::Memory(memory) => memory.features.as_ptr(),
            Sink::Store(_) => panic!("a sink in memory"),
        }
    }

    #[test]
    fn a_look_shares_the_rows_and_the_next_append_does_not_copy_them() {
        let mut sink = filled();
        let looked = sink.so_far().unwrap();
        let Place::Memory(memory) = &looked.place else {
            panic!("features in memory")
        };
        assert_eq!(memory.features.as_ptr(), address(&sink));
        drop(looked);
        let Sink::Memory(memory) = &mut sink else {
            panic!("a sink in memory")
        };
        assert!(Arc::get_mut(memory).is_some(), "nothing holds the rows after the look");
    }

    #[test]
    fn only_valid_rows_of_the_range_are_returned() {
        let mut features = filled().finish().unwrap();
        assert_eq!(features.features().unwrap(), [1.0, 2.0, 5.0, 6.0]);
        assert_eq!(features.features_of(1..3).unwrap(), [5.0, 6.0]);
        assert_eq!(features.logits_of(0..2).unwrap(), Some((vec![10.0], 1)));
        features.take_rows(2);
        assert_eq!((features.n_rows(), features.valid()), (2, &[true, false][..]));
        assert_eq!(features.logits().unwrap(), Some((vec![10.0], 1)));
    }

    #[test]
    fn dropped_rows_are_an_error_and_later_ones_are_not() {
        let mut sink = filled();
        sink.forget();
        append(&mut sink, 3..4, &[7.0, 8.0], &[40.0], &[true]);
        let mut features = sink.so_far().unwrap();
        assert_eq!(features.features_of(3..4).unwrap(), [7.0, 8.0]);
        assert_eq!(features.logits_of(3..4).unwrap(), Some((vec![40.0], 1)));
        let error = features.features_of(2..4).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains("only 3..4 are in memory"), "{error}");
    }
}
