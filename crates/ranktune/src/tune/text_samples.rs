//! Texts, pairs of texts and sentences of words as training samples: tokenized once, batched with little padding.
//!
//! A sample is one row of the batch, two for a pair whose texts are encoded separately, or as many as a sentence has windows. The
//! target of a word belongs to its first token, as its features do in a ranking.

use ranktune_core::{BoxError, one_line};
use ranktune_data::{Digest, Inputs as DataInputs};
use ranktune_features::extract::{Sequences, TextSide};
use ranktune_hub::text::{Sequence, Window};
use ranktune_nn::HostTensor;
use ranktune_train::{BatchInputs, Batching, Lengths, LoadError, Pick, Samples};

/// Texts as training samples of one model.
pub(crate) struct TextSamples<'a> {
    side: &'a TextSide,
    /// By sample: its rows of a batch, with the words of each.
    samples: Vec<Vec<Window>>,
    /// Number of tokens of the longest row of each sample.
    lengths: Vec<usize>,
    of_words: bool,
    digest: String,
    /// Number of samples that are truncated to the maximum length of the model.
    pub(crate) truncated: usize,
}

impl<'a> TextSamples<'a> {
    /// Tokenizes `inputs`, whose contents have these digests.
    ///
    /// # Errors
    /// The tokenizer fails on a text; or the rows of a sample need padding, which the graph does not support.
    pub(crate) fn new(side: &'a TextSide, inputs: &DataInputs, digests: &[Digest]) -> Result<Self, BoxError> {
        let (samples, noun) = match inputs {
            DataInputs::Texts(inputs) => (texts(side, &inputs.first, inputs.second.as_deref())?, "text"),
            DataInputs::Sentences(inputs) => (words(side, &inputs.words)?, "sentence"),
            DataInputs::Images(_) => return Err("expected texts, found images".into()),
        };
        let longest = |windows: &Vec<Window>| windows.iter().map(|window| window.sequence.ids.len()).max();
        let shortest = |windows: &Vec<Window>| windows.iter().map(|window| window.sequence.ids.len()).min();
        let uneven = |windows: &Vec<Window>| shortest(windows) != longest(windows);
        if !side.processor.pads_freely()
            && let Some(at) = samples.iter().position(uneven)
        {
            let what = match side.sequences() {
                Sequences::One => "the windows of a sentence",
                _ => "the texts of a pair",
            };
            let message = format!(
                "{noun} {}: {what} are of different lengths, and the graph takes no attention mask (or pads on the left without \
                 positions), so they cannot share a batch; export it with one, or choose another model",
                at + 1
            );
            return Err(message.into());
        }
        let mut bytes = side.processor.digest().as_bytes().to_vec();
        digests.iter().for_each(|digest| bytes.extend(digest.as_bytes()));
        let is_cut = |windows: &&Vec<Window>| windows.iter().any(|window| window.sequence.dropped > 0);
        Ok(Self {
            side,
            lengths: samples.iter().map(|windows| longest(windows).unwrap_or(0)).collect(),
            truncated: samples.iter().filter(is_cut).count(),
            of_words: inputs.kind().is_by_word(),
            digest: Digest::of(&bytes).to_string(),
            samples,
        })
    }
}

/// The sequences of every text or pair, by sample.
fn texts(side: &TextSide, first: &[String], second: Option<&[String]>) -> Result<Vec<Vec<Window>>, BoxError> {
    let window = |sequence: Sequence| Window {
        sequence,
        words: Vec::new(),
    };
    let samples = first.iter().enumerate().map(|(at, text)| {
        let sequences = side.encode(text, second.map(|second| second[at].as_str()));
        let sequences = sequences.map_err(|error| format!("text {}: {error}", at + 1))?;
        Ok(sequences.into_iter().map(window).collect())
    });
    samples.collect()
}

/// The windows of every sentence.
fn words(side: &TextSide, sentences: &[Vec<String>]) -> Result<Vec<Vec<Window>>, BoxError> {
    let samples = sentences.iter().enumerate().map(|(at, words)| {
        let windows = side.processor.windows(words);
        windows.map_err(|error| format!("sentence {}: {}", at + 1, one_line(&error)).into())
    });
    samples.collect()
}

impl Samples for TextSamples<'_> {
    fn n_samples(&self) -> usize {
        self.samples.len()
    }

    fn lengths(&self) -> Option<Lengths<'_>> {
        let processor = &self.side.processor;
        let batching = if processor.pads_freely() {
            Batching::Padded
        } else {
            Batching::EqualLengths
        };
        // A graph of fixed length pads everything to it.
        let varies = processor.inputs().sequence.is_none();
        varies.then_some(Lengths {
            of: &self.lengths,
            batching,
        })
    }

    fn digest(&self) -> String {
        self.digest.clone()
    }

    fn load(&self, picks: &[Pick]) -> Result<BatchInputs, LoadError> {
        let windows: Vec<&Window> = picks.iter().flat_map(|pick| &self.samples[pick.sample]).collect();
        let sequences: Vec<&Sequence> = windows.iter().map(|window| &window.sequence).collect();
        let batch = self.side.processor.batch(&sequences);
        let rows = self.of_words.then(|| {
            let places = windows.iter().enumerate().flat_map(|(row, window)| {
                // A word without tokens has the token at its place.
                let last = window.sequence.ids.len().saturating_sub(1);
                let places = window
                    .words
                    .iter()
                    .map(move |(_, tokens)| (row, tokens.start.min(last)));
                places.collect::<Vec<_>>()
            });
            places.map(|(row, token)| batch.position(row, token)).collect()
        });
        let dims = [batch.rows, batch.length];
        let feeds = batch.feeds.iter().map(|(name, values)| {
            let tensor = HostTensor::ints(&dims, values.clone())?;
            Ok((name.clone(), tensor))
        });
        Ok(BatchInputs {
            feeds: feeds.collect::<Result<_, LoadError>>()?,
            rows,
        })
    }
}
