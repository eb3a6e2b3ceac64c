//! brat's standoff annotation: `1.txt`, and `1.ann` with its entities.
//!
//! ```text
//! T1    PER 3 14        Smith-Jones
//! T2    LOC 0 4;9 13    two fragments
//! R1    Works-For Arg1:T1 Arg2:T2
//! ```
//!
//! Tabs separate the columns. Entities (`T`) become tagged words, see [`standoff`](super::standoff); relations, events, attributes and notes are left out, and so
//! are entities of several fragments, which no tag can mark. Both are counted. Offsets count characters.

use std::fs;
use std::path::{Path, PathBuf};

use super::options::LoadOptions;
use super::standoff::{Span, tagged};
use super::words;
use crate::error::{counted, shortened};
use crate::{Dataset, Error, Result};

/// Largest text or annotation in bytes.
const MOST_BYTES: u64 = 64 << 20;

/// The annotation of the document, if it has one: `1.ann` beside `1.txt`.
pub(super) fn is_document(annotation: &Path) -> bool {
    annotation.extension().is_some_and(|end| end == "ann") && annotation.with_extension("txt").is_file()
}

/// Reads the documents of the annotations `files`, in their order.
pub(super) fn read(path: &Path, files: &[PathBuf], options: &LoadOptions, mut notes: Vec<String>) -> Result<Dataset> {
    let mut found = words::Found::default();
    let (mut overlapping, mut broken, mut others) = (0, 0, 0);
    for file in files {
        let text_file = file.with_extension("txt");
        let text = text_of(&text_file)?;
        let document = entities(&text_of(file)?, &text).map_err(|error| error.in_file(file))?;
        broken += document.broken;
        others += document.others;
        let tagged = tagged(&text, &document.spans);
        overlapping += tagged.overlapping;
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        for (words, tags) in tagged.sentences {
            found.push(words, tags, name.clone());
        }
    }
    notes.push(format!(
        "{} of brat; words are runs of letters and digits, every line is a sentence",
        counted(files.len(), "document")
    ));
    for (count, what) in [
        (overlapping, "entity within or across a longer one"),
        (broken, "entity of several fragments"),
        (others, "annotation other than entities"),
    ] {
        if count > 0 {
            notes.push(format!("left out {count} of brat's annotations: {what}"));
        }
    }
    words::dataset(path, found, options.tag_scheme, "brat", notes)
}

fn text_of(path: &Path) -> Result<String> {
    let io = |source| Error::io("cannot be read", path, source);
    let length = fs::metadata(path).map_err(io)?.len();
    if length > MOST_BYTES {
        return Err(Error::unsupported("is larger than 64 MiB; split the document").in_file(path));
    }
    let text = String::from_utf8(fs::read(path).map_err(io)?);
    text.map_err(|_| Error::malformed("not valid UTF-8; save the file as UTF-8").in_file(path))
}

struct Document {
    spans: Vec<Span>,
    broken: usize,
    others: usize,
}

/// The entities of an annotation.
///
/// # Errors
/// `Malformed` at the line of an entity whose text is not that of the document there.
fn entities(annotation: &str, text: &str) -> Result<Document> {
    let mut document = Document {
        spans: Vec::new(),
        broken: 0,
        others: 0,
    };
    // Places of characters, for comparison with the text of each entity.
    let places: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    for (line, number) in annotation.lines().zip(1..) {
        if line.trim().is_empty() {
            continue;
        }
        if !line.starts_with('T') {
            document.others += 1;
            continue;
        }
        let malformed = |what: String| Error::malformed(what).at(format!("line {number}"));
        let expected = || {
            let found = shortened(line);
            malformed(format!(
                "expected an entity such as \"T1\\tPER 3 14\\tSmith\", found {found:?}"
            ))
        };
        let mut parts = line.splitn(3, '\t').skip(1);
        let (kind, offsets) = parts
            .next()
            .and_then(|part| part.split_once(' '))
            .ok_or_else(expected)?;
        if offsets.contains(';') {
            document.broken += 1;
            continue;
        }
        let (start, end) = offsets.split_once(' ').ok_or_else(expected)?;
        let (start, end): (usize, usize) = match (start.parse(), end.trim().parse()) {
            (Ok(start), Ok(end)) if start < end => (start, end),
            _ => return Err(expected()),
        };
        let there = match (places.get(start), places.get(end)) {
            (Some(from), Some(to)) => &text[*from..*to],
            _ => return Err(malformed(format!("characters {start} to {end} lie beyond the text"))),
        };
        let flat = |text: &str| text.replace(['\r', '\n'], " ");
        if let Some(own) = parts.next().filter(|own| flat(own).trim() != flat(there).trim()) {
            let message = format!(
                "the entity is {:?}, but the text has {:?} there; the files do not belong together",
                shortened(own),
                shortened(there)
            );
            return Err(malformed(message));
        }
        document.spans.push(Span {
            kind: kind.to_owned(),
            start,
            end,
        });
    }
    Ok(document)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entities_are_those_of_the_text_and_the_rest_is_counted() {
        let text = "Ms Smith left Zürich.\n";
        let found = entities(
            "T1\tPER 3 8\tSmith\nT2\tLOC 14 20\tZürich\nT3\tLOC 0 2;9 13\tMs left\nR1\tIn Arg1:T1 Arg2:T2\n#1\tNote T1\tx\n",
            text,
        )
        .unwrap();
        assert_eq!((found.spans.len(), found.broken, found.others), (2, 1, 2));
        assert_eq!(
            found.spans[1],
            Span {
                kind: "LOC".to_owned(),
                start: 14,
                end: 20
            }
        );
    }

    #[test]
    fn what_does_not_fit_the_text_is_an_error_at_its_line() {
        for (annotation, expected) in [
            (
                "\nT1\tPER 0 2\tSmith\n",
                "line 2: the entity is \"Smith\", but the text has \"Ms\" there",
            ),
            ("T1\tPER 0 99\tMs\n", "line 1: characters 0 to 99 lie beyond the text"),
            ("T1\tPER\n", "line 1: expected an entity"),
            ("T1\tPER 2 0\tMs\n", "line 1: expected an entity"),
        ] {
            let error = entities(annotation, "Ms Smith").err().unwrap().to_string();
            assert!(error.contains(expected), "{annotation:?}: {error}");
        }
    }
}
