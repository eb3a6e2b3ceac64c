//! Results on stdout, messages on stderr.

use std::io::{self, Write as _};

use anyhow::Context as _;
use clap::ValueEnum;

/// The format of a result on stdout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A table
    #[default]
    Table,
    /// A JSON document
    Json,
}

/// Prints a document in the chosen format.
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

/// Prints a line on stderr.
pub(crate) fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}
