//! The jackknife against scores without each group, and against the spread over repeated samples.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod common;

use common::{Random, clusters};
use ranktune_scores::uncertainty::{Grouped, Jackknife, groups, jackknife, jackknife_of_groups, ranking, total};
use ranktune_scores::{FeatureView, ScoreInputs, ScoreOptions, Statistics, Targets, score_all};

fn inputs<'a>(features: &'a [f32], d: usize, labels: &'a [u32]) -> ScoreInputs<'a> {
    ScoreInputs {
        features: FeatureView::new(features, labels.len(), d).unwrap(),
        targets: Targets::classes(labels, 8).unwrap(),
        probabilities: None,
    }
}

fn score(name: &str, features: &[f32], d: usize, labels: &[u32]) -> f64 {
    score_all(&inputs(features, d, labels), &[name], &ScoreOptions::default())
        .unwrap()
        .remove(0)
        .1
        .unwrap()
        .value
}

/// The jackknife from the rows outside each group.
fn by_hand(name: &str, features: &[f32], d: usize, labels: &[u32], groups: &[usize]) -> Jackknife {
    let n_groups = groups.iter().max().unwrap() + 1;
    let replicates = (0..n_groups)
        .map(|group| {
            let rows: Vec<usize> = (0..labels.len()).filter(|&i| groups[i] != group).collect();
            let features: Vec<f32> = rows
                .iter()
                .flat_map(|&i| features[i * d..(i + 1) * d].to_vec())
                .collect();
            let labels: Vec<u32> = rows.iter().map(|&i| labels[i]).collect();
            score(name, &features, d, &labels)
        })
        .collect();
    Jackknife::new(score(name, features, d, labels), replicates).unwrap()
}

#[test]
fn statistics_by_group_give_the_jackknife_of_the_rows() {
    for (n, d) in [(400, 20), (150, 60), (60, 55), (40, 80)] {
        let (features, labels) = clusters(n, d, 4, 5.0, 31);
        let inputs = inputs(&features, d, &labels);
        let groups = groups::assign(&inputs.targets, 10, 0).unwrap();
        let mut grouped = Grouped::new(&Statistics::for_classes(d, 8).unwrap(), 10);
        for (at, rows) in (0..n).collect::<Vec<_>>().chunks(17).enumerate() {
            let rows = at * 17..at * 17 + rows.len();
            let part = FeatureView::new(&features[rows.start * d..rows.end * d], rows.len(), d).unwrap();
            let targets = Targets::classes(&labels[rows.clone()], 8).unwrap();
            grouped.update(&part, &targets, &groups[rows]).unwrap();
        }
        let parts = grouped.into_groups().unwrap();
        let total = total(&parts).unwrap();
        assert_eq!(total.n_samples(), n);
        let options = ScoreOptions::default();
        for name in ["logme", "h-score", "shrinkage-h-score"] {
            let rows = jackknife(&inputs, name, &ScoreOptions::default(), &groups).unwrap();
            let streamed = jackknife_of_groups(&total, &parts, name, &options).unwrap();
            let own = streamed.value;
            assert!((own - rows.value).abs() < 1e-9 * own.abs(), "{name} at n {n}, d {d}");
            for (a, b) in rows.replicates.iter().zip(&streamed.replicates) {
                assert!((a - b).abs() < 1e-7 * a.abs(), "{name} at n {n}, d {d}: {a} {b}");
            }
        }
        assert!(jackknife_of_groups(&total, &parts, "transrate", &options).is_err());
    }
}

#[test]
fn the_jackknife_is_leaving_groups_out_by_hand() {
    for (n, d) in [(400, 20), (150, 60), (60, 55), (40, 80)] {
        let (features, labels) = clusters(n, d, 4, 5.0, 31);
        let inputs = inputs(&features, d, &labels);
        let groups = groups::assign(&inputs.targets, 10, 0).unwrap();
        for name in ["h-score", "shrinkage-h-score", "transrate"] {
            let fast = jackknife(&inputs, name, &ScoreOptions::default(), &groups).unwrap();
            let slow = by_hand(name, &features, d, &labels, &groups);
            for (fast, slow) in fast.replicates.iter().zip(&slow.replicates) {
                assert!(
                    (fast - slow).abs() < 1e-9 * slow.abs(),
                    "{name} at n {n}, d {d}: {fast} {slow}"
                );
            }
        }
        let fast = jackknife(&inputs, "logme", &ScoreOptions::default(), &groups).unwrap();
        let slow = by_hand("logme", &features, d, &labels, &groups);
        assert!((fast.value - slow.value).abs() < 1e-12);
        // At fixed t the replicates err to second order; the standard error is what must hold.
        let ratio = fast.standard_error / slow.standard_error;
        assert!(
            (ratio - 1.0).abs() < 0.05,
            "n {n}, d {d}: {} by hand {}",
            fast.standard_error,
            slow.standard_error
        );
    }
}

#[test]
fn many_columns_are_interpolated_between_nodes() {
    let (n, d) = (500, 30);
    let (features, labels) = clusters(n, d, 8, 4.0, 12);
    let inputs = inputs(&features, d, &labels);
    let groups = groups::assign(&inputs.targets, 10, 0).unwrap();
    let fast = jackknife(&inputs, "logme", &ScoreOptions::default(), &groups).unwrap();
    let slow = by_hand("logme", &features, d, &labels, &groups);
    let ratio = fast.standard_error / slow.standard_error;
    assert!(
        (ratio - 1.0).abs() < 0.03,
        "{} by hand {}",
        fast.standard_error,
        slow.standard_error
    );
}

#[test]
fn the_standard_error_is_the_spread_over_fresh_samples() {
    // One population, drawn again and again: the scores' spread is what the jackknife estimates from one draw.
    let (n, d) = (200, 5);
    let draw = |seed: u64| {
        let mut random = Random(seed);
        let labels: Vec<u32> = (0..n).map(|i| (i % 2) as u32).collect();
        let features: Vec<f32> = labels
            .iter()
            .flat_map(|&label| {
                (0..d)
                    .map(|j| (random.normal() + if j == 0 { 1.5 * f64::from(label) } else { 0.0 }) as f32)
                    .collect::<Vec<_>>()
            })
            .collect();
        (features, labels)
    };
    let mut values = Vec::new();
    let mut errors = Vec::new();
    for seed in 0..200 {
        let (features, labels) = draw(1000 + seed);
        let inputs = inputs(&features, d, &labels);
        let groups = groups::assign(&inputs.targets, 10, seed).unwrap();
        let jackknife = jackknife(&inputs, "logme", &ScoreOptions::default(), &groups).unwrap();
        values.push(jackknife.value);
        errors.push(jackknife.standard_error);
    }
    let mean = values.iter().sum::<f64>() / 200.0;
    let spread = (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 199.0).sqrt();
    let typical = (errors.iter().map(|e| e * e).sum::<f64>() / 200.0).sqrt();
    assert!(
        (typical / spread - 1.0).abs() < 0.2,
        "jackknife {typical}, spread {spread}"
    );
}

#[test]
fn models_scored_on_the_same_groups_are_ranked_with_paired_errors() {
    let (n, d) = (240, 10);
    let (features, labels) = clusters(n, d, 3, 2.5, 2);
    let mut random = Random(9);
    let noisy: Vec<f32> = features.iter().map(|x| x + random.normal() as f32).collect();
    let useless: Vec<f32> = features.iter().map(|_| random.normal() as f32).collect();
    let targets = Targets::classes(&labels, 8).unwrap();
    let groups = groups::assign(&targets, groups::DEFAULT_GROUPS, 0).unwrap();
    let models: Vec<Jackknife> = [&features, &noisy, &useless]
        .iter()
        .map(|features| {
            jackknife(
                &inputs(features, d, &labels),
                "logme",
                &ScoreOptions::default(),
                &groups,
            )
            .unwrap()
        })
        .collect();
    let ranked = ranking::resample(&models, &ranking::ResamplingOptions::default()).unwrap();
    assert!(ranked[0].p_best > 0.9, "{ranked:?}");
    assert!(
        ranked[2].p_best < 1e-3 && ranked[2].rank_interval == (3, 3),
        "{ranked:?}"
    );
}

#[test]
fn groups_that_do_not_fit_are_refused() {
    let (features, labels) = clusters(30, 4, 3, 2.0, 2);
    let inputs = inputs(&features, 4, &labels);
    let options = ScoreOptions::default();
    let gap: Vec<usize> = (0..30).map(|i| if i % 2 == 0 { 0 } else { 2 }).collect();
    for groups in [vec![0; 29], vec![0; 30], gap, vec![usize::MAX; 30]] {
        assert!(jackknife(&inputs, "logme", &options, &groups).is_err());
    }
}
