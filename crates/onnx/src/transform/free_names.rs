//! Frees names for what is added to a graph: whatever has one of them gets another.

use std::collections::{HashMap, HashSet};

use super::{rename_uses, taken_names};
use crate::{Error, ErrorKind, Graph, Model};

/// Numbers that are tried for a new name; a graph that has all of them is not an honest one.
const MOST_TRIED: usize = 10_000;

/// Renames the computed values, constants and nodes of `model` whose names `is_wanted`, and returns the new names of values
/// by the old ones. The graph computes the same under new names; its outputs may be among them.
///
/// # Errors
/// `Invalid` when an input of the graph has such a name: a caller feeds it by that name; or when no other name is free.
pub fn free_names(model: &mut Model, is_wanted: impl Fn(&str) -> bool) -> Result<HashMap<String, String>, Error> {
    if let Some(input) = model.graph.inputs.iter().find(|input| is_wanted(&input.name)) {
        let message = format!(
            "an input of the graph is called {:?}, which is the name of something that is added to it; rename the input",
            input.name
        );
        return Err(model.in_file(Error::new(ErrorKind::Invalid, message)));
    }
    let graph = &mut model.graph;
    let mut taken = taken_names(graph);
    inner_names(graph, &mut taken);
    let mut old: Vec<String> = taken_names(graph).into_iter().filter(|name| is_wanted(name)).collect();
    old.sort_unstable();
    let mut renamed = HashMap::new();
    for name in old {
        // Names that are wanted by how they begin need another beginning.
        let prefixes = ["", "previous."].into_iter();
        let mut new = prefixes.flat_map(|prefix| (2..MOST_TRIED).map(move |count| (prefix, count)));
        let new = new.find_map(|(prefix, count)| {
            let new = format!("{prefix}{name}_{count}");
            (!is_wanted(&new) && taken.insert(new.clone())).then_some(new)
        });
        let new = new.ok_or_else(|| Error::new(ErrorKind::Invalid, format!("no other name is free for {name:?}")))?;
        renamed.insert(name, new);
    }
    rename_uses(graph, &renamed);
    let rename = |name: &mut String| {
        if let Some(new) = renamed.get(name) {
            name.clone_from(new);
        }
    };
    for node in &mut graph.nodes {
        node.outputs.iter_mut().for_each(rename);
        if is_wanted(&node.name) {
            node.name.clear();
        }
    }
    graph.outputs.iter_mut().for_each(|output| rename(&mut output.name));
    graph.value_info.iter_mut().for_each(|info| rename(&mut info.name));
    for (name, new) in &renamed {
        if let Some(tensor) = graph.initializers.remove(name) {
            graph.initializers.insert(new.clone(), tensor);
        }
    }
    Ok(renamed)
}

/// Adds the names that the graphs inside `graph` define: a new name outside must not be hidden by one of them.
fn inner_names(graph: &Graph, taken: &mut HashSet<String>) {
    for body in graph.nodes.iter().flat_map(crate::Node::subgraphs) {
        taken.extend(taken_names(body));
        inner_names(body, taken);
    }
}
