//! No sample runs through a model twice, whatever else changes: the split, the order, more samples, another data set, another command.

#![expect(clippy::unwrap_used, reason = "a fixture that cannot be made is a failed test")]

mod common;

use std::fs;

use common::tuning::{CLASSES, place, tune};
use common::{Place, write_images};

/// Ranks the hub on `data`, and returns how many samples ran through each model.
fn computed(place: &Place, data: &str, more: &[&str]) -> Vec<u64> {
    let fixed = ["rank", "--hub", "hub", "--data", data, "--format", "json"];
    let ranking = place.run(&[&fixed, more].concat()).assert_code(0).json();
    let models = ranking["models"].as_array().unwrap();
    models
        .iter()
        .map(|model| model["samples_computed"].as_u64().unwrap())
        .collect()
}

#[test]
fn only_new_samples_run() {
    let place = place();
    assert_eq!(computed(&place, "data", &[]), [36, 36, 36]);
    assert_eq!(computed(&place, "data", &[]), [0, 0, 0]);
    // Two more images in every class, which come between those that were there.
    write_images(&place.path("more"), &CLASSES, 14);
    let run = place.run(&["rank", "--hub", "hub", "--data", "more"]);
    assert!(
        run.assert_code(0)
            .stderr
            .contains("features of 6 of 42 samples extracted"),
        "{run:?}"
    );
    assert!(run.stderr.contains("the cache has the others"), "{run:?}");
    // A subset in other folders, in another order of classes.
    for (class, name) in CLASSES.iter().enumerate() {
        let to = place.path(&format!("part/{}-{name}", 9 - class));
        fs::create_dir_all(&to).unwrap();
        for index in 3..8 {
            let file = format!("{index:03}.png");
            fs::copy(place.path("data").join(name).join(&file), to.join(&file)).unwrap();
        }
    }
    assert_eq!(computed(&place, "part", &[]), [0, 0, 0]);
    assert_eq!(computed(&place, "data", &["--max-samples", "20"]), [0, 0, 0]);
    assert_eq!(computed(&place, "data", &["--race", "--top-k", "1"]), [0, 0, 0]);
}

#[test]
fn a_ranking_of_cached_rows_is_the_ranking_of_computed_ones() {
    let place = place();
    write_images(&place.path("few"), &CLASSES, 9);
    computed(&place, "few", &[]);
    let models = |more: &[&str]| {
        let fixed = ["rank", "--hub", "hub", "--data", "data", "--format", "json"];
        let ranking = place.run(&[&fixed, more].concat()).assert_code(0).json();
        let models = ranking["models"].as_array().unwrap().clone();
        models
            .into_iter()
            .map(|model| model["scores"].clone())
            .collect::<Vec<_>>()
    };
    let mixed = models(&[]);
    assert_eq!(mixed, models(&["--no-cache"]));
    assert_eq!(mixed, models(&[]));
}

#[test]
fn equal_images_run_once() {
    let place = place();
    for index in 0..12 {
        let of = |name: String| place.path("data/apple").join(name);
        fs::copy(of(format!("{index:03}.png")), of(format!("copy-{index:03}.png"))).unwrap();
    }
    assert_eq!(computed(&place, "data", &[]), [36, 36, 36]);
}

#[test]
fn an_engine_that_is_asked_for_by_name_does_not_take_the_rows_of_another() {
    let place = place();
    assert_eq!(computed(&place, "data", &["--engine", "rten"]), [36, 36, 36]);
    assert_eq!(computed(&place, "data", &["--engine", "burn"]), [36, 36, 36]);
    assert_eq!(computed(&place, "data", &["--engine", "burn"]), [0, 0, 0]);
    assert_eq!(computed(&place, "data", &[]), [0, 0, 0], "auto takes what is there");
}

#[test]
fn tuning_after_a_ranking_runs_no_teacher_twice_on_an_image() {
    let place = place();
    assert_eq!(computed(&place, "data", &[]), [36, 36, 36]);
    // Another seed is another split.
    for seed in ["0", "7"] {
        let run = tune(&place, &["--teachers", "narrow,wide", "--seed", seed]);
        let lines = run.assert_code(0).stderr.lines();
        let read_outs: Vec<&str> = lines.filter(|line| line.starts_with("read-out, ")).collect();
        let is_cached = |line: &&str| line.ends_with("features from the cache");
        assert!(read_outs.len() >= 2 && read_outs.iter().all(is_cached), "{run:?}");
        fs::remove_dir_all(place.path("tuned")).unwrap();
    }
}
