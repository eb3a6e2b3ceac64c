//! CoNLL columns: one word and its tag per line, and an empty line after each sentence.
//!
//! ```text
//! -DOCSTART- -X- O O
//!
//! EU NNP I-NP I-ORG
//! rejects VBZ I-VP O
//! ```
//!
//! Columns are separated by tabs if the first line of words has one, else by ASCII blanks: other blanks (U+00A0, U+3000) are part of
//! a word. Lines of `-DOCSTART-` separate documents.
//!
//! | | the word | the tag |
//! |---|---|---|
//! | CoNLL-U: ten columns with tabs, the first of which numbers the words | column 2 | column 4 (UPOS) |
//! | the first column numbers the words of every sentence (GermEval 2014) | column 2 | the last |
//! | other files (CoNLL-2003, MultiCoNER, WNUT) | column 1 | the last |
//!
//! [`LoadOptions::word_column`] and [`LoadOptions::column`] name others. A line that begins with `#` is a comment if it has no tab
//! in a file with tabs; and, at the head of a sentence, if it has another number of columns, or none of its cells after the first
//! occurs in its column elsewhere. Ranges
//! (`1-2`) and empty nodes (`8.1`) of CoNLL-U are left out.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use super::options::LoadOptions;
use crate::error::{counted, shortened};
use crate::tags;
use crate::target::distinct_names;
use crate::{Dataset, DatasetTargets, Error, Inference, Inputs, Result, Task};

/// Extensions of files that are read as columns even without `--task tokens`.
const EXTENSIONS: [&str; 9] = [
    "conll", "conllu", "conll03", "iob", "iob1", "iob2", "bio", "bioes", "iobes",
];

/// Whether the ending of a file's name is one of CoNLL columns.
pub(super) fn is_columns(path: &Path) -> bool {
    let end = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    EXTENSIONS.contains(&end.as_str())
}

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
    let found = columns.sentences(text)?;
    if found.sentences.is_empty() {
        return Err(Error::invalid("no words found; expected one word and its tag per line"));
    }
    let sentences = found.sentences;
    let tags: Vec<Vec<&str>> = sentences
        .iter()
        .map(|sentence| sentence.iter().map(|(_, tag, _)| *tag).collect())
        .collect();
    let place = |sentence: usize, word: usize| format!("line {}", sentences[sentence][word].2);
    let scheme = tags::checked_scheme(&tags, options.tag_scheme, &place)?;
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
    if options.word_column.is_none() {
        refuse_numbers(&words, columns.word)?;
    }
    let count: usize = words.iter().map(Vec::len).sum();
    let mut what = format!("{} in {}", counted(count, "word"), counted(words.len(), "sentence"));
    if found.documents > 0 {
        what += &format!(" of {}", counted(found.documents, "document"));
    }
    notes.push(what);
    notes.extend(columns.note.clone());
    if found.comments > 0 {
        notes.push(format!("skipped {} (#)", counted(found.comments, "comment line")));
    }
    if found.parts > 0 {
        notes.push(format!(
            "skipped {} of CoNLL-U with multiword ranges (1-2) or empty nodes (8.1)",
            counted(found.parts, "line")
        ));
    }
    let reason = format!(
        "column {} holds {} tags, {}",
        columns.tag + 1,
        names.len(),
        tags::described(scheme)
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

/// Refuses words that are all numbers: they are of another column.
fn refuse_numbers(words: &[Vec<String>], column: usize) -> Result<()> {
    let is_number = |word: &String| word.parse::<f64>().is_ok();
    if !words.iter().flatten().all(is_number) {
        return Ok(());
    }
    let message = format!(
        "all words of column {} are numbers, such as {:?}; name the column of the words with --word-column",
        column + 1,
        shortened(words.iter().flatten().next().map_or("", String::as_str))
    );
    Err(Error::invalid(message))
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
struct Columns<'a> {
    has_tabs: bool,
    count: usize,
    /// The line that the count was taken from.
    line: usize,
    /// The column of the word, from 0.
    word: usize,
    /// The column of the tag, from 0.
    tag: usize,
    /// Whether the first column numbers the words, as in CoNLL-U.
    is_numbered: bool,
    /// The cells of each column but the first, of lines that do not begin with `#`.
    known: Vec<HashSet<&'a str>>,
    /// Which columns were taken, where that is a guess.
    note: Option<String>,
}

/// The words of a file, and what was left out.
struct Found<'a> {
    sentences: Vec<Sentence<'a>>,
    documents: usize,
    comments: usize,
    parts: usize,
}

impl<'a> Columns<'a> {
    /// The columns of the first line of words.
    fn of(text: &'a str, options: &LoadOptions) -> Result<Self> {
        let lines = || {
            let all = text.lines().enumerate();
            all.filter(|(_, line)| !is_blank(line) && !line.starts_with(DOCUMENT))
        };
        let words = || lines().filter(|(_, line)| !line.starts_with('#'));
        let Some((at, line)) = words().next().or_else(|| lines().next()) else {
            return Err(Error::invalid("no words found; expected one word and its tag per line"));
        };
        let has_tabs = line.contains('\t');
        let count = split(line, has_tabs).count();
        let place = format!("line {}", at + 1);
        if count < 2 {
            let found = shortened(line.trim());
            let message = format!("expected a word and its tag, found only {found:?}");
            return Err(Error::malformed(message).at(place));
        }
        let asked = |column: Option<usize>| match column {
            Some(0) => Err(Error::invalid("columns are counted from 1, got column 0")),
            Some(column) if column > count => {
                let message = format!("the file has {count} columns, but column {column} was requested");
                Err(Error::not_found(message).at(place.clone()))
            }
            column => Ok(column.map(|column| column - 1)),
        };
        let (asked_word, asked_tag) = (asked(options.word_column)?, asked(options.column)?);
        let is_numbered = numbers_words(text, has_tabs, count);
        let is_conllu = is_numbered && has_tabs && count == 10;
        if is_numbered && count == 2 && asked_word.is_none() {
            let message = "column 1 only numbers the words, and no column is left for them beside the tags; name the column of the words with --word-column";
            return Err(Error::invalid(message).at(place));
        }
        let word = asked_word.unwrap_or(usize::from(is_numbered));
        let tag = asked_tag.unwrap_or(if is_conllu { 3 } else { count - 1 });
        if word == tag {
            let message = format!("column {} cannot hold both the words and the tags", word + 1);
            return Err(Error::invalid(message));
        }
        let mut note = None;
        if is_conllu && (asked_word.is_none() || asked_tag.is_none()) {
            note = Some(format!(
                "CoNLL-U: the words are those of column {}, the tags those of column {}; --word-column and --column name others",
                word + 1,
                tag + 1
            ));
        } else if is_numbered && asked_word.is_none() {
            note = Some(
                "column 1 numbers the words, so they are those of column 2; --word-column names another".to_owned(),
            );
        }
        let mut known = vec![HashSet::new(); count - 1];
        // Without such lines nothing can be a comment by its cells.
        if lines().any(|(_, line)| line.starts_with('#')) {
            for (_, line) in words() {
                for (cell, known) in split(line, has_tabs).skip(1).zip(&mut known) {
                    known.insert(cell);
                }
            }
        }
        Ok(Self {
            has_tabs,
            count,
            line: at + 1,
            word,
            tag,
            is_numbered,
            known,
            note,
        })
    }

    fn sentences(&self, text: &'a str) -> Result<Found<'a>> {
        let mut found = Found {
            sentences: Vec::new(),
            documents: 0,
            comments: 0,
            parts: 0,
        };
        let mut current: Sentence<'a> = Vec::new();
        for (at, line) in text.lines().enumerate() {
            if is_blank(line) || line.starts_with(DOCUMENT) {
                if !current.is_empty() {
                    found.sentences.push(std::mem::take(&mut current));
                }
                found.documents += usize::from(line.starts_with(DOCUMENT));
            } else if self.is_comment(line, current.is_empty()) {
                found.comments += 1;
            } else if self.is_numbered && split(line, self.has_tabs).next().is_some_and(is_part) {
                found.parts += 1;
            } else {
                current.push(self.word(line, at + 1)?);
            }
        }
        if !current.is_empty() {
            found.sentences.push(current);
        }
        Ok(found)
    }

    fn word(&self, line: &'a str, at: usize) -> Result<(&'a str, &'a str, usize)> {
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
        Ok((cells[self.word], cells[self.tag], at))
    }

    fn is_comment(&self, line: &str, is_at_head: bool) -> bool {
        if !line.starts_with('#') {
            return false;
        }
        if self.has_tabs && !line.contains('\t') {
            return true;
        }
        let cells: Vec<&str> = split(line, self.has_tabs).collect();
        let mut pairs = cells.iter().skip(1).zip(&self.known);
        is_at_head && (cells.len() != self.count || !pairs.any(|(cell, known)| known.contains(cell)))
    }
}

/// Whether the first column counts the words of every sentence from 1 (or from 0), apart from the ranges and empty nodes of
/// CoNLL-U.
fn numbers_words(text: &str, has_tabs: bool, count: usize) -> bool {
    let (mut next, mut longest) = (None, 0_usize);
    for line in text.lines() {
        if is_blank(line) || line.starts_with(DOCUMENT) {
            next = None;
            continue;
        }
        let mut cells = split(line, has_tabs);
        let first = cells.next().unwrap_or_default();
        if line.starts_with('#') || is_part(first) || cells.count() + 1 != count {
            continue;
        }
        let Ok(number) = first.parse::<usize>() else {
            return false;
        };
        let is_next = next.map_or(number <= 1, |next| number == next);
        if !is_next {
            return false;
        }
        next = Some(number + 1);
        longest = longest.max(number);
    }
    // A word "1" that is a sentence of its own numbers nothing.
    longest > 1
}

/// Whether a number is that of a multiword range (`1-2`) or an empty node (`8.1`) of CoNLL-U.
fn is_part(number: &str) -> bool {
    let parts = number.split_once(['-', '.']);
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    parts.is_some_and(|(first, last)| is_digits(first) && is_digits(last))
}

const BLANKS: [char; 4] = [' ', '\t', '\r', '\u{c}'];

fn is_blank(line: &str) -> bool {
    line.trim_matches(BLANKS).is_empty()
}

/// The cells of a line. In a file with tabs a cell may hold blanks, and be empty.
fn split(line: &str, has_tabs: bool) -> impl Iterator<Item = &str> {
    let line = line.trim_end_matches('\r');
    let separators: &[char] = if has_tabs { &['\t'] } else { &BLANKS };
    let cells = line.split(separators).map(|cell| cell.trim_matches(BLANKS));
    cells.filter(move |cell| has_tabs || !cell.is_empty())
}

#[cfg(test)]
mod tests;
