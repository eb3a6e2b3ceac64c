//! A subgraph (a branch of `If`, the body of `Loop`), ready to run.

use std::collections::HashMap;

use burn::tensor::Device;

use super::attributes::captures;
use super::steps::{Slot, Step, execute, missing};
use super::{Context, build, constant};
use crate::value::Value;
use crate::{Error, Result};

/// A subgraph of a node.
pub(crate) struct Body {
    slots: usize,
    inputs: Vec<Slot>,
    /// Slots of the captured values, in the order of [`captures`].
    captured: Vec<Slot>,
    constants: Vec<(Slot, Value)>,
    steps: Vec<Step>,
    outputs: Vec<(String, Slot)>,
}

impl Body {
    /// Builds `graph`, which captures the values `captured`.
    ///
    /// # Errors
    /// As [`build`].
    pub(crate) fn new(graph: &ranktune_onnx::Graph, captured: &[String], opset: i64) -> Result<Self> {
        let mut known: HashMap<String, Slot> = HashMap::new();
        let mut slot = |name: &str| {
            let next = known.len();
            *known.entry(name.to_owned()).or_insert(next)
        };
        let captured: Vec<Slot> = captured.iter().map(|name| slot(name)).collect();
        // A name that the subgraph defines shadows a captured one.
        let inputs = graph.inputs.iter().map(|input| slot(&input.name)).collect();
        let constants = graph
            .initializers
            .iter()
            .map(|(name, tensor)| Ok((slot(name), constant(tensor)?.into())))
            .collect::<Result<Vec<_>>>()?;
        let mut steps = Vec::with_capacity(graph.nodes.len());
        for node in &graph.nodes {
            let mut node = node.clone();
            node.inputs.extend(captures(&node));
            let (_, operator) = build(&node, opset)?;
            let mut slots = |names: &[String]| -> Vec<Option<Slot>> {
                let filled = |name: &String| (!name.is_empty()).then(|| slot(name));
                names.iter().map(filled).collect()
            };
            steps.push(Step {
                operator,
                label: node.label(),
                op_type: node.op_type.clone(),
                inputs: slots(&node.inputs),
                outputs: slots(&node.outputs),
                input_names: node.inputs,
                release: Vec::new(),
            });
        }
        let outputs = graph
            .outputs
            .iter()
            .map(|output| (output.name.clone(), slot(&output.name)))
            .collect();
        Ok(Self {
            slots: known.len(),
            inputs,
            captured,
            constants,
            steps,
            outputs,
        })
    }

    /// Number of inputs.
    pub(crate) fn n_inputs(&self) -> usize {
        self.inputs.len()
    }

    /// Number of outputs.
    pub(crate) fn n_outputs(&self) -> usize {
        self.outputs.len()
    }

    /// Runs the subgraph and returns its outputs.
    ///
    /// # Errors
    /// Those of its nodes, with the node's name.
    pub(crate) fn run(
        &self,
        inputs: &[Value],
        captured: &[Option<Value>],
        device: &Device,
        context: &mut Context,
    ) -> Result<Vec<Value>> {
        if inputs.len() != self.inputs.len() {
            let (expected, found) = (self.inputs.len(), inputs.len());
            return Err(Error::invalid(format!(
                "the subgraph takes {expected} inputs, found {found}"
            )));
        }
        let mut values: Vec<Option<Value>> = vec![None; self.slots];
        for (&slot, value) in self.captured.iter().zip(captured) {
            values[slot].clone_from(value);
        }
        for (&slot, value) in self.inputs.iter().zip(inputs) {
            values[slot] = Some(value.clone());
        }
        for (slot, value) in &self.constants {
            values[*slot] = Some(value.clone());
        }
        execute(&self.steps, &mut values, device, context)?;
        self.outputs
            .iter()
            .map(|(name, slot)| values[*slot].clone().ok_or_else(|| missing(name)))
            .collect()
    }
}
