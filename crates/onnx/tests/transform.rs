//! Rewriting graphs: what goes, what stays, and that what is written can be read.

#![allow(clippy::unwrap_used, reason = "helpers of tests are test code, too")]

mod common;

use bytes::Bytes;
use common::{classifier, ints, model, node, typed_value, value, weights};
use ranktune_onnx::transform::{cut, free_batch, free_names, simplify, widen};
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

#[test]
fn a_freed_name_is_gone_and_the_graph_is_the_same_under_new_ones() {
    let mut model = classifier();
    // The name that would be taken next is taken already.
    model.graph.nodes[4].outputs[0] = "logits_2".to_owned();
    model.graph.nodes[5].inputs[0] = "logits_2".to_owned();
    let renamed = free_names(&mut model, |name| ["logits", "w2", "r", "node_p"].contains(&name)).unwrap();
    assert_eq!(renamed["logits"], "logits_3");
    assert_eq!(renamed.len(), 3, "{renamed:?}");
    check(&model).unwrap();
    let last = &model.graph.nodes[5];
    assert_eq!(
        (last.inputs[1].as_str(), last.outputs[0].as_str()),
        ("w2_2", "logits_3")
    );
    assert_eq!(model.graph.initializers["w2_2"], weights(&[5, 4]));
    assert!(!model.graph.initializers.contains_key("w2"));
    assert_eq!(model.graph.outputs[0].name, "logits_3");
    assert_eq!(model.graph.nodes[3].inputs, ["r_2"]);
    assert!(model.graph.nodes[3].name.is_empty());
}

#[test]
fn names_are_freed_by_their_beginning() {
    let mut model = classifier();
    let renamed = free_names(&mut model, |name| name.starts_with('w')).unwrap();
    assert_eq!(
        (renamed["w1"].as_str(), renamed["w2"].as_str()),
        ("previous.w1_2", "previous.w2_2")
    );
    check(&model).unwrap();
}

#[test]
fn the_name_of_an_input_is_not_freed() {
    let error = free_names(&mut classifier(), |name| name == "x").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.to_string().contains("\"x\""), "{error}");
}

/// A vision transformer's first steps as a plain export of one image has them: `x [1, 3, 8, 8]` → patches with a class token
/// `[1, 17, 6]` → heads → a map of 2×2 windows, resized.
fn one_image() -> Model {
    let ints_of = |name: &'static str, values: &[i64]| (name, ints(values));
    let axis = |axis| ("axis", Attribute::Int(axis));
    model(
        vec![value("x", &[1, 3, 8, 8])],
        vec![
            node("Conv", &["x", "w"], &["c"], &[("strides", Attribute::Ints(vec![2, 2]))]),
            node("Reshape", &["c", "flat"], &["r"], &[]),
            node("Transpose", &["r"], &["t"], &[("perm", Attribute::Ints(vec![0, 2, 1]))]),
            node("Concat", &["class", "t"], &["j"], &[axis(1)]),
            node("Reshape", &["j", "heads"], &["h"], &[]),
            node("Reshape", &["h", "merged"], &["m"], &[]),
            node("Reshape", &["m", "back"], &["b"], &[]),
            node("Reshape", &["c", "map"], &["s"], &[]),
            node(
                "Resize",
                &["s", "", "", "sizes"],
                &["z"],
                &[("mode", Attribute::String(b"nearest".to_vec()))],
            ),
        ],
        &[
            ("w", weights(&[6, 3, 2, 2])),
            ("class", weights(&[1, 1, 6])),
            ints_of("flat", &[1, 6, 16]),
            ints_of("heads", &[1, 17, 2, 3]),
            ints_of("merged", &[34, -1]),
            ints_of("back", &[1, 17, 6]),
            ints_of("map", &[1, 6, 4, 4]),
            ints_of("sizes", &[1, 6, 8, 8]),
        ],
        &["b", "z"],
    )
}

#[test]
fn a_fixed_batch_is_made_free_in_inputs_and_constants() {
    let mut freed = one_image();
    free_batch(&mut freed).unwrap();
    check(&freed).unwrap();
    assert_eq!(inspect::inspect(&freed).batch, inspect::Batch::Dynamic);
    let sizes = [("x".to_owned(), vec![5, 3, 8, 8])].into();
    let shapes = ranktune_onnx::shapes::infer_with(&freed, &sizes).unwrap();
    let shape = |name: &str| {
        let dims = shapes.shape(name).unwrap().iter().map(|dim| dim.fixed().unwrap());
        dims.collect::<Vec<_>>()
    };
    assert_eq!(shape("j"), [5, 17, 6]);
    assert_eq!(shape("m"), [5 * 34, 3]);
    assert_eq!(shape("b"), [5, 17, 6]);
    assert_eq!(shape("z"), [5, 6, 8, 8]);
    // One image goes through as before.
    let sizes = [("x".to_owned(), vec![1, 3, 8, 8])].into();
    let shapes = ranktune_onnx::shapes::infer_with(&freed, &sizes).unwrap();
    assert_eq!(shapes.shape("b").unwrap().first(), Some(&ranktune_onnx::Dim::Fixed(1)));
    let before = freed.clone();
    free_batch(&mut freed).unwrap();
    assert_eq!(freed, before, "nothing is left to free");
}

#[test]
fn a_batch_that_cannot_be_free_is_named_with_the_way_out() {
    // The sample is taken out of its batch.
    let nodes = vec![
        node("Relu", &["x"], &["r"], &[]),
        node("Gather", &["r", "first"], &["y"], &[]),
    ];
    let mut wrong = model(vec![value("x", &[1, 3, 8])], nodes, &[("first", ints(&[0]))], &["y"]);
    let before = wrong.clone();
    let error = free_batch(&mut wrong).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    let text = error.to_string();
    assert!(
        text.contains("takes 1 sample at a time") && text.contains("\"y\""),
        "{text}"
    );
    assert!(text.contains("dynamic_shapes"), "{text}");
    assert_eq!(wrong, before);
}
