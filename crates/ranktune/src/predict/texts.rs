//! Predictions of texts, pairs of them, and the words of sentences.
//!
//! An input is a text, or a file with one text per line. A pair is two texts separated by a tab. Words are separated by spaces.

use std::fs;
use std::path::PathBuf;

use ranktune_core::{Event, Progress};
use ranktune_data::{Dataset, DatasetTargets, Inputs, TagScheme};
use ranktune_features::extract::{Sequences, TextSide};
use ranktune_hub::text::Pairs;
use ranktune_report::evaluation::{Prediction, TaggedWord};

use super::without_targets;
use crate::error::{Error, ErrorKind};
use crate::predictor::RunContext;
use crate::tagger::Tagger;

fn wrong(message: String) -> Error {
    Error::new(ErrorKind::Data, message)
}

/// The texts of `inputs`. An input that looks like the name of a missing file is noted, and taken as a text.
///
/// # Errors
/// [`ErrorKind::Data`]: a folder, a file that is not UTF-8, or no text at all.
pub(super) fn texts(inputs: &[PathBuf], progress: &dyn Progress) -> Result<Vec<String>, Error> {
    let mut texts = Vec::new();
    for input in inputs {
        let shown = input.display();
        if input.is_dir() {
            return Err(wrong(format!(
                "{shown}: expected a text, or a file with one text per line, found a folder"
            )));
        }
        if input.is_file() {
            let bytes = fs::read(input).map_err(|error| wrong(format!("{shown}: {error}")))?;
            let content = String::from_utf8(bytes).map_err(|_| {
                wrong(format!(
                    "{shown}: not valid UTF-8; expected a file with one text per line"
                ))
            })?;
            texts.extend(
                content
                    .lines()
                    .filter(|line| !line.trim().is_empty())
                    .map(str::to_owned),
            );
            continue;
        }
        let text = input
            .to_str()
            .ok_or_else(|| wrong(format!("{shown}: not valid UTF-8")))?;
        if looks_like_a_file(text) {
            progress.event(Event::Note(&format!("{text}: no such file; taken as a text")));
        }
        texts.push(text.to_owned());
    }
    if texts.is_empty() {
        return Err(wrong("expected at least one text, found none".to_owned()));
    }
    Ok(texts)
}

/// Whether a text without spaces is a path, or ends like the name of a text file.
fn looks_like_a_file(text: &str) -> bool {
    let endings = [".txt", ".csv", ".tsv", ".json", ".jsonl", ".md"];
    !text.contains(char::is_whitespace)
        && !text.contains("://")
        && (text.starts_with(['/', '.']) && text.len() > 1 || endings.iter().any(|ending| text.ends_with(ending)))
}

/// `texts` as a data set: pairs if the model takes only pairs, or if every text has a tab and the tokenizer joins pairs.
///
/// # Errors
/// [`ErrorKind::Data`]: a text without a tab for a model that takes only pairs.
pub(super) fn dataset(texts: &[String], side: &TextSide) -> Result<Dataset, Error> {
    let split: Vec<Option<(&str, &str)>> = texts.iter().map(|text| text.split_once('\t')).collect();
    let needs_pairs = side.sequences() == Sequences::Interleaved;
    let pairs = needs_pairs || (side.processor.pairs() == Pairs::Joined && split.iter().all(Option::is_some));
    if !pairs {
        return without_targets(Inputs::texts(texts.to_vec()));
    }
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for (text, split) in texts.iter().zip(split) {
        let Some((one, other)) = split else {
            return Err(wrong(format!(
                "{text:?}: the model takes pairs of texts; expected two texts separated by a tab"
            )));
        };
        first.push(one.to_owned());
        second.push(other.to_owned());
    }
    without_targets(Inputs::pairs(first, second))
}

/// The tags of the words of `texts`.
///
/// # Errors
/// [`ErrorKind::Data`]: a text without words; those of extraction.
pub(super) fn tagged(tagger: &Tagger, texts: Vec<String>, context: RunContext<'_>) -> Result<Vec<Prediction>, Error> {
    let sentences: Vec<Vec<String>> = texts
        .iter()
        .map(|text| text.split_ascii_whitespace().map(str::to_owned).collect())
        .collect();
    if let Some(at) = sentences.iter().position(Vec::is_empty) {
        return Err(wrong(format!("text {}: expected words, found none", at + 1)));
    }
    let targets = DatasetTargets::Tags {
        names: vec![String::new()],
        sentences: sentences.iter().map(|words| vec![0; words.len()]).collect(),
        scheme: TagScheme::Plain,
    };
    let dataset = Dataset::new("inputs", Inputs::sentences(sentences.clone()), targets)?;
    let mut tags = tagger.tags(&dataset, context)?.into_iter();
    let predictions = texts.into_iter().zip(sentences).map(|(input, words)| {
        let tag = |word: String| TaggedWord {
            word,
            tag: tags.next().map_or_else(String::new, |tag| tagger.names[tag].clone()),
        };
        Prediction {
            tags: Some(words.into_iter().map(tag).collect()),
            ..Prediction::of(input)
        }
    });
    Ok(predictions.collect())
}

#[cfg(test)]
mod tests {
    use ranktune_core::Silent;

    use super::*;

    #[test]
    fn what_looks_like_a_file_is_told_from_texts() {
        for name in ["missing.txt", "./questions", "/tmp/x", "../a.jsonl"] {
            assert!(looks_like_a_file(name), "{name}");
        }
        for text in [
            "What is a .txt ?",
            "and/or",
            "...and so on",
            "https://x.org/a.txt",
            "",
            ".",
            "1.5",
        ] {
            assert!(!looks_like_a_file(text), "{text}");
        }
    }

    #[test]
    fn an_input_is_a_text_or_a_file_of_them() {
        let texts = |inputs: &[PathBuf]| texts(inputs, &Silent);
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("texts.txt");
        fs::write(&file, "one text\n\nanother\n").unwrap();
        let found = texts(&["What is this ?".into(), file.clone()]).unwrap();
        assert_eq!(found, ["What is this ?", "one text", "another"]);
        let error = texts(&[place.path().to_owned()]).unwrap_err().to_string();
        assert!(error.contains("found a folder"), "{error}");
        fs::write(&file, b"\xff\xfe").unwrap();
        assert!(
            texts(std::slice::from_ref(&file))
                .unwrap_err()
                .to_string()
                .contains("UTF-8")
        );
        fs::write(&file, "\n").unwrap();
        assert!(texts(&[file]).is_err());
    }
}
