//! The input side of a model of texts: units of many rows, tokenized, sorted by length and cut into batches with little padding.
//!
//! Features of pairs that are two sequences are `[u, v, |u − v|, u ⊙ v]` of the features `u` and `v` of their texts (Conneau et al.,
//! *Supervised Learning of Universal Sentence Representations*, 2017).

use std::ops::Range;

use ranktune_hub::text::{Pairs, Sequence};
use ranktune_hub::{Entry, Pooling, TextProcessor};
use ranktune_onnx::Model;

use super::pool::TokenPooling;
use super::prepare::Unusable;
use super::side::{DataKind, Plan};
use super::units::{Batch, Feed, Items, Mask, Numbers, Unit};
use crate::error::one_line;
use crate::{Error, ErrorKind};

/// Rows a unit: sorted by length, so many leave batches with little padding, and so much work is lost when it is interrupted.
const UNIT: usize = 1024;

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
        pooling: Option<Pooling>,
    ) -> Result<Self, Unusable> {
        let processor = entry
            .text_processor(model, pooling)
            .map_err(|error| Unusable::Failed(one_line(&error)))?;
        let tokens = match processor.pooling() {
            Pooling::FirstToken => TokenPooling::First,
            Pooling::LastToken => TokenPooling::Last,
            _ => TokenPooling::Mean,
        };
        Ok(Self {
            apart: data == Some(DataKind::TextPairs) && processor.pairs() == Pairs::Apart,
            processor,
            tokens,
        })
    }

    pub(super) fn times(&self) -> usize {
        if self.apart { 4 } else { 1 }
    }

    pub(super) fn plan(&self, batch: Option<usize>) -> Plan {
        Plan {
            unit: UNIT,
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
                Err(error) => {
                    return Unit {
                        failed: Some(Error::new(
                            ErrorKind::UnsupportedModel,
                            format!("text {}: {error}", row + 1),
                        )),
                        rows,
                        ..Unit::default()
                    };
                }
            }
        }
        Unit {
            batches: self.batches(&sequences, plan),
            items: if self.apart { Items::Pairs } else { Items::Rows },
            rows,
            cut,
            ..Unit::default()
        }
    }

    /// Batches of sequences of like length.
    fn batches(&self, sequences: &[Sequence], plan: Plan) -> Vec<Batch> {
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
            batches.push(self.batch(sequences, taken));
            rest = left;
        }
        batches
    }

    fn batch(&self, sequences: &[Sequence], items: &[usize]) -> Batch {
        let taken: Vec<&Sequence> = items.iter().map(|&item| &sequences[item]).collect();
        let batch = self.processor.batch(&taken);
        let shape = vec![batch.rows, batch.length];
        let feeds = batch.feeds.into_iter().map(|(name, values)| Feed {
            name,
            shape: shape.clone(),
            numbers: Numbers::I64(values),
        });
        Batch {
            items: items.to_vec(),
            feeds: feeds.collect(),
            mask: Some(Mask {
                length: batch.length,
                values: batch.mask,
            }),
        }
    }

    /// Two texts of different lengths.
    pub(super) fn probe(&self) -> Unit {
        let first = [
            "a photograph of a mountain at sunset",
            "the committee agreed to meet again on the first monday of every month",
        ];
        let first = first.map(str::to_owned);
        let texts = Texts {
            range: 0..2,
            first: &first,
            second: self.apart.then_some(&first),
        };
        self.unit(&texts, 0..2, self.plan(None))
    }
}
