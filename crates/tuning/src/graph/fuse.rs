//! Nodes that are run as one: a normalization and the activation that alone follows it.
//!
//! Both then pass over the map once, and only the normalization's input is kept for the way back.

use std::borrow::Cow;
use std::collections::HashMap;

use ranktune_onnx::{Model, Node};

use crate::kernels::Range;

/// A node to build, and the limits that its output is cut off at.
pub(super) type Planned<'a> = (Cow<'a, Node>, Option<Range>);

/// Puts every `Relu` or `Clip` with known limits into the `BatchNormalization` before it, if nothing else takes that one's
/// output. What takes the place of the two has the inputs of both and the output of the second.
pub(super) fn fuse<'a>(model: &'a Model, nodes: &[&'a Node], outputs: &[String]) -> Vec<Planned<'a>> {
    let mut uses: HashMap<&str, usize> = HashMap::new();
    for name in nodes
        .iter()
        .flat_map(|node| node.uses())
        .chain(outputs.iter().map(String::as_str))
    {
        *uses.entry(name).or_default() += 1;
    }
    let mut planned: Vec<Planned> = Vec::with_capacity(nodes.len());
    let mut normalized: HashMap<&str, usize> = HashMap::new();
    for &node in nodes {
        let before = node.input(0).and_then(|name| normalized.get(name).copied());
        match (before, limits(model, node)) {
            (Some(position), Some(range)) => {
                let (first, limit) = &mut planned[position];
                let merged = first.to_mut();
                merged.inputs.extend(node.inputs.iter().skip(1).cloned());
                merged.outputs.clone_from(&node.outputs);
                *limit = Some(range);
            }
            _ => {
                let output = node.output(0).filter(|name| {
                    node.is("BatchNormalization") && node.inputs.len() == 5 && uses.get(name) == Some(&1)
                });
                if let Some(output) = output {
                    normalized.insert(output, planned.len());
                }
                planned.push((Cow::Borrowed(node), None));
            }
        }
    }
    planned
}

/// The limits of a `Relu` or a `Clip`.
fn limits(model: &Model, node: &Node) -> Option<Range> {
    if node.is("Relu") {
        return Some(Range::RELU);
    }
    if !node.is("Clip") {
        return None;
    }
    let limit = |position: usize, name: &str, open: f32| match (node.input(position), model.opset() < 11) {
        (_, true) => Some(node.float(name).unwrap_or(open)),
        (None, false) => Some(open),
        (Some(input), false) => number(model, input),
    };
    Some(Range {
        low: limit(1, "min", f32::MIN)?,
        high: limit(2, "max", f32::MAX)?,
        open: false,
    })
}

/// The constant `name`, if it is one number.
fn number(model: &Model, name: &str) -> Option<f32> {
    let constant = || model.graph.producer_of(name).filter(|node| node.is("Constant"));
    let tensor = model
        .graph
        .initializers
        .get(name)
        .or_else(|| constant()?.tensor("value"));
    match tensor {
        Some(tensor) => tensor.to_f32_vec().filter(|values| values.len() == 1)?.first().copied(),
        None => constant()?.float("value_float"),
    }
}
