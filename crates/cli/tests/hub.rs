//! `ranktune hub` and `ranktune features` as a user runs them.

mod common;

use std::fs;

use common::{Place, write_hub, write_images};

fn place() -> Place {
    let place = Place::new();
    write_hub(&place.path("hub"));
    write_images(&place.path("data"), &["apple", "pear", "plum"], 12);
    place
}

#[test]
fn a_listing_shows_every_model_and_inspection_its_details() {
    let place = place();
    let listing = place.run(&["hub", "list", "hub"]);
    listing.assert_code(0);
    for name in ["narrow", "middle", "wide"] {
        assert!(listing.stdout.contains(name), "{}", listing.stdout);
    }
    let model = &place
        .run(&["hub", "inspect", "hub/wide", "--format", "json"])
        .assert_code(0)
        .json()["models"][0];
    assert_eq!(
        (&model["feature_tensor"], &model["feature_dim"], &model["logits"]),
        (&"pooled".into(), &24.into(), &"logits".into())
    );
    assert_eq!(model["parameters"], 24 * 27 + 24 + 24 * 5 + 5);
    assert!(
        model["operators"]
            .as_array()
            .unwrap()
            .contains(&serde_json::json!(["Conv", 1])),
        "{model}"
    );
    assert!(model["preprocessing"].as_str().unwrap().contains("16"), "{model}");
}

#[test]
fn a_broken_model_is_listed_with_its_reason() {
    let place = place();
    fs::write(place.path("hub/wide/model.onnx"), "<html>not found</html>").unwrap();
    let listing = place.run(&["hub", "list", "hub", "--format", "json"]);
    let listing = listing.assert_code(1).json();
    assert_eq!(listing["skipped"][0]["name"], "wide");
    assert!(
        listing["skipped"][0]["reason"].as_str().unwrap().contains("web page"),
        "{listing}"
    );
}

#[test]
fn verification_runs_every_model_on_an_engine() {
    let verification = place()
        .run(&["hub", "verify", "hub", "--engine", "rten", "--format", "json"])
        .assert_code(0)
        .json();
    assert_eq!(verification["models"].as_array().unwrap().len(), 3);
    for model in verification["models"].as_array().unwrap() {
        assert_eq!(
            model["engines"],
            serde_json::json!([{"engine": "rten", "runs": true, "reason": null}])
        );
    }
}

#[test]
fn exported_features_give_the_ranking_s_score() {
    let place = place();
    let ranking = place
        .run(&["rank", "--hub", "hub/wide", "--data", "data", "--format", "json"])
        .assert_code(0)
        .json();
    place
        .run(&[
            "features",
            "--model",
            "hub/wide",
            "--data",
            "data",
            "--out",
            "wide.safetensors",
        ])
        .assert_code(0);
    let scores = place
        .run(&[
            "score",
            "--features",
            "wide.safetensors:features",
            "--targets",
            "wide.safetensors:labels",
            "--probabilities",
            "wide.safetensors:probabilities",
            "--scores",
            "logme,leep",
            "--format",
            "json",
        ])
        .assert_code(0)
        .json();
    for name in ["logme", "leep"] {
        let (a, b) = (
            &ranking["models"][0]["scores"][name]["value"],
            &scores["scores"][name]["value"],
        );
        let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
        assert!((a - b).abs() <= 1e-9 * a.abs(), "{name}: {a} against {b}");
    }
}

#[test]
fn features_of_what_is_not_there_are_refused() {
    let place = place();
    place
        .run(&["features", "--model", "hub/none", "--data", "data", "--out", "x.npy"])
        .assert_refused(&["hub/none"]);
    place
        .run(&["features", "--model", "hub", "--data", "data", "--out", "x.npy"])
        .assert_refused(&["one model", "3"]);
    place
        .run(&["features", "--model", "hub/wide", "--data", "data", "--out", "x.txt"])
        .assert_refused(&["x.txt", ".safetensors"]);
    assert!(!place.path("x.npy").exists());
}
