//! Sentences of words, with one prediction per word.

use std::path::PathBuf;

use ranktune_core::digest::FieldHasher;

use super::{DataKind, Inputs, Modality, pick};
use crate::{Digest, Result};

/// Sentences as lists of words.
#[derive(Clone, Debug, PartialEq)]
pub struct Sentences {
    /// `[n]` lists.
    pub words: Vec<Vec<String>>,
}

impl Modality for Sentences {
    fn kind(&self) -> DataKind {
        DataKind::Sentences
    }

    fn len(&self) -> usize {
        self.words.len()
    }

    fn check(&self) -> Result<()> {
        Ok(())
    }

    fn select(&self, indices: &[usize]) -> Inputs {
        Inputs::sentences(pick(&self.words, indices))
    }

    fn digest(&self, i: usize) -> Digest {
        let words = &self.words[i];
        let mut hasher = FieldHasher::new("ranktune sentence input 1");
        hasher.number(words.len() as u64);
        words.iter().for_each(|word| hasher.text(word));
        hasher.finish()
    }

    fn place(&self, i: usize) -> PathBuf {
        format!("sentence {}", i + 1).into()
    }
}
