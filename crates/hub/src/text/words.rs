//! Sentences of words, split into windows of at most the model's maximum length.
//!
//! Windows overlap by a quarter, and a word's features come from the window in which it is farther from an edge, so that it has
//! context on both sides. Words are never split, except one that is longer than a window: its first tokens are kept.

use std::ops::Range;

use tokenizers::{InputSequence, Tokenizer};

use super::guard::{TokenizerError, guarded};
use super::settings::Settings;
use super::{Sequence, TextProcessor};
use crate::Error;

/// A part of a sentence that fits the model's maximum length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// The tokens.
    pub sequence: Sequence,
    /// The words whose features come from this window, by their index in the sentence, with the range of their tokens in
    /// [`sequence`](Self::sequence). The range is empty for a word without tokens.
    pub words: Vec<(usize, Range<usize>)>,
}

/// A tokenizer for single words, and the special tokens around a sentence.
pub(super) struct WordTokenizer {
    tokenizer: Tokenizer,
    before: Vec<(i64, i64)>,
    after: Vec<(i64, i64)>,
    unknown: Option<u32>,
}

impl WordTokenizer {
    fn new(tokenizer: &Tokenizer, settings: &Settings) -> Result<Self, TokenizerError> {
        let mut json = serde_json::to_value(tokenizer)?;
        if let Some(pre_tokenizer) = json.get_mut("pre_tokenizer") {
            add_prefix_space(pre_tokenizer);
        }
        let bytes = serde_json::to_vec(&json)?;
        let tokenizer = guarded(|| Tokenizer::from_bytes(&bytes))?;
        let mut words = Self {
            unknown: unknown(json.get("model")).and_then(|token| tokenizer.token_to_id(&token)),
            tokenizer,
            before: Vec::new(),
            after: Vec::new(),
        };
        if settings.special_tokens {
            let input = InputSequence::PreTokenized(vec!["a"].into());
            let encoded = guarded(|| words.tokenizer.encode(input, true))?;
            let special = |at: &usize| encoded.get_special_tokens_mask()[*at] != 0;
            let pair = |at: usize| (encoded.get_ids()[at].into(), encoded.get_type_ids()[at].into());
            let count = encoded.len();
            let first = (0..count).find(|at| !special(at)).unwrap_or(count);
            let last = (first..count).rev().find(|at| !special(at)).map_or(count, |at| at + 1);
            words.before = (0..first).map(pair).collect();
            words.after = (last..count).map(pair).collect();
        }
        Ok(words)
    }

    /// The ids of each word, `[words]` lists.
    fn ids(&self, words: &[String]) -> Result<Vec<Vec<u32>>, TokenizerError> {
        let texts: Vec<&str> = words.iter().map(String::as_str).collect();
        // `encode_fast` does not keep the word of each token.
        let encoded = guarded(|| self.tokenizer.encode(InputSequence::PreTokenized(texts.into()), false))?;
        let mut ids = vec![Vec::new(); words.len()];
        for (&id, word) in encoded.get_ids().iter().zip(encoded.get_word_ids()) {
            if let Some(ids) = word.and_then(|word| ids.get_mut(word as usize)) {
                ids.push(id);
            }
        }
        // A word without tokens is an unknown word.
        if let Some(unknown) = self.unknown {
            ids.iter_mut()
                .filter(|ids| ids.is_empty())
                .for_each(|ids| ids.push(unknown));
        }
        Ok(ids)
    }
}

/// The vocabulary of byte-level tokenizers has most words with a space before them.
fn add_prefix_space(pre_tokenizer: &mut serde_json::Value) {
    let kind = pre_tokenizer
        .get("type")
        .and_then(serde_json::Value::as_str)
        .unwrap_or_default();
    match kind {
        "ByteLevel" => pre_tokenizer["add_prefix_space"] = true.into(),
        "Sequence" => {
            let parts = pre_tokenizer
                .get_mut("pretokenizers")
                .and_then(serde_json::Value::as_array_mut);
            parts.into_iter().flatten().for_each(add_prefix_space);
        }
        _ => {}
    }
}

/// The text of the token for unknown words, by the part `model` of a tokenizer's file.
pub(super) fn unknown(model: Option<&serde_json::Value>) -> Option<String> {
    let model = model?;
    if let Some(token) = model.get("unk_token").and_then(serde_json::Value::as_str) {
        return Some(token.to_owned());
    }
    let place = usize::try_from(model.get("unk_id")?.as_u64()?).ok()?;
    Some(model.get("vocab")?.get(place)?.get(0)?.as_str()?.to_owned())
}

impl TextProcessor {
    /// Tokenizes a sentence of words, into several windows if it is longer than the maximum length. Every word is in exactly one
    /// of them.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn windows(&self, words: &[String]) -> Result<Vec<Window>, Error> {
        let tokenizer = self
            .for_words
            .get_or_init(|| WordTokenizer::new(&self.tokenizer, &self.settings))
            .as_ref()
            .map_err(TokenizerError::clone)?;
        let specials = tokenizer.before.len() + tokenizer.after.len();
        let room = match self.settings.max_length {
            None => usize::MAX,
            Some(length) if length > specials => length - specials,
            Some(length) => {
                let text = format!("a maximum length of {length} leaves no room beside {specials} special tokens");
                return Err(Error::mismatch(text));
            }
        };
        let ids = tokenizer.ids(words)?;
        let lengths: Vec<usize> = ids.iter().map(|ids| ids.len().min(room)).collect();
        let mut windows = Vec::new();
        for (seen, taken) in cut(&lengths, room) {
            let mut window = Window {
                sequence: Sequence::default(),
                words: Vec::with_capacity(taken.len()),
            };
            let sequence = &mut window.sequence;
            let mut push = |id: i64, segment: i64| {
                sequence.ids.push(id);
                sequence.types.push(segment);
                sequence.ids.len()
            };
            tokenizer.before.iter().for_each(|&(id, segment)| _ = push(id, segment));
            let mut end = tokenizer.before.len();
            for word in seen {
                let start = end;
                for &id in &ids[word][..lengths[word]] {
                    end = push(self.inputs.checked(id)?, 0);
                }
                if taken.contains(&word) {
                    window.words.push((word, start..end));
                }
            }
            tokenizer.after.iter().for_each(|&(id, segment)| _ = push(id, segment));
            window.sequence.dropped = taken.map(|word| ids[word].len() - lengths[word]).sum();
            windows.push(window);
        }
        Ok(windows)
    }
}

/// Splits words of these numbers of tokens into windows of at most `room` tokens: for each window, the range of its words and the
/// range of those whose features come from it. A window overlaps the one before by a quarter.
pub(super) fn cut(lengths: &[usize], room: usize) -> Vec<(Range<usize>, Range<usize>)> {
    let mut seen: Vec<Range<usize>> = Vec::new();
    let mut start = 0;
    loop {
        let (mut end, mut used) = (start, 0);
        while end < lengths.len() && used + lengths[end] <= room {
            used += lengths[end];
            end += 1;
        }
        seen.push(start..end);
        if end >= lengths.len() {
            break;
        }
        let (mut next, mut overlap) = (end, 0);
        while next > start + 1 && overlap + lengths[next - 1] <= room / 4 && fits(lengths, next - 1, end, room) {
            next -= 1;
            overlap += lengths[next];
        }
        start = next;
    }
    let mut from = 0;
    let mut cuts = Vec::with_capacity(seen.len());
    for (at, window) in seen.iter().enumerate() {
        // The middle of the overlap of two windows.
        let to = seen
            .get(at + 1)
            .map_or(window.end, |next| next.start + (window.end - next.start).div_ceil(2));
        cuts.push((window.clone(), from..to));
        from = to;
    }
    cuts
}

/// Whether a window that begins at `start` reaches beyond `end`, so that every window adds a word.
fn fits(lengths: &[usize], start: usize, end: usize, room: usize) -> bool {
    lengths[start..=end].iter().sum::<usize>() <= room
}
