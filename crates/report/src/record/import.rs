//! Tables made elsewhere: CSV with a row for every model and data set.
//!
//! Columns are known by their heads, in any order and case: `model`; `data`, `dataset` or `data set`; the value under `value`, `accuracy`
//! or the metric's own name; and, where they exist, `metric`, `digest`, `hub id`, `family`, `data digest`, `protocol`, `rung`, `source` and
//! `date`.

use std::collections::BTreeMap;
use std::fmt;

use ranktune_core::names::did_you_mean;
use ranktune_core::terminal::shortened;
use serde_json::{Map, Value};

use super::units::{Taken, Written, is_share, shares};
use super::{Record, RecordNote, RecordNoteKind, RecordRow, SCHEMA, settle};

/// What the table does not say of itself.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ImportOptions {
    /// The data set, for a table without such a column; default none.
    pub data: Option<String>,
    /// The metric of rows that name none; default `accuracy`.
    pub metric: String,
    /// The protocol of rows that name none; default `unknown`.
    pub protocol: String,
    /// The source of rows that name none, such as the file's name; default empty.
    pub source: String,
    /// The day of rows that name none; default empty.
    pub date: String,
    /// Columns that are scores; default none.
    pub scores: Vec<String>,
    /// Models that are known; rows of others are noted. Default empty, which knows all.
    pub known_models: Vec<String>,
}

impl Default for ImportOptions {
    fn default() -> Self {
        Self {
            data: None,
            metric: "accuracy".to_owned(),
            protocol: "unknown".to_owned(),
            source: String::new(),
            date: String::new(),
            scores: Vec::new(),
            known_models: Vec::new(),
        }
    }
}

/// The longest message, which quotes heads and cells of the table.
const LONGEST: usize = 500;

/// A table of which nothing can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportError(String);

impl fmt::Display for ImportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shortened(&self.0, LONGEST))
    }
}

impl std::error::Error for ImportError {}

/// Rows of a CSV table, and notes on its lines.
///
/// Percentages become shares. Rows that repeat an earlier one count once; rows that disagree, rows of unknown models and of other metrics
/// are kept and noted; rows without a usable value are left out and noted.
///
/// # Errors
/// A table without a column of models, of values, or of data sets where the options name none; two columns with one meaning.
///
/// # Examples
/// ```
/// use ranktune_report::record::{ImportOptions, import_csv};
/// let (record, notes) = import_csv("dataset,model,accuracy\npets,resnet50,92.5\npets,vit,high\n", &ImportOptions::default())?;
/// assert_eq!(record.rows[0].value, 0.925);
/// assert_eq!(notes[0].to_string(), "line 3: column accuracy: expected a number, found \"high\"; left out");
/// # Ok::<(), ranktune_report::record::ImportError>(())
/// ```
pub fn import_csv(text: &str, options: &ImportOptions) -> Result<(Record, Vec<RecordNote>), ImportError> {
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .flexible(true)
        .from_reader(text.trim_start_matches('\u{feff}').as_bytes());
    let heads = reader
        .headers()
        .map_err(|error| ImportError(error.to_string()))?
        .clone();
    let columns = Columns::new(&heads, options)?;
    let mut notes: Vec<RecordNote> = columns
        .other
        .iter()
        .map(|&(_, head)| RecordNote {
            line: 1,
            kind: RecordNoteKind::OtherColumn,
            message: format!(
                "column {:?} is no known one and no score; its cells are kept as text",
                shortened(head, LONGEST)
            ),
        })
        .collect();
    let mut rows = Vec::new();
    for result in reader.records() {
        let (line, read) = match &result {
            Ok(record) => {
                let line = record.position().map_or(0, csv::Position::line);
                (line, columns.read(record, options, heads.len()))
            }
            Err(error) => (error.position().map_or(0, csv::Position::line), Err(error.to_string())),
        };
        let line = usize::try_from(line).unwrap_or(usize::MAX);
        match read {
            Ok((row, written)) => rows.push((line, row, written)),
            Err(message) => notes.push(rejected(line, &message)),
        }
    }
    let rows = in_shares(rows, &columns.value_head, &mut notes);
    for (line, row) in &rows {
        note_row(*line, row, options, &mut notes);
    }
    let record = settle(rows, &mut notes);
    notes.sort_by_key(|note| note.line);
    Ok((record, notes))
}

fn rejected(line: usize, message: &str) -> RecordNote {
    RecordNote {
        line,
        kind: RecordNoteKind::Rejected,
        message: format!("{}; left out", shortened(message, LONGEST)),
    }
}

fn note_row(line: usize, row: &RecordRow, options: &ImportOptions, notes: &mut Vec<RecordNote>) {
    let known = &options.known_models;
    if !known.is_empty() && !known.contains(&row.model) {
        notes.push(RecordNote {
            line,
            kind: RecordNoteKind::UnknownModel,
            message: format!(
                "model {:?} is not among the known ones{}; kept",
                row.model,
                did_you_mean(&row.model, known.iter().map(String::as_str))
            ),
        });
    }
    if row.metric != options.metric {
        notes.push(RecordNote {
            line,
            kind: RecordNoteKind::OtherMetric,
            message: format!("metric {:?}, not {:?}; kept under its own", row.metric, options.metric),
        });
    }
}

/// Values as shares, by data set, metric and protocol.
fn in_shares(
    rows: Vec<(usize, RecordRow, Written)>,
    head: &str,
    notes: &mut Vec<RecordNote>,
) -> Vec<(usize, RecordRow)> {
    let mut groups: BTreeMap<(String, String, String), Vec<usize>> = BTreeMap::new();
    for (at, (_, row, _)) in rows.iter().enumerate() {
        let key = (row.data.clone(), row.metric.clone(), row.protocol.clone());
        groups.entry(key).or_default().push(at);
    }
    let mut taken: Vec<Result<Taken, String>> = rows.iter().map(|(_, _, w)| Ok(Taken::Sure(w.value))).collect();
    for ((_, metric, _), members) in groups {
        if !is_share(&metric) {
            continue;
        }
        let written: Vec<Written> = members.iter().map(|&at| rows[at].2).collect();
        for (at, value) in members.into_iter().zip(shares(&written)) {
            taken[at] = value;
        }
    }
    let mut kept = Vec::new();
    for ((line, mut row, written), taken) in rows.into_iter().zip(taken) {
        row.value = match taken {
            Ok(Taken::Sure(value)) => value,
            Ok(Taken::Mixed(value, unit)) => {
                notes.push(RecordNote {
                    line,
                    kind: RecordNoteKind::MixedUnits,
                    message: format!(
                        "{:?} has percentages and shares; {} is taken for {unit}",
                        row.data, written.value
                    ),
                });
                value
            }
            Err(message) => {
                notes.push(rejected(line, &format!("column {head}: {message}")));
                continue;
            }
        };
        kept.push((line, row));
    }
    kept
}

/// Where the columns are.
struct Columns<'a> {
    /// Of the known columns, by name.
    known: BTreeMap<&'static str, usize>,
    value: usize,
    value_head: String,
    scores: Vec<(usize, &'a str)>,
    other: Vec<(usize, &'a str)>,
}

/// Names of columns, and the heads that mean them.
const KNOWN: [(&str, &[&str]); 11] = [
    ("model", &["model", "name"]),
    ("data", &["data", "dataset", "data set", "data_set"]),
    ("metric", &["metric"]),
    ("digest", &["digest", "model digest", "model_digest"]),
    ("hub id", &["hub id", "hub_id"]),
    ("data digest", &["data digest", "data_digest"]),
    ("family", &["family"]),
    ("protocol", &["protocol"]),
    ("rung", &["rung"]),
    ("source", &["source"]),
    ("date", &["date"]),
];

impl<'a> Columns<'a> {
    fn new(heads: &'a csv::StringRecord, options: &ImportOptions) -> Result<Self, ImportError> {
        let found = || heads.iter().collect::<Vec<_>>().join(",");
        let (mut known, mut scores, mut other) = (BTreeMap::new(), Vec::new(), Vec::new());
        let mut value = None;
        for (at, head) in heads.iter().enumerate() {
            let lower = head.to_lowercase();
            let name = KNOWN.iter().find(|(_, heads)| heads.contains(&lower.as_str()));
            let is_value = lower == "value" || lower == "accuracy" || lower == options.metric.to_lowercase();
            let is_taken = if let Some((name, _)) = name {
                known.insert(*name, at).is_some()
            } else if options.scores.iter().any(|score| score.eq_ignore_ascii_case(head)) {
                scores.push((at, head));
                false
            } else if is_value {
                value.replace((at, head.to_owned())).is_some()
            } else {
                other.push((at, head));
                false
            };
            if is_taken {
                return Err(ImportError(format!(
                    "line 1: two columns say the same as {head:?}, found {}; delete or rename one",
                    found()
                )));
            }
        }
        let missing = if !known.contains_key("model") {
            Some("model")
        } else if !known.contains_key("data") && options.data.is_none() {
            Some("dataset (or name the data set)")
        } else {
            None
        };
        match (missing, value) {
            (None, Some((value, value_head))) => Ok(Self {
                known,
                value,
                value_head,
                scores,
                other,
            }),
            (missing, _) => Err(ImportError(format!(
                "line 1: expected a column {}, found {}",
                missing.unwrap_or(&options.metric),
                found()
            ))),
        }
    }

    fn read(
        &self,
        record: &csv::StringRecord,
        options: &ImportOptions,
        n_columns: usize,
    ) -> Result<(RecordRow, Written), String> {
        if record.len() != n_columns {
            return Err(format!("expected {n_columns} cells, found {}", record.len()));
        }
        let cell = |at: usize| record.get(at).unwrap_or_default();
        let text = |name: &str| {
            let at = *self.known.get(name)?;
            Some(cell(at)).filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let in_column = |head: &str, message: String| format!("column {head}: {message}");
        let written = Written::parse(cell(self.value)).map_err(|message| in_column(&self.value_head, message))?;
        let mut scores = BTreeMap::new();
        for &(at, head) in &self.scores {
            if !cell(at).is_empty() {
                let value = Written::parse(cell(at))
                    .map_err(|message| in_column(head, message))?
                    .value;
                scores.insert(head.to_owned(), value);
            }
        }
        let mut other = Map::new();
        for &(at, head) in &self.other {
            if !cell(at).is_empty() {
                other.insert(head.to_owned(), Value::String(cell(at).to_owned()));
            }
        }
        let row = RecordRow {
            schema: SCHEMA.to_owned(),
            model: text("model").ok_or("column model is empty")?,
            digest: text("digest"),
            hub_id: text("hub id"),
            family: text("family"),
            data: text("data")
                .or_else(|| options.data.clone())
                .ok_or("column dataset is empty")?,
            data_digest: text("data digest"),
            metric: text("metric").unwrap_or_else(|| options.metric.clone()),
            value: written.value,
            protocol: text("protocol").unwrap_or_else(|| options.protocol.clone()),
            rung: text("rung"),
            scores,
            source: text("source").unwrap_or_else(|| options.source.clone()),
            date: text("date").unwrap_or_else(|| options.date.clone()),
            other,
        };
        Ok((row, written))
    }
}

#[cfg(test)]
mod tests;
