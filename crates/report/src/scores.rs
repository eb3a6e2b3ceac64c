//! `ranktune.scores/1`: the scores of one feature matrix.

use ranktune_core::counted;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::table::{Align, Table};

/// Name and version of the document.
pub const SCHEMA: &str = "ranktune.scores/1";

/// The scores of given features.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// [`SCHEMA`].
    pub schema: String,
    /// `classification`, `multilabel` or `regression`.
    pub task: String,
    /// Number of rows, `n`.
    pub samples: usize,
    /// Number of features, `d`.
    pub features: usize,
    /// Number of target columns, `c`: classes that occur, labels, or regression targets.
    pub columns: usize,
    /// By name, in the requested order.
    pub scores: Map<String, Value>,
    /// Remarks on the computation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

impl Scores {
    /// The scores as a table, with the evidence of each target column if there are at most 20.
    pub fn table(&self) -> String {
        let mut text = format!(
            "{}: {}, {}, {}\n\n",
            self.task,
            counted(self.samples, "sample"),
            counted(self.features, "feature"),
            counted(self.columns, "target column")
        );
        let has_chance = self.scores.values().any(|score| score.get("chance").is_some());
        let mut columns = vec![("score", Align::Left), ("value", Align::Right)];
        columns.extend(has_chance.then_some(("by chance", Align::Right)));
        columns.extend([("standard error", Align::Right), ("status", Align::Left)]);
        let mut table = Table::new(&columns);
        for (name, score) in &self.scores {
            let mut cells = vec![name.clone(), float(score, "value")];
            cells.extend(has_chance.then(|| float(score, "chance")));
            cells.extend([float(score, "standard_error"), string(score, "status")]);
            table.row(cells);
        }
        text.push_str(&table.render());
        for note in &self.notes {
            text.push_str(&format!("\n{note}\n"));
        }
        for (name, score) in &self.scores {
            if let Some(estimate) = score.get("estimate").and_then(Value::as_str) {
                text.push_str(&format!("\n{name} is {estimate}.\n"));
            }
        }
        let columns = self.scores.values().find_map(|score| score.get("columns")?.as_array());
        if let Some(columns) = columns.filter(|columns| columns.len() <= 20) {
            let mut table = Table::new(&[
                ("column", Align::Left),
                ("evidence", Align::Right),
                ("alpha", Align::Right),
                ("beta", Align::Right),
                ("status", Align::Left),
            ]);
            for (index, column) in columns.iter().enumerate() {
                let name = column
                    .get("name")
                    .and_then(Value::as_str)
                    .map_or_else(|| index.to_string(), str::to_owned);
                table.row(vec![
                    name,
                    float(column, "evidence"),
                    float(column, "alpha"),
                    float(column, "beta"),
                    string(column, "status"),
                ]);
            }
            text.push('\n');
            text.push_str(&table.render());
        }
        text
    }
}

fn float(object: &Value, key: &str) -> String {
    object.get(key).and_then(Value::as_f64).map_or_else(
        || "–".to_owned(),
        |value| {
            if value.abs() < 1e5 && value.abs() >= 1e-3 || value == 0.0 {
                format!("{value:.6}")
            } else {
                format!("{value:.6e}")
            }
        },
    )
}

fn string(object: &Value, key: &str) -> String {
    object.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}
