//! How texts are prepared for a model: its own tokenizer, special tokens, maximum length, padding and pooling.
//!
//! ```text
//! text ──encode──► Sequence (ids, segments) ─┐
//! words ─windows─► Window (ids, where each word is) ─┴─batch──► TokenBatch [rows, length]: one tensor for each input of the graph
//! ```
//!
//! - **Tokens** are `tokenizer.json`'s, with its own template and special tokens unless `config.json` says `"add_special_tokens": false`.
//! - **Maximum length**: `max_seq_length` of `sentence_bert_config.json`, or else the smaller of `model_max_length` of
//!   `tokenizer_config.json` and `tokenizer.json`'s truncation; never more than `config.json` has positions, and than the graph takes.
//!   Longer texts are cut on the side that the files say, and [`Sequence::dropped`] counts what went.
//! - **Pairs** are one sequence where the tokenizer has a template for pairs and special tokens are used ([`Pairs::Joined`]).
//!   Otherwise each text is a sequence of its own ([`Pairs::Apart`]), and whoever pools joins their features `u` and `v` to
//!   `[u, v, |u − v|, u ⊙ v]`; a graph that was tuned so does that itself ([`Pairs::Interleaved`], by its metadata).
//! - **Padding** is on the side and with the token that the files say, never more than a batch needs. Where padding would change
//!   what the graph computes ([`TextProcessor::pads_freely`] is false), sequences of one batch have to be of one length.
//! - **TextPooling** is what [`HubEntry::pooling`](crate::HubEntry) says (`1_Pooling/config.json`, or a manifest), or else the last token for
//!   decoders and the mean over the mask for all others.
//! - **Words** (named entities) are tokenized one by one, byte-level tokenizers with a space before each, as their models are
//!   used to. Sentences longer than the model takes are cut into overlapping [`Window`]s; every word is in exactly one of them.

mod batch;
mod inputs;
mod settings;
mod words;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, OnceLock};

use ranktune_onnx::{INTERLEAVED_PAIRS, Model};
use tokenizers::{EncodeInput, Encoding, Tokenizer, TruncationDirection, TruncationParams, TruncationStrategy};

pub use batch::TokenBatch;
pub use inputs::TextInputs;
pub use words::Window;

use crate::{Error, ErrorKind, HubEntry, TextPooling};
use settings::Settings;

/// A tokenized text, or pair of texts, with its special tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sequence {
    /// `[tokens]`
    pub ids: Vec<i64>,
    /// The segment of each token: 1 for the second text of a pair.
    pub types: Vec<i64>,
    /// Tokens that were left out because the text is longer than the model takes.
    pub dropped: usize,
}

/// How pairs of texts are put to a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pairs {
    /// One sequence with the tokenizer's template for pairs.
    Joined,
    /// A sequence each.
    Apart,
    /// A sequence each, in rows 2i and 2i + 1 of one batch, for which the graph gives one row: it takes nothing but pairs.
    Interleaved,
}

/// Prepares texts for one model. Clones share the tokenizer.
#[derive(Clone)]
pub struct TextProcessor {
    inputs: TextInputs,
    settings: Settings,
    pooling: TextPooling,
    pairs: Pairs,
    /// Does not truncate.
    tokenizer: Arc<Tokenizer>,
    /// Truncates to the maximum length; made for the first text that is longer.
    truncating: Arc<OnceLock<Result<Tokenizer, String>>>,
    for_words: Arc<OnceLock<Result<words::WordTokenizer, String>>>,
    digest: blake3::Hash,
}

/// Families whose last token has seen all others.
const DECODERS: &[&str] = &[
    "gpt2",
    "gpt_neo",
    "gpt_neox",
    "gptj",
    "gpt_bigcode",
    "openai-gpt",
    "opt",
    "bloom",
    "falcon",
    "mpt",
    "codegen",
    "llama",
    "mistral",
    "mixtral",
    "gemma",
    "gemma2",
    "gemma3_text",
    "qwen2",
    "qwen3",
    "phi",
    "phi3",
    "stablelm",
    "olmo",
    "olmo2",
    "smollm3",
    "granite",
    "cohere",
    "xglm",
    "biogpt",
    "ctrl",
];

impl HubEntry {
    /// How texts are prepared for the model, whose graph is `model`; `pooling` takes the place of what the files say.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`]: there is no `tokenizer.json`. [`ErrorKind::Malformed`]: it, or another file, is not what it must be.
    /// [`ErrorKind::Mismatch`]: the tokenizer has more tokens than the model's embedding has rows, or the graph's inputs are not
    /// those of a model of texts. [`ErrorKind::Unsupported`]: a way of pooling that is not known. The text names file and field.
    pub fn text_processor(&self, model: &Model, pooling: Option<TextPooling>) -> Result<TextProcessor, Error> {
        let inputs = TextInputs::of(model).map_err(|error| error.in_file(&self.model_path))?;
        let Some(tokenizer) = &self.tokenizer_path else {
            let text = "there is no tokenizer.json beside the model; save it there with \
                        AutoTokenizer.from_pretrained(NAME).save_pretrained(FOLDER) of the Python package transformers";
            let place = self.dir.as_deref().unwrap_or(&self.model_path);
            return Err(Error::new(ErrorKind::NotFound, text).in_file(place));
        };
        let pooling = match pooling.or_else(|| self.pooling.clone()) {
            Some(TextPooling::Other(way)) => {
                let text = format!(
                    "pooling by {way} is not supported; expected mean, first or last, which --pooling takes too"
                );
                let place = self.dir.as_deref().unwrap_or(&self.model_path);
                return Err(Error::unsupported(text).in_file(place));
            }
            Some(pooling) => pooling,
            None if self.is_decoder() => TextPooling::LastToken,
            None => TextPooling::Mean,
        };
        let mut processor = TextProcessor::new(tokenizer, self, inputs, pooling)?;
        let (key, interleaved) = INTERLEAVED_PAIRS;
        if model.metadata.get(key).is_some_and(|value| value == interleaved) {
            processor.set_pairs(Pairs::Interleaved);
        }
        Ok(processor)
    }

    fn is_decoder(&self) -> bool {
        let family = self.config.model_type.as_deref().unwrap_or_default();
        DECODERS.contains(&family)
            || self
                .config
                .architectures
                .iter()
                .any(|name| name.ends_with("ForCausalLM"))
    }
}

impl TextProcessor {
    fn new(path: &Path, entry: &HubEntry, inputs: TextInputs, pooling: TextPooling) -> Result<Self, Error> {
        let broken = |error: String| Error::malformed(format!("this tokenizer cannot be read: {error}")).in_file(path);
        let (bytes, json) = settings::read(path)?;
        let mut tokenizer = guarded(|| Tokenizer::from_bytes(&bytes)).map_err(broken)?;
        let settings = Settings::of(entry, path, &json, &tokenizer, &inputs)?;
        inputs
            .check_vocabulary(&tokenizer)
            .map_err(|error| error.in_file(path))?;
        tokenizer.with_padding(None);
        guarded(|| tokenizer.with_truncation(None).map(|_| ())).map_err(broken)?;
        let pairs = if settings.special_tokens && settings::has_pair_template(&json) {
            Pairs::Joined
        } else {
            Pairs::Apart
        };
        let mut hasher = blake3::Hasher::new();
        // The number goes up when the same words come to mean other ids.
        hasher.update(format!("ranktune text 1|{settings:?}|{pairs:?}|{inputs:?}|").as_bytes());
        hasher.update(&bytes);
        Ok(Self {
            inputs,
            settings,
            pooling,
            pairs,
            tokenizer: Arc::new(tokenizer),
            truncating: Arc::default(),
            for_words: Arc::default(),
            digest: hasher.finalize(),
        })
    }

    /// Tokenizes a text.
    ///
    /// # Errors
    /// [`ErrorKind::Mismatch`] for a token that the model's embedding has no row for; [`ErrorKind::Unsupported`] where the tokenizer
    /// itself fails, as one without an unknown token does on a word it does not know.
    pub fn encode(&self, text: &str) -> Result<Sequence, Error> {
        self.sequence(text.into())
    }

    /// Tokenizes a pair of texts into one sequence, whatever [`pairs`](Self::pairs) says.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn encode_pair(&self, first: &str, second: &str) -> Result<Sequence, Error> {
        self.sequence((first, second).into())
    }

    fn sequence(&self, text: EncodeInput<'_>) -> Result<Sequence, Error> {
        let specials = self.settings.special_tokens;
        let fails = |error: String| Error::unsupported(format!("the tokenizer fails: {error}"));
        let fits = |encoded: &Encoding| self.settings.max_length.is_none_or(|length| encoded.len() <= length);
        let mut encoded = guarded(|| self.tokenizer.encode_fast(text.clone(), specials)).map_err(fails)?;
        let length = encoded.len();
        if !fits(&encoded) {
            let truncating = self.truncating.get_or_init(|| self.truncating()).as_ref();
            let truncating = truncating.map_err(|error| fails(error.clone()))?;
            encoded = guarded(|| truncating.encode_fast(text, specials)).map_err(fails)?;
        }
        let ids = encoded.get_ids().iter().map(|&id| self.inputs.checked(id));
        Ok(Sequence {
            dropped: length - encoded.len(),
            types: encoded.get_type_ids().iter().map(|&id| id.into()).collect(),
            ids: ids.collect::<Result<_, _>>()?,
        })
    }

    /// The tokenizer that cuts what is longer than the maximum length.
    fn truncating(&self) -> Result<Tokenizer, String> {
        let mut tokenizer = self.tokenizer.as_ref().clone();
        let longest = self.settings.max_length.map(|max_length| TruncationParams {
            direction: if self.settings.cuts_left {
                TruncationDirection::Left
            } else {
                TruncationDirection::Right
            },
            max_length,
            strategy: TruncationStrategy::LongestFirst,
            stride: 0,
        });
        guarded(|| tokenizer.with_truncation(longest).map(|_| ()))?;
        Ok(tokenizer)
    }

    /// Pairs are put to the model in another way than its tokenizer says.
    fn set_pairs(&mut self, pairs: Pairs) {
        self.pairs = pairs;
        let mut hasher = blake3::Hasher::new();
        hasher
            .update(self.digest.as_bytes())
            .update(format!("{pairs:?}").as_bytes());
        self.digest = hasher.finalize();
    }

    /// How pairs are put to the model.
    pub fn pairs(&self) -> Pairs {
        self.pairs
    }

    /// How tokens become the feature of a text.
    pub fn pooling(&self) -> &TextPooling {
        &self.pooling
    }

    /// The longest sequence, special tokens included; `None` where nothing limits it.
    pub fn max_length(&self) -> Option<usize> {
        self.settings.max_length
    }

    /// The graph's inputs.
    pub fn inputs(&self) -> &TextInputs {
        &self.inputs
    }

    /// Whether padding goes before the tokens.
    pub fn pads_left(&self) -> bool {
        self.settings.pads_left
    }

    /// Whether sequences of different lengths can share a batch: the graph takes a mask, and knows positions from the left or is
    /// told them.
    pub fn pads_freely(&self) -> bool {
        self.inputs.attention_mask.is_some() && (!self.settings.pads_left || self.inputs.position_ids.is_some())
    }

    /// Digest of everything that decides which ids a text becomes, and how a batch is padded.
    pub fn digest(&self) -> blake3::Hash {
        self.digest
    }
}

impl fmt::Debug for TextProcessor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TextProcessor({self})")
    }
}

impl fmt::Display for TextProcessor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Settings {
            special_tokens,
            max_length,
            ..
        } = &self.settings;
        write!(f, "tokenizer.json ({} tokens)", self.tokenizer.get_vocab_size(true))?;
        f.write_str(if *special_tokens { " with" } else { " without" })?;
        f.write_str(" special tokens")?;
        match max_length {
            Some(length) => write!(f, ", at most {length} tokens")?,
            None => f.write_str(", of any length")?,
        }
        f.write_str(match self.pairs {
            Pairs::Joined => ", pairs in one sequence",
            Pairs::Apart => ", pairs as [u, v, |u - v|, u * v]",
            Pairs::Interleaved => ", pairs in two rows",
        })
    }
}

/// Runs `f`, and makes an error text of a panic in it: a foreign file decides what a tokenizer meets.
fn guarded<T>(f: impl FnOnce() -> tokenizers::Result<T>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(result) => result.map_err(|error| error.to_string()),
        Err(_) => Err("it panicked".to_owned()),
    }
}

#[cfg(test)]
mod tests;
