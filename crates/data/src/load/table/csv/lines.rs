//! Tables in which every line is a row: a cell is quoted only if it is closed on its line.

use std::borrow::Cow;
use std::io::{self, BufRead, Read as _};

const QUOTE: u8 = b'"';
/// The longest row in bytes. A file of one endless row, packed or not, must not be read into memory.
pub(super) const LONGEST_ROW: u64 = 64 << 20;

/// The lines of a table that are not empty, with their numbers from 1.
pub(super) struct Lines<R> {
    text: R,
    line: Vec<u8>,
    number: u64,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(text: R) -> Self {
        Self {
            text,
            line: Vec::new(),
            number: 0,
        }
    }

    /// The next line, without its end.
    ///
    /// # Errors
    /// What the system says, and a line of more than [`LONGEST_ROW`] bytes.
    pub(super) fn next_line(&mut self) -> io::Result<Option<(u64, &[u8])>> {
        loop {
            self.line.clear();
            let read = self.text.by_ref().take(LONGEST_ROW).read_until(b'\n', &mut self.line)?;
            if read == 0 {
                return Ok(None);
            }
            self.number += 1;
            if read as u64 == LONGEST_ROW {
                let text = format!("line {} has more than {LONGEST_ROW} bytes", self.number);
                return Err(io::Error::new(io::ErrorKind::InvalidData, text));
            }
            if self.line.last() == Some(&b'\n') {
                self.line.pop();
            }
            if self.line.last() == Some(&b'\r') {
                self.line.pop();
            }
            if !self.line.is_empty() {
                return Ok(Some((self.number, &self.line)));
            }
        }
    }
}

/// The cells of a line, and whether one of them begins with a quotation mark and is not closed on the line. If the cells are not
/// as many as `expected`, and there are as many delimiters as needed, marks are text.
pub(super) fn cells(line: &[u8], delimiter: u8, expected: Option<usize>) -> (Vec<Cow<'_, [u8]>>, bool) {
    let mut cells = Vec::new();
    let mut is_open = false;
    let mut rest = line;
    loop {
        if let Some((cell, after)) = quoted(rest, delimiter) {
            cells.push(cell);
            match after {
                Some(after) => rest = after,
                None => break,
            }
            continue;
        }
        let end = rest.iter().position(|byte| *byte == delimiter);
        let cell = &rest[..end.unwrap_or(rest.len())];
        is_open |= cell.first() == Some(&QUOTE) && !is_closed(cell);
        cells.push(Cow::Borrowed(cell));
        match end {
            Some(end) => rest = &rest[end + 1..],
            None => break,
        }
    }
    if let Some(expected) = expected.filter(|expected| *expected != cells.len()) {
        let bare: Vec<Cow<'_, [u8]>> = line.split(|byte| *byte == delimiter).map(Cow::Borrowed).collect();
        if bare.len() == expected {
            return (bare, is_open);
        }
    }
    (cells, is_open)
}

/// Whether the marks of a cell come in pairs, as in `"Oh no" he said`.
fn is_closed(cell: &[u8]) -> bool {
    cell.iter().filter(|byte| **byte == QUOTE).count() % 2 == 0
}

/// A cell in quotation marks at the start of `text`, and what follows its delimiter (`None` at the end of the line).
#[expect(clippy::type_complexity, reason = "a cell, and the rest of its line if there is one")]
fn quoted(text: &[u8], delimiter: u8) -> Option<(Cow<'_, [u8]>, Option<&[u8]>)> {
    let inner = text.strip_prefix(&[QUOTE])?;
    let mut at = 0;
    let mut is_doubled = false;
    loop {
        at += inner[at..].iter().position(|byte| *byte == QUOTE)?;
        match inner.get(at + 1) {
            Some(&QUOTE) => {
                is_doubled = true;
                at += 2;
            }
            None => return Some((cell(&inner[..at], is_doubled), None)),
            Some(next) if *next == delimiter => return Some((cell(&inner[..at], is_doubled), Some(&inner[at + 2..]))),
            Some(_) => return None,
        }
    }
}

/// The text of a quoted cell, whose marks are doubled.
fn cell(text: &[u8], is_doubled: bool) -> Cow<'_, [u8]> {
    if !is_doubled {
        return Cow::Borrowed(text);
    }
    let mut single = Vec::with_capacity(text.len());
    let mut bytes = text.iter();
    while let Some(&byte) = bytes.next() {
        single.push(byte);
        if byte == QUOTE {
            bytes.next();
        }
    }
    Cow::Owned(single)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(line: &str, expected: Option<usize>) -> (Vec<String>, bool) {
        let (cells, is_open) = cells(line.as_bytes(), b'\t', expected);
        let texts = cells.iter().map(|cell| String::from_utf8_lossy(cell).into_owned());
        (texts.collect(), is_open)
    }

    #[test]
    fn a_mark_quotes_a_cell_only_if_the_cell_is_closed_on_its_line() {
        for (line, expected, is_open) in [
            ("a\tb", &["a", "b"][..], false),
            ("\"a\"\tb", &["a", "b"], false),
            ("\"a\tb\"\tc", &["a\tb", "c"], false),
            ("\"say \"\"no\"\"\"\tc", &["say \"no\"", "c"], false),
            ("\"Oh no\tc", &["\"Oh no", "c"], true),
            ("\"Oh\" no\tc", &["\"Oh\" no", "c"], false),
            ("a\t\"\"", &["a", ""], false),
            ("a\t\"", &["a", "\""], true),
            ("\t", &["", ""], false),
        ] {
            assert_eq!(
                texts(line, None),
                (expected.iter().map(|c| (*c).to_owned()).collect(), is_open),
                "{line}"
            );
        }
    }

    #[test]
    fn marks_are_text_where_quoting_gives_another_number_of_cells() {
        assert_eq!(texts("\"a\tb\"", Some(2)).0, ["\"a", "b\""]);
        assert_eq!(texts("\"a\tb\"", Some(1)).0, ["a\tb"]);
    }
}
