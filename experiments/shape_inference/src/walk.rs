//! Walks a graph with the library's rules, as the rten engine does.

use std::collections::{BTreeMap, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};

use ranktune_onnx::{Attribute, Dim, Model, Node, Tensor};
use rten_shape_inference::{SymExpr, SymTensor, SymbolGen};

use crate::map::{self, Call};

/// Why the library gives nothing for a node.
#[derive(Clone, Debug)]
pub enum Miss {
    NoRule,
    Error(String),
    Panic(String),
}

#[derive(Default)]
pub struct Walk {
    pub values: HashMap<String, SymTensor>,
    /// By position of the node.
    pub missed: BTreeMap<usize, Miss>,
}

pub fn walk(model: &Model, sizes: &BTreeMap<String, Vec<usize>>) -> Walk {
    let graph = &model.graph;
    let mut walk = Walk::default();
    let mut symbols = SymbolGen::new();
    for input in &graph.inputs {
        let value = match (sizes.get(&input.name), &input.shape) {
            (Some(sizes), _) => SymTensor::from_fixed_shape(sizes),
            (None, Some(shape)) => of_shape(shape, &mut symbols),
            (None, None) => SymTensor::unknown("input"),
        };
        walk.values.insert(input.name.clone(), value);
    }
    for (name, tensor) in &graph.initializers {
        walk.values.insert(name.clone(), map::constant(tensor));
    }
    let declared: HashMap<&str, &[Dim]> = graph
        .value_info
        .iter()
        .chain(&graph.outputs)
        .filter_map(|info| Some((info.name.as_str(), info.shape.as_deref()?)))
        .collect();
    for (position, node) in graph.nodes.iter().enumerate() {
        let inputs = node.inputs.iter().map(|name| walk.values.get(name).cloned()).collect();
        let outputs = match infer(node, inputs, &mut symbols) {
            Ok(outputs) => outputs,
            Err(miss) => {
                walk.missed.insert(position, miss);
                Vec::new()
            }
        };
        for (index, name) in node.outputs.iter().enumerate().filter(|(_, name)| !name.is_empty()) {
            let value = outputs
                .get(index)
                .cloned()
                .unwrap_or_else(|| SymTensor::unknown("no rule"));
            // Where no rule gives a rank, the file may know it: as ranktune does it.
            let value = match declared.get(name.as_str()) {
                Some(shape) if value.ndim().is_none() => of_shape(shape, &mut symbols),
                _ => value,
            };
            walk.values.insert(name.clone(), value);
        }
    }
    walk
}

/// The outputs of one node, simplified as the engine does.
fn infer(node: &Node, inputs: Vec<Option<SymTensor>>, symbols: &mut SymbolGen) -> Result<Vec<SymTensor>, Miss> {
    if let Some(tensor) = constant(node) {
        return Ok(vec![map::constant(&tensor)]);
    }
    let work = || {
        let outputs = map::infer(Call { node, inputs }, symbols)?;
        let simplified = outputs.map(|outputs| {
            let simplify = |mut output: SymTensor| {
                output.replace_complex_expressions(10, symbols);
                output.simplify()
            };
            outputs.into_iter().map(simplify).collect::<Vec<SymTensor>>()
        });
        Some(simplified)
    };
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Some(Ok(outputs))) => Ok(outputs),
        Ok(Some(Err(error))) => Err(Miss::Error(error.to_string())),
        Ok(None) => Err(Miss::NoRule),
        Err(payload) => {
            let text = payload.downcast_ref::<String>().cloned();
            let text = text.or_else(|| payload.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            Err(Miss::Panic(text.unwrap_or_default()))
        }
    }
}

fn constant(node: &Node) -> Option<Tensor> {
    if !node.is("Constant") {
        return None;
    }
    match node.attributes.values().next()? {
        Attribute::Tensor(tensor) => Some(tensor.clone()),
        Attribute::Int(value) => Tensor::from_i64(&[], &[*value]).ok(),
        Attribute::Ints(values) => Tensor::from_i64(&[values.len()], values).ok(),
        Attribute::Float(value) => Tensor::from_f32(&[], &[*value]).ok(),
        Attribute::Floats(values) => Tensor::from_f32(&[values.len()], values).ok(),
        _ => None,
    }
}

fn of_shape(shape: &[Dim], symbols: &mut SymbolGen) -> SymTensor {
    let dim = |dim: &Dim| match dim {
        Dim::Fixed(size) => i32::try_from(*size).map_or_else(|_| symbols.gen_positive(), SymExpr::Value),
        Dim::Named(name) => SymExpr::pos_var(name),
        Dim::Unknown => symbols.gen_positive(),
    };
    SymTensor::from_shape(shape.iter().map(dim).collect())
}

/// What is known of a value, in words.
pub fn show(value: Option<&SymTensor>) -> String {
    let Some(value) = value else {
        return "nothing".to_owned();
    };
    let Some(shape) = value.shape() else {
        return "unknown".to_owned();
    };
    let dims: Vec<String> = shape.map(|dim| dim.to_string()).collect();
    let values = value.values().map(|values| {
        let values: Vec<String> = values.iter().take(8).map(SymExpr::to_string).collect();
        format!(" = {}", values.join(", "))
    });
    format!("[{}]{}", dims.join(", "), values.unwrap_or_default())
}
