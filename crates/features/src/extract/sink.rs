//! Where extracted rows go: the store, or memory where there is no store.

use std::ops::Range;

use crate::Error;
use crate::store::{Block, Reader, Writer};

/// A model's features on a data set, complete.
#[derive(Debug)]
pub struct Features(Kind);

#[derive(Debug)]
enum Kind {
    Stored(Box<Reader>),
    Memory(Memory),
}

/// Rows kept in memory.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    columns: usize,
    features: Vec<f32>,
    logits: Option<Vec<f32>>,
    valid: Vec<bool>,
}

impl Features {
    pub(crate) fn stored(reader: Reader) -> Self {
        Self(Kind::Stored(Box::new(reader)))
    }

    /// Rows, `n`, those of unreadable samples too.
    pub fn n_rows(&self) -> usize {
        self.valid().len()
    }

    /// Features of a row, `d`.
    pub fn n_features(&self) -> usize {
        match &self.0 {
            Kind::Stored(reader) => reader.n_features(),
            Kind::Memory(memory) => memory.columns,
        }
    }

    /// Which rows hold features, `[n]`; the others stand for samples that could not be read.
    pub fn valid(&self) -> &[bool] {
        match &self.0 {
            Kind::Stored(reader) => reader.valid(),
            Kind::Memory(memory) => &memory.valid,
        }
    }

    /// The features of the valid rows, `[valid, d]`.
    ///
    /// # Errors
    /// The store's, where they are read from it.
    pub fn features(&mut self) -> Result<Vec<f32>, Error> {
        let columns = self.n_features();
        let all = match &mut self.0 {
            Kind::Memory(memory) => memory.features.clone(),
            Kind::Stored(reader) => {
                let mut rows = Vec::new();
                reader.read_features(0..reader.n_rows(), &mut rows)?;
                rows
            }
        };
        Ok(self.only_valid(all, columns))
    }

    /// The logits of the valid rows, `[valid, z]`, with `z`; `None` for a model without a classifier.
    ///
    /// # Errors
    /// The store's, where they are read from it.
    pub fn logits(&mut self) -> Result<Option<(Vec<f32>, usize)>, Error> {
        let rows = self.n_rows();
        let all = match &mut self.0 {
            Kind::Memory(memory) => memory.logits.clone(),
            Kind::Stored(reader) => match reader.n_logits() {
                None => None,
                Some(_) => {
                    let mut logits = Vec::new();
                    reader.read_logits(0..rows, &mut logits)?;
                    Some(logits)
                }
            },
        };
        Ok(all.map(|all| {
            let columns = all.len() / rows.max(1);
            (self.only_valid(all, columns), columns)
        }))
    }

    fn only_valid(&self, mut rows: Vec<f32>, columns: usize) -> Vec<f32> {
        let mut kept = 0;
        for (row, _) in self.valid().iter().enumerate().filter(|(_, valid)| **valid) {
            rows.copy_within(row * columns..(row + 1) * columns, kept * columns);
            kept += 1;
        }
        rows.truncate(kept * columns);
        rows
    }
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

    pub(crate) fn finish(self) -> Result<Features, Error> {
        Ok(match self {
            Self::Store(writer) => Features::stored(writer.finish()?),
            Self::Memory(memory) => Features(Kind::Memory(memory)),
        })
    }
}
