//! Finds the blocks of a network in its graph: where a skip connection begins or ends.
//!
//! ```text
//!            ┌───────────── skip ────────────┐                      cut: a value that everything behind it needs,
//! … ──► cut ─┴─► Conv | MatMul, … (several) ─┴─► Add ──► cut ──► …       and that nothing before it is needed beside
//! ```
//!
//! Networks are written as chains of blocks, and between two blocks exactly one value is alive: the block's output. Such *cuts*
//! are found by going through the nodes in order and watching which values that come from the model's data are still to be read.
//! Whether the stretch between two neighbouring cuts is a block is told by how it ends:
//!
//! | between two cuts | is |
//! |---|---|
//! | several nodes that end in an `Add` of two values, or in a `Concat` | a block with a skip connection (or branches) |
//! | the same with attention in it, and without attention in the next | the first half of a transformer's block, and left out |
//! | anything else (a chain, a gate `x · σ(x)`, a normalization written out) | a part of a block |
//!
//! A block's output is what the next block begins with, so that an activation or a normalization behind the sum belongs to it, as
//! ResNet's and BERT's own code has it. Blocks without a skip connection, such as those that halve a map in a mobile network, are
//! seen where one with a connection follows; a stem of up to three layers, an embedding and a single layer between two blocks are
//! none. Names of modules are not looked at: exporters differ in them, and
//! some drop them.

use std::collections::{HashMap, HashSet};

use super::trace::Walker;
use super::{Located, Pooling, located};
use crate::{Error, Model, Node, shapes};

/// The outputs of the blocks of `model` that lead to `feature`, from the first to the last, each with the pooling that its shape
/// asks for; `feature` itself is the last. `input` is the graph's input with the data: pixels, or token ids.
///
/// A network without skip connections, or one whose blocks cannot be pooled, has `feature` alone.
///
/// # Errors
/// What [`shapes::infer`] finds wrong; `NotFound` for an unknown `feature`, or one that cannot be features.
pub fn blocks(model: &Model, input: &str, feature: &str) -> Result<Vec<Located>, Error> {
    let shapes = shapes::infer(model)?;
    let walker = Walker::new(&model.graph, &shapes);
    let feature = super::resolve_in(walker.graph, feature).map_err(|error| model.in_file(error))?;
    let last = located(&walker, feature, None).map_err(|error| model.in_file(error))?;
    let found = Chain::new(&walker, input, feature).block_outputs();
    let mut blocks: Vec<Located> = found
        .into_iter()
        .filter(|name| *name != feature)
        .filter_map(|name| located(&walker, name, None).ok())
        .filter(|located| located.feature_dim.is_some())
        .collect();
    if let Some(block) = blocks.last()
        && is_pooled(&walker, &block.feature, &last)
    {
        blocks.pop();
    }
    blocks.push(last);
    Ok(blocks)
}

/// Whether `last` is the average of `block` and nothing else, so that both give the same features.
fn is_pooled(walker: &Walker, block: &str, last: &Located) -> bool {
    if last.pooling != Pooling::None {
        return false;
    }
    let mut current = last.feature.as_str();
    while current != block {
        let Some(node) = walker.producer(current) else {
            return false;
        };
        let passes = [
            "GlobalAveragePool",
            "AveragePool",
            "ReduceMean",
            "Flatten",
            "Reshape",
            "Squeeze",
            "Identity",
            "Dropout",
            "Cast",
        ];
        let Some(input) = node.input(0).filter(|_| passes.iter().any(|name| node.is(name))) else {
            return false;
        };
        current = input;
    }
    true
}

/// The nodes on the way from the data to the feature tensor, and the cuts between them.
struct Chain<'a> {
    /// In order: node positions on the way.
    nodes: Vec<&'a Node>,
    /// Values that come from the data.
    data: HashSet<&'a str>,
    /// Cuts: the value, and the position in `nodes` of the node that computes it.
    cuts: Vec<(&'a str, usize)>,
}

/// Layers that a stem may have.
const STEM: usize = 3;

/// What lies between two neighbouring cuts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stretch {
    /// One node after the other, or a gate, without weights: the same block goes on.
    Weightless,
    /// The same with weights.
    Weights,
    /// A block with a skip connection or with branches.
    Skip { attention: bool },
}

impl<'a> Chain<'a> {
    fn new(walker: &Walker<'a>, input: &'a str, feature: &'a str) -> Self {
        let nodes = leading_to(walker, feature);
        let data = data(walker, &nodes, input);
        let mut last_use: HashMap<&str, usize> = HashMap::new();
        for (at, node) in nodes.iter().enumerate() {
            for name in node.uses().into_iter().filter(|name| data.contains(name)) {
                last_use.insert(name, at);
            }
        }
        last_use.insert(feature, nodes.len());
        let (mut alive, mut cuts) = (HashSet::new(), Vec::new());
        for (at, node) in nodes.iter().enumerate() {
            let made = node
                .outputs
                .iter()
                .map(String::as_str)
                .filter(|name| data.contains(name));
            alive.extend(made.filter(|name| last_use.get(name).is_some_and(|&last| last > at)));
            alive.retain(|name| last_use.get(name).is_some_and(|&last| last > at));
            if let ([output, ..], 1) = (node.outputs.as_slice(), alive.len())
                && alive.contains(output.as_str())
            {
                cuts.push((output.as_str(), at));
            }
        }
        Self { nodes, data, cuts }
    }

    /// What lies before cut `at`, from the one before it.
    fn stretch(&self, at: usize) -> Stretch {
        let begin = at.checked_sub(1).map_or(0, |before| self.cuts[before].1 + 1);
        let (_, end) = self.cuts[at];
        let nodes = &self.nodes[begin..=end];
        let from_data = |node: &Node| {
            node.inputs
                .iter()
                .filter(|name| self.data.contains(name.as_str()))
                .count()
        };
        let on_way = nodes.iter().filter(|node| from_data(node) > 0).count();
        let join = self.nodes[end];
        let joins = (join.is("Add") || join.is("Sum") || join.is("Concat")) && from_data(join) > 1;
        if joins && on_way > 1 && at > 0 {
            let products = |node: &&&Node| node.is("MatMul") && from_data(node) > 1;
            let attention = nodes.iter().any(|node| node.is("Softmax") || is_fused_attention(node))
                || nodes.iter().filter(products).count() > 1;
            return Stretch::Skip { attention };
        }
        let weights = [
            "Conv",
            "ConvTranspose",
            "ConvInteger",
            "MatMul",
            "MatMulInteger",
            "Gemm",
            "QLinearConv",
            "QLinearMatMul",
        ];
        if nodes.iter().any(|node| weights.iter().any(|name| node.is(name))) {
            Stretch::Weights
        } else {
            Stretch::Weightless
        }
    }

    /// The values between blocks, in order.
    fn block_outputs(&self) -> Vec<&'a str> {
        let stretches: Vec<Stretch> = (0..self.cuts.len()).map(|at| self.stretch(at)).collect();
        let is_skip = |at: usize| matches!(stretches.get(at), Some(Stretch::Skip { .. }));
        // A skip connection that ends at cut `at` has its block's output there, or behind the activation that follows: at the
        // cut that the next block begins with, if no weights are in between.
        let output_of = |at: usize| {
            let mut end = at;
            while stretches.get(end + 1) == Some(&Stretch::Weightless) {
                end += 1;
            }
            (end, is_skip(end + 1))
        };
        let tails: Vec<usize> = (0..self.cuts.len())
            .filter(|&at| is_skip(at))
            .filter_map(|at| {
                let (end, next_begins) = output_of(at);
                next_begins.then_some(end - at)
            })
            .collect();
        let tail = most_common(&tails);
        let mut outputs = Vec::new();
        for at in (0..self.cuts.len()).filter(|&at| is_skip(at)) {
            // What a block begins with is the output of the one before, also if that has no skip connection.
            // A single layer between two blocks only changes the size.
            let before = stretches[..at]
                .iter()
                .rposition(|stretch| matches!(stretch, Stretch::Skip { .. }));
            let begin = before.map_or(0, |before| before + 1);
            let layers = stretches[begin..at]
                .iter()
                .filter(|stretch| **stretch == Stretch::Weights)
                .count();
            if layers > before.map_or(STEM, |_| 1) {
                outputs.push(at - 1);
            }
            let (end, next_begins) = output_of(at);
            let output = if next_begins { end } else { (at + tail).min(end) };
            outputs.push(output);
        }
        // The second half of a transformer's block begins there.
        let halves: HashSet<usize> = (0..self.cuts.len())
            .filter(|&at| stretches[at] == Stretch::Skip { attention: true })
            .filter_map(|at| {
                let (end, _) = output_of(at);
                (stretches.get(end + 1) == Some(&Stretch::Skip { attention: false })).then_some(end)
            })
            .collect();
        outputs.retain(|at| !halves.contains(at));
        outputs.sort_unstable();
        outputs.dedup();
        outputs.into_iter().map(|at| self.cuts[at].0).collect()
    }
}

fn is_fused_attention(node: &Node) -> bool {
    node.op_type.ends_with("Attention")
}

/// The value that occurs most often, the smallest of several; 0 of none.
fn most_common(values: &[usize]) -> usize {
    let count = |value: usize| values.iter().filter(|&&other| other == value).count();
    let mut distinct = values.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    distinct
        .into_iter()
        .rev()
        .max_by_key(|&value| count(value))
        .unwrap_or(0)
}

/// The nodes that `feature` needs, in the graph's order.
fn leading_to<'a>(walker: &Walker<'a>, feature: &'a str) -> Vec<&'a Node> {
    let (mut wanted, mut open) = (HashSet::new(), vec![feature]);
    while let Some(name) = open.pop() {
        if let Some(position) = walker.links.producer(name)
            && wanted.insert(position)
        {
            open.extend(walker.graph.nodes[position].uses());
        }
    }
    let nodes = walker.graph.nodes.iter().enumerate();
    nodes
        .filter(|(position, _)| wanted.contains(position))
        .map(|(_, node)| node)
        .collect()
}

/// The values that carry the model's data: pixels and all computed from them in floating point, or what is looked up for token ids.
/// Shapes, masks and positions are whole numbers on their way, and so is nothing that comes from them alone.
fn data<'a>(walker: &Walker<'a>, nodes: &[&'a Node], input: &'a str) -> HashSet<&'a str> {
    // Whole numbers that depend on the token ids.
    let mut indices: HashSet<&str> = HashSet::new();
    let mut data: HashSet<&str> = HashSet::new();
    let is_float = |name: &str| {
        walker
            .shapes
            .data_type(name)
            .is_none_or(|data_type| data_type.is_float())
    };
    let inputs = walker.graph.inputs.iter().find(|value| value.name == input);
    match inputs.and_then(|value| value.data_type) {
        Some(data_type) if data_type.is_integer() && !is_image(walker, input) => indices.insert(input),
        _ => data.insert(input),
    };
    for node in nodes {
        let uses = node.uses();
        let comes_from = |set: &HashSet<&str>| uses.iter().any(|name| set.contains(name));
        let looks_up = node.is("Gather") && node.input(1).is_some_and(|name| indices.contains(name));
        let is_data = (comes_from(&data) && !node.is("Shape") && !node.is("Size")) || (looks_up && !comes_from(&data));
        for output in node.outputs.iter().map(String::as_str).filter(|name| !name.is_empty()) {
            if is_data && is_float(output) {
                data.insert(output);
            } else if is_data || comes_from(&indices) {
                indices.insert(output);
            }
        }
    }
    data
}

/// Whether whole numbers of rank 4 go in: pixels from 0 to 255.
fn is_image(walker: &Walker, input: &str) -> bool {
    walker.shapes.rank(input) == Some(4)
}
