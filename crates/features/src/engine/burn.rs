//! Our own graph, as an engine: on the CPU with its mode for inference, on a GPU as the trainable graph in evaluation mode.
//!
//! On the CPU, convolutional parts run in a blocked layout, one image to a thread. The engine uses all threads of the process
//! and ignores [`EngineOptions::threads`].

use bytes::Bytes;
use ranktune_nn::{
    Device, DeviceChoice, Feed, GraphOptions, HostTensor, InferenceGraph, TrainableGraph, blocked_share,
};
use ranktune_onnx::{Dim, Model, ValueInfo};

use super::{Elements, Engine, EngineOptions, Input, Output, Session, check_inputs, guarded, no_such_output};
use crate::{Error, ErrorKind};
use ranktune_core::one_line;

const NAME: &str = "burn";

/// Share of the convolutions from which this engine is faster than rten. Models were seen at 1 and below a half.
const BLOCKED: f64 = 0.9;

/// Opens the engine on a device.
pub(super) fn open(choice: DeviceChoice) -> Result<Box<dyn Engine>, Error> {
    let device = choice.open().map_err(|error| {
        // The device's own message says what to try.
        Error::new(ErrorKind::NotInBuild, one_line(&error))
    })?;
    Ok(Box::new(Burn { device, choice }))
}

#[derive(Debug)]
struct Burn {
    device: Device,
    choice: DeviceChoice,
}

/// The graph, in the mode for its device.
enum Graph {
    Inference(Box<InferenceGraph>),
    Trainable(Box<TrainableGraph>),
}

/// Outputs with their shapes.
type Values = Vec<(Vec<usize>, Vec<f32>)>;

impl Graph {
    fn names(&self) -> (Vec<&str>, Vec<&str>) {
        match self {
            Self::Inference(graph) => (graph.inputs(), graph.outputs()),
            Self::Trainable(graph) => (graph.inputs(), graph.outputs()),
        }
    }

    /// The outputs `wanted`, with their shapes.
    fn run(&self, feeds: Vec<(&str, HostTensor)>, wanted: &[&str]) -> Result<Values, ranktune_nn::Error> {
        let graph = match self {
            Self::Inference(graph) => return graph.run(feeds, wanted),
            Self::Trainable(graph) => graph,
        };
        let feeds: Vec<_> = feeds
            .into_iter()
            .map(|(name, tensor)| (name, Feed::from(tensor)))
            .collect();
        let pass = graph.evaluate(&feeds)?;
        let outputs = wanted.iter().map(|name| {
            // `NotFound` tells this error from one of a node.
            let not_float = |error| {
                let message = format!("the graph has no floating-point output {name:?}");
                ranktune_nn::Error::new(ranktune_nn::ErrorKind::NotFound, message).caused_by(error)
            };
            let tensor = pass.output(name).map_err(not_float)?;
            Ok((tensor.dims(), tensor.to_values()?))
        });
        outputs.collect()
    }
}

struct BurnSession {
    graph: Graph,
    /// The inputs as the model declares them.
    declared: Vec<ValueInfo>,
}

/// What the engine could not do, and why.
fn cannot(what: &str, kind: ErrorKind, error: ranktune_nn::Error) -> Error {
    Error::new(kind, format!("{NAME} cannot {what}")).caused_by(error)
}

impl Engine for Burn {
    fn name(&self) -> &'static str {
        NAME
    }

    fn description(&self) -> String {
        format!("{NAME} on {}", self.choice)
    }

    /// A GPU needs large batches.
    fn preferred_batch(&self, elements: usize) -> usize {
        match self.choice {
            DeviceChoice::Cpu => 16,
            _ => (64 * 3 * 224 * 224 / elements.max(1)).clamp(1, 256),
        }
    }

    /// Where nearly all convolutions run in the blocked layout.
    fn is_fastest_for(&self, model: &Model) -> bool {
        matches!(self.choice, DeviceChoice::Cpu) && blocked_share(model) >= BLOCKED
    }

    fn load(&self, model: &[u8], _: &EngineOptions) -> Result<Box<dyn Session>, Error> {
        guarded(NAME, "loading the model", || {
            let model = Model::from_bytes(Bytes::copy_from_slice(model), None).map_err(|error| {
                Error::new(ErrorKind::UnsupportedModel, format!("{NAME} cannot read the model")).caused_by(error)
            })?;
            let options = GraphOptions {
                device: self.device.clone(),
                ..GraphOptions::default()
            };
            let graph = match self.choice {
                DeviceChoice::Cpu => {
                    InferenceGraph::new(&model, options).map(|graph| Graph::Inference(Box::new(graph)))
                }
                _ => TrainableGraph::new(&model, options).map(|graph| Graph::Trainable(Box::new(graph))),
            };
            let graph = graph.map_err(|error| cannot("load the model", ErrorKind::UnsupportedModel, error))?;
            Ok(Box::new(BurnSession {
                graph,
                declared: model.graph.inputs,
            }) as _)
        })
    }
}

impl Session for BurnSession {
    fn run(&mut self, inputs: &[Input<'_>], outputs: &[&str]) -> Result<Vec<Output>, Error> {
        let Self { graph, declared } = self;
        let (known_inputs, known_outputs) = graph.names();
        check_inputs(inputs, &known_inputs)?;
        inputs.iter().try_for_each(|input| fits(input, declared))?;
        if let Some(unknown) = outputs.iter().find(|name| !known_outputs.contains(name)) {
            return Err(no_such_output(unknown, &known_outputs));
        }
        guarded(NAME, "running the graph", || {
            let wrong = |error| cannot("take the input", ErrorKind::InvalidInput, error);
            let feeds = inputs
                .iter()
                .map(|input| {
                    let tensor = match input.elements {
                        Elements::F32(values) => HostTensor::floats(input.shape, values.to_vec()),
                        Elements::I64(values) => HostTensor::ints(input.shape, values.to_vec()),
                    };
                    Ok((input.name, tensor.map_err(wrong)?))
                })
                .collect::<Result<Vec<_>, Error>>()?;
            let values = graph.run(feeds, outputs).map_err(|error| match error.kind() {
                ranktune_nn::ErrorKind::Input => cannot("run the model", ErrorKind::InvalidInput, error),
                ranktune_nn::ErrorKind::NotFound => cannot(
                    &format!("return an output: {error}"),
                    ErrorKind::UnsupportedModel,
                    error,
                ),
                _ => cannot("run the model", ErrorKind::Inference, error),
            })?;
            Ok(values.into_iter().map(|(shape, data)| Output { shape, data }).collect())
        })
    }
}

/// Refuses a shape that differs from the declared one; the error of the first operator would be harder to understand.
fn fits(input: &Input<'_>, declared: &[ValueInfo]) -> Result<(), Error> {
    let shape = declared.iter().find(|value| value.name == input.name);
    let Some(shape) = shape.and_then(|value| value.shape.as_deref()) else {
        return Ok(());
    };
    let same = |(expected, found): (&Dim, &usize)| !matches!(expected, Dim::Fixed(size) if size != found);
    if shape.len() == input.shape.len() && shape.iter().zip(input.shape).all(same) {
        return Ok(());
    }
    let declared: Vec<String> = shape.iter().map(Dim::to_string).collect();
    let message = format!(
        "input {:?} is declared as [{}], found shape {:?}",
        input.name,
        declared.join(", "),
        input.shape
    );
    Err(Error::new(ErrorKind::InvalidInput, message))
}
