//! BitwiseAnd, BitwiseOr, BitwiseXor, BitwiseNot, BitShift: integers on the host.

use super::{Attributes, Operator};
use crate::host::HostData;
use crate::shape::broadcast;
use crate::{Error, HostTensor, Result};

type Function = fn(i64, i64) -> i64;

/// BitShift; a shift by more bits than the number has gives 0.
pub(super) fn shift(attributes: &mut Attributes) -> Result<Operator> {
    let function: Function = match attributes.string_or("direction", "")? {
        "LEFT" => |x, y| u32::try_from(y).ok().and_then(|y| x.checked_shl(y)).unwrap_or(0),
        "RIGHT" => |x, y| u32::try_from(y).ok().and_then(|y| x.checked_shr(y)).unwrap_or(0),
        other => {
            return Err(Error::invalid(format!(
                "direction must be \"LEFT\" or \"RIGHT\", found {other:?}"
            )));
        }
    };
    pair(function)
}

pub(super) fn pair(function: Function) -> Result<Operator> {
    Ok(Box::new(move |inputs, _| {
        let (a, b) = (inputs.host(0)?, inputs.host(1)?);
        let dims = broadcast(a.dims(), b.dims())?;
        let (a, b) = (a.expand(&dims)?, b.expand(&dims)?);
        match (a.data(), b.data()) {
            (HostData::I64(x), HostData::I64(y)) => {
                let values = x.iter().zip(y).map(|(&x, &y)| function(x, y)).collect();
                Ok(vec![HostTensor::ints(&dims, values)?.into()])
            }
            _ => Err(Error::shape(format!(
                "expected integers, found {} and {}",
                a.type_name(),
                b.type_name()
            ))),
        }
    }))
}

pub(super) fn not(_: &mut Attributes) -> Result<Operator> {
    Ok(Box::new(|inputs, _| {
        let host = inputs.host(0)?;
        let values = host.to_ints().into_iter().map(|value| !value).collect();
        Ok(vec![HostTensor::ints(host.dims(), values)?.into()])
    }))
}
