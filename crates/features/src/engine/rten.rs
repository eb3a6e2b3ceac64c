//! The engine in pure Rust: [rten](https://github.com/robertknight/rten), in every build, so that nothing has to be
//! installed.
//!
//! rten computes in f32 and i32: f16 and f64 constants are widened or narrowed by its loader, i64 inputs are narrowed here and
//! refused if they do not fit.

use std::fmt::Display;
use std::sync::Arc;

use rten::{
    DataType, Model, ModelOptions, RunError, RunErrorKind, RunOptions, ThreadPool, Value, ValueOrView, ValueView,
};
use rten_tensor::prelude::*;

use super::{Elements, Engine, EngineOptions, Input, Output, Session, check_inputs, guarded, no_such_output};
use crate::{Error, ErrorKind};

const NAME: &str = "rten";

/// The engine; it is always there.
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
        let model = guarded(NAME, "loading the model", || {
            ModelOptions::with_all_ops().load(model.to_vec()).map_err(|error| {
                Error::new(
                    ErrorKind::UnsupportedModel,
                    format!("rten cannot load the model: {error}"),
                )
            })
        })?;
        let names = |ids: &[rten::NodeId]| -> Vec<_> {
            ids.iter()
                .filter_map(|&id| Some((model.node_info(id)?.name()?.to_owned(), id)))
                .collect()
        };
        Ok(Box::new(RtenSession {
            inputs: names(model.input_ids()),
            outputs: names(model.output_ids()),
            options: RunOptions::default()
                .with_thread_pool(Some(Arc::new(ThreadPool::with_num_threads(options.n_threads())))),
            model,
        }))
    }
}

struct RtenSession {
    model: Model,
    inputs: Vec<(String, rten::NodeId)>,
    outputs: Vec<(String, rten::NodeId)>,
    options: RunOptions,
}

impl Session for RtenSession {
    fn run(&mut self, inputs: &[Input<'_>], outputs: &[&str]) -> Result<Vec<Output>, Error> {
        check_inputs(inputs, &names(&self.inputs))?;
        let mut fed = Vec::with_capacity(inputs.len());
        for input in inputs {
            let Some(id) = find(&self.inputs, input.name) else {
                continue;
            };
            let refused =
                |reason: &dyn Display| Error::new(ErrorKind::InvalidInput, format!("input {:?}: {reason}", input.name));
            let value: ValueOrView<'_> = match input.elements {
                Elements::F32(elements) => ValueView::from_shape(input.shape, elements)
                    .map_err(|e| refused(&e))?
                    .into(),
                Elements::I64(elements) => {
                    let narrowed = narrow(input.name, elements)?;
                    Value::from_shape(input.shape, narrowed)
                        .map_err(|e| refused(&e))?
                        .into()
                }
            };
            fed.push((id, value));
        }
        let wanted = outputs
            .iter()
            .map(|name| find(&self.outputs, name).ok_or_else(|| no_such_output(name, &names(&self.outputs))))
            .collect::<Result<Vec<_>, _>>()?;
        let values = guarded(NAME, "running the model", || {
            self.model
                .run(fed, &wanted, Some(self.options.clone()))
                .map_err(|error| run_error(&error))
        })?;
        outputs
            .iter()
            .zip(values)
            .map(|(name, value)| output(name, value))
            .collect()
    }
}

fn names(nodes: &[(String, rten::NodeId)]) -> Vec<&str> {
    nodes.iter().map(|(name, _)| name.as_str()).collect()
}

fn find(nodes: &[(String, rten::NodeId)], name: &str) -> Option<rten::NodeId> {
    nodes.iter().find(|(known, _)| known == name).map(|&(_, id)| id)
}

fn narrow(name: &str, elements: &[i64]) -> Result<Vec<i32>, Error> {
    elements
        .iter()
        .map(|&element| {
            i32::try_from(element).map_err(|_| {
                Error::new(
                    ErrorKind::InvalidInput,
                    format!("input {name:?} holds {element}, and rten's integers have 32 bits; use onnxruntime"),
                )
            })
        })
        .collect()
}

fn output(name: &str, value: Value) -> Result<Output, Error> {
    let Value::FloatTensor(tensor) = value else {
        let found = match value.dtype() {
            rten::ValueType::Tensor(DataType::Int32) => "integers or booleans".to_owned(),
            other => other.to_string(),
        };
        return Err(Error::new(
            ErrorKind::UnsupportedModel,
            format!("output {name:?} holds {found}, expected floating point"),
        ));
    };
    Ok(Output {
        shape: tensor.shape().to_vec(),
        data: tensor.into_data(),
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
