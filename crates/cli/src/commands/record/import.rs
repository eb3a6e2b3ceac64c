//! `ranktune record import`

use std::fs;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use ranktune_report::record::{ImportOptions, import_csv};

use super::{FileArguments, append, say_notes};
use crate::exit::Exit;

/// `ranktune record import`
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// A CSV table with the columns model, dataset and accuracy; also metric, digest, hub id, family, protocol, rung, source and date
    #[arg(value_name = "CSV")]
    table: PathBuf,
    /// Data set of a table without that column
    #[arg(long, value_name = "NAME")]
    data: Option<String>,
    /// Metric of rows that name none, and name of the column with its values
    #[arg(long, value_name = "NAME", default_value = "accuracy")]
    metric: String,
    /// How the values were measured, for rows that do not say: results of different protocols are not compared directly
    #[arg(long, value_name = "TEXT", default_value = "unknown")]
    protocol: String,
    /// Where the values are from [default: the name of the table]
    #[arg(long, value_name = "TEXT")]
    source: Option<String>,
    /// Columns that are scores
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    scores: Vec<String>,
    /// Read the table and print its notes, and add nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    file: FileArguments,
}

const EXAMPLES: &str = "\
Examples:
  ranktune record import accuracies.csv --protocol 'fine-tune, 30 epochs' --dry-run
  ranktune record import accuracies.csv --protocol 'fine-tune, 30 epochs' --source 'lab A, spring'
  ranktune record import pets.csv --data oxford-iiit-pets --scores logme --protocol 'ranktune b-tuning'

Percentages become shares. A line that cannot be used is named and left out; the exit code is then 1.";

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let path = &arguments.table;
    let text = fs::read_to_string(path).with_context(|| format!("{}: this table cannot be read", path.display()))?;
    let mut options = ImportOptions::default();
    options.data.clone_from(&arguments.data);
    options.metric.clone_from(&arguments.metric);
    options.protocol.clone_from(&arguments.protocol);
    options.source = arguments
        .source
        .clone()
        .unwrap_or_else(|| path.file_name().unwrap_or_default().to_string_lossy().into_owned());
    options.scores.clone_from(&arguments.scores);
    let (record, notes) =
        import_csv(&text, &options).with_context(|| format!("{}: no table of results", path.display()))?;
    let has_rejected = say_notes(&path.display().to_string(), &notes);
    append(&arguments.file.file()?, &record.rows, arguments.dry_run)?;
    Ok(if has_rejected { Exit::Skipped } else { Exit::Done })
}
