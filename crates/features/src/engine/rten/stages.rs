//! Cuts a graph at its depthwise convolutions, which [`Depthwise`] computes. Everything between them is a graph of its own for
//! rten.
//!
//! ```text
//! stage(input) = 0      stage(node) = max stage of what it uses      stage(output of a depthwise convolution) = stage of its input + 1
//!
//! inputs ──► nodes of stage 0 ──► depthwise of stage 0 ──► nodes of stage 1 ──► depthwise of stage 1 ──► … ──► outputs
//! ```
//!
//! A value that a later stage uses is an output of its own stage and an input of the later one. Nodes that depend on constants
//! only are repeated in every stage that needs them, so that rten still treats their values as constant.

use std::collections::{BTreeMap, HashMap, HashSet};

use ranktune_onnx::{DataType, Dim, Graph, Model, Node, ValueInfo};

use super::depthwise::Depthwise;

/// A graph, and the convolutions that follow it.
#[derive(Debug)]
pub(super) struct Stage {
    pub model: Model,
    pub convolutions: Vec<Depthwise>,
}

/// Larger dilated kernels are left to rten; no model with one is known.
const MAX_EXTENT: usize = 64;

/// No real network has more stages; a graph with more is left to rten.
const MAX_STAGES: usize = 1000;

/// The stages of `model`, or `None` if it has no depthwise convolution, or an output that no node computes.
pub(super) fn stages(model: &Model) -> Option<Vec<Stage>> {
    let graph = &model.graph;
    let plan = StagePlan::of(graph)?;
    let stages = (0..plan.convolutions.len()).map(|stage| Stage {
        model: Model {
            graph: plan.graph(graph, stage),
            path: None,
            ..model_without_graph(model)
        },
        convolutions: plan.convolutions[stage].clone(),
    });
    Some(stages.collect())
}

fn model_without_graph(model: &Model) -> Model {
    Model {
        ir_version: model.ir_version,
        opsets: model.opsets.clone(),
        producer: String::new(),
        metadata: BTreeMap::new(),
        graph: Graph::default(),
        path: None,
    }
}

/// The stage of every node and value.
struct StagePlan<'a> {
    /// By stage.
    convolutions: Vec<Vec<Depthwise>>,
    /// By node; `None` for the extracted convolutions and for constants.
    stage_of_node: Vec<Option<usize>>,
    /// Values that depend on inputs, with the stage that computes them.
    varying: HashMap<&'a str, usize>,
    /// Values used outside the stage that computes them.
    leaving: HashSet<&'a str>,
    /// The node behind every other value that is not an initializer.
    constant: HashMap<&'a str, usize>,
}

impl<'a> StagePlan<'a> {
    fn of(graph: &'a Graph) -> Option<Self> {
        let mut plan = Self {
            convolutions: vec![Vec::new()],
            stage_of_node: vec![None; graph.nodes.len()],
            varying: graph.inputs.iter().map(|input| (input.name.as_str(), 0)).collect(),
            leaving: graph.outputs.iter().map(|output| output.name.as_str()).collect(),
            constant: HashMap::new(),
        };
        for (position, node) in graph.nodes.iter().enumerate() {
            let uses = node.uses();
            let stage = uses.iter().filter_map(|name| plan.varying.get(name)).max().copied();
            // A node without inputs may be random, and then must not be repeated.
            if stage.is_none() && (!uses.is_empty() || node.is("Constant")) {
                plan.constant
                    .extend(node.outputs.iter().map(|name| (name.as_str(), position)));
                continue;
            }
            let mut stage = stage.unwrap_or(0);
            if let Some(convolution) = depthwise(node, graph) {
                plan.leaving.extend(node.input(0));
                plan.convolutions[stage].push(convolution);
                stage += 1;
                if stage == plan.convolutions.len() {
                    plan.convolutions.push(Vec::new());
                }
            } else {
                plan.stage_of_node[position] = Some(stage);
                let earlier = uses
                    .into_iter()
                    .filter(|name| plan.varying.get(name).is_some_and(|&made| made < stage));
                plan.leaving.extend(earlier);
            }
            let outputs = node.outputs.iter().map(String::as_str).filter(|name| !name.is_empty());
            plan.varying.extend(outputs.map(|name| (name, stage)));
        }
        let inputs: HashSet<_> = graph.inputs.iter().map(|input| &input.name).collect();
        let computed =
            |output: &ValueInfo| plan.varying.contains_key(output.name.as_str()) && !inputs.contains(&output.name);
        let gained = (2..=MAX_STAGES).contains(&plan.convolutions.len()) && graph.outputs.iter().all(computed);
        gained.then_some(plan)
    }

    /// The graph of one stage: its nodes and the constants they need.
    fn graph(&self, graph: &Graph, stage: usize) -> Graph {
        let mut positions: Vec<usize> = (0..graph.nodes.len())
            .filter(|&position| self.stage_of_node[position] == Some(stage))
            .collect();
        let made: HashSet<&str> = outputs_of(graph, &positions);
        // Constants and the nodes that compute them.
        let mut taken: HashSet<usize> = positions.iter().copied().collect();
        let mut unseen = positions.clone();
        while let Some(position) = unseen.pop() {
            for name in graph.nodes[position].uses() {
                if let Some(&constant) = self.constant.get(name)
                    && taken.insert(constant)
                {
                    positions.push(constant);
                    unseen.push(constant);
                }
            }
        }
        positions.sort_unstable();
        let used: HashSet<&str> = positions
            .iter()
            .flat_map(|&position| graph.nodes[position].uses())
            .collect();
        let mut inputs: Vec<&str> = used
            .iter()
            .copied()
            .filter(|name| self.varying.contains_key(name) && !made.contains(name))
            .collect();
        inputs.sort_unstable();
        let mut outputs: Vec<&str> = made.into_iter().filter(|name| self.leaving.contains(name)).collect();
        outputs.sort_unstable();
        Graph {
            name: format!("stage {stage}"),
            nodes: positions
                .iter()
                .map(|&position| graph.nodes[position].clone())
                .collect(),
            initializers: graph
                .initializers
                .iter()
                .filter(|(name, _)| used.contains(name.as_str()))
                .map(|(name, tensor)| (name.clone(), tensor.clone()))
                .collect(),
            inputs: inputs.into_iter().map(|name| self.info(graph, name)).collect(),
            outputs: outputs.into_iter().map(|name| self.info(graph, name)).collect(),
            value_info: Vec::new(),
        }
    }

    /// Type and shape of a value as far as they are known; rten simplifies with them.
    fn info(&self, graph: &Graph, name: &str) -> ValueInfo {
        let mut listed = graph.inputs.iter().chain(&graph.outputs).chain(&graph.value_info);
        if let Some(info) = listed.find(|info| info.name == name) {
            return info.clone();
        }
        let convolved = self
            .convolutions
            .iter()
            .flatten()
            .any(|convolution| convolution.output == name);
        ValueInfo {
            name: name.to_owned(),
            data_type: convolved.then_some(DataType::F32),
            shape: convolved.then(|| vec![Dim::Unknown; 4]),
        }
    }
}

fn outputs_of<'a>(graph: &'a Graph, positions: &[usize]) -> HashSet<&'a str> {
    let outputs = positions.iter().flat_map(|&position| &graph.nodes[position].outputs);
    outputs.map(String::as_str).filter(|name| !name.is_empty()).collect()
}

/// The convolution that `node` is, if it is a depthwise one of two dimensions with constant f32 weights and explicit padding.
fn depthwise(node: &Node, graph: &Graph) -> Option<Depthwise> {
    if !node.is("Conv") {
        return None;
    }
    let constant = |position: usize| graph.initializers.get(node.input(position)?);
    let weight = constant(1).filter(|weight| weight.data_type == DataType::F32)?;
    let &[channels, 1, kh, kw] = weight.dims.as_slice() else {
        return None;
    };
    let bias = match node.input(2) {
        Some(_) => constant(2)
            .filter(|bias| bias.data_type == DataType::F32)?
            .to_f32_vec()?,
        None => vec![0.0; channels],
    };
    let pads = match node.string("auto_pad") {
        None if node.attributes.contains_key("auto_pad") => return None,
        None | Some("NOTSET") => sizes(node, "pads", [0; 4])?,
        Some("VALID") => [0; 4],
        Some(_) => return None,
    };
    let convolution = Depthwise {
        label: node.label(),
        input: node.input(0)?.to_owned(),
        output: node.output(0)?.to_owned(),
        weight: weight.to_f32_vec()?,
        bias,
        kernel: [kh, kw],
        strides: sizes(node, "strides", [1; 2])?,
        dilations: sizes(node, "dilations", [1; 2])?,
        pads,
    };
    let groups = node.int("group").and_then(|groups| usize::try_from(groups).ok());
    let fits = channels > 1
        && groups == Some(channels)
        && convolution.bias.len() == channels
        && convolution
            .strides
            .iter()
            .all(|stride| (1..=MAX_EXTENT).contains(stride))
        && sizes(node, "kernel_shape", convolution.kernel)? == convolution.kernel
        && (0..2).all(|axis| {
            let (kernel, dilation) = (convolution.kernel[axis], convolution.dilations[axis]);
            let extent = kernel
                .checked_sub(1)
                .and_then(|taps| taps.checked_mul(dilation)?.checked_add(1));
            let padded_by_less = |extent: usize| pads[axis] < extent && pads[axis + 2] < extent;
            dilation > 0 && extent.is_some_and(|extent| extent <= MAX_EXTENT && padded_by_less(extent))
        });
    fits.then_some(convolution)
}

/// An attribute that lists `N` sizes; `None` if it lists anything else.
fn sizes<const N: usize>(node: &Node, name: &str, default: [usize; N]) -> Option<[usize; N]> {
    if !node.attributes.contains_key(name) {
        return Some(default);
    }
    let sizes: Option<Vec<usize>> = node
        .ints(name)?
        .iter()
        .map(|&size| usize::try_from(size).ok())
        .collect();
    sizes?.try_into().ok()
}
