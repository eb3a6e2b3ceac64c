//! Operators that put tensors together, cut them up, or pad them.

use super::op::{List, Op, Outputs};
use super::value::InferredValue;
use crate::axes::{slice_axes, split_lengths};
use crate::{Dim, Error};

pub fn concat(op: &Op) -> Outputs {
    let data_type = op.data_type(0);
    let shapes: Option<Vec<&[Dim]>> = (0..op.inputs.len()).map(|position| op.shape(position)).collect();
    let Some(shapes) = shapes.filter(|shapes| !shapes.is_empty()) else {
        return Ok(vec![InferredValue::new(data_type, None)]);
    };
    let rank = shapes[0].len();
    let axis = op.axis(op.int("axis", 1), rank)?;
    let mut result = shapes[0].to_vec();
    let mut total = Some(0usize);
    for shape in &shapes {
        if shape.len() != rank {
            return Err(op.error("expected inputs of the same rank"));
        }
        for (other, dim) in shape.iter().enumerate().filter(|(other, _)| *other != axis) {
            match (&result[other], dim) {
                (Dim::Fixed(a), Dim::Fixed(b)) if a != b => {
                    return Err(op.error(format!(
                        "sizes other than along axis {axis} must agree, found {a} and {b} along axis {other}"
                    )));
                }
                (Dim::Unknown, _) | (Dim::Named(_), Dim::Fixed(_)) => result[other] = dim.clone(),
                _ => {}
            }
        }
        let size = shape[axis].fixed();
        total = total.and_then(|total| total.checked_add(size?));
    }
    if shapes.len() > 1 {
        result[axis] = total.map_or(Dim::Unknown, Dim::Fixed);
    }
    Ok(vec![InferredValue::new(data_type, Some(result))])
}

pub fn split(op: &Op) -> Outputs {
    let outputs = op.node.outputs.len();
    let Some(input) = op.shape(0) else {
        return Ok(vec![InferredValue::new(op.data_type(0), None); outputs]);
    };
    let axis = op.axis(op.int("axis", 0), input.len())?;
    let given = match op.list("split", 1) {
        List::Given(lengths) => Some(Some(lengths)),
        List::Absent => Some(None),
        List::Unknown => None,
    };
    let lengths = match (input[axis].fixed(), given) {
        (Some(size), Some(given)) => {
            let lengths = split_lengths(size, given.as_deref(), outputs);
            let lengths = lengths.ok_or_else(|| match given {
                Some(given) => op.error(format!(
                    "lengths {given:?} do not cut an axis of {size} into {outputs} parts"
                )),
                None => op.error(format!("an axis of {size} cannot be cut into {outputs} parts")),
            })?;
            lengths.into_iter().map(Dim::Fixed).collect()
        }
        (None, Some(Some(given))) if given.len() == outputs => given
            .iter()
            .map(|&length| usize::try_from(length).map_or(Dim::Unknown, Dim::Fixed))
            .collect(),
        _ => vec![Dim::Unknown; outputs],
    };
    let value = |length: Dim| {
        let mut shape = input.to_vec();
        shape[axis] = length;
        InferredValue::new(op.data_type(0), Some(shape))
    };
    Ok(lengths.into_iter().map(value).collect())
}

pub fn slice(op: &Op) -> Outputs {
    let Some(input) = op.shape(0) else {
        return Ok(vec![InferredValue::new(op.data_type(0), None)]);
    };
    let given = |list: List| match list {
        List::Given(list) => Some(list),
        _ => None,
    };
    let axes = op.list("axes", 3);
    let steps = op.list("steps", 4);
    let (starts, ends) = (given(op.list("starts", 1)), given(op.list("ends", 2)));
    let mut shape = input.to_vec();
    // Which axes are cut is often known where the bounds are not.
    let touched: Vec<usize> = match &axes {
        List::Given(axes) => axes
            .iter()
            .map(|&axis| op.axis(axis, input.len()))
            .collect::<Result<_, _>>()?,
        List::Absent => {
            let length = op.shape(1).and_then(|shape| shape.first()?.fixed());
            let length = starts.as_ref().map(Vec::len).or(length).unwrap_or(input.len());
            (0..length.min(input.len())).collect()
        }
        List::Unknown => (0..input.len()).collect(),
    };
    match (starts, ends, &axes, &steps) {
        (Some(starts), Some(ends), List::Given(_) | List::Absent, List::Given(_) | List::Absent) => {
            let (axes, steps) = (given(axes), given(steps));
            let slices = slice_axes(input.len(), &starts, &ends, axes.as_deref(), steps.as_deref());
            let slices = slices.ok_or_else(|| op.error("starts, ends, axes and steps do not fit each other"))?;
            for slice in slices {
                let dim = &mut shape[slice.axis];
                *dim = match dim.fixed() {
                    Some(size) => Dim::Fixed(slice.resolve(size).1),
                    None if slice.start == 0 && slice.step == 1 && slice.end == i64::MAX => dim.clone(),
                    None => Dim::Unknown,
                };
            }
        }
        _ => touched.into_iter().for_each(|axis| shape[axis] = Dim::Unknown),
    }
    Ok(vec![InferredValue::new(op.data_type(0), Some(shape))])
}

pub fn pad(op: &Op) -> Outputs {
    let Some(input) = op.shape(0) else {
        return Ok(vec![InferredValue::new(op.data_type(0), None)]);
    };
    let axes: Vec<usize> = match op.list("axes", 3) {
        List::Given(axes) => axes
            .iter()
            .map(|&axis| op.axis(axis, input.len()))
            .collect::<Result<_, _>>()?,
        List::Absent => (0..input.len()).collect(),
        List::Unknown => {
            return Ok(vec![InferredValue::new(
                op.data_type(0),
                Some(vec![Dim::Unknown; input.len()]),
            )]);
        }
    };
    let List::Given(pads) = op.list("pads", 1) else {
        return Ok(vec![InferredValue::new(
            op.data_type(0),
            Some(vec![Dim::Unknown; input.len()]),
        )]);
    };
    if pads.len() != 2 * axes.len() {
        return Err(op.error(format!(
            "expected {} pads, two an axis, found {}",
            2 * axes.len(),
            pads.len()
        )));
    }
    let mut shape = input.to_vec();
    for (position, &axis) in axes.iter().enumerate() {
        let added = i128::from(pads[position]) + i128::from(pads[axes.len() + position]);
        if added == 0 {
            continue;
        }
        shape[axis] = match shape[axis].fixed() {
            None => Dim::Unknown,
            Some(size) => padded(op, size, added)?,
        };
    }
    Ok(vec![InferredValue::new(op.data_type(0), Some(shape))])
}

fn padded(op: &Op, size: usize, added: i128) -> Result<Dim, Error> {
    let size = i128::try_from(size)
        .ok()
        .and_then(|size| usize::try_from(size + added).ok());
    size.map(Dim::Fixed)
        .ok_or_else(|| op.error("the pads cut off more than there is"))
}

pub fn tile(op: &Op) -> Outputs {
    let Some(input) = op.shape(0) else {
        return Ok(vec![InferredValue::new(op.data_type(0), None)]);
    };
    let Some(repeats) = op.ints(1) else {
        return Ok(vec![InferredValue::new(
            op.data_type(0),
            Some(vec![Dim::Unknown; input.len()]),
        )]);
    };
    if repeats.len() != input.len() {
        return Err(op.error(format!(
            "expected {} repeats, one an axis, found {}",
            input.len(),
            repeats.len()
        )));
    }
    let shape = input
        .iter()
        .zip(repeats)
        .map(|(dim, repeat)| match (dim, usize::try_from(repeat)) {
            (dim, Ok(1)) => Ok(dim.clone()),
            (Dim::Fixed(size), Ok(repeat)) => size
                .checked_mul(repeat)
                .map(Dim::Fixed)
                .ok_or_else(|| op.error("the size of the result overflows")),
            (_, Ok(_)) => Ok(Dim::Unknown),
            (_, Err(_)) => Err(op.error(format!("expected repeats of at least 0, found {repeat}"))),
        });
    Ok(vec![InferredValue::new(
        op.data_type(0),
        Some(shape.collect::<Result<_, _>>()?),
    )])
}
