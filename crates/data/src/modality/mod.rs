//! Modalities: the kinds of input that models take, one file each.
//!
//! A new modality is a file beside this one whose type implements `Modality`, and a variant of [`Inputs`] with its line in
//! `Inputs::modality`. Other code asks [`Inputs`] and [`DataKind`] instead of matching variants; only code that has to look at the
//! inputs themselves (a tokenizer, an image decoder) takes the type of its own modality, through [`Inputs::as_images`] and the
//! like. [`Inputs`] is exhaustive: a `match` that has to handle a new modality does not compile until it does.

mod images;
mod kind;
mod sentences;
mod texts;

use std::path::PathBuf;

use crate::{Digest, Result};

pub use images::Images;
pub(crate) use images::view_digest;
pub use kind::DataKind;
pub use sentences::Sentences;
pub use texts::Texts;

/// The inputs of `n` samples.
#[derive(Clone, Debug, PartialEq)]
pub enum Inputs {
    /// Image files, or views of them.
    Images(Images),
    /// Texts, or pairs of texts.
    Texts(Texts),
    /// Sentences of words, each word with a prediction of its own.
    Sentences(Sentences),
}

/// What every modality answers about its inputs.
trait Modality {
    /// The kind of the inputs.
    fn kind(&self) -> DataKind;

    /// Number of inputs, `n`.
    fn len(&self) -> usize;

    /// Whether the parts of the inputs match.
    ///
    /// # Errors
    /// `Invalid` with the lengths that differ.
    fn check(&self) -> Result<()>;

    /// The inputs at `indices`, in their order.
    fn select(&self, indices: &[usize]) -> Inputs;

    /// The digest of the content of input `i`.
    fn digest(&self, i: usize) -> Digest;

    /// What errors call input `i`: its file, or its number.
    fn place(&self, i: usize) -> PathBuf;

    /// Why input `i` cannot be read, if it cannot.
    fn fault(&self, _i: usize) -> Option<String> {
        None
    }
}

impl Inputs {
    /// Images, read from files.
    pub fn images(files: Vec<PathBuf>) -> Self {
        Self::Images(Images { files, views: None })
    }

    /// One text per sample.
    pub fn texts(texts: Vec<String>) -> Self {
        Self::Texts(Texts {
            first: texts,
            second: None,
        })
    }

    /// A pair of texts per sample; both lists have the same length.
    pub fn pairs(first: Vec<String>, second: Vec<String>) -> Self {
        Self::Texts(Texts {
            first,
            second: Some(second),
        })
    }

    /// Sentences of words.
    pub fn sentences(words: Vec<Vec<String>>) -> Self {
        Self::Sentences(Sentences { words })
    }

    fn modality(&self) -> &dyn Modality {
        match self {
            Self::Images(images) => images,
            Self::Texts(texts) => texts,
            Self::Sentences(sentences) => sentences,
        }
    }

    /// The kind of the inputs.
    pub fn kind(&self) -> DataKind {
        self.modality().kind()
    }

    /// Number of inputs, `n`; for tagged words the number of sentences.
    pub fn len(&self) -> usize {
        self.modality().len()
    }

    /// Whether there are no inputs.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn check(&self) -> Result<()> {
        self.modality().check()
    }

    /// The inputs at `indices`, in their order.
    ///
    /// # Panics
    /// If an index is not below `n`.
    #[must_use]
    pub fn select(&self, indices: &[usize]) -> Self {
        self.modality().select(indices)
    }

    /// The digest of the content of input `i`, whatever its target.
    ///
    /// # Panics
    /// If `i` is not below `n`.
    pub fn digest(&self, i: usize) -> Digest {
        self.modality().digest(i)
    }

    /// What errors call input `i`: its file, or its number (`text 3`).
    ///
    /// # Panics
    /// If `i` is not below `n`.
    pub fn place(&self, i: usize) -> PathBuf {
        self.modality().place(i)
    }

    /// Why input `i` cannot be read, if it cannot. Reads the file of an image.
    ///
    /// # Panics
    /// If `i` is not below `n`.
    pub fn fault(&self, i: usize) -> Option<String> {
        self.modality().fault(i)
    }

    /// The inputs as images, or `None` for another modality.
    pub fn as_images(&self) -> Option<&Images> {
        match self {
            Self::Images(images) => Some(images),
            _ => None,
        }
    }

    /// The inputs as texts, or `None` for another modality.
    pub fn as_texts(&self) -> Option<&Texts> {
        match self {
            Self::Texts(texts) => Some(texts),
            _ => None,
        }
    }

    /// The inputs as sentences of words, or `None` for another modality.
    pub fn as_sentences(&self) -> Option<&Sentences> {
        match self {
            Self::Sentences(sentences) => Some(sentences),
            _ => None,
        }
    }

    /// The image files, `[n]`, or `None` for another modality.
    pub fn files(&self) -> Option<&[PathBuf]> {
        self.as_images().map(|images| images.files.as_slice())
    }
}

/// Clones of the values at `indices`.
pub(crate) fn pick<T: Clone>(values: &[T], indices: &[usize]) -> Vec<T> {
    indices.iter().map(|&index| values[index].clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every_modality() -> Vec<Inputs> {
        let texts = |prefix: &str| (0..4).map(|i| format!("{prefix} {i}")).collect::<Vec<_>>();
        let files: Vec<PathBuf> = (0..4).map(|i| PathBuf::from(format!("/nowhere/{i}.png"))).collect();
        vec![
            Inputs::images(files.clone()),
            Inputs::Images(Images {
                files,
                views: Some(vec![None; 4]),
            }),
            Inputs::texts(texts("a")),
            Inputs::pairs(texts("a"), texts("b")),
            Inputs::sentences((0..4).map(|i| vec!["word".to_owned(); i + 1]).collect()),
        ]
    }

    #[test]
    fn every_modality_keeps_kind_digest_and_place_of_a_selected_input() {
        for inputs in every_modality() {
            let selected = inputs.select(&[3, 1, 3]);
            assert_eq!((selected.len(), selected.kind()), (3, inputs.kind()));
            assert!(selected.check().is_ok(), "{selected:?}");
            for (to, from) in [(0, 3), (1, 1), (2, 3)] {
                assert_eq!(selected.digest(to), inputs.digest(from), "{inputs:?}");
            }
            assert_eq!(selected.place(0) == selected.place(2), inputs.files().is_some());
        }
    }

    #[test]
    fn every_modality_tells_its_inputs_apart_by_their_digests() {
        let digests: std::collections::HashSet<Digest> = every_modality()
            .iter()
            .flat_map(|inputs| (0..inputs.len()).map(|i| inputs.digest(i)))
            .collect();
        // An image without a view has the digest of its file.
        assert_eq!(digests.len(), 4 * every_modality().len() - 4);
    }

    #[test]
    fn exactly_one_type_answers_for_an_input() {
        for inputs in every_modality() {
            let found = [
                inputs.as_images().is_some(),
                inputs.as_texts().is_some(),
                inputs.as_sentences().is_some(),
            ];
            assert_eq!(found.iter().filter(|found| **found).count(), 1, "{inputs:?}");
            assert_eq!(inputs.fault(0).is_some(), inputs.kind() == DataKind::Images);
        }
    }

    #[test]
    fn parts_of_different_lengths_are_refused() {
        let pairs = Inputs::pairs(vec![String::new(); 2], vec![String::new(); 3]);
        assert_eq!(
            pairs.check().unwrap_err().to_string(),
            "there are 2 first texts but 3 second texts"
        );
        let views = Inputs::Images(Images {
            files: vec![PathBuf::new()],
            views: Some(Vec::new()),
        });
        assert_eq!(
            views.check().unwrap_err().to_string(),
            "there are 1 image files but 0 views"
        );
    }
}
