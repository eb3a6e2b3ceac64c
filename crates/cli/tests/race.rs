//! `ranktune rank --race`, and the layers of models, as a user runs them.

#![allow(clippy::unwrap_used, reason = "helpers of tests are test code, too")]

mod common;

use std::fs;

use common::{Place, image_model, write_images, write_model};

/// Eight models of which the wide ones are better, and images enough for a race.
fn place() -> Place {
    let place = Place::new();
    for (seed, (name, channels)) in [
        ("a", 24),
        ("b", 20),
        ("c", 16),
        ("d", 3),
        ("e", 2),
        ("f", 1),
        ("g", 1),
        ("h", 1),
    ]
    .into_iter()
    .enumerate()
    {
        let model = image_model(31 + 5 * seed as u64, channels, 5);
        write_model(&place.path(&format!("hub/{name}")), &model);
    }
    write_images(&place.path("data"), &["apple", "pear", "plum"], 160);
    place
}

const RANK: [&str; 7] = ["rank", "--hub", "hub", "--data", "data", "--format", "json"];

fn with<'a>(more: &[&'a str]) -> Vec<&'a str> {
    RANK.iter().chain(more).copied().collect()
}

fn names(ranking: &serde_json::Value) -> Vec<String> {
    let models = ranking["models"].as_array().unwrap();
    models
        .iter()
        .map(|model| model["name"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_race_finds_the_first_models_and_says_who_stopped_and_why() {
    let place = place();
    let full = place.run(&with(&["--no-cache"])).assert_code(0).json();
    let run = place.run(&with(&["--race"]));
    let race = run.assert_code(0).json();
    let (mut expected, mut found) = (names(&full)[..3].to_vec(), names(&race)[..3].to_vec());
    expected.sort();
    found.sort();
    assert_eq!(found, expected, "{race}");
    assert_eq!(race["models"].as_array().unwrap().len(), 8);
    let stopped: Vec<&serde_json::Value> = race["models"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|model| model["race"]["stopped"] == true)
        .collect();
    assert!(!stopped.is_empty(), "{race}");
    for model in stopped {
        let samples = model["race"]["samples"].as_u64().unwrap();
        assert!(samples < 480 && model["rank"].as_u64().unwrap() > 3);
        assert!(model["race"]["p_top_k"].as_f64().unwrap() < 0.05);
        let reason = model["race"]["reason"].as_str().unwrap();
        assert!(reason.contains(&format!("after {samples} of 480 samples")), "{reason}");
        assert!(model["score_uncertainty"].is_null() && model["predicted"].is_null());
        assert!(run.stderr.contains(reason), "{}", run.stderr);
    }
    let rounds = race["race"]["rounds"].as_array().unwrap();
    let last = rounds.last().unwrap()["samples"].as_u64().unwrap();
    assert_eq!(race["race"]["ended"], "settled", "{race}");
    assert!(last < 480, "{race}");
    assert!(
        rounds
            .windows(2)
            .all(|pair| pair[0]["samples"].as_u64() < pair[1]["samples"].as_u64()),
        "{race}"
    );
    // The schedule is a function of the seed and the data: it is the same where every feature comes from the cache.
    let again = place.run(&with(&["--race"])).assert_code(0).json();
    assert_eq!(
        (&again["race"]["rounds"], &again["race"]["ended"]),
        (&race["race"]["rounds"], &race["race"]["ended"])
    );
    let table = place.run(&["rank", "--hub", "hub", "--data", "data", "--race", "--no-cache"]);
    assert!(
        table.assert_code(0).stdout.contains("race: models on samples: 8 on"),
        "{table:?}"
    );
}

#[test]
fn the_same_race_comes_out_twice_and_its_features_serve_a_full_ranking() {
    let place = place();
    let first = place
        .run(&with(&["--race", "--budget", "1h", "--scores", "logme"]))
        .assert_code(0)
        .json();
    // With time enough the models that are left see everything.
    assert_eq!(first["race"]["ended"], "complete");
    let again = place
        .run(&with(&["--race", "--budget", "1h", "--scores", "logme"]))
        .assert_code(0)
        .json();
    for (a, b) in first["models"]
        .as_array()
        .unwrap()
        .iter()
        .zip(again["models"].as_array().unwrap())
    {
        assert_eq!(
            (&a["name"], &a["scores"], &a["race"]),
            (&b["name"], &b["scores"], &b["race"])
        );
        assert!(b["images_per_second"].is_null(), "{b}");
    }
    let full = place.run(&with(&["--scores", "logme"])).assert_code(0).json();
    let mut finished = 0;
    for model in full["models"].as_array().unwrap() {
        let raced = first["models"]
            .as_array()
            .unwrap()
            .iter()
            .find(|raced| raced["name"] == model["name"])
            .unwrap();
        if raced["race"]["stopped"] == false {
            // Nothing was left to run for them.
            finished += 1;
            assert!(model["images_per_second"].is_null(), "{model}");
            let value = |model: &serde_json::Value| model["scores"]["logme"]["value"].as_f64().unwrap();
            assert!((value(model) - value(raced)).abs() < 1e-12);
        } else {
            assert!(model["images_per_second"].is_number(), "{model}");
        }
    }
    assert!((3..8).contains(&finished), "{finished} of 8 models saw everything");
}

#[test]
fn a_race_without_time_ends_after_its_first_round() {
    let race = place()
        .run(&with(&["--race", "--budget", "0.001s"]))
        .assert_code(0)
        .json();
    assert_eq!(race["race"]["ended"], "time", "{race}");
    assert_eq!(race["race"]["rounds"].as_array().unwrap().len(), 1, "{race}");
    assert_eq!(names(&race).len(), 8);
}

#[test]
fn two_models_of_one_content_race_each_by_itself() {
    let place = place();
    write_model(&place.path("hub/a2"), &image_model(31, 24, 5));
    let race = place.run(&with(&["--race"])).assert_code(0).json();
    assert_eq!(race["models"].as_array().unwrap().len(), 9);
}

#[test]
fn a_broken_model_stops_no_race_and_bad_times_are_refused() {
    let place = place();
    let bytes = fs::read(place.path("hub/b/model.onnx")).unwrap();
    fs::write(place.path("hub/b/model.onnx"), &bytes[..bytes.len() / 2]).unwrap();
    let race = place.run(&with(&["--race"])).assert_code(1).json();
    assert_eq!(race["skipped"][0]["name"], "b");
    assert_eq!(names(&race).len(), 7);
    for budget in ["soon", "0s", "5 parsecs"] {
        place
            .run(&with(&["--budget", budget]))
            .assert_refused(&["--budget", "expected a time"]);
    }
    place
        .run(&with(&["--race", "--top-k", "0"]))
        .assert_refused(&["expected a positive integer, got 0"]);
}

#[test]
fn features_that_are_summed_as_they_come_give_the_same_ranking() {
    use ranktune::{CacheOptions, Interrupt, LoadOptions, RankOptions, Silent, Sources};
    let place = place();
    let rank = |cache: CacheOptions, keep_bytes: Option<usize>, scores: &[&str]| {
        let mut options = RankOptions {
            scores: scores.iter().map(|&name| name.to_owned()).collect(),
            keep_bytes,
            ..RankOptions::default()
        };
        options.extract.cache = cache;
        let data = ranktune::load(&place.path("data"), &LoadOptions::default()).unwrap();
        let hub = Sources::from(place.path("hub").as_path());
        ranktune::rank(&hub, data, &options, &Silent, &Interrupt::default()).unwrap()
    };
    let cached = || CacheOptions::On {
        folder: Some(place.path("cache")),
        max_bytes: 1 << 30,
        precision: ranktune::CachePrecision::F32,
    };
    let names = ["logme", "leep", "nce", "h-score", "shrinkage-h-score"];
    let held = rank(CacheOptions::Off, None, &names);
    for streamed in [
        rank(CacheOptions::Off, Some(0), &names),
        rank(cached(), Some(0), &names),
    ] {
        assert_eq!((held.models.len(), streamed.models.len()), (8, 8));
        for (a, b) in held.models.iter().zip(&streamed.models) {
            assert_eq!(
                (
                    &a.name,
                    a.feature_dim,
                    a.score_uncertainty.map(|found| found.rank_interval)
                ),
                (
                    &b.name,
                    b.feature_dim,
                    b.score_uncertainty.map(|found| found.rank_interval)
                )
            );
            for name in names {
                let (a, b) = (a.score(name).unwrap(), b.score(name).unwrap());
                assert!((a - b).abs() <= 1e-9 * a.abs(), "{name}: {a} against {b}");
            }
            let error = |model: &ranktune_report::ranking::RankedModel| {
                model.scores["logme"]["standard_error"].as_f64().unwrap()
            };
            assert!((error(a) - error(b)).abs() <= 1e-6 * error(a));
        }
    }
    // TransRate needs the rows, which are then held.
    rank(CacheOptions::Off, Some(0), &["logme", "transrate"]);
}

#[test]
fn features_in_half_precision_and_features_that_are_not_kept_give_nearly_the_same_ranking() {
    let place = place();
    let value = |more: &[&str]| {
        let ranking = place
            .run(&with(&[more, &["--scores", "logme"]].concat()))
            .assert_code(0)
            .json();
        ranking["models"][0]["scores"]["logme"]["value"].as_f64().unwrap()
    };
    let exact = value(&["--no-feature-cache"]);
    assert!(!place.path("cache").exists());
    let half = value(&["--cache-precision", "f16"]);
    assert!((exact - half).abs() < 1e-3 && exact != half, "{half} against {exact}");
    assert!((exact - value(&[])).abs() < 1e-12);
}
