//! Score against cost, with the Pareto front.

use askama::Template;

use super::{main_score, score_names, standard_error, throughput_unit};
use crate::format::{count, number};
use crate::html::chart::{Axis, AxisKind, Curve, Plot, Point, Stroke};
use crate::html::render;
use crate::html::text::{decimal, isolated, listed};
use crate::ranking::{RankedModel, Ranking};

#[derive(Template)]
#[template(path = "ranking/cost.html")]
struct Cost {
    score: String,
    is_race: bool,
    pictures: Vec<String>,
}

/// A score that is an accuracy is shown instead of the one that orders the ranking.
const ACCURACY: &str = "loo-accuracy";

pub(crate) fn html(ranking: &Ranking, prefix: &str) -> Option<String> {
    if ranking.models.len() < 2 {
        return None;
    }
    let score = if score_names(ranking).contains(&ACCURACY) {
        ACCURACY
    } else {
        main_score(ranking)
    };
    #[expect(clippy::cast_precision_loss, reason = "a place in a picture")]
    let parameters = |model: &RankedModel| Some(model.parameters as f64);
    let size = Measure {
        id: "parameters",
        name: "parameters".to_owned(),
        is_better_low: true,
        of: &parameters,
        text: count_of,
        ticks: Some(count_of),
    };
    let speed = Measure {
        id: "throughput",
        name: throughput_unit(ranking).to_owned(),
        is_better_low: false,
        of: &RankedModel::throughput,
        text: number,
        ticks: None,
    };
    let pictures: Vec<String> = [size, speed]
        .iter()
        .filter_map(|measure| picture(ranking, prefix, score, measure))
        .collect();
    (!pictures.is_empty()).then(|| {
        render(&Cost {
            score: score.to_owned(),
            is_race: ranking.race.is_some(),
            pictures,
        })
    })
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a tick above 0")]
fn count_of(value: f64) -> String {
    // A tick is a round number up to rounding; its text is that of the count.
    let text = count(value.round() as u64);
    text.replace(".0 ", " ")
}

/// A cost, or its opposite.
struct Measure<'a> {
    id: &'static str,
    name: String,
    is_better_low: bool,
    of: &'a dyn Fn(&RankedModel) -> Option<f64>,
    /// Of a value.
    text: fn(f64) -> String,
    /// Of a tick, where it is not the plain number.
    ticks: Option<fn(f64) -> String>,
}

fn picture(ranking: &Ranking, prefix: &str, score: &str, measure: &Measure<'_>) -> Option<String> {
    let places: Vec<(usize, &RankedModel, f64, f64)> = ranking
        .models
        .iter()
        .enumerate()
        .filter_map(|(place, model)| {
            let cost = (measure.of)(model).filter(|cost| *cost > 0.0)?;
            Some((place, model, cost, model.score(score)?))
        })
        .collect();
    if places.len() < 2 {
        return None;
    }
    let values: Vec<(f64, f64)> = places.iter().map(|&(_, _, cost, score)| (cost, score)).collect();
    let front = pareto_front(&values, measure.is_better_low);
    let point = |index: usize| {
        let (place, model, cost, value) = places[index];
        let line = format!("{score} {}, {} {}", decimal(value), (measure.text)(cost), measure.name);
        Point {
            error: standard_error(model, score),
            model: Some(place),
            ..Point::of_model(cost, value, &model.name, &line)
        }
    };
    let names: Vec<String> = front.iter().map(|&index| isolated(&places[index].1.name)).collect();
    let shown = if names.len() > 12 { &names[..12] } else { &names[..] };
    let better = if measure.is_better_low { "fewer" } else { "more" };
    let plot = Plot {
        id: format!("{prefix}-cost-{}", measure.id),
        title: format!("{score} against {}, with standard errors", measure.name),
        description: format!(
            "{} models. On the Pareto front, where no other model has a higher {score} with {better} {}: {}. The numbers are in the table of models.",
            places.len(),
            measure.name,
            listed(shown)
        ),
        x: Axis {
            format: measure.ticks,
            ..Axis::new(measure.name.as_str(), AxisKind::Logarithmic)
        },
        y: Axis::new(score, AxisKind::Linear),
        curves: vec![
            Curve {
                name: "Pareto front".to_owned(),
                stroke: Stroke::Steps,
                colour: 1,
                points: front
                    .iter()
                    .map(|&index| Point {
                        name: Some(places[index].1.name.clone()),
                        ..point(index)
                    })
                    .collect(),
            },
            Curve {
                name: "other models".to_owned(),
                stroke: Stroke::Points,
                colour: 0,
                points: (0..places.len())
                    .filter(|index| !front.contains(index))
                    .map(point)
                    .collect(),
            },
        ],
        mark: None,
    };
    plot.html()
}

/// Places of the points `(cost, score)` that no other point beats in both, by increasing cost; with `is_better_low` false, cost counts
/// the other way round, and the order is by decreasing cost.
fn pareto_front(values: &[(f64, f64)], is_better_low: bool) -> Vec<usize> {
    let price = |index: usize| {
        if is_better_low {
            values[index].0
        } else {
            -values[index].0
        }
    };
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| price(a).total_cmp(&price(b)).then(values[b].1.total_cmp(&values[a].1)));
    let mut best = f64::NEG_INFINITY;
    order.retain(|&index| {
        let is_better = values[index].1 > best;
        best = best.max(values[index].1);
        is_better
    });
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_front_is_what_a_comparison_of_all_pairs_keeps() {
        // A grid with ties in both directions.
        let values: Vec<(f64, f64)> = (0..60)
            .map(|i| (f64::from(1 + i * 7 % 11), f64::from(i * 13 % 17)))
            .collect();
        for is_better_low in [true, false] {
            let cost = |v: &(f64, f64)| if is_better_low { v.0 } else { -v.0 };
            let beats = |a: &(f64, f64), b: &(f64, f64)| cost(a) <= cost(b) && a.1 >= b.1 && a != b;
            let expected: Vec<(f64, f64)> = values
                .iter()
                .filter(|b| !values.iter().any(|a| beats(a, b)))
                .copied()
                .collect();
            let front: Vec<(f64, f64)> = pareto_front(&values, is_better_low)
                .iter()
                .map(|&i| values[i])
                .collect();
            assert!(
                front.iter().all(|point| expected.contains(point)),
                "{front:?} {expected:?}"
            );
            assert!(
                expected.iter().all(|point| front.contains(point)),
                "{front:?} {expected:?}"
            );
        }
    }
}
