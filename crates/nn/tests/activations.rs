//! Activations that exporters write in several nodes and that are fused, alone and after a normalization. Results and gradients
//! must equal those of the separate nodes, which run when a value between them is an output too.

#![expect(clippy::unwrap_used, reason = "a test fails where this panics")]

use std::collections::BTreeMap;

use ranktune_nn::{Feed, GraphOptions, HostTensor, Mode, TrainableGraph};
use ranktune_onnx::{Attribute, DataType, Dim, Graph as OnnxGraph, Model, Node, Tensor, ValueInfo};

/// A node: its operator, inputs and output.
type Part = (&'static str, &'static [&'static str], &'static str);

/// From `b` to `y`, and the values between.
const PATTERNS: &[(&str, &[Part])] = &[
    ("swish", &[("Sigmoid", &["b"], "s"), ("Mul", &["b", "s"], "y")]),
    (
        "swish of a multiple",
        &[
            ("Mul", &["slope", "b"], "m"),
            ("Sigmoid", &["m"], "s"),
            ("Mul", &["s", "b"], "y"),
        ],
    ),
    ("hard swish", &[("HardSigmoid", &["b"], "s"), ("Mul", &["b", "s"], "y")]),
    (
        "gelu, halved last",
        &[
            ("Div", &["b", "root"], "d"),
            ("Erf", &["d"], "e"),
            ("Add", &["e", "one"], "a"),
            ("Mul", &["b", "a"], "p"),
            ("Mul", &["p", "half"], "y"),
        ],
    ),
    (
        "gelu, halved first",
        &[
            ("Mul", &["b", "half"], "p"),
            ("Mul", &["b", "by_root"], "d"),
            ("Erf", &["d"], "e"),
            ("Add", &["one", "e"], "a"),
            ("Mul", &["p", "a"], "y"),
        ],
    ),
    ("sigmoid", &[("Sigmoid", &["b"], "y")]),
    ("tanh", &[("Tanh", &["b"], "y")]),
];

const NUMBERS: &[(&str, f32)] = &[
    ("slope", 1.702),
    ("root", std::f32::consts::SQRT_2),
    ("by_root", std::f32::consts::FRAC_1_SQRT_2),
    ("one", 1.0),
    ("half", 0.5),
];

fn node((op_type, inputs, output): Part) -> Node {
    let mut attributes = BTreeMap::new();
    if op_type == "HardSigmoid" {
        attributes.insert("alpha".to_owned(), Attribute::Float(1.0 / 6.0));
    }
    Node {
        name: format!("node_{output}"),
        op_type: op_type.to_owned(),
        domain: String::new(),
        inputs: inputs.iter().map(|&name| name.to_owned()).collect(),
        outputs: vec![output.to_owned()],
        attributes,
    }
}

fn value(name: &str) -> ValueInfo {
    ValueInfo {
        name: name.to_owned(),
        data_type: Some(DataType::F32),
        shape: Some(vec![Dim::Fixed(2), Dim::Fixed(3), Dim::Fixed(5), Dim::Fixed(4)]),
    }
}

/// `x` → BatchNormalization → the pattern → a number is added, so that the result of the pattern is not an output.
fn model(parts: &[Part], outputs: &[&str]) -> Model {
    let settings: &[(&str, [f32; 3])] = &[
        ("weight", [2.0, -1.5, 3.0]),
        ("bias", [0.3, -0.2, 0.1]),
        ("mean", [0.1, 0.0, -0.1]),
        ("variance", [1.0, 0.5, 2.0]),
    ];
    let vectors = settings
        .iter()
        .map(|(name, values)| ((*name).to_owned(), Tensor::from_f32(&[3], values).unwrap()));
    let numbers = NUMBERS
        .iter()
        .map(|(name, number)| ((*name).to_owned(), Tensor::from_f32(&[], &[*number]).unwrap()));
    let mut nodes = vec![node((
        "BatchNormalization",
        &["x", "weight", "bias", "mean", "variance"],
        "b",
    ))];
    nodes.extend(parts.iter().map(|&part| node(part)));
    nodes.push(node(("Add", &["y", "half"], "z")));
    Model {
        ir_version: 9,
        opsets: [(String::new(), 17)].into(),
        producer: String::new(),
        metadata: BTreeMap::new(),
        graph: OnnxGraph {
            name: "test".to_owned(),
            nodes,
            initializers: vectors.chain(numbers).collect(),
            inputs: vec![value("x")],
            outputs: outputs.iter().map(|name| value(name)).collect(),
            value_info: Vec::new(),
        },
        path: None,
    }
}

/// The output `z`, and the gradients of `Σ z·cos` by the scale and the bias of the normalization.
fn results(model: &Model, mode: Mode) -> Vec<Vec<f32>> {
    let mut graph = TrainableGraph::new(model, GraphOptions::default()).unwrap();
    let x: Vec<f32> = (0..120).map(|at| (at as f32 * 0.7).sin() * 2.0).collect();
    let weights: Vec<f32> = (0..120).map(|at| (at as f32 * 0.3).cos()).collect();
    let dims = [2, 3, 5, 4];
    let names = ["weight", "bias"].map(|name| graph.find(name).unwrap());
    let pass = graph
        .forward(&[("x", Feed::from(HostTensor::floats(&dims, x).unwrap()))], mode)
        .unwrap();
    let z = pass.output("z").unwrap();
    let weights = ranktune_nn::DeviceTensor::from_values(&dims, weights, &ranktune_nn::Device::flex()).unwrap();
    let loss = z.mul(&weights).unwrap().sum(&[0, 1, 2, 3]);
    let mut results = vec![z.to_values().unwrap()];
    let mut gradients = pass.backward(&loss).unwrap();
    results.extend(names.map(|index| gradients.take(index).unwrap().to_values().unwrap()));
    results
}

#[test]
fn an_activation_of_several_nodes_runs_as_its_nodes_do() {
    for (name, parts) in PATTERNS {
        let merged = model(parts, &["z"]);
        // Values between the nodes are outputs, so nothing is fused.
        let between: Vec<&str> = std::iter::once("b")
            .chain(parts.iter().map(|part| part.2))
            .filter(|&output| output != "y")
            .chain(["z"])
            .collect();
        let apart = model(parts, &between);
        for mode in [Mode::Frozen, Mode::Training] {
            for (place, (one, other)) in results(&merged, mode).iter().zip(&results(&apart, mode)).enumerate() {
                let largest = other.iter().fold(0.0f32, |largest, value| largest.max(value.abs()));
                for (one, other) in one.iter().zip(other) {
                    let wrong = (one - other).abs() / largest;
                    assert!(wrong < 2e-6, "{name}, {mode:?}, {place}: {one}, not {other}");
                }
            }
        }
    }
}
