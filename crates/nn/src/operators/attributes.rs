//! Reads the attributes of a node. An attribute that was not read is an error, not ignored.

use std::collections::BTreeSet;

use ranktune_onnx::{Attribute, Graph, Node, Tensor};

use crate::shape::size;
use crate::{Error, Result};

/// The attributes of one node.
pub(crate) struct Attributes<'a> {
    node: &'a Node,
    opset: i64,
    read: BTreeSet<&'static str>,
}

impl<'a> Attributes<'a> {
    pub(crate) fn new(node: &'a Node, opset: i64) -> Self {
        Self {
            node,
            opset,
            read: BTreeSet::new(),
        }
    }

    /// Version of the operator set.
    pub(crate) fn opset(&self) -> i64 {
        self.opset
    }

    /// Number of outputs, up to the last one that has a name.
    pub(crate) fn outputs(&self) -> usize {
        self.node
            .outputs
            .iter()
            .rposition(|name| !name.is_empty())
            .map_or(0, |last| last + 1)
    }

    fn value<T>(
        &mut self,
        name: &'static str,
        expected: &str,
        read: impl Fn(&'a Attribute) -> Option<T>,
    ) -> Result<Option<T>> {
        self.read.insert(name);
        match self.node.attributes.get(name) {
            None => Ok(None),
            Some(attribute) => read(attribute)
                .map(Some)
                .ok_or_else(|| Error::invalid(format!("attribute {name:?} must be {expected}"))),
        }
    }

    pub(crate) fn int(&mut self, name: &'static str) -> Result<Option<i64>> {
        self.value(name, "an integer", |attribute| match attribute {
            Attribute::Int(value) => Some(*value),
            _ => None,
        })
    }

    pub(crate) fn int_or(&mut self, name: &'static str, default: i64) -> Result<i64> {
        Ok(self.int(name)?.unwrap_or(default))
    }

    /// An integer as a bool.
    pub(crate) fn flag(&mut self, name: &'static str, default: bool) -> Result<bool> {
        Ok(self.int(name)?.map_or(default, |value| value != 0))
    }

    pub(crate) fn float_or(&mut self, name: &'static str, default: f32) -> Result<f32> {
        let value = self.value(name, "a number", |attribute| match attribute {
            Attribute::Float(value) => Some(*value),
            _ => None,
        })?;
        Ok(value.unwrap_or(default))
    }

    pub(crate) fn floats(&mut self, name: &'static str) -> Result<Option<Vec<f32>>> {
        self.value(name, "a list of numbers", |attribute| match attribute {
            Attribute::Floats(values) => Some(values.clone()),
            _ => None,
        })
    }

    pub(crate) fn ints(&mut self, name: &'static str) -> Result<Option<Vec<i64>>> {
        self.value(name, "a list of integers", |attribute| match attribute {
            Attribute::Ints(values) => Some(values.clone()),
            _ => None,
        })
    }

    /// A list of non-negative integers.
    pub(crate) fn sizes(&mut self, name: &'static str) -> Result<Option<Vec<usize>>> {
        let Some(values) = self.ints(name)? else {
            return Ok(None);
        };
        values.into_iter().map(size).collect::<Result<Vec<_>>>().map(Some)
    }

    pub(crate) fn string_or(&mut self, name: &'static str, default: &'static str) -> Result<&'a str> {
        let value = self.value(name, "a string", |attribute| match attribute {
            Attribute::String(value) => std::str::from_utf8(value).ok(),
            _ => None,
        })?;
        Ok(value.unwrap_or(default))
    }

    pub(crate) fn tensor(&mut self, name: &'static str) -> Result<Option<&'a Tensor>> {
        self.value(name, "a tensor", |attribute| match attribute {
            Attribute::Tensor(value) => Some(value),
            _ => None,
        })
    }

    /// A subgraph of the node.
    ///
    /// # Errors
    /// `Invalid` when it is missing.
    pub(crate) fn graph(&mut self, name: &'static str) -> Result<&'a Graph> {
        let graph = self.value(name, "a graph", |attribute| match attribute {
            Attribute::Graph(graph) => Some(graph.as_ref()),
            _ => None,
        })?;
        graph.ok_or_else(|| Error::invalid(format!("attribute {name:?} is missing")))
    }

    /// The names that the subgraphs of the node capture.
    pub(crate) fn captures(&self) -> Vec<String> {
        captures(self.node)
    }

    /// Accepts an attribute that has no effect here.
    pub(crate) fn ignore(&mut self, name: &'static str) {
        self.read.insert(name);
    }

    /// An attribute for which only one value is supported.
    ///
    /// # Errors
    /// `Unsupported` for another value.
    pub(crate) fn only_int(&mut self, name: &'static str, expected: i64) -> Result<()> {
        match self.int_or(name, expected)? {
            found if found == expected => Ok(()),
            found => Err(Error::unsupported(format!(
                "attribute {name:?} = {found} is not supported, only {expected}"
            ))),
        }
    }

    /// Checks that every attribute was read.
    ///
    /// # Errors
    /// `Unsupported` naming one that was not.
    pub(crate) fn finish(self) -> Result<()> {
        match self
            .node
            .attributes
            .keys()
            .find(|name| !self.read.contains(name.as_str()))
        {
            None => Ok(()),
            Some(name) => Err(Error::unsupported(format!("attribute {name:?} is not supported"))),
        }
    }
}

/// The names that the subgraphs of `node` capture from outside, each once. They become further inputs of the node.
pub(crate) fn captures(node: &Node) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in node.subgraphs().flat_map(Graph::captures) {
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    names
}
