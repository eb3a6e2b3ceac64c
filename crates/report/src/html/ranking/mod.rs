//! The page of a ranking. Its sections, in order, are those of [`sections`].

mod agreement;
mod answer;
mod classes;
mod cost;
mod data;
mod layers;
mod models;
mod race;
mod reproduce;
mod skipped;
mod uncertainty;

use super::contents::{Contents, titled};
use super::{Section, Sections};
use crate::ranking::{RankedModel, Ranking};

/// Number of models in pictures that have a row or a curve for each.
const SHOWN: usize = 40;

/// Title, answer and sections of a ranking; identifiers begin with `prefix`.
pub(crate) fn contents(ranking: &Ranking, prefix: &str) -> Contents {
    let what = match ranking.models.len() {
        1 => "Ranking of 1 model".to_owned(),
        count => format!("Ranking of {count} models"),
    };
    Contents {
        title: titled(&what, &ranking.data.path),
        answer: answer::text(ranking),
        sections: sections(ranking, prefix),
    }
}

fn sections(ranking: &Ranking, prefix: &str) -> Vec<Section> {
    let mut sections = Sections::default();
    sections.add("models", "Models", models::html(ranking, prefix));
    sections.add("cost", "Score against cost", cost::html(ranking, prefix));
    sections.add("ranks", "How sure the order is", uncertainty::html(ranking, prefix));
    sections.add("race", "The race", race::html(ranking, prefix));
    sections.add("scores", "Where scores disagree", agreement::html(ranking, prefix));
    sections.add("layers", "Layers", layers::html(ranking, prefix));
    sections.add("classes", "Classes and samples", classes::html(ranking, prefix));
    sections.add("skipped", "Models that were skipped", skipped::html(ranking, prefix));
    sections.add("data", "Data", data::html(ranking, prefix));
    sections.add("reproduce", "How to repeat this", reproduce::html(ranking, prefix));
    sections.into_list()
}

/// The score that orders the ranking: the first of its options, or else of the first model.
fn main_score(ranking: &Ranking) -> &str {
    let stated = ranking.options.get("scores").and_then(|scores| scores.get(0)?.as_str());
    let first = || ranking.models.first()?.scores.keys().next().map(String::as_str);
    stated.or_else(first).unwrap_or("score")
}

/// The names of all scores, the one that orders the ranking first.
fn score_names(ranking: &Ranking) -> Vec<&str> {
    let mut names = vec![main_score(ranking)];
    for model in &ranking.models {
        for name in model.scores.keys() {
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
    }
    names
}

/// The standard error of a score.
fn standard_error(model: &RankedModel, score: &str) -> Option<f64> {
    model.scores.get(score)?.get("standard_error")?.as_f64()
}

/// `images/s` or `samples/s`.
fn throughput_unit(ranking: &Ranking) -> &'static str {
    if ranking.models.iter().any(|model| model.samples_per_second.is_some()) {
        "samples/s"
    } else {
        "images/s"
    }
}

/// Models that may have the highest score, the one that has it on all samples first.
fn first_by_score(ranking: &Ranking) -> Vec<&RankedModel> {
    let score = main_score(ranking);
    let value = |model: &RankedModel| model.score(score).unwrap_or(f64::NEG_INFINITY);
    let is_first = |model: &&RankedModel| model.score_uncertainty.is_some_and(|found| found.rank_interval[0] == 1);
    let mut models: Vec<&RankedModel> = ranking.models.iter().filter(is_first).collect();
    models.sort_by(|a, b| value(b).total_cmp(&value(a)));
    models
}
