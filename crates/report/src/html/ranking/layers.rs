//! The scores of layers, from the input to the output.

use askama::Template;

use super::main_score;
use crate::html::chart::{Axis, AxisKind, Curve, Plot, Point, Stroke};
use crate::html::render;
use crate::html::table::{Cell, Column, DataTable, Row};
use crate::html::text::{decimal, isolated};
use crate::ranking::{RankedModel, Ranking};

#[derive(Template)]
#[template(path = "ranking/layers.html")]
struct Layers {
    pictures: Vec<String>,
    rest: usize,
    tables: Vec<String>,
}

/// Number of models with a picture.
const PICTURES: usize = 12;

pub(crate) fn html(ranking: &Ranking, prefix: &str) -> Option<String> {
    let models: Vec<&RankedModel> = ranking.models.iter().filter(|model| !model.layers.is_empty()).collect();
    if models.is_empty() {
        return None;
    }
    let score = main_score(ranking);
    let shown = || models.iter().take(PICTURES).enumerate();
    Some(render(&Layers {
        pictures: shown()
            .filter_map(|(place, model)| picture(model, score, &format!("{prefix}-layers-{place}")))
            .collect(),
        rest: models.len().saturating_sub(PICTURES),
        tables: shown()
            .map(|(place, model)| table(model, score, format!("{prefix}-layers-table-{place}")))
            .collect(),
    }))
}

fn best(model: &RankedModel) -> Option<usize> {
    let scores = model.layers.iter().enumerate();
    let best = scores.max_by(|(a, x), (b, y)| x.score.total_cmp(&y.score).then(b.cmp(a)));
    best.map(|(place, _)| place)
}

#[expect(clippy::cast_precision_loss, reason = "a place in a picture")]
fn picture(model: &RankedModel, score: &str, id: &str) -> Option<String> {
    let points = model.layers.iter().enumerate().map(|(place, layer)| {
        let line = format!(
            "layer {}: {score} {}, {} features",
            place + 1,
            decimal(layer.score),
            layer.dim
        );
        Point {
            error: layer.standard_error,
            ..Point::of_model((place + 1) as f64, layer.score, &layer.name, &line)
        }
    });
    let best = best(model)?;
    let plot = Plot {
        id: id.to_owned(),
        title: format!("{}: {score} by layer", isolated(&model.name)),
        description: format!(
            "{} layers; the best is layer {}, {}, with {}.",
            model.layers.len(),
            best + 1,
            isolated(&model.layers[best].name),
            decimal(model.layers[best].score)
        ),
        x: Axis::new("layer, from the input", AxisKind::Linear),
        y: Axis::new(score, AxisKind::Linear),
        curves: vec![Curve {
            name: String::new(),
            stroke: Stroke::Line,
            colour: 0,
            points: points.collect(),
        }],
        mark: Some(((best + 1) as f64, "best".to_owned())),
    };
    plot.html()
}

fn table(model: &RankedModel, score: &str, id: String) -> String {
    let best = best(model);
    let rows = model.layers.iter().enumerate().map(|(place, layer)| {
        Row::new(vec![
            Cell::count(place + 1),
            Cell::head(layer.name.as_str()),
            Cell::count(layer.dim),
            Cell::number(Some(layer.score), |value| match layer.standard_error {
                Some(error) => format!("{} ± {}", decimal(value), decimal(error)),
                None => decimal(value),
            }),
        ])
        .marked(best == Some(place))
    });
    render(&DataTable {
        id,
        caption: format!("Layers of {}", isolated(&model.name)),
        columns: vec![
            Column::number("layer"),
            Column::text("tensor"),
            Column::number("features"),
            Column::number(score),
        ],
        rows: rows.collect(),
    })
}
