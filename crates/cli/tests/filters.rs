//! Models that license, size or speed leave out of a ranking.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

mod common;

use std::fs;

use common::{Place, image_model, write_images, write_model};
use serde_json::Value;

/// Images, and three models: a small one under MIT, a larger one under CC, and one without a card.
fn place() -> Place {
    let place = Place::new();
    write_images(&place.path("data"), &["apple", "pear", "plum"], 12);
    for (name, channels, card) in [
        ("small", 4, "---\nlicense: mit\n---\n"),
        ("large", 64, "---\nlicense: cc-by-nc-4.0\n---\n"),
        ("bare", 4, ""),
    ] {
        let folder = place.path("hub").join(name);
        write_model(&folder, &image_model(7, channels, 3));
        if !card.is_empty() {
            fs::write(folder.join("README.md"), card).unwrap();
        }
    }
    place
}

fn rank(place: &Place, more: &[&str]) -> Value {
    let arguments = [
        "rank",
        "--data",
        "data",
        "--no-cache",
        "--engine",
        "rten",
        "--format",
        "json",
        "--hub",
    ];
    place.run(&[&arguments[..], more].concat()).assert_code(0).json()
}

fn names(ranking: &Value) -> Vec<&str> {
    let mut names: Vec<&str> = ranking["models"]
        .as_array()
        .unwrap()
        .iter()
        .map(|model| model["name"].as_str().unwrap())
        .collect();
    names.sort_unstable();
    names
}

fn reason<'a>(ranking: &'a Value, name: &str) -> &'a str {
    let skipped = ranking["skipped"].as_array().unwrap();
    skipped.iter().find(|model| model["name"] == name).unwrap()["reason"]
        .as_str()
        .unwrap()
}

#[test]
fn only_models_with_an_allowed_license_are_ranked() {
    let place = place();
    let ranking = rank(&place, &["hub", "--license", "MIT,apache-2.0"]);
    assert_eq!(names(&ranking), ["small"]);
    assert_eq!(
        reason(&ranking, "large"),
        "not applicable: its license is cc-by-nc-4.0, expected mit or apache-2.0"
    );
    assert!(reason(&ranking, "bare").contains("its license is unknown"));
    assert_eq!(ranking["options"]["license"], serde_json::json!(["mit", "apache-2.0"]));
    let manifest = "[[models]]\npath = \"hub/bare\"\nlicense = \"apache-2.0\"\n[[models]]\npath = \"hub/small\"\nlicense = \"gpl-3.0\"\n";
    fs::write(place.path("models.toml"), manifest).unwrap();
    assert_eq!(
        names(&rank(&place, &["models.toml", "--license", "apache-2.0"])),
        ["bare"]
    );
}

#[test]
fn only_models_with_few_enough_parameters_are_ranked() {
    let place = place();
    let all = rank(&place, &["hub"]);
    let parameters = |name: &str| {
        let models = all["models"].as_array().unwrap();
        models.iter().find(|model| model["name"] == name).unwrap()["parameters"]
            .as_u64()
            .unwrap()
    };
    let (small, large) = (parameters("small"), parameters("large"));
    assert!(small < large);
    let at = |max: u64| rank(&place, &["hub", "--max-parameters", &max.to_string()]);
    assert_eq!(names(&at(large)), ["bare", "large", "small"]);
    let without = at(large - 1);
    assert_eq!(names(&without), ["bare", "small"]);
    assert!(
        reason(&without, "large").starts_with("not applicable: it has "),
        "{without}"
    );
    place
        .run(&["rank", "--hub", "hub", "--data", "data", "--max-parameters", "1"])
        .assert_refused(&["no model of the hub can be used", "large: not applicable: it has"]);
}

#[test]
fn models_that_take_longer_than_allowed_are_listed_with_their_time() {
    let place = place();
    let ranking = rank(&place, &["hub", "--max-latency", "1h"]);
    assert_eq!(
        (names(&ranking).len(), &ranking["options"]["max_latency"]),
        (3, &3600.0.into())
    );
    // No model runs in a nanosecond.
    let refused = place.run(&["rank", "--hub", "hub", "--data", "data", "--max-latency", "0.000001ms"]);
    refused.assert_refused(&[
        "small: not applicable: it takes 0.",
        " ms for one sample, expected at most 0.000 ms",
    ]);
    place
        .run(&["rank", "--hub", "hub", "--data", "data", "--max-latency", "soon"])
        .assert_refused(&["20ms"]);
}

#[test]
fn a_license_that_no_identifier_has_is_refused() {
    let place = place();
    place
        .run(&["rank", "--hub", "hub", "--data", "data", "--license", "apache 2.0"])
        .assert_refused(&["apache 2.0", "apache-2.0 or mit"]);
}
