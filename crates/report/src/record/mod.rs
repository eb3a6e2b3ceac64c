//! `ranktune.record/1`: accuracies of models on data sets, remembered for later decisions.
//!
//! A record is a text file of JSON lines, one measured value a line. Files merge by concatenation, a line can be read, changed or deleted in any editor,
//! and lines of different people stay apart by their protocol and source:
//!
//! ```text
//! {"schema":"ranktune.record/1","model":"resnet50","data":"flowers5","metric":"accuracy","value":0.913,"protocol":"fine-tune","source":"lab A","date":"2026-03-01"}
//! ```
//!
//! | module | what it holds |
//! |---|---|
//! | `lines` | reading and writing the file |
//! | `import` | reading tables made elsewhere |
//! | `units` | percentages and shares |
//!
//! Nothing is dropped in silence: whatever is left out, taken together or doubtful has a [`RecordNote`] that names its line.

mod import;
mod lines;
mod units;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::table::{Align, Table};

pub use import::{ImportError, ImportOptions, import_csv};
pub use lines::parse;

/// Name and version of the document.
pub const SCHEMA: &str = "ranktune.record/1";

/// One measured value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordRow {
    /// [`SCHEMA`].
    pub schema: String,
    /// Name of the model.
    pub model: String,
    /// Digest of the model's file, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// The model's repository, if it has one: `hf:ORGANISATION/NAME`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hub_id: Option<String>,
    /// Family of the model, if known: architecture, or how it was pre-trained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family: Option<String>,
    /// Name of the data set.
    pub data: String,
    /// Digest of the data set's inputs and targets, if known. Rows of one name and different digests are of different data sets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_digest: Option<String>,
    /// What was measured, such as `accuracy`.
    pub metric: String,
    /// The value. Metrics that are a part of a whole, such as accuracy, are shares of 1.
    pub value: f64,
    /// How it was measured: tuning method, budget, laboratory. Values of different protocols are not compared directly.
    pub protocol: String,
    /// The rung of a trial tuning; absent for a full tuning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rung: Option<String>,
    /// Scores of the model on the data set, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub scores: BTreeMap<String, f64>,
    /// Where the value is from: a run, a paper, a file.
    #[serde(default)]
    pub source: String,
    /// The day, as `2026-03-01`; empty if unknown.
    #[serde(default)]
    pub date: String,
    /// Keys that this version does not know; they are written back as they were.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// What a row is a measurement of: model, data set, metric, protocol, rung. Two rows of one cell repeat each other, or disagree.
type Cell = (String, String, String, String, Option<String>);

impl RecordRow {
    /// A row with what every row has.
    pub fn new(model: &str, data: &str, metric: &str, value: f64, protocol: &str) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            model: model.to_owned(),
            digest: None,
            hub_id: None,
            family: None,
            data: data.to_owned(),
            data_digest: None,
            metric: metric.to_owned(),
            value,
            protocol: protocol.to_owned(),
            rung: None,
            scores: BTreeMap::new(),
            source: String::new(),
            date: String::new(),
            other: Map::new(),
        }
    }

    fn cell(&self) -> Cell {
        let model = self.digest.as_ref().or(self.hub_id.as_ref()).unwrap_or(&self.model);
        (
            model.clone(),
            self.data_digest.as_ref().unwrap_or(&self.data).clone(),
            self.metric.clone(),
            self.protocol.clone(),
            self.rung.clone(),
        )
    }
}

/// Rows of a record, in the order of their lines.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Record {
    /// The rows.
    pub rows: Vec<RecordRow>,
}

/// Something to know about a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordNote {
    /// The line, from 1.
    pub line: usize,
    /// What is the matter.
    pub kind: RecordNoteKind,
    /// The same in words, with what was done.
    pub message: String,
}

/// The kind of a [`RecordNote`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecordNoteKind {
    /// The line cannot be used and is left out.
    Rejected,
    /// The line is equal to an earlier one, and counts once.
    Duplicate,
    /// An earlier line has another value for the same cell; both are kept.
    Conflict,
    /// The model is not among the known ones; the row is kept.
    UnknownModel,
    /// The row is of another metric than the one asked for; it is kept under its own.
    OtherMetric,
    /// Percentages and shares stand side by side; the message says how the value was taken.
    MixedUnits,
    /// A column that is neither known nor a score; its cells are kept as text.
    OtherColumn,
}

impl fmt::Display for RecordNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

impl Record {
    /// Appends the rows of `other` that are not there yet, and returns how many were.
    pub fn merge(&mut self, other: Self) -> usize {
        let before = self.rows.len() + other.rows.len();
        for row in other.rows {
            if !self.rows.contains(&row) {
                self.rows.push(row);
            }
        }
        before - self.rows.len()
    }

    /// The rows as a table.
    pub fn table(&self) -> String {
        let mut table = Table::new(&[
            ("model", Align::Left),
            ("data", Align::Left),
            ("metric", Align::Left),
            ("value", Align::Right),
            ("protocol", Align::Left),
            ("rung", Align::Left),
            ("source", Align::Left),
            ("date", Align::Left),
        ]);
        for row in &self.rows {
            table.row(vec![
                row.model.clone(),
                row.data.clone(),
                row.metric.clone(),
                format!("{:.4}", row.value),
                row.protocol.clone(),
                row.rung.clone().unwrap_or_default(),
                row.source.clone(),
                row.date.clone(),
            ]);
        }
        table.render()
    }
}

/// Collapses equal rows, and notes them and cells with different values. Rows come with their lines.
fn settle(rows: Vec<(usize, RecordRow)>, notes: &mut Vec<RecordNote>) -> Record {
    let mut kept: Vec<(usize, RecordRow)> = Vec::with_capacity(rows.len());
    // Positions in `kept`.
    let mut cells: BTreeMap<Cell, Vec<usize>> = BTreeMap::new();
    for (line, row) in rows {
        let earlier = cells.entry(row.cell()).or_default();
        if let Some(&at) = earlier.iter().find(|&&at| kept[at].1 == row) {
            notes.push(RecordNote {
                line,
                kind: RecordNoteKind::Duplicate,
                message: format!("the same as line {}; counted once", kept[at].0),
            });
            continue;
        }
        if let Some(&at) = earlier.iter().find(|&&at| kept[at].1.value != row.value) {
            notes.push(RecordNote {
                line,
                kind: RecordNoteKind::Conflict,
                message: format!(
                    "{} of {:?} on {:?} is {}, but {} on line {}; both are kept",
                    row.metric, row.model, row.data, row.value, kept[at].1.value, kept[at].0
                ),
            });
        }
        earlier.push(kept.len());
        kept.push((line, row));
    }
    Record {
        rows: kept.into_iter().map(|(_, row)| row).collect(),
    }
}
