//! Settings that `ranktune tune` chooses on the validation samples: λ and the learning rate.

mod common;

use std::fs;

use common::tuning::{place, tune};
use common::{normalized_model, write_model};
use serde_json::Value;

/// The points of the curve: λ, value, standard error of the difference from λ = 10.
fn curve(training: &Value) -> Option<Vec<(f64, f64, Option<f64>)>> {
    let point = |point: &Value| {
        let number = |key: &str| point[key].as_f64();
        Some((number("lambda")?, number("value")?, number("standard_error")))
    };
    training["lambda_curve"].as_array()?.iter().map(point).collect()
}

#[test]
fn lambda_auto_reports_the_curve_of_its_grid_and_keeps_10_unless_another_stands_out() {
    let place = place();
    let fixed = ["--teachers", "narrow", "--format", "json", "--validation", "0.3"];
    let run = tune(&place, &[&fixed[..], &["--lambda", "auto"]].concat());
    let training = run.assert_code(0).json();
    let points = curve(&training).unwrap();
    assert_eq!(
        points.iter().map(|point| point.0).collect::<Vec<_>>(),
        [0.0, 1.0, 10.0, 100.0]
    );
    let reference = points[2].1;
    let stands_out = |point: &&(f64, f64, Option<f64>)| point.2.is_some_and(|error| point.1 - reference > error);
    let best = points
        .iter()
        .filter(stands_out)
        .map(|point| point.1)
        .fold(f64::NAN, f64::max);
    let chosen = training["settings"]["lambda"].as_f64().unwrap();
    let kept = points.iter().find(|point| point.0 == chosen).unwrap();
    if best.is_nan() {
        assert_eq!(chosen, 10.0);
    } else {
        assert_eq!(kept.1, best);
    }
    assert!(points.iter().all(|point| point.2.is_some() == (point.0 != 10.0)));
    assert!(place.path("tuned/log.jsonl").exists());
}

#[test]
fn a_grid_of_lambdas_can_be_named() {
    let place = place();
    let fixed = ["--teachers", "narrow", "--format", "json"];
    let run = tune(&place, &[&fixed[..], &["--lambda", "0,30"]].concat());
    let training = run.assert_code(0).json();
    let points = curve(&training).unwrap();
    assert_eq!(
        points.iter().map(|point| (point.0, point.2)).collect::<Vec<_>>(),
        [(0.0, None), (30.0, None)]
    );
    // What is kept is the run of that value by itself.
    assert!(
        training["seconds_per_step"]
            .as_f64()
            .is_some_and(|seconds| seconds > 0.0)
    );
    let chosen = training["settings"]["lambda"].as_f64().unwrap().to_string();
    let model = || fs::read(place.path("tuned/model.onnx")).unwrap();
    let kept = model();
    fs::remove_dir_all(place.path("tuned")).unwrap();
    tune(&place, &[&fixed[..], &["--lambda", &chosen]].concat()).assert_code(0);
    assert_eq!(model(), kept);
    // With no weight on what they say, no teacher is asked, and it is fine-tuning.
    fs::remove_dir_all(place.path("tuned")).unwrap();
    let unheard = tune(&place, &[&fixed[..], &["--lambda", "0"]].concat())
        .assert_code(0)
        .json();
    assert_eq!(unheard["teachers"], serde_json::json!([]));
    assert_eq!(unheard["settings"]["lambda"], 0.0);
    let without = model();
    fs::remove_dir_all(place.path("tuned")).unwrap();
    tune(&place, &["--method", "fine-tune"]).assert_code(0);
    assert!(model() == without);
    for wrong in ["0,0", "1,-2", "1,,2", "none"] {
        tune(&place, &["--lambda", wrong]).assert_refused(&["--lambda", wrong, "auto"]);
    }
    tune(&place, &["--lambda", "auto", "--validation", "none"]).assert_refused(&["lambda", "--validation"]);
}

#[test]
fn the_read_out_joins_the_head_of_classes_unless_it_is_told_not_to() {
    let weight = |more: &[&str]| {
        let place = place();
        let run = tune(
            &place,
            &[&["--teachers", "narrow,wide", "--format", "json"], more].concat(),
        );
        let training = run.assert_code(0).json();
        (training["settings"]["read_out"].clone(), run.stderr)
    };
    let (auto, said) = weight(&[]);
    assert!(auto.as_f64().unwrap() > 0.0, "{auto}");
    assert!(said.contains("read-out"), "{said}");
    assert_eq!(weight(&["--read-out", "0"]).0, 0.0);
    assert_eq!(weight(&["--read-out", "2.5"]).0, 2.5);
    // Without weight on what the teachers say there is none, and no other method has one.
    assert_eq!(weight(&["--lambda", "0"]).0, 0.0);
    assert!(weight(&["--method", "fine-tune"]).0.is_null());
    tune(&place(), &["--read-out=-1"]).assert_refused(&["at least 0"]);
    tune(&place(), &["--read-out", "much"]).assert_refused(&["auto or a number"]);
}

#[test]
fn a_learning_rate_is_chosen_of_several_and_then_lambda_at_that_rate() {
    let place = place();
    let fixed = ["--teachers", "narrow", "--format", "json", "--validation", "0.3"];
    let run = tune(
        &place,
        &[&fixed[..], &["--learning-rate", "0.001,0.03", "--lambda", "0,30"]].concat(),
    );
    let training = run.assert_code(0).json();
    let rates = training["rate_curve"].as_array().unwrap();
    let numbers = |key: &str| rates.iter().map(|point| point[key].as_f64()).collect::<Vec<_>>();
    assert_eq!(numbers("learning_rate"), [Some(0.001), Some(0.03)]);
    let value = numbers("value");
    let error = numbers("standard_error");
    assert_eq!(error[0], None, "it is the default that the other is compared with");
    let stands_out = value[1].unwrap() - value[0].unwrap() > error[1].unwrap();
    let rate = training["settings"]["learning_rate"].as_f64().unwrap();
    assert_eq!(rate, if stands_out { 0.03 } else { 0.001 });
    let lambda = training["settings"]["lambda"].as_f64().unwrap();
    assert_eq!(curve(&training).unwrap().len(), 2);
    // No validation point is trained twice: two rates at the first λ, and the other λ at the rate that was kept.
    let folders = |path: &str| fs::read_dir(place.path(path)).unwrap().count();
    assert_eq!(
        (folders("tuned/grid"), folders(&format!("tuned/grid/rate-{rate}"))),
        (2, 2)
    );
    // What is kept is the run of those values by themselves.
    let kept = fs::read(place.path("tuned/model.onnx")).unwrap();
    fs::remove_dir_all(place.path("tuned")).unwrap();
    let (rate, lambda) = (rate.to_string(), lambda.to_string());
    tune(
        &place,
        &[&fixed[..], &["--learning-rate", &rate, "--lambda", &lambda]].concat(),
    )
    .assert_code(0);
    assert!(fs::read(place.path("tuned/model.onnx")).unwrap() == kept);
}

#[test]
fn at_an_unusual_rate_frozen_statistics_and_those_of_batches_are_both_tried() {
    let place = place();
    write_model(&place.path("hub/middle"), &normalized_model(5, 12, 5));
    let fixed = [
        "--method",
        "fine-tune",
        "--learning-rate",
        "0.001,0.03",
        "--format",
        "json",
    ];
    let tried = |more: &[&str]| {
        let training = tune(&place, &[&fixed[..], more].concat()).assert_code(0).json();
        fs::remove_dir_all(place.path("tuned")).unwrap();
        let point = |point: &Value| {
            (
                point["learning_rate"].as_f64(),
                point["batch_norm"].as_str().map(str::to_owned),
            )
        };
        let points: Vec<_> = training["rate_curve"].as_array().unwrap().iter().map(point).collect();
        let settings = &training["settings"];
        let kept = (
            settings["learning_rate"].as_f64(),
            settings["batch_norm"].as_str().map(str::to_owned),
        );
        assert!(points.contains(&kept), "{kept:?} of {points:?}");
        points
            .into_iter()
            .map(|(rate, name)| (rate.unwrap(), name.unwrap()))
            .collect::<Vec<_>>()
    };
    let named = |points: &[(f64, &str)]| {
        points
            .iter()
            .map(|&(rate, name)| (rate, name.to_owned()))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        tried(&[]),
        named(&[(0.001, "frozen"), (0.03, "frozen"), (0.03, "train")])
    );
    // Not where it was said what to do.
    assert_eq!(
        tried(&["--batch-norm", "train"]),
        named(&[(0.001, "train"), (0.03, "train")])
    );
}

#[test]
fn a_rate_at_which_training_diverges_is_left_out() {
    let place = place();
    let run = tune(
        &place,
        &[
            "--method",
            "fine-tune",
            "--learning-rate",
            "1e30,0.01",
            "--clip",
            "none",
            "--format",
            "json",
        ],
    );
    let training = run.assert_code(0).json();
    assert_eq!(training["rate_curve"].as_array().unwrap().len(), 1);
    assert_eq!(training["settings"]["learning_rate"], 0.01);
    assert!(run.stderr.contains("left out"), "{}", run.stderr);
}

#[test]
fn learning_rates_are_checked_and_need_validation_samples() {
    let place = place();
    for wrong in ["0", "1e-3,1e-3", "-1", "fast", "1e-3,,"] {
        tune(&place, &[&format!("--learning-rate={wrong}")]).assert_refused(&["--learning-rate", wrong, "auto"]);
    }
    tune(&place, &["--learning-rate", "auto", "--validation", "none"])
        .assert_refused(&["the learning rate is chosen on validation samples", "--validation"]);
    assert!(!place.path("tuned/model.onnx").exists());
}
