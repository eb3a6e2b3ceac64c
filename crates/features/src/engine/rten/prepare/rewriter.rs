//! New nodes for a graph, under names that the model does not have yet.

use std::collections::{BTreeMap, HashSet};

use ranktune_onnx::{Attribute, Graph, Model, Node};

/// The names of a model, all its subgraphs included.
pub(super) struct Names(HashSet<String>);

impl Names {
    pub(super) fn of(model: &Model) -> Self {
        let mut names = HashSet::new();
        collect(&model.graph, &mut names);
        Self(names)
    }

    /// A name that begins with `base`; it is taken then.
    fn fresh(&mut self, base: &str) -> String {
        let mut name = base.to_owned();
        while !self.0.insert(name.clone()) {
            name.push('_');
        }
        name
    }
}

fn collect(graph: &Graph, names: &mut HashSet<String>) {
    names.extend(graph.inputs.iter().map(|input| input.name.clone()));
    names.extend(graph.initializers.keys().cloned());
    for node in &graph.nodes {
        names.extend(node.inputs.iter().chain(&node.outputs).cloned());
        node.subgraphs().for_each(|body| collect(body, names));
    }
}

/// The nodes that take the place of one node.
pub(super) struct Rewriter<'a> {
    names: &'a mut Names,
    /// Label of the node, which the names of the new ones begin with.
    label: String,
    nodes: Vec<Node>,
}

impl<'a> Rewriter<'a> {
    pub(super) fn new(node: &Node, names: &'a mut Names) -> Self {
        Self {
            names,
            label: node.label(),
            nodes: Vec::new(),
        }
    }

    /// Adds a node and returns the name of its output.
    pub(super) fn add(&mut self, op_type: &str, inputs: &[&str], attributes: &[(&str, Attribute)]) -> String {
        let output = self.names.fresh(&format!("{}/{op_type}", self.label));
        self.add_as(op_type, inputs, attributes, &output);
        output
    }

    /// Adds a node that computes `output`.
    pub(super) fn add_as(&mut self, op_type: &str, inputs: &[&str], attributes: &[(&str, Attribute)], output: &str) {
        self.nodes.push(Node {
            // Errors then name the node of the file.
            name: self.label.clone(),
            op_type: op_type.to_owned(),
            domain: String::new(),
            inputs: inputs.iter().map(|&name| name.to_owned()).collect(),
            outputs: vec![output.to_owned()],
            attributes: attributes
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.clone()))
                .collect::<BTreeMap<_, _>>(),
        });
    }

    /// Adds `node` with the first input `input`, and returns the name of its first output, which is a new one.
    pub(super) fn add_changed(&mut self, node: &Node, input: &str) -> String {
        let output = self.names.fresh(&format!("{}/{}", self.label, node.op_type));
        let mut changed = node.clone();
        changed.inputs[0] = input.to_owned();
        changed.outputs = vec![output.clone()];
        self.nodes.push(changed);
        output
    }

    /// A list of integers.
    pub(super) fn ints(&mut self, values: &[i64]) -> String {
        self.add("Constant", &[], &[("value_ints", Attribute::Ints(values.to_vec()))])
    }

    /// One integer, without axes.
    pub(super) fn int(&mut self, value: i64) -> String {
        self.add("Constant", &[], &[("value_int", Attribute::Int(value))])
    }

    /// One floating-point number, without axes.
    pub(super) fn float(&mut self, value: f32) -> String {
        self.add("Constant", &[], &[("value_float", Attribute::Float(value))])
    }

    pub(super) fn finish(self) -> Vec<Node> {
        self.nodes
    }
}
