//! The trainable graph in evaluation mode, as an engine: a model that trains on a GPU is also extracted there.
//!
//! It exists for the devices that the other engines do not support. On the CPU it uses all threads of the process and ignores
//! [`EngineOptions::threads`].

use bytes::Bytes;
use ranktune_nn::{Device, DeviceChoice, Feed, GraphOptions, HostTensor, TrainableGraph};
use ranktune_onnx::{Dim, Model, ValueInfo};

use super::{Elements, Engine, EngineOptions, Input, Output, Session, check_inputs, guarded, no_such_output};
use crate::{Error, ErrorKind};
use ranktune_core::one_line;

const NAME: &str = "burn";

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

struct BurnSession {
    graph: TrainableGraph,
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

    fn load(&self, model: &[u8], _: &EngineOptions) -> Result<Box<dyn Session>, Error> {
        guarded(NAME, "loading the model", || {
            let model = Model::from_bytes(Bytes::copy_from_slice(model), None).map_err(|error| {
                Error::new(ErrorKind::UnsupportedModel, format!("{NAME} cannot read the model")).caused_by(error)
            })?;
            let options = GraphOptions {
                device: self.device.clone(),
                ..GraphOptions::default()
            };
            let graph = TrainableGraph::new(&model, options)
                .map_err(|error| cannot("load the model", ErrorKind::UnsupportedModel, error))?;
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
        check_inputs(inputs, &graph.inputs())?;
        inputs.iter().try_for_each(|input| fits(input, declared))?;
        if let Some(unknown) = outputs.iter().find(|name| !graph.outputs().contains(name)) {
            return Err(no_such_output(unknown, &graph.outputs()));
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
                    Ok((input.name, Feed::from(tensor.map_err(wrong)?)))
                })
                .collect::<Result<Vec<_>, Error>>()?;
            let broken = |error: ranktune_nn::Error| {
                let kind = match error.kind() {
                    ranktune_nn::ErrorKind::Input => ErrorKind::InvalidInput,
                    _ => ErrorKind::Inference,
                };
                cannot("run the model", kind, error)
            };
            let pass = graph.evaluate(&feeds).map_err(broken)?;
            outputs
                .iter()
                .map(|name| {
                    let tensor = pass.output(name).map_err(|error| {
                        cannot("return this output", ErrorKind::UnsupportedModel, error).about(name)
                    })?;
                    Ok(Output {
                        shape: tensor.dims(),
                        data: tensor.to_values().map_err(broken)?,
                    })
                })
                .collect()
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
