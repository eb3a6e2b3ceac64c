//! Cuts a graph at given tensors: they become its outputs, and what they do not need is gone.

use std::collections::HashSet;

use super::unused;
use crate::order::order;
use crate::{Dim, Error, ErrorKind, Model, ValueInfo, locate, shapes};

/// Makes the tensors `names` (or nodes, for their first output) the outputs of `model`, in that order, and removes
/// nodes, constants and inputs that they do not need. Their types and shapes are declared as far as they are known.
///
/// # Errors
/// `NotFound` for an unknown name, with the nearest ones; `Invalid` for one that no node computes, and for no name.
pub fn cut(model: &mut Model, names: &[&str]) -> Result<(), Error> {
    if names.is_empty() {
        return Err(Error::new(ErrorKind::Invalid, "a graph needs at least one output"));
    }
    order(&mut model.graph).map_err(|error| model.in_file(error))?;
    let shapes = shapes::infer(model)?;
    let mut outputs: Vec<ValueInfo> = Vec::with_capacity(names.len());
    for name in names {
        let name = locate::resolve(model, name)?;
        if model.graph.inputs.iter().any(|input| input.name == name) {
            let message = format!("{name:?} is an input of the graph; an output must be computed by a node");
            return Err(model.in_file(Error::new(ErrorKind::Invalid, message)));
        }
        if outputs.iter().any(|output| output.name == name) {
            continue;
        }
        let known = shapes.get(name);
        let declared = model
            .graph
            .outputs
            .iter()
            .chain(&model.graph.value_info)
            .find(|info| info.name == name);
        let declared_shape = declared.and_then(|info| info.shape.clone());
        outputs.push(ValueInfo {
            name: name.to_owned(),
            data_type: known
                .and_then(|value| value.data_type)
                .or(declared.and_then(|info| info.data_type)),
            shape: merge(known.and_then(|value| value.shape.clone()), declared_shape),
        });
    }
    model.graph.outputs = outputs;
    unused::remove(&mut model.graph);
    let used: HashSet<&str> = model.graph.nodes.iter().flat_map(crate::Node::uses).collect();
    let inputs = model
        .graph
        .inputs
        .iter()
        .filter(|input| used.contains(input.name.as_str()))
        .cloned()
        .collect();
    model.graph.inputs = inputs;
    Ok(())
}

/// The inferred shape, with the symbols that the file has where inference lost them.
fn merge(inferred: Option<Vec<Dim>>, declared: Option<Vec<Dim>>) -> Option<Vec<Dim>> {
    match (inferred, declared) {
        (Some(inferred), Some(declared)) if inferred.len() == declared.len() => {
            let dims = inferred.into_iter().zip(declared).map(|dims| match dims {
                (Dim::Unknown, Dim::Named(name)) => Dim::Named(name),
                (inferred, _) => inferred,
            });
            Some(dims.collect())
        }
        (inferred, declared) => inferred.or(declared),
    }
}
