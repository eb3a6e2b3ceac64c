//! The table formats. Another format is a file beside this one and an entry in [`FORMATS`].

use std::path::Path;

use super::cell::Table;
use super::{arrow, csv, cvat, excel, json, parquet};
use crate::{Error, Result};

/// A table format and how its files are opened.
struct Format {
    /// Lower-case extensions without the dot.
    extensions: &'static [&'static str],
    /// Whether files may be packed with gzip.
    is_text: bool,
    open: fn(&Path) -> Result<Box<dyn Table>>,
}

const FORMATS: [Format; 5] = [
    Format {
        extensions: &["csv", "tsv"],
        is_text: true,
        open: csv::open,
    },
    Format {
        extensions: &["jsonl", "ndjson", "json"],
        is_text: true,
        open: json::open,
    },
    Format {
        extensions: &["parquet"],
        is_text: false,
        open: parquet::open,
    },
    Format {
        extensions: &["arrow", "feather", "ipc"],
        is_text: false,
        open: arrow::open,
    },
    Format {
        extensions: &["xlsx", "xlsm"],
        is_text: false,
        open: excel::open,
    },
];

/// Known by the whole name of its file.
const CVAT: Format = Format {
    extensions: &[],
    is_text: false,
    open: cvat::open,
};

fn format_of(path: &Path) -> Option<&'static Format> {
    // Other files in XML describe one image each.
    if path.file_name()?.to_str()? == cvat::NAME {
        return Some(&CVAT);
    }
    let extension = path.extension()?.to_str()?.to_lowercase();
    let (extension, is_packed) = match extension.as_str() {
        "gz" => (Path::new(path.file_stem()?).extension()?.to_str()?.to_lowercase(), true),
        _ => (extension, false),
    };
    FORMATS
        .iter()
        .filter(|format| format.is_text || !is_packed)
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
