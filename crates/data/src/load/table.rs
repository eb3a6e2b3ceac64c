//! A table as every format presents it: columns with names, and rows of cells in order.

use std::borrow::Cow;
use std::path::Path;

use super::{csv_table, json_table, parquet_table};
use crate::Result;

/// A table format. Another one is a file beside this and a line in [`FORMATS`].
pub(super) struct Format {
    /// Lower-case extensions without the dot.
    extensions: &'static [&'static str],
    open: fn(&Path) -> Result<Box<dyn Table>>,
}

pub(super) const FORMATS: [Format; 3] = [
    Format {
        extensions: &["csv", "tsv"],
        open: csv_table::open,
    },
    Format {
        extensions: &["jsonl", "ndjson", "json"],
        open: json_table::open,
    },
    Format {
        extensions: &["parquet"],
        open: parquet_table::open,
    },
];

/// What is called with a row's line or number and its cells; an error ends the reading.
pub(super) type OnRow<'a> = dyn FnMut(u64, &[Cell<'_>]) -> Result<()> + 'a;

pub(super) trait Table {
    /// The columns' names, in the table's order.
    fn columns(&self) -> &[String];

    /// What rows are counted in, from 1: `line` or `row`.
    fn unit(&self) -> &'static str;

    /// Calls `on_row` for each row with the cells of the `wanted` columns (indices into [`Self::columns`]).
    fn read(self: Box<Self>, wanted: &[usize], on_row: &mut OnRow<'_>) -> Result<()>;
}

/// One cell of a row.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cell<'a> {
    /// Empty, null, or a number that is NaN.
    Missing,
    Scalar(Kind, Cow<'a, str>),
    List(Vec<(Kind, Cow<'a, str>)>),
    /// Something that can be neither input nor target, in words.
    Other(&'static str),
}

/// What a value's text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    /// Digits with an optional sign.
    Int,
    /// A finite number that is written with a point or an exponent.
    Float,
    Bool,
    Text,
}

impl Kind {
    /// The kind of a value in a format whose values are all text.
    pub(super) fn of_text(text: &str) -> Self {
        let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
        match digits.as_bytes() {
            [] => Self::Text,
            bytes if bytes.iter().all(u8::is_ascii_digit) => Self::Int,
            // Rust parses "inf" and "nan" too.
            bytes if bytes.iter().any(u8::is_ascii_digit) && text.parse().is_ok_and(f64::is_finite) => Self::Float,
            _ => Self::Text,
        }
    }

    pub(super) fn is_number(self) -> bool {
        matches!(self, Self::Int | Self::Float)
    }
}

fn format_of(path: &Path) -> Option<&'static Format> {
    let extension = path.extension()?.to_str()?.to_lowercase();
    FORMATS
        .iter()
        .find(|format| format.extensions.contains(&extension.as_str()))
}

pub(super) fn is_table(path: &Path) -> bool {
    format_of(path).is_some()
}

/// `.csv .tsv …`
pub(super) fn extensions() -> String {
    let all: Vec<String> = FORMATS
        .iter()
        .flat_map(|format| format.extensions)
        .map(|extension| format!(".{extension}"))
        .collect();
    all.join(" ")
}

pub(super) fn open(path: &Path) -> Result<Box<dyn Table>> {
    match format_of(path) {
        Some(format) => (format.open)(path),
        None => {
            let message = format!("unknown table format; expected {}", extensions());
            Err(crate::Error::unsupported(message).in_file(path))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_a_number_only_where_it_is_one() {
        for (text, kind) in [
            ("7", Kind::Int),
            ("-7", Kind::Int),
            ("+07", Kind::Int),
            ("7.0", Kind::Float),
            ("1e3", Kind::Float),
            (".5", Kind::Float),
            ("1e999", Kind::Text),
            ("inf", Kind::Text),
            ("nan", Kind::Text),
            ("-", Kind::Text),
            ("", Kind::Text),
            ("1,5", Kind::Text),
            ("e5", Kind::Text),
            ("١", Kind::Text),
        ] {
            assert_eq!(Kind::of_text(text), kind, "{text:?}");
        }
    }
}
