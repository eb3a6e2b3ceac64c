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
        caption: match ranking.decision {
            Some(_) => "Ordered by the predicted metric after tuning".to_owned(),
            None => format!("Ordered by {}", main_score(ranking)),
        },
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
    if ranking.decision.is_some() {
        columns.push(Column::number("predicted").help("metric after tuning, with its standard deviation"));
        columns.push(Column::number("P(best)").help("probability that the model is the best after tuning"));
        columns.push(Column::number("ranks").help("ranks that hold the model with a probability of 90 %"));
        columns.push(Column::number("results").help("earlier results of the model"));
    }
    columns.push(Column::number(main).help("with its standard error"));
    columns.push(
        Column::number(&format!("{main} first")).help("share of resampled data sets on which its score is the highest"),
    );
    columns.push(
        Column::number(&format!("{main} top {}", ranking.top_k()))
            .help("share of resampled data sets on which its score is among the first"),
    );
    columns.push(
        Column::number(&format!("{main} ranks")).help("ranks by score that hold 90 % of the resampled data sets"),
    );
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
        if model.is_plainly_saturated(name) {
            return Cell::number(model.score(name), |_| "saturated".to_owned());
        }
        Cell::number(model.score(name), |value| match standard_error(model, name) {
            Some(error) => format!("{} ± {}", decimal(value), decimal(error)),
            None => decimal(value),
        })
    };
    let share = |share: Option<f64>| Cell::number(share, |share| format!("{share:.2}"));
    let throughput = model.throughput();
    let mut cells = vec![Cell::count(model.rank), Cell::head(model.name.as_str())];
    if ranking.decision.is_some() {
        let found = model.predicted.as_ref();
        let ranks = found.map(|found| found.rank_interval);
        cells.push(Cell::number(found.map(|found| found.value), |value| {
            let error = found.map_or(0.0, |found| found.standard_error);
            format!("{value:.3} ± {error:.3}")
        }));
        let p_best = found.map(|found| found.p_best);
        cells.push(share(p_best).with_bar(p_best.unwrap_or(0.0)));
        cells.push(Cell::number(ranks.map(|[low, _]| low as f64), |_| interval(ranks)));
        cells.push(Cell::number(found.map(|found| found.record_rows as f64), number));
    }
    cells.extend(names.first().map(|name| score(name)));
    let by_score = model.score_uncertainty;
    let ranks = by_score.map(|found| found.rank_interval);
    cells.push(share(by_score.map(|found| found.p_best)));
    cells.push(share(by_score.and_then(|found| found.p_top_k)));
    cells.push(Cell::number(ranks.map(|[low, _]| low as f64), |_| interval(ranks)));
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

/// Ranks: `1`, `1–3`.
pub(super) fn interval(ranks: Option<[usize; 2]>) -> String {
    match ranks {
        Some([low, high]) if low == high => low.to_string(),
        Some([low, high]) => format!("{low}–{high}"),
        None => "–".to_owned(),
    }
}
