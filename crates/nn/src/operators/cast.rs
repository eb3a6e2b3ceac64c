//! Cast and CastLike. All floating-point types are f32 here, all integer types i64.

use ranktune_onnx::DataType;

use super::{Attributes, Operator};
use crate::value::Value;
use crate::{Error, HostTensor, Result};

#[derive(Clone, Copy, Debug)]
enum Target {
    Float,
    Int,
    Bool,
}

pub(super) fn build(attributes: &mut Attributes) -> Result<Operator> {
    attributes.ignore("saturate");
    let code = attributes
        .int("to")?
        .ok_or_else(|| Error::invalid("attribute \"to\" is missing"))?;
    let target = match DataType::from_code(code) {
        Some(DataType::Bool) => Target::Bool,
        Some(found) if found.is_float() => Target::Float,
        Some(found) if found.is_integer() => Target::Int,
        _ => {
            return Err(Error::unsupported(format!(
                "a cast to data type {code} is not supported"
            )));
        }
    };
    Ok(Box::new(move |inputs, _| Ok(vec![cast(inputs.get(0)?, target)?])))
}

pub(super) fn build_like(attributes: &mut Attributes) -> Result<Operator> {
    attributes.ignore("saturate");
    Ok(Box::new(|inputs, _| {
        let target = match inputs.get(1)?.host().map(HostTensor::type_name) {
            Some("i64") => Target::Int,
            Some("bool") => Target::Bool,
            _ => Target::Float,
        };
        Ok(vec![cast(inputs.get(0)?, target)?])
    }))
}

fn cast(value: &Value, target: Target) -> Result<Value> {
    if let (Value::Device(_), Target::Float) = (value, target) {
        return Ok(value.clone());
    }
    if let (Some("f32"), Target::Float) = (value.host().map(HostTensor::type_name), target) {
        return Ok(value.clone());
    }
    let host = value.to_host()?;
    let dims = host.dims();
    Ok(match target {
        Target::Float => HostTensor::floats(dims, host.to_floats())?,
        Target::Int => HostTensor::ints(dims, host.to_ints())?,
        Target::Bool => HostTensor::bools(dims, host.to_bools())?,
    }
    .into())
}
