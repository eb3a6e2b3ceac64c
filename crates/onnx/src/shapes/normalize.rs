//! Normalisations: the output has the input's shape, the parameters have one element a channel.

use super::elementwise::{broadcast_shapes, same_as_first};
use super::op::{Op, Outputs};
use crate::Error;

pub fn softmax(op: &Op) -> Outputs {
    // Before version 13 the default is 1, later -1; an input of rank 1 has the axis 1 in old files.
    if let (Some(shape), Some(axis)) = (op.shape(0), op.node.int("axis"))
        && !(op.opset < 13 && usize::try_from(axis) == Ok(shape.len()))
        && !shape.is_empty()
    {
        op.axis(axis, shape.len())?;
    }
    same_as_first(op)
}

/// `BatchNormalization(X [N, C, …], scale, bias, mean, variance [C])`; further outputs exist in training only.
pub fn batch(op: &Op) -> Outputs {
    per_channel(op, &[1, 2, 3, 4])?;
    same_as_first(op)
}

/// `InstanceNormalization` and `GroupNormalization` `(X [N, C, …], scale, bias [C])`; the latter's parameters had one
/// element a group in versions 18 to 20.
pub fn channels(op: &Op) -> Outputs {
    if op.node.is("InstanceNormalization") || op.opset >= 21 {
        per_channel(op, &[1, 2])?;
    }
    same_as_first(op)
}

/// `LayerNormalization(X, scale, bias)` over the axes from `axis` on, to which the parameters broadcast.
pub fn layer(op: &Op) -> Outputs {
    if let Some(shape) = op.shape(0) {
        let axis = op.axis(op.int("axis", -1), shape.len())?;
        for position in 1..op.inputs.len().min(3) {
            if let Some(parameter) = op.shape(position)
                && broadcast_shapes(&shape[axis..], parameter).is_none()
            {
                return Err(op.error(format!("input {position} does not fit the axes from {axis} on")));
            }
        }
    }
    same_as_first(op)
}

fn per_channel(op: &Op, parameters: &[usize]) -> Result<(), Error> {
    let Some(shape) = op.shape(0) else {
        return Ok(());
    };
    // An input of rank 1 has one channel.
    let channels = if shape.len() == 1 {
        Some(1)
    } else {
        shape.get(1).and_then(|dim| dim.fixed())
    };
    for &position in parameters {
        op.expect_rank(position, 1)?;
        let found = op.shape(position).and_then(|shape| shape.first()?.fixed());
        if let (Some(channels), Some(found)) = (channels, found)
            && channels != found
        {
            let message = format!("expected {channels} elements in input {position}, one a channel, found {found}");
            return Err(op.error(message));
        }
    }
    Ok(())
}
