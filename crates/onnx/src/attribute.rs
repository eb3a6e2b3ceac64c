//! The attributes of a node.

use crate::{Graph, Node, Tensor};

/// One attribute's value.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "each name is the type")]
pub enum Attribute {
    Float(f32),
    Int(i64),
    String(Vec<u8>),
    Tensor(Tensor),
    Graph(Box<Graph>),
    Floats(Vec<f32>),
    Ints(Vec<i64>),
    Strings(Vec<Vec<u8>>),
    Tensors(Vec<Tensor>),
}

/// Reading attributes: `None` where the attribute is absent or of another type.
impl Node {
    /// An integer attribute.
    pub fn int(&self, name: &str) -> Option<i64> {
        match self.attributes.get(name)? {
            Attribute::Int(value) => Some(*value),
            _ => None,
        }
    }

    /// A list of integers.
    pub fn ints(&self, name: &str) -> Option<&[i64]> {
        match self.attributes.get(name)? {
            Attribute::Ints(values) => Some(values),
            _ => None,
        }
    }

    /// A floating-point attribute.
    pub fn float(&self, name: &str) -> Option<f32> {
        match self.attributes.get(name)? {
            Attribute::Float(value) => Some(*value),
            _ => None,
        }
    }

    /// A list of floating-point numbers.
    pub fn floats(&self, name: &str) -> Option<&[f32]> {
        match self.attributes.get(name)? {
            Attribute::Floats(values) => Some(values),
            _ => None,
        }
    }

    /// A string attribute, where it is UTF-8 (the standard's own ones are ASCII).
    pub fn string(&self, name: &str) -> Option<&str> {
        match self.attributes.get(name)? {
            Attribute::String(value) => std::str::from_utf8(value).ok(),
            _ => None,
        }
    }

    /// A tensor attribute.
    pub fn tensor(&self, name: &str) -> Option<&Tensor> {
        match self.attributes.get(name)? {
            Attribute::Tensor(value) => Some(value),
            _ => None,
        }
    }

    /// A graph attribute.
    pub fn graph(&self, name: &str) -> Option<&Graph> {
        match self.attributes.get(name)? {
            Attribute::Graph(value) => Some(value),
            _ => None,
        }
    }

    /// The graphs held by the node (the branches of `If`, the body of `Loop` or `Scan`).
    pub fn subgraphs(&self) -> impl Iterator<Item = &Graph> {
        self.attributes.values().filter_map(|attribute| match attribute {
            Attribute::Graph(graph) => Some(&**graph),
            _ => None,
        })
    }

    /// What [`Node::subgraphs`] gives, to change.
    pub fn subgraphs_mut(&mut self) -> impl Iterator<Item = &mut Graph> {
        self.attributes.values_mut().filter_map(|attribute| match attribute {
            Attribute::Graph(graph) => Some(&mut **graph),
            _ => None,
        })
    }
}
