//! Texts, and pairs of texts.

use std::path::PathBuf;

use ranktune_core::digest::FieldHasher;

use super::{DataKind, Inputs, Modality, pick};
use crate::{Digest, Error, Result};

/// One text a sample, or a pair of texts.
#[derive(Clone, Debug, PartialEq)]
pub struct Texts {
    /// `[n]`
    pub first: Vec<String>,
    /// `[n]`; `None` if the samples are single texts.
    pub second: Option<Vec<String>>,
}

impl Modality for Texts {
    fn kind(&self) -> DataKind {
        if self.second.is_some() {
            return DataKind::TextPairs;
        }
        DataKind::Texts
    }

    fn len(&self) -> usize {
        self.first.len()
    }

    fn check(&self) -> Result<()> {
        let (first, second) = (self.first.len(), self.second.as_ref().map(Vec::len));
        if let Some(second) = second.filter(|second| *second != first) {
            let message = format!("there are {first} first texts but {second} second texts");
            return Err(Error::invalid(message));
        }
        Ok(())
    }

    fn select(&self, indices: &[usize]) -> Inputs {
        Inputs::Texts(Self {
            first: pick(&self.first, indices),
            second: self.second.as_ref().map(|second| pick(second, indices)),
        })
    }

    fn digest(&self, i: usize) -> Digest {
        let mut hasher = FieldHasher::new("ranktune text input 1");
        hasher.text(&self.first[i]);
        if let Some(second) = &self.second {
            hasher.text(&second[i]);
        }
        hasher.finish()
    }

    fn place(&self, i: usize) -> PathBuf {
        format!("text {}", i + 1).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_of_texts_is_not_its_concatenation() {
        let pair = |first: &str, second: &str| Inputs::pairs(vec![first.to_owned()], vec![second.to_owned()]);
        assert_ne!(pair("ab", "c").digest(0), pair("a", "bc").digest(0));
    }
}
