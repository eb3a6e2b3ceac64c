//! `ranktune tune`, `eval` and `predict` as a user runs them.

mod common;

use std::fs;

use common::tuning::{CLASSES, place, tune};
use common::{Place, image_model, text_model, write_images, write_model};
use serde_json::Value;

fn json(place: &Place, file: &str) -> Value {
    let bytes = fs::read(place.path(file)).expect("the file is there");
    serde_json::from_slice(&bytes).expect("it is JSON")
}

#[test]
fn a_tuned_model_is_a_hub_entry_that_ranks_evaluates_and_predicts() {
    let place = place();
    let run = tune(
        &place,
        &["--teachers", "narrow,wide", "--format", "json", "--test", "data"],
    );
    let training = run.assert_code(0).json();
    assert_eq!(training, json(&place, "tuned/training.json"));
    assert_eq!(training["schema"], "ranktune.training/1");
    assert_eq!(
        (&training["model"], &training["method"]),
        (&"middle".into(), &"b-tuning".into())
    );
    let shares: Vec<f64> = training["teachers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|t| t["weight"].as_f64().unwrap())
        .collect();
    assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-9, "{shares:?}");
    // The other teacher's share would be under 2 %.
    assert_eq!(shares.len(), 1);
    assert!(run.stderr.contains("teacher narrow is left out"), "{run:?}");
    assert_eq!(
        training["data"]["samples"].as_u64().unwrap() + training["data"]["validation_samples"].as_u64().unwrap(),
        36
    );
    assert!(training["seconds_per_step"].as_f64().unwrap() > 0.0 && training["steps"].as_u64().unwrap() > 0);
    for part in ["train", "validation", "test"] {
        assert!(training["metrics"][part]["accuracy"].is_number(), "{part}: {training}");
    }
    for file in [
        "model.onnx",
        "config.json",
        "preprocessor_config.json",
        "log.jsonl",
        "tensorboard",
        "checkpoints",
    ] {
        assert!(place.path("tuned").join(file).exists(), "{file}");
    }
    let config = json(&place, "tuned/config.json");
    assert_eq!(
        config["id2label"],
        serde_json::json!({"0": "apple", "1": "pear", "2": "plum"})
    );

    let ranking = place.run(&["rank", "--hub", "tuned", "--data", "data", "--format", "json"]);
    assert_eq!(ranking.assert_code(0).json()["models"][0]["name"], "tuned");
    let evaluation = place
        .run(&["eval", "--model", "tuned", "--data", "data", "--format", "json"])
        .assert_code(0)
        .json();
    assert_eq!(
        (&evaluation["schema"], &evaluation["samples"]),
        (&"ranktune.evaluation/1".into(), &36.into())
    );
    assert_eq!(
        evaluation["metrics"]["accuracy"],
        training["metrics"]["test"]["accuracy"]
    );
    assert_details(&place, &evaluation);

    let predicted = place.run(&[
        "predict",
        "--model",
        "tuned",
        "data/pear",
        "data/plum/000.png",
        "--format",
        "json",
    ]);
    let predictions = predicted.assert_code(0).json()["predictions"].clone();
    assert_eq!(predictions.as_array().unwrap().len(), 13);
    let shares: f64 = CLASSES
        .iter()
        .map(|name| predictions[0]["probabilities"][name].as_f64().unwrap())
        .sum();
    assert!((shares - 1.0).abs() < 1e-6, "{predictions}");
    let table = place.run(&["predict", "--model", "tuned", "data/pear/000.png"]);
    assert!(table.assert_code(0).stdout.contains("probability"), "{}", table.stdout);
}

/// Classes, interval and confusions of an evaluation are those of the predictions that `--out` writes.
#[expect(clippy::unwrap_used, reason = "a test fails where this panics")]
fn assert_details(place: &Place, evaluation: &Value) {
    let run = place.run(&["eval", "--model", "tuned", "--data", "data", "--out", "predictions.csv"]);
    let table = &run.assert_code(0).stdout;
    assert!(table.contains("precision") && table.contains("(95 %)"), "{table}");
    let text = fs::read_to_string(place.path("predictions.csv")).unwrap();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("file,target,prediction,probability,right"));
    let rows: Vec<Vec<&str>> = lines.map(|line| line.split(',').collect()).collect();
    assert_eq!(rows.len(), 36);
    let share = rows.iter().filter(|row| row[1] == row[2]).count() as f64 / 36.0;
    assert!((evaluation["metrics"]["accuracy"].as_f64().unwrap() - share).abs() < 1e-12);
    let [low, high] = [0, 1].map(|end| evaluation["intervals"]["accuracy"][end].as_f64().unwrap());
    assert!(low <= share && share <= high && high - low > 0.05, "{low} {high}");
    let classes = evaluation["classes"].as_array().unwrap();
    for (class, name) in classes.iter().zip(CLASSES) {
        let of = |column: usize| rows.iter().filter(|row| row[column] == name).count();
        let right = rows.iter().filter(|row| row[1] == name && row[2] == name).count();
        assert_eq!((&class["name"], &class["support"]), (&name.into(), &of(1).into()));
        assert_eq!(class["predicted"], of(2));
        assert_eq!(class["recall"].as_f64().unwrap(), right as f64 / of(1) as f64);
    }
    let confused = evaluation.get("confused").map_or(0, |pairs| {
        pairs
            .as_array()
            .unwrap()
            .iter()
            .map(|pair| pair["samples"].as_u64().unwrap())
            .sum()
    });
    assert_eq!(confused as usize, rows.iter().filter(|row| row[4] == "false").count());
    assert!(
        evaluation["calibration"]["expected_calibration_error"]
            .as_f64()
            .unwrap()
            < 1.0
    );
}

#[test]
fn best_is_the_first_of_the_ranking_and_the_top_teaches() {
    let place = place();
    place
        .run(&["rank", "--hub", "hub", "--data", "data", "--out", "ranking"])
        .assert_code(0);
    let first = json(&place, "ranking/ranking.json")["models"][0]["name"].clone();
    let run = place.run(&[
        "tune",
        "--hub",
        "hub",
        "--data",
        "data",
        "--ranking",
        "ranking",
        "--teachers",
        "2",
        "--epochs",
        "1",
        "--out",
        "tuned",
        "--format",
        "json",
    ]);
    let training = run.assert_code(0).json();
    assert_eq!(training["model"], first);
    assert_eq!(training["teachers"].as_array().unwrap().len(), 2);
    assert_eq!(training["teachers"][0]["name"], first);
    // Without --ranking it is made, and comes to the same.
    let run = place.run(&[
        "tune",
        "--hub",
        "hub",
        "--data",
        "data",
        "--teachers",
        "2",
        "--epochs",
        "1",
        "--out",
        "other",
        "--format",
        "json",
    ]);
    assert_eq!(run.assert_code(0).json()["model"], first);
}

#[test]
fn the_same_seed_gives_the_same_weights_and_resuming_a_finished_run_changes_nothing() {
    let place = place();
    let weights = |place: &Place| fs::read(place.path("tuned/model.onnx")).unwrap();
    tune(&place, &["--method", "fine-tune"]).assert_code(0);
    let first = weights(&place);
    tune(&place, &["--method", "fine-tune"]).assert_refused(&["the folder holds a finished run", "another folder"]);
    tune(&place, &["--method", "fine-tune", "--resume"]).assert_code(0);
    assert!(first == weights(&place));
    // The folder knows the rest of the command.
    place.run(&["tune", "--resume", "--out", "tuned"]).assert_code(0);
    assert!(first == weights(&place));
    tune(&place, &["--method", "fine-tune", "--resume", "--learning-rate", "0.5"]).assert_refused(&["tuned"]);
    assert!(first == weights(&place));
    fs::remove_dir_all(place.path("tuned")).unwrap();
    tune(&place, &["--method", "fine-tune"]).assert_code(0);
    assert!(first == weights(&place));
}

#[test]
fn numbers_and_sets_of_labels_are_tuned_like_classes() {
    let place = place();
    let mut numbers = "file,size\n".to_owned();
    let mut labels = String::new();
    for (class, name) in CLASSES.iter().enumerate() {
        for index in 0..12 {
            numbers += &format!("data/{name}/{index:03}.png,{}\n", 100.5 + 10.0 * class as f64);
            let row = serde_json::json!({"file": format!("data/{name}/{index:03}.png"),
                "label": if class == 0 { vec!["a", "b"] } else { vec!["b"; class - 1] }});
            labels += &format!("{row}\n");
        }
    }
    fs::write(place.path("numbers.csv"), numbers).unwrap();
    fs::write(place.path("labels.jsonl"), labels).unwrap();
    for (data, more, task, metric) in [
        ("numbers.csv", &["--target", "size"][..], "regression", "mse"),
        ("labels.jsonl", &[][..], "multilabel", "map"),
    ] {
        let fixed = [
            "tune",
            "--hub",
            "hub",
            "--model",
            "middle",
            "--teachers",
            "wide",
            "--epochs",
            "4",
            "--format",
            "json",
        ];
        let run = place.run(&[&fixed, &["--data", data, "--out", task][..], more].concat());
        let training = run.assert_code(0).json();
        assert_eq!(training["task"], task);
        assert!(training["metrics"]["train"][metric].is_number(), "{training}");
        let evaluation =
            place.run(&[&["eval", "--model", task, "--data", data, "--format", "json"][..], more].concat());
        assert!(evaluation.assert_code(0).json()["metrics"][metric].is_number());
        let prediction = place
            .run(&["predict", "--model", task, "data/plum/000.png", "--format", "json"])
            .assert_code(0)
            .json();
        if task == "regression" {
            // In the units of the data, not of standardised ones.
            let size = prediction["predictions"][0]["values"]["size"].as_f64().unwrap();
            assert!((80.0..150.0).contains(&size), "{size}");
        } else {
            assert!(prediction["predictions"][0]["labels"].is_array());
        }
    }
}

#[test]
fn an_image_that_cannot_be_read_is_left_out_and_listed() {
    let place = place();
    fs::write(place.path("data/pear/003.png"), b"no image").unwrap();
    let run = tune(&place, &["--method", "linear-probe", "--format", "json"]);
    let training = run.assert_code(1).json();
    assert!(training["unreadable"][0]["file"].as_str().unwrap().ends_with("003.png"));
    let evaluation = place
        .run(&["eval", "--model", "tuned", "--data", "data", "--format", "json"])
        .assert_code(1)
        .json();
    assert_eq!(
        (
            &evaluation["samples"],
            evaluation["unreadable"].as_array().unwrap().len()
        ),
        (&35.into(), 1)
    );
    let prediction = place
        .run(&["predict", "--model", "tuned", "data/pear", "--format", "json"])
        .assert_code(1)
        .json();
    assert_eq!(prediction["predictions"].as_array().unwrap().len(), 11);
    assert_eq!(prediction["unreadable"].as_array().unwrap().len(), 1);
}

#[test]
fn wrong_names_are_answered_with_the_nearest_right_ones() {
    let place = place();
    tune(&place, &["--method", "fine-tun"]).assert_refused(&["did you mean \"fine-tune\"?", "linear-probe"]);
    tune(&place, &["--teachers", "wid"]).assert_refused(&["did you mean \"wide\"?", "narrow"]);
    let misspelt = "tune --hub hub --data data --out tuned --method fine-tune --model midle";
    let run = place.run(&misspelt.split(' ').collect::<Vec<_>>());
    run.assert_refused(&["did you mean \"middle\"?", "narrow"]);
    tune(&place, &["--teachers", "0"]).assert_refused(&["--teachers must be at least 1"]);
    tune(&place, &["--lambda=-3"]).assert_refused(&["at least 0"]);
    tune(&place, &["--augmentation", "rotate"]).assert_refused(&["resize-crop"]);
    assert!(!place.path("tuned/model.onnx").exists());
}

#[test]
fn a_teacher_for_another_kind_of_data_is_refused() {
    let place = place();
    fs::create_dir_all(place.path("hub/words")).unwrap();
    text_model().save(&place.path("hub/words/model.onnx")).unwrap();
    tune(&place, &["--teachers", "words,wide"]).assert_refused(&["words", "does not take this kind of data"]);
}

#[test]
fn a_size_that_the_graph_cannot_take_names_the_node() {
    use ranktune_onnx::{Attribute, Node, Tensor};
    let place = place();
    let mut model = image_model(5, 4, 3);
    // Two linear layers on the flattened map: the first fixes the size of the image.
    let flatten = |node: &&mut Node| node.op_type == "Flatten";
    let node = model.graph.nodes.iter_mut().find(flatten).unwrap();
    node.inputs = vec!["active".to_owned()];
    node.outputs = vec!["flat".to_owned()];
    let mut hidden = Node {
        name: "hidden_layer".to_owned(),
        op_type: "Gemm".to_owned(),
        inputs: vec!["flat".to_owned(), "hidden.weight".to_owned()],
        outputs: vec!["hidden".to_owned()],
        ..node.clone()
    };
    hidden.attributes = [("transB".to_owned(), Attribute::Int(1))].into();
    let relu = Node {
        name: "relu_2".to_owned(),
        op_type: "Relu".to_owned(),
        inputs: vec!["hidden".to_owned()],
        outputs: vec!["pooled".to_owned()],
        attributes: [].into(),
        ..node.clone()
    };
    let at = model
        .graph
        .nodes
        .iter()
        .position(|node| node.op_type == "Gemm")
        .unwrap();
    model.graph.nodes.splice(at..at, [hidden, relu]);
    model.graph.nodes.retain(|node| node.op_type != "GlobalAveragePool");
    let weights = common::numbers(3, 4 * 4 * 8 * 8);
    model.graph.initializers.insert(
        "hidden.weight".to_owned(),
        Tensor::from_f32(&[4, 256], &weights).unwrap(),
    );
    write_model(&place.path("hub/middle"), &model);
    tune(&place, &["--method", "fine-tune"]).assert_code(0);
    fs::remove_dir_all(place.path("tuned")).unwrap();
    tune(&place, &["--method", "fine-tune", "--image-size", "24"]).assert_refused(&[
        "24×24",
        "hidden_layer",
        "--image-size",
    ]);
}

#[test]
fn validation_data_of_other_classes_and_folders_of_other_files_are_refused() {
    let place = place();
    write_images(&place.path("held"), &["apple", "peach"], 2);
    tune(&place, &["--validation", "held"]).assert_refused(&["peach", "is not among the 3 outputs"]);
    fs::create_dir_all(place.path("tuned")).unwrap();
    fs::write(place.path("tuned/notes.txt"), "").unwrap();
    tune(&place, &[]).assert_refused(&["the folder holds other files"]);
}

#[test]
fn parameters_are_listed_with_what_they_are_to_training() {
    let place = place();
    let run = place.run(&[
        "tune",
        "--hub",
        "hub",
        "--data",
        "data",
        "--model",
        "middle",
        "--list-parameters",
        "--freeze",
        "conv.b",
        "--format",
        "json",
    ]);
    let list = run.assert_code(0).json();
    let role = |name: &str| {
        let parameters = list["parameters"].as_array().unwrap();
        let found = parameters.iter().find(|parameter| parameter["name"] == name);
        found.map(|parameter| parameter["role"].as_str().unwrap().to_owned())
    };
    assert_eq!(role("conv.weight").as_deref(), Some("trainable"));
    assert_eq!(role("conv.bias").as_deref(), Some("frozen"));
}
