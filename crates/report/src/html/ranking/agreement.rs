//! How far scores agree on the order of models, and where they do not.

use askama::Template;

use super::score_names;
use crate::html::render;
use crate::html::table::{Cell, Column, DataTable, Row};
use crate::ranking::Ranking;

#[derive(Template)]
#[template(path = "ranking/agreement.html")]
struct Agreement {
    matrix: String,
    models: Option<String>,
}

/// Number of models on which scores disagree most that are listed.
const LISTED: usize = 10;

pub(crate) fn html(ranking: &Ranking, prefix: &str) -> Option<String> {
    let names: Vec<&str> = score_names(ranking);
    let values = |name: &str| -> Vec<Option<f64>> { ranking.models.iter().map(|model| model.score(name)).collect() };
    // A score of one model has no order.
    let scores: Vec<(&str, Vec<Option<f64>>)> = names
        .into_iter()
        .map(|name| (name, values(name)))
        .filter(|(_, values)| values.iter().flatten().count() > 1)
        .collect();
    if scores.len() < 2 || ranking.models.len() < 3 {
        return None;
    }
    Some(render(&Agreement {
        matrix: matrix(&scores, prefix),
        models: disagreements(ranking, &scores, prefix),
    }))
}

fn matrix(scores: &[(&str, Vec<Option<f64>>)], prefix: &str) -> String {
    let rows = scores.iter().map(|(name, values)| {
        let mut cells = vec![Cell::head(*name)];
        cells.extend(scores.iter().map(|(_, others)| {
            let correlation = spearman(values, others);
            Cell::number(correlation, |value| format!("{value:.2}")).with_shade(correlation.unwrap_or(0.0))
        }));
        Row::new(cells)
    });
    let mut columns = vec![Column::text("score")];
    columns.extend(scores.iter().map(|(name, _)| Column::number(name)));
    render(&DataTable {
        id: format!("{prefix}-scores-matrix"),
        caption: "Spearman's rank correlation of scores over the models that have both".to_owned(),
        columns,
        rows: rows.collect(),
    })
}

/// The models whose rank differs most between scores.
fn disagreements(ranking: &Ranking, scores: &[(&str, Vec<Option<f64>>)], prefix: &str) -> Option<String> {
    let ranks: Vec<Vec<Option<f64>>> = scores.iter().map(|(_, values)| ranks(values)).collect();
    let spread = |model: usize| {
        let places = ranks.iter().filter_map(|ranks| ranks[model]);
        let (low, high) = places.fold((f64::INFINITY, 0.0_f64), |(low, high), rank| {
            (low.min(rank), high.max(rank))
        });
        high - low
    };
    let mut order: Vec<usize> = (0..ranking.models.len()).filter(|&model| spread(model) > 0.0).collect();
    order.sort_by(|&a, &b| spread(b).total_cmp(&spread(a)).then(a.cmp(&b)));
    order.truncate(LISTED);
    if order.is_empty() {
        return None;
    }
    let rank = |rank: f64| {
        if rank.fract() == 0.0 {
            format!("{rank:.0}")
        } else {
            format!("{rank:.1}")
        }
    };
    let rows = order.iter().map(|&model| {
        let mut cells = vec![Cell::head(ranking.models[model].name.as_str())];
        cells.extend(ranks.iter().map(|ranks| Cell::number(ranks[model], rank)));
        cells.push(Cell::number(Some(spread(model)), rank));
        Row::new(cells)
    });
    let mut columns = vec![Column::text("model")];
    columns.extend(scores.iter().map(|(name, _)| Column::number(name)));
    columns.push(Column::number("difference").help("between the highest rank and the lowest"));
    Some(render(&DataTable {
        id: format!("{prefix}-scores-models"),
        caption: "Models by each score's own rank, those with the largest difference first".to_owned(),
        columns,
        rows: rows.collect(),
    }))
}

/// Ranks from 1, the highest value first; equal values share the mean of their ranks.
fn ranks(values: &[Option<f64>]) -> Vec<Option<f64>> {
    let count = |is_before: &dyn Fn(f64) -> bool| -> f64 {
        values
            .iter()
            .flatten()
            .filter(|other| is_before(**other))
            .map(|_| 1.0)
            .sum()
    };
    let rank = |value: f64| count(&|other| other > value) + f64::midpoint(1.0, count(&|other| other == value));
    values.iter().map(|value| value.map(rank)).collect()
}

/// Spearman's correlation over the places where both have a value; `None` for fewer than two places, or constant values.
fn spearman(a: &[Option<f64>], b: &[Option<f64>]) -> Option<f64> {
    let is_both: Vec<bool> = a.iter().zip(b).map(|(a, b)| a.is_some() && b.is_some()).collect();
    let kept = |values: &[Option<f64>]| -> Vec<Option<f64>> {
        values
            .iter()
            .zip(&is_both)
            .filter(|(_, both)| **both)
            .map(|(value, _)| *value)
            .collect()
    };
    let pairs: Vec<(f64, f64)> = ranks(&kept(a))
        .into_iter()
        .flatten()
        .zip(ranks(&kept(b)).into_iter().flatten())
        .collect();
    let count: f64 = pairs.iter().map(|_| 1.0).sum();
    let mean = f64::midpoint(count, 1.0);
    let (mut xy, mut xx, mut yy) = (0.0, 0.0, 0.0);
    for (x, y) in pairs {
        xy += (x - mean) * (y - mean);
        xx += (x - mean) * (x - mean);
        yy += (y - mean) * (y - mean);
    }
    (xx > 0.0 && yy > 0.0).then(|| xy / (xx * yy).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spearman_is_the_correlation_of_mean_ranks() {
        // By hand: the ranks less their mean are (-2.5, -1.5, -0.5, 0.5, 2, 2) and (-0.5, -2.5, 1, 1, 2.5, -1.5); their product is 7, and
        // both squares are 17.
        let some = |values: &[f64]| values.iter().copied().map(Some).collect::<Vec<_>>();
        let (a, b) = (
            some(&[1.0, 2.0, 3.0, 4.0, 5.0, 5.0]),
            some(&[3.0, 1.0, 4.0, 4.0, 9.0, 2.0]),
        );
        let value = spearman(&a, &b).unwrap();
        assert!((value - 7.0 / 17.0).abs() < 1e-12, "{value}");
        assert_eq!(spearman(&a, &some(&[2.0; 6])), None);
    }

    #[test]
    fn models_without_a_score_are_left_out_of_its_order() {
        assert_eq!(
            ranks(&[Some(0.5), None, Some(0.7), Some(0.5)]),
            [Some(2.5), None, Some(1.0), Some(2.5)]
        );
        let value = spearman(
            &[Some(1.0), None, Some(2.0), Some(3.0)],
            &[Some(3.0), Some(0.0), Some(2.0), Some(1.0)],
        );
        assert_eq!(value, Some(-1.0));
    }
}
