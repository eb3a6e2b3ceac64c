//! The features of a model: in the store, or in memory without one.

use std::ops::Range;

use crate::store::{Block, Rows};
use crate::{Error, ErrorKind};

/// A model's features on a data set, or on its first rows.
#[derive(Debug)]
pub struct ExtractedFeatures {
    place: Place,
    rows: usize,
}

#[derive(Debug)]
enum Place {
    Stored(Box<Rows>),
    Memory(Memory),
}

/// Rows kept in memory.
#[derive(Debug, Default)]
struct Memory {
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
    /// The rows of a store, as far as it has them.
    pub(super) fn stored(mut rows: Rows) -> Self {
        Self {
            rows: rows.leading(),
            place: Place::Stored(Box::new(rows)),
        }
    }

    /// None yet, to be kept in memory.
    pub(super) fn memory() -> Self {
        Self {
            rows: 0,
            place: Place::Memory(Memory::default()),
        }
    }

    /// Whether the rows are to be kept in a store.
    pub(super) fn is_stored(&self) -> bool {
        matches!(self.place, Place::Stored(_))
    }

    /// Why the features are not in the cache, if they were to be kept and could not be.
    pub(super) fn not_kept(&self) -> Option<&str> {
        match &self.place {
            Place::Stored(rows) => rows.not_kept(),
            Place::Memory(_) => None,
        }
    }

    /// Number of leading samples that have a row.
    pub(super) fn leading(&mut self) -> usize {
        match &mut self.place {
            Place::Stored(rows) => rows.leading(),
            Place::Memory(memory) => memory.valid.len(),
        }
    }

    /// The samples among `range` whose row is missing, after a look at what other processes have written.
    ///
    /// # Errors
    /// Those of the store.
    pub(super) fn missing(&mut self, range: Range<usize>) -> Result<Vec<usize>, Error> {
        match &mut self.place {
            Place::Stored(rows) => {
                rows.refresh()?;
                Ok(rows.missing(range))
            }
            Place::Memory(memory) => Ok((range.start.max(memory.valid.len())..range.end).collect()),
        }
    }

    /// Adds the rows of the samples at `positions`, which `engine` made. In memory they must follow those before.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for a block of another size.
    pub(super) fn append(&mut self, positions: &[usize], block: &Block<'_>, engine: &str) -> Result<(), Error> {
        match &mut self.place {
            Place::Stored(rows) => rows.append(positions, block, engine)?,
            Place::Memory(memory) => {
                memory.columns = block.features.len() / positions.len().max(1);
                memory.features.extend_from_slice(block.features);
                if let Some(logits) = block.logits {
                    memory.logits.get_or_insert_default().extend_from_slice(logits);
                }
                match block.valid {
                    Some(valid) => memory.valid.extend_from_slice(valid),
                    None => memory.valid.extend(positions.iter().map(|_| true)),
                }
            }
        }
        self.rows = self.leading();
        Ok(())
    }

    /// Number of samples whose features are not from the store; equal samples count as often as they occur.
    pub(super) fn n_computed(&self) -> usize {
        match &self.place {
            Place::Stored(rows) => rows.n_appended(),
            Place::Memory(memory) => memory.valid.len(),
        }
    }

    /// Drops features and logits that are held in memory.
    pub(super) fn forget(&mut self) {
        if let Place::Memory(memory) = &mut self.place {
            memory.forgotten = memory.valid.len();
            memory.features.clear();
            if let Some(logits) = &mut memory.logits {
                logits.clear();
            }
        }
    }

    /// Writes to the store what is not written yet.
    pub(super) fn flush(&mut self) {
        if let Place::Stored(rows) = &mut self.place {
            rows.flush();
        }
    }

    /// All rows are there: what was written in parts is put in order.
    pub(super) fn finish(&mut self) {
        if let Place::Stored(rows) = &mut self.place {
            rows.finish();
        }
        self.rows = self.leading();
    }

    /// Restricts the features to the first `rows` rows, or to all rows if there are fewer.
    pub fn take_rows(&mut self, rows: usize) {
        self.flush();
        self.rows = self.leading().min(rows);
    }

    /// Number of rows, `n`, including those of unreadable samples.
    pub fn n_rows(&self) -> usize {
        self.rows
    }

    /// Number of features in a row, `d`.
    pub fn n_features(&self) -> usize {
        match &self.place {
            Place::Stored(rows) => rows.n_features(),
            Place::Memory(memory) => memory.columns,
        }
    }

    /// Which rows hold features, `[n]`; the others belong to samples that could not be read.
    pub fn valid(&self) -> &[bool] {
        let valid = match &self.place {
            Place::Stored(rows) => rows.valid(),
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
            Place::Stored(stored) => {
                let mut part = Vec::new();
                stored.read_features(rows.clone(), &mut part)?;
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
            Place::Stored(stored) => {
                if stored.n_logits().is_none() {
                    return Ok(None);
                }
                let mut part = Vec::new();
                stored.read_logits(rows.clone(), &mut part)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn append(into: &mut ExtractedFeatures, positions: &[usize], (features, logits): (&[f32], &[f32]), valid: &[bool]) {
        let block = Block {
            features,
            logits: Some(logits),
            valid: Some(valid),
        };
        into.append(positions, &block, "rten").unwrap();
    }

    /// Three rows of two features and one logit; the second row is not valid.
    fn filled() -> ExtractedFeatures {
        let mut features = ExtractedFeatures::memory();
        append(
            &mut features,
            &[0, 1],
            (&[1.0, 2.0, 3.0, 4.0], &[10.0, 20.0]),
            &[true, false],
        );
        append(&mut features, &[2], (&[5.0, 6.0], &[30.0]), &[true]);
        features
    }

    #[test]
    fn only_valid_rows_of_the_range_are_returned() {
        let mut features = filled();
        assert_eq!(features.features().unwrap(), [1.0, 2.0, 5.0, 6.0]);
        assert_eq!(features.features_of(1..3).unwrap(), [5.0, 6.0]);
        assert_eq!(features.logits_of(0..2).unwrap(), Some((vec![10.0], 1)));
        features.take_rows(2);
        assert_eq!((features.n_rows(), features.valid()), (2, &[true, false][..]));
        assert_eq!(features.logits().unwrap(), Some((vec![10.0], 1)));
        features.take_rows(9);
        assert_eq!(features.n_rows(), 3, "a look at the first rows loses none");
    }

    #[test]
    fn dropped_rows_are_an_error_and_later_ones_are_not() {
        let mut features = filled();
        features.forget();
        append(&mut features, &[3], (&[7.0, 8.0], &[40.0]), &[true]);
        assert_eq!(features.features_of(3..4).unwrap(), [7.0, 8.0]);
        assert_eq!(features.logits_of(3..4).unwrap(), Some((vec![40.0], 1)));
        let error = features.features_of(2..4).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains("only 3..4 are in memory"), "{error}");
    }
}
