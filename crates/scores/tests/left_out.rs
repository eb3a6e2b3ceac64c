//! Leave-one-out predictions against models that are fitted again without the sample.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod common;

use common::reference::dense;
use common::{Random, close, clusters};
use faer::linalg::solvers::Solve;
use faer::{Mat, Side};
use ranktune_scores::scores::{ScoreData, find};
use ranktune_scores::uncertainty::{Accumulator, groups, jackknife};
use ranktune_scores::{
    ColumnEvidence, Compat, FeatureView, ScoreInputs, ScoreOptions, ScoreOutcome, Statistics, Targets, evidence,
};

fn compute(name: &str, inputs: &ScoreInputs<'_>) -> ScoreOutcome {
    let data = ScoreData::new(inputs).unwrap();
    find(name).unwrap().compute(&data, &ScoreOptions::default()).unwrap()
}

fn inputs<'a>(features: &'a [f32], d: usize, targets: Targets<'a>) -> ScoreInputs<'a> {
    ScoreInputs {
        features: FeatureView::new(features, features.len() / d, d).unwrap(),
        targets,
        probabilities: None,
    }
}

/// Mean and variance of sample `i` under the model of the other samples, at fixed α and β.
fn refitted(f: &Mat<f64>, y: &[f64], i: usize, column: &ColumnEvidence) -> (f64, f64) {
    let (n, d) = (f.nrows(), f.ncols());
    let others: Vec<usize> = (0..n).filter(|&row| row != i).collect();
    let (Some(alpha), Some(beta)) = (column.alpha, column.beta) else {
        // Interpolation, or nothing: the limits.
        let kernel = Mat::from_fn(n - 1, n - 1, |a, b| {
            (0..d).map(|k| f[(others[a], k)] * f[(others[b], k)]).sum::<f64>()
        });
        let cross = Mat::from_fn(n - 1, 1, |a, _| {
            (0..d).map(|k| f[(others[a], k)] * f[(i, k)]).sum::<f64>()
        });
        let own: f64 = (0..d).map(|k| f[(i, k)].powi(2)).sum();
        let Some(alpha) = column.alpha else {
            return (0.0, 1.0 / column.beta.unwrap());
        };
        let solved = kernel.llt(Side::Lower).unwrap().solve(&cross);
        let mean = (0..n - 1).map(|a| solved[(a, 0)] * y[others[a]]).sum();
        let explained: f64 = (0..n - 1).map(|a| solved[(a, 0)] * cross[(a, 0)]).sum();
        return (mean, (own - explained) / alpha);
    };
    let precision = Mat::from_fn(d, d, |a, b| {
        beta * others.iter().map(|&row| f[(row, a)] * f[(row, b)]).sum::<f64>() + if a == b { alpha } else { 0.0 }
    });
    let product = Mat::from_fn(d, 1, |k, _| {
        beta * others.iter().map(|&row| f[(row, k)] * y[row]).sum::<f64>()
    });
    let factor = precision.llt(Side::Lower).unwrap();
    let (weights, own) = (factor.solve(&product), Mat::from_fn(d, 1, |k, _| f[(i, k)]));
    let spread = factor.solve(&own);
    let along = |vector: &Mat<f64>| (0..d).map(|k| vector[(k, 0)] * f[(i, k)]).sum::<f64>();
    (along(&weights), along(&spread) + 1.0 / beta)
}

#[test]
fn predictions_are_those_of_models_fitted_without_the_sample() {
    for (n, d, c) in [(60, 5, 3), (41, 40, 3), (30, 30, 3), (25, 60, 4)] {
        let (features, labels) = clusters(n, d, c, 1.5, 5);
        let targets = Targets::classes(&labels, c).unwrap();
        let inputs = inputs(&features, d, targets);
        let statistics = Statistics::of(&inputs.features, &targets).unwrap();
        let fit = evidence::fit_rows(&statistics, &inputs.features, &targets, Compat::Exact).unwrap();
        let columns = &fit.evidence().columns;
        let f = dense(&features, d);
        let (mut right, mut density) = (0, 0.0);
        for i in 0..n {
            let mut best = (f64::NEG_INFINITY, 0);
            for column in columns {
                let y: Vec<f64> = labels
                    .iter()
                    .map(|&label| f64::from(u8::from(label as usize == column.column)))
                    .collect();
                let (mean, variance) = refitted(&f, &y, i, column);
                density -= 0.5 * ((2.0 * std::f64::consts::PI * variance).ln() + (y[i] - mean).powi(2) / variance);
                if mean > best.0 {
                    best = (mean, column.column);
                }
            }
            right += usize::from(best.1 == labels[i] as usize);
        }
        let name = format!("n {n}, d {d}, {}", columns[0].status);
        close(
            &name,
            compute("loo-accuracy", &inputs).value,
            right as f64 / n as f64,
            1e-12,
        );
        let expected = density / (n * columns.len()) as f64;
        close(&name, compute("loo-log-likelihood", &inputs).value, expected, 1e-6);
    }
}

/// A feature that a single sample has: without the sample its weight is zero, whatever the leverage says.
#[test]
fn a_feature_of_one_sample_does_not_help_it() {
    let (n, d, c) = (80, 6, 3);
    let (features, labels) = clusters(n, d, c, 0.7, 9);
    let own = |i: usize, j: usize| {
        if j < d {
            features[i * d + j]
        } else if i == 7 {
            1e4
        } else {
            0.0
        }
    };
    let wider: Vec<f32> = (0..n)
        .flat_map(|i| (0..=d).map(move |j| (i, j)))
        .map(|(i, j)| own(i, j))
        .collect();
    let targets = Targets::classes(&labels, c).unwrap();
    let outcome = compute("loo-accuracy", &inputs(&wider, d + 1, targets));
    let plain = compute("loo-accuracy", &inputs(&features, d, targets));
    let of_sample = |outcome: &ScoreOutcome| outcome.samples.as_ref().unwrap()[7];
    assert_eq!(of_sample(&outcome), of_sample(&plain));
}

#[test]
fn a_thousand_classes_are_scored_beside_their_chance_level() {
    let (n, d, c) = (3000, 40, 1000);
    let (features, labels) = clusters(n, d, c, 0.3, 2);
    let targets = Targets::classes(&labels, c).unwrap();
    let outcome = compute("loo-accuracy", &inputs(&features, d, targets));
    let mut counts = vec![0; c];
    for &label in &labels {
        counts[label as usize] += 1;
    }
    let largest = *counts.iter().max().unwrap();
    assert_eq!(outcome.chance, Some(largest as f64 / n as f64));
    assert!(outcome.value > 0.1 && outcome.value < 1.0, "{}", outcome.value);
}

#[test]
fn labels_and_numbers_have_their_own_measure() {
    let (features, _) = clusters(120, 8, 3, 1.0, 3);
    let mut random = Random(4);
    let number: Vec<f64> = (0..120)
        .flat_map(|i| {
            let row = &features[i * 8..(i + 1) * 8];
            [
                f64::from(row[0] + row[1]) + 0.3 * random.normal(),
                f64::from(row[2] - row[3]),
            ]
        })
        .collect();
    let r2 = compute(
        "loo-accuracy",
        &inputs(&features, 8, Targets::columns(&number, 2).unwrap()),
    );
    assert!(r2.value > 0.9 && r2.value <= 1.0 && r2.chance == Some(0.0), "{r2:?}");
    let label: Vec<f64> = number.iter().map(|&value| f64::from(u8::from(value > 0.5))).collect();
    let map = compute(
        "loo-accuracy",
        &inputs(&features, 8, Targets::columns(&label, 2).unwrap()),
    );
    assert!(map.value > map.chance.unwrap() && map.value <= 1.0, "{map:?}");
}

#[test]
fn the_jackknife_of_a_share_is_that_of_the_samples() {
    let (features, labels) = clusters(100, 6, 3, 2.0, 6);
    let targets = Targets::classes(&labels, 3).unwrap();
    let inputs = inputs(&features, 6, targets);
    let groups = groups::assign(&targets, 10, 1).unwrap();
    let found = jackknife(&inputs, "loo-accuracy", &ScoreOptions::default(), &groups).unwrap();
    let samples = compute("loo-accuracy", &inputs).samples.unwrap();
    let rest: Vec<f64> = (0..100).filter(|&i| groups[i] != 3).map(|i| samples[i]).collect();
    assert!((found.replicates[3] - rest.iter().sum::<f64>() / rest.len() as f64).abs() < 1e-12);
    // About that of a share of 100 samples.
    let expected = (found.value * (1.0 - found.value) / 100.0).sqrt();
    assert!(found.standard_error > 0.5 * expected && found.standard_error < 2.0 * expected);
}

#[test]
fn streamed_rows_are_scored_from_a_draw_and_saved_groups_from_their_evidence() {
    let (n, d, c) = (6000, 5, 4);
    let (features, labels) = clusters(n, d, c, 1.5, 8);
    let targets = Targets::classes(&labels, c).unwrap();
    let whole = inputs(&features, d, targets);
    let groups = groups::assign(&targets, 10, 1).unwrap();
    let empty = Statistics::for_classes(d, c).unwrap();
    let mut sums = Accumulator::new(&empty, 10).with_draw();
    for first in (0..n).step_by(1000) {
        let part = FeatureView::new(&features[first * d..(first + 1000) * d], 1000, d).unwrap();
        let part_targets = Targets::classes(&labels[first..first + 1000], c).unwrap();
        sums.update(&part, &part_targets, &groups[first..first + 1000]).unwrap();
    }
    let options = ScoreOptions::default();
    for name in ["loo-accuracy", "loo-log-likelihood"] {
        let score = find(name).unwrap();
        let all = compute(name, &whole);
        let drawn = sums.scores(None).unwrap().compute(score, &options).unwrap();
        assert!(
            drawn.estimate.as_ref().unwrap().contains("draw of 4096 of 6000"),
            "{drawn:?}"
        );
        // Four standard deviations of the mean of a draw without replacement.
        let samples = all.samples.as_ref().unwrap();
        let variance = samples.iter().map(|value| (value - all.value).powi(2)).sum::<f64>() / n as f64;
        let reach = 4.0 * (variance / 4096.0 * (1.0 - 4096.0 / 6000.0)).sqrt();
        assert!(
            (drawn.value - all.value).abs() < reach,
            "{name}: {} {}",
            drawn.value,
            all.value
        );
    }
    let (saved, _) = sums.into_statistics().unwrap();
    let grouped = ranktune_scores::uncertainty::GroupedScores::new(&saved, None).unwrap();
    let density = grouped.compute(find("loo-log-likelihood").unwrap(), &options).unwrap();
    assert!(density.estimate.as_ref().unwrap().contains("10 groups"), "{density:?}");
    // Each fit has a tenth of its samples less, which costs little of 6,000.
    let all = compute("loo-log-likelihood", &whole).value;
    assert!((density.value - all).abs() < 2e-3, "{} {all}", density.value);
    assert!(density.value < all + 1e-4);
    assert!(grouped.compute(find("loo-accuracy").unwrap(), &options).is_err());
}
