//! Removes nodes whose output is their input.

use std::collections::{HashMap, HashSet};

use super::rename_uses;
use crate::shapes::{self, Shapes};
use crate::{DataType, Dim, Error, Model, Node};

/// Removes such nodes from the model's graph; returns how many.
///
/// # Errors
/// What [`shapes::infer`] finds wrong.
pub fn remove(model: &mut Model) -> Result<usize, Error> {
    let shapes = shapes::infer(model)?;
    let graph = &mut model.graph;
    let outputs: HashSet<String> = graph.outputs.iter().map(|output| output.name.clone()).collect();
    let computed: HashSet<String> = graph
        .nodes
        .iter()
        .flat_map(|node| node.outputs.iter().cloned())
        .collect();
    // Values to read instead of others; each target is final, as nodes come in topological order.
    let mut aliases: HashMap<String, String> = HashMap::new();
    // Values to compute under the name of an output that they were only passed on to.
    let mut renamed: HashMap<String, String> = HashMap::new();
    let mut removed = vec![false; graph.nodes.len()];
    let mask_users = mask_users(&graph.nodes);
    for (position, node) in graph.nodes.iter().enumerate() {
        let (Some(input), Some(output)) = (node.input(0), node.output(0)) else {
            continue;
        };
        if !is_no_op(node, &shapes, &mask_users) {
            continue;
        }
        let source = aliases.get(input).cloned().unwrap_or_else(|| input.to_owned());
        if !outputs.contains(output) {
            aliases.insert(output.to_owned(), source);
        } else if computed.contains(&source) && !outputs.contains(&source) && !renamed.contains_key(&source) {
            renamed.insert(source, output.to_owned());
        } else {
            // An output that is an input, a constant or another output needs a node to name it.
            continue;
        }
        removed[position] = true;
    }
    rename_uses(graph, &aliases);
    rename_uses(graph, &renamed);
    for output in graph.nodes.iter_mut().flat_map(|node| &mut node.outputs) {
        // Outputs of removed nodes are not in `renamed`, as they are aliases.
        if let Some(name) = renamed.get(output) {
            output.clone_from(name);
        }
    }
    let count = removed.iter().filter(|&&is_removed| is_removed).count();
    let mut is_removed = removed.into_iter();
    graph.nodes.retain(|_| !is_removed.next().unwrap_or(false));
    graph
        .value_info
        .retain(|info| !aliases.contains_key(&info.name) && !renamed.contains_key(&info.name));
    Ok(count)
}

/// The second outputs of `Dropout` nodes that are used.
fn mask_users(nodes: &[Node]) -> HashSet<String> {
    let masks = nodes
        .iter()
        .filter(|node| node.is("Dropout"))
        .filter_map(|node| node.output(1));
    let masks: HashSet<&str> = masks.collect();
    let used = nodes.iter().flat_map(Node::uses).filter(|name| masks.contains(name));
    used.map(str::to_owned).collect()
}

fn is_no_op(node: &Node, shapes: &Shapes, used_masks: &HashSet<String>) -> bool {
    if !node.domain.is_empty() {
        return false;
    }
    let data_type = |position: usize| node.input(position).and_then(|name| shapes.data_type(name));
    match node.op_type.as_str() {
        "Identity" => true,
        "Dropout" => {
            let trains = match node.input(2) {
                None => Some(false),
                Some(name) => shapes
                    .constant(name)
                    .and_then(|value| value.to_i64_vec())
                    .map(|values| values != [0]),
            };
            trains == Some(false) && node.output(1).is_none_or(|mask| !used_masks.contains(mask))
        }
        "Cast" => data_type(0).is_some() && data_type(0) == node.int("to").and_then(DataType::from_code),
        "CastLike" => data_type(0).is_some() && data_type(0) == data_type(1),
        "Concat" => node.inputs.len() == 1,
        // These keep the elements and their order, so nothing changes where the shape does not.
        "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" | "Expand" => keeps_shape(node, shapes),
        // So do these, as what they might drop or add would change the shape.
        "Slice" => keeps_shape(node, shapes) && !is_reversed(node, shapes),
        "Pad" => keeps_shape(node, shapes) && has_zero_pads(node, shapes),
        "Transpose" => node
            .ints("perm")
            .is_some_and(|order| (0i64..).zip(order).all(|(axis, &from)| axis == from)),
        _ => false,
    }
}

/// Whether input and output have the same, entirely known shape.
fn keeps_shape(node: &Node, shapes: &Shapes) -> bool {
    let shape = |name: Option<&str>| name.and_then(|name| shapes.shape(name));
    match (shape(node.input(0)), shape(node.output(0))) {
        (Some(input), Some(output)) => input == output && !input.contains(&Dim::Unknown),
        _ => false,
    }
}

fn is_reversed(node: &Node, shapes: &Shapes) -> bool {
    match node.input(4) {
        None => false,
        Some(steps) => {
            let steps = shapes.constant(steps).and_then(|steps| steps.to_i64_vec());
            steps.is_none_or(|steps| steps.iter().any(|&step| step < 0))
        }
    }
}

fn has_zero_pads(node: &Node, shapes: &Shapes) -> bool {
    let constant = || shapes.constant(node.input(1)?)?.to_i64_vec();
    let pads = node.ints("pads").map(<[i64]>::to_vec).or_else(constant);
    pads.is_some_and(|pads| pads.iter().all(|&pad| pad == 0))
}
