//! Several runs beside each other: methods, models or settings.

use super::main_metric;
use super::metrics::metric;
use crate::format::seconds;
use crate::html::render;
use crate::html::table::{Cell, Column, DataTable, Row};
use crate::training::Training;

/// The runs by their metric; nothing for fewer than two runs.
pub(crate) fn contest(runs: &[&Training]) -> Option<String> {
    if runs.len() < 2 {
        return None;
    }
    let rows = runs.iter().enumerate().map(|(place, run)| {
        let name = main_metric(run);
        let value = |split: &serde_json::Map<String, serde_json::Value>| metric(name.and_then(|name| split.get(name)));
        Row::new(vec![
            Cell::count(place + 1),
            Cell::head(run.model.as_str()),
            Cell::text(run.method.as_str()),
            Cell::text(run.data.path.as_str()),
            Cell::text(name.unwrap_or("–")),
            value(&run.metrics.validation),
            value(&run.metrics.test),
            Cell::count(run.epochs),
            Cell::number(Some(run.seconds), seconds),
        ])
    });
    let is_one_set = runs.iter().all(|run| run.data.digest == runs[0].data.digest);
    let caption = if is_one_set {
        "Runs on the same data"
    } else {
        "Runs; their data differ, so their metrics cannot be compared row by row"
    };
    Some(render(&DataTable {
        id: "contest-table".to_owned(),
        caption: caption.to_owned(),
        columns: vec![
            Column::number("run"),
            Column::text("model"),
            Column::text("method"),
            Column::text("data"),
            Column::text("metric"),
            Column::number("validation"),
            Column::number("test"),
            Column::number("epochs"),
            Column::number("seconds"),
        ],
        rows: rows.collect(),
    }))
}
