//! What every score of the list must do.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod common;

use common::{clusters, source_probabilities};
use ranktune_scores::scores::{Needs, SCORES};
use ranktune_scores::{
    ErrorKind, FeatureView, Probabilities, Result, ScoreInputs, ScoreOptions, ScoreOutcome, Targets, score_all,
};

struct Data {
    features: Vec<f32>,
    labels: Vec<u32>,
    probabilities: Vec<f32>,
    d: usize,
    n_classes: usize,
}

impl Data {
    fn new(n: usize, d: usize, n_classes: usize) -> Self {
        let (features, labels) = clusters(n, d, n_classes, 1.5, 17);
        let probabilities = source_probabilities(&labels);
        Self {
            features,
            labels,
            probabilities,
            d,
            n_classes,
        }
    }

    fn score(&self, name: &str) -> Result<ScoreOutcome> {
        let n = self.labels.len();
        let inputs = ScoreInputs {
            features: FeatureView::new(&self.features, n, self.d)?,
            targets: Targets::classes(&self.labels, self.n_classes)?,
            probabilities: Some(Probabilities::new(&self.probabilities, 4)?),
        };
        score_all(&inputs, &[name], &ScoreOptions::default())?.remove(0).1
    }

    fn permuted(&self) -> Self {
        let n = self.labels.len();
        let order: Vec<usize> = (0..n).map(|i| (i * 7 + 3) % n).collect();
        let take = |values: &[f32], width: usize| {
            order
                .iter()
                .flat_map(|&i| values[i * width..(i + 1) * width].to_vec())
                .collect()
        };
        Self {
            features: take(&self.features, self.d),
            labels: order.iter().map(|&i| self.labels[i]).collect(),
            probabilities: take(&self.probabilities, 4),
            ..*self
        }
    }
}

/// Gives a new value from the position and the old value.
type Change<'a> = &'a dyn Fn(usize, f32) -> f32;

/// Tall, square, wide.
const SIZES: [(usize, usize); 3] = [(61, 6), (20, 20), (19, 40)];

#[test]
fn every_score_is_finite_and_has_the_same_bits_each_time() {
    for (n, d) in SIZES {
        let data = Data::new(n, d, 3);
        for score in SCORES {
            let first = data
                .score(score.name)
                .unwrap_or_else(|error| panic!("{} at n {n}, d {d}: {error}", score.name));
            assert!(first.value.is_finite(), "{}", score.name);
            let again = data.score(score.name).unwrap();
            assert_eq!(
                first.value.to_bits(),
                again.value.to_bits(),
                "{} at n {n}, d {d}: {} and {}",
                score.name,
                first.value,
                again.value
            );
        }
    }
}

#[test]
fn every_score_is_unchanged_by_the_order_of_rows() {
    for (n, d) in SIZES {
        let data = Data::new(n, d, 3);
        for score in SCORES {
            let (plain, permuted) = (
                data.score(score.name).unwrap().value,
                data.permuted().score(score.name).unwrap().value,
            );
            assert!(
                (plain - permuted).abs() <= 1e-9 * plain.abs().max(1.0),
                "{}: {plain} {permuted}",
                score.name
            );
        }
    }
}

#[test]
fn every_score_refuses_one_class_and_one_sample() {
    for n in [1, 12] {
        let mut data = Data::new(12, 5, 3);
        data.labels = vec![2; n];
        data.features.truncate(n * 5);
        data.probabilities.truncate(n * 4);
        for score in SCORES {
            let error = data.score(score.name).expect_err(score.name);
            assert_eq!(error.kind(), ErrorKind::TooFewClasses, "{}: {error}", score.name);
            assert!(error.to_string().starts_with(score.name), "{error}");
        }
    }
}

#[test]
fn every_score_takes_two_samples_of_two_classes() {
    for d in [1, 3] {
        let mut data = Data::new(2, d, 2);
        data.features = (0..2 * d).map(|i| i as f32 * 0.7 - 0.3).collect();
        for score in SCORES {
            match data.score(score.name) {
                Ok(outcome) => assert!(outcome.value.is_finite(), "{}", score.name),
                Err(error) => assert_eq!(error.kind(), ErrorKind::Unbounded, "{}: {error}", score.name),
            }
        }
    }
}

#[test]
fn every_score_takes_constant_zero_huge_and_tiny_features() {
    for (n, d) in SIZES {
        let plain = Data::new(n, d, 3);
        let variants: [(&str, Change<'_>); 5] = [
            ("all constant", &|_, _| 0.1),
            ("all zero", &|_, _| 0.0),
            ("one constant", &|i, x| if i % d == 0 { 1e3 } else { x }),
            ("huge", &|_, x| x * 1e20),
            ("tiny", &|_, x| x * 1e-20),
        ];
        for (what, change) in variants {
            let features = plain.features.iter().enumerate().map(|(i, &x)| change(i, x)).collect();
            let data = Data {
                features,
                labels: plain.labels.clone(),
                probabilities: plain.probabilities.clone(),
                ..plain
            };
            for score in SCORES {
                let outcome = data
                    .score(score.name)
                    .unwrap_or_else(|error| panic!("{} of {what}: {error}", score.name));
                assert!(outcome.value.is_finite(), "{} of {what}", score.name);
            }
        }
    }
}

#[test]
fn every_score_ignores_classes_that_do_not_occur() {
    let data = Data::new(61, 6, 3);
    let gaps = Data {
        labels: data.labels.iter().map(|label| label * 1000 + 5).collect(),
        features: data.features.clone(),
        probabilities: data.probabilities.clone(),
        n_classes: 1 << 31,
        ..data
    };
    for score in SCORES {
        let (plain, gaps) = (
            data.score(score.name).unwrap().value,
            gaps.score(score.name).unwrap().value,
        );
        assert!((plain - gaps).abs() <= 1e-12 * plain.abs(), "{}", score.name);
    }
}

#[test]
fn better_separated_classes_have_a_higher_score() {
    let blurred = Data::new(300, 6, 3);
    let mut clear = Data::new(300, 6, 3);
    for (row, label) in clear.features.chunks_mut(6).zip(&clear.labels) {
        row[*label as usize] += 4.0;
    }
    for (row, label) in clear.probabilities.chunks_mut(4).zip(&clear.labels) {
        row.fill(0.1);
        row[*label as usize] = 0.7;
    }
    for score in SCORES {
        let (low, high) = (
            blurred.score(score.name).unwrap().value,
            clear.score(score.name).unwrap().value,
        );
        assert!(high > low, "{}: {high} is not above {low}", score.name);
    }
}

#[test]
fn a_score_without_its_probabilities_says_so() {
    let data = Data::new(20, 3, 2);
    let inputs = ScoreInputs {
        features: FeatureView::new(&data.features, 20, 3).unwrap(),
        targets: Targets::classes(&data.labels, 2).unwrap(),
        probabilities: None,
    };
    for score in SCORES.iter().filter(|score| score.needs == Needs::Probabilities) {
        let error = score_all(&inputs, &[score.name], &ScoreOptions::default())
            .unwrap()
            .remove(0)
            .1
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::MissingInput);
        assert!(error.to_string().contains("probabilities"), "{error}");
    }
}

#[test]
fn only_scores_of_columns_take_numbers() {
    let data = Data::new(20, 3, 2);
    let values: Vec<f64> = (0..20).map(|i| f64::from(i) * 0.1 + f64::from(i % 3)).collect();
    let inputs = ScoreInputs {
        features: FeatureView::new(&data.features, 20, 3).unwrap(),
        targets: Targets::columns(&values, 1).unwrap(),
        probabilities: Some(Probabilities::new(&data.probabilities, 4).unwrap()),
    };
    for score in SCORES {
        let outcome = score_all(&inputs, &[score.name], &ScoreOptions::default())
            .unwrap()
            .remove(0)
            .1;
        if score.needs.allows_columns() && !score.needs.is_of_labels() {
            assert!(outcome.is_ok(), "{}", score.name);
        } else {
            assert_eq!(outcome.unwrap_err().kind(), ErrorKind::MissingInput, "{}", score.name);
        }
    }
}

#[test]
fn only_scores_of_columns_take_several_labels() {
    let data = Data::new(40, 3, 2);
    let values: Vec<f64> = (0..80).map(|i| f64::from(u8::from(data.features[i] > 0.0))).collect();
    let inputs = ScoreInputs {
        features: FeatureView::new(&data.features, 40, 3).unwrap(),
        targets: Targets::columns(&values, 2).unwrap(),
        probabilities: Some(Probabilities::new(&data.probabilities, 4).unwrap()),
    };
    for score in SCORES {
        let outcome = score_all(&inputs, &[score.name], &ScoreOptions::default())
            .unwrap()
            .remove(0)
            .1;
        if score.needs.allows_columns() {
            assert!(outcome.is_ok(), "{}", score.name);
        } else {
            assert_eq!(outcome.unwrap_err().kind(), ErrorKind::MissingInput, "{}", score.name);
        }
    }
}

#[test]
fn rows_that_do_not_match_are_refused_before_anything_is_computed() {
    let data = Data::new(20, 3, 2);
    let inputs = ScoreInputs {
        features: FeatureView::new(&data.features, 20, 3).unwrap(),
        targets: Targets::classes(&data.labels[..19], 2).unwrap(),
        probabilities: None,
    };
    let error = score_all(&inputs, &["logme"], &ScoreOptions::default()).unwrap_err();
    assert_eq!(error.to_string(), "features have 20 rows but targets have 19");
    let inputs = ScoreInputs {
        targets: Targets::classes(&data.labels, 2).unwrap(),
        probabilities: Some(Probabilities::new(&data.probabilities[..4], 4).unwrap()),
        ..inputs
    };
    let error = score_all(&inputs, &["logme"], &ScoreOptions::default()).unwrap_err();
    assert_eq!(error.to_string(), "features have 20 rows but probabilities have 1");
}

/// Features of no more samples than features reproduce the classes: what is left below the largest value is rounding.
#[test]
fn the_h_score_of_few_samples_is_saturated_and_the_same_for_all_features() {
    for (n, d) in [(19, 40), (30, 31), (40, 40)] {
        let values: Vec<f64> = (0..6)
            .map(|seed| {
                let (features, _) = clusters(n, d, 3, 0.5, 100 + seed);
                let data = Data {
                    features,
                    ..Data::new(n, d, 3)
                };
                let outcome = data.score("h-score").unwrap();
                assert!(outcome.is_saturated, "n {n}, d {d}: {}", outcome.value);
                outcome.value
            })
            .collect();
        assert_eq!(values, [2.0; 6]);
        let shrunk = Data::new(n, d, 3).score("shrinkage-h-score").unwrap();
        assert!(!shrunk.is_saturated && shrunk.value < 2.0, "{}", shrunk.value);
    }
    let tall = Data::new(61, 6, 3).score("h-score").unwrap();
    assert!(!tall.is_saturated && tall.value < 2.0);
}

#[test]
fn predictions_without_a_mistake_are_saturated() {
    let mut data = Data::new(60, 6, 3);
    for (row, &label) in data.features.chunks_exact_mut(6).zip(&data.labels) {
        row[label as usize] += 100.0;
    }
    for name in ["loo-accuracy", "knn"] {
        let outcome = data.score(name).unwrap();
        assert!(
            outcome.is_saturated && outcome.value == 1.0,
            "{name}: {}",
            outcome.value
        );
    }
    for name in ["loo-accuracy", "knn", "nce", "leep", "logme", "transrate"] {
        let outcome = Data::new(61, 6, 3).score(name).unwrap();
        assert!(!outcome.is_saturated, "{name}: {}", outcome.value);
    }
}
