//! Running a graph forward, and backward from a loss.

use std::sync::Arc;

use burn::tensor::Device;

use super::trainable::{TrainableGraph, not_found};
use crate::operators::{Context, RunningUpdate, execute, missing};
use crate::tensor::{DeviceTensor, Tape};
use crate::value::Value;
use crate::{Error, ErrorKind, HostTensor, Mode, Result};

/// The value of an input.
#[derive(Clone, Debug)]
pub struct Feed(Value);

impl From<HostTensor> for Feed {
    fn from(host: HostTensor) -> Self {
        Self(host.into())
    }
}

impl From<DeviceTensor> for Feed {
    fn from(tensor: DeviceTensor) -> Self {
        Self(tensor.into())
    }
}

/// The result of a forward pass: its outputs, and the tape for the backward pass.
#[derive(Debug)]
pub struct ForwardPass {
    outputs: Vec<(String, Value)>,
    /// By parameter.
    leaves: Vec<Option<DeviceTensor>>,
    device: Device,
}

/// Gradients by parameter.
#[derive(Debug)]
pub struct Gradients {
    tape: Tape,
    leaves: Vec<Option<DeviceTensor>>,
}

impl Gradients {
    /// Takes the gradient of the parameter at `index` of [`TrainableGraph::parameters`]; `None` when the parameter is not trained,
    /// the loss does not depend on it, or its gradient was taken before.
    pub fn take(&mut self, index: usize) -> Option<DeviceTensor> {
        let leaf = self.leaves.get_mut(index)?.take()?;
        self.tape.gradient(&leaf)
    }
}

impl ForwardPass {
    /// A floating-point output, with its tape.
    ///
    /// # Errors
    /// `NotFound` when the graph has no such output; `Shape` when it is not floating point.
    pub fn output(&self, name: &str) -> Result<DeviceTensor> {
        let value = self.outputs.iter().find(|(one, _)| one == name).map(|(_, value)| value);
        value.ok_or_else(|| not_found("output", name))?.on(&self.device)
    }

    /// Runs the backward pass from `loss` to the parameters.
    ///
    /// # Errors
    /// `Input` when `loss` does not depend on any trainable parameter.
    pub fn backward(self, loss: &DeviceTensor) -> Result<Gradients> {
        // Dropped first, because they keep the tape's activations alive.
        drop(self.outputs);
        Ok(Gradients {
            tape: loss.backward()?,
            leaves: self.leaves,
        })
    }
}

impl TrainableGraph {
    /// Runs the graph. In [`Mode::Training`], running statistics are updated.
    ///
    /// # Errors
    /// `Input` when an input is missing, unknown, or of another type or rank than the graph declares; `Shape` and
    /// `Unsupported`, naming the node, when it does not take the shapes of its inputs.
    pub fn forward(&mut self, feeds: &[(&str, Feed)], mode: Mode) -> Result<ForwardPass> {
        let (pass, updates) = self.run(feeds, mode)?;
        for update in updates {
            let index = self
                .find(&update.name)
                .ok_or_else(|| not_found("parameter", &update.name))?;
            self.set_value(index, update.value)?;
        }
        Ok(pass)
    }

    /// Runs the graph in [`Mode::Evaluation`].
    ///
    /// # Errors
    /// As [`TrainableGraph::forward`].
    pub fn evaluate(&self, feeds: &[(&str, Feed)]) -> Result<ForwardPass> {
        self.run(feeds, Mode::Evaluation).map(|(pass, _)| pass)
    }

    fn run(&self, feeds: &[(&str, Feed)], mode: Mode) -> Result<(ForwardPass, Vec<RunningUpdate>)> {
        let mut values: Vec<Option<Value>> = vec![None; self.slots];
        for (slot, value) in &self.constants {
            values[*slot] = Some(value.clone());
        }
        let mut leaves = Vec::with_capacity(self.values.len());
        for (parameter, (slot, tensor)) in self.parameters.iter().zip(&self.values) {
            let leaf = (mode != Mode::Evaluation && parameter.is_trainable()).then(|| tensor.tracked());
            if values[*slot].is_none() {
                values[*slot] = Some(Value::Device(leaf.clone().unwrap_or_else(|| tensor.clone())));
            }
            leaves.push(leaf);
        }
        self.feed(feeds, &mut values)?;
        let mut context = Context {
            mode,
            kept: Arc::clone(&self.kept),
            updates: Vec::new(),
        };
        execute(&self.steps, &mut values, &self.device, &mut context)?;
        let outputs = self
            .outputs
            .iter()
            .map(|(name, slot)| {
                Ok((
                    name.clone(),
                    values.get(*slot).cloned().flatten().ok_or_else(|| missing(name))?,
                ))
            })
            .collect::<Result<Vec<_>>>()?;
        let pass = ForwardPass {
            outputs,
            leaves,
            device: self.device.clone(),
        };
        Ok((pass, context.updates))
    }

    fn feed(&self, feeds: &[(&str, Feed)], values: &mut [Option<Value>]) -> Result<()> {
        let wrong = |message: String| Error::new(ErrorKind::Input, message);
        for input in &self.inputs {
            let name = &input.name;
            let Some((_, Feed(value))) = feeds.iter().find(|(one, _)| one == name) else {
                return Err(wrong(format!(
                    "no value for input {name:?}; the graph takes {:?}",
                    self.inputs()
                )));
            };
            if let Some(rank) = input.rank
                && rank != value.dims().len()
            {
                return Err(wrong(format!("input {name:?} has rank {rank}, found {value}")));
            }
            let float = value.host().is_none_or(|host| host.as_floats().is_some());
            if input.float.is_some_and(|expected| expected != float) {
                let expected = if float { "integers" } else { "floating point" };
                return Err(wrong(format!("input {name:?} takes {expected}, found {value}")));
            }
            values[input.slot] = Some(if float {
                value.on(&self.device)?.pooled(&self.buffers).into()
            } else {
                value.clone()
            });
        }
        Ok(())
    }
}
