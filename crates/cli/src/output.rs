//! Results on stdout.

use std::io::{self, Write as _};

use anyhow::Context as _;
use clap::ValueEnum;

/// How a result is written to stdout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A table for people.
    #[default]
    Table,
    /// The document of the JSON contract.
    Json,
}

/// Prints a document in the format asked for.
pub(crate) fn print(
    format: Format,
    document: &impl serde::Serialize,
    table: impl FnOnce() -> String,
) -> anyhow::Result<()> {
    let text = match format {
        Format::Table => table(),
        Format::Json => ranktune_report::to_json(document)?,
    };
    let mut stdout = io::stdout().lock();
    stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
        .context("stdout cannot be written")
}

/// A line for the person, on stderr.
pub(crate) fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}
