//! Activations that exporters write in several nodes: `x · σ(x)`, `x · hardsigmoid(x)`, and Gelu by Erf. Each becomes one node.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};

use ranktune_onnx::{Attribute, Model, Node, Tensor};

use super::parameter::is_lone_number;

/// How often each value is used, by nodes and as an output.
pub(crate) fn uses<'n>(nodes: impl Iterator<Item = &'n Node>, outputs: &'n [String]) -> HashMap<&'n str, usize> {
    let mut uses = HashMap::new();
    for name in nodes.flat_map(Node::uses).chain(outputs.iter().map(String::as_str)) {
        *uses.entry(name).or_default() += 1;
    }
    uses
}

/// The nodes with each activation merged into one node, which replaces its last node and takes that one's name.
pub(crate) fn merge<'a>(model: &'a Model, nodes: &[&'a Node], outputs: &[String]) -> Vec<Cow<'a, Node>> {
    let search = Search {
        model,
        uses: uses(nodes.iter().copied(), outputs),
        producers: nodes
            .iter()
            .flat_map(|&node| node.outputs.iter().map(move |output| (output.as_str(), node)))
            .collect(),
    };
    let mut merged: HashSet<&str> = HashSet::new();
    let mut found: HashMap<&str, Node> = HashMap::new();
    for node in nodes.iter().filter(|node| node.is("Mul")) {
        if let (Some(one), Some(output)) = (search.swish(node).or_else(|| search.gelu(node)), node.output(0)) {
            merged.extend(&one.parts);
            found.insert(output, one.into_node(node));
        }
    }
    nodes
        .iter()
        .filter(|node| node.output(0).is_none_or(|output| !merged.contains(output)))
        .map(|node| match node.output(0).and_then(|output| found.remove(output)) {
            Some(one) => Cow::Owned(one),
            None => Cow::Borrowed(*node),
        })
        .collect()
}

/// An activation that was found, of `input`.
struct Found<'a> {
    op_type: &'static str,
    input: &'a str,
    attributes: BTreeMap<String, Attribute>,
    /// Outputs of the nodes that it replaces, except the last one's.
    parts: Vec<&'a str>,
}

impl Found<'_> {
    fn into_node(self, last: &Node) -> Node {
        Node {
            op_type: self.op_type.to_owned(),
            inputs: vec![self.input.to_owned()],
            attributes: self.attributes,
            ..last.clone()
        }
    }
}

struct Search<'a, 'o> {
    model: &'a Model,
    uses: HashMap<&'o str, usize>,
    producers: HashMap<&'a str, &'a Node>,
}

impl<'a: 'o, 'o> Search<'a, 'o> {
    /// The node of type `op_type` that computes `name`, if `name` is used once.
    fn alone(&self, name: &str, op_type: &str) -> Option<&'a Node> {
        let node = *self.producers.get(name).filter(|_| self.uses.get(name) == Some(&1))?;
        node.is(op_type).then_some(node)
    }

    /// The other factor of a `Mul` (or the dividend of a `Div`) by a number, and the number.
    fn scaled(&self, node: &'a Node) -> Option<(&'a str, f32)> {
        let [a, b] = pair(node)?;
        match self.fixed(b) {
            Some(value) => Some((a, value)),
            None if node.is("Div") => None,
            None => Some((b, self.fixed(a)?)),
        }
    }

    /// The number `name`, unless it is trained, or broadcasting it would add axes to the other factor.
    fn fixed(&self, name: &str) -> Option<f32> {
        let stays = |tensor: &Tensor| tensor.dims.len() <= 1 && is_lone_number(name, tensor);
        let initializer = self.model.graph.initializers.get(name);
        number(self.model, name).filter(|_| initializer.is_none_or(stays))
    }

    /// `x · σ(alpha·x)`, and `x · hardsigmoid(x)` with the slope 1/6.
    fn swish(&self, last: &'a Node) -> Option<Found<'a>> {
        let [a, b] = pair(last)?;
        [(a, b), (b, a)].into_iter().find_map(|(x, weight)| {
            if let Some(inner) = self.alone(weight, "HardSigmoid") {
                let close = |name: &str, default: f32, wanted: f32| {
                    (inner.float(name).unwrap_or(default) - wanted).abs() < 1e-6
                };
                let hard = inner.input(0) == Some(x) && close("alpha", 0.2, 1.0 / 6.0) && close("beta", 0.5, 0.5);
                return hard.then(|| Found {
                    op_type: "HardSwish",
                    input: x,
                    attributes: BTreeMap::new(),
                    parts: vec![weight],
                });
            }
            let sigmoid = self.alone(weight, "Sigmoid")?;
            let inner = sigmoid.input(0)?;
            let (alpha, parts) = if inner == x {
                (1.0, vec![weight])
            } else {
                let (factor, alpha) = self.scaled(self.alone(inner, "Mul")?)?;
                (factor == x).then_some((alpha, vec![weight, inner]))?
            };
            Some(Found {
                op_type: "Swish",
                input: x,
                attributes: BTreeMap::from([("alpha".to_owned(), Attribute::Float(alpha))]),
                parts,
            })
        })
    }

    /// `x · (1 + erf(x/√2)) · 1/2`, whichever factor comes first.
    fn gelu(&self, last: &'a Node) -> Option<Found<'a>> {
        let half = |(factor, value): (&'a str, f32)| (value == 0.5).then_some(factor);
        if let Some(product) = self.scaled(last).and_then(half) {
            let [a, b] = pair(self.alone(product, "Mul")?)?;
            return self.gelu_of(a, b, product).or_else(|| self.gelu_of(b, a, product));
        }
        let [a, b] = pair(last)?;
        [(a, b), (b, a)].into_iter().find_map(|(halved, raised)| {
            let x = self.scaled(self.alone(halved, "Mul")?).and_then(half)?;
            self.gelu_of(x, raised, halved)
        })
    }

    /// Gelu of `x`, if `raised` is `1 + erf(x/√2)`.
    fn gelu_of(&self, x: &'a str, raised: &'a str, product: &'a str) -> Option<Found<'a>> {
        let (erf, one) = self.scaled(self.alone(raised, "Add")?)?;
        let inner = self.alone(erf, "Erf")?.input(0)?;
        let scaled = self.alone(inner, "Div").or_else(|| self.alone(inner, "Mul"))?;
        let (of, value) = self.scaled(scaled)?;
        let root = if scaled.is("Div") { value } else { 1.0 / value };
        let is_gelu = one == 1.0 && of == x && (root - std::f32::consts::SQRT_2).abs() < 1e-5;
        is_gelu.then(|| Found {
            op_type: "Gelu",
            input: x,
            attributes: BTreeMap::new(),
            parts: vec![product, raised, erf, inner],
        })
    }
}

/// The inputs of a node of two.
fn pair(node: &Node) -> Option<[&str; 2]> {
    Some([node.input(0)?, node.input(1)?])
}

/// The constant `name`, if it is one number.
pub(super) fn number(model: &Model, name: &str) -> Option<f32> {
    let constant = || model.graph.producer_of(name).filter(|node| node.is("Constant"));
    let tensor = model
        .graph
        .initializers
        .get(name)
        .or_else(|| constant()?.tensor("value"));
    match tensor {
        Some(tensor) => tensor.to_f32_vec().filter(|values| values.len() == 1)?.first().copied(),
        None => constant()?.float("value_float"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ranktune_onnx::Graph;

    fn node(op_type: &str, inputs: &[&str], output: &str) -> Node {
        Node {
            name: output.to_owned(),
            op_type: op_type.to_owned(),
            domain: String::new(),
            inputs: inputs.iter().map(|&name| name.to_owned()).collect(),
            outputs: vec![output.to_owned()],
            attributes: BTreeMap::new(),
        }
    }

    /// The merged nodes, by operator and inputs.
    fn merged(nodes: Vec<Node>, outputs: &[&str]) -> Vec<String> {
        let numbers = [
            ("half", 0.5),
            ("one", 1.0),
            ("root", std::f32::consts::SQRT_2),
            ("two", 2.0),
            ("act.beta", 1.5),
        ];
        let model = Model {
            ir_version: 9,
            opsets: [(String::new(), 17)].into(),
            producer: String::new(),
            metadata: BTreeMap::new(),
            graph: Graph {
                name: String::new(),
                nodes,
                initializers: numbers
                    .iter()
                    .map(|(name, value)| ((*name).to_owned(), Tensor::from_f32(&[], &[*value]).unwrap()))
                    .collect(),
                inputs: Vec::new(),
                outputs: Vec::new(),
                value_info: Vec::new(),
            },
            path: None,
        };
        let nodes: Vec<&Node> = model.graph.nodes.iter().collect();
        let outputs: Vec<String> = outputs.iter().map(|&name| name.to_owned()).collect();
        merge(&model, &nodes, &outputs)
            .iter()
            .map(|node| format!("{}({}) = {}", node.op_type, node.inputs.join(", "), node.outputs[0]))
            .collect()
    }

    fn gelu(root: &'static str, half: &'static str) -> Vec<Node> {
        vec![
            node("Div", &["x", root], "d"),
            node("Erf", &["d"], "e"),
            node("Add", &["e", "one"], "a"),
            node("Mul", &["x", "a"], "p"),
            node("Mul", &["p", half], "y"),
        ]
    }

    #[test]
    fn patterns_become_one_node_and_what_only_looks_alike_does_not() {
        let swish = || vec![node("Sigmoid", &["x"], "s"), node("Mul", &["s", "x"], "y")];
        assert_eq!(merged(swish(), &["y"]), ["Swish(x) = y"]);
        assert_eq!(merged(gelu("root", "half"), &["y"]), ["Gelu(x) = y"]);
        // Another number, another factor, a value that another node uses.
        assert_eq!(merged(gelu("two", "half"), &["y"]).len(), 5);
        assert_eq!(merged(gelu("root", "two"), &["y"]).len(), 5);
        let gate = vec![node("Sigmoid", &["x"], "s"), node("Mul", &["s", "z"], "y")];
        assert_eq!(merged(gate, &["y"]).len(), 2);
        assert_eq!(merged(swish(), &["y", "s"]).len(), 2);
        let mut taken = gelu("root", "half");
        taken.push(node("Neg", &["e"], "n"));
        assert_eq!(merged(taken, &["y", "n"]).len(), 6);
    }

    #[test]
    fn a_slope_that_is_trained_stays_a_parameter() {
        let swish = |slope: &str| {
            let nodes = vec![
                node("Mul", &["x", slope], "m"),
                node("Sigmoid", &["m"], "s"),
                node("Mul", &["x", "s"], "y"),
            ];
            merged(nodes, &["y"])
        };
        assert_eq!(swish("two"), ["Swish(x) = y"]);
        assert_eq!(swish("act.beta").len(), 3);
    }

    #[test]
    fn a_hard_sigmoid_of_another_slope_stays() {
        let hard = |alpha: f32| {
            let mut inner = node("HardSigmoid", &["x"], "s");
            inner.attributes.insert("alpha".to_owned(), Attribute::Float(alpha));
            merged(vec![inner, node("Mul", &["x", "s"], "y")], &["y"])
        };
        assert_eq!(hard(1.0 / 6.0), ["HardSwish(x) = y"]);
        assert_eq!(hard(0.2).len(), 2);
    }
}
