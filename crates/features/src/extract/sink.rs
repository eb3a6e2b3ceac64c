//! Where extracted rows go: the store, or memory where there is no store.

use std::ops::Range;

use crate::store::{Block, Reader, Writer};
use crate::{Error, ErrorKind};

/// A model's features on a data set, or on its first rows.
#[derive(Debug)]
pub struct Features {
    kind: Kind,
    rows: usize,
}

#[derive(Debug)]
enum Kind {
    Stored(Box<Reader>),
    Memory(Memory),
}

/// Rows kept in memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory {
    columns: usize,
    /// Rows of which features and logits are gone.
    forgotten: usize,
    features: Vec<f32>,
    logits: Option<Vec<f32>>,
    valid: Vec<bool>,
}

impl Features {
    pub(crate) fn stored(reader: Reader) -> Self {
        Self {
            rows: reader.n_rows(),
            kind: Kind::Stored(Box::new(reader)),
        }
    }

    fn memory(memory: Memory) -> Self {
        Self {
            rows: memory.valid.len(),
            kind: Kind::Memory(memory),
        }
    }

    /// Looks at the first `rows` rows only, or again at more of them.
    pub fn take_rows(&mut self, rows: usize) {
        let all = match &self.kind {
            Kind::Stored(reader) => reader.n_rows(),
            Kind::Memory(memory) => memory.valid.len(),
        };
        self.rows = rows.min(all);
    }

    /// Rows, `n`, those of unreadable samples too.
    pub fn n_rows(&self) -> usize {
        self.rows
    }

    /// Features of a row, `d`.
    pub fn n_features(&self) -> usize {
        match &self.kind {
            Kind::Stored(reader) => reader.n_features(),
            Kind::Memory(memory) => memory.columns,
        }
    }

    /// Which rows hold features, `[n]`; the others stand for samples that could not be read.
    pub fn valid(&self) -> &[bool] {
        let valid = match &self.kind {
            Kind::Stored(reader) => reader.valid(),
            Kind::Memory(memory) => &memory.valid,
        };
        &valid[..self.rows]
    }

    /// The features of the valid rows, `[valid, d]`.
    ///
    /// # Errors
    /// The store's, where they are read from it.
    pub fn features(&mut self) -> Result<Vec<f32>, Error> {
        self.features_of(0..self.rows)
    }

    /// The features of the valid ones of `rows`, `[valid, d]`.
    ///
    /// # Errors
    /// The store's, where they are read from it; [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) for rows that are not there.
    pub fn features_of(&mut self, rows: Range<usize>) -> Result<Vec<f32>, Error> {
        let columns = self.n_features();
        let part = match &mut self.kind {
            Kind::Memory(memory) => rows
                .start
                .checked_sub(memory.forgotten)
                .and_then(|begin| memory.features.get(begin * columns..(begin + rows.len()) * columns))
                .ok_or_else(|| Error::new(ErrorKind::InvalidInput, format!("rows {rows:?} were asked for")))?
                .to_vec(),
            Kind::Stored(reader) => {
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
    /// The store's, where they are read from it.
    pub fn logits(&mut self) -> Result<Option<(Vec<f32>, usize)>, Error> {
        self.logits_of(0..self.rows)
    }

    /// The logits of the valid ones of `rows`, `[valid, z]`, with `z`; `None` for a model without a classifier.
    ///
    /// # Errors
    /// As [`Features::features_of`].
    pub fn logits_of(&mut self, rows: Range<usize>) -> Result<Option<(Vec<f32>, usize)>, Error> {
        let all = match &mut self.kind {
            Kind::Memory(memory) => match &memory.logits {
                None => None,
                Some(logits) => {
                    let columns = logits.len() / (memory.valid.len() - memory.forgotten).max(1);
                    let part = rows.start.checked_sub(memory.forgotten);
                    let part = part.and_then(|begin| logits.get(begin * columns..(begin + rows.len()) * columns));
                    let missing = || Error::new(ErrorKind::InvalidInput, format!("rows {rows:?} were asked for"));
                    Some(part.ok_or_else(missing)?.to_vec())
                }
            },
            Kind::Stored(reader) => match reader.n_logits() {
                None => None,
                Some(_) => {
                    let mut logits = Vec::new();
                    reader.read_logits(rows.clone(), &mut logits)?;
                    Some(logits)
                }
            },
        };
        Ok(all.map(|all| {
            let columns = all.len() / rows.len().max(1);
            (only_valid(all, columns, &self.valid()[rows]), columns)
        }))
    }
}

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
    Memory(Memory),
}

impl Sink {
    pub(crate) fn memory() -> Self {
        Self::Memory(Memory::default())
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
            memory.forgotten = memory.valid.len();
            memory.features.clear();
            if let Some(logits) = &mut memory.logits {
                logits.clear();
            }
        }
    }

    /// The rows that are there.
    pub(crate) fn so_far(&self) -> Result<Features, Error> {
        Ok(match self {
            Self::Store(writer) => Features::stored(writer.so_far()?),
            Self::Memory(memory) => Features::memory(memory.clone()),
        })
    }

    pub(crate) fn finish(self) -> Result<Features, Error> {
        Ok(match self {
            Self::Store(writer) => Features::stored(writer.finish()?),
            Self::Memory(memory) => Features::memory(memory),
        })
    }
}
