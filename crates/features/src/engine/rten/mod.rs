//! The pure Rust engine: [rten](https://github.com/robertknight/rten), part of every build, so that nothing has to be
//! installed.
//!
//! rten computes in f32 and i32: its loader converts f16 and f64 constants; i64 inputs are narrowed here and refused if they do
//! not fit.
//!
//! Depthwise convolutions, where rten spends most of its time in mobile networks, are computed here instead: [`stages`] cuts the
//! graph at them, rten runs each stage, and [`depthwise`] computes the convolutions in between. A graph without one, or one that
//! cannot be cut, is a single stage.

use std::collections::HashMap;
use std::fmt::Display;
use std::sync::Arc;

use bytes::Bytes;
use rten::{
    DataType, Model, ModelOptions, NodeId, RunError, RunErrorKind, RunOptions, ThreadPool, Value, ValueOrView,
    ValueType, ValueView,
};
use rten_tensor::prelude::*;

use super::{Elements, Engine, EngineOptions, Input, Output, Session, check_inputs, guarded, no_such_output};
use crate::{Error, ErrorKind};

mod depthwise;
mod prepare;
mod stages;

use depthwise::Depthwise;

const NAME: &str = "rten";

/// The engine, which is always available.
pub(super) fn open() -> Box<dyn Engine> {
    Box::new(Rten)
}

#[derive(Debug)]
struct Rten;

impl Engine for Rten {
    fn name(&self) -> &'static str {
        NAME
    }

    fn description(&self) -> String {
        NAME.to_owned()
    }

    fn load(&self, model: &[u8], options: &EngineOptions) -> Result<Box<dyn Session>, Error> {
        guarded(NAME, "loading the model", || {
            let program = Program::load(model)?;
            Ok(Box::new(RtenSession {
                program,
                pool: Arc::new(ThreadPool::with_num_threads(options.n_threads())),
            }) as _)
        })
    }
}

type Names = Vec<(String, NodeId)>;

/// A graph for rten, and the convolutions that follow it.
struct Stage {
    model: Model,
    inputs: Names,
    outputs: Names,
    convolutions: Vec<Depthwise>,
}

impl Stage {
    fn load(model: Vec<u8>, convolutions: Vec<Depthwise>) -> Result<Self, Error> {
        let model = ModelOptions::with_all_ops().load(model).map_err(|error| {
            Error::new(
                ErrorKind::UnsupportedModel,
                format!("rten cannot load the model: {error}"),
            )
        })?;
        let names = |ids: &[NodeId]| -> Names {
            ids.iter()
                .filter_map(|&id| Some((model.node_info(id)?.name()?.to_owned(), id)))
                .collect()
        };
        Ok(Self {
            inputs: names(model.input_ids()),
            outputs: names(model.output_ids()),
            model,
            convolutions,
        })
    }
}

/// A graph as stages in order.
struct Program {
    stages: Vec<Stage>,
    inputs: Vec<String>,
    outputs: Vec<String>,
    /// The last use of a value: `2 k` by the graph of stage `k`, `2 k + 1` by its convolutions.
    last_use: HashMap<String, usize>,
}

impl Program {
    fn load(model: &[u8]) -> Result<Self, Error> {
        // A model that cannot be read here is left to rten, which then refuses it in the same words as any other.
        let Ok(mut graph) = ranktune_onnx::Model::from_bytes(Bytes::copy_from_slice(model), None) else {
            return Self::whole(model.to_vec());
        };
        let changed = prepare::prepare(&mut graph)?;
        if let Some(program) = Self::in_stages(&graph) {
            return Ok(program);
        }
        let changed = changed.then(|| graph.to_bytes().ok()).flatten();
        Self::whole(changed.unwrap_or_else(|| model.to_vec()))
    }

    fn whole(model: Vec<u8>) -> Result<Self, Error> {
        let stage = Stage::load(model, Vec::new())?;
        let names = |names: &Names| names.iter().map(|(name, _)| name.clone()).collect();
        Ok(Self::new(names(&stage.inputs), names(&stage.outputs), vec![stage]))
    }

    /// `None` if cutting fails or gains nothing; running the whole graph then reports what is wrong, if anything.
    fn in_stages(model: &ranktune_onnx::Model) -> Option<Self> {
        let stages = stages::stages(model)?
            .into_iter()
            .map(|stage| Stage::load(stage.model.to_bytes().ok()?, stage.convolutions).ok());
        let stages = stages.collect::<Option<Vec<_>>>()?;
        let names = |values: &[ranktune_onnx::ValueInfo]| values.iter().map(|value| value.name.clone()).collect();
        Some(Self::new(
            names(&model.graph.inputs),
            names(&model.graph.outputs),
            stages,
        ))
    }

    fn new(inputs: Vec<String>, outputs: Vec<String>, stages: Vec<Stage>) -> Self {
        let mut last_use = HashMap::new();
        for (k, stage) in stages.iter().enumerate() {
            last_use.extend(stage.inputs.iter().map(|(name, _)| (name.clone(), 2 * k)));
            last_use.extend(stage.convolutions.iter().map(|conv| (conv.input.clone(), 2 * k + 1)));
        }
        Self {
            stages,
            inputs,
            outputs,
            last_use,
        }
    }
}

struct RtenSession {
    program: Program,
    pool: Arc<ThreadPool>,
}

/// The values fed and computed so far, by name.
type Values<'a> = HashMap<&'a str, ValueOrView<'a>>;

impl Session for RtenSession {
    fn run(&mut self, inputs: &[Input<'_>], outputs: &[&str]) -> Result<Vec<Output>, Error> {
        let known: Vec<&str> = self.program.inputs.iter().map(String::as_str).collect();
        check_inputs(inputs, &known)?;
        let known: Vec<&str> = self.program.outputs.iter().map(String::as_str).collect();
        if let Some(name) = outputs.iter().find(|name| !known.contains(name)) {
            return Err(no_such_output(name, &known));
        }
        let mut values = Values::new();
        for input in inputs {
            values.insert(input.name, value_of(input)?);
        }
        guarded(NAME, "running the model", || self.run_stages(&mut values, outputs))?;
        outputs.iter().map(|name| output(name, values.get(name))).collect()
    }
}

impl RtenSession {
    /// Adds the `wanted` values to `values`, and drops values as soon as they are not needed any more.
    fn run_stages<'a>(&'a self, values: &mut Values<'a>, wanted: &[&str]) -> Result<(), Error> {
        let needed_after = |name: &str, time: usize| {
            wanted.contains(&name) || self.program.last_use.get(name).is_some_and(|&last| last > time)
        };
        for (k, stage) in self.program.stages.iter().enumerate() {
            let outputs = stage.outputs.iter().filter(|(name, _)| needed_after(name, 2 * k));
            let (names, ids): (Vec<&str>, Vec<NodeId>) = outputs.map(|(name, id)| (name.as_str(), *id)).unzip();
            if !names.is_empty() {
                // rten computes in place in owned values, and copies borrowed ones.
                let (given, lent): (Vec<_>, Vec<_>) =
                    stage.inputs.iter().partition(|(name, _)| !needed_after(name, 2 * k));
                let given: Vec<_> = given
                    .into_iter()
                    .map(|(name, id)| Ok((*id, values.remove(name.as_str()).ok_or_else(|| not_there(name))?)))
                    .collect::<Result<_, Error>>()?;
                let lent = lent
                    .into_iter()
                    .map(|(name, id)| {
                        Ok((
                            *id,
                            values
                                .get(name.as_str())
                                .ok_or_else(|| not_there(name))?
                                .as_view()
                                .into(),
                        ))
                    })
                    .collect::<Result<Vec<_>, Error>>()?;
                let fed = given.into_iter().chain(lent).collect();
                let options = RunOptions::default().with_thread_pool(Some(Arc::clone(&self.pool)));
                let made = stage
                    .model
                    .run(fed, &ids, Some(options))
                    .map_err(|error| run_error(&error))?;
                values.extend(names.into_iter().zip(made.into_iter().map(ValueOrView::Value)));
            }
            for (at, convolution) in stage.convolutions.iter().enumerate() {
                let made = self.convolve(convolution, values)?;
                values.insert(&convolution.output, made);
                let mut later = stage.convolutions[at + 1..].iter();
                let is_read_again = later.any(|later| later.input == convolution.input);
                if !is_read_again && !needed_after(&convolution.input, 2 * k + 1) {
                    values.remove(convolution.input.as_str());
                }
            }
        }
        Ok(())
    }

    fn convolve<'a>(&self, convolution: &Depthwise, values: &Values<'a>) -> Result<ValueOrView<'a>, Error> {
        let value = values
            .get(convolution.input.as_str())
            .ok_or_else(|| not_there(&convolution.input))?;
        let ValueView::FloatTensor(x) = value.as_view() else {
            return Err(Error::new(
                ErrorKind::UnsupportedModel,
                format!("node {:?} (Conv): expected a floating-point input", convolution.label),
            ));
        };
        let elements = x.to_contiguous();
        let (shape, y) = self.pool.run(|| convolution.run(x.shape(), elements.data()))?;
        let value = Value::from_shape(shape, y).map_err(|error| Error::new(ErrorKind::Inference, error.to_string()))?;
        Ok(value.into())
    }
}

fn not_there(name: &str) -> Error {
    Error::new(ErrorKind::Inference, format!("value {name:?} has not been computed"))
}

fn value_of<'a>(input: &Input<'a>) -> Result<ValueOrView<'a>, Error> {
    let refused =
        |reason: &dyn Display| Error::new(ErrorKind::InvalidInput, format!("input {:?}: {reason}", input.name));
    match input.elements {
        Elements::F32(elements) => Ok(ValueView::from_shape(input.shape, elements)
            .map_err(|error| refused(&error))?
            .into()),
        Elements::I64(elements) => {
            let narrowed = elements.iter().map(|&element| {
                i32::try_from(element)
                    .map_err(|_| refused(&format!("{element} does not fit into the 32-bit integers of rten")))
            });
            let narrowed = narrowed.collect::<Result<Vec<_>, _>>()?;
            Ok(Value::from_shape(input.shape, narrowed)
                .map_err(|error| refused(&error))?
                .into())
        }
    }
}

fn output(name: &str, value: Option<&ValueOrView<'_>>) -> Result<Output, Error> {
    let value = value.ok_or_else(|| not_there(name))?.as_view();
    let ValueView::FloatTensor(tensor) = value else {
        let found = match value.dtype() {
            ValueType::Tensor(DataType::Int32) => "integers or booleans".to_owned(),
            other => other.to_string(),
        };
        return Err(Error::new(
            ErrorKind::UnsupportedModel,
            format!("output {name:?} holds {found}, expected floating point"),
        ));
    };
    Ok(Output {
        shape: tensor.shape().to_vec(),
        data: tensor.to_vec(),
    })
}

fn run_error(error: &RunError) -> Error {
    let kind = match error.kind() {
        RunErrorKind::InvalidInput | RunErrorKind::NodeNotFound | RunErrorKind::PlanningError => {
            ErrorKind::InvalidInput
        }
        _ => ErrorKind::Inference,
    };
    Error::new(kind, format!("rten cannot run the model: {error}"))
}

#[cfg(test)]
mod tests;
