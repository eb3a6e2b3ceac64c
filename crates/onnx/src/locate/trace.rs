//! Walks from an output of the graph back to the last linear layer that leads to it.
//!
//! ```text
//! x ──► Gemm | MatMul (+ Add) | Conv on 1×1 | Einsum ──► (scale, clip, flatten, softmax, …)* ──► output
//! └ the feature tensor                                  └ the logits
//! ```

use std::collections::HashSet;

use crate::graph::Links;
use crate::shapes::Shapes;
use crate::{Dim, Graph, Node};

/// What the graph does to the logits before it gives them out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Activation {
    /// Nothing: the output holds logits.
    #[default]
    None,
    /// Softmax.
    Softmax,
    /// The logarithm of the softmax.
    LogSoftmax,
    /// A sigmoid for each logit.
    Sigmoid,
    /// Only the position of the largest is given out.
    ArgMax,
}

/// The linear layer that a walk ended at.
#[derive(Clone, Debug)]
pub struct Linear<'a> {
    /// Its input.
    pub feature: &'a str,
    /// Number of features it takes, where the weight tells.
    pub inputs: Option<usize>,
    /// Number of values it gives.
    pub outputs: Option<usize>,
    /// Whether it gives one vector a sample, and not one for each place of a map that is averaged later or never.
    pub is_convolution_on_map: bool,
}

/// A walk from an output of the graph.
#[derive(Clone, Debug)]
pub struct Trace<'a> {
    /// The last tensor before an activation: the logits, if the walk ended at a classifier.
    pub logits: &'a str,
    /// The activation that follows it.
    pub activation: Activation,
    /// Whether a map is averaged on the way.
    pub averages: bool,
    /// The linear layer, if there is one.
    pub linear: Option<Linear<'a>>,
}

/// Nodes that a walk passes; behind the last linear layer there are a few.
const MAX_STEPS: usize = 1000;

/// A graph, prepared for walking.
pub struct Walker<'a> {
    pub graph: &'a Graph,
    pub links: Links<'a>,
    pub shapes: &'a Shapes,
    /// Values that depend on an input of the graph.
    dynamic: HashSet<&'a str>,
}

impl<'a> Walker<'a> {
    pub fn new(graph: &'a Graph, shapes: &'a Shapes) -> Self {
        let mut dynamic: HashSet<&str> = graph.inputs.iter().map(|input| input.name.as_str()).collect();
        for node in &graph.nodes {
            if node.uses().iter().any(|name| dynamic.contains(name)) {
                dynamic.extend(node.outputs.iter().map(String::as_str));
            }
        }
        Self {
            graph,
            links: Links::new(graph),
            shapes,
            dynamic,
        }
    }

    /// The node that computes `name`.
    pub fn producer(&self, name: &str) -> Option<&'a Node> {
        self.links.producer(name).map(|position| &self.graph.nodes[position])
    }

    /// Walks back from `output`.
    pub fn trace(&self, output: &'a str) -> Trace<'a> {
        let mut trace = Trace {
            logits: output,
            activation: Activation::None,
            averages: false,
            linear: None,
        };
        let mut current = output;
        for _ in 0..MAX_STEPS {
            let Some(node) = self.producer(current) else {
                break;
            };
            trace.linear = self.linear(node);
            if trace.linear.is_some() {
                break;
            }
            if let Some(activation) = activation(node)
                && let Some(input) = node.input(0)
            {
                (trace.activation, trace.logits) = (activation, input);
                current = input;
                continue;
            }
            if let Some(input) = self.scaled(node) {
                current = input;
                continue;
            }
            if self.averages_map(node) {
                trace.averages = true;
            } else if !self.passes(node) {
                trace.linear = self.agreeing_branches(node);
                break;
            }
            let Some(input) = self.dynamic_input(node) else {
                break;
            };
            current = input;
        }
        trace
    }

    /// The linear layer that `node` is, if its weight is a constant.
    fn linear(&self, node: &'a Node) -> Option<Linear<'a>> {
        if !node.domain.is_empty() {
            return None;
        }
        let size = |name: &str, axis: usize| self.shapes.shape(name)?.get(axis)?.fixed();
        let (feature, weight) = (node.input(0)?, node.input(1)?);
        match node.op_type.as_str() {
            "Gemm" | "MatMul" | "Einsum" => {
                // The constant may be on either side.
                let (feature, weight, is_right) = match (self.is_dynamic(feature), self.is_dynamic(weight)) {
                    (true, false) => (feature, weight, true),
                    (false, true) => (weight, feature, false),
                    _ => return None,
                };
                let transposed = match node.op_type.as_str() {
                    "Gemm" => node.int(if is_right { "transB" } else { "transA" }).unwrap_or(0) != 0,
                    _ => false,
                };
                let (inputs, outputs) = if is_right != transposed { (0, 1) } else { (1, 0) };
                let is_matrix = node.op_type != "Einsum" && self.shapes.rank(weight) == Some(2);
                let inputs = is_matrix.then(|| size(weight, inputs)).flatten();
                let outputs = is_matrix.then(|| size(weight, outputs)).flatten();
                Some(Linear {
                    feature,
                    inputs: inputs.or_else(|| self.shapes.shape(feature)?.last()?.fixed()),
                    outputs: outputs.or_else(|| self.shapes.shape(node.output(0)?)?.last()?.fixed()),
                    is_convolution_on_map: false,
                })
            }
            // Whole numbers times whole numbers, as dynamic quantization makes it of the same layer.
            "MatMulInteger" if self.is_dynamic(feature) && !self.is_dynamic(weight) => Some(Linear {
                feature: self.before_quantization(feature),
                inputs: size(weight, 0),
                outputs: size(weight, 1),
                is_convolution_on_map: false,
            }),
            "Conv" if self.is_dynamic(feature) && !self.is_dynamic(weight) && node.int("group").unwrap_or(1) == 1 => {
                let output = self.shapes.shape(node.output(0)?)?;
                let on_map = !output.get(2..)?.iter().all(|dim| *dim == Dim::Fixed(1));
                let kernel = self.shapes.shape(weight)?.get(2..)?;
                let is_pointwise = kernel.iter().all(|dim| *dim == Dim::Fixed(1));
                (is_pointwise || !on_map).then(|| Linear {
                    feature,
                    inputs: size(weight, 1),
                    outputs: size(weight, 0),
                    is_convolution_on_map: on_map,
                })
            }
            _ => None,
        }
    }

    /// What was quantized to `name`.
    fn before_quantization(&self, name: &'a str) -> &'a str {
        let quantizer = self.producer(name).filter(|node| node.is("DynamicQuantizeLinear"));
        quantizer.and_then(|node| node.input(0)).unwrap_or(name)
    }

    /// What `node` multiplies by one number for all, that of a dynamic quantization.
    fn scaled(&self, node: &'a Node) -> Option<&'a str> {
        let [first, second] = node.inputs.as_slice() else {
            return None;
        };
        let is_number = |name: &str| self.shapes.rank(name) == Some(0);
        let is_scaling = node.is("Mul") && self.is_dynamic(first) && self.is_dynamic(second);
        match (is_number(first), is_number(second)) {
            (false, true) if is_scaling => Some(first),
            (true, false) if is_scaling => Some(second),
            _ => None,
        }
    }

    fn is_dynamic(&self, name: &str) -> bool {
        self.dynamic.contains(name)
    }

    /// The first input that depends on an input of the graph.
    fn dynamic_input(&self, node: &'a Node) -> Option<&'a str> {
        node.inputs
            .iter()
            .map(String::as_str)
            .find(|name| self.is_dynamic(name))
    }

    /// Whether `node` leaves a vector of logits what it is: moves, scales or bounds its elements.
    fn passes(&self, node: &'a Node) -> bool {
        if !node.domain.is_empty() {
            return false;
        }
        match node.op_type.as_str() {
            "Identity" | "Dropout" | "Cast" | "CastLike" | "Clip" | "QuantizeLinear" | "DequantizeLinear" => true,
            "Flatten" | "Reshape" | "Squeeze" | "Unsqueeze" => true,
            // A transposition of a vector with trailing ones, not one of tokens or heads.
            "Transpose" => self.elements_behind_batch_are_a_vector(node),
            "Add" | "Sub" | "Mul" | "Div" => node.inputs.iter().filter(|name| self.is_dynamic(name)).count() == 1,
            _ => false,
        }
    }

    fn elements_behind_batch_are_a_vector(&self, node: &Node) -> bool {
        let shape = node.input(0).and_then(|name| self.shapes.shape(name));
        let sizes = shape.and_then(|shape| shape.get(1..)?.iter().map(Dim::fixed).collect::<Option<Vec<_>>>());
        sizes.is_some_and(|sizes| sizes.iter().filter(|&&size| size != 1).count() <= 1)
    }

    /// Whether `node` averages the places of a map (or the activation just before, of a fully convolutional head).
    fn averages_map(&self, node: &'a Node) -> bool {
        let reads_convolution = || {
            let producer = node.input(0).and_then(|name| self.producer(name));
            producer.is_some_and(|producer| producer.is("Conv"))
        };
        match node.op_type.as_str() {
            "GlobalAveragePool" => true,
            "ReduceMean" | "AveragePool" => {
                let rank = |name: Option<&str>| name.and_then(|name| self.shapes.rank(name));
                rank(node.input(0)) == Some(4)
            }
            "Relu" => reads_convolution(),
            _ => false,
        }
    }

    /// Heads whose logits are added (a distilled model's, one for the class token and one for the patches, one for each stage): one
    /// of them, if all are linear layers for the same classes. That of most features goes first, since it has seen the most; of
    /// several with as many, one of samples before one of tokens, and the first before the others.
    fn agreeing_branches(&self, node: &'a Node) -> Option<Linear<'a>> {
        let mut heads = Vec::new();
        self.collect_heads(node, &mut heads)?;
        let outputs = heads.first()?.outputs?;
        if heads.len() < 2 || heads.iter().any(|head| head.outputs != Some(outputs)) {
            return None;
        }
        let is_of_tokens = |head: &Linear| self.shapes.rank(head.feature).is_some_and(|rank| rank > 2);
        let rank = |head: &Linear| (std::cmp::Reverse(head.inputs), is_of_tokens(head));
        // The first of equal ones, as `min_by_key` has it.
        heads.into_iter().min_by_key(rank)
    }

    /// The heads that are added in `node`, which is a sum of two; `None` if one of its inputs does not come from a head.
    fn collect_heads(&self, node: &'a Node, heads: &mut Vec<Linear<'a>>) -> Option<()> {
        if !node.is("Add") || node.inputs.len() != 2 || heads.len() > MAX_HEADS {
            return None;
        }
        for input in &node.inputs {
            let mut current = self.producer(input)?;
            for _ in 0..MAX_STEPS {
                if let Some(linear) = self.linear(current).filter(|linear| !linear.is_convolution_on_map) {
                    heads.push(linear);
                    break;
                }
                if self.passes(current) || self.reduces_tokens(current) {
                    current = self.producer(self.dynamic_input(current)?)?;
                } else {
                    self.collect_heads(current, heads)?;
                    break;
                }
            }
        }
        Some(())
    }

    /// Whether `node` takes the largest or the mean logits of all tokens, or passes on the largest.
    fn reduces_tokens(&self, node: &Node) -> bool {
        ["ReduceMax", "ReduceMean", "TopK"].iter().any(|name| node.is(name))
            && node.input(0).and_then(|name| self.shapes.rank(name)) == Some(3)
    }
}

/// Heads whose logits are added; networks have one for each of a few stages.
const MAX_HEADS: usize = 64;

fn activation(node: &Node) -> Option<Activation> {
    if !node.domain.is_empty() {
        return None;
    }
    Some(match node.op_type.as_str() {
        "Softmax" => Activation::Softmax,
        "LogSoftmax" => Activation::LogSoftmax,
        "Sigmoid" | "HardSigmoid" => Activation::Sigmoid,
        "ArgMax" | "Hardmax" | "TopK" => Activation::ArgMax,
        _ => return None,
    })
}
