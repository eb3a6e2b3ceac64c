//! What a ranking would cost, without it: `rank --dry-run`.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

mod common;
#[path = "../../hub/tests/hub_server/mod.rs"]
mod hub_server;

use common::{Place, Run, image_model, write_images, write_model};
use hub_server::HubServer;
use serde_json::Value;

/// 36 images in three classes, and two models.
fn place() -> Place {
    let place = Place::new();
    write_images(&place.path("data"), &["apple", "pear", "plum"], 12);
    write_model(&place.path("hub/small"), &image_model(7, 4, 3));
    write_model(&place.path("hub/large"), &image_model(7, 64, 3));
    place
}

const PLAN: [&str; 8] = [
    "rank", "--data", "data", "--format", "json", "--engine", "rten", "--hub",
];

fn plan(place: &Place, more: &[&str]) -> Value {
    let arguments = [&PLAN[..], &["hub", "--cache", "cache", "--dry-run"], more].concat();
    place.run(&arguments).assert_code(0).json()
}

/// A key of every model.
fn of_models(plan: &Value, key: &str) -> Vec<u64> {
    let models = plan["models"].as_array().unwrap().iter();
    models.map(|model| model[key].as_u64().unwrap()).collect()
}

#[test]
fn features_that_are_cached_cost_nothing_and_the_cache_grows_by_what_was_said() {
    let place = place();
    let before = plan(&place, &[]);
    assert_eq!(before["schema"], "ranktune.ranking-plan/1");
    assert_eq!(of_models(&before, "samples_to_compute"), [36, 36]);
    assert!(before["total"]["seconds"].as_f64().unwrap() > 0.0);
    let ranking = place.run(&[&PLAN[..], &["hub", "--cache", "cache"]].concat());
    let ranking = ranking.assert_code(0).json();
    let computed = ranking["models"].as_array().unwrap().iter();
    assert!(
        computed.clone().all(|model| model["samples_computed"] == 36),
        "the dry run keeps nothing: {ranking}"
    );
    // By hand: features and logits of three classes in f32, a digest and a flag for each of 36 rows.
    let rows = computed.map(|model| 36 * (4 * (model["feature_dim"].as_u64().unwrap() + 3) + 33));
    assert_eq!(before["total"]["cache_bytes"].as_u64(), Some(rows.sum()));
    let after = plan(&place, &[]);
    assert_eq!(of_models(&after, "samples_to_compute"), [0, 0]);
    assert_eq!(after["total"]["seconds"], 0.0);
    assert_eq!(after["total"]["cache_bytes"], 0);
    write_images(&place.path("data"), &["apple", "pear", "plum", "quince"], 12);
    assert_eq!(of_models(&plan(&place, &[]), "samples_to_compute"), [12, 12]);
}

#[test]
fn a_table_names_every_model_and_the_sum() {
    let place = place();
    let run = place.run(&["rank", "--hub", "hub", "--data", "data", "--no-cache", "--dry-run"]);
    let text = &run.assert_code(0).stdout;
    for expected in [
        "model",
        "to compute",
        "download",
        "small",
        "large",
        "about ",
        "0 B to download",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
}

#[test]
fn a_repository_is_not_downloaded_and_its_size_is_that_of_the_download() {
    let place = place();
    let model = image_model(33, 24, 5).to_bytes().unwrap();
    let server = HubServer::start(vec![
        ("README.md", b"# tiny".to_vec()),
        ("config.json", br#"{"model_type": "resnet"}"#.to_vec()),
        ("onnx/model.onnx", model.clone()),
    ]);
    let arguments = [&PLAN[..], &["hub", "hf:acme/tiny", "--no-cache", "--dry-run"]].concat();
    let run = Run::from(place.hub_command(server.address(), &arguments).output().unwrap());
    let plan = run.assert_code(0).json();
    assert!(server.requests_of("model.onnx").is_empty(), "{plan}");
    let models = plan["models"].as_array().unwrap();
    let absent = models.iter().find(|model| model["name"] == "hf:acme/tiny").unwrap();
    assert_eq!(absent["seconds"], Value::Null);
    let bytes = absent["download_bytes"].as_u64().unwrap();
    assert!(
        bytes >= model.len() as u64 && bytes < model.len() as u64 + 200,
        "{absent}"
    );
    assert_eq!(plan["total"]["not_downloaded"], 1);
    assert_eq!(plan["total"]["download_bytes"], bytes);
    assert_eq!(models.len(), 3);
    assert_eq!(plan["skipped"].as_array().unwrap().len(), 0, "{plan}");
}
