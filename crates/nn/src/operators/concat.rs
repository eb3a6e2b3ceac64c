//! Concat and Split.

use burn::tensor::Device;

use super::slice::narrowed;
use super::{Attributes, Operator};
use crate::host::HostData;
use crate::shape::{axis, elements, size};
use crate::tensor::DeviceTensor;
use crate::value::Value;
use crate::{Error, HostTensor, Result};

pub(super) fn build(attributes: &mut Attributes) -> Result<Operator> {
    let along = attributes
        .int("axis")?
        .ok_or_else(|| Error::invalid("attribute \"axis\" is missing"))?;
    Ok(Box::new(move |inputs, _| {
        let values = (0..inputs.len())
            .map(|position| inputs.get(position).cloned())
            .collect::<Result<Vec<_>>>()?;
        Ok(vec![joined(&values, along, inputs.device_of_graph())?])
    }))
}

/// `values` concatenated along an axis.
///
/// # Errors
/// `Shape` when their shapes do not match; `Invalid` when there are none.
pub(super) fn joined(values: &[Value], along: i64, device: &Device) -> Result<Value> {
    let first = values
        .first()
        .ok_or_else(|| Error::invalid("expected at least one tensor to concatenate"))?
        .dims();
    let along = axis(along, first.len())?;
    for value in values {
        let dims = value.dims();
        let fits = dims.len() == first.len() && (0..dims.len()).all(|one| one == along || dims[one] == first[one]);
        if !fits {
            return Err(Error::shape(format!(
                "shapes {first:?} and {dims:?} cannot be concatenated along axis {along}"
            )));
        }
    }
    let hosts: Option<Vec<&HostTensor>> = values.iter().map(|value| value.host()).collect();
    if let Some(hosts) = hosts {
        return Ok(join(&hosts, along)?.into());
    }
    let filled = values.iter().filter(|value| value.dims()[along] > 0);
    let tensors = filled.map(|value| value.on(device)).collect::<Result<Vec<_>>>()?;
    Ok(DeviceTensor::concat(&tensors, along).into())
}

/// `values` stacked along a new axis.
///
/// # Errors
/// As [`joined`].
pub(super) fn stacked(values: &[Value], along: i64, device: &Device) -> Result<Value> {
    let first = values
        .first()
        .ok_or_else(|| Error::invalid("expected at least one tensor to concatenate"))?
        .dims();
    let place = axis(along, first.len() + 1)?;
    let apart = values.iter().map(|value| {
        let mut dims = value.dims();
        dims.insert(place.min(dims.len()), 1);
        value.reshape(&dims)
    });
    joined(&apart.collect::<Result<Vec<_>>>()?, along, device)
}

fn join(hosts: &[&HostTensor], along: usize) -> Result<HostTensor> {
    let Some(first) = hosts.first() else {
        return Err(Error::invalid("expected at least one tensor to concatenate"));
    };
    let mut dims = first.dims().to_vec();
    dims[along] = hosts.iter().map(|host| host.dims()[along]).sum();
    let outer = elements(&dims[..along])?;
    let inner = elements(&dims[along + 1..])?;
    let joined = |lengths: &mut dyn FnMut(&HostTensor, std::ops::Range<usize>)| {
        for row in 0..outer {
            for host in hosts {
                let run = host.dims()[along] * inner;
                lengths(host, row * run..(row + 1) * run);
            }
        }
    };
    let mixed = || Error::shape("tensors of different types cannot be concatenated");
    match first.data() {
        HostData::I64(_) if hosts.iter().all(|host| host.type_name() == "i64") => {
            let mut values = Vec::new();
            joined(&mut |host, range| {
                if let HostData::I64(part) = host.data() {
                    values.extend_from_slice(&part[range])
                }
            });
            HostTensor::ints(&dims, values)
        }
        HostData::F32(_) if hosts.iter().all(|host| host.type_name() == "f32") => {
            let mut values = Vec::new();
            joined(&mut |host, range| {
                if let HostData::F32(part) = host.data() {
                    values.extend_from_slice(&part[range])
                }
            });
            HostTensor::floats(&dims, values)
        }
        HostData::Bool(_) if hosts.iter().all(|host| host.type_name() == "bool") => {
            let mut values = Vec::new();
            joined(&mut |host, range| {
                if let HostData::Bool(part) = host.data() {
                    values.extend_from_slice(&part[range])
                }
            });
            HostTensor::bools(&dims, values)
        }
        _ => Err(mixed()),
    }
}

/// Sizes are an attribute up to operator set 12 and an input since; without them the parts are equal.
pub(super) fn split(attributes: &mut Attributes) -> Result<Operator> {
    let along = attributes.int_or("axis", 0)?;
    let fixed = attributes.sizes("split")?;
    let outputs = attributes.outputs();
    let parts = attributes.int("num_outputs")?.map(size).transpose()?.unwrap_or(outputs);
    Ok(Box::new(move |inputs, _| {
        let value = inputs.get(0)?;
        let dims = value.dims();
        let along = axis(along, dims.len())?;
        let total = dims[along];
        let asked = match &fixed {
            Some(sizes) => Some(sizes.clone()),
            None => inputs
                .optional_ints(1)?
                .map(|list| list.into_iter().map(size).collect::<Result<Vec<_>>>())
                .transpose()?,
        };
        let sizes = match asked {
            Some(sizes) => sizes,
            None if parts == 0 => return Err(Error::invalid("a split needs at least one part")),
            None => {
                // The last part is smaller where the size does not divide.
                let each = total.div_ceil(parts);
                (0..parts)
                    .map(|part| each.min(total.saturating_sub(part * each)))
                    .collect()
            }
        };
        if sizes.iter().sum::<usize>() != total {
            return Err(Error::shape(format!(
                "parts of sizes {sizes:?} do not add up to {total}"
            )));
        }
        let mut start = 0;
        sizes
            .iter()
            .map(|&size| {
                start += size;
                narrowed(value, along, start - size, start)
            })
            .collect()
    }))
}
