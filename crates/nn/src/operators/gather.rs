//! Gather, GatherElements, GatherND and Compress. Indices are on the host, and checked there.

use super::slice::selected;
use super::{Attributes, Operator};
use crate::shape::{Walk, axis, elements, strides};
use crate::value::Value;
use crate::{Error, Result};

/// Indices along an axis of size `size`, counted from its start.
fn resolve(indices: &[i64], size: usize) -> Result<Vec<usize>> {
    let wrong = |index: i64| Error::shape(format!("index {index} is out of range for an axis of size {size}"));
    indices
        .iter()
        .map(|&index| axis(index, size).map_err(|_| wrong(index)))
        .collect()
}

/// The elements of `value` at row-major positions.
pub(super) fn taken(value: &Value, dims: &[usize], positions: &[usize]) -> Result<Value> {
    match value {
        Value::Device(tensor) => Ok(tensor.take(dims, positions)?.into()),
        _ => Ok(value.to_host()?.take(dims, positions.iter().copied())?.into()),
    }
}

pub(super) fn build(attributes: &mut Attributes) -> Result<Operator> {
    let along = attributes.int_or("axis", 0)?;
    Ok(Box::new(move |inputs, _| {
        let value = inputs.get(0)?;
        let dims = value.dims();
        let along = axis(along, dims.len())?;
        let indices = inputs.host(1)?;
        let chosen = resolve(&indices.to_ints(), dims[along])?;
        let flat = selected(value, along, &chosen)?;
        let to = [&dims[..along], indices.dims(), &dims[along + 1..]].concat();
        Ok(vec![flat.reshape(&to)?])
    }))
}

/// The elements along an axis (or of the flattened input) for which a condition holds.
pub(super) fn compress(attributes: &mut Attributes) -> Result<Operator> {
    let along = attributes.int("axis")?;
    Ok(Box::new(move |inputs, _| {
        let value = inputs.get(0)?;
        let (value, along) = match along {
            Some(along) => (value.clone(), axis(along, value.dims().len())?),
            None => (value.reshape(&[elements(&value.dims())?])?, 0),
        };
        let holds = inputs.host(1)?.to_bools();
        let size = value.dims()[along];
        let chosen: Vec<usize> = (0..holds.len()).filter(|&position| holds[position]).collect();
        match chosen.last() {
            Some(&last) if last >= size => Err(Error::shape(format!(
                "a condition of {} values does not fit an axis of size {size}",
                holds.len()
            ))),
            _ => Ok(vec![selected(&value, along, &chosen)?]),
        }
    }))
}

/// Row-major positions of `GatherElements` and `ScatterElements` in a tensor of shape `dims`.
pub(super) fn element_positions(
    dims: &[usize],
    index_dims: &[usize],
    indices: &[i64],
    along: usize,
) -> Result<Vec<usize>> {
    let fits =
        index_dims.len() == dims.len() && (0..dims.len()).all(|one| one == along || index_dims[one] <= dims[one]);
    if !fits {
        return Err(Error::shape(format!(
            "indices of shape {index_dims:?} do not fit a tensor of shape {dims:?}"
        )));
    }
    let chosen = resolve(indices, dims[along])?;
    let plain = strides(dims);
    let step = plain[along];
    let mut others = plain;
    others[along] = 0;
    Ok(Walk::new(index_dims, &others)
        .zip(chosen)
        .map(|(base, index)| base + index * step)
        .collect())
}

pub(super) fn elements_along(attributes: &mut Attributes) -> Result<Operator> {
    let along = attributes.int_or("axis", 0)?;
    Ok(Box::new(move |inputs, _| {
        let value = inputs.get(0)?;
        let dims = value.dims();
        let along = axis(along, dims.len())?;
        let indices = inputs.host(1)?;
        let positions = element_positions(&dims, indices.dims(), &indices.to_ints(), along)?;
        Ok(vec![taken(value, indices.dims(), &positions)?])
    }))
}

/// Row-major positions of the slices that `GatherND` and `ScatterND` address, and the shape of a slice.
pub(super) fn slice_positions(
    dims: &[usize],
    index_dims: &[usize],
    indices: &[i64],
    batch: usize,
) -> Result<(Vec<usize>, Vec<usize>)> {
    let wrong = || {
        Error::shape(format!(
            "indices of shape {index_dims:?} do not fit a tensor of shape {dims:?}"
        ))
    };
    let (&depth, rows) = index_dims.split_last().ok_or_else(wrong)?;
    let reach = batch
        .checked_add(depth)
        .filter(|&reach| reach <= dims.len())
        .ok_or_else(wrong)?;
    if rows.len() < batch || rows[..batch] != dims[..batch] {
        return Err(wrong());
    }
    let plain = strides(dims);
    let slice = dims[reach..].to_vec();
    let run = elements(&slice)?;
    let per_batch = elements(&rows[batch..])?.max(1);
    let batch_bases: Vec<usize> = Walk::new(&dims[..batch], &plain[..batch]).collect();
    let mut positions = Vec::with_capacity(elements(rows)?.saturating_mul(run));
    for row in 0..elements(rows)? {
        let mut base = batch_bases.get(row / per_batch).copied().unwrap_or(0);
        for (offset, &index) in indices[row * depth..(row + 1) * depth].iter().enumerate() {
            let one = batch + offset;
            base += resolve(&[index], dims[one])?[0] * plain[one];
        }
        positions.extend(base..base + run);
    }
    Ok((positions, slice))
}

pub(super) fn nd(attributes: &mut Attributes) -> Result<Operator> {
    let batch = attributes.int_or("batch_dims", 0).and_then(crate::shape::size)?;
    Ok(Box::new(move |inputs, _| {
        let value = inputs.get(0)?;
        let indices = inputs.host(1)?;
        let (positions, slice) = slice_positions(&value.dims(), indices.dims(), &indices.to_ints(), batch)?;
        let rows = &indices.dims()[..indices.dims().len() - 1];
        Ok(vec![taken(value, &[rows, &slice].concat(), &positions)?])
    }))
}
