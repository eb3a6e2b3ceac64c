//! The targets: one for each kind of file that comes from others.

mod answers;
mod arrays;
mod checkpoints;
mod configs;
mod documents;
mod images;
mod models;
mod parquet_files;
mod statistics;
mod store;
mod tables;
mod texts;

use crate::outcome::Outcome;
use crate::scratch::Scratch;
use crate::{Mutator, seeds};

/// A parser of foreign bytes.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name, of lower-case letters and `_`.
    pub name: &'static str,
    /// What it reads.
    pub about: &'static str,
    /// Words that mean something in its format, for the mutator.
    words: &'static [&'static str],
    /// Valid files.
    seeds: fn() -> Vec<Vec<u8>>,
    /// Reads an input as the program would.
    run: fn(&[u8], &Scratch) -> Outcome,
}

impl Target {
    /// The target of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        TARGETS.iter().find(|target| target.name == name)
    }

    /// Reads an input as the program would.
    pub fn run(&self, bytes: &[u8], scratch: &Scratch) -> Outcome {
        (self.run)(bytes, scratch)
    }

    /// Valid files, and those that once made the target fail.
    pub fn seeds(&self) -> Vec<Vec<u8>> {
        let mut seeds = (self.seeds)();
        seeds.extend(seeds::corpus(self.name));
        seeds
    }

    /// A mutator over [`seeds`](Self::seeds).
    pub fn mutator(&self, seed: u64) -> Mutator {
        Mutator::new(self.seeds(), self.words, seed)
    }
}

/// Every target.
pub const TARGETS: &[Target] = &[
    models::ONNX,
    models::EXTERNAL,
    models::ENGINE,
    arrays::NPY,
    arrays::NPZ,
    arrays::SAFETENSORS,
    parquet_files::PARQUET,
    tables::CSV,
    tables::JSONL,
    tables::JSON,
    tables::CONLL,
    images::JPEG,
    images::PNG,
    images::WEBP,
    images::GIF,
    images::BMP,
    images::TIFF,
    images::PNM,
    texts::TOKENIZER,
    texts::TEXT_SETTINGS,
    configs::CONFIG,
    configs::PREPROCESSOR,
    configs::CARD,
    configs::MANIFEST,
    statistics::STATISTICS,
    store::STORE,
    checkpoints::CHECKPOINT,
    answers::LISTING,
    answers::SEARCH,
    documents::RECORD,
    documents::RECORD_CSV,
    documents::RANKING,
];
