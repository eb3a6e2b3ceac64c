//! A data set of tagged words from sentences that a reader has found.

use std::path::Path;

use crate::error::{counted, listed};
use crate::tags::{self, TagScheme};
use crate::target::distinct_names;
use crate::{Dataset, DatasetTargets, Error, Inference, Inputs, Result, Task};

/// Sentences with their tags and where they stand.
#[derive(Default)]
pub(super) struct Found {
    pub(super) words: Vec<Vec<String>>,
    pub(super) tags: Vec<Vec<String>>,
    places: Vec<String>,
}

impl Found {
    pub(super) fn push(&mut self, words: Vec<String>, tags: Vec<String>, place: String) {
        self.words.push(words);
        self.tags.push(tags);
        self.places.push(place);
    }
}

/// The data set. `source` is what holds the tags, for the reason of the task.
///
/// # Errors
/// `Invalid`: no words, fewer than two tags, tags that break their scheme.
pub(super) fn dataset(
    path: &Path,
    found: Found,
    scheme: Option<TagScheme>,
    source: &str,
    mut notes: Vec<String>,
) -> Result<Dataset> {
    let invalid = |message: String| Error::invalid(message).in_file(path);
    if found.words.is_empty() {
        return Err(invalid(format!("{source} holds no words")));
    }
    let are_numbers = found.words.iter().flatten().all(|word| word.parse::<f64>().is_ok());
    if let Some(number) = found.words.iter().flatten().next().filter(|_| are_numbers) {
        return Err(invalid(format!(
            "all words are numbers, such as {number:?}; name the column of the words with --input-column"
        )));
    }
    let tags: Vec<Vec<&str>> = found
        .tags
        .iter()
        .map(|tags| tags.iter().map(String::as_str).collect())
        .collect();
    let scheme = tags::checked_scheme(&tags, scheme, &|sentence, _| found.places[sentence].clone())
        .map_err(|error| error.in_file(path))?;
    let (names, index) = distinct_names(tags.iter().flatten().copied())?;
    if names.len() < 2 {
        return Err(invalid(format!(
            "all words have the tag {}; expected at least two tags in {source}",
            listed(&names)
        )));
    }
    let sentences: Vec<Vec<u32>> = tags
        .iter()
        .map(|tags| tags.iter().map(|tag| index[tag]).collect())
        .collect();
    let count: usize = found.words.iter().map(Vec::len).sum();
    notes.push(format!(
        "{} in {}",
        counted(count, "word"),
        counted(found.words.len(), "sentence")
    ));
    let reason = format!("{source} holds {} tags, {}", names.len(), tags::described(scheme));
    let targets = DatasetTargets::Tags {
        names,
        sentences,
        scheme,
    };
    let mut dataset = Dataset::new(path, Inputs::sentences(found.words), targets)?;
    dataset.inferred = Inference {
        task: Task::Tokens,
        reason,
    };
    dataset.notes = notes;
    Ok(dataset)
}
