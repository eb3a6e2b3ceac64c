//! Cast and CastLike. All floating-point types are f32 here, all integer types i64; a cast to a narrower integer type wraps.

use ranktune_onnx::DataType;

use super::{Attributes, Operator};
use crate::value::Value;
use crate::{Error, HostTensor, Result};

#[derive(Clone, Copy, Debug)]
enum Target {
    Float,
    Int,
    /// An integer of so many bits, with or without a sign.
    Narrow {
        bits: u32,
        signed: bool,
    },
    Bool,
}

/// The integer type `data_type` as a target.
fn integer(data_type: DataType) -> Target {
    let narrow = |bits, signed| Target::Narrow { bits, signed };
    match data_type {
        DataType::I8 => narrow(8, true),
        DataType::U8 => narrow(8, false),
        DataType::I16 => narrow(16, true),
        DataType::U16 => narrow(16, false),
        DataType::I32 => narrow(32, true),
        DataType::U32 => narrow(32, false),
        _ => Target::Int,
    }
}

/// The lowest `bits` of a number in two's complement.
fn wrapped(value: i64, bits: u32, signed: bool) -> i64 {
    let unused = 64 - bits;
    if signed {
        value << unused >> unused
    } else {
        ((value as u64) << unused >> unused) as i64
    }
}

pub(super) fn build(attributes: &mut Attributes) -> Result<Operator> {
    attributes.ignore("saturate");
    let code = attributes
        .int("to")?
        .ok_or_else(|| Error::invalid("attribute \"to\" is missing"))?;
    let target = match DataType::from_code(code) {
        Some(DataType::Bool) => Target::Bool,
        Some(found) if found.is_float() => Target::Float,
        Some(found) if found.is_integer() => integer(found),
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
        Target::Narrow { bits, signed } => {
            let values = host.to_ints().into_iter().map(|value| wrapped(value, bits, signed));
            HostTensor::ints(dims, values.collect())?
        }
        Target::Bool => HostTensor::bools(dims, host.to_bools())?,
    }
    .into())
}
