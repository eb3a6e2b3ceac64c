//! Preparing texts for a model: its own tokenizer, special tokens, maximum length, padding and pooling.
//!
//! ```text
//! text ──encode──► Sequence (ids, segments) ─┐
//! words ─windows─► Window (ids, where each word is) ─┴─batch──► TokenBatch [rows, length]: one tensor for each input of the graph
//! ```
//!
//! - **Tokens** come from `tokenizer.json`, with its template and special tokens unless `config.json` has
//!   `"add_special_tokens": false`.
//! - **Maximum length**: `max_seq_length` of `sentence_bert_config.json`, or else the smaller of `model_max_length` of
//!   `tokenizer_config.json` and the truncation of `tokenizer.json`; never more than the positions of `config.json` or the sequence
//!   length of the graph. Longer texts are truncated on the configured side, and [`Sequence::dropped`] counts the lost tokens.
//! - **Pairs** are one sequence where the tokenizer has a template for pairs and special tokens are used ([`Pairs::Joined`]).
//!   Otherwise each text is a sequence of its own ([`Pairs::Apart`]), and pooling joins their features `u` and `v` to
//!   `[u, v, |u − v|, u ⊙ v]`; a graph tuned on such pairs does that itself ([`Pairs::Interleaved`], by its metadata).
//! - **Padding** uses the configured side and token, and only fills up to the longest sequence of a batch. Where padding would
//!   change the result ([`TextProcessor::pads_freely`] is false), all sequences of a batch need the same length.
//! - **Pooling** is [`HubEntry::pooling`](crate::HubEntry) (`1_Pooling/config.json`, or a manifest); by default the last token for
//!   decoders and the mean over the attention mask for all other models.
//! - **Words** (named entities) are tokenized one by one, with a space before each for byte-level tokenizers, as in pre-training.
//!   Sentences longer than the maximum length are split into overlapping [`Window`]s; every word is in exactly one of them.

mod batch;
mod guard;
mod inputs;
mod settings;
mod unknown;
mod words;

use std::fmt;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use ranktune_onnx::{INTERLEAVED_PAIRS, Model};
use tokenizers::{EncodeInput, Encoding, Tokenizer, TruncationDirection, TruncationParams, TruncationStrategy};

pub use batch::TokenBatch;
pub use inputs::TextInputs;
pub use words::Window;

use crate::{Error, HubEntry, TextPooling};
use guard::{TokenizerError, guarded};
use settings::Settings;

/// A tokenized text, or pair of texts, with its special tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sequence {
    /// `[tokens]`
    pub ids: Vec<i64>,
    /// The segment of each token: 1 for the second text of a pair.
    pub types: Vec<i64>,
    /// Tokens lost to truncation.
    pub dropped: usize,
}

/// How pairs of texts are fed to a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pairs {
    /// One sequence with the tokenizer's template for pairs.
    Joined,
    /// One sequence for each text.
    Apart,
    /// One sequence for each text, in rows 2i and 2i + 1 of a batch, for which the graph has one row of output.
    Interleaved,
}

/// Prepares texts for one model. Clones share the tokenizer.
#[derive(Clone)]
pub struct TextProcessor {
    inputs: TextInputs,
    settings: Settings,
    pooling: TextPooling,
    pairs: Pairs,
    /// Without truncation.
    tokenizer: Arc<Tokenizer>,
    /// With truncation to the maximum length; created for the first text that is longer.
    truncating: Arc<OnceLock<Result<Tokenizer, TokenizerError>>>,
    for_words: Arc<OnceLock<Result<words::WordTokenizer, TokenizerError>>>,
    /// The id of the token for unknown words.
    unknown: Option<u32>,
    digest: blake3::Hash,
}

/// Model families with causal attention, in which only the last token attends to all others.
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
    /// The preprocessing of texts for this model, whose graph is `model`. `pooling` takes precedence over the files.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound): no `tokenizer.json`.
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed): an invalid file.
    /// [`ErrorKind::Mismatch`](crate::ErrorKind::Mismatch): the tokenizer has more tokens than the model's embedding has rows, or
    /// the graph's inputs are not those of a text model. [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported): unknown pooling.
    /// The text names file and field.
    pub fn text_processor(&self, model: &Model, pooling: Option<TextPooling>) -> Result<TextProcessor, Error> {
        let inputs = TextInputs::of(model).map_err(|error| error.in_file(&self.model_path))?;
        let Some(tokenizer) = &self.tokenizer_path else {
            let text = "there is no tokenizer.json beside the model; save it there with \
                        AutoTokenizer.from_pretrained(NAME).save_pretrained(FOLDER) of the Python package transformers";
            let place = self.dir.as_deref().unwrap_or(&self.model_path);
            return Err(Error::not_found(text).in_file(place));
        };
        let pooling = match pooling.or_else(|| self.pooling.clone()) {
            Some(TextPooling::Other(name)) => {
                let text = format!("pooling by {name} is not supported; choose mean, first or last with --pooling");
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
        let broken = |error: TokenizerError| Error::malformed("invalid tokenizer").caused_by(error).in_file(path);
        let (bytes, json) = settings::read(path)?;
        let readable = settings::without_empty_maps(&json);
        let readable = readable.as_deref().unwrap_or(&bytes);
        let mut tokenizer = guarded(|| Tokenizer::from_bytes(readable)).map_err(broken)?;
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
        // The number is increased when the same settings come to mean other ids.
        hasher.update(format!("ranktune text 1|{settings:?}|{pairs:?}|{inputs:?}|").as_bytes());
        hasher.update(&bytes);
        Ok(Self {
            inputs,
            settings,
            pooling,
            pairs,
            unknown: words::unknown(json.get("model")).and_then(|token| tokenizer.token_to_id(&token)),
            tokenizer: Arc::new(tokenizer),
            truncating: Arc::default(),
            for_words: Arc::default(),
            digest: hasher.finalize(),
        })
    }

    /// Tokenizes a text.
    ///
    /// # Errors
    /// [`ErrorKind::Mismatch`](crate::ErrorKind::Mismatch): a token that has no row in the model's embedding.
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported): the tokenizer fails, as one without an unknown token does on an
    /// unknown word.
    pub fn encode(&self, text: &str) -> Result<Sequence, Error> {
        self.sequence(text.into())
    }

    /// Tokenizes a pair of texts into one sequence, regardless of [`pairs`](Self::pairs).
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn encode_pair(&self, first: &str, second: &str) -> Result<Sequence, Error> {
        self.sequence((first, second).into())
    }

    fn sequence(&self, text: EncodeInput<'_>) -> Result<Sequence, Error> {
        let specials = self.settings.special_tokens;
        let fits = |encoded: &Encoding| self.settings.max_length.is_none_or(|length| encoded.len() <= length);
        let mut encoded = guarded(|| self.tokenizer.encode_fast(text.clone(), specials))?;
        let length = encoded.len();
        if !fits(&encoded) {
            let truncating = self.truncating.get_or_init(|| self.truncating()).as_ref();
            let truncating = truncating.map_err(TokenizerError::clone)?;
            encoded = guarded(|| truncating.encode_fast(text, specials))?;
        }
        let ids = encoded.get_ids().iter().map(|&id| self.inputs.checked(id));
        Ok(Sequence {
            dropped: length - encoded.len(),
            types: encoded.get_type_ids().iter().map(|&id| id.into()).collect(),
            ids: ids.collect::<Result<_, _>>()?,
        })
    }

    /// The tokenizer with truncation to the maximum length.
    fn truncating(&self) -> Result<Tokenizer, TokenizerError> {
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

    /// Overrides how pairs are fed to the model.
    fn set_pairs(&mut self, pairs: Pairs) {
        self.pairs = pairs;
        let mut hasher = blake3::Hasher::new();
        hasher
            .update(self.digest.as_bytes())
            .update(format!("{pairs:?}").as_bytes());
        self.digest = hasher.finalize();
    }

    /// How pairs are fed to the model.
    pub fn pairs(&self) -> Pairs {
        self.pairs
    }

    /// How the features of tokens are pooled.
    pub fn pooling(&self) -> &TextPooling {
        &self.pooling
    }

    /// The longest sequence, including special tokens; `None` if unlimited.
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

    /// Whether sequences of different lengths can share a batch: the graph has an attention mask, and either padding is on the
    /// right or the graph has an input for positions.
    pub fn pads_freely(&self) -> bool {
        self.inputs.attention_mask.is_some() && (!self.settings.pads_left || self.inputs.position_ids.is_some())
    }

    /// Digest of everything that determines the ids of a text and the padding of a batch.
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

#[cfg(test)]
mod tests;
