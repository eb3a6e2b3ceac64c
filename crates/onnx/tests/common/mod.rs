//! Small graphs for tests, and the wire format by hand where a file has to be wrong.
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "this is test code, outside of test functions")]

pub mod wire;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ranktune_onnx::{Attribute, DataType, Dim, Graph, Model, Node, Tensor, ValueInfo};

/// A node of the standard domain, named after its output.
pub fn node(op_type: &str, inputs: &[&str], outputs: &[&str], attributes: &[(&str, Attribute)]) -> Node {
    Node {
        name: format!("node_{}", outputs.first().copied().unwrap_or_default()),
        op_type: op_type.to_owned(),
        domain: String::new(),
        inputs: inputs.iter().map(|&name| name.to_owned()).collect(),
        outputs: outputs.iter().map(|&name| name.to_owned()).collect(),
        attributes: attributes
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect(),
    }
}

/// A floating-point value; a size of 0 stands for the symbol `batch`.
pub fn value(name: &str, sizes: &[usize]) -> ValueInfo {
    typed_value(name, DataType::F32, sizes)
}

/// A value of another type.
pub fn typed_value(name: &str, data_type: DataType, sizes: &[usize]) -> ValueInfo {
    let dim = |&size: &usize| match size {
        0 => Dim::Named("batch".to_owned()),
        size => Dim::Fixed(size),
    };
    ValueInfo {
        name: name.to_owned(),
        data_type: Some(data_type),
        shape: Some(sizes.iter().map(dim).collect()),
    }
}

/// A value of which only the name is known.
pub fn untyped(name: &str) -> ValueInfo {
    ValueInfo {
        name: name.to_owned(),
        data_type: None,
        shape: None,
    }
}

/// Weights that are all different: 0.01, 0.02, …
pub fn weights(dims: &[usize]) -> Tensor {
    let count: usize = dims.iter().product();
    let values: Vec<f32> = (1..=count).map(|position| position as f32 / 100.0).collect();
    Tensor::from_f32(dims, &values).unwrap()
}

pub fn ints(values: &[i64]) -> Tensor {
    Tensor::from_i64(&[values.len()], values).unwrap()
}

/// A model of operator set 17 with these nodes, inputs `x` and so on, and outputs of unknown type.
pub fn model(inputs: Vec<ValueInfo>, nodes: Vec<Node>, constants: &[(&str, Tensor)], outputs: &[&str]) -> Model {
    Model {
        ir_version: 8,
        opsets: BTreeMap::from([(String::new(), 17)]),
        producer: "test".to_owned(),
        metadata: BTreeMap::new(),
        graph: Graph {
            name: "g".to_owned(),
            nodes,
            initializers: constants
                .iter()
                .map(|(name, tensor)| ((*name).to_owned(), tensor.clone()))
                .collect(),
            inputs,
            outputs: outputs.iter().map(|name| untyped(name)).collect(),
            value_info: Vec::new(),
        },
        path: None,
    }
}

/// A convolutional classifier with everything a small one has: Conv, BatchNormalization, Relu, average, Gemm.
pub fn classifier() -> Model {
    model(
        vec![value("x", &[0, 3, 8, 8])],
        vec![
            node("Conv", &["x", "w1"], &["c"], &[("pads", Attribute::Ints(vec![1; 4]))]),
            node("BatchNormalization", &["c", "s", "h", "m", "v"], &["n"], &[]),
            node("Relu", &["n"], &["r"], &[]),
            node("GlobalAveragePool", &["r"], &["p"], &[]),
            node("Flatten", &["p"], &["f"], &[]),
            node(
                "Gemm",
                &["f", "w2", "b2"],
                &["logits"],
                &[("transB", Attribute::Int(1))],
            ),
        ],
        &[
            ("w1", weights(&[4, 3, 3, 3])),
            ("s", weights(&[4])),
            ("h", weights(&[4])),
            ("m", weights(&[4])),
            ("v", weights(&[4])),
            ("w2", weights(&[5, 4])),
            ("b2", weights(&[5])),
        ],
        &["logits"],
    )
}

/// The model folders in `folder`, by name.
pub fn model_folders(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut folders: Vec<PathBuf> = entries.filter(|path| path.join("model.onnx").is_file()).collect();
    folders.sort();
    folders
}
