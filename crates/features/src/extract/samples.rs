//! The samples of one part of a data set, as a model's input side reads them.

use std::ops::Range;
use std::path::PathBuf;

use ranktune_data::Inputs;
use ranktune_data::image::decode;

use super::images::{self, Images};
use super::text::Texts;
use crate::{Error, ErrorKind};

/// All samples of a data set, by modality: what a part is taken from.
#[derive(Clone, Copy)]
pub(crate) enum Source<'a> {
    /// Image files, or views of them.
    Images { inputs: &'a Inputs, files: &'a [PathBuf] },
    /// Texts, or pairs of them.
    Texts {
        first: &'a [String],
        second: Option<&'a [String]>,
    },
    /// Sentences of words.
    Sentences(&'a [Vec<String>]),
}

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
    pub(crate) fn new(inputs: &'a Inputs) -> Result<Self, Error> {
        if let Some(files) = inputs.files() {
            return Ok(Self::Images { inputs, files });
        }
        match inputs {
            Inputs::Texts { first, second } => Ok(Self::Texts {
                first,
                second: second.as_deref(),
            }),
            Inputs::Sentences(sentences) => Ok(Self::Sentences(sentences)),
            _ => Err(Error::new(
                ErrorKind::InvalidInput,
                "the data are neither images nor texts",
            )),
        }
    }

    /// Number of samples.
    pub(crate) fn len(self) -> usize {
        match self {
            Self::Images { files, .. } => files.len(),
            Self::Texts { first, .. } => first.len(),
            Self::Sentences(sentences) => sentences.len(),
        }
    }

    /// What samples are called.
    pub(crate) fn noun(self) -> &'static str {
        match self {
            Self::Images { .. } => "images",
            Self::Texts { .. } => "texts",
            Self::Sentences(_) => "sentences",
        }
    }

    /// Parts of the data set that fit in memory ready to be prepared, in order.
    pub(crate) fn parts(self) -> Vec<Range<usize>> {
        match self {
            Self::Images { files, .. } => images::parts(files),
            // One part: they are in memory.
            Self::Texts { .. } | Self::Sentences(_) => std::iter::once(0..self.len()).collect(),
        }
    }

    /// The samples at `range`.
    pub(crate) fn part(self, range: Range<usize>) -> Samples<'a> {
        match self {
            Self::Images { inputs, files } => Samples::Images(Images::new(inputs, files, range)),
            Self::Texts { first, second } => Samples::Texts(Texts { range, first, second }),
            Self::Sentences(sentences) => Samples::Sentences(sentences),
        }
    }

    /// Where the sample at `row` is.
    pub(crate) fn place(self, row: usize) -> PathBuf {
        match self {
            Self::Images { files, .. } => files[row].clone(),
            Self::Texts { .. } => PathBuf::from(format!("text {}", row + 1)),
            Self::Sentences(_) => PathBuf::from(format!("sentence {}", row + 1)),
        }
    }

    /// Why the sample at `row` cannot be read, if it cannot.
    pub(crate) fn fault(self, row: usize) -> Option<String> {
        match self {
            Self::Images { files, .. } => decode(&files[row]).err().map(|error| error.to_string()),
            Self::Texts { .. } | Self::Sentences(_) => None,
        }
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
