//! Inference: the convolutional part of a graph runs in the blocked layout, the rest as in the trainable graph.
//!
//! ```text
//! images ─► Region (blocked layout, one image to a thread) ─► maps ─► TrainableGraph of the other nodes ─► outputs
//! ```
//!
//! The region holds the nodes that are computed from the image by convolutions, pools, activations, sums and gates. Weights
//! are packed when the graph is built, for the size of image that the model declares. A model without such a part, or whose
//! images have no fixed size, runs as a whole in the trainable graph.

mod convolution;
mod layout;
mod plan;
mod region;
mod steps;
#[cfg(test)]
mod tests;
mod tiles;
mod width;

use std::collections::HashSet;

use ranktune_onnx::{DataType, Dim, Model, ValueInfo};

use crate::graph::merge;
use crate::{Feed, GraphOptions, HostData, HostTensor, Result, TrainableGraph};
use plan::Plan;
use region::{Operation, Region};
use width::Width;

/// A region that is ready to run.
#[derive(Debug)]
struct Blocked {
    plan: Plan,
    /// The input that the region takes.
    input: String,
    /// The values that it computes for the rest of the graph, or for the caller.
    values: Vec<String>,
}

/// A graph for inference on the CPU.
#[derive(Debug)]
pub struct InferenceGraph {
    blocked: Option<Blocked>,
    /// The other nodes, if there are any.
    rest: Option<TrainableGraph>,
    inputs: Vec<String>,
    outputs: Vec<String>,
}

impl InferenceGraph {
    /// Plans `model`. Its batch normalizations should be folded, as `ranktune_onnx::transform::simplify` does.
    ///
    /// # Errors
    /// As [`TrainableGraph::new`].
    pub fn new(model: &Model, options: GraphOptions) -> Result<Self> {
        Self::with_width(model, options, Width::widest())
    }

    fn with_width(model: &Model, options: GraphOptions, width: Width) -> Result<Self> {
        let names = |values: &[ValueInfo]| -> Vec<String> { values.iter().map(|value| value.name.clone()).collect() };
        let (inputs, outputs) = (names(&model.graph.inputs), names(&model.graph.outputs));
        let Some((blocked, rest)) = split(model, &outputs, width)? else {
            return Ok(Self {
                blocked: None,
                rest: Some(TrainableGraph::new(model, options)?),
                inputs,
                outputs,
            });
        };
        let rest = rest.map(|rest| TrainableGraph::new(&rest, options)).transpose()?;
        Ok(Self {
            blocked: Some(blocked),
            rest,
            inputs,
            outputs,
        })
    }

    /// Names of the inputs.
    pub fn inputs(&self) -> Vec<&str> {
        self.inputs.iter().map(String::as_str).collect()
    }

    /// Names of the outputs.
    pub fn outputs(&self) -> Vec<&str> {
        self.outputs.iter().map(String::as_str).collect()
    }

    /// Whether a part of the graph runs in the blocked layout.
    pub fn is_blocked(&self) -> bool {
        self.blocked.is_some()
    }

    /// Computes the outputs `wanted`, each with its shape, in that order.
    ///
    /// # Errors
    /// As [`TrainableGraph::evaluate`]; `NotFound` for an unknown output; `Input` for a missing input.
    pub fn run<'a>(
        &'a self,
        mut feeds: Vec<(&'a str, HostTensor)>,
        wanted: &[&str],
    ) -> Result<Vec<(Vec<usize>, Vec<f32>)>> {
        let mut known: Vec<(&str, Vec<usize>, Vec<f32>)> = Vec::new();
        if let Some(blocked) = &self.blocked {
            let fed = feeds.iter().position(|(name, _)| *name == blocked.input);
            let missing = || input_error(format!("the input {:?} was not fed", blocked.input));
            let image = feeds.swap_remove(fed.ok_or_else(missing)?).1;
            let values = blocked.plan.checked_run(&image)?;
            let named = blocked.values.iter().zip(values);
            known.extend(named.map(|(name, (shape, values))| (name.as_str(), shape, values)));
        }
        let is_wanted = |name: &str| wanted.contains(&name);
        let needs_rest = wanted.iter().any(|name| known.iter().all(|(known, ..)| known != name));
        let pass = match &self.rest {
            Some(rest) if needs_rest => {
                let taken = rest.inputs();
                for (name, shape, values) in known.iter_mut().filter(|(name, ..)| taken.contains(name)) {
                    let values = if is_wanted(name) {
                        values.clone()
                    } else {
                        std::mem::take(values)
                    };
                    feeds.push((name, HostTensor::floats(shape, values)?));
                }
                let feeds: Vec<_> = feeds
                    .into_iter()
                    .map(|(name, tensor)| (name, Feed::from(tensor)))
                    .collect();
                Some(rest.evaluate(&feeds)?)
            }
            _ => None,
        };
        wanted
            .iter()
            .map(|name| {
                if let Some((_, shape, values)) = known.iter().find(|(known, ..)| known == name) {
                    return Ok((shape.clone(), values.clone()));
                }
                let unknown = || {
                    crate::Error::new(
                        crate::ErrorKind::NotFound,
                        format!("the graph has no floating-point output {name:?}"),
                    )
                };
                // `NotFound` tells this error from one of a node.
                let not_float = |error| unknown().caused_by(error);
                let tensor = pass.as_ref().ok_or_else(unknown)?.output(name).map_err(not_float)?;
                Ok((tensor.dims(), tensor.to_values()?))
            })
            .collect()
    }
}

fn input_error(message: String) -> crate::Error {
    crate::Error::new(crate::ErrorKind::Input, message)
}

impl Plan {
    /// [`Plan::run`], for images that fit.
    fn checked_run(&self, image: &HostTensor) -> Result<Vec<(Vec<usize>, Vec<f32>)>> {
        let expected = self.image_shape();
        let HostData::F32(values) = image.data() else {
            return Err(input_error("images must be of f32".to_owned()));
        };
        match image.dims() {
            [_, size @ ..] if size == expected => Ok(self.run(values)),
            found => Err(input_error(format!(
                "expected images of shape [n, {}, {}, {}], found {found:?}",
                expected[0], expected[1], expected[2]
            ))),
        }
    }
}

/// Share of the convolutions of `model` that would run in the blocked layout, from 0 to 1; 0 without any. Its batch normalizations should
/// be folded.
pub fn blocked_share(model: &Model) -> f64 {
    let outputs: Vec<String> = model.graph.outputs.iter().map(|output| output.name.clone()).collect();
    let Some((merged, _, region)) = find(model, &outputs) else {
        return 0.0;
    };
    let is_convolution = |position: &usize| merged.graph.nodes[*position].is("Conv");
    let all = (0..merged.graph.nodes.len()).filter(is_convolution).count();
    let inside = region.nodes.iter().filter(|position| is_convolution(position)).count();
    inside as f64 / all.max(1) as f64
}

/// The model with some nodes merged, the input that is an image, and the region that begins there.
fn find(model: &Model, outputs: &[String]) -> Option<(Model, String, Region)> {
    let (input, size) = model.graph.inputs.iter().find_map(|input| {
        let [_, sizes @ ..] = input.shape.as_deref()? else {
            return None;
        };
        let sizes: Vec<usize> = sizes.iter().map_while(Dim::fixed).filter(|&size| size > 0).collect();
        let size = <[usize; 3]>::try_from(sizes).ok()?;
        (input.data_type == Some(DataType::F32)).then(|| (input.name.clone(), size))
    })?;
    let nodes: Vec<_> = model.graph.nodes.iter().collect();
    let nodes = merge(model, &nodes, outputs)
        .into_iter()
        .map(std::borrow::Cow::into_owned)
        .collect();
    let mut merged = model.clone();
    merged.graph.nodes = nodes;
    let region = Region::find(&merged, &input, size);
    Some((merged, input, region))
}

/// The blocked region of `model` and the model of the other nodes, unless the region has no convolution.
fn split(model: &Model, outputs: &[String], width: Width) -> Result<Option<(Blocked, Option<Model>)>> {
    let Some((merged, input, region)) = find(model, outputs) else {
        return Ok(None);
    };
    let convolves = |part: &region::Part| matches!(part.operation, Operation::Convolve { .. });
    if !region.parts.iter().any(convolves) {
        return Ok(None);
    }
    let inside = |position: usize| region.nodes.contains(&position);
    let outside = merged.graph.nodes.iter().enumerate().filter(|(at, _)| !inside(*at));
    let used: HashSet<&str> = outside.flat_map(|(_, node)| node.uses()).collect();
    if used.contains(input.as_str()) || outputs.contains(&input) {
        // The image is also read elsewhere: whole graph, rather than a feed of two layouts.
        return Ok(None);
    }
    let computed = merged.graph.nodes.iter().enumerate().filter(|(at, _)| inside(*at));
    let values: Vec<String> = computed
        .flat_map(|(_, node)| node.outputs.iter())
        .filter(|name| used.contains(name.as_str()) || outputs.contains(name))
        .cloned()
        .collect();
    let results: Vec<usize> = values.iter().map(|name| region.maps[name]).collect();
    let rest = rest(&merged, &region, &values, &used);
    let plan = Plan::new(&merged, region, &results, width)?;
    Ok(Some((Blocked { plan, input, values }, rest)))
}

/// The model of the nodes that are not in the region; the region's values are its inputs.
fn rest(model: &Model, region: &Region, values: &[String], used: &HashSet<&str>) -> Option<Model> {
    let mut rest = model.clone();
    let graph = &mut rest.graph;
    graph.outputs.retain(|output| !region.maps.contains_key(&output.name));
    if graph.outputs.is_empty() {
        return None;
    }
    graph.inputs.retain(|input| used.contains(input.name.as_str()));
    graph
        .inputs
        .extend(values.iter().filter(|name| used.contains(name.as_str())).map(|name| {
            let size = region.sizes[region.maps[name]].map(Dim::Fixed);
            ValueInfo {
                name: name.clone(),
                data_type: Some(DataType::F32),
                shape: Some([&[Dim::Unknown][..], &size].concat()),
            }
        }));
    graph.value_info.clear();
    let nodes = std::mem::take(&mut graph.nodes).into_iter().enumerate();
    graph.nodes = nodes
        .filter(|(at, _)| !region.nodes.contains(at))
        .map(|(_, node)| node)
        .collect();
    graph
        .initializers
        .retain(|name, _| used.contains(name.as_str()) || model.graph.is_output(name));
    Some(rest)
}
