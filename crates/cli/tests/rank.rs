//! `ranktune rank` as a user runs it.

#![expect(clippy::unwrap_used, reason = "a test fails where this panics")]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use common::{Place, text_model, write_hub, write_images, write_model};

fn place() -> Place {
    let place = Place::new();
    write_hub(&place.path("hub"));
    write_images(&place.path("data"), &["apple", "pear", "plum"], 12);
    place
}

const RANK: [&str; 5] = ["rank", "--hub", "hub", "--data", "data"];

fn with<'a>(more: &[&'a str]) -> Vec<&'a str> {
    RANK.iter().chain(more).copied().collect()
}

#[test]
fn the_table_lists_every_model_from_best_to_worst() {
    let run = place().run(&RANK);
    run.assert_code(0);
    for text in ["rank", "logme", "narrow", "middle", "wide", "images/s"] {
        assert!(run.stdout.contains(text), "{text} is missing in {}", run.stdout);
    }
}

#[test]
fn the_json_keeps_the_contract() {
    let place = place();
    let run = place.run(&with(&["--format", "json", "--out", "out"]));
    run.assert_code(0);
    let ranking = run.json();
    assert_eq!(ranking["schema"], "ranktune.ranking/2");
    assert_eq!(ranking["task"], "classification");
    assert_eq!(ranking["data"]["samples"], 36);
    assert_eq!(ranking["data"]["classes"], serde_json::json!(["apple", "pear", "plum"]));
    let models = ranking["models"].as_array().unwrap();
    assert_eq!(models.len(), 3);
    let values: Vec<f64> = models
        .iter()
        .map(|model| model["scores"]["logme"]["value"].as_f64().unwrap())
        .collect();
    assert!(values.is_sorted_by(|a, b| a >= b), "{values:?}");
    for (place, model) in models.iter().enumerate() {
        assert_eq!(model["rank"], place + 1);
        assert_eq!(model["feature_tensor"], "pooled");
        assert!(model["scores"]["logme"]["standard_error"].as_f64().unwrap() > 0.0);
        assert!(model["scores"]["logme"]["status"].is_string());
        for places in [&model["score_uncertainty"], &model["predicted"]] {
            assert!(places["p_best"].is_number() && places["rank_interval"].as_array().unwrap().len() == 2);
        }
        assert!(model["seconds"]["extract"].is_number() && model["seconds"]["score"].is_number());
        assert!(model["images_per_second"].as_f64().unwrap() > 0.0);
        assert!(model["digest"].as_str().unwrap().len() >= 32);
    }
    for key in ["score_uncertainty", "predicted"] {
        let total: f64 = models.iter().map(|model| model[key]["p_best"].as_f64().unwrap()).sum();
        assert!((total - 1.0).abs() < 1e-9, "{key}: {total}");
    }
    assert_eq!(ranking["decision"]["best"], models[0]["name"]);
    let written: serde_json::Value =
        serde_json::from_slice(&fs::read(place.path("out/ranking.json")).unwrap()).unwrap();
    assert_eq!(written, ranking);
}

/// Every file under `folder`, with what tells a rewritten file of the same content from one that was left alone.
#[cfg(unix)]
fn files(folder: &Path) -> BTreeMap<PathBuf, (u64, Vec<u8>)> {
    use std::os::unix::fs::MetadataExt;
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            let inode = fs::metadata(&path).unwrap().ino();
            found.insert(path.clone(), (inode, fs::read(&path).unwrap()));
        }
    }
    found
}

#[cfg(unix)]
#[test]
fn a_second_run_with_another_score_runs_no_model() {
    let place = place();
    place.run(&with(&["--scores", "logme"])).assert_code(0);
    let stored = files(&place.path("cache"));
    assert!(!stored.is_empty());
    let run = place.run(&with(&["--scores", "h-score,leep", "--format", "json"]));
    run.assert_code(0);
    // A model that runs again replaces its features in the store.
    assert_eq!(files(&place.path("cache")), stored);
    assert_eq!(run.json()["models"].as_array().unwrap().len(), 3);
    for model in run.json()["models"].as_array().unwrap() {
        assert!(model["images_per_second"].is_null(), "{model}");
        assert!(
            model["scores"]["h-score"]["value"].is_number() && model["scores"]["leep"]["value"].is_number(),
            "{model}"
        );
        assert!(model["scores"].get("logme").is_none());
    }
}

#[test]
fn the_same_ranking_comes_out_twice() {
    let place = place();
    let first = place.run(&with(&["--format", "json"])).json();
    let second = place.run(&with(&["--format", "json", "--no-cache"])).json();
    let count = |ranking: &serde_json::Value| ranking["models"].as_array().unwrap().len();
    assert_eq!((count(&first), count(&second)), (3, 3));
    for (a, b) in first["models"]
        .as_array()
        .unwrap()
        .iter()
        .zip(second["models"].as_array().unwrap())
    {
        assert_eq!(
            (&a["name"], &a["scores"], &a["predicted"]),
            (&b["name"], &b["scores"], &b["predicted"])
        );
    }
}

#[test]
fn a_model_file_ranks_as_well_as_a_folder() {
    let place = place();
    let run = place.run(&[
        "rank",
        "--hub",
        "hub/wide/model.onnx",
        "hub/narrow",
        "--data",
        "data",
        "--format",
        "json",
    ]);
    assert_eq!(run.assert_code(0).json()["models"].as_array().unwrap().len(), 2);
}

#[test]
fn one_broken_model_is_listed_and_the_others_are_ranked() {
    let place = place();
    let bytes = fs::read(place.path("hub/wide/model.onnx")).unwrap();
    fs::write(place.path("hub/wide/model.onnx"), &bytes[..bytes.len() / 2]).unwrap();
    let run = place.run(&with(&["--format", "json"]));
    let ranking = run.assert_code(1).json();
    assert_eq!(ranking["models"].as_array().unwrap().len(), 2);
    assert_eq!(ranking["skipped"][0]["name"], "wide");
    assert!(
        ranking["skipped"][0]["reason"].as_str().unwrap().contains("model.onnx"),
        "{ranking}"
    );
}

#[test]
fn a_text_model_is_not_applicable_to_images() {
    let place = place();
    write_model(&place.path("hub/words"), &text_model());
    fs::remove_file(place.path("hub/words/preprocessor_config.json")).unwrap();
    let run = place.run(&with(&["--format", "json"]));
    let ranking = run.json();
    assert_eq!(ranking["skipped"][0]["name"], "words");
    assert!(
        ranking["skipped"][0]["reason"]
            .as_str()
            .unwrap()
            .starts_with("not applicable"),
        "{ranking}"
    );
    place
        .run(&["rank", "--hub", "hub/words", "--data", "data"])
        .assert_refused(&["words", "not applicable"]);
}

#[test]
fn an_unreadable_image_is_counted_and_many_are_an_error() {
    let place = place();
    fs::write(place.path("data/apple/000.png"), b"\x89PNG\r\n\x1a\n and then nothing").unwrap();
    let run = place.run(&with(&["--format", "json"]));
    let ranking = run.assert_code(1).json();
    assert_eq!(ranking["data"]["samples"], 35);
    assert!(
        ranking["data"]["unreadable"][0]["file"]
            .as_str()
            .unwrap()
            .ends_with("000.png"),
        "{ranking}"
    );
    // The same again from the store.
    let again = place.run(&with(&["--format", "json"]));
    assert_eq!(
        again.assert_code(1).json()["models"][0]["scores"],
        ranking["models"][0]["scores"]
    );
    for index in 1..12 {
        fs::write(place.path(&format!("data/apple/{index:03}.png")), b"GIF89a nonsense").unwrap();
    }
    // Extraction stops at the batch that passes the limit.
    place
        .run(&RANK)
        .assert_refused(&["of 36 images cannot be read", "data/apple/0"]);
}

#[test]
fn a_copy_of_a_sample_is_left_out_where_features_are_many() {
    let place = place();
    write_model(&place.path("hub/huge"), &common::image_model(44, 64, 5));
    fs::copy(place.path("data/apple/000.png"), place.path("data/apple/copy.png")).unwrap();
    let run = place.run(&with(&["--format", "json"]));
    let ranking = run.assert_code(0).json();
    assert_eq!(
        (&ranking["data"]["samples"], ranking["models"].as_array().unwrap().len()),
        (&36.into(), 4),
        "{run:?}"
    );
    assert!(run.stderr.contains("1 of 37 samples"), "{run:?}");
}

#[test]
fn a_table_of_files_with_numbers_is_regression() {
    let place = place();
    let mut table = "file,price,area\n".to_owned();
    for (class, name) in ["apple", "pear", "plum"].iter().enumerate() {
        for index in 0..12 {
            table.push_str(&format!(
                "data/{name}/{index:03}.png,{}.5,{index}\n",
                class * 10 + index
            ));
        }
    }
    fs::write(place.path("prices.csv"), table).unwrap();
    let run = place.run(&[
        "rank",
        "--hub",
        "hub",
        "--data",
        "prices.csv",
        "--target",
        "price,area",
        "--format",
        "json",
    ]);
    let ranking = run.assert_code(0).json();
    assert_eq!(ranking["task"], "regression");
    assert_eq!(ranking["data"]["classes"], serde_json::json!(["price", "area"]));
}

#[test]
fn a_table_of_files_with_lists_is_multi_label() {
    let place = place();
    let mut table = String::new();
    for (class, name) in ["apple", "pear", "plum"].iter().enumerate() {
        for index in 0..12 {
            let labels = if index % 2 == 0 {
                format!("[\"{name}\", \"even\"]")
            } else {
                format!("[\"{name}\"]")
            };
            table.push_str(&format!(
                "{{\"file\": \"data/{name}/{index:03}.png\", \"label\": {labels}, \"class\": {class}}}\n"
            ));
        }
    }
    fs::write(place.path("labels.jsonl"), table).unwrap();
    let run = place.run(&["rank", "--hub", "hub", "--data", "labels.jsonl", "--format", "json"]);
    let ranking = run.assert_code(0).json();
    assert_eq!(ranking["task"], "multilabel");
    assert_eq!(
        ranking["data"]["classes"],
        serde_json::json!(["apple", "even", "pear", "plum"])
    );
}

#[test]
fn each_way_the_input_can_be_bad_is_refused_with_nothing_on_stdout() {
    let place = place();
    fs::create_dir(place.path("empty")).unwrap();
    write_images(&place.path("one"), &["only"], 3);
    fs::write(
        place.path("random.onnx"),
        common::numbers(5, 500)
            .iter()
            .flat_map(|x| x.to_le_bytes())
            .collect::<Vec<_>>(),
    )
    .unwrap();
    for (arguments, parts) in [
        (vec!["rank", "--hub", "nowhere", "--data", "data"], vec!["nowhere"]),
        (vec!["rank", "--hub", "hub", "--data", "nowhere"], vec!["nowhere"]),
        (vec!["rank", "--hub", "empty", "--data", "data"], vec!["empty", ".onnx"]),
        (vec!["rank", "--hub", "hub", "--data", "empty"], vec!["empty"]),
        (
            vec!["rank", "--hub", "hub", "--data", "one"],
            vec!["fewer than two classes", "only"],
        ),
        (
            vec!["rank", "--hub", "random.onnx", "--data", "data"],
            vec!["random.onnx"],
        ),
        (with(&["--scores", "logmee"]), vec!["logmee", "logme"]),
        (with(&["--engine", "rtem"]), vec!["rtem", "rten"]),
        (with(&["--feature", "poled"]), vec!["poled", "pooled"]),
        (with(&["--device", "cuda"]), vec!["cuda"]),
        (with(&["--batch-size", "0"]), vec!["expected a positive integer, got 0"]),
        (with(&["--task", "regression"]), vec!["regression"]),
        (vec!["rank", "--hub", "hub"], vec!["--data"]),
    ] {
        let run = place.run(&arguments);
        assert_eq!(run.code, Some(2), "{arguments:?}: {run:?}");
        run.assert_refused(&parts);
    }
}

#[test]
fn features_that_are_not_finite_skip_their_model() {
    let place = place();
    let mut model = common::image_model(3, 6, 2);
    let bias = ranktune_onnx::Tensor::from_f32(&[6], &[f32::INFINITY; 6]).unwrap();
    model.graph.initializers.insert("conv.bias".to_owned(), bias);
    write_model(&place.path("hub/infinite"), &model);
    let ranking = place.run(&with(&["--format", "json"])).assert_code(1).json();
    assert_eq!(ranking["skipped"][0]["name"], "infinite");
    assert!(
        ranking["skipped"][0]["reason"].as_str().unwrap().contains("finite"),
        "{ranking}"
    );
}

#[cfg(unix)]
#[test]
fn work_goes_on_after_the_process_was_killed() {
    let place = Place::new();
    write_hub(&place.path("hub"));
    write_images(&place.path("data"), &["apple", "pear"], 400);
    let whole = place
        .run(&with(&["--format", "json", "--no-cache"]))
        .assert_code(0)
        .json();
    let mut killed = false;
    for wait in [40, 80, 120, 160, 200] {
        let mut child = place
            .command(&with(&["--batch-size", "4"]))
            .stderr(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(std::time::Duration::from_millis(wait));
        killed |= child.try_wait().unwrap().is_none();
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert!(killed, "the run was over before it could be killed");
    let resumed = place.run(&with(&["--format", "json"])).assert_code(0).json();
    for (a, b) in whole["models"]
        .as_array()
        .unwrap()
        .iter()
        .zip(resumed["models"].as_array().unwrap())
    {
        assert_eq!(a["name"], b["name"]);
        let value = |model: &serde_json::Value| model["scores"]["logme"]["value"].as_f64().unwrap();
        assert!(
            (value(a) - value(b)).abs() <= 1e-4 * value(a).abs(),
            "{} against {}",
            value(a),
            value(b)
        );
    }
}
