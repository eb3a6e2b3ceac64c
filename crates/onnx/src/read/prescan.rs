//! Bounds what decoding a file may allocate, before it is decoded.
//!
//! An empty node takes two bytes in a file and about two hundred in memory, so a hostile file could make the decoder
//! allocate a hundred times its own size. This pass walks the nested messages of the wire format once, allocates
//! nothing, and adds up what the decoded messages would take; a file whose messages outgrow it is refused.
//! Tensor data costs nothing here, as it stays a view of the file.

use crate::{Error, ErrorKind};

/// Bytes of memory allowed for decoded messages: this many for a byte of the file …
const MEMORY_PER_BYTE: usize = 24;
/// … and this many in any case. Real graphs take well under ten for a byte of node.
const MEMORY_FREE: usize = 64 << 20;
/// Nested messages, as deep as prost goes; a graph inside a graph takes three levels.
const MAX_DEPTH: usize = 100;

/// Messages of `onnx.proto` that repeat or nest, so that their number decides the memory taken.
#[derive(Clone, Copy)]
enum Message {
    Model,
    Graph,
    Function,
    Node,
    Attribute,
    Tensor,
    Value,
    Type,
    TensorType,
    Shape,
    /// A message or a string without parts that repeat.
    Leaf,
}

impl Message {
    /// What field `number` of the message holds, where it is not plain data.
    fn field(self, number: u64) -> Option<Self> {
        Some(match (self, number) {
            (Self::Model, 7) | (Self::Attribute, 6) => Self::Graph,
            (Self::Model, 25) => Self::Function,
            (Self::Graph, 1) | (Self::Function, 7) => Self::Node,
            (Self::Function, 11) => Self::Attribute,
            (Self::Node, 5) => Self::Attribute,
            (Self::Graph, 5) | (Self::Attribute, 5 | 10) => Self::Tensor,
            (Self::Graph, 11..=13) => Self::Value,
            (Self::Value, 2) => Self::Type,
            (Self::Type, 1) => Self::TensorType,
            (Self::TensorType, 2) => Self::Shape,
            (Self::Model, 2 | 8 | 14) | (Self::Function, 1 | 4 | 5 | 9 | 10 | 13) => Self::Leaf,
            (Self::Graph, 2 | 15) | (Self::Node, 1..=4 | 7 | 8) | (Self::Attribute, 1 | 9 | 21) => Self::Leaf,
            (Self::Tensor, 6 | 8 | 13) | (Self::Value, 1) | (Self::Shape, 1) => Self::Leaf,
            _ => return None,
        })
    }

    /// Bytes the decoded message takes at most, with the room a growing vector leaves.
    fn cost(self) -> usize {
        match self {
            Self::Model => 0,
            Self::Graph
            | Self::Function
            | Self::Node
            | Self::Attribute
            | Self::Value
            | Self::Type
            | Self::TensorType => 512,
            Self::Tensor => 768,
            Self::Shape | Self::Leaf => 96,
        }
    }
}

/// Checks that decoding `bytes` takes a bounded amount of memory.
///
/// # Errors
/// `Malformed` when the bytes are not in protobuf's wire format, nest too deep, or hold far more messages than a model.
pub fn prescan(bytes: &[u8]) -> Result<(), Error> {
    let mut budget = bytes.len().saturating_mul(MEMORY_PER_BYTE).saturating_add(MEMORY_FREE);
    walk(bytes, Message::Model, 0, &mut budget)
}

fn walk(mut bytes: &[u8], message: Message, depth: usize, budget: &mut usize) -> Result<(), Error> {
    if depth > MAX_DEPTH {
        return Err(malformed("graphs are nested too deep"));
    }
    while !bytes.is_empty() {
        let key = varint(&mut bytes)?;
        match key & 7 {
            0 => {
                varint(&mut bytes)?;
            }
            1 => take(&mut bytes, 8).map(|_| ())?,
            5 => take(&mut bytes, 4).map(|_| ())?,
            2 => {
                let length = varint(&mut bytes)?;
                let body = take(&mut bytes, length)?;
                if let Some(part) = message.field(key >> 3) {
                    *budget = budget
                        .checked_sub(part.cost())
                        .ok_or_else(|| malformed("the file holds far more messages than its size allows for"))?;
                    if !matches!(part, Message::Leaf) {
                        walk(body, part, depth + 1, budget)?;
                    }
                }
            }
            // Groups have been out of use since before ONNX was designed.
            _ => return Err(malformed("the bytes are not in protobuf's format")),
        }
    }
    Ok(())
}

fn take<'a>(bytes: &mut &'a [u8], length: u64) -> Result<&'a [u8], Error> {
    let split = usize::try_from(length)
        .ok()
        .and_then(|length| bytes.split_at_checked(length));
    let (head, rest) = split.ok_or_else(|| malformed("the file ends in the middle of a message"))?;
    *bytes = rest;
    Ok(head)
}

fn varint(bytes: &mut &[u8]) -> Result<u64, Error> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let [byte] = take(bytes, 1)? else {
            return Err(malformed("the file ends in the middle of a number"));
        };
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(malformed("the bytes are not in protobuf's format"))
}

fn malformed(what: &str) -> Error {
    Error::new(ErrorKind::Malformed, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Field `number` of a message, holding `body`.
    fn field(number: u8, body: &[u8]) -> Vec<u8> {
        let mut bytes = vec![number << 3 | 2];
        let mut length = body.len();
        while length >= 0x80 {
            bytes.push((length & 0x7f) as u8 | 0x80);
            length >>= 7;
        }
        bytes.push(length as u8);
        bytes.extend_from_slice(body);
        bytes
    }

    #[test]
    fn millions_of_empty_nodes_are_refused() {
        let nodes = field(1, &[]).repeat(4_000_000);
        let error = prescan(&field(7, &nodes)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Malformed);
        assert!(error.to_string().contains("far more messages"), "{error}");
    }

    #[test]
    fn graphs_nested_without_end_are_refused() {
        let mut graph = Vec::new();
        for _ in 0..60 {
            graph = field(1, &field(5, &field(6, &graph)));
        }
        let error = prescan(&field(7, &graph)).unwrap_err();
        assert!(error.to_string().contains("nested too deep"), "{error}");
    }
}
