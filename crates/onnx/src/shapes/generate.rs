//! Operators that make a tensor out of a shape or out of bounds.

use super::symbolic::Element;
use super::{Op, Outputs, Value};
use crate::{DataType, Dim};

pub fn constant_of_shape(op: &Op) -> Outputs {
    let data_type = op.node.tensor("value").map_or(DataType::F32, |value| value.data_type);
    let shape = match op.input(0).and_then(Value::elements) {
        Some(elements) => {
            let shape: Option<Vec<Dim>> = elements.iter().map(Element::to_dim).collect();
            Some(shape.ok_or_else(|| op.error("the shape has a negative size"))?)
        }
        None => None,
    };
    // A shape of more axes than supported is refused with every other value of such a rank.
    Ok(vec![Value::new(Some(data_type), shape)])
}

pub fn range(op: &Op) -> Outputs {
    let known = |position: usize| op.input(position).and_then(Value::elements)?.into_iter().next();
    // `Range(0, n, 1)` has n elements.
    let length = match (known(0), known(1), known(2)) {
        (Some(Element::Known(0)), Some(Element::Symbol(name)), Some(Element::Known(1))) => Dim::Named(name),
        _ => Dim::Unknown,
    };
    Ok(vec![Value::new(op.data_type(0), Some(vec![length]))])
}

pub fn shape(op: &Op) -> Outputs {
    let rank = op
        .shape(0)
        .map(|shape| crate::evaluate::shape_range(op.node, shape.len()).len());
    Ok(vec![Value::new(
        Some(DataType::I64),
        Some(vec![rank.map_or(Dim::Unknown, Dim::Fixed)]),
    )])
}

pub fn size(_op: &Op) -> Outputs {
    Ok(vec![Value::new(Some(DataType::I64), Some(Vec::new()))])
}

pub fn like(op: &Op) -> Outputs {
    let data_type = op.node.int("dtype").and_then(DataType::from_code).or(op.data_type(0));
    Ok(vec![Value::new(data_type, op.shape(0).map(<[Dim]>::to_vec))])
}
