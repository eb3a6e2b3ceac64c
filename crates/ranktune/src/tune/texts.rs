//! Texts, pairs of them and sentences of words as training wants them: tokenized once, batched with little padding.
//!
//! A sample is one row of the batch, or two for a pair whose texts go through the model by themselves, or as many as a sentence has
//! windows. Of a word the row of its first token has the target, as it has the features in a ranking.

use ranktune_core::one_line;
use ranktune_data::{Digest, Inputs as DataInputs};
use ranktune_features::extract::{Sequences, TextSide};
use ranktune_hub::text::{Sequence, Window};
use ranktune_nn::HostTensor;
use ranktune_train::{Inputs, Lengths, LoadError, Mix, Pick, Samples};

/// Texts as training samples of one model.
pub(crate) struct TextSamples<'a> {
    side: &'a TextSide,
    /// By sample: its rows of a batch, with the words that are taken from each.
    samples: Vec<Vec<Window>>,
    /// Tokens of the longest row of each.
    lengths: Vec<usize>,
    of_words: bool,
    digest: String,
    /// Samples of which a part is left out, because they are longer than the model takes.
    pub(crate) cut: usize,
}

impl<'a> TextSamples<'a> {
    /// Tokenizes `inputs`, whose content is `digests`.
    ///
    /// # Errors
    /// Which text the tokenizer fails on; or that rows of a sample would have to be padded where the graph knows no padding.
    pub(crate) fn new(side: &'a TextSide, inputs: &DataInputs, digests: &[Digest]) -> Result<Self, String> {
        let (samples, noun) = match inputs {
            DataInputs::Texts(inputs) => (texts(side, &inputs.first, inputs.second.as_deref())?, "text"),
            DataInputs::Sentences(inputs) => (words(side, &inputs.words)?, "sentence"),
            DataInputs::Images(_) => return Err("the data are no texts".to_owned()),
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
            return Err(format!(
                "{noun} {}: {what} are of different lengths, and the graph takes no attention mask (or pads on the left without \
                 positions), so they cannot share a batch; export it with one, or take another model",
                at + 1
            ));
        }
        let mut bytes = side.processor.digest().as_bytes().to_vec();
        digests.iter().for_each(|digest| bytes.extend(digest.as_bytes()));
        let is_cut = |windows: &&Vec<Window>| windows.iter().any(|window| window.sequence.dropped > 0);
        Ok(Self {
            side,
            lengths: samples.iter().map(|windows| longest(windows).unwrap_or(0)).collect(),
            cut: samples.iter().filter(is_cut).count(),
            of_words: inputs.kind().is_by_word(),
            digest: Digest::of(&bytes).to_string(),
            samples,
        })
    }
}

/// The sequences of every text or pair, by sample.
fn texts(side: &TextSide, first: &[String], second: Option<&[String]>) -> Result<Vec<Vec<Window>>, String> {
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
fn words(side: &TextSide, sentences: &[Vec<String>]) -> Result<Vec<Vec<Window>>, String> {
    let samples = sentences.iter().enumerate().map(|(at, words)| {
        let windows = side.processor.windows(words);
        windows.map_err(|error| format!("sentence {}: {}", at + 1, one_line(&error)))
    });
    samples.collect()
}

impl Samples for TextSamples<'_> {
    fn n_samples(&self) -> usize {
        self.samples.len()
    }

    fn lengths(&self) -> Option<Lengths<'_>> {
        let processor = &self.side.processor;
        let mix = if processor.pads_freely() {
            Mix::Padded
        } else {
            Mix::Equal
        };
        // A graph of one length pads everything to it.
        let varies = processor.inputs().sequence.is_none();
        varies.then_some(Lengths { of: &self.lengths, mix })
    }

    fn digest(&self) -> String {
        self.digest.clone()
    }

    fn load(&self, picks: &[Pick]) -> Result<Inputs, LoadError> {
        let windows: Vec<&Window> = picks.iter().flat_map(|pick| &self.samples[pick.sample]).collect();
        let sequences: Vec<&Sequence> = windows.iter().map(|window| &window.sequence).collect();
        let batch = self.side.processor.batch(&sequences);
        let rows = self.of_words.then(|| {
            let places = windows.iter().enumerate().flat_map(|(row, window)| {
                // A word of which the tokenizer leaves nothing has the token where it would be.
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
        Ok(Inputs {
            feeds: feeds.collect::<Result<_, LoadError>>()?,
            rows,
        })
    }
}
