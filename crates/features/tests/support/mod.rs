//! What the engine tests share: the engines of this build and machine, and graphs made on the spot.
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::collections::BTreeMap;

use ranktune_features::engine::{ENGINES, Engine, select};
use ranktune_nn::DeviceChoice;
use ranktune_onnx::{Attribute, DataType, Dim, Graph, Model, Node, Tensor, ValueInfo};

/// Every engine that this build and machine have; the others are reported as skipped.
#[track_caller]
pub fn engines() -> Vec<Box<dyn Engine>> {
    let mut engines = Vec::new();
    for choice in ENGINES.iter().map(|engine| engine.choice) {
        match select(choice, None, DeviceChoice::Cpu) {
            Ok(selection) => engines.push(selection.engine),
            Err(error) => ranktune_testing::skip(&format!("no engine {choice}: {error}")),
        }
    }
    assert!(engines.len() >= 2, "rten and burn are in every build");
    engines
}

/// A value `name` of a type and a shape; `-1` is a symbolic dimension.
pub fn value(name: &str, data_type: DataType, shape: &[i64]) -> ValueInfo {
    let dim = |&size: &i64| usize::try_from(size).map_or_else(|_| Dim::Named("batch".to_owned()), Dim::Fixed);
    ValueInfo {
        name: name.to_owned(),
        data_type: Some(data_type),
        shape: Some(shape.iter().map(dim).collect()),
    }
}

pub fn node(op_type: &str, inputs: &[&str], output: &str) -> Node {
    Node {
        name: format!("{op_type}_of_{output}"),
        op_type: op_type.to_owned(),
        domain: String::new(),
        inputs: inputs.iter().map(|&name| name.to_owned()).collect(),
        outputs: vec![output.to_owned()],
        attributes: BTreeMap::new(),
    }
}

pub fn with(mut node: Node, attribute: &str, value: Attribute) -> Node {
    node.attributes.insert(attribute.to_owned(), value);
    node
}

pub fn model(
    inputs: Vec<ValueInfo>,
    outputs: Vec<ValueInfo>,
    nodes: Vec<Node>,
    initializers: Vec<(&str, Tensor)>,
) -> Vec<u8> {
    model_of_opset(17, inputs, outputs, nodes, initializers)
}

pub fn model_of_opset(
    opset: i64,
    inputs: Vec<ValueInfo>,
    outputs: Vec<ValueInfo>,
    nodes: Vec<Node>,
    initializers: Vec<(&str, Tensor)>,
) -> Vec<u8> {
    let initializers = initializers.into_iter().map(|(name, tensor)| (name.to_owned(), tensor));
    model_of(opset, inputs, outputs, nodes, initializers.collect())
        .to_bytes()
        .unwrap()
}

pub fn model_of(
    opset: i64,
    inputs: Vec<ValueInfo>,
    outputs: Vec<ValueInfo>,
    nodes: Vec<Node>,
    initializers: BTreeMap<String, Tensor>,
) -> Model {
    Model {
        ir_version: 8,
        opsets: BTreeMap::from([(String::new(), opset)]),
        producer: String::new(),
        metadata: BTreeMap::new(),
        graph: Graph {
            name: "made".to_owned(),
            nodes,
            initializers,
            inputs,
            outputs,
            value_info: Vec::new(),
        },
        path: None,
    }
}

/// `‖a − b‖ / ‖b‖`.
pub fn relative_distance(a: &[f32], b: &[f32]) -> f64 {
    assert_eq!(a.len(), b.len());
    let square = |x: f64| x * x;
    let difference: f64 = a
        .iter()
        .zip(b)
        .map(|(&x, &y)| square(f64::from(x) - f64::from(y)))
        .sum();
    let norm: f64 = b.iter().map(|&y| square(f64::from(y))).sum();
    (difference / norm.max(f64::MIN_POSITIVE)).sqrt()
}
