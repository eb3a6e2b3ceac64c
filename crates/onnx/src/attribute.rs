//! The attributes of a node.

use crate::{Graph, Tensor};

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
