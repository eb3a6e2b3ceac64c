//! `ranktune record list`

use clap::{Args, ValueEnum};
use ranktune_core::terminal::printable;
use ranktune_report::Record;

use super::{FileArguments, SelectionArguments, say_notes};
use crate::exit::Exit;
use crate::output;

/// `ranktune record list`
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    selection: SelectionArguments,
    #[command(flatten)]
    file: FileArguments,
    /// List the published results that ranktune ships with instead
    #[arg(long, conflicts_with = "record")]
    shipped: bool,
    /// Output format on stdout
    #[arg(long, value_enum, default_value_t)]
    format: RowFormat,
}

/// The format of rows on stdout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum RowFormat {
    /// A table
    #[default]
    Table,
    /// JSON lines, which are a record themselves
    Jsonl,
}

const EXAMPLES: &str = "\
Examples:
  ranktune record list
  ranktune record list --model resnet50
  ranktune record list --data flowers5 --format jsonl > for-a-colleague.jsonl
  ranktune record list --shipped --model hf:Xenova/resnet-50";

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let (rows, has_rejected) = if arguments.shipped {
        (ranktune::record::shipped().rows.clone(), false)
    } else {
        let file = arguments.file.file()?;
        let name = file.path().display().to_string();
        if !file.exists() {
            output::say(&format!("there is no record {name} yet"));
        }
        let read = file.read()?;
        (read.record.rows, say_notes(&name, &read.notes))
    };
    let selection = arguments.selection.selection();
    let record = Record {
        rows: rows.into_iter().filter(|row| selection.has(row)).collect(),
    };
    output::write(&match arguments.format {
        RowFormat::Table => printable(&record.table()).into_owned(),
        RowFormat::Jsonl => record.to_jsonl()?,
    })?;
    Ok(if has_rejected { Exit::Skipped } else { Exit::Done })
}
