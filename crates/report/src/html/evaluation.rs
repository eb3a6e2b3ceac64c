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
    sections.add("classes", "Classes", classes(evaluation, prefix));
    sections.add("confused", "Most confused", confused(evaluation, prefix));
    sections.add("errors", "Wrong predictions", errors(evaluation, prefix));
    sections.add("calibration", "Calibration", calibration(evaluation, prefix));
    sections.add("residuals", "Residuals", residuals(evaluation, prefix));
    sections.add("data", "Data", Some(data(evaluation)));
    sections.into_list()
}

fn metrics(evaluation: &Evaluation, prefix: &str) -> Option<String> {
    let rows = evaluation.metrics.iter().map(|(name, value)| {
        let interval = evaluation.intervals.get(name);
        let interval = interval.map_or_else(String::new, |[low, high]| {
            format!("{} to {}", decimal(*low), decimal(*high))
        });
        Row::new(vec![
            Cell::head(name.as_str()),
            metric(Some(value)),
            Cell::text(interval),
        ])
    });
    let table = DataTable {
        id: format!("{prefix}-metrics-table"),
        caption: format!("On {} samples", evaluation.samples),
        columns: vec![
            Column::text("metric"),
            Column::number("value"),
            Column::text("95 % interval"),
        ],
        rows: rows.collect(),
    };
    (!table.rows.is_empty()).then(|| render(&table))
}

fn classes(evaluation: &Evaluation, prefix: &str) -> Option<String> {
    let share = |value: f64| Cell::number(Some(value), decimal).with_bar(value);
    let rows = evaluation.classes.iter().map(|class| {
        Row::new(vec![
            Cell::head(class.name.as_str()),
            share(class.precision),
            share(class.recall),
            share(class.f1),
            Cell::count(class.support),
            Cell::count(class.predicted),
        ])
    });
    let table = DataTable {
        id: format!("{prefix}-classes-table"),
        caption:
            "By class: precision is the share of predictions that are right, recall the share of samples that are found"
                .to_owned(),
        columns: vec![
            Column::text("class"),
            Column::number("precision"),
            Column::number("recall"),
            Column::number("f1"),
            Column::number("support"),
            Column::number("predicted"),
        ],
        rows: rows.collect(),
    };
    (!table.rows.is_empty()).then(|| render(&table))
}

fn confused(evaluation: &Evaluation, prefix: &str) -> Option<String> {
    let rows = evaluation.confused.iter().map(|pair| {
        Row::new(vec![
            Cell::head(pair.class.as_str()),
            Cell::text(pair.predicted.as_str()),
            Cell::count(pair.samples),
        ])
    });
    let table = DataTable {
        id: format!("{prefix}-confused-table"),
        caption: "Samples of one class that are taken for another".to_owned(),
        columns: vec![
            Column::text("class"),
            Column::text("taken for"),
            Column::number("samples"),
        ],
        rows: rows.collect(),
    };
    (!table.rows.is_empty()).then(|| render(&table))
}

fn errors(evaluation: &Evaluation, prefix: &str) -> Option<String> {
    let has_texts = evaluation.errors.iter().any(|error| error.text.is_some());
    let rows = evaluation.errors.iter().map(|error| {
        let mut cells = vec![Cell::head(error.sample.as_str()).with_picture(error.thumbnail.as_ref())];
        if has_texts {
            cells.push(Cell::text(error.text.clone().unwrap_or_default()));
        }
        cells.extend([
            Cell::text(error.class.as_str()),
            Cell::text(error.predicted.as_str()),
            Cell::number(Some(error.probability), decimal).with_bar(error.probability),
        ]);
        Row::new(cells)
    });
    let texts = has_texts.then(|| Column::text("text"));
    let table = DataTable {
        id: format!("{prefix}-errors-table"),
        caption: "The wrong predictions that the model is surest of".to_owned(),
        columns: [Column::text("sample")]
            .into_iter()
            .chain(texts)
            .chain([
                Column::text("class"),
                Column::text("taken for"),
                Column::number("probability"),
            ])
            .collect(),
        rows: rows.collect(),
    };
    (!table.rows.is_empty()).then(|| render(&table))
}

fn calibration(evaluation: &Evaluation, prefix: &str) -> Option<String> {
    let calibration = evaluation.calibration.as_ref()?;
    let share = |value: f64| Cell::number(Some(value), decimal).with_bar(value);
    let rows = calibration.bins.iter().map(|bin| {
        Row::new(vec![
            Cell::head(format!("{} to {}", decimal(bin.low), decimal(bin.high))),
            share(bin.confidence),
            share(bin.accuracy),
            Cell::count(bin.samples),
        ])
    });
    Some(render(&DataTable {
        id: format!("{prefix}-calibration-table"),
        caption: format!(
            "Expected calibration error {}: confidence and accuracy are equal where probabilities can be taken at their word",
            decimal(calibration.expected_calibration_error)
        ),
        columns: vec![
            Column::text("confidence"),
            Column::number("mean confidence"),
            Column::number("accuracy"),
            Column::number("samples"),
        ],
        rows: rows.collect(),
    }))
}

fn residuals(evaluation: &Evaluation, prefix: &str) -> Option<String> {
    let number = |value: f64| Cell::number(Some(value), decimal);
    let rows = evaluation.residuals.iter().map(|column| {
        let mut cells = vec![
            Cell::head(column.column.as_str()),
            number(column.mean),
            number(column.standard_deviation),
        ];
        cells.extend(column.quantiles.map(number));
        Row::new(cells)
    });
    let mut columns = vec![
        Column::text("column"),
        Column::number("mean"),
        Column::number("standard deviation"),
    ];
    columns.extend(["5 %", "25 %", "50 %", "75 %", "95 %"].map(Column::number));
    let table = DataTable {
        id: format!("{prefix}-residuals-table"),
        caption: "Prediction minus target, in the units of the column".to_owned(),
        columns,
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
