//! Bytes that someone broke, or meant to break us: an error or a model, never a panic.

#![allow(clippy::unwrap_used, reason = "helpers of tests are test code, too")]

mod common;

use bytes::Bytes;
use proptest::prelude::*;
use ranktune_onnx::locate::{Hints, locate};
use ranktune_onnx::transform::{cut, simplify};
use ranktune_onnx::{Attribute, DataType, Graph, Model, Tensor, check, inspect};

/// Everything a caller does with a file.
fn use_model(bytes: Vec<u8>) {
    let Ok(mut model) = Model::from_bytes(Bytes::from(bytes), None) else {
        return;
    };
    let _ = inspect::inspect(&model);
    if check(&model).is_err() {
        return;
    }
    if let Ok(located) = locate(&model, &Hints::default()) {
        let _ = cut(&mut model, &[&located.feature]);
    }
    let _ = simplify(&mut model);
    let _ = model.to_bytes();
}

/// A classifier with shape arithmetic, nested graphs, half precision and strings.
fn rich_model() -> Model {
    use common::{ints, node, value};
    let mut model = common::classifier();
    let branch = |scale: f32| {
        let constant = node("Constant", &[], &["k"], &[("value_float", Attribute::Float(scale))]);
        let multiply = node("Mul", &["f2", "k"], &["o"], &[]);
        Attribute::Graph(Box::new(Graph {
            name: "branch".to_owned(),
            nodes: vec![constant, multiply],
            outputs: vec![value("o", &[0, 4])],
            ..Graph::default()
        }))
    };
    let graph = &mut model.graph;
    let gemm = graph.nodes.pop().unwrap();
    let extra = vec![
        node("Shape", &["p"], &["shape"], &[]),
        node("Gather", &["shape", "zero"], &["n0"], &[]),
        node("Concat", &["n0", "minus"], &["target"], &[("axis", Attribute::Int(0))]),
        node("Reshape", &["f", "target"], &["f1"], &[]),
        node("Cast", &["half"], &["half32"], &[("to", Attribute::Int(1))]),
        node("Add", &["f1", "half32"], &["f2"], &[]),
        node(
            "If",
            &["yes"],
            &["f3"],
            &[("then_branch", branch(1.0)), ("else_branch", branch(2.0))],
        ),
        node("Slice", &["f3", "zero", "end", "one"], &["f4"], &[]),
    ];
    graph.nodes.extend(extra);
    graph.nodes.push(gemm);
    graph.nodes.last_mut().unwrap().inputs[0] = "f4".to_owned();
    let half = Tensor::new(
        DataType::F16,
        &[4],
        Bytes::from_static(&[0, 0x3c, 0, 0x3c, 0, 0x3c, 0, 0x3c]),
    )
    .unwrap();
    let yes = Tensor::new(DataType::Bool, &[], Bytes::from_static(&[1])).unwrap();
    for (name, tensor) in [
        ("zero", ints(&[0])),
        ("one", ints(&[1])),
        ("minus", ints(&[-1])),
        ("end", ints(&[4])),
        ("half", half),
        ("yes", yes),
    ] {
        graph.initializers.insert(name.to_owned(), tensor);
    }
    model
}

#[test]
fn the_model_that_is_broken_below_is_right() {
    let mut model = rich_model();
    check(&model).unwrap();
    let read = Model::from_bytes(model.to_bytes().unwrap().into(), None).unwrap();
    assert_eq!(read.graph, model.graph);
    simplify(&mut model).unwrap();
    check(&model).unwrap();
}

#[test]
fn every_truncation_is_survived() {
    let bytes = rich_model().to_bytes().unwrap();
    for length in 0..bytes.len() {
        use_model(bytes[..length].to_vec());
    }
}

#[test]
fn thousands_of_changed_bytes_are_survived() {
    let bytes = rich_model().to_bytes().unwrap();
    // A fixed linear congruential sequence: the same changes in every run.
    let mut state = 0x2545_f491_4f6c_dd1du64;
    let mut next = |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for _ in 0..20_000 {
        let mut changed = bytes.clone();
        for _ in 0..=next(4) {
            let position = next(changed.len());
            changed[position] = match next(3) {
                0 => next(256) as u8,
                1 => changed[position] ^ (1 << next(8)),
                _ => [0, 1, 0x7f, 0x80, 0xff][next(5)],
            };
        }
        use_model(changed);
    }
}

fn any_tensor() -> impl Strategy<Value = Tensor> {
    let types = [
        DataType::F32,
        DataType::U8,
        DataType::I64,
        DataType::Bool,
        DataType::F16,
        DataType::F64,
        DataType::U32,
        DataType::BF16,
    ];
    (
        prop::sample::select(types.to_vec()),
        prop::collection::vec(0usize..4, 0..4),
    )
        .prop_flat_map(|(data_type, dims)| {
            let length = dims.iter().product::<usize>() * data_type.size().unwrap();
            prop::collection::vec(any::<u8>(), length)
                .prop_map(move |data| Tensor::new(data_type, &dims, data.into()).unwrap())
        })
}

fn any_attribute() -> impl Strategy<Value = Attribute> {
    prop_oneof![
        (-1e6f32..1e6).prop_map(Attribute::Float),
        any::<i64>().prop_map(Attribute::Int),
        prop::collection::vec(any::<u8>(), 0..8).prop_map(Attribute::String),
        any_tensor().prop_map(Attribute::Tensor),
        prop::collection::vec(-1e6f32..1e6, 0..4).prop_map(Attribute::Floats),
        prop::collection::vec(any::<i64>(), 0..4).prop_map(Attribute::Ints),
        prop::collection::vec(prop::collection::vec(any::<u8>(), 0..4), 0..3).prop_map(Attribute::Strings),
        prop::collection::vec(any_tensor(), 0..3).prop_map(Attribute::Tensors),
    ]
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(
        tensors in prop::collection::btree_map("[a-z]{1,6}", any_tensor(), 0..4),
        attributes in prop::collection::btree_map("[a-z]{1,6}", any_attribute(), 0..5),
        sizes in prop::collection::vec(0usize..5, 0..4),
        metadata in prop::collection::btree_map(".{0,6}", ".{0,6}", 0..3),
    ) {
        let mut node = common::node("Relu", &["X"], &["Y"], &[]);
        node.attributes = attributes;
        let mut model = common::model(vec![common::value("X", &sizes)], vec![node], &[], &["Y"]);
        model.graph.initializers = tensors;
        model.metadata = metadata;
        let read = Model::from_bytes(model.to_bytes().unwrap().into(), None).unwrap();
        prop_assert_eq!(read, model);
    }

    #[test]
    fn arbitrary_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
        use_model(bytes);
    }
}
