//! Operators that work element by element: `out[i] = f(a[i], b[i], …)` with NumPy's broadcasting.

use super::op::{Op, Outputs};
use super::value::InferredValue;
use crate::{DataType, Dim};

/// Type and shape of the first input.
pub fn same_as_first(op: &Op) -> Outputs {
    Ok(vec![InferredValue::new(
        op.data_type(0),
        op.shape(0).map(<[Dim]>::to_vec),
    )])
}

pub fn dropout(op: &Op) -> Outputs {
    let shape = op.shape(0).map(<[Dim]>::to_vec);
    Ok(vec![
        InferredValue::new(op.data_type(0), shape.clone()),
        InferredValue::new(Some(DataType::Bool), shape),
    ])
}

pub fn broadcast_all(op: &Op) -> Outputs {
    let positions: Vec<usize> = (0..op.inputs.len()).collect();
    Ok(vec![InferredValue::new(op.data_type(0), broadcast(op, &positions)?)])
}

pub fn compare(op: &Op) -> Outputs {
    let positions: Vec<usize> = (0..op.inputs.len()).collect();
    Ok(vec![InferredValue::new(
        Some(DataType::Bool),
        broadcast(op, &positions)?,
    )])
}

pub fn select(op: &Op) -> Outputs {
    Ok(vec![InferredValue::new(
        op.data_type(1).or(op.data_type(2)),
        broadcast(op, &[0, 1, 2])?,
    )])
}

/// The slope is broadcast to the input, never the other way.
pub fn prelu(op: &Op) -> Outputs {
    let broadcast = broadcast(op, &[0, 1])?;
    if let (Some(input), Some(result)) = (op.shape(0), &broadcast)
        && input.len() != result.len()
    {
        return Err(op.error("the slope has more axes than the input"));
    }
    same_as_first(op)
}

pub fn cast(op: &Op) -> Outputs {
    let to = if op.node.is("CastLike") {
        op.data_type(1)
    } else {
        op.node.int("to").and_then(DataType::from_code)
    };
    Ok(vec![InferredValue::new(to, op.shape(0).map(<[Dim]>::to_vec))])
}

/// `QuantizeLinear` takes the type of its zero point, `DequantizeLinear` that of its scale.
pub fn quantize(op: &Op) -> Outputs {
    let to = if op.node.is("QuantizeLinear") {
        op.data_type(2).or(Some(DataType::U8))
    } else {
        op.data_type(1)
    };
    Ok(vec![InferredValue::new(to, op.shape(0).map(<[Dim]>::to_vec))])
}

/// Whole numbers, and one scale and one zero point for all of them.
pub fn quantize_dynamically(op: &Op) -> Outputs {
    Ok(vec![
        InferredValue::new(Some(DataType::U8), op.shape(0).map(<[Dim]>::to_vec)),
        InferredValue::new(Some(DataType::F32), Some(Vec::new())),
        InferredValue::new(Some(DataType::U8), Some(Vec::new())),
    ])
}

/// The broadcast shape of the inputs at `positions`.
///
/// # Errors
/// When two fixed sizes differ and neither is 1.
pub fn broadcast(op: &Op, positions: &[usize]) -> Result<Option<Vec<Dim>>, crate::Error> {
    let mut result: Option<Vec<Dim>> = None;
    for &position in positions {
        let Some(shape) = op.shape(position) else {
            return Ok(None);
        };
        result = Some(match result {
            None => shape.to_vec(),
            Some(other) => broadcast_shapes(&other, shape)
                .ok_or_else(|| op.error("the shapes cannot be broadcast to each other"))?,
        });
    }
    Ok(result)
}

/// The broadcast of two shapes; `None` when they contradict each other.
pub fn broadcast_shapes(a: &[Dim], b: &[Dim]) -> Option<Vec<Dim>> {
    let rank = a.len().max(b.len());
    let at = |shape: &[Dim], axis: usize| match (axis + shape.len()).checked_sub(rank) {
        Some(axis) => shape[axis].clone(),
        None => Dim::Fixed(1),
    };
    (0..rank).map(|axis| broadcast_dims(at(a, axis), at(b, axis))).collect()
}

fn broadcast_dims(a: Dim, b: Dim) -> Option<Dim> {
    Some(match (a, b) {
        (Dim::Fixed(1), other) | (other, Dim::Fixed(1)) => other,
        (Dim::Fixed(a), Dim::Fixed(b)) => return (a == b).then_some(Dim::Fixed(a)),
        // A symbol beside a size other than 1 is that size, or 1.
        (Dim::Fixed(size), _) | (_, Dim::Fixed(size)) => Dim::Fixed(size),
        (Dim::Named(a), Dim::Named(b)) if a == b => Dim::Named(a),
        _ => Dim::Unknown,
    })
}
