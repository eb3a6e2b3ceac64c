//! The graph: nodes in topological order, initializers, typed inputs and outputs.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::path::PathBuf;

use crate::{Attribute, DataType, Error, ErrorKind, Tensor};

/// One dimension of a value's shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dim {
    /// A fixed size.
    Fixed(usize),
    /// A named symbol, such as `batch`; the same name stands for the same size.
    Named(String),
    /// Not known.
    Unknown,
}

impl Dim {
    /// The size, where it is fixed.
    pub fn fixed(&self) -> Option<usize> {
        match self {
            Self::Fixed(size) => Some(*size),
            _ => None,
        }
    }
}

impl fmt::Display for Dim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(size) => write!(f, "{size}"),
            Self::Named(name) => f.write_str(name),
            Self::Unknown => f.write_str("?"),
        }
    }
}

/// A shape as errors show it: `[batch, 3, 224, 224]`.
pub fn display_shape(shape: &[Dim]) -> String {
    let dims: Vec<String> = shape.iter().map(Dim::to_string).collect();
    format!("[{}]", dims.join(", "))
}

/// A named value with its type and shape, each where known.
#[derive(Clone, Debug, PartialEq)]
pub struct ValueInfo {
    /// Name of the value.
    pub name: String,
    /// Element type.
    pub data_type: Option<DataType>,
    /// Shape; `None` when not even the rank is known.
    pub shape: Option<Vec<Dim>>,
}

/// Key and value of a model's metadata that say how it takes pairs of inputs: rows 2i and 2i + 1 of a batch are the two of pair i, and
/// the graph gives one row for both.
pub const INTERLEAVED_PAIRS: (&str, &str) = ("ranktune.pairs", "interleaved");

/// One operation.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Name; may be empty in the file, then `op_type` and position stand in.
    pub name: String,
    /// Operator, such as `Conv`.
    pub op_type: String,
    /// Operator domain; empty for the standard one.
    pub domain: String,
    /// Names of the inputs; an empty name is an absent optional input.
    pub inputs: Vec<String>,
    /// Names of the outputs; an empty name is an output nobody asked for.
    pub outputs: Vec<String>,
    /// Attributes by name.
    pub attributes: BTreeMap<String, Attribute>,
}

impl Node {
    /// How errors call the node: its name, or else its first output's name.
    pub fn label(&self) -> String {
        let output = || self.outputs.iter().find(|output| !output.is_empty());
        if self.name.is_empty() {
            output().cloned().unwrap_or_default()
        } else {
            self.name.clone()
        }
    }

    /// Whether the node is operator `op_type` of the standard domain.
    pub fn is(&self, op_type: &str) -> bool {
        self.domain.is_empty() && self.op_type == op_type
    }

    /// The name of input `position`, unless it is absent.
    pub fn input(&self, position: usize) -> Option<&str> {
        self.inputs
            .get(position)
            .map(String::as_str)
            .filter(|name| !name.is_empty())
    }

    /// The name of output `position`, unless it is absent.
    pub fn output(&self, position: usize) -> Option<&str> {
        self.outputs
            .get(position)
            .map(String::as_str)
            .filter(|name| !name.is_empty())
    }

    /// The names of all values the node needs: its inputs, and what the graphs it holds take from around them.
    pub fn uses(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self
            .inputs
            .iter()
            .map(String::as_str)
            .filter(|name| !name.is_empty())
            .collect();
        for graph in self.subgraphs() {
            names.extend(graph.captures());
        }
        names
    }

    /// An error of `kind` about this node.
    pub fn error(&self, kind: ErrorKind, message: impl Into<String>) -> Error {
        Error::new(kind, message).at_node(&self.label(), &self.op_type)
    }
}

/// Nodes with the constants they use.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Graph {
    /// Name of the graph.
    pub name: String,
    /// Nodes in topological order (made so on reading).
    pub nodes: Vec<Node>,
    /// Constants by name.
    pub initializers: BTreeMap<String, Tensor>,
    /// Inputs that a caller has to feed (initializers that a file also lists as inputs are left out).
    pub inputs: Vec<ValueInfo>,
    /// Outputs.
    pub outputs: Vec<ValueInfo>,
    /// What the file says of intermediate values.
    pub value_info: Vec<ValueInfo>,
}

impl Graph {
    /// The node that computes `name`; `None` for inputs, constants and unknown names. Takes time linear in the graph;
    /// [`Links`] answers many such questions.
    pub fn producer_of(&self, name: &str) -> Option<&Node> {
        self.nodes
            .iter()
            .find(|node| !name.is_empty() && node.outputs.iter().any(|output| output == name))
    }

    /// The nodes that use `name`, themselves or in a graph they hold.
    pub fn consumers_of(&self, name: &str) -> Vec<&Node> {
        self.nodes.iter().filter(|node| node.uses().contains(&name)).collect()
    }

    /// Whether `name` is an output of the graph.
    pub fn is_output(&self, name: &str) -> bool {
        self.outputs.iter().any(|output| output.name == name)
    }

    /// The names that this graph uses and does not define: what the body of a node takes from around it.
    pub fn captures(&self) -> Vec<&str> {
        let mut defined: HashSet<&str> = self.inputs.iter().map(|input| input.name.as_str()).collect();
        defined.extend(self.initializers.keys().map(String::as_str));
        defined.extend(
            self.nodes
                .iter()
                .flat_map(|node| node.outputs.iter().map(String::as_str)),
        );
        let used = self.nodes.iter().flat_map(Node::uses);
        let used = used.chain(self.outputs.iter().map(|output| output.name.as_str()));
        used.filter(|name| !defined.contains(name)).collect()
    }
}

/// Who computes and who uses each value of a graph, by positions in [`Graph::nodes`].
#[derive(Debug)]
pub struct Links<'a> {
    producers: HashMap<&'a str, usize>,
    consumers: HashMap<&'a str, Vec<usize>>,
}

impl<'a> Links<'a> {
    /// The links of `graph`, as it is now.
    pub fn new(graph: &'a Graph) -> Self {
        let mut producers = HashMap::new();
        let mut consumers: HashMap<&str, Vec<usize>> = HashMap::new();
        for (position, node) in graph.nodes.iter().enumerate() {
            for output in node.outputs.iter().filter(|output| !output.is_empty()) {
                producers.insert(output.as_str(), position);
            }
            for name in node.uses() {
                consumers.entry(name).or_default().push(position);
            }
        }
        Self { producers, consumers }
    }

    /// The node that computes `name`.
    pub fn producer(&self, name: &str) -> Option<usize> {
        self.producers.get(name).copied()
    }

    /// The nodes that use `name`, once for every use.
    pub fn consumers(&self, name: &str) -> &[usize] {
        self.consumers.get(name).map_or(&[], Vec::as_slice)
    }
}

/// A model file: a graph with the operator set it is written in.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// Version of the format.
    pub ir_version: i64,
    /// Operator set versions by domain; the standard domain is the empty string.
    pub opsets: BTreeMap<String, i64>,
    /// Who wrote the file.
    pub producer: String,
    /// Key-value metadata.
    pub metadata: BTreeMap<String, String>,
    /// The graph.
    pub graph: Graph,
    /// The file it was read from.
    pub path: Option<PathBuf>,
}

impl Model {
    /// The version of the standard operator set; 0 where the file names none.
    pub fn opset(&self) -> i64 {
        self.opsets.get("").copied().unwrap_or(0)
    }
}
