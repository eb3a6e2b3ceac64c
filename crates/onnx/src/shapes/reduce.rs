//! Reductions along axes.

use super::op::{List, Op, Outputs};
use super::value::InferredValue;
use crate::{DataType, Dim, Error};

pub fn reduce(op: &Op) -> Outputs {
    let Some(input) = op.shape(0) else {
        return Ok(vec![InferredValue::new(op.data_type(0), None)]);
    };
    let all = || {
        (0..input.len())
            .map(|axis| i64::try_from(axis).unwrap_or(i64::MAX))
            .collect()
    };
    let axes: Vec<i64> = match op.list("axes", 1) {
        List::Given(axes) if !axes.is_empty() => axes,
        List::Given(_) | List::Absent if op.int("noop_with_empty_axes", 0) == 1 => Vec::new(),
        List::Given(_) | List::Absent => all(),
        List::Unknown => {
            let shape = (op.int("keepdims", 1) == 1).then(|| vec![Dim::Unknown; input.len()]);
            return Ok(vec![InferredValue::new(op.data_type(0), shape)]);
        }
    };
    Ok(vec![InferredValue::new(
        op.data_type(0),
        Some(reduced(op, input, &axes)?),
    )])
}

pub fn arg(op: &Op) -> Outputs {
    let shape = match op.shape(0) {
        Some(input) => Some(reduced(op, input, &[op.int("axis", 0)])?),
        None => None,
    };
    Ok(vec![InferredValue::new(Some(DataType::I64), shape)])
}

fn reduced(op: &Op, input: &[Dim], axes: &[i64]) -> Result<Vec<Dim>, Error> {
    let axes: Vec<usize> = axes
        .iter()
        .map(|&axis| op.axis(axis, input.len()))
        .collect::<Result<_, _>>()?;
    let keep = op.int("keepdims", 1) != 0;
    let dims = input.iter().enumerate().filter_map(|(axis, dim)| {
        if axes.contains(&axis) {
            keep.then_some(Dim::Fixed(1))
        } else {
            Some(dim.clone())
        }
    });
    Ok(dims.collect())
}
