//! Baselines against closed forms, and against scores of targets that were permuted beforehand.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod common;

use common::{Random, close, clusters, source_probabilities};
use ranktune_scores::baseline::{self, PermutedSums, permuted, without_features};
use ranktune_scores::scores::{SCORES, ScoreData, find};
use ranktune_scores::uncertainty::Accumulator;
use ranktune_scores::{ErrorKind, FeatureView, Probabilities, ScoreInputs, ScoreOptions, Statistics, Targets};

/// The marginal likelihood of a column under `N(0, v₀I + v₁11ᵀ)`: one variance along the constant, another beside it.
#[test]
fn evidence_without_features_is_that_of_a_mean_and_a_variance() {
    let labels = [0, 0, 0, 0, 0, 1, 1, 1, 2, 2];
    let n = labels.len() as f64;
    let expected = (0..3)
        .map(|class| {
            let count = labels.iter().filter(|&&label| label == class).count() as f64;
            let along = count * count / n;
            let beside = (count - along) / (n - 1.0);
            let (along, beside) = if along > beside {
                (along, beside)
            } else {
                (count / n, count / n)
            };
            -0.5 * ((2.0 * std::f64::consts::PI).ln() + 1.0 + (along.ln() + (n - 1.0) * beside.ln()) / n)
        })
        .sum::<f64>()
        / 3.0;
    let targets = Targets::classes(&labels, 3).unwrap();
    let found = without_features(&targets, find("logme").unwrap(), &ScoreOptions::default()).unwrap();
    close("logme", found.value, expected, 1e-9);
    // Without a source head, LEEP and NCE are minus the entropy of the classes.
    let entropy: f64 = [0.5_f64, 0.3, 0.2].iter().map(|share| share * share.ln()).sum();
    for name in ["leep", "nce"] {
        let found = without_features(&targets, find(name).unwrap(), &ScoreOptions::default()).unwrap();
        close(name, found.value, entropy, 1e-12);
    }
}

#[test]
fn permuted_scores_are_those_of_targets_permuted_beforehand() {
    let options = ScoreOptions::default();
    for (n, d) in [(90, 12), (700, 270), (40, 60), (300, 310)] {
        let (features, labels) = clusters(n, d, 3, 1.0, 7);
        let source = source_probabilities(&labels);
        let inputs = ScoreInputs {
            features: FeatureView::new(&features, n, d).unwrap(),
            targets: Targets::classes(&labels, 3).unwrap(),
            probabilities: Some(Probabilities::new(&source, 4).unwrap()),
        };
        let data = ScoreData::new(&inputs).unwrap();
        for score in SCORES {
            let found = permuted(&data, score, &options, 3);
            if !baseline::is_cheap(score) {
                assert_eq!(found.unwrap_err().kind(), ErrorKind::MissingInput, "{}", score.name);
                continue;
            }
            let found = found.unwrap();
            assert_eq!(found.values().len(), baseline::PERMUTATIONS);
            for (permutation, found) in found.values().iter().enumerate() {
                let order = baseline::order(n, 3, permutation);
                let shuffled: Vec<u32> = order.iter().map(|&row| labels[row]).collect();
                let others = ScoreInputs {
                    targets: Targets::classes(&shuffled, 3).unwrap(),
                    ..inputs
                };
                let expected = score
                    .compute(&ScoreData::new(&others).unwrap(), &options)
                    .unwrap()
                    .value;
                close(&format!("{} at n {n}, d {d}", score.name), *found, expected, 1e-9);
            }
        }
    }
}

#[test]
fn sums_of_streamed_rows_give_the_permuted_scores_of_all_rows_at_once() {
    let options = ScoreOptions::default();
    let (n, d) = (400, 20);
    let (features, _) = clusters(n, d, 3, 1.0, 7);
    let mut random = Random(5);
    let values: Vec<f64> = (0..n)
        .flat_map(|i| [f64::from(features[i * d]) + random.normal(), random.normal()])
        .collect();
    let view = FeatureView::new(&features, n, d).unwrap();
    let targets = Targets::columns(&values, 2).unwrap();
    let inputs = ScoreInputs {
        features: view,
        targets,
        probabilities: None,
    };
    let logme = find("logme").unwrap();
    let whole = permuted(&ScoreData::new(&inputs).unwrap(), logme, &options, 9).unwrap();
    let orders: Vec<Vec<usize>> = (0..baseline::PERMUTATIONS).map(|p| baseline::order(n, 9, p)).collect();
    let shuffled: Vec<Vec<f64>> = orders
        .iter()
        .map(|order| {
            order
                .iter()
                .flat_map(|&row| [values[2 * row], values[2 * row + 1]])
                .collect()
        })
        .collect();
    let mut sums = Accumulator::new(&Statistics::for_columns(d, 2).unwrap(), 1);
    let mut of_permuted = PermutedSums::default();
    for rows in [0..150, 150..151, 151..n] {
        let part = FeatureView::new(&features[rows.start * d..rows.end * d], rows.len(), d).unwrap();
        let own = |values: &[f64]| values[2 * rows.start..2 * rows.end].to_vec();
        let plain = own(&values);
        sums.update(&part, &Targets::columns(&plain, 2).unwrap(), &vec![0; rows.len()])
            .unwrap();
        let parts: Vec<Vec<f64>> = shuffled.iter().map(|values| own(values)).collect();
        of_permuted.update(&part, |p| Targets::columns(&parts[p], 2)).unwrap();
    }
    let scores = sums.scores(None).unwrap();
    let streamed = scores.permuted(&of_permuted, logme, &options, 9).unwrap();
    for (streamed, whole) in streamed.values().iter().zip(whole.values()) {
        close("streamed", *streamed, *whole, 1e-9);
    }
    assert_eq!(
        scores
            .permuted(&PermutedSums::default(), logme, &options, 9)
            .unwrap_err()
            .kind(),
        ErrorKind::MissingInput
    );
    // The first column follows a feature, which no permutation does.
    assert!(whole.is_beaten_by(scores.compute(logme, &options).unwrap().value));
}

#[test]
fn features_of_shuffled_labels_do_not_beat_permuted_ones() {
    let options = ScoreOptions::default();
    let logme = find("logme").unwrap();
    let mut beaten = 0;
    for seed in 0..20 {
        let (features, labels) = clusters(200, 30, 5, 1.0, seed);
        let order = baseline::order(200, 1000 + seed, 0);
        let shuffled: Vec<u32> = order.iter().map(|&row| labels[row]).collect();
        for (labels, is_real) in [(&labels, true), (&shuffled, false)] {
            let inputs = ScoreInputs {
                features: FeatureView::new(&features, 200, 30).unwrap(),
                targets: Targets::classes(labels, 5).unwrap(),
                probabilities: None,
            };
            let data = ScoreData::new(&inputs).unwrap();
            let value = logme.compute(&data, &options).unwrap().value;
            let is_beaten = permuted(&data, logme, &options, seed).unwrap().is_beaten_by(value);
            if is_real {
                assert!(is_beaten, "seed {seed}");
            } else {
                beaten += usize::from(is_beaten);
            }
        }
    }
    // One in four hundred is expected.
    assert!(beaten <= 1, "{beaten} of 20 data sets without information");
}
