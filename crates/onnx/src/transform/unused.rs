//! Removes nodes and constants that no output needs.

use std::collections::HashSet;

use crate::Graph;

/// Removes what is not needed; inputs stay, as they are what a caller feeds. Returns the number of nodes removed.
pub fn remove(graph: &mut Graph) -> usize {
    let mut needed: HashSet<String> = graph.outputs.iter().map(|output| output.name.clone()).collect();
    let before = graph.nodes.len();
    // Nodes are in topological order, so all readers of a value are seen before its writer.
    let mut keep = vec![false; before];
    for (position, node) in graph.nodes.iter().enumerate().rev() {
        keep[position] = node.outputs.iter().any(|output| needed.contains(output));
        if keep[position] {
            needed.extend(node.uses().into_iter().map(str::to_owned));
        }
    }
    let mut kept = keep.into_iter();
    graph.nodes.retain(|_| kept.next().unwrap_or(true));
    graph.initializers.retain(|name, _| needed.contains(name));
    let defined: HashSet<&str> = graph
        .nodes
        .iter()
        .flat_map(|node| node.outputs.iter().map(String::as_str))
        .collect();
    graph.value_info.retain(|info| defined.contains(info.name.as_str()));
    before - graph.nodes.len()
}
