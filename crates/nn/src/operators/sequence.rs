//! Lists of tensors: SequenceEmpty, SequenceConstruct, SequenceInsert, SequenceErase, SequenceAt, SequenceLength,
//! SplitToSequence, ConcatFromSequence.

use super::concat::{joined, stacked};
use super::slice::narrowed;
use super::{Attributes, Inputs, Operator};
use crate::shape::{axis, size};
use crate::value::Value;
use crate::{Error, HostTensor, Result};

pub(super) fn empty(attributes: &mut Attributes) -> Result<Operator> {
    attributes.ignore("dtype");
    Ok(Box::new(|_, _| Ok(vec![Value::list(Vec::new())])))
}

pub(super) fn construct(_: &mut Attributes) -> Result<Operator> {
    Ok(Box::new(|inputs, _| {
        let values = (0..inputs.len()).map(|position| inputs.get(position).cloned());
        Ok(vec![Value::list(values.collect::<Result<_>>()?)])
    }))
}

fn list<'a>(inputs: &'a Inputs) -> Result<&'a [Value]> {
    let value = inputs.get(0)?;
    value
        .as_list()
        .ok_or_else(|| Error::shape(format!("expected a list of tensors, found {value}")))
}

/// The position in input `at`, which may count from the end; `default` where it is absent.
fn position(inputs: &Inputs, at: usize, length: usize, default: usize) -> Result<usize> {
    match inputs.optional_ints(at)?.as_deref() {
        None => Ok(default),
        Some([one]) => axis(*one, length)
            .map_err(|_| Error::shape(format!("position {one} is outside of a list of {length} tensors"))),
        Some(_) => Err(Error::shape("a position must be one number")),
    }
}

pub(super) fn insert(_: &mut Attributes) -> Result<Operator> {
    Ok(Box::new(|inputs, _| {
        let mut values = list(inputs)?.to_vec();
        let place = position(inputs, 2, values.len() + 1, values.len())?;
        values.insert(place, inputs.get(1)?.clone());
        Ok(vec![Value::list(values)])
    }))
}

pub(super) fn erase(_: &mut Attributes) -> Result<Operator> {
    Ok(Box::new(|inputs, _| {
        let mut values = list(inputs)?.to_vec();
        let last = values
            .len()
            .checked_sub(1)
            .ok_or_else(|| Error::shape("nothing can be erased from an empty list"))?;
        values.remove(position(inputs, 1, values.len(), last)?);
        Ok(vec![Value::list(values)])
    }))
}

pub(super) fn at(_: &mut Attributes) -> Result<Operator> {
    Ok(Box::new(|inputs, _| {
        let values = list(inputs)?;
        Ok(vec![values[position(inputs, 1, values.len(), 0)?].clone()])
    }))
}

pub(super) fn length(_: &mut Attributes) -> Result<Operator> {
    Ok(Box::new(|inputs, _| {
        let count = list(inputs)?.len() as i64;
        Ok(vec![HostTensor::ints(&[], vec![count])?.into()])
    }))
}

pub(super) fn concat(attributes: &mut Attributes) -> Result<Operator> {
    let along = attributes
        .int("axis")?
        .ok_or_else(|| Error::invalid("attribute \"axis\" is missing"))?;
    let new_axis = attributes.flag("new_axis", false)?;
    Ok(Box::new(move |inputs, _| {
        let (values, device) = (list(inputs)?, inputs.device_of_graph());
        let join = if new_axis { stacked } else { joined };
        Ok(vec![join(values, along, device)?])
    }))
}

/// The second input holds the sizes of the parts, or one size for all, with a smaller last part; without it, parts have size 1.
pub(super) fn split(attributes: &mut Attributes) -> Result<Operator> {
    let along = attributes.int_or("axis", 0)?;
    let keep = attributes.flag("keepdims", true)?;
    Ok(Box::new(move |inputs, _| {
        let value = inputs.get(0)?;
        let dims = value.dims();
        let along = axis(along, dims.len())?;
        let total = dims[along];
        let asked = inputs.optional(1).map(|_| inputs.host(1)).transpose()?;
        let sizes = match asked {
            Some(host) if host.dims().is_empty() => {
                let each = size(host.to_ints()[0])?.max(1);
                (0..total).step_by(each).map(|start| each.min(total - start)).collect()
            }
            Some(host) => host.to_ints().into_iter().map(size).collect::<Result<Vec<_>>>()?,
            None => vec![1; total],
        };
        if sizes.iter().sum::<usize>() != total {
            return Err(Error::shape(format!(
                "parts of sizes {sizes:?} do not add up to {total}"
            )));
        }
        let squeezed = !keep && asked.is_none();
        let mut left = dims;
        left.remove(along);
        let mut start = 0;
        let parts = sizes.iter().map(|&size| {
            start += size;
            let part = narrowed(value, along, start - size, start)?;
            if squeezed { part.reshape(&left) } else { Ok(part) }
        });
        Ok(vec![Value::list(parts.collect::<Result<_>>()?)])
    }))
}
