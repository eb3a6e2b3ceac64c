//! The graph: nodes in topological order, initializers, typed inputs and outputs.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::{Attribute, DataType, Tensor};

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
