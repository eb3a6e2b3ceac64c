//! [`TrainableGraph`]: the nodes of a model, ready to run, with its parameters on a device.

use std::collections::HashSet;
use std::sync::Arc;

use burn::tensor::Device;

use super::parameter::{GraphParameter, ParameterRole};
use crate::kernels::BufferPool;
use crate::operators::{Slot, Step};
use crate::tensor::DeviceTensor;
use crate::value::Value;
use crate::{Error, ErrorKind, Result};

/// Settings of a graph.
#[derive(Clone, Debug)]
pub struct GraphOptions {
    /// The tensors to compute, any of the graph; if empty (the default), the model's outputs.
    pub outputs: Vec<String>,
    /// The device that the parameters live on; Burn's CPU backend by default.
    pub device: Device,
    /// Where kernels on the CPU backend take their buffers from; a pool of the graph's own by default. Graphs that run in turn,
    /// such as those of one training session, may share one.
    pub buffers: BufferPool,
}

impl Default for GraphOptions {
    fn default() -> Self {
        Self {
            outputs: Vec::new(),
            device: Device::flex(),
            buffers: BufferPool::new(),
        }
    }
}

/// An input that a caller feeds.
pub(super) struct GraphInput {
    pub name: String,
    pub slot: Slot,
    pub float: Option<bool>,
    pub rank: Option<usize>,
}

/// A trainable graph.
///
/// # Examples
/// ```no_run
/// use ranktune_nn::{Feed, TrainableGraph, HostTensor, Mode, GraphOptions};
///
/// let mut model = ranktune_onnx::Model::load("model.onnx".as_ref())?;
/// let mut graph = TrainableGraph::new(&model, GraphOptions::default())?;
/// let images = HostTensor::floats(&[1, 3, 32, 32], vec![0.5; 3 * 32 * 32])?;
/// let pass = graph.forward(&[("pixel_values", Feed::from(images))], Mode::Training)?;
/// let logits = pass.output("logits")?;
/// let loss = logits.mul(&logits)?.mean(&[0, 1]);
/// let mut gradients = pass.backward(&loss)?;
/// for index in 0..graph.parameters().len() {
///     if let Some(gradient) = gradients.take(index) {
///         let value = graph.value(index).sub(&gradient.mul_scalar(0.01))?;
///         graph.set_value(index, value)?;
///     }
/// }
/// graph.write_back(&mut model)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct TrainableGraph {
    pub(super) device: Device,
    pub(super) inputs: Vec<GraphInput>,
    pub(super) steps: Vec<Step>,
    pub(super) outputs: Vec<(String, Slot)>,
    pub(super) slots: usize,
    /// Values that are the same at every run.
    pub(super) constants: Vec<(Slot, Value)>,
    pub(super) parameters: Vec<GraphParameter>,
    /// Names of running statistics that training does not update.
    pub(super) kept: Arc<HashSet<String>>,
    /// By parameter: its slot and value, if the graph runs on it.
    pub(super) values: Vec<(Slot, DeviceTensor)>,
    /// The pool of every tensor that the graph computes.
    pub(super) buffers: BufferPool,
}

impl std::fmt::Debug for TrainableGraph {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TrainableGraph")
            .field("inputs", &self.inputs())
            .field("outputs", &self.outputs())
            .field("nodes", &self.steps.len())
            .field("parameters", &self.parameters.len())
            .finish()
    }
}

impl TrainableGraph {
    /// The device that the graph runs on.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Names of the inputs that [`TrainableGraph::forward`] takes.
    pub fn inputs(&self) -> Vec<&str> {
        self.inputs.iter().map(|input| input.name.as_str()).collect()
    }

    /// Names of the outputs.
    pub fn outputs(&self) -> Vec<&str> {
        self.outputs.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// All floating-point initializers, with their roles in training.
    pub fn parameters(&self) -> &[GraphParameter] {
        &self.parameters
    }

    /// Position of a parameter in [`TrainableGraph::parameters`].
    pub fn find(&self, name: &str) -> Option<usize> {
        self.parameters.iter().position(|parameter| parameter.name == name)
    }

    /// The value of the parameter at `index`.
    pub fn value(&self, index: usize) -> &DeviceTensor {
        &self.values[index].1
    }

    /// Changes the value of the parameter at `index`.
    ///
    /// # Errors
    /// `Shape` when the shape changes.
    pub fn set_value(&mut self, index: usize, value: DeviceTensor) -> Result<()> {
        let (expected, found) = (&self.parameters[index].dims, value.dims());
        if *expected != found {
            let name = &self.parameters[index].name;
            return Err(Error::shape(format!(
                "{name:?} has shape {expected:?}, found {found:?}"
            )));
        }
        let old = std::mem::replace(&mut self.values[index].1, value.detached().pooled(&self.buffers));
        drop(value);
        crate::kernels::release(old);
        Ok(())
    }

    /// A step of plain SGD: subtracts `rate · gradient` from the parameter at `index`.
    ///
    /// # Errors
    /// `Shape` when the gradient does not have the parameter's shape.
    pub fn descend(&mut self, index: usize, gradient: DeviceTensor, rate: f32) -> Result<()> {
        let value = self.value(index);
        let same = value.dims() == gradient.dims();
        let new = match same.then(|| crate::kernels::descend(value, &gradient, rate)).flatten() {
            Some(new) => new,
            None => value.sub(&gradient.mul_scalar(rate))?,
        };
        crate::kernels::release(gradient);
        self.set_value(index, new)
    }

    /// Freezes the trainable parameters for which `chosen` returns true. Returns their number.
    pub fn freeze(&mut self, chosen: impl Fn(&str) -> bool) -> usize {
        let mut frozen = 0;
        for parameter in &mut self.parameters {
            if parameter.role == ParameterRole::Trainable && chosen(&parameter.name) {
                parameter.role = ParameterRole::Frozen;
                frozen += 1;
            }
        }
        frozen
    }

    /// Freezes the running statistics for which `chosen` returns true: their normalizations use them in training too. Returns
    /// their number.
    pub fn keep_statistics(&mut self, chosen: impl Fn(&str) -> bool) -> usize {
        let mut kept = (*self.kept).clone();
        let before = kept.len();
        for parameter in &mut self.parameters {
            if parameter.role == ParameterRole::Statistics && chosen(&parameter.name) {
                parameter.role = ParameterRole::Frozen;
                kept.insert(parameter.name.clone());
            }
        }
        let found = kept.len() - before;
        self.kept = Arc::new(kept);
        found
    }
}

/// `what` is not in the graph.
pub(super) fn not_found(what: &str, name: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("the graph has no {what} {name:?}"))
}
