//! The kinds of data that models are prepared for.

/// What the samples of a data set are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DataKind {
    /// Images.
    Images,
    /// One text per sample.
    Texts,
    /// A pair of texts per sample.
    TextPairs,
    /// Sentences of words; every word has a prediction of its own.
    Sentences,
}

impl DataKind {
    /// `images`, `texts`, `pairs of texts` or `sentences of words`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Images => "images",
            Self::Texts => "texts",
            Self::TextPairs => "pairs of texts",
            Self::Sentences => "sentences of words",
        }
    }

    /// The plural that counts samples: `images`, `texts` or `sentences`.
    pub fn noun(self) -> &'static str {
        match self {
            Self::Images => "images",
            Self::Texts | Self::TextPairs => "texts",
            Self::Sentences => "sentences",
        }
    }

    /// Whether the inputs go through a tokenizer.
    pub fn is_text(self) -> bool {
        self != Self::Images
    }

    /// Whether every word has a prediction of its own, instead of every sample.
    pub fn is_by_word(self) -> bool {
        self == Self::Sentences
    }
}
