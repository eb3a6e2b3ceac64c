//! The samples of one part of a data set, as a model's input side reads them.

use std::ops::Range;
use std::path::PathBuf;

use ranktune_data::Inputs;

use super::images::{self, Images};
use super::text::Texts;

/// All samples of a data set: what a part is taken from.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a>(&'a Inputs);

/// A part of them.
pub(crate) enum Samples<'a> {
    /// Images, decoded as they are asked for.
    Images(Images<'a>),
    /// Texts, which are tokenized for each model.
    Texts(Texts<'a>),
    /// Sentences, all of the data set.
    Sentences(&'a [Vec<String>]),
}

impl<'a> Source<'a> {
    /// The samples of `inputs`.
    pub(crate) fn new(inputs: &'a Inputs) -> Self {
        Self(inputs)
    }

    /// Number of samples.
    pub(crate) fn len(self) -> usize {
        self.0.len()
    }

    /// What samples are called.
    pub(crate) fn noun(self) -> &'static str {
        self.0.kind().noun()
    }

    /// Parts of the data set that fit in memory ready to be prepared, in order. Texts are in memory already: one part.
    pub(crate) fn parts(self) -> Vec<Range<usize>> {
        match self.0.files() {
            Some(files) => images::parts(files),
            None => std::iter::once(0..self.len()).collect(),
        }
    }

    /// The samples at `range`.
    pub(crate) fn part(self, range: Range<usize>) -> Samples<'a> {
        match self.0 {
            Inputs::Images(images) => Samples::Images(Images::new(images, range)),
            Inputs::Texts(texts) => Samples::Texts(Texts {
                range,
                first: &texts.first,
                second: texts.second.as_deref(),
            }),
            Inputs::Sentences(sentences) => Samples::Sentences(&sentences.words),
        }
    }

    /// Where the sample at `row` is.
    pub(crate) fn place(self, row: usize) -> PathBuf {
        self.0.place(row)
    }

    /// Why the sample at `row` cannot be read, if it cannot.
    pub(crate) fn fault(self, row: usize) -> Option<String> {
        self.0.fault(row)
    }
}

impl Samples<'_> {
    /// Positions in the data set.
    pub(crate) fn range(&self) -> Range<usize> {
        match self {
            Self::Images(images) => images.range(),
            Self::Texts(texts) => texts.range.clone(),
            Self::Sentences(sentences) => 0..sentences.len(),
        }
    }

    /// What they are called.
    pub(crate) fn noun(&self) -> &'static str {
        match self {
            Self::Images(_) => "images",
            Self::Texts(_) => "texts",
            Self::Sentences(_) => "sentences",
        }
    }
}
