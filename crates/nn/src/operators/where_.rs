//! Where: the condition is on the host; the branches are on either side.

use super::{Attributes, Operator};
use crate::shape::broadcast;
use crate::{Error, HostData, HostTensor, Result};

pub(super) fn build(_: &mut Attributes) -> Result<Operator> {
    Ok(Box::new(|inputs, _| {
        let condition = inputs.host(0)?;
        let (yes, no) = (inputs.get(1)?, inputs.get(2)?);
        if let (Some(yes), Some(no)) = (yes.host(), no.host()) {
            return Ok(vec![on_host(condition, yes, no)?.into()]);
        }
        let (yes, no) = (inputs.tensor(1)?, inputs.tensor(2)?);
        Ok(vec![no.replace_where(condition, &yes)?.into()])
    }))
}

fn on_host(condition: &HostTensor, yes: &HostTensor, no: &HostTensor) -> Result<HostTensor> {
    let dims = broadcast(&broadcast(condition.dims(), yes.dims())?, no.dims())?;
    let mask = condition.expand(&dims)?.to_bools();
    let (yes, no) = (yes.expand(&dims)?, no.expand(&dims)?);
    fn pick<T: Copy>(mask: &[bool], yes: &[T], no: &[T]) -> Vec<T> {
        mask.iter()
            .zip(yes.iter().zip(no))
            .map(|(&mask, (&yes, &no))| if mask { yes } else { no })
            .collect()
    }
    match (yes.data(), no.data()) {
        (HostData::F32(a), HostData::F32(b)) => HostTensor::new(&dims, HostData::F32(pick(&mask, a, b))),
        (HostData::I64(a), HostData::I64(b)) => HostTensor::new(&dims, HostData::I64(pick(&mask, a, b))),
        (HostData::Bool(a), HostData::Bool(b)) => HostTensor::new(&dims, HostData::Bool(pick(&mask, a, b))),
        _ => Err(Error::shape(format!(
            "branches of types {} and {} do not fit",
            yes.type_name(),
            no.type_name()
        ))),
    }
}
