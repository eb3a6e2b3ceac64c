//! The evidence against two other derivations, at its limits, and where it is not defined.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod common;

use common::reference::{Singular, from_covariance};
use common::{Random, close, clusters};
use ranktune_scores::evidence::{self, Fit};
use ranktune_scores::{Compat, ErrorKind, FeatureView, Result, Statistics, Status, Targets};

fn fit(features: &[f32], d: usize, targets: &Targets<'_>) -> Result<Fit> {
    let features = FeatureView::new(features, features.len() / d, d)?;
    evidence::fit_rows(&Statistics::of(&features, targets)?, &features, targets, Compat::Exact)
}

fn normal(n: usize, d: usize, seed: u64) -> Vec<f32> {
    let mut random = Random(seed);
    (0..n * d).map(|_| random.normal() as f32).collect()
}

/// `y = Fw + noise`
fn linear(features: &[f32], d: usize, noise: f64, seed: u64) -> Vec<f64> {
    let mut random = Random(seed);
    let w: Vec<f64> = (0..d).map(|_| random.normal()).collect();
    features
        .chunks(d)
        .map(|row| row.iter().zip(&w).map(|(&x, w)| f64::from(x) * w).sum::<f64>() + noise * random.normal())
        .collect()
}

fn one_hot(labels: &[u32], class: usize) -> Vec<f64> {
    labels
        .iter()
        .map(|&label| f64::from(u8::from(label as usize == class)))
        .collect()
}

/// Value and place of the maximum against singular values, and the value again from the covariance.
fn check(name: &str, features: &[f32], d: usize, columns: &[Vec<f64>], fit: &Fit) {
    for (column, y) in fit.evidence().columns.iter().zip(columns) {
        let name = format!("{name}, column {}", column.column);
        let singular = Singular::new(features, d, y);
        let (value, t) = singular.maximum();
        assert!(
            (column.evidence - value).abs() <= 1e-9 * value.abs().max(1.0),
            "{name}: {} against {value} by singular values ({})",
            column.evidence,
            column.status
        );
        if column.status == Status::Interior {
            let ratio = column.alpha.unwrap() / column.beta.unwrap();
            assert!(
                (singular.value(ratio) - value).abs() <= 1e-10 * value.abs().max(1.0),
                "{name}: t {ratio:e} or {t:e}"
            );
        }
        let again = from_covariance(features, d, y, column.alpha, column.beta);
        assert!(
            (column.evidence - again).abs() <= 1e-7 * again.abs().max(1.0),
            "{name}: {} against {again} by the covariance",
            column.evidence
        );
    }
}

#[test]
fn evidence_agrees_with_singular_values_and_with_the_covariance() {
    for (n, d) in [
        (60, 7),
        (40, 39),
        (40, 40),
        (40, 41),
        (25, 90),
        (9, 1),
        (3, 5),
        (2, 1),
        (2, 2),
    ] {
        let features = normal(n, d, 7 + n as u64 * d as u64);
        for noise in [0.3, 10.0] {
            let y = linear(&features, d, noise, 3);
            let targets = Targets::columns(&y, 1).unwrap();
            check(
                &format!("n {n}, d {d}, noise {noise}"),
                &features,
                d,
                std::slice::from_ref(&y),
                &fit(&features, d, &targets).unwrap(),
            );
        }
    }
}

#[test]
fn evidence_of_classes_agrees_with_their_one_hot_columns() {
    for (n, d) in [(80, 12), (30, 50)] {
        let (features, labels) = clusters(n, d, 4, 2.0, 5);
        let targets = Targets::classes(&labels, 4).unwrap();
        let columns: Vec<Vec<f64>> = (0..4).map(|class| one_hot(&labels, class)).collect();
        check(
            &format!("n {n}, d {d}"),
            &features,
            d,
            &columns,
            &fit(&features, d, &targets).unwrap(),
        );
    }
}

#[test]
fn deficient_constant_zero_and_repeated_features_are_handled() {
    for (n, d) in [(50, 12), (12, 40)] {
        let y = linear(&normal(n, d, 1), d, 4.0, 2);
        let targets = Targets::columns(&y, 1).unwrap();
        let constant = vec![2.5_f32; n * d];
        let zero = vec![0.0_f32; n * d];
        let mut mixed = normal(n, d, 4);
        for row in mixed.chunks_mut(d) {
            row[0] = 0.0;
            row[1] = -3.0;
            row[2] = row[3];
            row[5] = 2.0 * row[4];
        }
        for (name, features) in [("constant", constant), ("mixed", mixed)] {
            check(
                name,
                &features,
                d,
                std::slice::from_ref(&y),
                &fit(&features, d, &targets).unwrap(),
            );
        }
        let fit = fit(&zero, d, &targets).unwrap();
        let column = &fit.evidence().columns[0];
        assert_eq!((column.status, column.alpha), (Status::NoInformation, None));
        let s: f64 = y.iter().map(|y| y * y).sum();
        close("beta of zero features", column.beta.unwrap(), n as f64 / s, 1e-12);
        close(
            "zero features",
            column.evidence,
            from_covariance(&zero, d, &y, None, column.beta),
            1e-12,
        );
    }
}

#[test]
fn one_sample_has_the_evidence_of_a_normal_number() {
    for d in [1, 3] {
        let fit = fit(&vec![0.5; d], d, &Targets::columns(&[2.0], 1).unwrap()).unwrap();
        close(
            "one sample",
            fit.evidence().value,
            0.5 * (1.0_f64 / 4.0).ln() - 0.5 - 0.5 * (2.0 * std::f64::consts::PI).ln(),
            1e-12,
        );
    }
}

#[test]
fn one_sample_a_class_is_handled() {
    for (n, d) in [(5, 20), (30, 8)] {
        let features = normal(n, d, 9);
        let labels: Vec<u32> = (0..n as u32).collect();
        let columns: Vec<Vec<f64>> = (0..n).map(|class| one_hot(&labels, class)).collect();
        check(
            "own class",
            &features,
            d,
            &columns,
            &fit(&features, d, &Targets::classes(&labels, n).unwrap()).unwrap(),
        );
    }
}

#[test]
fn classes_that_do_not_occur_change_nothing() {
    let (features, labels) = clusters(40, 6, 3, 2.0, 8);
    let dense = fit(&features, 6, &Targets::classes(&labels, 3).unwrap()).unwrap();
    let sparse: Vec<u32> = labels.iter().map(|label| 4_000_000_000 - label * 1_000_000).collect();
    let gaps = fit(&features, 6, &Targets::classes(&sparse, 4_000_000_001).unwrap()).unwrap();
    close("gaps", gaps.evidence().value, dense.evidence().value, 1e-13);
    assert_eq!(gaps.evidence().columns[2].column, 4_000_000_000);
}

#[test]
fn any_scale_of_the_features_gives_the_same_evidence() {
    for (n, d) in [(50, 8), (20, 30)] {
        let features = normal(n, d, 2);
        let y = linear(&features, d, 2.0, 2);
        let targets = Targets::columns(&y, 1).unwrap();
        let plain = fit(&features, d, &targets).unwrap();
        let plain = &plain.evidence().columns[0];
        for scale in [1e-30_f32, 1e-20, 1e20, 1e30] {
            let scaled: Vec<f32> = features.iter().map(|x| x * scale).collect();
            let fit = fit(&scaled, d, &targets).unwrap();
            let column = &fit.evidence().columns[0];
            close(&format!("{scale:e}"), column.evidence, plain.evidence, 1e-7);
            assert_eq!(column.status, plain.status);
            if let (Some(alpha), Some(plain)) = (column.alpha, plain.alpha) {
                close(
                    &format!("alpha at {scale:e}"),
                    alpha,
                    plain * f64::from(scale).powi(2),
                    1e-5,
                );
            }
        }
    }
}

#[test]
fn features_of_very_different_scales_keep_their_own_evidence() {
    // Singular values from 1e5 to 1e-4: squared, they span more than f64 has digits.
    for (n, d) in [(60, 10), (10, 12)] {
        let mut features = normal(n, d, 6);
        for row in features.chunks_mut(d) {
            for (j, x) in row.iter_mut().enumerate() {
                *x *= 10_f32.powi(5 - j as i32);
            }
        }
        let weights: Vec<f64> = (0..d).map(|j| 10_f64.powi(j as i32 - 5)).collect();
        let mut random = Random(1);
        let y: Vec<f64> = features
            .chunks(d)
            .map(|row| row.iter().zip(&weights).map(|(&x, w)| f64::from(x) * w).sum::<f64>() + 0.01 * random.normal())
            .collect();
        let fit = fit(&features, d, &Targets::columns(&y, 1).unwrap()).unwrap();
        let (value, _) = Singular::new(&features, d, &y).maximum();
        close(&format!("n {n}, d {d}"), fit.evidence().value, value, 1e-9);
    }
}

#[test]
fn almost_exact_targets_keep_their_digits() {
    // R/s of 1e-12 to 1e-22: nothing of the residual is left in s − bᵀm.
    for noise in [1e-6, 1e-9, 1e-11] {
        let (n, d) = (80, 10);
        let features = normal(n, d, 3);
        let y = linear(&features, d, noise, 4);
        let targets = Targets::columns(&y, 1).unwrap();
        let fit = fit(&features, d, &targets).unwrap();
        let (value, t) = Singular::new(&features, d, &y).maximum();
        close(&format!("noise {noise:e}"), fit.evidence().value, value, 1e-6);
        let column = &fit.evidence().columns[0];
        close(
            &format!("t at noise {noise:e}"),
            column.alpha.unwrap() / column.beta.unwrap(),
            t,
            1e-3,
        );
        let view = FeatureView::new(&features, n, d).unwrap();
        let alone = evidence::fit(&Statistics::of(&view, &targets).unwrap(), Compat::Exact).map(Fit::into_evidence);
        assert_eq!(
            alone.unwrap_err().kind(),
            ErrorKind::Precision,
            "statistics alone must not guess"
        );
    }
}

#[test]
fn a_column_reproduced_exactly_is_an_error_that_names_it() {
    // Three distinct rows, each its own class: rank 3 of 30 samples.
    let labels: Vec<u32> = (0..30).map(|i| i % 3).collect();
    let features: Vec<f32> = labels
        .iter()
        .flat_map(|&label| [1.0 + label as f32, (label * label) as f32, 0.5])
        .collect();
    let error = fit(&features, 3, &Targets::classes(&labels, 3).unwrap())
        .map(Fit::into_evidence)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unbounded);
    assert!(error.to_string().contains("target column 0"), "{error}");
    // n ≤ d, one sample given twice.
    let mut features = normal(10, 20, 1);
    features.copy_within(0..20, 20);
    let mut y = linear(&features, 20, 1.0, 1);
    y[1] = y[0];
    let error = fit(&features, 20, &Targets::columns(&y, 1).unwrap())
        .map(Fit::into_evidence)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unbounded);
    assert!(error.to_string().contains("rank 9 of 10"), "{error}");
    // Given twice with different answers, it is an ordinary problem.
    y[1] += 1.0;
    assert!(fit(&features, 20, &Targets::columns(&y, 1).unwrap()).is_ok());
}

#[test]
fn an_all_zero_column_is_an_error_that_names_it() {
    let features = normal(8, 3, 1);
    let values: Vec<f64> = (0..8).flat_map(|i| [f64::from(i % 2), 0.0]).collect();
    let error = fit(&features, 3, &Targets::columns(&values, 2).unwrap())
        .map(Fit::into_evidence)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unbounded);
    assert!(error.to_string().contains("target column 1"), "{error}");
}

#[test]
fn one_class_is_an_error() {
    let error = fit(&normal(8, 3, 1), 3, &Targets::classes(&[1; 8], 2).unwrap())
        .map(Fit::into_evidence)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooFewClasses);
}

#[test]
fn weights_solve_the_ridge_equations_at_alpha_over_beta() {
    for (n, d) in [(50, 9), (9, 30), (15, 15)] {
        let (features, labels) = clusters(n, d, 3, 1.5, 11);
        let fit = fit(&features, d, &Targets::classes(&labels, 3).unwrap()).unwrap();
        let weights = fit.weights();
        for (class, column) in fit.evidence().columns.iter().enumerate() {
            let m = &weights[class * d..(class + 1) * d];
            let t = match column.status {
                Status::NoInformation => {
                    assert!(m.iter().all(|m| *m == 0.0));
                    continue;
                }
                Status::NoiseFree => 0.0,
                _ => column.alpha.unwrap() / column.beta.unwrap(),
            };
            let y = one_hot(&labels, class);
            let residual: Vec<f64> = features
                .chunks(d)
                .zip(&y)
                .map(|(row, y)| row.iter().zip(m).map(|(&x, m)| f64::from(x) * m).sum::<f64>() - y)
                .collect();
            for j in 0..d {
                let gradient: f64 = residual
                    .iter()
                    .zip(features.chunks(d))
                    .map(|(r, row)| r * f64::from(row[j]))
                    .sum::<f64>()
                    + t * m[j];
                assert!(
                    gradient.abs() < 1e-8,
                    "n {n}, d {d}, class {class}, feature {j}: {gradient:e}"
                );
            }
        }
    }
}

#[test]
fn weights_of_badly_conditioned_columns_come_from_the_rows() {
    let (n, d) = (60, 8);
    let features = normal(n, d, 3);
    let mut random = Random(4);
    let truth: Vec<f64> = (0..d).map(|_| random.normal()).collect();
    let y: Vec<f64> = features
        .chunks(d)
        .map(|row| row.iter().zip(&truth).map(|(&x, w)| f64::from(x) * w).sum::<f64>() + 1e-7 * random.normal())
        .collect();
    let fit = fit(&features, d, &Targets::columns(&y, 1).unwrap()).unwrap();
    for (m, w) in fit.weights().iter().zip(&truth) {
        assert!((m - w).abs() < 1e-6, "{m} against {w}");
    }
}

#[test]
fn the_global_maximum_is_found_where_there_are_two() {
    // Two groups of features, eight decades apart, both of which explain part of y: two hills.
    let (n, d) = (40, 12);
    let mut features = normal(n, d, 13);
    for row in features.chunks_mut(d) {
        for x in &mut row[6..] {
            *x *= 1e-4;
        }
    }
    for seed in 0..20 {
        let mut random = Random(seed);
        let strong = 3.0 * random.uniform();
        let y: Vec<f64> = features
            .chunks(d)
            .map(|row| {
                let large: f64 = row[..6].iter().map(|&x| f64::from(x)).sum();
                let small: f64 = row[6..].iter().map(|&x| 1e4 * f64::from(x)).sum();
                0.3 * large + strong * small + 0.5 * random.normal()
            })
            .collect();
        let fit = fit(&features, d, &Targets::columns(&y, 1).unwrap()).unwrap();
        let (value, _) = Singular::new(&features, d, &y).maximum();
        close(&format!("seed {seed}"), fit.evidence().value, value, 1e-9);
    }
}
