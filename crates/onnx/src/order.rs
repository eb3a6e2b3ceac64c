//! Topological order, and that every name leads somewhere.
//!
//! The format asks for nodes in topological order, not every writer gives them so. Kahn's algorithm, always taking the
//! first ready node in the order of the file, leaves a graph that is in order as it is.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};

use crate::{Error, ErrorKind, Graph};

/// Names that a graph sees: its own, and those of the graphs around it.
struct Scope<'a> {
    names: HashSet<&'a str>,
    outer: Option<&'a Scope<'a>>,
}

impl Scope<'_> {
    fn holds(&self, name: &str) -> bool {
        self.names.contains(name) || self.outer.is_some_and(|outer| outer.holds(name))
    }
}

/// Puts the nodes of `graph`, and of the graphs inside it, in topological order.
///
/// # Errors
/// `Invalid` when a name is defined twice or not at all, or when nodes need each other's outputs.
pub fn order(graph: &mut Graph) -> Result<(), Error> {
    for node in &mut graph.nodes {
        for body in node.subgraphs_mut() {
            order(body)?;
        }
    }
    let sorted = sorted(graph)?;
    if !sorted.is_sorted() {
        let mut nodes: Vec<_> = std::mem::take(&mut graph.nodes).into_iter().map(Some).collect();
        graph.nodes = sorted
            .into_iter()
            .filter_map(|position| nodes[position].take())
            .collect();
    }
    Ok(())
}

/// Checks that every name used in `graph` is defined, once.
///
/// # Errors
/// `Invalid` naming the node and the name.
pub fn check_names(graph: &Graph) -> Result<(), Error> {
    names(graph, None)
}

fn names(graph: &Graph, outer: Option<&Scope>) -> Result<(), Error> {
    let mut scope = Scope {
        names: HashSet::new(),
        outer,
    };
    for input in &graph.inputs {
        if !scope.names.insert(&input.name) {
            return Err(invalid(format!("input {:?} is listed twice", input.name)));
        }
    }
    for name in graph.initializers.keys() {
        if !scope.names.insert(name) {
            return Err(invalid(format!("{name:?} is both an input and an initializer")));
        }
    }
    for node in &graph.nodes {
        for output in node.outputs.iter().filter(|output| !output.is_empty()) {
            if !scope.names.insert(output) {
                let message = format!("output {output:?} is defined a second time; names must be unique");
                return Err(node.error(ErrorKind::Invalid, message));
            }
        }
    }
    for node in &graph.nodes {
        if let Some(name) = node.inputs.iter().find(|name| !name.is_empty() && !scope.holds(name)) {
            let message = format!("input {name:?} is not an output of any node, an input or an initializer");
            return Err(node.error(ErrorKind::Invalid, message));
        }
        for body in node.subgraphs() {
            names(body, Some(&scope)).map_err(|error| error.at_node(&node.label(), &node.op_type))?;
        }
    }
    match graph.outputs.iter().find(|output| !scope.holds(&output.name)) {
        Some(output) => Err(invalid(format!(
            "output {:?} of the graph is not computed by any node",
            output.name
        ))),
        None => Ok(()),
    }
}

/// Positions of the nodes in topological order.
fn sorted(graph: &Graph) -> Result<Vec<usize>, Error> {
    let mut producers: HashMap<&str, usize> = HashMap::new();
    for (position, node) in graph.nodes.iter().enumerate() {
        for output in node.outputs.iter().filter(|output| !output.is_empty()) {
            // A name defined twice is reported by `check_names`, with its node.
            producers.entry(output).or_insert(position);
        }
    }
    let needs: Vec<Vec<usize>> = graph
        .nodes
        .iter()
        .map(|node| {
            node.uses()
                .iter()
                .filter_map(|name| producers.get(name).copied())
                .collect()
        })
        .collect();
    let mut needed_by = vec![Vec::new(); needs.len()];
    for (position, needs) in needs.iter().enumerate() {
        needs.iter().for_each(|&need| needed_by[need].push(position));
    }
    let mut missing: Vec<usize> = needs.iter().map(Vec::len).collect();
    let ready = missing.iter().enumerate().filter(|(_, missing)| **missing == 0);
    let mut ready: BinaryHeap<Reverse<usize>> = ready.map(|(position, _)| Reverse(position)).collect();
    let mut sorted = Vec::with_capacity(needs.len());
    while let Some(Reverse(position)) = ready.pop() {
        sorted.push(position);
        for &next in &needed_by[position] {
            missing[next] -= 1;
            if missing[next] == 0 {
                ready.push(Reverse(next));
            }
        }
    }
    match missing.iter().position(|&missing| missing > 0) {
        Some(stuck) => Err(cycle(graph, &needs, &missing, stuck)),
        None => Ok(sorted),
    }
}

/// Names the nodes of a cycle: from a node that never became ready, going back through such nodes ends in one.
fn cycle(graph: &Graph, needs: &[Vec<usize>], missing: &[usize], start: usize) -> Error {
    let mut path = vec![start];
    let mut place: HashMap<usize, usize> = HashMap::from([(start, 0)]);
    let mut current = start;
    while let Some(&next) = needs[current].iter().find(|&&need| missing[need] > 0) {
        if let Some(&first) = place.get(&next) {
            path.drain(..first);
            break;
        }
        place.insert(next, path.len());
        path.push(next);
        current = next;
    }
    let mut labels: Vec<String> = path
        .iter()
        .take(4)
        .map(|&node| format!("{:?}", graph.nodes[node].label()))
        .collect();
    if path.len() > labels.len() {
        labels.push(format!("{} more", path.len() - labels.len()));
    }
    let node = &graph.nodes[path.first().copied().unwrap_or(start)];
    let message = format!(
        "the graph has a cycle: these nodes need each other's outputs: {}",
        labels.join(", ")
    );
    node.error(ErrorKind::Invalid, message)
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::Invalid, message)
}
