//! Add, Sub, Mul, Div, Pow, Mod; and Sum, Mean, Max, Min over any number of inputs. All broadcast.
//!
//! Two host tensors give a host tensor: integers divide towards zero, as C does, and wrap where they overflow.

use super::{Attributes, Inputs, Operator};
use crate::host::HostData;
use crate::shape::broadcast;
use crate::tensor::{DeviceTensor, Extremum};
use crate::value::Value;
use crate::{Error, HostTensor, Result, kernels};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arithmetic {
    Add,
    Sub,
    Mul,
    Div,
    Pow,
    /// Remainder with the divisor's sign.
    Mod,
    /// Remainder with the dividend's sign.
    Fmod,
    Max,
    Min,
}

/// Operators of two inputs.
pub(super) fn pair(attributes: &mut Attributes, kind: Arithmetic) -> Result<Operator> {
    if attributes.opset() < 7 {
        return Err(Error::unsupported(
            "operator sets before 7 broadcast differently; export the model with a newer one",
        ));
    }
    Ok(Box::new(move |inputs, _| {
        Ok(vec![apply(kind, inputs.get(0)?, inputs.get(1)?, inputs)?])
    }))
}

/// Mod, whose remainder has the sign of the dividend with `fmod`, else that of the divisor.
pub(super) fn remainder(attributes: &mut Attributes) -> Result<Operator> {
    let kind = if attributes.flag("fmod", false)? {
        Arithmetic::Fmod
    } else {
        Arithmetic::Mod
    };
    pair(attributes, kind)
}

/// Operators of any number of inputs.
pub(super) fn fold(kind: Arithmetic) -> Result<Operator> {
    Ok(Box::new(move |inputs, _| Ok(vec![folded(kind, inputs)?])))
}

/// The mean of any number of inputs.
pub(super) fn mean() -> Result<Operator> {
    Ok(Box::new(|inputs, _| {
        let sum = folded(Arithmetic::Add, inputs)?;
        let count = HostTensor::floats(&[], vec![inputs.len() as f32])?;
        Ok(vec![apply(Arithmetic::Div, &sum, &count.into(), inputs)?])
    }))
}

fn folded(kind: Arithmetic, inputs: &Inputs) -> Result<Value> {
    (1..inputs.len()).try_fold(inputs.get(0)?.clone(), |result, position| {
        apply(kind, &result, inputs.get(position)?, inputs)
    })
}

fn apply(kind: Arithmetic, left: &Value, right: &Value, inputs: &Inputs) -> Result<Value> {
    if let (Some(a), Some(b)) = (left.host(), right.host()) {
        return on_host(kind, a, b).map(Value::from);
    }
    let device = inputs.device_of_graph();
    // A single number needs no tensor, unless its rank would add axes to the result.
    if let (Value::Device(tensor), Some(number)) = (left, lone_number(right, left.dims().len()))
        && let Some(result) = with_number(kind, tensor, number)
    {
        return Ok(result.into());
    }
    if let (Some(number), Value::Device(tensor)) = (lone_number(left, right.dims().len()), right) {
        match kind {
            Arithmetic::Add | Arithmetic::Mul => {
                if let Some(result) = with_number(kind, tensor, number) {
                    return Ok(result.into());
                }
            }
            Arithmetic::Sub => return Ok(tensor.neg().add_scalar(number).into()),
            _ => {}
        }
    }
    let exponent = right
        .host()
        .filter(|host| kind == Arithmetic::Pow && host.type_name() == "i64");
    let b = match exponent {
        Some(exponent) => DeviceTensor::from_values(exponent.dims(), exponent.to_floats(), device)?,
        None => right.on(device)?,
    };
    let a = left.on(device)?;
    Ok(match kind {
        Arithmetic::Add => match kernels::add(&a, &b).or_else(|| kernels::add(&b, &a)) {
            Some(sum) => sum,
            None => a.add(&b)?,
        },
        Arithmetic::Sub => a.sub(&b)?,
        Arithmetic::Mul => match kernels::gate(&a, &b).or_else(|| kernels::gate(&b, &a)) {
            Some(product) => product,
            None => a.mul(&b)?,
        },
        Arithmetic::Div => a.div(&b)?,
        Arithmetic::Pow => a.pow(&b)?,
        Arithmetic::Mod => a.rem(&b)?,
        Arithmetic::Fmod => {
            return Err(Error::unsupported(
                "Mod with fmod = 1 of tensors on the device is not supported",
            ));
        }
        Arithmetic::Max => a.extremum(&b, Extremum::Largest)?,
        Arithmetic::Min => a.extremum(&b, Extremum::Smallest)?,
    }
    .into())
}

fn lone_number(value: &Value, rank: usize) -> Option<f32> {
    let host = value.host()?;
    if host.len() != 1 || host.dims().len() > rank {
        return None;
    }
    match host.data() {
        HostData::Bool(_) => None,
        _ => host.to_floats().first().copied(),
    }
}

fn with_number(kind: Arithmetic, tensor: &DeviceTensor, number: f32) -> Option<DeviceTensor> {
    Some(match kind {
        Arithmetic::Add => tensor.add_scalar(number),
        Arithmetic::Sub => tensor.add_scalar(-number),
        Arithmetic::Mul => tensor.mul_scalar(number),
        Arithmetic::Div if number != 0.0 => tensor.div_scalar(number),
        // Small whole powers as products: exact for negative bases on every device, and so are their gradients.
        Arithmetic::Pow if number == 0.5 => tensor.sqrt(),
        Arithmetic::Pow if number == 1.0 => tensor.clone(),
        Arithmetic::Pow if number == 2.0 => tensor.mul(tensor).ok()?,
        Arithmetic::Pow if number == 3.0 => tensor.mul(tensor).ok()?.mul(tensor).ok()?,
        Arithmetic::Pow => tensor.pow_scalar(number),
        _ => return None,
    })
}

fn on_host(kind: Arithmetic, a: &HostTensor, b: &HostTensor) -> Result<HostTensor> {
    let dims = broadcast(a.dims(), b.dims())?;
    let (left, right) = (a.expand(&dims)?, b.expand(&dims)?);
    match (left.data(), right.data()) {
        (HostData::Bool(_), _) | (_, HostData::Bool(_)) => {
            Err(Error::shape("arithmetic takes numbers, found booleans"))
        }
        (HostData::I64(x), HostData::I64(y)) => {
            let values = x
                .iter()
                .zip(y)
                .map(|(&x, &y)| integer(kind, x, y))
                .collect::<Result<_>>()?;
            HostTensor::ints(&dims, values)
        }
        // The result of Pow has the type of its base.
        (HostData::I64(x), HostData::F32(y)) if kind == Arithmetic::Pow => HostTensor::ints(
            &dims,
            x.iter()
                .zip(y)
                .map(|(&x, &y)| (x as f64).powf(f64::from(y)) as i64)
                .collect(),
        ),
        _ => {
            let (x, y) = (left.to_floats(), right.to_floats());
            HostTensor::floats(&dims, x.iter().zip(&y).map(|(&x, &y)| float(kind, x, y)).collect())
        }
    }
}

fn integer(kind: Arithmetic, x: i64, y: i64) -> Result<i64> {
    if y == 0 && matches!(kind, Arithmetic::Div | Arithmetic::Mod | Arithmetic::Fmod) {
        return Err(Error::shape("division of an integer by zero"));
    }
    Ok(match kind {
        Arithmetic::Add => x.wrapping_add(y),
        Arithmetic::Sub => x.wrapping_sub(y),
        Arithmetic::Mul => x.wrapping_mul(y),
        Arithmetic::Div => x.wrapping_div(y),
        Arithmetic::Pow => match u32::try_from(y) {
            Ok(exponent) => x.wrapping_pow(exponent),
            Err(_) => (x as f64).powf(y as f64) as i64,
        },
        Arithmetic::Mod => {
            let remainder = x.wrapping_rem(y);
            if remainder != 0 && (remainder < 0) != (y < 0) {
                remainder.wrapping_add(y)
            } else {
                remainder
            }
        }
        Arithmetic::Fmod => x.wrapping_rem(y),
        Arithmetic::Max => x.max(y),
        Arithmetic::Min => x.min(y),
    })
}

fn float(kind: Arithmetic, x: f32, y: f32) -> f32 {
    match kind {
        Arithmetic::Add => x + y,
        Arithmetic::Sub => x - y,
        Arithmetic::Mul => x * y,
        Arithmetic::Div => x / y,
        Arithmetic::Pow => x.powf(y),
        Arithmetic::Mod => x - y * (x / y).floor(),
        Arithmetic::Fmod => x % y,
        // `f32::max` would drop NaN.
        Arithmetic::Max if x > y || x.is_nan() => x,
        Arithmetic::Min if x < y || x.is_nan() => x,
        Arithmetic::Max | Arithmetic::Min => y,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_divide_towards_zero_and_refuse_zero() {
        assert_eq!(integer(Arithmetic::Div, -7, 2).unwrap(), -3);
        assert_eq!(integer(Arithmetic::Mod, -7, 2).unwrap(), 1);
        assert_eq!(integer(Arithmetic::Fmod, -7, 2).unwrap(), -1);
        assert!(integer(Arithmetic::Div, 1, 0).is_err());
        assert_eq!(integer(Arithmetic::Div, i64::MIN, -1).unwrap(), i64::MIN);
    }
}
