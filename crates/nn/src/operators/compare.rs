//! Equal, Greater, Less, …; And, Or, Xor, Not; IsNaN, IsInf. The result is a host tensor of booleans.
//!
//! Tensors on the device are copied to the host to be compared: a comparison has no gradient, and exported models compare
//! masks and positions, which are on the host anyway.

use super::{Attributes, Operator};
use crate::host::HostData;
use crate::shape::broadcast;
use crate::{Error, HostTensor, Result};

/// Which order of two numbers gives true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ordering {
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

impl Ordering {
    fn holds<T: PartialOrd>(self, x: &T, y: &T) -> bool {
        match self {
            Self::Greater => x > y,
            Self::GreaterOrEqual => x >= y,
            Self::Less => x < y,
            Self::LessOrEqual => x <= y,
        }
    }
}

pub(super) fn equal() -> Result<Operator> {
    pair(|a, b| match (a, b) {
        (HostData::I64(x), HostData::I64(y)) => Some(each(x, y, |x, y| x == y)),
        (HostData::F32(x), HostData::F32(y)) => Some(each(x, y, |x, y| x == y)),
        (HostData::Bool(x), HostData::Bool(y)) => Some(each(x, y, |x, y| x == y)),
        _ => None,
    })
}

pub(super) fn ordered(ordering: Ordering) -> Result<Operator> {
    pair(move |a, b| match (a, b) {
        (HostData::I64(x), HostData::I64(y)) => Some(each(x, y, |x, y| ordering.holds(x, y))),
        (HostData::F32(x), HostData::F32(y)) => Some(each(x, y, |x, y| ordering.holds(x, y))),
        _ => None,
    })
}

/// And, Or, Xor.
pub(super) fn logical(function: fn(bool, bool) -> bool) -> Result<Operator> {
    pair(move |a, b| match (a, b) {
        (HostData::Bool(x), HostData::Bool(y)) => Some(each(x, y, |&x, &y| function(x, y))),
        _ => None,
    })
}

/// An operator of two inputs; `compare` returns `None` for element types that it does not take.
fn pair(compare: impl Fn(&HostData, &HostData) -> Option<Vec<bool>> + Send + Sync + 'static) -> Result<Operator> {
    Ok(Box::new(move |inputs, _| {
        let (a, b) = (inputs.get(0)?.to_host()?, inputs.get(1)?.to_host()?);
        let dims = broadcast(a.dims(), b.dims())?;
        let (a, b) = (a.expand(&dims)?, b.expand(&dims)?);
        let values = compare(a.data(), b.data()).ok_or_else(|| {
            let (left, right) = (a.type_name(), b.type_name());
            Error::shape(format!(
                "expected two tensors of one type to compare, found {left} and {right}"
            ))
        })?;
        Ok(vec![HostTensor::bools(&dims, values)?.into()])
    }))
}

fn each<T>(x: &[T], y: &[T], test: impl Fn(&T, &T) -> bool) -> Vec<bool> {
    x.iter().zip(y).map(|(x, y)| test(x, y)).collect()
}

pub(super) fn not() -> Result<Operator> {
    Ok(Box::new(|inputs, _| {
        let host = inputs.get(0)?.to_host()?;
        let values = host.to_bools().into_iter().map(|value| !value).collect();
        Ok(vec![HostTensor::bools(host.dims(), values)?.into()])
    }))
}

pub(super) fn is_nan() -> Result<Operator> {
    classify(f32::is_nan)
}

pub(super) fn is_infinite(attributes: &mut Attributes) -> Result<Operator> {
    let negative = attributes.flag("detect_negative", true)?;
    let positive = attributes.flag("detect_positive", true)?;
    classify(move |x| (positive && x == f32::INFINITY) || (negative && x == f32::NEG_INFINITY))
}

fn classify(test: impl Fn(f32) -> bool + Send + Sync + 'static) -> Result<Operator> {
    Ok(Box::new(move |inputs, _| {
        let host = inputs.get(0)?.to_host()?;
        let values = host.to_floats().into_iter().map(&test).collect();
        Ok(vec![HostTensor::bools(host.dims(), values)?.into()])
    }))
}
