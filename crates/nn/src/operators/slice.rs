//! Slice. Starts and ends are attributes up to operator set 9 and inputs since.

use super::{Attributes, Operator};
use crate::shape::{Walk, axes, strides};
use crate::value::Value;
use crate::{Error, HostTensor, Result, kernels};

pub(super) fn build(attributes: &mut Attributes) -> Result<Operator> {
    let old = match (attributes.ints("starts")?, attributes.ints("ends")?) {
        (Some(starts), Some(ends)) => Some((starts, ends)),
        _ => None,
    };
    let old_axes = attributes.ints("axes")?;
    Ok(Box::new(move |inputs, _| {
        let value = inputs.get(0)?;
        let rank = value.dims().len();
        let (starts, ends) = match &old {
            Some(limits) => limits.clone(),
            None => (inputs.ints(1)?, inputs.ints(2)?),
        };
        let list = match &old_axes {
            Some(list) => Some(list.clone()),
            None => inputs.optional_ints(3)?,
        };
        let list = list.unwrap_or_else(|| (0..starts.len() as i64).collect());
        let steps = inputs.optional_ints(4)?.unwrap_or_else(|| vec![1; starts.len()]);
        if [ends.len(), list.len(), steps.len()] != [starts.len(); 3] {
            return Err(Error::shape("starts, ends, axes and steps must have the same length"));
        }
        axes(&list, rank)?;
        let mut result = value.clone();
        for (((&start, &end), &one), &step) in starts.iter().zip(&ends).zip(&list).zip(&steps) {
            result = sliced(&result, crate::shape::axis(one, rank)?, start, end, step)?;
        }
        Ok(vec![result])
    }))
}

fn sliced(value: &Value, axis: usize, start: i64, end: i64, step: i64) -> Result<Value> {
    let size = value.dims()[axis] as i64;
    let from_start = |position: i64| {
        if position < 0 {
            position.saturating_add(size)
        } else {
            position
        }
    };
    let (start, end) = match step {
        0 => return Err(Error::shape("a slice with step 0")),
        1.. => (from_start(start).clamp(0, size), from_start(end).clamp(0, size)),
        _ => (
            from_start(start).clamp(-1, size - 1),
            from_start(end).clamp(-1, size - 1),
        ),
    };
    if step == 1 {
        return narrowed(value, axis, start as usize, end.max(start) as usize);
    }
    let mut indices = Vec::new();
    let mut position = start;
    while (step > 0 && position < end) || (step < 0 && position > end) {
        indices.push(position as usize);
        position = position.saturating_add(step);
    }
    selected(value, axis, &indices)
}

/// The elements `start..end` along `axis`, which must exist.
pub(super) fn narrowed(value: &Value, axis: usize, start: usize, end: usize) -> Result<Value> {
    match value {
        _ if start == 0 && end == value.dims()[axis] => Ok(value.clone()),
        Value::Device(_) if start == end => empty(value, axis),
        Value::Device(tensor) => Ok(tensor.narrow(axis, start, end).into()),
        _ => selected(value, axis, &(start..end).collect::<Vec<_>>()),
    }
}

/// An empty part of `value`. Burn has no empty tensors, so it is on the host.
fn empty(value: &Value, axis: usize) -> Result<Value> {
    let mut dims = value.dims();
    dims[axis] = 0;
    Ok(HostTensor::floats(&dims, Vec::new())?.into())
}

/// The elements at `indices` along `axis`, which must exist.
pub(super) fn selected(value: &Value, axis: usize, indices: &[usize]) -> Result<Value> {
    match value {
        Value::Device(_) if indices.is_empty() => empty(value, axis),
        // Consecutive indices, such as the queries in an array of queries, keys and values.
        Value::Device(tensor) if tensor.rank() > 2 && indices.windows(2).all(|pair| pair[1] == pair[0] + 1) => {
            Ok(tensor.narrow(axis, indices[0], indices[0] + indices.len()).into())
        }
        Value::Device(tensor) => {
            let rows = if axis == 0 {
                kernels::lookup(tensor, indices)
            } else {
                None
            };
            Ok(rows.unwrap_or_else(|| tensor.select(axis, indices)).into())
        }
        _ => {
            let host = value.to_host()?;
            let mut dims = host.dims().to_vec();
            let plain = strides(&dims);
            let outer = Walk::new(&dims[..axis], &plain[..axis]);
            let inner: Vec<usize> = Walk::new(&dims[axis + 1..], &plain[axis + 1..]).collect();
            let step = plain[axis];
            dims[axis] = indices.len();
            let positions = outer.flat_map(|base| {
                let inner = &inner;
                indices
                    .iter()
                    .flat_map(move |&index| inner.iter().map(move |offset| base + index * step + offset))
            });
            Ok(host.take(&dims, positions)?.into())
        }
    }
}
