//! Parameters back into the ONNX model, which then is an ordinary file again.

use half::{bf16, f16};
use ranktune_onnx::{DataType, Model, Tensor};

use super::{Graph, Role, not_found};
use crate::{Error, Result};

impl Graph {
    /// Writes trained parameters and running statistics into the initializers of `model`, in the types they have there.
    ///
    /// # Errors
    /// `NotFound` when `model` lacks one; `Shape` when it has another shape there.
    pub fn write_back(&self, model: &mut Model) -> Result<()> {
        for (parameter, (_, value)) in self.parameters.iter().zip(&self.values) {
            if !matches!(parameter.role, Role::Trainable | Role::Frozen | Role::Statistics) {
                continue;
            }
            let name = &parameter.name;
            let tensor = model.graph.initializers.get_mut(name).ok_or_else(|| not_found("initializer", name))?;
            if tensor.dims != parameter.dims {
                let (expected, found) = (&parameter.dims, &tensor.dims);
                return Err(Error::shape(format!("initializer {name:?} has shape {found:?} in the model, expected {expected:?}")));
            }
            *tensor = encode(tensor.data_type, &tensor.dims, &value.to_values()?)?;
        }
        Ok(())
    }
}

/// Values in one of the floating-point types.
fn encode(data_type: DataType, dims: &[usize], values: &[f32]) -> Result<Tensor> {
    let data: Vec<u8> = match data_type {
        DataType::F64 => values.iter().flat_map(|&value| f64::from(value).to_le_bytes()).collect(),
        DataType::F16 => values.iter().flat_map(|&value| f16::from_f32(value).to_le_bytes()).collect(),
        DataType::BF16 => values.iter().flat_map(|&value| bf16::from_f32(value).to_le_bytes()).collect(),
        _ => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
    };
    Tensor::new(data_type, dims, data.into()).map_err(|error| Error::invalid("a parameter cannot be written").caused_by(error))
}
