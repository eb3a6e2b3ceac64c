//! `ranktune record list|add|import|forget`

mod add;
mod forget;
mod import;
mod list;

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use ranktune::record::{RecordFile, Selection};
use ranktune_report::record::{RecordNote, RecordNoteKind};

use crate::exit::Exit;
use crate::output;

/// `ranktune record`
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List remembered results
    List(list::Arguments),
    /// Add one result, or those of files that tune and study wrote
    Add(Box<add::Arguments>),
    /// Add the results of a CSV table made elsewhere
    Import(import::Arguments),
    /// Delete results of a model, a data set, a metric or a protocol
    Forget(forget::Arguments),
}

/// Runs the command.
pub(crate) fn run(command: &Command) -> anyhow::Result<Exit> {
    match command {
        Command::List(arguments) => list::run(arguments),
        Command::Add(arguments) => add::run(arguments),
        Command::Import(arguments) => import::run(arguments),
        Command::Forget(arguments) => forget::run(arguments),
    }
}

/// `--record`
#[derive(Debug, Args)]
struct FileArguments {
    /// The record, a file of JSON lines [default: RANKTUNE_RECORD, or record.jsonl in the user's data folder]
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
}

impl FileArguments {
    fn file(&self) -> anyhow::Result<RecordFile> {
        let file = self.record.clone().map(RecordFile::new).or_else(RecordFile::of_user);
        file.context("this user has no home folder for a record; name a file with --record or RANKTUNE_RECORD")
    }
}

/// Which rows.
#[derive(Debug, Args)]
struct SelectionArguments {
    /// Name, repository (hf:ORG/NAME) or digest of a model
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    /// Name or digest of a data set
    #[arg(long, value_name = "NAME")]
    data: Option<String>,
    /// Metric
    #[arg(long, value_name = "NAME")]
    metric: Option<String>,
    /// Protocol
    #[arg(long, value_name = "TEXT")]
    protocol: Option<String>,
}

impl SelectionArguments {
    fn selection(&self) -> Selection {
        Selection {
            model: self.model.clone(),
            data: self.data.clone(),
            metric: self.metric.clone(),
            protocol: self.protocol.clone(),
        }
    }
}

/// Prints all notes on a file, and returns whether a line was left out.
fn say_notes(name: &str, notes: &[RecordNote]) -> bool {
    for note in notes {
        output::say(&format!("note: {name}: {note}"));
    }
    notes.iter().any(|note| note.kind == RecordNoteKind::Rejected)
}

/// Adds rows and says how many, or says what would be added.
fn append(file: &RecordFile, rows: &[ranktune::RecordRow], is_dry_run: bool) -> anyhow::Result<()> {
    let place = file.path().display();
    if is_dry_run {
        output::say(&format!("{} would be added to {place}", counted(rows.len())));
        return Ok(());
    }
    let added = file.append(rows)?;
    let known = match rows.len() - added {
        0 => String::new(),
        known => format!(
            "; {} there already",
            if known == 1 {
                "1 is".to_owned()
            } else {
                format!("{known} are")
            }
        ),
    };
    output::say(&format!("{} added to {place}{known}", counted(added)));
    Ok(())
}

fn counted(count: usize) -> String {
    format!("{count} result{}", if count == 1 { "" } else { "s" })
}
