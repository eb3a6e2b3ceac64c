//! `ranktune rank --feature layers` as a user runs it.

#![allow(clippy::unwrap_used, reason = "helpers of tests are test code, too")]

mod common;

use common::{Place, image_model, numbers, write_images, write_model};
use ranktune_onnx::{Attribute, Model, Node, Tensor};

/// The image model with three blocks `block0`, `block1`, `block2` between its stem and its average.
fn residual(seed: u64, channels: usize) -> Model {
    let mut model = image_model(seed, channels, 5);
    let node = |op_type: &str, inputs: &[&str], output: &str, attributes: Vec<(&str, Attribute)>| Node {
        name: format!("{op_type}_{output}"),
        op_type: op_type.to_owned(),
        domain: String::new(),
        inputs: inputs.iter().map(|&name| name.to_owned()).collect(),
        outputs: vec![output.to_owned()],
        attributes: attributes
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
    };
    let mut nodes: Vec<Node> = model.graph.nodes.drain(2..).collect();
    let mut from = "active".to_owned();
    for block in 0..3 {
        let name = |part: &str| format!("{part}{block}");
        let dims = [channels, channels, 3, 3];
        let weights: Vec<f32> = numbers(seed + 90 + block, dims.iter().product())
            .iter()
            .map(|x| x * 0.2)
            .collect();
        let weights = Tensor::from_f32(&dims, &weights).unwrap();
        model.graph.initializers.insert(name("w"), weights);
        model.graph.nodes.extend([
            node(
                "Conv",
                &[&from, &name("w")],
                &name("c"),
                vec![("pads", Attribute::Ints(vec![1; 4]))],
            ),
            node("Add", &[&from, &name("c")], &name("sum"), vec![]),
            node("Relu", &[&name("sum")], &name("block"), vec![]),
        ]);
        from = name("block");
    }
    nodes[0].inputs[0] = from;
    model.graph.nodes.extend(nodes);
    model
}

fn place() -> Place {
    let place = Place::new();
    for (name, channels) in [("narrow", 4), ("wide", 12)] {
        write_model(
            &place.path(&format!("hub/{name}")),
            &residual(channels as u64, channels),
        );
    }
    write_images(&place.path("data"), &["apple", "pear", "plum"], 20);
    place
}

const RANK: [&str; 7] = ["rank", "--hub", "hub", "--data", "data", "--format", "json"];

fn with<'a>(more: &[&'a str]) -> Vec<&'a str> {
    RANK.iter().chain(more).copied().collect()
}

fn close(a: &serde_json::Value, b: &serde_json::Value) -> bool {
    let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
    (a - b).abs() <= 1e-6 * a.abs()
}

#[test]
fn every_block_has_the_score_that_it_has_by_itself_and_the_best_is_the_model_s() {
    let place = place();
    let ranking = place.run(&with(&["--feature", "layers"])).assert_code(0).json();
    assert_eq!(ranking["models"].as_array().unwrap().len(), 2);
    for model in ranking["models"].as_array().unwrap() {
        let layers = model["layers"].as_array().unwrap();
        let names: Vec<&str> = layers.iter().map(|layer| layer["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["block0", "block1", "pooled"], "{model}");
        for layer in layers {
            let name = layer["name"].as_str().unwrap();
            let alone = place.run(&with(&["--feature", name])).assert_code(0).json();
            let mut models = alone["models"].as_array().unwrap().iter();
            let alone = models.find(|other| other["name"] == model["name"]).unwrap();
            assert!(
                close(&layer["score"], &alone["scores"]["logme"]["value"]),
                "{layer} against {alone}"
            );
            assert_eq!(layer["dim"], alone["feature_dim"]);
            assert!(layer["standard_error"].as_f64().unwrap() > 0.0);
        }
        let best = layers
            .iter()
            .max_by(|a, b| a["score"].as_f64().unwrap().total_cmp(&b["score"].as_f64().unwrap()));
        let best = best.unwrap();
        assert_eq!(model["scores"]["logme"]["value"], best["score"]);
        assert_eq!(model["feature_tensor"], best["name"]);
        assert!(model["scores"]["leep"]["value"].is_number());
    }
    let table = place.run(&["rank", "--hub", "hub", "--data", "data", "--feature", "layers"]);
    for text in ["layer", "block1", "best"] {
        assert!(table.assert_code(0).stdout.contains(text), "{table:?}");
    }
    assert!(table.stderr.contains("from the cache"), "one pass is enough: {table:?}");
}

#[test]
fn the_mean_of_layers_is_of_their_features() {
    let place = place();
    let ranking = place
        .run(&with(&["--feature", "layers", "--layers", "mean"]))
        .assert_code(0)
        .json();
    assert_eq!(ranking["options"]["layers"], "mean");
    assert_eq!(ranking["models"].as_array().unwrap().len(), 2);
    for model in ranking["models"].as_array().unwrap() {
        assert_eq!(model["feature_tensor"], "mean of 3 layers");
        assert_eq!(model["feature_dim"], model["layers"][0]["dim"]);
        assert!(model["scores"]["logme"]["standard_error"].as_f64().unwrap() > 0.0);
    }
}

#[test]
fn layers_are_exported_side_by_side() {
    let place = place();
    let arguments = [
        "features",
        "--model",
        "hub/wide",
        "--data",
        "data",
        "--feature",
        "layers",
        "--out",
        "all.npy",
    ];
    let run = place.run(&arguments);
    assert!(
        run.assert_code(0).stderr.contains("60 samples, 36 features each"),
        "{run:?}"
    );
}
