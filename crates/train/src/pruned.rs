//! A model without what training alone needs.

use std::collections::HashSet;

use ranktune_onnx::Model;

/// `model` without the nodes and initializers that no output depends on.
pub(crate) fn pruned(mut model: Model) -> Model {
    let graph = &mut model.graph;
    let mut wanted: HashSet<String> = graph.outputs.iter().map(|output| output.name.clone()).collect();
    let mut kept = vec![false; graph.nodes.len()];
    for (node, kept) in graph.nodes.iter().zip(&mut kept).rev() {
        if node.outputs.iter().any(|output| wanted.contains(output)) {
            *kept = true;
            wanted.extend(node.uses().into_iter().map(str::to_owned));
        }
    }
    let mut kept = kept.into_iter();
    graph.nodes.retain(|_| kept.next().unwrap_or(false));
    graph.initializers.retain(|name, _| wanted.contains(name));
    model
}
