//! The settings for texts in the files beside a model.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tokenizers::Tokenizer;

use super::TextInputs;
use crate::json::{self, Object};
use crate::{Error, HubEntry};

/// Tokenizer files are megabytes; this bounds the memory that a hostile one can take.
const MAX_BYTES: u64 = 256 << 20;

/// Longer than this, a maximum length stands for none (`tokenizer_config.json` writes 10³⁰).
const UNLIMITED: f64 = 1e9;

/// How texts are tokenized and padded.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) special_tokens: bool,
    /// Special tokens included.
    pub(super) max_length: Option<usize>,
    pub(super) cuts_left: bool,
    pub(super) pads_left: bool,
    pub(super) pad_id: i64,
    pub(super) pad_type_id: i64,
}

/// The bytes and the fields of a `tokenizer.json`.
pub(super) fn read(path: &Path) -> Result<(Vec<u8>, Object), Error> {
    let io = |error| Error::io("cannot read the tokenizer", error, path);
    let length = fs::metadata(path).map_err(io)?.len();
    if length > MAX_BYTES {
        let text = format!("the tokenizer is too large: expected at most {MAX_BYTES} bytes, found {length}");
        return Err(Error::malformed(text).in_file(path));
    }
    let bytes = fs::read(path).map_err(io)?;
    match serde_json::from_slice(&bytes) {
        Ok(Value::Object(object)) => Ok((bytes, object)),
        Ok(_) => Err(Error::malformed("expected a JSON object").in_file(path)),
        Err(error) => Err(Error::malformed(format!("invalid JSON: {error}")).in_file(path)),
    }
}

/// The tokenizer without the normalizers `Precompiled` that have no map, which do nothing and which the tokenizers library does
/// not read (converters of SentencePiece models write them); `None` if there are none.
pub(super) fn without_empty_maps(json: &Object) -> Option<Vec<u8>> {
    fn is_empty(normalizer: &Value) -> bool {
        normalizer.get("type").and_then(Value::as_str) == Some("Precompiled")
            && normalizer
                .get("precompiled_charsmap")
                .is_none_or(|map| map.is_null() || map.as_str() == Some(""))
    }
    /// Whether one was removed.
    fn clean(normalizer: &mut Value) -> bool {
        if is_empty(normalizer) {
            *normalizer = Value::Null;
            return true;
        }
        let Some(Value::Array(inner)) = normalizer.get_mut("normalizers") else {
            return false;
        };
        let before = inner.len();
        inner.retain(|normalizer| !is_empty(normalizer));
        let mut is_changed = inner.len() < before;
        for normalizer in inner {
            is_changed |= clean(normalizer);
        }
        is_changed
    }
    let mut normalizer = json.get("normalizer")?.clone();
    if !clean(&mut normalizer) {
        return None;
    }
    let mut json = json.clone();
    json.insert("normalizer".to_owned(), normalizer);
    serde_json::to_vec(&json).ok()
}

/// The first of the files that sentence-transformers reads the maximum length from, as its versions have named them.
fn sentence_settings(entry: &HubEntry) -> Result<Object, Error> {
    const FAMILIES: [&str; 7] = [
        "bert",
        "roberta",
        "distilbert",
        "camembert",
        "albert",
        "xlm-roberta",
        "xlnet",
    ];
    for dir in entry
        .dir
        .iter()
        .flat_map(|dir| [dir.clone(), dir.join("0_Transformer")])
    {
        for family in FAMILIES {
            if let Some(object) = json::read_object(&dir.join(format!("sentence_{family}_config.json")))? {
                return Ok(object);
            }
        }
    }
    Ok(Object::new())
}

impl Settings {
    /// Gathers the settings of `entry`, whose `tokenizer.json` at `path` holds `json`.
    pub(super) fn of(
        entry: &HubEntry,
        path: &Path,
        json: &Object,
        tokenizer: &Tokenizer,
        inputs: &TextInputs,
    ) -> Result<Self, Error> {
        // Beside `tokenizer.json`, which old versions of sentence-transformers keep in a folder of its own.
        let config = json::read_object(&path.with_file_name("tokenizer_config.json"))?.unwrap_or_default();
        let sentence = sentence_settings(entry)?;
        let text = |name: &str| config.get(name).and_then(Value::as_str);
        let part = |name: &str| json.get(name).and_then(Value::as_object);
        let padding = part("padding");
        let whole = |object: Option<&Object>, name: &str| object?.get(name).and_then(json::whole);
        let is_left = |side: Option<&str>| side.is_some_and(|side| side.eq_ignore_ascii_case("left"));

        let special_tokens = entry.config.add_special_tokens.unwrap_or(true);
        let asked = whole(Some(&sentence), "max_seq_length").or_else(|| {
            let all = [
                length(config.get("model_max_length")),
                whole(part("truncation"), "max_length"),
            ];
            all.into_iter().flatten().min()
        });
        let max_length = [asked, n_positions(entry), inputs.sequence].into_iter().flatten().min();
        let specials = if special_tokens { n_specials(tokenizer) } else { 0 };
        if let Some(max_length) = max_length
            && max_length <= specials
        {
            let message = format!("a maximum length of {max_length} leaves no room beside {specials} special tokens");
            return Err(Error::mismatch(message).in_file(path));
        }
        let pad_token = config.get("pad_token").and_then(token_text);
        let pad_id = whole(padding, "pad_id")
            .or(entry.config.pad_token_id)
            .or_else(|| Some(tokenizer.token_to_id(pad_token?)? as usize))
            .or_else(|| {
                ["[PAD]", "<pad>"]
                    .iter()
                    .find_map(|token| Some(tokenizer.token_to_id(token)? as usize))
            })
            .filter(|id| inputs.n_embeddings.is_none_or(|rows| *id < rows))
            .unwrap_or(0);
        let number = |value: usize| i64::try_from(value).unwrap_or(0);
        Ok(Self {
            special_tokens,
            max_length,
            cuts_left: is_left(direction(part("truncation")).or(text("truncation_side"))),
            pads_left: is_left(direction(padding).or(text("padding_side"))),
            pad_id: number(pad_id),
            pad_type_id: whole(padding, "pad_type_id").map_or(0, number),
        })
    }
}

/// The side of `truncation` or `padding` in `tokenizer.json`.
fn direction(object: Option<&Object>) -> Option<&str> {
    object?.get("direction").and_then(Value::as_str)
}

/// A token's text: `"[PAD]"`, or an object with its content.
fn token_text(value: &Value) -> Option<&str> {
    value.as_str().or_else(|| value.get("content")?.as_str())
}

/// A maximum length, unless the number stands for none.
fn length(value: Option<&Value>) -> Option<usize> {
    let value = value?;
    value.as_f64().filter(|length| *length < UNLIMITED)?;
    json::whole(value)
}

/// Number of position embeddings. The RoBERTa family numbers positions from the padding token's id on.
fn n_positions(entry: &HubEntry) -> Option<usize> {
    const COUNTS_FROM_PADDING: &[&str] = &[
        "roberta",
        "xlm-roberta",
        "xlm-roberta-xl",
        "camembert",
        "mpnet",
        "longformer",
        "data2vec-text",
    ];
    let positions = entry.config.max_position_embeddings?;
    let family = entry.config.model_type.as_deref().unwrap_or_default();
    if COUNTS_FROM_PADDING.contains(&family) {
        let taken = entry.config.pad_token_id.unwrap_or(1) + 1;
        return Some(positions.saturating_sub(taken));
    }
    // With relative positions, 0 does not limit the length.
    if positions == 0 { None } else { Some(positions) }
}

/// Special tokens that the template adds to one text.
fn n_specials(tokenizer: &Tokenizer) -> usize {
    use tokenizers::PostProcessor as _;
    tokenizer
        .get_post_processor()
        .map_or(0, |template| template.added_tokens(false))
}

/// Whether the tokenizer joins two texts with special tokens.
pub(super) fn has_pair_template(json: &Object) -> bool {
    fn of(processor: &Value) -> bool {
        match processor.get("type").and_then(Value::as_str) {
            Some("BertProcessing" | "RobertaProcessing") => true,
            Some("TemplateProcessing") => processor.get("pair").and_then(Value::as_array).is_some_and(|pair| {
                let is = |item: &Value, kind: &str| item.get(kind).is_some();
                pair.iter().filter(|item| is(item, "Sequence")).count() == 2
                    && pair.iter().any(|item| is(item, "SpecialToken"))
            }),
            Some("Sequence") => processor
                .get("processors")
                .and_then(Value::as_array)
                .is_some_and(|all| all.iter().any(of)),
            _ => false,
        }
    }
    json.get("post_processor").is_some_and(of)
}
