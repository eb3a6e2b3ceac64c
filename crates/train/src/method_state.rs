//! The state of a method that outlives a step, such as a queue of features: named arrays, which checkpoints hold.

use std::collections::BTreeMap;

use ranktune_nn::{Device, DeviceTensor};

use crate::error::{Error, Result};

/// An array of the state.
#[derive(Clone, Debug, PartialEq)]
pub struct StateArray {
    /// Its shape.
    pub dims: Vec<usize>,
    /// Its values, row-major.
    pub values: Vec<f32>,
}

/// The state of a method. A step reads it from [`StepContext::state`](crate::StepContext::state) and returns the next one in
/// [`Loss::state`](crate::Loss::state), so a method itself does not change and a run can be repeated and resumed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MethodState(BTreeMap<String, StateArray>);

impl MethodState {
    /// Sets an array.
    ///
    /// # Errors
    /// `Input` when `values` does not hold as many numbers as `dims` takes.
    pub fn set(&mut self, name: &str, dims: &[usize], values: Vec<f32>) -> Result<()> {
        let expected: usize = dims.iter().product();
        if expected != values.len() {
            return Err(Error::input(format!(
                "the state {name:?} of shape {dims:?} takes {expected} values, found {}",
                values.len()
            )));
        }
        let dims = dims.to_vec();
        self.0.insert(name.to_owned(), StateArray { dims, values });
        Ok(())
    }

    /// An array.
    ///
    /// # Errors
    /// `Input` when there is none of this name.
    pub fn get(&self, name: &str) -> Result<&StateArray> {
        self.0
            .get(name)
            .ok_or_else(|| Error::input(format!("the method has no state {name:?}")))
    }

    /// The arrays as tensors, by name.
    pub(crate) fn tensors(&self, device: &Device) -> Result<Vec<(String, DeviceTensor)>> {
        let each = self.0.iter().map(|(name, array)| {
            let tensor = DeviceTensor::from_values(&array.dims, array.values.clone(), device)?;
            Ok((name.clone(), tensor))
        });
        each.collect()
    }
}
