//! The input side of a model of texts: units of many rows, tokenized, sorted by length and cut into batches with little padding.
//!
//! Features of pairs that are two sequences are `[u, v, |u − v|, u ⊙ v]` of the features `u` and `v` of their texts (Conneau et al.,
//! *Supervised Learning of Universal Sentence Representations*, 2017).

use std::ops::Range;

use ranktune_hub::text::{Pairs, Sequence};
use ranktune_hub::{HubEntry, TextPooling, TextProcessor};
use ranktune_onnx::Model;

use super::options::ExtractOptions;
use super::pool::TokenPooling;
use super::prepare::Unusable;
use super::side::Plan;
use super::units::{Batch, Feed, Items, Mask, Numbers, Unit};
use crate::{Error, ErrorKind};
use ranktune_core::one_line;
use ranktune_data::DataKind;

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
    /// Sequences that a sample is.
    sequences: Sequences,
    /// Whether the data are sentences of words.
    pub(super) of_words: bool,
}

/// What a sample is to the graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sequences {
    /// One sequence: a text, or a pair joined by the tokenizer's template.
    One,
    /// Two, u and v, each with features of its own, which become `[u, v, |u − v|, u ⊙ v]`.
    Apart,
    /// Two, in rows that follow each other, of which the graph makes one.
    Interleaved,
}

/// Texts of a part of the data set.
pub(crate) struct Texts<'a> {
    pub(crate) range: Range<usize>,
    /// All texts of the data set.
    pub(crate) first: &'a [String],
    pub(crate) second: Option<&'a [String]>,
}

impl TextSide {
    /// The graph's input that takes the token ids.
    pub(super) fn data_input(&self) -> &str {
        &self.processor.inputs().input_ids
    }

    pub(super) fn new(
        entry: &HubEntry,
        model: &Model,
        data: Option<DataKind>,
        options: &ExtractOptions,
    ) -> Result<Self, Unusable> {
        let processor = entry
            .text_processor(model, options.pooling.clone())
            .map_err(|error| Unusable::Failed(one_line(&error)))?;
        let pairs = data == Some(DataKind::TextPairs);
        let sequences = match processor.pairs() {
            Pairs::Interleaved => Sequences::Interleaved,
            Pairs::Apart if pairs => Sequences::Apart,
            _ => Sequences::One,
        };
        if let (Sequences::Interleaved, Some(data), false) = (sequences, data, pairs) {
            return Err(Unusable::NotApplicable(format!(
                "it takes pairs of texts, the data are {}",
                data.name()
            )));
        }
        let tokens = match processor.pooling() {
            TextPooling::FirstToken => TokenPooling::First,
            TextPooling::LastToken => TokenPooling::Last,
            _ => TokenPooling::Mean,
        };
        Ok(Self {
            sequences,
            of_words: data == Some(DataKind::Sentences),
            processor,
            tokens,
        })
    }

    /// What a sample is to the graph.
    pub fn sequences(&self) -> Sequences {
        self.sequences
    }

    pub(super) fn times(&self) -> usize {
        if self.sequences == Sequences::Apart { 4 } else { 1 }
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
            let second = texts.second.map(|second| second[row].as_str());
            match self.encode(&texts.first[row], second) {
                Ok(encoded) => {
                    cut += usize::from(encoded.iter().any(|sequence| sequence.dropped > 0));
                    sequences.extend(encoded);
                }
                Err(error) => return failed(rows, &format!("text {}: {error}", row + 1)),
            }
        }
        let sequences: Vec<&Sequence> = sequences.iter().collect();
        let batches = match self.sequences {
            Sequences::Interleaved => self.interleaved(&sequences, plan),
            _ => {
                let batches = self.order(&sequences, plan);
                batches.iter().map(|taken| self.batch(&sequences, taken).0).collect()
            }
        };
        Unit {
            batches,
            items: if self.sequences == Sequences::Apart {
                Items::Pairs
            } else {
                Items::Rows
            },
            rows,
            cut,
            ..Unit::default()
        }
    }

    /// The sequences of a sample: one, or two of a pair.
    ///
    /// # Errors
    /// [`ErrorKind::UnsupportedModel`] as [`TextProcessor::encode`] says; [`ErrorKind::InvalidInput`] for a single text where the
    /// graph takes pairs only.
    pub fn encode(&self, first: &str, second: Option<&str>) -> Result<Vec<Sequence>, Error> {
        let processor = &self.processor;
        let encoded = match (second, self.sequences) {
            (None, Sequences::Interleaved) => {
                let text = "the model takes pairs of texts, and this is a single one";
                return Err(Error::new(ErrorKind::InvalidInput, text));
            }
            (None, _) => processor.encode(first).map(|sequence| vec![sequence]),
            (Some(second), Sequences::One) => processor.encode_pair(first, second).map(|sequence| vec![sequence]),
            (Some(second), _) => [first, second].into_iter().map(|text| processor.encode(text)).collect(),
        };
        encoded.map_err(|error| Error::new(ErrorKind::UnsupportedModel, one_line(&error)))
    }

    /// Batches of pairs, whose texts follow each other.
    fn interleaved(&self, sequences: &[&Sequence], plan: Plan) -> Vec<Batch> {
        // A pair is as long as the longer of its texts, and takes twice the room.
        let longest: Vec<&Sequence> = sequences
            .chunks_exact(2)
            .map(|pair| pair[usize::from(pair[1].ids.len() > pair[0].ids.len())])
            .collect();
        let plan = Plan {
            batch: plan.batch.div_ceil(2),
            tokens: plan.tokens / 2,
            ..plan
        };
        let batches = self.order(&longest, plan).into_iter();
        let batches = batches.map(|pairs| {
            let rows: Vec<usize> = pairs.iter().flat_map(|&pair| [2 * pair, 2 * pair + 1]).collect();
            Batch {
                items: pairs,
                // The graph pools.
                mask: None,
                ..self.batch(sequences, &rows).0
            }
        });
        batches.collect()
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
            second: (self.sequences != Sequences::One).then_some(&first),
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
