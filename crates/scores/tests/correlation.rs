//! The coefficients against SciPy, and where they are not defined.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod common;

use common::{close, expected, vectors};
use ranktune_scores::ErrorKind;
use ranktune_scores::correlation::{kendall_tau, pearson, spearman, top_k_regret, weighted_tau};
use serde_json::Value;

/// The pairs of rankings of every folder of vectors.
#[track_caller]
fn pairs() -> Vec<Value> {
    vectors()
        .iter()
        .flat_map(|folder| expected(folder)["correlation"].as_array().unwrap().clone())
        .collect()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

#[test]
fn every_coefficient_agrees_with_scipy() {
    for (i, case) in pairs().iter().enumerate() {
        let (x, y) = (numbers(&case["x"]), numbers(&case["y"]));
        for (name, got) in [
            ("weighted_tau", weighted_tau(&x, &y)),
            ("kendall_tau_b", kendall_tau(&x, &y)),
            ("pearson", pearson(&x, &y)),
            ("spearman", spearman(&x, &y)),
        ] {
            let (got, expected) = (got.unwrap().unwrap(), case[name].as_f64().unwrap());
            if expected == 0.0 {
                assert!(got.abs() < 1e-14, "{name} of case {i}: got {got}, expected 0");
            } else {
                close(&format!("{name} of case {i}"), got, expected, 1e-10);
            }
        }
    }
}

#[test]
fn the_regret_agrees_with_every_choice_of_k_models() {
    let mut compared = 0;
    for (i, case) in pairs().iter().enumerate() {
        // The vectors outside the repository have no regret.
        let Some(expected) = case.get("top_k_regret") else {
            continue;
        };
        let (x, y) = (numbers(&case["x"]), numbers(&case["y"]));
        for (k, expected) in (1..).zip(numbers(expected)) {
            assert_eq!(top_k_regret(&x, &y, k).unwrap(), Some(expected), "case {i}, k {k}");
            compared += 1;
        }
    }
    assert!(compared > 20, "only {compared} values compared");
}

#[test]
fn a_constant_side_and_too_few_models_have_no_coefficient() {
    for coefficient in [weighted_tau, kendall_tau, pearson, spearman] {
        assert_eq!(coefficient(&[], &[]).unwrap(), None);
        assert_eq!(coefficient(&[1.0], &[2.0]).unwrap(), None);
        assert_eq!(coefficient(&[1.0, 1.0, 1.0], &[1.0, 2.0, 3.0]).unwrap(), None);
        assert_eq!(coefficient(&[1.0, 2.0, 3.0], &[0.1, 0.1, 0.1]).unwrap(), None);
    }
}

#[test]
fn numbers_that_are_not_finite_and_unequal_lengths_are_errors() {
    for coefficient in [weighted_tau, kendall_tau, pearson, spearman] {
        assert_eq!(
            coefficient(&[1.0, f64::NAN], &[1.0, 2.0]).unwrap_err().kind(),
            ErrorKind::NonFinite
        );
        assert_eq!(
            coefficient(&[1.0, 2.0], &[1.0, f64::INFINITY]).unwrap_err().kind(),
            ErrorKind::NonFinite
        );
        assert_eq!(coefficient(&[1.0, 2.0], &[1.0]).unwrap_err().kind(), ErrorKind::Shape);
    }
}

#[test]
fn coefficients_do_not_depend_on_the_order_of_models() {
    let x = [3.0, 1.0, 2.0, 2.0, 5.0, 1.0];
    let y = [0.3, 0.1, 0.2, 0.5, 0.2, 0.1];
    let order = [4, 2, 0, 5, 1, 3];
    let (px, py) = (order.map(|i| x[i]), order.map(|i| y[i]));
    for coefficient in [weighted_tau, kendall_tau, pearson, spearman] {
        let (a, b) = (
            coefficient(&x, &y).unwrap().unwrap(),
            coefficient(&px, &py).unwrap().unwrap(),
        );
        assert!((a - b).abs() < 1e-14);
    }
}
