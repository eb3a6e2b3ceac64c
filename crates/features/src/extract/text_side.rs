//! What all models of texts share: tokenized sequences are sorted by length and cut into batches with little padding.

use ranktune_core::one_line;
use ranktune_data::DataKind;
use ranktune_hub::text::{Pairs, Sequence};
use ranktune_hub::{TextPooling, TextProcessor};

use super::candidate::Candidate;
use super::pool::TokenPooling;
use super::units::{Batch, Feed, Items, Mask, Numbers, Plan, Unit};
use super::unusable::Unusable;
use crate::{Error, ErrorKind};

/// Rows per unit: enough that sorting by length leaves little padding, few enough that an interruption loses little work.
const UNIT: usize = 1024;

/// Sentences per unit if every word has a row.
const SENTENCES: usize = 256;

/// Items per batch: larger runs are not faster.
const BATCH: usize = 64;

/// Tokens per batch: enough rows for the matrix products, few enough that activations stay in the cache.
const TOKENS: usize = 2048;

/// Made-up texts of different lengths, to test whether a model runs.
pub(crate) const PROBE_TEXTS: [&str; 2] = [
    "a photograph of a mountain at sunset",
    "the committee agreed to meet again on the first monday of every month",
];

/// The input side of a model of texts, pairs of texts or words.
#[derive(Clone, Debug)]
pub struct TextSide {
    /// How texts are prepared.
    pub processor: TextProcessor,
    pub(super) token_pooling: TokenPooling,
    sequences: Sequences,
}

/// How the graph sees a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sequences {
    /// One sequence: a text, or a pair joined by the tokenizer's template.
    One,
    /// Two sequences, u and v, each with features of its own, which are combined to `[u, v, |u − v|, u ⊙ v]`.
    Apart,
    /// Two sequences in consecutive rows, which the graph combines.
    Interleaved,
}

impl TextSide {
    /// Reads how texts are prepared for a model.
    pub(crate) fn new(candidate: &Candidate<'_>) -> Result<Self, Unusable> {
        let pooling = candidate.options.pooling.clone();
        let processor = candidate.entry.text_processor(candidate.model, pooling)?;
        let sequences = match processor.pairs() {
            Pairs::Interleaved => Sequences::Interleaved,
            Pairs::Apart if candidate.data == Some(DataKind::TextPairs) => Sequences::Apart,
            _ => Sequences::One,
        };
        let token_pooling = match processor.pooling() {
            TextPooling::FirstToken => TokenPooling::First,
            TextPooling::LastToken => TokenPooling::Last,
            _ => TokenPooling::Mean,
        };
        Ok(Self {
            processor,
            token_pooling,
            sequences,
        })
    }

    /// Refuses a model that takes pairs only, for other data.
    pub(crate) fn refuse_pairs_only(&self, data: DataKind) -> Result<(), Unusable> {
        if self.sequences != Sequences::Interleaved {
            return Ok(());
        }
        let message = format!("it takes pairs of texts, the data are {}", data.name());
        Err(Unusable::NotApplicable(message))
    }

    /// How the graph sees a sample.
    pub fn sequences(&self) -> Sequences {
        self.sequences
    }

    /// How rows are batched: `batch` items at once, or what is fastest on a CPU.
    pub(crate) fn plan(&self, batch: Option<usize>) -> Plan {
        Plan {
            unit: UNIT,
            batch: batch.unwrap_or(BATCH),
            tokens: if batch.is_some() { usize::MAX } else { TOKENS },
        }
    }

    /// As [`plan`](Self::plan), for sentences of words.
    pub(crate) fn plan_of_words(&self, batch: Option<usize>) -> Plan {
        Plan {
            unit: SENTENCES,
            ..self.plan(batch)
        }
    }

    /// The sequences of a sample: one, or two of a pair.
    ///
    /// # Errors
    /// [`ErrorKind::UnsupportedModel`] as in [`TextProcessor::encode`]; [`ErrorKind::InvalidInput`] for a single text if the graph
    /// takes pairs only.
    pub fn encode(&self, first: &str, second: Option<&str>) -> Result<Vec<Sequence>, Error> {
        let processor = &self.processor;
        let encoded = match (second, self.sequences) {
            (None, Sequences::Interleaved) => {
                let message = "the model takes pairs of texts, found a single text";
                return Err(Error::new(ErrorKind::InvalidInput, message));
            }
            (None, _) => processor.encode(first).map(|sequence| vec![sequence]),
            (Some(second), Sequences::One) => processor.encode_pair(first, second).map(|sequence| vec![sequence]),
            (Some(second), _) => [first, second].into_iter().map(|text| processor.encode(text)).collect(),
        };
        encoded.map_err(|error| Error::new(ErrorKind::UnsupportedModel, one_line(&error)))
    }

    /// Tokenizes the samples at `rows`, whose texts `text` returns; with them the number of samples that were truncated.
    ///
    /// # Errors
    /// As [`encode`](Self::encode), with the number of the text.
    fn encode_rows<'t>(
        &self,
        rows: &[usize],
        text: impl Fn(usize) -> (&'t str, Option<&'t str>),
    ) -> Result<(Vec<Sequence>, usize), Error> {
        let mut sequences = Vec::with_capacity(rows.len());
        let mut truncated = 0;
        for &row in rows {
            let (first, second) = text(row);
            let encoded = self
                .encode(first, second)
                .map_err(|error| Error::new(error.kind(), format!("text {}: {error}", row + 1)))?;
            truncated += usize::from(encoded.iter().any(|sequence| sequence.dropped > 0));
            sequences.extend(encoded);
        }
        Ok((sequences, truncated))
    }

    /// The unit of the samples at `rows`, whose texts `text` returns; `batch` makes the batches of their sequences and says how
    /// the items become rows. The unit is failed if a text cannot be tokenized.
    pub(crate) fn unit<'t>(
        &self,
        rows: Vec<usize>,
        text: impl Fn(usize) -> (&'t str, Option<&'t str>),
        batch: impl FnOnce(&[&Sequence]) -> (Vec<Batch>, Items),
    ) -> Unit {
        let (sequences, cut) = match self.encode_rows(&rows, text) {
            Ok(encoded) => encoded,
            Err(error) => return Unit::failed(rows, error),
        };
        let sequences: Vec<&Sequence> = sequences.iter().collect();
        let (batches, items) = batch(&sequences);
        Unit {
            batches,
            items,
            rows,
            cut,
            ..Unit::default()
        }
    }

    /// Batches of sequences of similar length.
    pub(crate) fn batches(&self, sequences: &[&Sequence], plan: Plan) -> Vec<Batch> {
        let groups = self.groups(sequences, plan);
        groups.iter().map(|items| self.batch(sequences, items).0).collect()
    }

    /// Groups of sequences of similar length, by position.
    pub(crate) fn groups(&self, sequences: &[&Sequence], plan: Plan) -> Vec<Vec<usize>> {
        let length = |item: usize| sequences[item].ids.len();
        let mut order: Vec<usize> = (0..sequences.len()).collect();
        order.sort_by_key(|&item| length(item));
        let mut groups = Vec::new();
        let mut rest = order.as_slice();
        while let Some(&first) = rest.first() {
            let fits = |&(count, item): &(usize, &usize)| {
                count < plan.batch
                    && (count == 0 || (count + 1).saturating_mul(length(*item)) <= plan.tokens)
                    && (self.processor.pads_freely() || length(*item) == length(first))
            };
            let count = rest.iter().enumerate().take_while(fits).count().max(1);
            let (taken, left) = rest.split_at(count);
            groups.push(taken.to_vec());
            rest = left;
        }
        groups
    }

    /// A batch of the sequences at `items`, and the position at which each begins in its row.
    pub(crate) fn batch(&self, sequences: &[&Sequence], items: &[usize]) -> (Batch, Vec<usize>) {
        let taken: Vec<&Sequence> = items.iter().map(|&item| sequences[item]).collect();
        let padded = self.processor.batch(&taken);
        let shape = vec![padded.rows, padded.length];
        let feeds = padded.feeds.into_iter().map(|(name, values)| Feed {
            name,
            shape: shape.clone(),
            numbers: Numbers::I64(values),
        });
        let batch = Batch {
            items: items.to_vec(),
            feeds: feeds.collect(),
            mask: Some(Mask {
                length: padded.length,
                values: padded.mask,
            }),
            words: None,
        };
        (batch, padded.starts)
    }
}
