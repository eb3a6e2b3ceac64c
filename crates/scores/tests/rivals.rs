//! The rival scores against their second derivation: NumPy's values on small made-up data (`experiments/rival_scores/vectors.py`).

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod common;

use std::path::Path;

use common::{Array, expected, read_npy};
use ranktune_scores::scores::company;
use ranktune_scores::scores::{ScoreData, find};
use ranktune_scores::{FeatureView, Probabilities, ScoreInputs, ScoreOptions, Targets};
use serde_json::Value;

struct Case {
    features: Vec<f32>,
    n: usize,
    d: usize,
    labels: Vec<u32>,
    values: Array,
    probabilities: Option<(Vec<f32>, usize)>,
}

impl Case {
    fn read(folder: &Path) -> Self {
        let features = read_npy(&folder.join("features.npy"));
        let values = read_npy(&folder.join("labels.npy"));
        let is_classes = values.columns == 1;
        let probabilities = folder.join("probabilities.npy");
        let narrow = |values: &[f64]| values.iter().map(|&value| value as f32).collect::<Vec<_>>();
        Self {
            features: narrow(&features.values),
            n: features.rows,
            d: features.columns,
            labels: if is_classes {
                values.values.iter().map(|&value| value as u32).collect()
            } else {
                Vec::new()
            },
            values,
            probabilities: probabilities.is_file().then(|| {
                let read = read_npy(&probabilities);
                (narrow(&read.values), read.columns)
            }),
        }
    }

    fn inputs(&self) -> ScoreInputs<'_> {
        ScoreInputs {
            features: FeatureView::new(&self.features, self.n, self.d).unwrap(),
            targets: if self.labels.is_empty() {
                Targets::columns(&self.values.values, self.values.columns).unwrap()
            } else {
                Targets::classes(
                    &self.labels,
                    self.labels.iter().max().map_or(1, |&most| most as usize + 1),
                )
                .unwrap()
            },
            probabilities: self
                .probabilities
                .as_ref()
                .map(|(values, z)| Probabilities::new(values, *z).unwrap()),
        }
    }
}

fn cases() -> Vec<(String, Case, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/rivals");
    let expected = expected(&folder);
    let of_name = |(name, value): (&String, &Value)| (name.clone(), Case::read(&folder.join(name)), value.clone());
    expected.as_object().unwrap().iter().map(of_name).collect()
}

/// Classes that are separated but for a shrinkage of 1e-10 have a scatter of condition 1e10 and more, which costs as many digits.
fn tolerance(case: &str, score: &str) -> f64 {
    match (case, score) {
        ("wide" | "dependent", "sfda" | "ncti" | "etran") => 1e-4,
        _ => 1e-7,
    }
}

#[test]
fn scores_are_those_of_their_second_derivation() {
    for (name, case, expected) in cases() {
        let inputs = case.inputs();
        let data = ScoreData::new(&inputs).unwrap();
        for (score, value) in expected["scores"].as_object().unwrap() {
            let outcome = find(score).unwrap().compute(&data, &ScoreOptions::default());
            let found = outcome.unwrap_or_else(|error| panic!("{name} {score}: {error}")).value;
            let value = value.as_f64().unwrap();
            assert!(
                (found - value).abs() <= tolerance(&name, score) * value.abs().max(1e-3),
                "{name} {score}: got {found}, expected {value}"
            );
        }
    }
}

#[test]
fn terms_of_a_set_of_models_are_those_of_their_second_derivation() {
    for (name, case, expected) in cases() {
        let Some(terms) = expected["terms"].as_object() else {
            continue;
        };
        let inputs = case.inputs();
        let data = ScoreData::new(&inputs).unwrap();
        for (score, terms) in terms {
            let found = company::find(score)
                .unwrap()
                .terms_of(&data, &ScoreOptions::default())
                .unwrap();
            for (found, value) in found.iter().zip(terms.as_array().unwrap()) {
                let value = value.as_f64().unwrap();
                assert!(
                    (found - value).abs() <= tolerance(&name, score) * value.abs(),
                    "{name} {score}: got {found}, expected {value}"
                );
            }
        }
    }
}

#[test]
fn numbers_are_refused_where_the_score_takes_labels() {
    let (_, case, _) = cases().into_iter().find(|(name, ..)| name == "numbers").unwrap();
    let inputs = case.inputs();
    let data = ScoreData::new(&inputs).unwrap();
    for score in ["parc", "n-leep", "gbc", "sfda"] {
        let error = find(score)
            .unwrap()
            .compute(&data, &ScoreOptions::default())
            .unwrap_err();
        assert!(error.to_string().contains("use logme"), "{score}: {error}");
    }
}
