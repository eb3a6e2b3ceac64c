//! `ranktune record forget`

use anyhow::ensure;
use clap::Args;
use ranktune_report::Record;

use super::{FileArguments, SelectionArguments, counted};
use crate::exit::Exit;
use crate::output;

/// `ranktune record forget`
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    selection: SelectionArguments,
    #[command(flatten)]
    file: FileArguments,
    /// Print what would be deleted, and delete nothing
    #[arg(long)]
    dry_run: bool,
}

const EXAMPLES: &str = "\
Examples:
  ranktune record forget --model resnet50 --data flowers5
  ranktune record forget --protocol unknown --dry-run
  ranktune record forget --data old-photos > deleted.jsonl      what was deleted, to be added again with record add deleted.jsonl";

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let selection = arguments.selection.selection();
    ensure!(
        !selection.is_everything(),
        "expected at least one of --model, --data, --metric and --protocol; to forget everything, delete the file"
    );
    let file = arguments.file.file()?;
    let rows = if arguments.dry_run {
        let rows = file.read()?.record.rows;
        rows.into_iter().filter(|row| selection.has(row)).collect()
    } else {
        file.forget(&selection)?
    };
    let would = if arguments.dry_run { "would be " } else { "" };
    output::say(&format!(
        "{} {would}deleted from {}",
        counted(rows.len()),
        file.path().display()
    ));
    output::write(&Record { rows }.to_jsonl()?)?;
    Ok(Exit::Done)
}
