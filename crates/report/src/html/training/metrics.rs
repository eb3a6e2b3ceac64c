//! Metrics by split.

use serde_json::Value;

use crate::format::metric_cell;
use crate::html::render;
use crate::html::table::{Cell, Column, DataTable, Row};
use crate::training::Training;

pub(crate) fn html(training: &Training, prefix: &str) -> Option<String> {
    let metrics = &training.metrics;
    let splits = [
        ("train", &metrics.train),
        ("validation", &metrics.validation),
        ("test", &metrics.test),
    ];
    let mut names: Vec<&String> = Vec::new();
    for (_, split) in splits {
        for name in split.keys() {
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    if names.is_empty() {
        return None;
    }
    let mut columns = vec![Column::text("split")];
    columns.extend(names.iter().map(|name| Column::number(name)));
    let rows = splits
        .iter()
        .filter(|(_, split)| !split.is_empty())
        .map(|(name, split)| {
            let mut cells = vec![Cell::head(*name)];
            cells.extend(names.iter().map(|name| metric(split.get(*name))));
            Row::new(cells)
        });
    Some(render(&DataTable {
        id: format!("{prefix}-metrics-table"),
        caption: "On the samples of each split, without augmentation".to_owned(),
        columns,
        rows: rows.collect(),
    }))
}

/// A metric with four decimals; a dash where it is not defined.
pub(crate) fn metric(value: Option<&Value>) -> Cell {
    let text = value.map_or_else(|| "–".to_owned(), metric_cell);
    Cell::number(value.and_then(Value::as_f64), |_| text)
}
