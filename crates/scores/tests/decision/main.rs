//! The decision model against brute force, and what must hold for every record.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod against_brute_force;
mod choice;
mod correlated;
mod dense;
mod invariance;
mod published;

use std::collections::BTreeMap;

use ranktune_core::random::Random;
use ranktune_scores::decision::{
    Candidate, DecisionModel, DecisionOptions, DecisionTarget, Past, PastResult, Rung, Trial,
};

/// Two rungs, one of them with much noise, and few validation samples.
fn options() -> DecisionOptions {
    let mut options = DecisionOptions::default();
    options.rungs = vec![Rung::new("short", 0.05), Rung::new("long", 0.3)];
    options.sampling = 2e-4;
    options
}

/// Sizes of a random record.
#[derive(Clone, Copy, Debug)]
struct Sizes {
    models: usize,
    data_sets: usize,
    protocols: usize,
    scores: usize,
}

fn uniform(random: &mut Random) -> f64 {
    random.below(1 << 30) as f64 / f64::from(1 << 30)
}

fn score_names(count: usize) -> Vec<String> {
    ["loo-accuracy", "logme", "leep"][..count]
        .iter()
        .map(|&name| name.to_owned())
        .collect()
}

/// Scores of which some are missing.
fn random_scores(count: usize, ability: f64, random: &mut Random) -> BTreeMap<String, f64> {
    let mut scores = BTreeMap::new();
    for name in score_names(count) {
        let value = 0.6 + 0.1 * ability + 0.2 * uniform(random);
        if random.below(5) > 0 {
            scores.insert(name, value);
        }
    }
    scores
}

/// A record with families, protocols, missing cells, missing scores, and trials with and without the full tuning.
fn random_record(sizes: Sizes, random: &mut Random) -> Past {
    let mut rows = Vec::new();
    let abilities: Vec<f64> = (0..sizes.models).map(|_| uniform(random)).collect();
    for data_set in 0..sizes.data_sets {
        let (level, scale) = (0.5 + 0.3 * uniform(random), 0.02 + 0.1 * uniform(random));
        for protocol in 0..sizes.protocols {
            if protocol > 0 && random.below(2) == 0 {
                continue;
            }
            for (model, ability) in abilities.iter().enumerate() {
                let accuracy = level + scale * (ability + 0.5 * uniform(random));
                let scores = random_scores(sizes.scores, *ability, random);
                let row = |rung: Option<&str>, accuracy: f64| PastResult {
                    model: format!("model {model}"),
                    family: (model % 3 > 0).then(|| format!("family {}", model % 3)),
                    data_set: format!("data {data_set}"),
                    protocol: format!("protocol {protocol}"),
                    rung: rung.map(str::to_owned),
                    accuracy,
                    scores: scores.clone(),
                };
                // The first three of every group are complete, so that its scale is known.
                if model < 3 || random.below(4) > 0 {
                    rows.push(row(None, accuracy));
                }
                for rung in ["short", "long"] {
                    if random.below(3) == 0 {
                        rows.push(row(Some(rung), accuracy - 0.05 + 0.02 * uniform(random)));
                    }
                }
            }
        }
    }
    Past::new(rows).unwrap()
}

/// A data set that is new, or in the record under another protocol; one model is unknown to the record.
fn random_target(sizes: Sizes, random: &mut Random) -> DecisionTarget {
    let models: Vec<Candidate> = (0..=sizes.models)
        .map(|model| Candidate {
            name: format!("model {model}"),
            family: (model % 3 > 0).then(|| format!("family {}", model % 3)),
            scores: random_scores(sizes.scores, uniform(random), random),
            score_error: None,
        })
        .collect();
    let mut trials = Vec::new();
    for model in 0..models.len() {
        for rung in [None, Some(0), Some(1)] {
            if random.below(5) == 0 {
                trials.push(Trial {
                    model,
                    rung,
                    accuracy: 0.6 + 0.1 * uniform(random),
                });
            }
        }
    }
    DecisionTarget {
        data_set: format!("data {}", random.below(2 * sizes.data_sets)),
        protocol: "protocol of the target".to_owned(),
        models,
        trials,
    }
}

fn fit(past: &Past) -> DecisionModel {
    DecisionModel::fit(past, options()).unwrap()
}

/// Models named a, b, c … with this accuracy on every data set in turn.
fn table(rows: &[&[f64]]) -> Vec<PastResult> {
    rows.iter()
        .enumerate()
        .flat_map(|(data_set, accuracies)| {
            accuracies.iter().zip('a'..).map(move |(&accuracy, model)| PastResult {
                model: model.to_string(),
                data_set: format!("data {data_set}"),
                protocol: "ours".to_owned(),
                accuracy,
                ..PastResult::default()
            })
        })
        .collect()
}

/// A new data set for the models named a, b, c …, without scores.
fn new_data_set(n_models: usize) -> DecisionTarget {
    DecisionTarget {
        data_set: "new".to_owned(),
        protocol: "ours".to_owned(),
        models: ('a'..)
            .take(n_models)
            .map(|name| Candidate {
                name: name.to_string(),
                ..Candidate::default()
            })
            .collect(),
        trials: Vec::new(),
    }
}
