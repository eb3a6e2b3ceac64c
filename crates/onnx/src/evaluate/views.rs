//! Operators that only move elements: they work on bytes, exactly, whatever the element type.
//!
//! Most are a strided view of the input, `out[i₀, i₁, …] = in[offset + Σ iₖ·strideₖ]`, copied out row-major.

use super::Constants;
use crate::axes::{normalize_axis, reshape_dims, slice_axes, split_lengths, squeeze_dims, unsqueeze_dims};
use crate::{DataType, Tensor};

/// The outputs of the node, where it is one of these operators.
pub fn evaluate(op: &Constants) -> Option<Vec<Tensor>> {
    let output = match op.node.op_type.as_str() {
        "Identity" | "Dropout" => op.input(0)?.clone(),
        "Reshape" => reshape(op)?,
        "Flatten" => flatten(op)?,
        "Squeeze" => {
            let axes = op.attribute_or_input("axes", 1);
            with_dims(op.input(0)?, squeeze_dims(&op.input(0)?.dims, axes.as_deref())?)?
        }
        "Unsqueeze" => {
            let axes = op.attribute_or_input("axes", 1)?;
            with_dims(op.input(0)?, unsqueeze_dims(&op.input(0)?.dims, &axes, 1)?)?
        }
        "Transpose" => transpose(op)?,
        "Slice" => slice(op)?,
        "Expand" => expand(op)?,
        "Gather" => gather(op)?,
        "Concat" => concat(op)?,
        "Split" => return split(op),
        "Tile" => tile(op)?,
        _ => return None,
    };
    Some(vec![output])
}

/// The same elements under another shape.
fn with_dims(tensor: &Tensor, dims: Vec<usize>) -> Option<Tensor> {
    Tensor::new(tensor.data_type, &dims, tensor.data.clone()).ok()
}

fn reshape(op: &Constants) -> Option<Tensor> {
    let input = op.input(0)?;
    let target = op.attribute_or_input("shape", 1)?;
    with_dims(
        input,
        reshape_dims(&input.dims, &target, op.node.int("allowzero") == Some(1))?,
    )
}

fn flatten(op: &Constants) -> Option<Tensor> {
    let input = op.input(0)?;
    let rank = input.dims.len();
    let axis = match op.node.int("axis").unwrap_or(1) {
        axis if usize::try_from(axis) == Ok(rank) => rank,
        axis => normalize_axis(axis, rank)?,
    };
    let (outer, inner) = input.dims.split_at(axis);
    let product = |dims: &[usize]| dims.iter().try_fold(1usize, |product, &dim| product.checked_mul(dim));
    with_dims(input, vec![product(outer)?, product(inner)?])
}

fn strides(dims: &[usize]) -> Vec<isize> {
    let mut strides = vec![1; dims.len()];
    for axis in (1..dims.len()).rev() {
        // The tensor is in memory, so products of its sizes fit; a zero elsewhere makes no difference to no elements.
        strides[axis - 1] = isize::wrapping_mul(strides[axis], dims[axis] as isize);
    }
    strides
}

/// Copies the view of `input` with these `dims` and `strides` from `offset` on.
fn copy_view(op: &Constants, input: &Tensor, dims: &[usize], strides: &[isize], offset: isize) -> Option<Tensor> {
    let elements = op.allowed(dims)?;
    let size = input.data_type.size()?;
    let mut data = Vec::with_capacity(elements * size);
    let mut index = vec![0usize; dims.len()];
    let mut position = offset;
    for _ in 0..elements {
        let start = usize::try_from(position).ok()?.checked_mul(size)?;
        data.extend_from_slice(input.data.get(start..start.checked_add(size)?)?);
        for axis in (0..dims.len()).rev() {
            index[axis] += 1;
            position += strides[axis];
            if index[axis] < dims[axis] {
                break;
            }
            position -= strides[axis] * isize::try_from(dims[axis]).ok()?;
            index[axis] = 0;
        }
    }
    Tensor::new(input.data_type, dims, data.into()).ok()
}

fn transpose(op: &Constants) -> Option<Tensor> {
    let input = op.input(0)?;
    let rank = input.dims.len();
    let order: Vec<usize> = match op.node.ints("perm") {
        Some(order) => order
            .iter()
            .map(|&axis| normalize_axis(axis, rank))
            .collect::<Option<_>>()?,
        None => (0..rank).rev().collect(),
    };
    if order.len() != rank {
        return None;
    }
    let from = strides(&input.dims);
    let dims: Vec<usize> = order.iter().map(|&axis| input.dims[axis]).collect();
    // An axis named twice would read beyond its elements' count.
    op.allowed(&dims).filter(|&elements| elements == input.len())?;
    let strides: Vec<isize> = order.iter().map(|&axis| from[axis]).collect();
    copy_view(op, input, &dims, &strides, 0)
}

fn slice(op: &Constants) -> Option<Tensor> {
    let input = op.input(0)?;
    let (mut dims, mut strides, mut offset) = (input.dims.clone(), strides(&input.dims), 0isize);
    let (starts, ends) = (op.attribute_or_input("starts", 1)?, op.attribute_or_input("ends", 2)?);
    let axes = op.attribute_or_input("axes", 3);
    let steps = op.ints(4);
    for slice in slice_axes(dims.len(), &starts, &ends, axes.as_deref(), steps.as_deref())? {
        let axis = slice.axis;
        let (first, length) = slice.resolve(dims[axis]);
        offset = offset.checked_add(strides[axis].checked_mul(isize::try_from(first).ok()?)?)?;
        strides[axis] = strides[axis].checked_mul(isize::try_from(slice.step).ok()?)?;
        dims[axis] = length;
    }
    copy_view(op, input, &dims, &strides, offset)
}

fn expand(op: &Constants) -> Option<Tensor> {
    let input = op.input(0)?;
    let target: Vec<usize> = op
        .ints(1)?
        .into_iter()
        .map(usize::try_from)
        .collect::<Result<_, _>>()
        .ok()?;
    let rank = target.len().max(input.dims.len());
    let padded = |dims: &[usize]| [vec![1; rank - dims.len()], dims.to_vec()].concat();
    let (from, target) = (padded(&input.dims), padded(&target));
    let mut strides = strides(&from);
    let mut dims = Vec::with_capacity(rank);
    for axis in 0..rank {
        dims.push(match (from[axis], target[axis]) {
            (1, size) => {
                strides[axis] = 0;
                size
            }
            (size, 1) => size,
            (size, other) if size == other => size,
            _ => return None,
        });
    }
    copy_view(op, input, &dims, &strides, 0)
}

fn gather(op: &Constants) -> Option<Tensor> {
    let (input, indices) = (op.input(0)?, op.input(1)?);
    let axis = normalize_axis(op.node.int("axis").unwrap_or(0), input.dims.len())?;
    let size = input.data_type.size()?;
    let (outer, inner) = (&input.dims[..axis], &input.dims[axis + 1..]);
    let dims = [outer, &indices.dims, inner].concat();
    let elements = op.allowed(&dims)?;
    let mut data = Vec::with_capacity(elements * size);
    if elements > 0 {
        let (rows, row) = (outer.iter().product::<usize>(), inner.iter().product::<usize>() * size);
        let positions = indices
            .to_i64_vec()?
            .into_iter()
            .map(|index| normalize_axis(index, input.dims[axis]));
        let positions: Vec<usize> = positions.collect::<Option<_>>()?;
        for outer in 0..rows {
            for position in &positions {
                let start = (outer * input.dims[axis] + position) * row;
                data.extend_from_slice(input.data.get(start..start + row)?);
            }
        }
    }
    Tensor::new(input.data_type, &dims, data.into()).ok()
}

fn concat(op: &Constants) -> Option<Tensor> {
    let inputs: Vec<&Tensor> = op.inputs.iter().copied().collect::<Option<_>>()?;
    let first = inputs.first()?;
    let size = first.data_type.size()?;
    let axis = normalize_axis(op.node.int("axis")?, first.dims.len())?;
    let mut dims = first.dims.clone();
    dims[axis] = 0;
    for input in &inputs {
        let same = |other: usize| other == axis || input.dims[other] == first.dims[other];
        let fits = input.data_type == first.data_type && input.dims.len() == dims.len();
        if !fits || !(0..dims.len()).all(same) {
            return None;
        }
        dims[axis] = dims[axis].checked_add(input.dims[axis])?;
    }
    let elements = op.allowed(&dims)?;
    let mut data = Vec::with_capacity(elements * size);
    if elements > 0 {
        for outer in 0..dims[..axis].iter().product() {
            for input in &inputs {
                let row = input.dims[axis..].iter().product::<usize>() * size;
                data.extend_from_slice(input.data.get(outer * row..(outer + 1) * row)?);
            }
        }
    }
    Tensor::new(first.data_type, &dims, data.into()).ok()
}

fn split(op: &Constants) -> Option<Vec<Tensor>> {
    let input = op.input(0)?;
    let axis = normalize_axis(op.node.int("axis").unwrap_or(0), input.dims.len())?;
    let lengths = split_lengths(
        input.dims[axis],
        op.attribute_or_input("split", 1).as_deref(),
        op.node.outputs.len(),
    )?;
    let strides = strides(&input.dims);
    let mut start = 0usize;
    let mut outputs = Vec::with_capacity(lengths.len());
    for length in lengths {
        let mut dims = input.dims.clone();
        dims[axis] = length;
        let offset = isize::try_from(start).ok()?.checked_mul(strides[axis])?;
        outputs.push(copy_view(op, input, &dims, &strides, offset)?);
        start = start.checked_add(length)?;
    }
    Some(outputs)
}

fn tile(op: &Constants) -> Option<Tensor> {
    let input = op.input(0)?;
    let repeats = op.ints(1)?;
    if repeats.len() != input.dims.len() || input.data_type == DataType::String {
        return None;
    }
    // [a, b] tiled [p, q] times is the view [p, a, q, b] with stride 0 for p and q.
    let (mut view, mut view_strides, mut dims) = (Vec::new(), Vec::new(), Vec::new());
    for ((&dim, stride), &repeat) in input.dims.iter().zip(strides(&input.dims)).zip(&repeats) {
        let repeat = usize::try_from(repeat).ok()?;
        view.extend([repeat, dim]);
        view_strides.extend([0, stride]);
        dims.push(repeat.checked_mul(dim)?);
    }
    op.allowed(&dims)?;
    with_dims(&copy_view(op, input, &view, &view_strides, 0)?, dims)
}
