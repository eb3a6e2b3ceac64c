//! Fused nodes: an activation that is written in several nodes, and a normalization with the activation that follows it.
//!
//! A fused node passes over the map once, and keeps only the normalization's input for the backward pass.

use std::borrow::Cow;
use std::collections::HashMap;

use ranktune_onnx::{Model, Node};

use super::patterns::{merge, number, uses};
use crate::kernels::{Activation, Range};

/// A node to build, and the activation of its output.
pub(super) type Planned<'a> = (Cow<'a, Node>, Option<Activation>);

/// Merges the nodes of each activation, and fuses the activation with the `BatchNormalization` before it, if no other node
/// takes that one's output. The fused node has the inputs of both and the output of the second.
pub(super) fn fuse<'a>(model: &'a Model, nodes: &[&'a Node], outputs: &[String]) -> Vec<Planned<'a>> {
    let nodes = merge(model, nodes, outputs);
    let uses = uses(nodes.iter().map(Cow::as_ref), outputs);
    let mut planned: Vec<Planned> = Vec::with_capacity(nodes.len());
    let mut normalized: HashMap<&str, usize> = HashMap::new();
    for node in &nodes {
        let before = node.input(0).and_then(|name| normalized.get(name).copied());
        match (before, activation(model, node)) {
            (Some(position), Some(found)) => {
                let (first, activation) = &mut planned[position];
                let merged = first.to_mut();
                merged.inputs.extend(node.inputs.iter().skip(1).cloned());
                merged.outputs.clone_from(&node.outputs);
                *activation = Some(found);
            }
            _ => {
                let output = node.output(0).filter(|name| {
                    node.is("BatchNormalization") && node.inputs.len() == 5 && uses.get(name) == Some(&1)
                });
                if let Some(output) = output {
                    normalized.insert(output, planned.len());
                }
                planned.push((node.clone(), None));
            }
        }
    }
    planned
}

/// The activation that `node` computes, if any.
pub(crate) fn activation(model: &Model, node: &Node) -> Option<Activation> {
    Some(match node.op_type.as_str() {
        "Relu" => Activation::Limit(Range::RELU),
        "Clip" => Activation::Limit(limits(model, node)?),
        "Swish" => Activation::Swish {
            alpha: node.float("alpha").unwrap_or(1.0),
        },
        "HardSwish" => Activation::HardSwish,
        "Sigmoid" => Activation::Sigmoid,
        "Tanh" => Activation::Tanh,
        _ => return None,
    })
}

/// The limits of a `Clip`.
fn limits(model: &Model, node: &Node) -> Option<Range> {
    let limit = |position: usize, name: &str, open: f32| {
        if model.opset() < 11 {
            return Some(node.float(name).unwrap_or(open));
        }
        node.input(position).map_or(Some(open), |input| number(model, input))
    };
    Some(Range {
        low: limit(1, "min", f32::MIN)?,
        high: limit(2, "max", f32::MAX)?,
        open: false,
    })
}
