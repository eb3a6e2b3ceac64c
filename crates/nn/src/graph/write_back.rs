//! Writes parameters back into the ONNX model.

use std::collections::HashSet;

use half::{bf16, f16};
use ranktune_onnx::{DataType, Model, Tensor};

use super::compile::copied;
use super::parameter::ParameterRole;
use super::trainable::{TrainableGraph, not_found};
use crate::{Error, Result};

impl TrainableGraph {
    /// Writes trained parameters and running statistics into the initializers of `model`, in the types they have there.
    /// A parameter that `model` holds as a copy of another gets an initializer of its own in place of the copying node.
    ///
    /// # Errors
    /// `NotFound` when `model` has no initializer of a parameter's name; `Shape` when its shape differs.
    pub fn write_back(&self, model: &mut Model) -> Result<()> {
        self.separate(model);
        for (parameter, (_, value)) in self.parameters.iter().zip(&self.values) {
            if !matches!(
                parameter.role,
                ParameterRole::Trainable | ParameterRole::Frozen | ParameterRole::Statistics
            ) {
                continue;
            }
            let name = &parameter.name;
            let tensor = model
                .graph
                .initializers
                .get_mut(name)
                .ok_or_else(|| not_found("initializer", name))?;
            if tensor.dims != parameter.dims {
                let (expected, found) = (&parameter.dims, &tensor.dims);
                return Err(Error::shape(format!(
                    "initializer {name:?} has shape {found:?} in the model, expected {expected:?}"
                )));
            }
            *tensor = encode(tensor.data_type, &tensor.dims, &value.to_values()?)?;
        }
        Ok(())
    }
}

impl TrainableGraph {
    /// Replaces nodes that copy an initializer by initializers.
    fn separate(&self, model: &mut Model) {
        let known: HashSet<&str> = self
            .parameters
            .iter()
            .map(|parameter| parameter.name.as_str())
            .collect();
        let copies: Vec<(String, Tensor)> = model
            .graph
            .nodes
            .iter()
            .filter_map(|node| Some((node.output(0)?.to_owned(), copied(model, node)?.clone())))
            .filter(|(name, _)| known.contains(name.as_str()))
            .collect();
        let replaced: HashSet<&str> = copies.iter().map(|(name, _)| name.as_str()).collect();
        model
            .graph
            .nodes
            .retain(|node| !node.output(0).is_some_and(|name| replaced.contains(name)));
        model.graph.initializers.extend(copies);
    }
}

/// A tensor of `values` in one of the floating-point types; other types are written as f32.
///
/// # Errors
/// `Invalid` when there are not as many values as `dims` takes.
pub fn encode(data_type: DataType, dims: &[usize], values: &[f32]) -> Result<Tensor> {
    let data: Vec<u8> = match data_type {
        DataType::F64 => values
            .iter()
            .flat_map(|&value| f64::from(value).to_le_bytes())
            .collect(),
        DataType::F16 => values
            .iter()
            .flat_map(|&value| f16::from_f32(value).to_le_bytes())
            .collect(),
        DataType::BF16 => values
            .iter()
            .flat_map(|&value| bf16::from_f32(value).to_le_bytes())
            .collect(),
        _ => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
    };
    Ok(Tensor::new(data_type, dims, data.into())?)
}
