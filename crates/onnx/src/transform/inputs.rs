//! Changes what a graph is fed: bytes become numbers, and of two kinds of data one is left.

use std::collections::HashSet;

use super::{cut, fresh_name, taken_names};
use crate::{Attribute, DataType, Error, Model, Node, ValueInfo};

/// Makes the inputs of 8-bit numbers, such as pixels, floating-point ones, which are cast to bytes first. Returns how many there were.
pub fn float_inputs(model: &mut Model) -> usize {
    let graph = &mut model.graph;
    let mut taken = taken_names(graph);
    let bytes: Vec<usize> = (0..graph.inputs.len())
        .filter(|&at| graph.inputs[at].data_type == Some(DataType::U8))
        .collect();
    for &at in &bytes {
        let input = &mut graph.inputs[at];
        let name = input.name.clone();
        input.data_type = Some(DataType::F32);
        let cast = fresh_name(&mut taken, &format!("{name}/bytes"));
        let renamed = [(name.clone(), cast.clone())].into();
        super::rename_uses(graph, &renamed);
        let node = Node {
            name: cast.clone(),
            op_type: "Cast".to_owned(),
            domain: String::new(),
            inputs: vec![name],
            outputs: vec![cast],
            attributes: [("to".to_owned(), Attribute::Int(i64::from(DataType::U8.code())))].into(),
        };
        graph.nodes.insert(0, node);
    }
    bytes.len()
}

/// Cuts `model` to the outputs that depend on the inputs which are `kept` and on no other; returns whether there are any. `model` is
/// left as it is where there are none, or where all its inputs are kept.
///
/// # Errors
/// As [`cut`].
pub fn keep_inputs(model: &mut Model, kept: impl Fn(&ValueInfo) -> bool) -> Result<bool, Error> {
    let graph = &model.graph;
    let (mut needs_kept, mut needs_others) = (HashSet::new(), HashSet::new());
    for input in &graph.inputs {
        if kept(input) {
            needs_kept.insert(input.name.as_str());
        } else {
            needs_others.insert(input.name.as_str());
        }
    }
    if needs_others.is_empty() {
        return Ok(false);
    }
    for node in &graph.nodes {
        let uses = node.uses();
        for needs in [&mut needs_kept, &mut needs_others] {
            if uses.iter().any(|name| needs.contains(name)) {
                needs.extend(node.outputs.iter().map(String::as_str));
            }
        }
    }
    let names = graph.outputs.iter().map(|output| output.name.as_str());
    let names = names.filter(|name| needs_kept.contains(name) && !needs_others.contains(name));
    let names: Vec<String> = names.map(str::to_owned).collect();
    if names.is_empty() {
        return Ok(false);
    }
    cut(model, &names.iter().map(String::as_str).collect::<Vec<_>>())?;
    Ok(true)
}
