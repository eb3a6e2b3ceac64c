//! Loss and metric by epoch.

use askama::Template;
use serde_json::Value;

use super::main_metric;
use crate::format::seconds;
use crate::html::chart::{Axis, AxisKind, Curve, Plot, Point, Stroke};
use crate::html::render;
use crate::html::table::{Cell, Column, DataTable, Row};
use crate::html::text::decimal;
use crate::html::training::metrics::metric;
use crate::training::{Epoch, TimeSpent, Training};

#[derive(Template)]
#[template(path = "training/curves.html")]
struct Curves {
    pictures: Vec<String>,
    table: String,
    steps: u64,
    seconds_per_step: String,
    seconds: String,
    time: Option<String>,
}

pub(crate) fn html(training: &Training, prefix: &str) -> Option<String> {
    if training.history.is_empty() {
        return None;
    }
    Some(render(&Curves {
        pictures: pictures(training, prefix),
        table: table(training, prefix),
        steps: training.steps,
        seconds_per_step: format!("{:.3}", training.seconds_per_step),
        seconds: seconds(training.seconds),
        time: training.time.as_ref().map(TimeSpent::list),
    }))
}

/// A value of an epoch on the validation samples.
fn validated(epoch: &Epoch, name: &str) -> Option<f64> {
    epoch.validation.as_ref()?.get(name)?.as_f64()
}

/// A curve over the epochs that have the value.
#[expect(clippy::cast_precision_loss, reason = "a place in a picture")]
fn curve(training: &Training, name: &str, colour: usize, value: impl Fn(&Epoch) -> Option<f64>) -> Curve {
    let points = training.history.iter().filter_map(|epoch| {
        let value = value(epoch)?;
        let tip = format!("epoch {}: {name} {}", epoch.epoch, decimal(value));
        Some(Point::new(epoch.epoch as f64, value, tip))
    });
    Curve {
        name: name.to_owned(),
        stroke: Stroke::Line,
        colour,
        points: points.collect(),
    }
}

fn pictures(training: &Training, prefix: &str) -> Vec<String> {
    let losses = vec![
        curve(training, "training loss", 0, |epoch| Some(epoch.loss)),
        curve(training, "validation loss", 1, |epoch| validated(epoch, "loss")),
    ];
    let terms = term_names(training)
        .into_iter()
        .enumerate()
        .map(|(place, name)| {
            let value = |epoch: &Epoch| epoch.parts.get(name).and_then(Value::as_f64);
            curve(training, name, place, value)
        })
        .collect();
    let metric = main_metric(training).unwrap_or("metric");
    let metrics = vec![curve(training, &format!("validation {metric}"), 2, |epoch| {
        validated(epoch, metric)
    })];
    let plots = [
        ("loss", "Loss by epoch", "loss", losses),
        ("metric", "Metric on the validation samples by epoch", metric, metrics),
        ("terms", "Terms of the training loss by epoch", "loss", terms),
    ];
    let drawn = plots
        .into_iter()
        .filter_map(|(id, title, axis, curves)| picture(training, prefix, id, title, axis, curves));
    drawn.collect()
}

#[expect(clippy::cast_precision_loss, reason = "a place in a picture")]
fn picture(training: &Training, prefix: &str, id: &str, title: &str, axis: &str, curves: Vec<Curve>) -> Option<String> {
    let ends: Vec<String> = curves
        .iter()
        .filter_map(|curve| {
            let (first, last) = (curve.points.first()?, curve.points.last()?);
            Some(format!(
                "{} from {} to {}",
                curve.name,
                decimal(first.y),
                decimal(last.y)
            ))
        })
        .collect();
    let plot = Plot {
        id: format!("{prefix}-curves-{id}"),
        title: title.to_owned(),
        description: format!(
            "{} epochs: {}. The numbers are in the table of epochs.",
            training.history.len(),
            ends.join("; ")
        ),
        x: Axis::new("epoch", AxisKind::Linear),
        y: Axis::new(axis, AxisKind::Linear),
        curves,
        mark: Some((training.chosen_epoch as f64, "kept".to_owned())),
    };
    plot.html()
}

/// The names of the loss's terms, where there are several.
fn term_names(training: &Training) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for epoch in &training.history {
        for name in epoch.parts.keys() {
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
    }
    names
}

fn table(training: &Training, prefix: &str) -> String {
    let terms = term_names(training);
    let name = main_metric(training).unwrap_or("metric");
    let is_validated = training.history.iter().any(|epoch| epoch.validation.is_some());
    let mut columns = vec![Column::number("epoch"), Column::number("training loss")];
    columns.extend(terms.iter().map(|term| Column::number(&format!("term {term}"))));
    if is_validated {
        columns.extend([
            Column::number("validation loss"),
            Column::number(&format!("validation {name}")),
        ]);
    }
    columns.push(Column::number("seconds"));
    let rows = training.history.iter().map(|epoch| {
        let mut cells = vec![Cell::count(epoch.epoch), Cell::number(Some(epoch.loss), decimal)];
        cells.extend(terms.iter().map(|term| metric(epoch.parts.get(*term))));
        if is_validated {
            let value = |key: &str| metric(epoch.validation.as_ref().and_then(|validation| validation.get(key)));
            cells.extend([value("loss"), value(name)]);
        }
        cells.push(Cell::number(Some(epoch.seconds), seconds));
        Row::new(cells).marked(epoch.epoch == training.chosen_epoch)
    });
    render(&DataTable {
        id: format!("{prefix}-curves-table"),
        caption: "Epochs; the model has the weights of the marked one".to_owned(),
        columns,
        rows: rows.collect(),
    })
}
