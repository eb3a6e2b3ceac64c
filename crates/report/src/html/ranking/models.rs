//! The table of models, with its filter.

use askama::Template;

use super::{main_score, score_names, standard_error, throughput_unit};
use crate::format::{count, number, seconds};
use crate::html::render;
use crate::html::table::{Cell, Column, DataTable, FilterKeys, Row};
use crate::html::text::decimal;
use crate::ranking::{RankedModel, Ranking};

#[derive(Template)]
#[template(path = "ranking/models.html")]
struct Models {
    unit: &'static str,
    has_throughput: bool,
    table: String,
    missing: Vec<(String, String, String)>,
}

/// The number of reasons for missing scores that are listed.
const REASONS: usize = 50;

pub(crate) fn html(ranking: &Ranking, prefix: &str) -> Option<String> {
    if ranking.models.is_empty() {
        return None;
    }
    let unit = throughput_unit(ranking);
    let names = score_names(ranking);
    let table = DataTable {
        id: format!("{prefix}-models-table"),
        caption: format!("Ordered by {}", main_score(ranking)),
        columns: columns(ranking, &names, unit),
        rows: ranking
            .models
            .iter()
            .enumerate()
            .map(|(place, model)| row(ranking, model, place, &names))
            .collect(),
    };
    let missing = ranking.models.iter().flat_map(|model| {
        let reasons = model.scores.iter();
        reasons.filter_map(|(score, value)| {
            let reason = value.get("reason")?.as_str()?;
            Some((model.name.clone(), score.clone(), reason.to_owned()))
        })
    });
    Some(render(&Models {
        unit,
        has_throughput: ranking.models.iter().any(|model| model.throughput().is_some()),
        table: render(&table),
        missing: missing.take(REASONS).collect(),
    }))
}

fn columns(ranking: &Ranking, names: &[&str], unit: &str) -> Vec<Column> {
    let mut columns = vec![Column::number("rank"), Column::text("model")];
    let (main, others) = names
        .split_first()
        .map_or(("score", &[][..]), |(main, others)| (*main, others));
    columns.push(Column::number(main).help("with its standard error"));
    columns.push(Column::number("P(best)").help("share of resampled data sets on which the model comes first"));
    let top = format!("P(top {})", ranking.top_k());
    columns.push(Column::number(&top).help("share of resampled data sets on which the model is among the first"));
    columns.push(Column::number("ranks").help("ranks that hold 90 % of the resampled data sets"));
    columns.extend(others.iter().map(|name| Column::number(name)));
    columns.extend([
        Column::number("features").help("features per sample"),
        Column::number("parameters"),
        Column::number(unit).help("throughput of the extraction"),
        Column::number("seconds").help("extraction and scores"),
    ]);
    if ranking.race.is_some() {
        columns.push(Column::number("seen").help("samples that the scores are of"));
        columns.push(Column::text("race"));
    }
    columns
}

#[expect(clippy::cast_precision_loss, reason = "used for sorting only")]
fn row(ranking: &Ranking, model: &RankedModel, place: usize, names: &[&str]) -> Row {
    let score = |name: &str| {
        Cell::number(model.score(name), |value| match standard_error(model, name) {
            Some(error) => format!("{} ± {}", decimal(value), decimal(error)),
            None => decimal(value),
        })
    };
    let share = |share: Option<f64>| Cell::number(share, |share| format!("{share:.2}"));
    let throughput = model.throughput();
    let mut cells = vec![Cell::count(model.rank), Cell::head(model.name.as_str())];
    cells.extend(names.first().map(|name| score(name)));
    cells.push(share(model.p_best).with_bar(model.p_best.unwrap_or(0.0)));
    cells.push(share(model.p_top_k));
    cells.push(Cell::number(model.rank_interval.map(|[low, _]| low as f64), |_| {
        interval(model)
    }));
    cells.extend(names.iter().skip(1).map(|name| score(name)));
    cells.push(Cell::count(model.feature_dim));
    cells.push(Cell::number(Some(model.parameters as f64), |_| count(model.parameters)));
    cells.push(match throughput {
        Some(_) => Cell::number(throughput, number),
        None => Cell {
            text: "cached".to_owned(),
            ..Cell::number(None, number)
        },
    });
    cells.push(Cell::number(Some(model.seconds.extract + model.seconds.score), seconds));
    if ranking.race.is_some() {
        cells.push(match &model.race {
            Some(record) => Cell::count(record.samples),
            None => Cell::number(None, number),
        });
        cells.push(Cell::text(match &model.race {
            Some(record) if record.stopped => "eliminated".to_owned(),
            Some(_) => "stayed in".to_owned(),
            None => String::new(),
        }));
    }
    Row {
        cells,
        is_marked: model.rank == 1,
        filter: Some(FilterKeys {
            model: place,
            parameters: model.parameters,
            throughput,
        }),
    }
}

/// The ranks of a model: `1`, `1–3`.
pub(super) fn interval(model: &RankedModel) -> String {
    match model.rank_interval {
        Some([low, high]) if low == high => low.to_string(),
        Some([low, high]) => format!("{low}–{high}"),
        None => "–".to_owned(),
    }
}
