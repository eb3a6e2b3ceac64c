//! Methods, learning rates and λ that were tried on the validation samples.

use crate::html::chart::{Axis, AxisKind, Curve, Plot, Point, Stroke};
use crate::html::render;
use crate::html::table::{Cell, Column, DataTable, Row};
use crate::html::text::decimal;
use crate::training::{Measured, Training};

/// A value that was tried.
struct Trial<'a> {
    name: String,
    measured: &'a Measured,
    is_kept: bool,
}

pub(crate) fn html(training: &Training, prefix: &str) -> Option<String> {
    let setting = |name: &str| training.settings.get(name)?.as_f64();
    let statistics = training.settings.get("batch_norm").and_then(|value| value.as_str());
    let rates: Vec<Trial<'_>> = training
        .rate_curve
        .iter()
        .map(|point| Trial {
            name: format!("{}, {}", point.learning_rate, point.batch_norm),
            measured: &point.measured,
            is_kept: setting("learning_rate") == Some(point.learning_rate) && statistics == Some(&point.batch_norm),
        })
        .collect();
    let lambdas: Vec<Trial<'_>> = training
        .lambda_curve
        .iter()
        .map(|point| Trial {
            name: point.lambda.to_string(),
            measured: &point.measured,
            is_kept: setting("lambda") == Some(point.lambda),
        })
        .collect();
    let methods: Vec<Trial<'_>> = training
        .contest
        .iter()
        .filter_map(|one| {
            Some(Trial {
                name: one.method.clone(),
                measured: one.measured.as_ref()?,
                is_kept: one.chosen,
            })
        })
        .collect();
    let parts = [
        part(&methods, &format!("{prefix}-methods"), "method"),
        failed(training),
        part(&rates, &format!("{prefix}-rates"), "learning rate, batch norm"),
        part(&lambdas, &format!("{prefix}-lambdas"), "λ"),
    ];
    let html: String = parts.into_iter().flatten().collect();
    (!html.is_empty()).then_some(html)
}

/// The candidates without a result, with the reason.
fn failed(training: &Training) -> Option<String> {
    let failed = training.contest.iter().filter_map(|one| {
        let cells = vec![Cell::head(one.method.as_str()), Cell::text(one.reason.as_deref()?)];
        Some(Row::new(cells))
    });
    let rows: Vec<Row> = failed.collect();
    if rows.is_empty() {
        return None;
    }
    Some(render(&DataTable {
        id: "failed-candidates-table".to_owned(),
        caption: "Candidates without a result".to_owned(),
        columns: vec![Column::text("method"), Column::text("reason")],
        rows,
    }))
}

/// The values of one setting; nothing where it was not chosen.
#[expect(clippy::cast_precision_loss, reason = "a place in a picture")]
fn part(trials: &[Trial<'_>], id: &str, setting: &str) -> Option<String> {
    let metric = &trials.first()?.measured.metric;
    let kept = trials.iter().find(|trial| trial.is_kept);
    let points = trials.iter().enumerate().map(|(place, trial)| {
        let tip = format!("{setting} {}: {metric} {}", trial.name, decimal(trial.measured.value));
        Point {
            error: trial.measured.standard_error,
            ..Point::new(place as f64, trial.measured.value, tip)
        }
    });
    let plot = Plot {
        id: id.to_owned(),
        title: format!(
            "{metric} on the validation samples by {setting}, with standard errors of the difference from the default"
        ),
        description: match kept {
            Some(trial) => format!("{} values were tried; {} was kept.", trials.len(), trial.name),
            None => format!("{} values were tried.", trials.len()),
        },
        x: Axis::new(
            setting,
            AxisKind::Names(trials.iter().map(|trial| trial.name.clone()).collect()),
        ),
        y: Axis::new(metric.as_str(), AxisKind::Linear),
        curves: vec![Curve {
            name: String::new(),
            stroke: Stroke::Line,
            colour: 0,
            points: points.collect(),
        }],
        mark: trials
            .iter()
            .position(|trial| trial.is_kept)
            .map(|place| (place as f64, "kept".to_owned())),
    };
    let rows = trials.iter().map(|trial| {
        Row::new(vec![
            Cell::head(trial.name.as_str()),
            Cell::number(Some(trial.measured.value), decimal),
            Cell::number(Some(trial.measured.loss), decimal),
            Cell::number(trial.measured.standard_error, decimal),
        ])
        .marked(trial.is_kept)
    });
    let table = DataTable {
        id: format!("{id}-table"),
        caption: "The marked value was kept".to_owned(),
        columns: vec![
            Column::text(setting),
            Column::number(metric),
            Column::number("validation loss"),
            Column::number("standard error").help("of the difference from the default"),
        ],
        rows: rows.collect(),
    };
    Some(plot.html().unwrap_or_default() + &render(&table))
}
