//! The teachers and their weights.

use crate::html::render;
use crate::html::table::{Cell, Column, DataTable, Row};
use crate::html::text::decimal;
use crate::training::Training;

pub(crate) fn html(training: &Training, prefix: &str) -> Option<String> {
    if training.teachers.is_empty() {
        return None;
    }
    let rows = training.teachers.iter().map(|teacher| {
        Row::new(vec![
            Cell::head(teacher.name.as_str()),
            Cell::number(Some(teacher.weight), |weight| format!("{weight:.3}")).with_bar(teacher.weight),
            Cell::number(teacher.logme, decimal),
        ])
    });
    Some(render(&DataTable {
        id: format!("{prefix}-teachers-table"),
        caption: "Shares of the teachers in the predictions that the model was taught; they add up to 1".to_owned(),
        columns: vec![
            Column::text("teacher"),
            Column::number("weight"),
            Column::number("logme").help("on the data set"),
        ],
        rows: rows.collect(),
    }))
}
