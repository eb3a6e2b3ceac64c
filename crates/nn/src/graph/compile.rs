//! From a model to a [`TrainableGraph`]: operators are looked up, parameters are separated from constants, and constant
//! nodes are computed.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use burn::tensor::Device;
use ranktune_onnx::{Attribute, Model, Node, Tensor};

use super::fuse::fuse;
use super::parameter::{GraphParameter, ParameterRole, Reach, last_uses};
use super::trainable::{GraphInput, GraphOptions, TrainableGraph, not_found};
use crate::kernels::Activation;
use crate::operators::{self, Context, Entry, Gradient, Inputs, Operator, Slot, Step};
use crate::tensor::DeviceTensor;
use crate::value::Value;
use crate::{Mode, Result};

/// Names to slots.
#[derive(Default)]
struct Slots<'a>(HashMap<&'a str, Slot>);

impl<'a> Slots<'a> {
    fn of(&mut self, name: &'a str) -> Option<Slot> {
        if name.is_empty() {
            return None;
        }
        let next = self.0.len();
        Some(*self.0.entry(name).or_insert(next))
    }
}

impl TrainableGraph {
    /// Makes `model` trainable.
    ///
    /// # Errors
    /// `Unsupported` naming the first node with an operator or attribute that is not supported; `NotFound` for an
    /// output that is not in the graph; `Invalid` and `Shape` where constants do not fit their nodes.
    pub fn new(model: &Model, options: GraphOptions) -> Result<Self> {
        let graph = &model.graph;
        let device = options.device;
        let outputs: Vec<String> = if options.outputs.is_empty() {
            graph.outputs.iter().map(|output| output.name.clone()).collect()
        } else {
            options.outputs
        };
        let (copies, live): (Vec<&Node>, Vec<&Node>) = live_nodes(model, &outputs)?
            .into_iter()
            .partition(|node| copied(model, node).is_some());
        let mut planned = fuse(model, &live, &outputs);
        let held: HashSet<&str> = copies.iter().filter_map(|node| node.output(0)).collect();
        for (node, _) in &mut planned {
            complete(model, &held, node);
        }
        let built = planned
            .iter()
            .map(|(node, activation)| build(model, node, *activation))
            .collect::<Result<Vec<_>>>()?;
        let nodes: Vec<(&Node, &'static Entry)> = built.iter().map(|(node, entry, _)| (*node, *entry)).collect();
        let reach = Reach::new(&nodes, &outputs);

        let mut slots = Slots::default();
        let mut constants: HashMap<&str, Value> = HashMap::new();
        let (mut parameters, mut values) = (Vec::new(), Vec::new());
        let own = graph.initializers.iter();
        let copied = copies
            .iter()
            .filter_map(|node| Some((node.outputs.first()?, copied(model, node)?)));
        for (name, tensor) in own.chain(copied) {
            if !tensor.data_type.is_float() {
                if live.iter().any(|node| node.uses().contains(&name.as_str())) || outputs.contains(name) {
                    constants.insert(name, operators::constant(tensor)?.into());
                }
                continue;
            }
            let host = operators::constant(tensor)?;
            let role = reach.role(name, tensor, host.as_floats().unwrap_or_default());
            if !matches!(
                role,
                ParameterRole::Trainable | ParameterRole::Statistics | ParameterRole::Unused
            ) {
                constants.insert(name, host.clone().into());
            }
            if let Some(slot) = slots.of(name) {
                let value = DeviceTensor::from_values(&tensor.dims, host.to_floats(), &device)?;
                values.push((slot, value.pooled(&options.buffers)));
                parameters.push(GraphParameter {
                    name: name.clone(),
                    dims: tensor.dims.clone(),
                    role,
                });
            }
        }

        let left = fold(built, &mut constants, &device)?;
        let inputs = graph_inputs(model, &left, &outputs, &constants, &mut slots);
        let steps = steps(left, &outputs, &mut slots);
        let exits: Vec<(String, Slot)> = outputs
            .iter()
            .filter_map(|name| Some((name.clone(), slots.of(name)?)))
            .collect();
        let constants = constants
            .into_iter()
            .filter_map(|(name, value)| Some((*slots.0.get(name)?, value)))
            .collect();
        Ok(Self {
            slots: slots.0.len(),
            device,
            inputs,
            steps,
            outputs: exits,
            constants,
            parameters,
            kept: Arc::default(),
            values,
            buffers: options.buffers,
        })
    }
}

/// Marks a normalization whose statistics the graph computes, and adds captured values to the inputs of a node with subgraphs.
/// `held` are the names of copied initializers.
fn complete(model: &Model, held: &HashSet<&str>, node: &mut Cow<Node>) {
    let is_computed = |name: &str| !model.graph.initializers.contains_key(name) && !held.contains(name);
    if node.is("BatchNormalization") && node.input(3).is_some_and(is_computed) {
        let attributes = &mut node.to_mut().attributes;
        attributes.insert(operators::COMPUTED.to_owned(), Attribute::Int(1));
    }
    let captured = operators::captures(node);
    if !captured.is_empty() {
        node.to_mut().inputs.extend(captured);
    }
}

fn build<'a>(model: &Model, node: &'a Node, activation: Option<Activation>) -> Result<Built<'a>> {
    let (entry, operator) = match activation {
        None => operators::build(node, model.opset())?,
        Some(activation) => operators::build_activated(node, activation, model.opset())?,
    };
    Ok((node, entry, operator))
}

/// The nodes as steps, each of which releases the values that no later step and no output needs.
fn steps<'a>(nodes: Vec<Built<'a>>, outputs: &'a [String], slots: &mut Slots<'a>) -> Vec<Step> {
    let entries: Vec<(&Node, &'static Entry)> = nodes.iter().map(|(node, entry, _)| (*node, *entry)).collect();
    let last = last_uses(&entries);
    let kept: HashSet<&str> = outputs.iter().map(String::as_str).collect();
    let mut steps = Vec::with_capacity(nodes.len());
    for (position, (node, _, operator)) in nodes.into_iter().enumerate() {
        let ends_here = |name: &&String| last.get(name.as_str()) == Some(&position) && !kept.contains(name.as_str());
        let names = node.inputs.iter().chain(&node.outputs);
        steps.push(Step {
            operator,
            label: node.label(),
            op_type: node.op_type.clone(),
            inputs: node.inputs.iter().map(|name| slots.of(name)).collect(),
            input_names: node.inputs.clone(),
            outputs: node.outputs.iter().map(|name| slots.of(name)).collect(),
            release: names.filter(ends_here).filter_map(|name| slots.of(name)).collect(),
        });
    }
    steps
}

/// The floating-point initializer that `node` copies. PyTorch's exporter stores parameters that happen to hold equal
/// values once, and writes `Identity` for the others; in training each is a parameter of its own, under its own name.
pub(super) fn copied<'a>(model: &'a Model, node: &Node) -> Option<&'a Tensor> {
    let tensor = model.graph.initializers.get(node.input(0)?)?;
    (node.is("Identity") && tensor.data_type.is_float()).then_some(tensor)
}

/// The nodes that `outputs` depend on, in order.
fn live_nodes<'a>(model: &'a Model, outputs: &[String]) -> Result<Vec<&'a Node>> {
    let graph = &model.graph;
    let mut wanted: HashSet<&str> = outputs.iter().map(String::as_str).collect();
    let mut live = Vec::new();
    for node in graph.nodes.iter().rev() {
        if node
            .outputs
            .iter()
            .any(|output| !output.is_empty() && wanted.contains(output.as_str()))
        {
            wanted.extend(node.uses());
            live.push(node);
        }
    }
    live.reverse();
    let defined: HashSet<&str> = graph
        .nodes
        .iter()
        .flat_map(|node| node.outputs.iter().map(String::as_str))
        .collect();
    let known = |name: &str| {
        defined.contains(name)
            || graph.initializers.contains_key(name)
            || graph.inputs.iter().any(|input| input.name == name)
    };
    match outputs.iter().find(|name| name.is_empty() || !known(name)) {
        Some(name) => Err(not_found("tensor", name)),
        None => Ok(live),
    }
}

type Built<'a> = (&'a Node, &'static Entry, Operator);

/// Runs the nodes whose inputs are constant, and returns the others.
fn fold<'a>(built: Vec<Built<'a>>, constants: &mut HashMap<&'a str, Value>, device: &Device) -> Result<Vec<Built<'a>>> {
    let mut left = Vec::new();
    for (node, entry, operator) in built {
        let known = node
            .inputs
            .iter()
            .all(|name| name.is_empty() || constants.contains_key(name.as_str()));
        if !known || matches!(entry.gradient, Gradient::Statistics(_)) {
            left.push((node, entry, operator));
            continue;
        }
        let values = node
            .inputs
            .iter()
            .map(|name| constants.get(name.as_str()).cloned())
            .collect();
        let inputs = Inputs::new(values, &node.inputs, device);
        let mut context = Context {
            mode: Mode::Evaluation,
            kept: Arc::default(),
            updates: Vec::new(),
        };
        let results = operator(&inputs, &mut context).map_err(|error| {
            error
                .at_node(&node.label(), &node.op_type)
                .with_inputs(|| inputs.describe())
        })?;
        for (name, value) in node.outputs.iter().zip(results) {
            constants.insert(name, value);
        }
    }
    Ok(left)
}

/// The inputs that a node or an output depends on.
fn graph_inputs<'a>(
    model: &'a Model,
    nodes: &[Built<'a>],
    outputs: &[String],
    constants: &HashMap<&'a str, Value>,
    slots: &mut Slots<'a>,
) -> Vec<GraphInput> {
    let mut inputs = Vec::new();
    for input in &model.graph.inputs {
        let used = nodes
            .iter()
            .any(|(node, ..)| node.uses().contains(&input.name.as_str()))
            || outputs.contains(&input.name);
        if let (true, Some(slot)) = (
            used && !constants.contains_key(input.name.as_str()),
            slots.of(&input.name),
        ) {
            inputs.push(GraphInput {
                name: input.name.clone(),
                slot,
                float: input.data_type.map(|kind| kind.is_float()),
                rank: input.shape.as_ref().map(Vec::len),
            });
        }
    }
    inputs
}
