//! Equal, Greater, Less, …; And, Or, Xor, Not; IsNaN, IsInf. The result is a host tensor of booleans.
//!
//! Comparing what is on the device copies it to the host: nothing is differentiable behind a comparison, and exported
//! models compare masks and positions, which are on the host anyway.

use super::{Attributes, Operator};
use crate::host::HostData;
use crate::shape::broadcast;
use crate::{Error, HostTensor, Result};

pub(super) fn build(attributes: &mut Attributes) -> Result<Operator> {
    let name: &'static str = match attributes.op_type() {
        "Equal" => "Equal",
        "Greater" => "Greater",
        "GreaterOrEqual" => "GreaterOrEqual",
        "Less" => "Less",
        "LessOrEqual" => "LessOrEqual",
        "And" => "And",
        "Or" => "Or",
        _ => "Xor",
    };
    Ok(Box::new(move |inputs, _| {
        let (a, b) = (inputs.get(0)?.to_host()?, inputs.get(1)?.to_host()?);
        let dims = broadcast(a.dims(), b.dims())?;
        let (a, b) = (a.expand(&dims)?, b.expand(&dims)?);
        let values = match (a.data(), b.data()) {
            (HostData::I64(x), HostData::I64(y)) => each(x, y, |x, y| ordered(name, x, y)),
            (HostData::F32(x), HostData::F32(y)) => each(x, y, |x, y| ordered(name, x, y)),
            (HostData::Bool(x), HostData::Bool(y)) => each(x, y, |&x, &y| logical(name, x, y)),
            _ => None,
        };
        let values = values
            .ok_or_else(|| Error::shape(format!("{name} does not take {} and {}", a.type_name(), b.type_name())))?;
        Ok(vec![HostTensor::bools(&dims, values)?.into()])
    }))
}

fn each<T>(x: &[T], y: &[T], test: impl Fn(&T, &T) -> Option<bool>) -> Option<Vec<bool>> {
    x.iter().zip(y).map(|(x, y)| test(x, y)).collect()
}

fn ordered<T: PartialOrd>(name: &str, x: &T, y: &T) -> Option<bool> {
    Some(match name {
        "Equal" => x == y,
        "Greater" => x > y,
        "GreaterOrEqual" => x >= y,
        "Less" => x < y,
        "LessOrEqual" => x <= y,
        _ => return None,
    })
}

fn logical(name: &str, x: bool, y: bool) -> Option<bool> {
    Some(match name {
        "Equal" => x == y,
        "And" => x && y,
        "Or" => x || y,
        "Xor" => x != y,
        _ => return None,
    })
}

pub(super) fn not(_: &mut Attributes) -> Result<Operator> {
    Ok(Box::new(|inputs, _| {
        let host = inputs.get(0)?.to_host()?;
        let values = host.to_bools().into_iter().map(|value| !value).collect();
        Ok(vec![HostTensor::bools(host.dims(), values)?.into()])
    }))
}

/// IsNaN and IsInf.
pub(super) fn classify(attributes: &mut Attributes) -> Result<Operator> {
    let nan = attributes.op_type() == "IsNaN";
    let negative = !nan && attributes.flag("detect_negative", true)?;
    let positive = !nan && attributes.flag("detect_positive", true)?;
    Ok(Box::new(move |inputs, _| {
        let host = inputs.get(0)?.to_host()?;
        let test = |x: &f32| match nan {
            true => x.is_nan(),
            false => (positive && *x == f32::INFINITY) || (negative && *x == f32::NEG_INFINITY),
        };
        let values = host.to_floats().iter().map(test).collect();
        Ok(vec![HostTensor::bools(host.dims(), values)?.into()])
    }))
}
