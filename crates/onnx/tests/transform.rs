//! Rewriting graphs: what goes, what stays, and that what is written can be read.

#![allow(clippy::unwrap_used, reason = "helpers of tests are test code, too")]

mod common;

use bytes::Bytes;
use common::{classifier, ints, model, node, typed_value, value, weights};
use ranktune_onnx::transform::{cut, simplify, widen};
use ranktune_onnx::{Attribute, DataType, ErrorKind, Graph, Model, Tensor, check, inspect};

fn operators(model: &Model) -> Vec<&str> {
    model.graph.nodes.iter().map(|node| node.op_type.as_str()).collect()
}

/// `x [batch, 3]` through `nodes` to `y`, simplified.
fn simplified(nodes: Vec<ranktune_onnx::Node>, constants: &[(&str, Tensor)]) -> Model {
    let mut model = model(vec![value("x", &[0, 3])], nodes, constants, &["y"]);
    simplify(&mut model).unwrap();
    check(&model).unwrap();
    model
}

#[test]
fn a_cut_keeps_what_its_outputs_need_and_declares_them() {
    let mut model = classifier();
    cut(&mut model, &["f"]).unwrap();
    assert_eq!(
        operators(&model),
        ["Conv", "BatchNormalization", "Relu", "GlobalAveragePool", "Flatten"]
    );
    assert!(!model.graph.initializers.contains_key("w2"));
    let [output] = model.graph.outputs.as_slice() else {
        panic!("one output");
    };
    assert_eq!(output, &value("f", &[0, 4]));
    check(&model).unwrap();
}

#[test]
fn a_cut_drops_inputs_that_nothing_reads() {
    let nodes = vec![
        node("Relu", &["x"], &["r"], &[]),
        node("Add", &["r", "mask"], &["y"], &[]),
    ];
    let mut model = model(vec![value("x", &[0, 3]), value("mask", &[0, 3])], nodes, &[], &["y"]);
    cut(&mut model, &["r"]).unwrap();
    assert_eq!(model.graph.inputs, [value("x", &[0, 3])]);
}

#[test]
fn a_cut_at_no_tensor_is_refused() {
    assert_eq!(cut(&mut classifier(), &[]).unwrap_err().kind(), ErrorKind::Invalid);
    assert_eq!(cut(&mut classifier(), &["x"]).unwrap_err().kind(), ErrorKind::Invalid);
    assert_eq!(
        cut(&mut classifier(), &["features"]).unwrap_err().kind(),
        ErrorKind::NotFound
    );
}

#[test]
fn a_classifier_loses_its_normalisation() {
    let mut model = classifier();
    let parameters = model.parameters();
    let summary = simplify(&mut model).unwrap();
    assert_eq!(summary.batch_norms, 1);
    assert_eq!(
        operators(&model),
        ["Conv", "Relu", "GlobalAveragePool", "Flatten", "Gemm"]
    );
    // Scale and shift of 4 channels are gone, a bias of 4 has come.
    assert_eq!(model.parameters(), parameters - 4);
    check(&model).unwrap();
}

#[test]
fn nodes_that_do_nothing_are_removed() {
    let nodes = vec![
        node("Identity", &["x"], &["a"], &[]),
        node("Dropout", &["a"], &["b"], &[]),
        node("Cast", &["b"], &["c"], &[("to", Attribute::Int(1))]),
        node("Pad", &["c", "zeros"], &["d"], &[]),
        node("Reshape", &["d", "same"], &["e"], &[]),
        node("Flatten", &["e"], &["f"], &[]),
        node("Transpose", &["f"], &["g"], &[("perm", Attribute::Ints(vec![0, 1]))]),
        node("Slice", &["g", "zero", "end", "one"], &["h"], &[]),
        node("Relu", &["h"], &["i"], &[]),
        node("Identity", &["i"], &["y"], &[]),
    ];
    let constants = [
        ("zeros", ints(&[0; 4])),
        ("same", ints(&[0, 3])),
        ("zero", ints(&[0])),
        ("one", ints(&[1])),
        ("end", ints(&[i64::MAX])),
    ];
    let model = simplified(nodes, &constants);
    assert_eq!(operators(&model), ["Relu"]);
    assert_eq!(
        (
            model.graph.nodes[0].inputs[0].as_str(),
            model.graph.nodes[0].outputs[0].as_str()
        ),
        ("x", "y")
    );
    assert!(model.graph.initializers.is_empty());
}

#[test]
fn nodes_that_look_as_if_they_did_nothing_stay() {
    let reversed = node("Slice", &["x", "last", "end", "one", "back"], &["a"], &[]);
    let shifted = node("Pad", &["a", "pads"], &["b"], &[]);
    let training = node("Dropout", &["b", "ratio", "yes"], &["y"], &[]);
    let yes = Tensor::new(DataType::Bool, &[], Bytes::from_static(&[1])).unwrap();
    let constants = [
        ("last", ints(&[-1])),
        ("end", ints(&[i64::MIN])),
        ("one", ints(&[1])),
        ("back", ints(&[-1])),
        ("pads", ints(&[0, 1, 0, -1])),
        ("ratio", Tensor::from_f32(&[], &[0.5]).unwrap()),
        ("yes", yes),
    ];
    assert_eq!(
        operators(&simplified(vec![reversed, shifted, training], &constants)),
        ["Slice", "Pad", "Dropout"]
    );
}

#[test]
fn an_output_that_is_an_input_keeps_its_node() {
    assert_eq!(
        operators(&simplified(vec![node("Identity", &["x"], &["y"], &[])], &[])),
        ["Identity"]
    );
}

#[test]
fn what_does_not_depend_on_the_input_is_computed() {
    let nodes = vec![
        node("Transpose", &["w"], &["wt"], &[]),
        node("Shape", &["w"], &["s"], &[]),
        node("Gather", &["s", "zero"], &["n"], &[]),
        node("Cast", &["n"], &["nf"], &[("to", Attribute::Int(1))]),
        node("Sqrt", &["nf"], &["root"], &[]),
        node("MatMul", &["x", "wt"], &["m"], &[]),
        node("Div", &["m", "root"], &["y"], &[]),
    ];
    let model = simplified(nodes, &[("w", weights(&[4, 3])), ("zero", ints(&[0]))]);
    assert_eq!(operators(&model), ["MatMul", "Div"]);
    let transposed = model.graph.initializers["wt"].to_f32_vec().unwrap();
    assert_eq!(transposed[..5], [0.01, 0.04, 0.07, 0.10, 0.02]);
    assert_eq!(model.graph.initializers["root"].to_f32_vec().unwrap(), [2.0]);
}

#[test]
fn a_large_result_of_small_constants_is_not_written_out() {
    let nodes = vec![
        node("Expand", &["w", "to"], &["k"], &[]),
        node("Add", &["x", "k"], &["y"], &[]),
    ];
    let model = simplified(nodes, &[("w", weights(&[1])), ("to", ints(&[100_000, 3]))]);
    assert_eq!(operators(&model), ["Expand", "Add"]);
}

#[test]
fn nodes_that_no_output_needs_are_removed() {
    let nodes = vec![
        node("Relu", &["x"], &["y"], &[]),
        node("MatMul", &["y", "w"], &["unused"], &[]),
    ];
    let model = simplified(nodes, &[("w", weights(&[3, 3]))]);
    assert_eq!(operators(&model), ["Relu"]);
    assert!(model.graph.initializers.is_empty());
}

#[test]
fn what_a_branch_takes_from_around_it_stays() {
    let branch = |op_type: &str| {
        Attribute::Graph(Box::new(Graph {
            name: "branch".to_owned(),
            nodes: vec![node(op_type, &["same"], &["o"], &[])],
            outputs: vec![value("o", &[0, 3])],
            ..Graph::default()
        }))
    };
    let nodes = vec![
        node("Add", &["x", "w"], &["a"], &[]),
        node("Identity", &["a"], &["same"], &[]),
        node(
            "If",
            &["choice"],
            &["y"],
            &[("then_branch", branch("Relu")), ("else_branch", branch("Neg"))],
        ),
    ];
    let inputs = vec![value("x", &[0, 3]), typed_value("choice", DataType::Bool, &[1])];
    let mut model = model(inputs, nodes, &[("w", weights(&[3]))], &["y"]);
    simplify(&mut model).unwrap();
    check(&model).unwrap();
    assert_eq!(operators(&model), ["Add", "If"]);
    let bodies: Vec<&Graph> = model.graph.nodes[1].subgraphs().collect();
    assert!(bodies.iter().all(|body| body.nodes[0].inputs == ["a"]));
}

#[test]
fn half_precision_is_widened_everywhere() {
    let half = Tensor::new(DataType::F16, &[1], Bytes::from_static(&[0, 0x3e])).unwrap();
    let nodes = vec![
        node(
            "Cast",
            &["x"],
            &["h"],
            &[("to", Attribute::Int(i64::from(DataType::F16.code())))],
        ),
        node("Constant", &[], &["k"], &[("value", Attribute::Tensor(half.clone()))]),
        node("Mul", &["h", "w"], &["m"], &[]),
        node("Add", &["m", "k"], &["y"], &[]),
    ];
    let mut model = model(vec![value("x", &[0, 3])], nodes, &[("w", half)], &["y"]);
    model.graph.outputs = vec![typed_value("y", DataType::F16, &[0, 3])];
    assert_eq!(widen(&mut model), 4);
    assert_eq!(model.graph.initializers["w"].to_f32_vec().unwrap(), [1.5]);
    assert_eq!(model.graph.outputs, [value("y", &[0, 3])]);
    simplify(&mut model).unwrap();
    assert_eq!(operators(&model), ["Mul", "Add"]);
    assert!(
        model
            .graph
            .initializers
            .values()
            .all(|tensor| tensor.data_type == DataType::F32)
    );
}

#[test]
fn a_fixed_batch_is_told_wherever_it_is_fixed() {
    let mut model = classifier();
    assert_eq!(inspect::inspect(&model).batch, inspect::Batch::Dynamic);
    model.graph.inputs = vec![value("x", &[2, 3, 8, 8])];
    assert_eq!(inspect::inspect(&model).batch, inspect::Batch::Fixed(2));
    let mut model = classifier();
    model.graph.nodes[4] = node("Reshape", &["p", "to"], &["f"], &[]);
    model.graph.initializers.insert("to".to_owned(), ints(&[1, 4]));
    assert_eq!(inspect::inspect(&model).batch, inspect::Batch::Fixed(1));
}

#[test]
fn a_saved_model_is_read_again_and_replaces_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    std::fs::write(&path, "something older").unwrap();
    let model = classifier();
    model.save(&path).unwrap();
    let read = Model::load(&path).unwrap();
    assert_eq!(read.graph, model.graph);
    read.save(&path).unwrap();
    let names: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names, ["model.onnx"]);
    let error = model.save(&folder.path().join("none/model.onnx")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
}

/// Every model that is there stays right, loses its foldable nodes, and keeps its interface.
#[test]
fn shared_models_stay_right_when_simplified() {
    for part in ["hub", "arch"] {
        let Some(folder) = ranktune_testing::shared(part) else {
            return;
        };
        let folders = common::model_folders(&folder);
        assert!(folders.len() >= 12, "{} models in {part}", folders.len());
        for folder in folders {
            let mut model = Model::load(&folder.join("model.onnx")).unwrap();
            let (inputs, outputs) = (model.graph.inputs.clone(), model.graph.outputs.clone());
            simplify(&mut model).unwrap();
            let written = Model::from_bytes(model.to_bytes().unwrap().into(), None).unwrap();
            check(&written).unwrap();
            assert_eq!(
                (written.graph.inputs, written.graph.outputs),
                (inputs, outputs),
                "{}",
                folder.display()
            );
            for gone in ["Constant", "Identity", "Dropout"] {
                assert!(!operators(&model).contains(&gone), "{}: {gone}", folder.display());
            }
        }
    }
}
