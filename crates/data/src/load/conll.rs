//! CoNLL columns: one word and its tag per line, and an empty line after each sentence.
//!
//! ```text
//! -DOCSTART- -X- O O
//!
//! EU NNP I-NP I-ORG
//! rejects VBZ I-VP O
//! ```
//!
//! Columns are separated by tabs if the first line with a word has one, else by white space. The word is the first column; the
//! tag is the last, or [`LoadOptions::column`]. `-DOCSTART-` lines separate documents. In files with tabs, lines without a tab
//! that begin with `#` are comments.

use std::fs;
use std::path::Path;

use super::options::LoadOptions;
use crate::error::{counted, shortened};
use crate::tags::{self, TagScheme};
use crate::target::distinct_names;
use crate::{Dataset, DatasetTargets, Error, Inference, Inputs, Result, Task};

/// Extensions of files that are read as columns even without `--task tokens`.
pub(super) const EXTENSIONS: [&str; 8] = ["conll", "conll03", "iob", "iob1", "iob2", "bio", "bioes", "iobes"];

/// The separator of documents.
const DOCUMENT: &str = "-DOCSTART-";

/// A sentence: each word with its tag and its line.
type Sentence<'a> = Vec<(&'a str, &'a str, usize)>;

pub(super) fn read(path: &Path, options: &LoadOptions, notes: Vec<String>) -> Result<Dataset> {
    parse(path, options, notes).map_err(|error| error.in_file(path))
}

fn parse(path: &Path, options: &LoadOptions, mut notes: Vec<String>) -> Result<Dataset> {
    let bytes = fs::read(path).map_err(|error| Error::io("cannot be read", path, error))?;
    let text = text(&bytes)?;
    let columns = Columns::of(text, options)?;
    let (sentences, documents) = columns.sentences(text)?;
    if sentences.is_empty() {
        return Err(Error::invalid("no words found; expected one word and its tag per line"));
    }
    let tags: Vec<Vec<&str>> = sentences
        .iter()
        .map(|sentence| sentence.iter().map(|(_, tag, _)| *tag).collect())
        .collect();
    let scheme = options.tag_scheme.unwrap_or_else(|| tags::detect(&tags));
    for (sentence, tags) in sentences.iter().zip(&tags) {
        if let Some((word, fault)) = tags::faults(scheme, tags).next() {
            let line = sentence.get(word).map_or(0, |(_, _, line)| *line);
            let advice = if options.tag_scheme.is_some() {
                "; leave --tag-scheme out to infer it"
            } else {
                "; set --tag-scheme to iob1, iob2 or iobes, or to plain to take the tags as they are"
            };
            return Err(Error::invalid(fault + advice).at(format!("line {line}")));
        }
    }
    let (names, places) = distinct_names(tags.iter().flatten().copied())?;
    if names.len() < 2 {
        let message = format!(
            "all words have the tag {:?}; expected at least two tags in column {}",
            names.first().map_or("", String::as_str),
            columns.tag + 1
        );
        return Err(Error::invalid(message));
    }
    let labels = tags
        .iter()
        .map(|tags| tags.iter().map(|tag| places[tag]).collect())
        .collect();
    let words: Vec<Vec<String>> = sentences
        .iter()
        .map(|sentence| sentence.iter().map(|(word, _, _)| (*word).to_owned()).collect())
        .collect();
    let count: usize = words.iter().map(Vec::len).sum();
    let mut what = format!("{} in {}", counted(count, "word"), counted(words.len(), "sentence"));
    if documents > 0 {
        what += &format!(" of {}", counted(documents, "document"));
    }
    notes.push(what);
    let reason = format!(
        "column {} holds {} tags, {}",
        columns.tag + 1,
        names.len(),
        described(scheme)
    );
    let mut dataset = Dataset::new(
        path,
        Inputs::sentences(words),
        DatasetTargets::Tags {
            names,
            sentences: labels,
            scheme,
        },
    )?;
    dataset.inferred = Inference {
        task: Task::Tokens,
        reason,
    };
    dataset.notes = notes;
    Ok(dataset)
}

fn described(scheme: TagScheme) -> String {
    match scheme {
        TagScheme::Plain => "without entities".to_owned(),
        scheme => format!("scheme {scheme}"),
    }
}

/// The bytes as text, without a byte order mark.
fn text(bytes: &[u8]) -> Result<&str> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    std::str::from_utf8(bytes).map_err(|error| {
        let before = &bytes[..error.valid_up_to()];
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let found = bytes.get(error.valid_up_to()).copied().unwrap_or_default();
        let message = format!("not valid UTF-8: found byte 0x{found:02x}; save the file as UTF-8");
        Error::malformed(message).at(format!("line {line}"))
    })
}

/// How lines are split into columns.
struct Columns {
    has_tabs: bool,
    count: usize,
    /// The line that the count was taken from.
    line: usize,
    /// The column of the tag, from 0.
    tag: usize,
}

impl Columns {
    /// The columns of the first line of words.
    fn of(text: &str, options: &LoadOptions) -> Result<Self> {
        let lines = || {
            let all = text.lines().enumerate();
            all.filter(|(_, line)| !line.trim().is_empty() && !line.starts_with(DOCUMENT))
        };
        let has_tabs = lines()
            .find(|(_, line)| !line.starts_with('#'))
            .is_some_and(|(_, line)| line.contains('\t'));
        let line = lines().find(|(_, line)| !(has_tabs && is_comment(line)));
        let Some((at, line)) = line else {
            return Err(Error::invalid("no words found; expected one word and its tag per line"));
        };
        let count = split(line, has_tabs).count();
        let place = format!("line {}", at + 1);
        if count < 2 {
            let message = format!("expected a word and its tag, found only {:?}", shortened(line.trim()));
            return Err(Error::malformed(message).at(place));
        }
        let tag = match options.column {
            None => count - 1,
            Some(0) => return Err(Error::invalid("columns are counted from 1, got column 0")),
            Some(column) if column > count => {
                let message = format!("the file has {count} columns, but column {column} was requested");
                return Err(Error::not_found(message).at(place));
            }
            Some(column) => column - 1,
        };
        Ok(Self {
            has_tabs,
            count,
            line: at + 1,
            tag,
        })
    }

    /// The sentences, and the number of documents.
    fn sentences<'a>(&self, text: &'a str) -> Result<(Vec<Sentence<'a>>, usize)> {
        let mut sentences: Vec<Sentence<'_>> = Vec::new();
        let (mut current, mut documents) = (Vec::new(), 0);
        let end = |current: &mut Sentence<'a>, sentences: &mut Vec<Sentence<'a>>| {
            if !current.is_empty() {
                sentences.push(std::mem::take(current));
            }
        };
        for (at, line) in text.lines().enumerate() {
            if line.trim().is_empty() {
                end(&mut current, &mut sentences);
            } else if line.starts_with(DOCUMENT) {
                end(&mut current, &mut sentences);
                documents += 1;
            } else if !(self.has_tabs && is_comment(line)) {
                current.push(self.word(line, at + 1)?);
            }
        }
        end(&mut current, &mut sentences);
        Ok((sentences, documents))
    }

    fn word<'a>(&self, line: &'a str, at: usize) -> Result<(&'a str, &'a str, usize)> {
        let cells: Vec<&str> = split(line, self.has_tabs).collect();
        if cells.len() != self.count {
            let message = format!(
                "expected {} columns as in line {}, found {}: {:?}",
                self.count,
                self.line,
                cells.len(),
                shortened(line.trim())
            );
            return Err(Error::malformed(message).at(format!("line {at}")));
        }
        if cells[self.tag].is_empty() {
            return Err(Error::malformed(format!("column {} is empty", self.tag + 1)).at(format!("line {at}")));
        }
        Ok((cells[0], cells[self.tag], at))
    }
}

/// Whether a line of a file with tabs is a comment.
fn is_comment(line: &str) -> bool {
    line.starts_with('#') && !line.contains('\t')
}

fn split(line: &str, has_tabs: bool) -> impl Iterator<Item = &str> {
    let (by_tab, by_blank) = if has_tabs {
        (Some(line.trim_end_matches('\r').split('\t').map(str::trim)), None)
    } else {
        (None, Some(line.split_whitespace()))
    };
    by_tab.into_iter().flatten().chain(by_blank.into_iter().flatten())
}

#[cfg(test)]
mod tests;
