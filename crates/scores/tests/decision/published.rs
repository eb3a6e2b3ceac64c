//! Leave one data set out on published accuracies: the record and the scores are worth more than the scores.

use std::collections::BTreeMap;
use std::fs;

use ranktune_scores::correlation::weighted_tau;
use ranktune_scores::decision::{Candidate, DecisionModel, DecisionOptions, DecisionTarget, Past, PastResult};
use ranktune_testing::shared;

#[test]
fn record_and_score_beat_the_score_on_published_accuracies() {
    let Some(folder) = shared("truth") else { return };
    let text = fs::read_to_string(folder.join("tllib_cnn.csv")).unwrap();
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    let at = |name: &str| header.iter().position(|cell| *cell == name).unwrap();
    let rows: Vec<PastResult> = lines
        .map(|line| {
            let cells: Vec<&str> = line.split(',').collect();
            PastResult {
                model: cells[at("model")].to_owned(),
                data_set: cells[at("dataset")].to_owned(),
                protocol: "tllib".to_owned(),
                accuracy: cells[at("accuracy")].parse::<f64>().unwrap() / 100.0,
                scores: BTreeMap::from([("h-score".to_owned(), cells[at("h_score")].parse().unwrap())]),
                ..PastResult::default()
            }
        })
        .collect();
    let mut data_sets: Vec<&str> = rows.iter().map(|row| row.data_set.as_str()).collect();
    data_sets.dedup();
    let (mut alone, mut joined) = (0.0, 0.0);
    for data_set in &data_sets {
        let (target, past): (Vec<_>, Vec<_>) = rows.iter().cloned().partition(|row| row.data_set == *data_set);
        let model = DecisionModel::fit(&Past::new(past).unwrap(), DecisionOptions::default()).unwrap();
        let posterior = model
            .predict(&DecisionTarget {
                data_set: (*data_set).to_owned(),
                protocol: "tllib".to_owned(),
                models: target
                    .iter()
                    .map(|row| Candidate {
                        name: row.model.clone(),
                        scores: row.scores.clone(),
                        ..Candidate::default()
                    })
                    .collect(),
                trials: Vec::new(),
            })
            .unwrap();
        let accuracies: Vec<f64> = target.iter().map(|row| row.accuracy).collect();
        let scores: Vec<f64> = target.iter().map(|row| row.scores["h-score"]).collect();
        alone += weighted_tau(&scores, &accuracies).unwrap().unwrap() / data_sets.len() as f64;
        joined += weighted_tau(&posterior.mean(), &accuracies).unwrap().unwrap() / data_sets.len() as f64;
    }
    // Both figures are those of experiments/decision/reference.py, which shares no code with this crate.
    assert!((alone - 0.650).abs() < 6e-4, "{alone}");
    assert!((joined - 0.799).abs() < 6e-4, "{joined}");
}
