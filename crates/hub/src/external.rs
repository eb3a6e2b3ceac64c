//! The names of an ONNX file's external files of weights.
//!
//! A model's digest covers them, and decoding the whole model for their names would cost more than the digest. So this walks
//! the protobuf fields that lead to `TensorProto.external_data` and seeks over all others:
//!
//! ```text
//! ModelProto 7 → GraphProto 5, 15 → TensorProto 13 → (key 1 = "location", value 2)
//!                           1 → NodeProto 5 → AttributeProto 5, 10 → TensorProto, 6, 11 → GraphProto
//! ```
//!
//! From an invalid file, the names before the first fault are returned; loading the model then reports the fault.

use std::collections::BTreeSet;
use std::io::{BufReader, Read, Seek};

#[derive(Clone, Copy, PartialEq)]
enum Message {
    Model,
    Graph,
    Node,
    Attribute,
    SparseTensor,
    Tensor,
    Entry,
}

impl Message {
    /// The message that field `number` of this one holds, where it leads on.
    fn inner(self, number: u64) -> Option<Self> {
        Some(match (self, number) {
            (Self::Model, 7) | (Self::Attribute, 6 | 11) => Self::Graph,
            (Self::Graph, 1) => Self::Node,
            (Self::Graph, 5) | (Self::Attribute, 5 | 10) | (Self::SparseTensor, 1 | 2) => Self::Tensor,
            (Self::Graph, 15) | (Self::Attribute, 22 | 23) => Self::SparseTensor,
            (Self::Node, 5) => Self::Attribute,
            (Self::Tensor, 13) => Self::Entry,
            _ => return None,
        })
    }
}

/// Deeper nesting than any real model's subgraphs have.
const MAX_DEPTH: usize = 64;

/// File names, relative to the model's folder, sorted, each once.
pub(crate) fn locations(model: impl Read + Seek, length: u64) -> BTreeSet<String> {
    let mut walk = Walk {
        bytes: BufReader::new(model),
        at: 0,
        found: BTreeSet::new(),
    };
    let _ = walk.message(Message::Model, length, 0);
    walk.found
}

struct Walk<R> {
    bytes: BufReader<R>,
    at: u64,
    found: BTreeSet<String>,
}

impl<R: Read + Seek> Walk<R> {
    /// Walks the fields up to `end`; `None` where they stop making sense.
    fn message(&mut self, kind: Message, end: u64, depth: usize) -> Option<()> {
        let (mut key, mut value) = (String::new(), String::new());
        while self.at < end {
            let tag = self.varint()?;
            let length = match tag & 7 {
                0 => {
                    self.varint()?;
                    continue;
                }
                1 => 8,
                2 => self.varint()?,
                5 => 4,
                _ => return None,
            };
            let stop = self.at.checked_add(length).filter(|&stop| stop <= end)?;
            match (kind, tag >> 3) {
                (Message::Entry, 1) => key = self.text(length)?,
                (Message::Entry, 2) => value = self.text(length)?,
                (_, number) => match kind.inner(number) {
                    Some(inner) if tag & 7 == 2 && depth < MAX_DEPTH => self.message(inner, stop, depth + 1)?,
                    _ => self.skip(length)?,
                },
            }
        }
        if kind == Message::Entry && key == "location" {
            self.found.insert(value);
        }
        Some(())
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let mut byte = [0];
            self.bytes.read_exact(&mut byte).ok()?;
            self.at += 1;
            value |= u64::from(byte[0] & 0x7f) << shift;
            if byte[0] & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn text(&mut self, length: u64) -> Option<String> {
        // Longer than any file system's names.
        let mut text = vec![0; usize::try_from(length).ok().filter(|&n| n <= 1 << 16)?];
        self.bytes.read_exact(&mut text).ok()?;
        self.at += length;
        String::from_utf8(text).ok()
    }

    fn skip(&mut self, length: u64) -> Option<()> {
        self.bytes.seek_relative(i64::try_from(length).ok()?).ok()?;
        self.at += length;
        Some(())
    }
}
