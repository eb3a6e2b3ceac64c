//! Replaces nodes whose result does not depend on the inputs by that result.

use std::collections::HashSet;

use super::Budget;
use crate::evaluate::Constants;
use crate::{Error, Model, Tensor, shapes};

/// Elements that a result may have in any case; beyond, it may not have more than the inputs have together, so that
/// a mask expanded from one number stays one number.
const SMALL: usize = 4096;

/// Elements that a table may have after it was resized. Tables of positions are the ones that are; few engines resize them as the
/// model was trained with.
const RESIZED: usize = 1 << 22;

/// Folds the model's graph; returns the number of nodes replaced.
///
/// # Errors
/// What [`shapes::infer`] finds wrong.
pub fn fold(model: &mut Model, budget: &mut Budget) -> Result<usize, Error> {
    let shapes = shapes::infer(model)?;
    let graph = &mut model.graph;
    let outputs: HashSet<String> = graph.outputs.iter().map(|output| output.name.clone()).collect();
    let nodes = std::mem::take(&mut graph.nodes);
    let before = nodes.len();
    for node in nodes {
        // An output needs a node to name it.
        let is_output = node.outputs.iter().any(|name| outputs.contains(name));
        let known = || {
            let constants = node
                .outputs
                .iter()
                .filter(|name| !name.is_empty())
                .map(|name| shapes.constant(name).cloned());
            constants
                .collect::<Option<Vec<Tensor>>>()
                .filter(|constants| !constants.is_empty())
        };
        let evaluated = || {
            let inputs = node
                .inputs
                .iter()
                .map(|name| (!name.is_empty()).then(|| graph.initializers.get(name)));
            let inputs: Vec<Option<&Tensor>> = inputs
                .map(|input| input.map_or(Some(None), |tensor| tensor.map(Some)))
                .collect::<Option<_>>()?;
            let elements = inputs
                .iter()
                .flatten()
                .fold(0usize, |sum, tensor| sum.saturating_add(tensor.len()));
            // What is moved takes as much again; it is not computed to be thrown away.
            let bytes = inputs
                .iter()
                .flatten()
                .fold(0usize, |sum, tensor| sum.saturating_add(tensor.data.len()));
            if elements == 0 || !budget.has(bytes) {
                return None;
            }
            let constants = Constants {
                node: &node,
                inputs,
                max_elements: elements.max(if node.is("Resize") { RESIZED } else { SMALL }),
            };
            constants.evaluate()
        };
        let results = if is_output { None } else { known().or_else(evaluated) };
        let names = node.outputs.iter().filter(|name| !name.is_empty());
        match results {
            Some(results) if budget.take(results.iter().map(|result| result.data.len()).sum()) => {
                graph.initializers.extend(names.cloned().zip(results));
            }
            _ => graph.nodes.push(node),
        }
    }
    Ok(before - graph.nodes.len())
}
