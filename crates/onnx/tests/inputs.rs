//! Changing what a graph is fed.

#![allow(clippy::unwrap_used, reason = "helpers of tests are test code, too")]

mod common;

use common::{model, node, typed_value, value, weights};
use ranktune_onnx::transform::{float_inputs, keep_inputs};
use ranktune_onnx::{Attribute, DataType, Model, check};

#[test]
fn inputs_of_bytes_become_numbers_that_are_cast() {
    let to_float = [("to", Attribute::Int(1))];
    let nodes = vec![
        node("Cast", &["x"], &["y"], &to_float),
        node("Shape", &["x"], &["s"], &[]),
    ];
    let pixels = typed_value("x", DataType::U8, &[0, 8, 8, 3]);
    let mut graph = model(vec![pixels, value("scale", &[0, 3])], nodes, &[], &["y", "s"]);
    assert_eq!(float_inputs(&mut graph), 1);
    check(&graph).unwrap();
    assert_eq!(graph.graph.inputs[0], value("x", &[0, 8, 8, 3]));
    let shapes = ranktune_onnx::shapes::infer(&graph).unwrap();
    let [cast, user, shape] = graph.graph.nodes.as_slice() else {
        panic!("three nodes");
    };
    assert_eq!((cast.inputs[0].as_str(), cast.int("to")), ("x", Some(2)));
    assert_eq!(shapes.data_type(&cast.outputs[0]), Some(DataType::U8));
    assert_eq!((&user.inputs, &shape.inputs), (&cast.outputs, &cast.outputs));
    let before = graph.clone();
    assert_eq!(float_inputs(&mut graph), 0);
    assert_eq!(graph, before);
}

/// CLIP in small: an image, tokens, and their product.
fn two_towers() -> Model {
    let mut ids = typed_value("input_ids", DataType::I64, &[0, 0]);
    ids.shape.as_mut().unwrap()[1] = ranktune_onnx::Dim::Named("sequence".to_owned());
    let axes = ("axes", Attribute::Ints(vec![1]));
    let flat = ("keepdims", Attribute::Int(0));
    model(
        vec![ids, value("pixel_values", &[0, 3, 8, 8])],
        vec![
            node("Gather", &["table", "input_ids"], &["t"], &[]),
            node("ReduceMean", &["t"], &["text_embeds"], &[axes, flat]),
            node("GlobalAveragePool", &["pixel_values"], &["p"], &[]),
            node("Flatten", &["p"], &["image_embeds"], &[]),
            node("Transpose", &["text_embeds"], &["tt"], &[]),
            node("MatMul", &["image_embeds", "tt"], &["logits_per_image"], &[]),
        ],
        &[("table", weights(&[9, 3]))],
        &["logits_per_image", "text_embeds", "image_embeds"],
    )
}

#[test]
fn a_graph_of_two_kinds_of_data_is_cut_to_one() {
    for (kept, output) in [("pixel_values", "image_embeds"), ("input_ids", "text_embeds")] {
        let mut graph = two_towers();
        assert!(keep_inputs(&mut graph, |input| input.name == kept).unwrap());
        check(&graph).unwrap();
        let inputs: Vec<&str> = graph.graph.inputs.iter().map(|input| input.name.as_str()).collect();
        let outputs: Vec<&str> = graph.graph.outputs.iter().map(|output| output.name.as_str()).collect();
        assert_eq!((inputs, outputs), (vec![kept], vec![output]));
    }
    // Nothing to cut, and nothing that would be left.
    let before = two_towers();
    for kept in [&["pixel_values", "input_ids"][..], &[]] {
        let mut graph = two_towers();
        assert!(!keep_inputs(&mut graph, |input| kept.contains(&input.name.as_str())).unwrap());
        assert_eq!(graph, before);
    }
}
