//! Functions that a file defines are put in the place of the nodes that call them, so that nothing after reading knows them.
//!
//! PyTorch's newer exporter writes such files. Names inside a body get the call's name in front; inputs that a call leaves out
//! are absent in the body, attributes that it leaves out take the function's default or are absent. Functions that call
//! themselves, or each other so often that the graph outgrows the file, are refused.

use std::collections::{BTreeMap, HashMap};

use prost::Message;

use crate::proto::{AttributeProto, FunctionProto, GraphProto, NodeProto, OperatorSetIdProto, attribute_type};
use crate::{Error, ErrorKind};

/// Calls inside of calls.
const MAX_DEPTH: usize = 32;
/// Bytes of nodes that calls may grow to, for a byte of all functions together …
const GROWTH: usize = 1 << 10;
/// … and in any case.
const MOST: usize = 256 << 20;

type Key = (String, String, String);

/// Replaces every node of `graph`, and of the graphs inside it, that calls one of `functions`.
///
/// # Errors
/// `Unsupported` where a function needs another version of an operator set than `opsets`; `Invalid` where functions call
/// themselves or outgrow the file, or a call has more inputs or outputs than its function.
pub fn inline(
    graph: &mut GraphProto,
    functions: Vec<FunctionProto>,
    opsets: &mut Vec<OperatorSetIdProto>,
) -> Result<(), Error> {
    if functions.is_empty() {
        return Ok(());
    }
    let size: usize = functions.iter().map(Message::encoded_len).sum();
    let known: BTreeMap<Key, FunctionProto> = functions
        .into_iter()
        .map(|function| (key(&function), function))
        .collect();
    let mut calls = Calls {
        known: &known,
        opsets,
        left: size.saturating_mul(GROWTH).min(MOST),
        made: 0,
    };
    calls.graph(graph, 0)
}

fn key(function: &FunctionProto) -> Key {
    let part = |one: &Option<String>| one.clone().unwrap_or_default();
    (
        super::domain(function.domain.clone()),
        part(&function.name),
        part(&function.overload),
    )
}

struct Calls<'a> {
    known: &'a BTreeMap<Key, FunctionProto>,
    opsets: &'a mut Vec<OperatorSetIdProto>,
    /// Bytes that calls may still grow by.
    left: usize,
    /// Calls so far, which makes names unique.
    made: usize,
}

impl Calls<'_> {
    fn graph(&mut self, graph: &mut GraphProto, depth: usize) -> Result<(), Error> {
        let mut nodes = Vec::with_capacity(graph.node.len());
        for mut node in std::mem::take(&mut graph.node) {
            for body in bodies(&mut node) {
                self.graph(body, depth)?;
            }
            self.node(node, depth, &mut nodes)?;
        }
        graph.node = nodes;
        Ok(())
    }

    /// Adds `node`, or the nodes of the function that it calls, to `nodes`.
    fn node(&mut self, node: NodeProto, depth: usize, nodes: &mut Vec<NodeProto>) -> Result<(), Error> {
        let wanted = (
            super::domain(node.domain.clone()),
            node.op_type.clone().unwrap_or_default(),
            node.overload.clone().unwrap_or_default(),
        );
        let known = self.known;
        let Some(function) = known.get(&wanted) else {
            nodes.push(node);
            return Ok(());
        };
        let (label, op_type) = (label(&node), wanted.1.as_str());
        let refused = |kind, message: String| Error::new(kind, message).at_node(&label, op_type);
        if depth >= MAX_DEPTH {
            return Err(refused(
                ErrorKind::Invalid,
                "functions call each other without end".to_owned(),
            ));
        }
        if node.input.len() > function.input.len() || node.output.len() > function.output.len() {
            let message = format!(
                "the function takes {} inputs and gives {} outputs, found {} and {}",
                function.input.len(),
                function.output.len(),
                node.input.len(),
                node.output.len()
            );
            return Err(refused(ErrorKind::Invalid, message));
        }
        self.left = self.left.checked_sub(function.encoded_len()).ok_or_else(|| {
            refused(
                ErrorKind::Invalid,
                "functions call each other so often that the graph outgrows the file".to_owned(),
            )
        })?;
        self.import(function).map_err(|error| error.at_node(&label, op_type))?;
        self.made += 1;
        let mut call = Call::new(function, node, format!("{label}/{}/", self.made));
        for inner in &function.node {
            let mut inner = inner.clone();
            call.adapt(&mut inner);
            for body in bodies(&mut inner) {
                self.graph(body, depth + 1)?;
            }
            self.node(inner, depth + 1, nodes)?;
        }
        nodes.extend(call.passed_through(function));
        Ok(())
    }

    /// Makes the operator sets that a function needs those of the model.
    ///
    /// # Errors
    /// `Unsupported` where the model has another version of the standard operator set.
    fn import(&mut self, function: &FunctionProto) -> Result<(), Error> {
        for needed in &function.opset_import {
            let domain = super::domain(needed.domain.clone());
            match self
                .opsets
                .iter()
                .find(|one| super::domain(one.domain.clone()) == domain)
            {
                None => self.opsets.push(needed.clone()),
                Some(found) if found.version == needed.version || !domain.is_empty() => {}
                Some(found) => {
                    let message = format!(
                        "the function is written in version {} of the operator set, the model in {}; export the model with \
                         its functions inlined (onnx.inliner does it)",
                        needed.version.unwrap_or(0),
                        found.version.unwrap_or(0)
                    );
                    return Err(Error::new(ErrorKind::Unsupported, message));
                }
            }
        }
        Ok(())
    }
}

/// One call of a function: what its names and attributes become.
struct Call {
    names: HashMap<String, String>,
    attributes: BTreeMap<String, AttributeProto>,
    prefix: String,
    /// Inputs of the call by their name in the body.
    inputs: HashMap<String, String>,
    outputs: Vec<String>,
}

impl Call {
    fn new(function: &FunctionProto, node: NodeProto, prefix: String) -> Self {
        let given = node.input.into_iter().chain(std::iter::repeat(String::new()));
        let inputs: HashMap<String, String> = function.input.iter().cloned().zip(given).collect();
        let mut names = inputs.clone();
        let outputs: Vec<String> = node.output;
        for (inner, outer) in function.output.iter().zip(&outputs) {
            // An output that is an input of the function is copied at the end.
            if !outer.is_empty() && !inputs.contains_key(inner) {
                names.entry(inner.clone()).or_insert_with(|| outer.clone());
            }
        }
        let defaults = function.attribute_proto.iter().cloned();
        let attributes = defaults
            .chain(node.attribute)
            .map(|one| (one.name.clone().unwrap_or_default(), one))
            .collect();
        Self {
            names,
            attributes,
            prefix,
            inputs,
            outputs,
        }
    }

    fn name(&self, name: &str) -> String {
        if name.is_empty() {
            return String::new();
        }
        match self.names.get(name) {
            Some(outer) => outer.clone(),
            None => format!("{}{name}", self.prefix),
        }
    }

    fn adapt(&mut self, node: &mut NodeProto) {
        for name in node.input.iter_mut().chain(&mut node.output) {
            *name = self.name(name);
        }
        let own = node.name.take().filter(|name| !name.is_empty());
        let own = own.or_else(|| node.op_type.clone()).unwrap_or_default();
        node.name = Some(format!("{}{own}", self.prefix));
        let attributes = std::mem::take(&mut node.attribute);
        node.attribute = attributes.into_iter().filter_map(|one| self.attribute(one)).collect();
        for body in bodies(node) {
            self.body(body);
        }
    }

    /// An attribute that refers to one of the call is that one under its own name, or absent.
    fn attribute(&self, attribute: AttributeProto) -> Option<AttributeProto> {
        let Some(referred) = attribute.ref_attr_name.as_ref().filter(|name| !name.is_empty()) else {
            return Some(attribute);
        };
        let mut given = self.attributes.get(referred)?.clone();
        given.name = attribute.name;
        Some(given)
    }

    fn body(&mut self, graph: &mut GraphProto) {
        for node in &mut graph.node {
            self.adapt(node);
        }
        for value in graph
            .input
            .iter_mut()
            .chain(&mut graph.output)
            .chain(&mut graph.value_info)
        {
            value.name = value.name.as_ref().map(|name| self.name(name));
        }
        for tensor in &mut graph.initializer {
            tensor.name = tensor.name.as_ref().map(|name| self.name(name));
        }
    }

    /// Copies for outputs of the function that are its inputs, or that it names twice.
    fn passed_through(&self, function: &FunctionProto) -> Vec<NodeProto> {
        let pairs = function
            .output
            .iter()
            .zip(&self.outputs)
            .filter(|(_, outer)| !outer.is_empty());
        pairs
            .filter(|(inner, outer)| self.inputs.contains_key(*inner) || self.names.get(*inner) != Some(outer))
            .map(|(inner, outer)| NodeProto {
                input: vec![self.name(inner)],
                output: vec![outer.clone()],
                name: Some(format!("{}{inner}", self.prefix)),
                op_type: Some("Identity".to_owned()),
                ..NodeProto::default()
            })
            .collect()
    }
}

fn bodies(node: &mut NodeProto) -> impl Iterator<Item = &mut GraphProto> {
    node.attribute
        .iter_mut()
        .filter(|attribute| attribute.r#type.is_none_or(|code| code == attribute_type::GRAPH))
        .filter_map(|attribute| attribute.g.as_deref_mut())
}

fn label(node: &NodeProto) -> String {
    let name = node.name.clone().filter(|name| !name.is_empty());
    name.or_else(|| node.output.iter().find(|name| !name.is_empty()).cloned())
        .unwrap_or_default()
}
