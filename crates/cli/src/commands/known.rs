//! `--record` and `--no-record`: the record that a command reads or adds to.

use std::path::PathBuf;

use anyhow::ensure;
use clap::Args;
use ranktune::record::{RecordFile, row_of_training};
use ranktune::{Ranking, RecordRow, RecordUse, Training};
use ranktune_report::record::RecordNote;

use crate::output;

/// Number of notes on lines of a record that are printed; `record list` prints all.
const NOTES: usize = 3;

/// The record of earlier results.
#[derive(Debug, Args)]
#[command(next_help_heading = "Record of earlier results (see ranktune record --help)")]
pub(crate) struct RecordArguments {
    /// The record, a file of JSON lines [default: RANKTUNE_RECORD, or record.jsonl in the user's data folder]
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Neither read nor write a record, and use no results that ranktune ships with
    #[arg(long, conflicts_with = "record")]
    no_record: bool,
}

impl RecordArguments {
    fn file(&self) -> Option<RecordFile> {
        if self.no_record {
            return None;
        }
        self.record.clone().map(RecordFile::new).or_else(RecordFile::of_user)
    }

    /// The earlier results to rank with. A record that was named has to exist.
    pub(crate) fn known(&self) -> anyhow::Result<RecordUse> {
        if self.no_record {
            return Ok(RecordUse::Nothing);
        }
        let Some(file) = self.file().filter(|file| file.exists() || self.record.is_some()) else {
            return Ok(RecordUse::Shipped);
        };
        ensure!(
            file.exists(),
            "{}: expected a record, found no such file; `ranktune record import` and `ranktune tune` make one",
            file.path().display()
        );
        let read = file.read()?;
        say_notes(&file, &read.notes);
        Ok(RecordUse::Own(read.record))
    }

    /// The results to tune with: those of [`known`](Self::known), where a record that was named may be a new one.
    pub(crate) fn known_or_new(&self) -> anyhow::Result<RecordUse> {
        match self.file().filter(RecordFile::exists) {
            Some(_) => self.known(),
            None if self.no_record => Ok(RecordUse::Nothing),
            None => Ok(RecordUse::Shipped),
        }
    }

    /// Adds a finished tuning to the record, and says so. A record that cannot be written does not undo the tuning.
    pub(crate) fn remember(&self, training: &Training, ranking: Option<&Ranking>) {
        let (Some(file), Some(row)) = (self.file(), row_of_training(training, ranking)) else {
            return;
        };
        output::say(&match file.append(std::slice::from_ref(&row)) {
            Ok(0) => format!("this result is in the record {} already", file.path().display()),
            Ok(_) => format!(
                "{} {:.4} of {} on {} was added to the record {}; --no-record leaves it out",
                row.metric,
                row.value,
                row.model,
                row.data,
                file.path().display()
            ),
            Err(error) => format!("note: the result was not added to a record: {}", with_causes(&error)),
        });
    }

    /// Adds results of trials to the record, and says so where there are new ones.
    pub(crate) fn remember_trials(&self, rows: &[RecordRow]) {
        let Some(file) = self.file().filter(|_| !rows.is_empty()) else {
            return;
        };
        match file.append(rows) {
            Ok(0) => {}
            Ok(added) => output::say(&format!(
                "{} added to the record {}; --no-record leaves them out",
                if added == 1 {
                    "the result of 1 trial was".to_owned()
                } else {
                    format!("the results of {added} trials were")
                },
                file.path().display()
            )),
            Err(error) => output::say(&format!(
                "note: the results of trials were not added to a record: {}",
                with_causes(&error)
            )),
        }
    }
}

/// Prints the first notes that concern a reader of the record.
fn say_notes(file: &RecordFile, notes: &[RecordNote]) {
    for note in notes.iter().take(NOTES) {
        output::say(&format!("note: {}: {note}", file.path().display()));
    }
    if notes.len() > NOTES {
        output::say(&format!(
            "note: {}: {} more notes; `ranktune record list` prints them",
            file.path().display(),
            notes.len() - NOTES
        ));
    }
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}
