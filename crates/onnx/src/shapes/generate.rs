//! Operators that make a tensor out of a shape or out of bounds.

use super::op::{Op, Outputs};
use super::value::Element;
use super::value::InferredValue;
use crate::{DataType, Dim};

pub fn constant_of_shape(op: &Op) -> Outputs {
    let data_type = op.node.tensor("value").map_or(DataType::F32, |value| value.data_type);
    let shape = match op.input(0).and_then(InferredValue::elements) {
        Some(elements) => {
            let shape: Option<Vec<Dim>> = elements.iter().map(Element::to_dim).collect();
            Some(shape.ok_or_else(|| op.error("the shape has a negative size"))?)
        }
        None => None,
    };
    // A shape of more axes than supported is refused with every other value of such a rank.
    Ok(vec![InferredValue::new(Some(data_type), shape)])
}

pub fn range(op: &Op) -> Outputs {
    let known = |position: usize| op.input(position).and_then(InferredValue::elements)?.into_iter().next();
    // `Range(0, n, 1)` has n elements.
    let length = match (known(0), known(1), known(2)) {
        (Some(Element::Known(0)), Some(Element::Symbol(name)), Some(Element::Known(1))) => Dim::Named(name),
        _ => Dim::Unknown,
    };
    Ok(vec![InferredValue::new(op.data_type(0), Some(vec![length]))])
}

pub fn shape(op: &Op) -> Outputs {
    let rank = op
        .shape(0)
        .map(|shape| crate::evaluate::shape_range(op.node, shape.len()).len());
    Ok(vec![InferredValue::new(
        Some(DataType::I64),
        Some(vec![rank.map_or(Dim::Unknown, Dim::Fixed)]),
    )])
}

pub fn size(_op: &Op) -> Outputs {
    Ok(vec![InferredValue::new(Some(DataType::I64), Some(Vec::new()))])
}

pub fn like(op: &Op) -> Outputs {
    let data_type = op.node.int("dtype").and_then(DataType::from_code).or(op.data_type(0));
    Ok(vec![InferredValue::new(data_type, op.shape(0).map(<[Dim]>::to_vec))])
}
