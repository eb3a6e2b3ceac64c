//! TopK, ArgMax and ArgMin. The indices are found on the host; the values are then a selection, so gradients flow to the
//! selected elements.

use super::gather::taken;
use super::{Attributes, Operator};
use crate::host::HostData;
use crate::shape::{Walk, axis, size, strides};
use crate::tensor::Extremum;
use crate::{Error, HostTensor, Result};

/// Indices of the elements of every line along `along`, best first, `k` of them.
fn order(host: &HostTensor, along: usize, k: usize, largest: bool, last_first: bool) -> Vec<Vec<usize>> {
    let dims = host.dims();
    let plain = strides(dims);
    let mut others = dims.to_vec();
    others[along] = 1;
    let step = plain[along];
    Walk::new(&others, &plain)
        .map(|line| {
            let mut indices: Vec<usize> = (0..dims[along]).collect();
            if last_first {
                indices.reverse();
            }
            // The sort is stable, so the first of equal elements stays first.
            match host.data() {
                HostData::F32(values) => indices.sort_by(|&a, &b| {
                    let order = values[line + a * step].total_cmp(&values[line + b * step]);
                    if largest { order.reverse() } else { order }
                }),
                _ => {
                    let values = host.to_ints();
                    indices.sort_by_key(|&index| {
                        let value = values[line + index * step];
                        if largest { -i128::from(value) } else { i128::from(value) }
                    });
                }
            }
            indices.truncate(k);
            indices
        })
        .collect()
}

/// Arranges a list of `k` indices per line as a tensor; also returns the positions of the elements in the source.
fn arrange(dims: &[usize], along: usize, lists: &[Vec<usize>], k: usize) -> (Vec<usize>, Vec<i64>, Vec<usize>) {
    let plain = strides(dims);
    let mut to = dims.to_vec();
    to[along] = k;
    let mut line_steps = {
        let mut lines = dims.to_vec();
        lines[along] = 1;
        strides(&lines)
    };
    line_steps[along] = 0;
    let mut own_steps = vec![0; dims.len()];
    own_steps[along] = 1;
    let mut base_steps = plain.clone();
    base_steps[along] = 0;
    let (mut indices, mut positions) = (Vec::new(), Vec::new());
    for ((line, own), base) in Walk::new(&to, &line_steps)
        .zip(Walk::new(&to, &own_steps))
        .zip(Walk::new(&to, &base_steps))
    {
        let index = lists[line][own];
        indices.push(index as i64);
        positions.push(base + index * plain[along]);
    }
    (to, indices, positions)
}

pub(super) fn build(attributes: &mut Attributes) -> Result<Operator> {
    let along = attributes.int_or("axis", -1)?;
    let largest = attributes.flag("largest", true)?;
    attributes.ignore("sorted");
    if attributes.opset() < 10 {
        return Err(Error::unsupported("TopK before operator set 10 is not supported"));
    }
    Ok(Box::new(move |inputs, _| {
        let value = inputs.get(0)?;
        let dims = value.dims();
        let along = axis(along, dims.len())?;
        let k = inputs.ints(1)?;
        let k = size(*k.first().ok_or_else(|| Error::invalid("k is missing"))?)?;
        if k > dims[along] {
            return Err(Error::shape(format!(
                "k is {k}, but the axis has {} elements",
                dims[along]
            )));
        }
        let lists = order(&value.to_host()?, along, k, largest, false);
        let (to, indices, positions) = arrange(&dims, along, &lists, k);
        Ok(vec![
            taken(value, &to, &positions)?,
            HostTensor::ints(&to, indices)?.into(),
        ])
    }))
}

pub(super) fn arg_extremum(attributes: &mut Attributes, which: Extremum) -> Result<Operator> {
    let along = attributes.int_or("axis", 0)?;
    let keep = attributes.flag("keepdims", true)?;
    let last = attributes.flag("select_last_index", false)?;
    Ok(Box::new(move |inputs, _| {
        let host = inputs.get(0)?.to_host()?;
        let along = axis(along, host.dims().len())?;
        if host.is_empty() {
            return Err(Error::shape("an empty tensor has no extremum"));
        }
        let lists = order(&host, along, 1, which == Extremum::Largest, last);
        let (mut to, indices, _) = arrange(host.dims(), along, &lists, 1);
        if !keep {
            to.remove(along);
        }
        Ok(vec![HostTensor::ints(&to, indices)?.into()])
    }))
}
