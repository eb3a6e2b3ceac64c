//! ScatterND and ScatterElements: a copy of the data in which some elements are replaced, or added to.
//!
//! Replacing is a selection from data and updates joined together, so that its gradient is that of a selection:
//! `out[i] = [data; updates][map[i]]`.

use super::gather::{element_positions, slice_positions};
use super::{Attributes, Inputs, Operator};
use crate::shape::{axis, elements};
use crate::tensor::DeviceTensor;
use crate::value::Value;
use crate::{Error, Result};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reduction {
    Replace,
    Add,
}

fn reduction(attributes: &mut Attributes) -> Result<Reduction> {
    match attributes.string_or("reduction", "none")? {
        "none" => Ok(Reduction::Replace),
        "add" => Ok(Reduction::Add),
        other => Err(Error::unsupported(format!(
            "reduction = {other:?} is not supported, only \"none\" and \"add\""
        ))),
    }
}

pub(super) fn nd(attributes: &mut Attributes) -> Result<Operator> {
    let reduction = reduction(attributes)?;
    Ok(Box::new(move |inputs, _| {
        let indices = inputs.host(1)?;
        let (positions, _) = slice_positions(&inputs.get(0)?.dims(), indices.dims(), &indices.to_ints(), 0)?;
        scatter(inputs, &positions, reduction)
    }))
}

pub(super) fn elements_along(attributes: &mut Attributes) -> Result<Operator> {
    let reduction = reduction(attributes)?;
    let along = attributes.int_or("axis", 0)?;
    Ok(Box::new(move |inputs, _| {
        let dims = inputs.get(0)?.dims();
        let indices = inputs.host(1)?;
        let positions = element_positions(&dims, indices.dims(), &indices.to_ints(), axis(along, dims.len())?)?;
        scatter(inputs, &positions, reduction)
    }))
}

fn scatter(inputs: &Inputs, positions: &[usize], reduction: Reduction) -> Result<Vec<Value>> {
    let (data, updates) = (inputs.get(0)?, inputs.get(2)?);
    let dims = data.dims();
    let total = elements(&dims)?;
    let found = elements(&updates.dims())?;
    if found != positions.len() {
        return Err(Error::shape(format!(
            "{} indices address {} elements, but the updates hold {found}",
            positions.len(),
            positions.len()
        )));
    }
    let mut map: Vec<usize> = (0..total).collect();
    for (update, &position) in positions.iter().enumerate() {
        map[position] = total + update;
    }
    if let (Some(host), Some(new)) = (data.host(), updates.host()) {
        let joined = match (host.data(), new.data(), reduction) {
            (crate::HostData::I64(a), crate::HostData::I64(b), Reduction::Replace) => {
                crate::HostData::I64([a.as_slice(), b].concat())
            }
            (crate::HostData::F32(a), crate::HostData::F32(b), Reduction::Replace) => {
                crate::HostData::F32([a.as_slice(), b].concat())
            }
            (crate::HostData::Bool(a), crate::HostData::Bool(b), Reduction::Replace) => {
                crate::HostData::Bool([a.as_slice(), b].concat())
            }
            _ => {
                return Err(Error::unsupported(
                    "adding to constants, or constants of different types, is not supported",
                ));
            }
        };
        let joined = crate::HostTensor::new(&[total + found], joined)?;
        return Ok(vec![joined.take(&dims, map.into_iter())?.into()]);
    }
    let (data, updates) = (inputs.tensor(0)?, inputs.tensor(2)?);
    let result = match reduction {
        Reduction::Add => data.add_at(positions, &updates)?,
        Reduction::Replace => {
            let joined = DeviceTensor::concat(&[data.reshape(&[total])?, updates.reshape(&[found])?], 0);
            joined.take(&dims, &map)?
        }
    };
    Ok(vec![result.into()])
}
