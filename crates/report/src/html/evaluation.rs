//! The page of an evaluation.

use super::contents::{Contents, titled};
use super::facts::{self, Facts};
use super::table::{Cell, Column, DataTable, Row};
use super::text::{decimal, isolated};
use super::training::metric;
use super::{Section, Sections, render};
use crate::evaluation::Evaluation;

/// Title, answer and sections of an evaluation; identifiers begin with `prefix`.
pub(crate) fn contents(evaluation: &Evaluation, prefix: &str) -> Contents {
    let first = evaluation
        .metrics
        .iter()
        .find_map(|(name, value)| Some((name, value.as_f64()?)));
    let found = match first {
        Some((name, value)) => format!("{name} {}", decimal(value)),
        None => "no metric is defined".to_owned(),
    };
    Contents {
        title: titled(
            &format!("Evaluation of {}", isolated(&evaluation.model)),
            &evaluation.data,
        ),
        answer: format!(
            "{}: {found} on {} samples.",
            isolated(&evaluation.model),
            evaluation.samples
        ),
        sections: sections(evaluation, prefix),
    }
}

fn sections(evaluation: &Evaluation, prefix: &str) -> Vec<Section> {
    let mut sections = Sections::default();
    sections.add("metrics", "Metrics", metrics(evaluation, prefix));
    sections.add("data", "Data", Some(data(evaluation)));
    sections.into_list()
}

fn metrics(evaluation: &Evaluation, prefix: &str) -> Option<String> {
    let rows = evaluation.metrics.iter();
    let rows = rows.map(|(name, value)| Row::new(vec![Cell::head(name.as_str()), metric(Some(value))]));
    let table = DataTable {
        id: format!("{prefix}-metrics-table"),
        caption: format!("On {} samples", evaluation.samples),
        columns: vec![Column::text("metric"), Column::number("value")],
        rows: rows.collect(),
    };
    (!table.rows.is_empty()).then(|| render(&table))
}

fn data(evaluation: &Evaluation) -> String {
    Facts {
        command: None,
        list: facts::owned(vec![
            ("model", evaluation.model.clone()),
            ("data set", evaluation.data.clone()),
            ("task", evaluation.task.clone()),
            ("samples", evaluation.samples.to_string()),
        ]),
        names: Vec::new(),
        names_title: "",
        unreadable: evaluation.unreadable.clone(),
    }
    .html()
}
