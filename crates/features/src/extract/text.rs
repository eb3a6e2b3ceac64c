//! The input side of a model of texts: units of many rows, tokenized, sorted by length and cut into batches with little padding.
//!
//! Features of pairs that are two sequences are `[u, v, |u − v|, u ⊙ v]` of the features `u` and `v` of their texts (Conneau et al.,
//! *Supervised Learning of Universal Sentence Representations*, 2017).

use std::ops::Range;

use ranktune_hub::text::{Pairs, Sequence};
use ranktune_hub::{Entry, Pooling, TextProcessor};
use ranktune_onnx::Model;

use super::options::ExtractOptions;
use super::pool::TokenPooling;
use super::prepare::Unusable;
use super::side::{DataKind, Plan};
use super::units::{Batch, Feed, Items, Mask, Numbers, Unit};
use crate::error::one_line;
use crate::{Error, ErrorKind};

/// Rows a unit: sorted by length, so many leave batches with little padding, and so much work is lost when it is interrupted.
const UNIT: usize = 1024;

/// Sentences a unit, where every word has a row.
const SENTENCES: usize = 256;

/// Items a batch: beyond this, a run gains nothing.
const BATCH: usize = 64;

/// Tokens a batch: enough rows for the matrix products, few enough that activations stay in the cache.
const TOKENS: usize = 2048;

/// The input side of a model of texts.
#[derive(Clone, Debug)]
pub struct TextSide {
    /// How texts are prepared.
    pub processor: TextProcessor,
    pub(super) tokens: TokenPooling,
    /// Whether the data are pairs, each text of which is a sequence of its own.
    apart: bool,
    /// Whether the data are sentences of words.
    pub(super) of_words: bool,
}

/// Texts of a part of the data set.
pub(crate) struct Texts<'a> {
    pub(crate) range: Range<usize>,
    /// All texts of the data set.
    pub(crate) first: &'a [String],
    pub(crate) second: Option<&'a [String]>,
}

impl TextSide {
    pub(super) fn new(
        entry: &Entry,
        model: &Model,
        data: Option<DataKind>,
        options: &ExtractOptions,
    ) -> Result<Self, Unusable> {
        let processor = entry
            .text_processor(model, options.pooling.clone())
            .map_err(|error| Unusable::Failed(one_line(&error)))?;
        let tokens = match processor.pooling() {
            Pooling::FirstToken => TokenPooling::First,
            Pooling::LastToken => TokenPooling::Last,
            _ => TokenPooling::Mean,
        };
        Ok(Self {
            apart: data == Some(DataKind::TextPairs) && processor.pairs() == Pairs::Apart,
            of_words: data == Some(DataKind::Sentences),
            processor,
            tokens,
        })
    }

    pub(super) fn times(&self) -> usize {
        if self.apart { 4 } else { 1 }
    }

    pub(super) fn plan(&self, batch: Option<usize>) -> Plan {
        Plan {
            unit: if self.of_words { SENTENCES } else { UNIT },
            batch: batch.unwrap_or(BATCH),
            tokens: if batch.is_some() { usize::MAX } else { TOKENS },
        }
    }

    /// Tokenizes the texts at `rows`.
    pub(super) fn unit(&self, texts: &Texts<'_>, rows: Range<usize>, plan: Plan) -> Unit {
        let mut sequences = Vec::with_capacity(rows.len());
        let mut cut = 0;
        for row in rows.clone() {
            let encoded = match texts.second.map(|second| &second[row]) {
                None => self.processor.encode(&texts.first[row]).map(|sequence| vec![sequence]),
                Some(second) if self.apart => {
                    let both = [&texts.first[row], second].map(|text| self.processor.encode(text));
                    both.into_iter().collect()
                }
                Some(second) => self
                    .processor
                    .encode_pair(&texts.first[row], second)
                    .map(|sequence| vec![sequence]),
            };
            match encoded {
                Ok(encoded) => {
                    cut += usize::from(encoded.iter().any(|sequence| sequence.dropped > 0));
                    sequences.extend(encoded);
                }
                Err(error) => return failed(rows, &format!("text {}: {error}", row + 1)),
            }
        }
        let sequences: Vec<&Sequence> = sequences.iter().collect();
        let batches = self.order(&sequences, plan);
        Unit {
            batches: batches.iter().map(|taken| self.batch(&sequences, taken).0).collect(),
            items: if self.apart { Items::Pairs } else { Items::Rows },
            rows,
            cut,
            ..Unit::default()
        }
    }

    /// Tokenizes the words of the sentences at `rows`.
    pub(super) fn words(&self, sentences: &[Vec<String>], rows: Range<usize>, plan: Plan) -> Unit {
        let mut windows = Vec::with_capacity(rows.len());
        let (mut words, mut cut) = (0, 0);
        for row in rows.clone() {
            match self.processor.windows(&sentences[row]) {
                Ok(of_sentence) => {
                    cut += of_sentence.iter().filter(|window| window.sequence.dropped > 0).count();
                    windows.extend(of_sentence.into_iter().map(|window| (words, window)));
                    words += sentences[row].len();
                }
                Err(error) => return failed(rows, &format!("sentence {}: {error}", row + 1)),
            }
        }
        let sequences: Vec<&Sequence> = windows.iter().map(|(_, window)| &window.sequence).collect();
        let batches = self.order(&sequences, plan).into_iter().map(|taken| {
            let (mut batch, starts) = self.batch(&sequences, &taken);
            let length = batch.mask.as_ref().map_or(0, |mask| mask.length);
            let mut places = Vec::new();
            batch.items.clear();
            for (row, &taken) in taken.iter().enumerate() {
                let (first, window) = &windows[taken];
                let start = row * length + starts[row];
                for (word, tokens) in &window.words {
                    batch.items.push(first + word);
                    places.push(start + tokens.start..start + tokens.end);
                }
            }
            batch.words = Some(places);
            batch
        });
        Unit {
            batches: batches.collect(),
            items: Items::Words(words),
            rows,
            cut,
            ..Unit::default()
        }
    }

    /// Groups of sequences of like length, by position.
    fn order(&self, sequences: &[&Sequence], plan: Plan) -> Vec<Vec<usize>> {
        let length = |item: usize| sequences[item].ids.len();
        let mut order: Vec<usize> = (0..sequences.len()).collect();
        order.sort_by_key(|&item| length(item));
        let mut batches = Vec::new();
        let mut rest = order.as_slice();
        while let Some(&first) = rest.first() {
            let fits = |&(count, item): &(usize, &usize)| {
                count < plan.batch
                    && (count == 0 || (count + 1).saturating_mul(length(*item)) <= plan.tokens)
                    && (self.processor.pads_freely() || length(*item) == length(first))
            };
            let count = rest.iter().enumerate().take_while(fits).count().max(1);
            let (taken, left) = rest.split_at(count);
            batches.push(taken.to_vec());
            rest = left;
        }
        batches
    }

    /// A batch of the sequences at `items`, and where each begins in its row.
    fn batch(&self, sequences: &[&Sequence], items: &[usize]) -> (Batch, Vec<usize>) {
        let taken: Vec<&Sequence> = items.iter().map(|&item| sequences[item]).collect();
        let batch = self.processor.batch(&taken);
        let shape = vec![batch.rows, batch.length];
        let feeds = batch.feeds.into_iter().map(|(name, values)| Feed {
            name,
            shape: shape.clone(),
            numbers: Numbers::I64(values),
        });
        let made = Batch {
            items: items.to_vec(),
            feeds: feeds.collect(),
            mask: Some(Mask {
                length: batch.length,
                values: batch.mask,
            }),
            words: None,
        };
        (made, batch.starts)
    }

    /// Two texts of different lengths.
    pub(super) fn probe(&self) -> Unit {
        let first = [
            "a photograph of a mountain at sunset",
            "the committee agreed to meet again on the first monday of every month",
        ];
        let first = first.map(str::to_owned);
        if self.of_words {
            let words = first.map(|text| text.split(' ').map(str::to_owned).collect());
            return self.words(&words, 0..2, self.plan(None));
        }
        let texts = Texts {
            range: 0..2,
            first: &first,
            second: self.apart.then_some(&first),
        };
        self.unit(&texts, 0..2, self.plan(None))
    }
}

/// A unit that cannot be made, because the tokenizer fails.
fn failed(rows: Range<usize>, why: &str) -> Unit {
    Unit {
        failed: Some(Error::new(ErrorKind::UnsupportedModel, why)),
        rows,
        ..Unit::default()
    }
}
