//! The table formats. Another format is a file beside this one and an entry in [`FORMATS`].

use std::path::Path;

use super::cell::Table;
use super::{csv, json, parquet};
use crate::{Error, Result};

/// A table format and how its files are opened.
struct Format {
    /// Lower-case extensions without the dot.
    extensions: &'static [&'static str],
    open: fn(&Path) -> Result<Box<dyn Table>>,
}

const FORMATS: [Format; 3] = [
    Format {
        extensions: &["csv", "tsv"],
        open: csv::open,
    },
    Format {
        extensions: &["jsonl", "ndjson", "json"],
        open: json::open,
    },
    Format {
        extensions: &["parquet"],
        open: parquet::open,
    },
];

fn format_of(path: &Path) -> Option<&'static Format> {
    let extension = path.extension()?.to_str()?.to_lowercase();
    FORMATS
        .iter()
        .find(|format| format.extensions.contains(&extension.as_str()))
}

/// Whether the extension of a path is that of a table.
pub(crate) fn is_table(path: &Path) -> bool {
    format_of(path).is_some()
}

/// `.csv .tsv …`
pub(crate) fn extensions() -> String {
    let all: Vec<String> = FORMATS
        .iter()
        .flat_map(|format| format.extensions)
        .map(|extension| format!(".{extension}"))
        .collect();
    all.join(" ")
}

/// Opens the table at `path`, in the format of its extension.
pub(crate) fn open(path: &Path) -> Result<Box<dyn Table>> {
    let Some(format) = format_of(path) else {
        let message = format!("unknown table format; expected {}", extensions());
        return Err(Error::unsupported(message).in_file(path));
    };
    (format.open)(path)
}
