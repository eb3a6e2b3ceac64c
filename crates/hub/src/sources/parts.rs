//! The names of ONNX files that belong to one model: its parts, and the precisions that they come in.
//!
//! | file, of optimum and transformers.js | is |
//! |---|---|
//! | `encoder_model`, `vision_model`, `text_model`, `vision_encoder`, `text_encoder`, `image_encoder` | an encoder, or a tower of two: a model of its own |
//! | `decoder_model`, `decoder_with_past_model`, … | what needs an encoder's results: no model |
//! | `model` | all of it |
//! | any of them with `_fp16`, `_quantized`, `_O3`, … | the same in another precision |

use std::path::{Path, PathBuf};

use super::names::stem_of;

/// Parts that take samples themselves.
const ENCODERS: [&str; 6] = [
    "encoder_model",
    "vision_model",
    "text_model",
    "vision_encoder",
    "text_encoder",
    "image_encoder",
];

/// What exporters append for a precision or an optimization, the nearest to the weights as they were trained first.
const PRECISIONS: [&str; 15] = [
    "_O1",
    "_O2",
    "_O3",
    "_O4",
    "_fp16",
    "_quantized",
    "_int8",
    "_uint8",
    "_q8",
    "_qint8_avx512",
    "_qint8_avx512_vnni",
    "_qint8_arm64",
    "_quint8_avx2",
    "_q4",
    "_q4f16",
];

/// The part that a file is, and how far its precision is from that of training.
fn part(file: &Path) -> (String, usize) {
    let stem = stem_of(file);
    let found = PRECISIONS.iter().enumerate().find_map(|(rank, suffix)| {
        let part = stem.strip_suffix(suffix)?;
        Some((part.to_owned(), rank + 1))
    });
    found.unwrap_or((stem, 0))
}

/// Of the files of the part, the one in the precision that is nearest to that of training.
fn best(files: &[PathBuf], name: &str) -> Option<PathBuf> {
    let of_part = files.iter().filter(|file| part(file).0 == name);
    of_part.min_by_key(|file| part(file).1).cloned()
}

/// The encoders among `files`, each with its name and in one precision; none where a file is no part of one model.
pub(super) fn encoders(files: &[PathBuf]) -> Vec<(&'static str, PathBuf)> {
    let is_part = |file: &PathBuf| {
        let (name, _) = part(file);
        ENCODERS.contains(&name.as_str())
            || ["model", "embed_tokens"].contains(&name.as_str())
            || name.contains("decoder")
    };
    if !files.iter().all(is_part) {
        return Vec::new();
    }
    let found = ENCODERS.iter().filter_map(|name| Some((*name, best(files, name)?)));
    found.collect()
}

/// The model of a folder whose files are all one model in several precisions.
pub(super) fn of_one_model(files: &[PathBuf]) -> Option<PathBuf> {
    let is_one = !files.is_empty() && files.iter().all(|file| part(file).0 == "model");
    best(files, "model").filter(|_| is_one)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(names: &[&str]) -> Vec<PathBuf> {
        names
            .iter()
            .map(|name| PathBuf::from(format!("m/{name}.onnx")))
            .collect()
    }

    #[test]
    fn an_encoder_is_taken_once_in_the_best_precision_and_a_decoder_never() {
        let both = files(&[
            "decoder_model",
            "decoder_model_merged_quantized",
            "text_model_fp16",
            "text_model_quantized",
            "vision_model",
            "vision_model_q4",
        ]);
        let found = encoders(&both);
        let expected = [
            ("vision_model", "m/vision_model.onnx"),
            ("text_model", "m/text_model_fp16.onnx"),
        ];
        assert_eq!(found, expected.map(|(name, file)| (name, PathBuf::from(file))));
    }

    #[test]
    fn files_of_other_names_stand_for_themselves() {
        assert!(encoders(&files(&["text_encoder", "resnet50"])).is_empty());
        assert_eq!(
            encoders(&files(&["vision_encoder", "prompt_encoder_mask_decoder"])).len(),
            1
        );
    }

    #[test]
    fn precisions_of_one_model_are_one_model() {
        let best = |names: &[&str]| of_one_model(&files(names)).map(|file| stem_of(&file));
        assert_eq!(best(&["model_quantized", "model_fp16"]).as_deref(), Some("model_fp16"));
        assert_eq!(best(&["model_int8", "model_O3"]).as_deref(), Some("model_O3"));
        assert_eq!(best(&["model_int8", "other"]), None);
        assert_eq!(best(&[]), None);
    }
}
