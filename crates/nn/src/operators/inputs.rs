//! The inputs of a node, and the context in which it runs.

use std::collections::HashSet;
use std::sync::Arc;

use burn::tensor::Device;

use crate::tensor::DeviceTensor;
use crate::value::Value;
use crate::{Error, HostTensor, Mode, Result};

/// The values of a node's inputs; an absent optional input is `None`.
pub(crate) struct Inputs<'a> {
    values: Vec<Option<Value>>,
    names: &'a [String],
    device: &'a Device,
}

/// New running statistics of a normalization layer.
pub(crate) struct RunningUpdate {
    /// Name of the initializer.
    pub name: String,
    /// Its new value.
    pub value: DeviceTensor,
}

/// The state that a node may read and change besides its outputs.
pub(crate) struct Context {
    pub mode: Mode,
    /// Names of running statistics that training uses and does not update.
    pub kept: Arc<HashSet<String>>,
    pub updates: Vec<RunningUpdate>,
}

impl<'a> Inputs<'a> {
    pub(crate) fn new(values: Vec<Option<Value>>, names: &'a [String], device: &'a Device) -> Self {
        Self { values, names, device }
    }

    /// The device that the graph runs on.
    pub(crate) fn device_of_graph(&self) -> &Device {
        self.device
    }

    /// Number of inputs, including absent ones.
    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    /// Name of the value at `position`.
    pub(crate) fn name(&self, position: usize) -> &str {
        self.names.get(position).map_or("", String::as_str)
    }

    /// The input, if present.
    pub(crate) fn optional(&self, position: usize) -> Option<&Value> {
        self.values.get(position)?.as_ref()
    }

    /// The input.
    ///
    /// # Errors
    /// `Invalid` when it is absent.
    pub(crate) fn get(&self, position: usize) -> Result<&Value> {
        self.optional(position)
            .ok_or_else(|| Error::invalid(format!("input {position} is missing")))
    }

    /// The input as a floating-point tensor on the device.
    pub(crate) fn tensor(&self, position: usize) -> Result<DeviceTensor> {
        self.get(position)?.on(self.device)
    }

    /// As [`Inputs::tensor`], for an optional input.
    pub(crate) fn optional_tensor(&self, position: usize) -> Result<Option<DeviceTensor>> {
        self.optional(position).map(|value| value.on(self.device)).transpose()
    }

    /// The input, computed on the host.
    ///
    /// # Errors
    /// `Unsupported` when it depends on values on the device.
    pub(crate) fn host(&self, position: usize) -> Result<&HostTensor> {
        self.get(position)?.host().ok_or_else(|| {
            Error::unsupported(format!(
                "input {position} must not depend on the model's floating-point inputs or parameters"
            ))
        })
    }

    /// The input as a list of integers.
    pub(crate) fn ints(&self, position: usize) -> Result<Vec<i64>> {
        Ok(self.host(position)?.to_ints())
    }

    /// As [`Inputs::ints`], for an optional input.
    pub(crate) fn optional_ints(&self, position: usize) -> Result<Option<Vec<i64>>> {
        match self.optional(position) {
            None => Ok(None),
            Some(_) => self.ints(position).map(Some),
        }
    }

    /// The input as one number, if present.
    ///
    /// # Errors
    /// `Shape` when it is not one number.
    pub(crate) fn optional_number(&self, position: usize) -> Result<Option<f32>> {
        if self.optional(position).is_none() {
            return Ok(None);
        }
        match self.host(position)?.to_floats().as_slice() {
            [value] => Ok(Some(*value)),
            values => Err(Error::shape(format!(
                "input {position} must be one number, got {}",
                values.len()
            ))),
        }
    }

    /// Types and shapes, for error messages.
    pub(crate) fn describe(&self) -> String {
        let shown: Vec<String> = self
            .values
            .iter()
            .map(|value| value.as_ref().map_or_else(|| "none".to_owned(), Value::to_string))
            .collect();
        shown.join(", ")
    }
}
