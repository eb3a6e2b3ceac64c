//! Operators that pick elements by index.

use super::op::{Op, Outputs};
use super::value::InferredValue;
use crate::{DataType, Dim};

/// `Gather(data […a, d, b…], indices [i…]) → […a, i…, b…]`.
pub fn gather(op: &Op) -> Outputs {
    let (Some(data), Some(indices)) = (op.shape(0), op.shape(1)) else {
        return Ok(vec![InferredValue::new(op.data_type(0), None)]);
    };
    let axis = op.axis(op.int("axis", 0), data.len())?;
    if let (Some(size), Some(indices)) = (data[axis].fixed(), op.ints(1))
        && let Some(index) = indices
            .iter()
            .find(|&&index| crate::axes::normalize_axis(index, size).is_none())
    {
        return Err(op.error(format!(
            "index {index} is outside axis {axis}, which has {size} elements"
        )));
    }
    let shape = [&data[..axis], indices, &data[axis + 1..]].concat();
    Ok(vec![InferredValue::new(op.data_type(0), Some(shape))])
}

pub fn gather_elements(op: &Op) -> Outputs {
    if let (Some(data), Some(indices)) = (op.shape(0), op.shape(1))
        && data.len() != indices.len()
    {
        return Err(op.error("expected data and indices of the same rank"));
    }
    Ok(vec![InferredValue::new(
        op.data_type(0),
        op.shape(1).map(<[Dim]>::to_vec),
    )])
}

/// `GatherND(data, indices [i…, k]) → [i…, data's axes behind the batch axes and k more]`.
pub fn gather_nd(op: &Op) -> Outputs {
    let (Some(data), Some([outer @ .., depth])) = (op.shape(0), op.shape(1)) else {
        return Ok(vec![InferredValue::new(op.data_type(0), None)]);
    };
    let batch = usize::try_from(op.int("batch_dims", 0)).unwrap_or(usize::MAX);
    let shape = match depth.fixed() {
        None => None,
        Some(depth) => {
            let rest = batch.checked_add(depth).and_then(|used| data.get(used..));
            let rest = rest.ok_or_else(|| op.error(format!("indices of length {depth} do not fit the data")))?;
            Some([outer, rest].concat())
        }
    };
    Ok(vec![InferredValue::new(op.data_type(0), shape)])
}

pub fn top_k(op: &Op) -> Outputs {
    let shape = match op.shape(0) {
        Some(input) => {
            let axis = op.axis(op.int("axis", -1), input.len())?;
            let count = op.node.int("k").or_else(|| op.ints(1)?.first().copied());
            let mut shape = input.to_vec();
            shape[axis] = count
                .and_then(|count| usize::try_from(count).ok())
                .map_or(Dim::Unknown, Dim::Fixed);
            if let (Some(size), Some(count)) = (input[axis].fixed(), shape[axis].fixed())
                && count > size
            {
                return Err(op.error(format!("the first {count} of {size} elements are asked for")));
            }
            Some(shape)
        }
        None => None,
    };
    Ok(vec![
        InferredValue::new(op.data_type(0), shape.clone()),
        InferredValue::new(Some(DataType::I64), shape),
    ])
}

pub fn one_hot(op: &Op) -> Outputs {
    let Some(indices) = op.shape(0) else {
        return Ok(vec![InferredValue::new(op.data_type(2), None)]);
    };
    let axis = op.axis(op.int("axis", -1), indices.len() + 1)?;
    let depth = op.ints(1).and_then(|depth| usize::try_from(*depth.first()?).ok());
    let mut shape = indices.to_vec();
    shape.insert(axis, depth.map_or(Dim::Unknown, Dim::Fixed));
    Ok(vec![InferredValue::new(op.data_type(2), Some(shape))])
}

pub fn non_zero(op: &Op) -> Outputs {
    let rank = op.shape(0).map_or(Dim::Unknown, |shape| Dim::Fixed(shape.len()));
    Ok(vec![InferredValue::new(
        Some(DataType::I64),
        Some(vec![rank, Dim::Unknown]),
    )])
}

/// `Compress(input, condition)`: the entries along `axis` whose condition holds, or those of the flattened input.
pub fn compress(op: &Op) -> Outputs {
    let shape = match (op.node.int("axis"), op.shape(0)) {
        (Some(axis), Some(input)) => {
            let axis = op.axis(axis, input.len())?;
            let mut shape = input.to_vec();
            shape[axis] = Dim::Unknown;
            Some(shape)
        }
        (Some(_), None) => None,
        (None, _) => Some(vec![Dim::Unknown]),
    };
    Ok(vec![InferredValue::new(op.data_type(0), shape)])
}
