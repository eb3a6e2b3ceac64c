//! Shape arithmetic with symbols: the elements of short integer values, of which some are sizes such as `batch`.
//!
//! Exporters write `Reshape(x, Concat(Unsqueeze(Gather(Shape(x), 0)), [-1]))` for "keep the batch, flatten the rest".
//! Here its target is `[batch, -1]`. A symbol survives what leaves it as it is (`× 1`, `+ 0`, `÷ 1`); any other
//! arithmetic on it gives an unknown element.

use super::op::Op;
use super::value::{Element, InferredValue, MAX_ELEMENTS};
use crate::DataType;
use crate::axes::{normalize_axis, slice_axes};

/// The elements of the node's output, where it is a short integer value.
pub fn elements(op: &Op) -> Option<Vec<Element>> {
    let input = |position: usize| op.input(position).and_then(InferredValue::elements);
    match op.node.op_type.as_str() {
        "Shape" => {
            let shape = op.shape(0)?;
            let range = crate::evaluate::shape_range(op.node, shape.len());
            Some(shape.get(range)?.iter().map(Element::of_dim).collect())
        }
        "Identity" | "Flatten" | "Squeeze" | "Unsqueeze" | "Reshape" => input(0),
        "Cast" => {
            let to = op.node.int("to").and_then(DataType::from_code)?;
            to.is_integer().then(|| input(0))?
        }
        "Gather" => {
            let (data, indices) = (input(0)?, op.ints(1)?);
            let pick = |&index: &i64| Some(data[normalize_axis(index, data.len())?].clone());
            indices.iter().map(pick).collect()
        }
        "Concat" => {
            let parts: Vec<Vec<Element>> = (0..op.inputs.len()).map(input).collect::<Option<_>>()?;
            Some(parts.concat()).filter(|elements| elements.len() <= MAX_ELEMENTS)
        }
        "Slice" => slice(op, input(0)?),
        "Add" | "Sub" | "Mul" | "Div" => zip(op, |a, b| arithmetic(&op.node.op_type, a, b)),
        "Equal" => zip(op, equal),
        "Where" => {
            let condition = op.input(0)?;
            let condition = match &condition.constant {
                Some(constant) if constant.dims.len() <= 1 => {
                    constant.to_i64_vec()?.into_iter().map(Element::Known).collect()
                }
                Some(_) => return None,
                None => condition.elements.clone()?,
            };
            select(&condition, &input(1)?, &input(2)?)
        }
        "ConstantOfShape" => None,
        "ReduceProd" => {
            let product = input(0)?.into_iter().reduce(|a, b| arithmetic("Mul", &a, &b))?;
            Some(vec![product])
        }
        _ => None,
    }
}

fn slice(op: &Op, data: Vec<Element>) -> Option<Vec<Element>> {
    let list = |name: &str, position: usize| op.node.ints(name).map(<[i64]>::to_vec).or_else(|| op.ints(position));
    let (axes, steps) = (list("axes", 3), op.ints(4));
    let slices = slice_axes(
        1,
        &list("starts", 1)?,
        &list("ends", 2)?,
        axes.as_deref(),
        steps.as_deref(),
    )?;
    let [slice] = slices.as_slice() else {
        return None;
    };
    let (first, length) = slice.resolve(data.len());
    let pick = |position: usize| {
        let offset = slice.step.checked_mul(i64::try_from(position).ok()?)?;
        data.get(usize::try_from(i64::try_from(first).ok()?.checked_add(offset)?).ok()?)
            .cloned()
    };
    (0..length).map(pick).collect()
}

/// Applies `function` to the elements of both inputs; an input of one element is repeated.
fn zip(op: &Op, function: impl Fn(&Element, &Element) -> Element) -> Option<Vec<Element>> {
    let (a, b) = (op.input(0)?.elements()?, op.input(1)?.elements()?);
    let length = broadcast_length(&[a.len(), b.len()])?;
    Some(
        (0..length)
            .map(|position| function(at(&a, position), at(&b, position)))
            .collect(),
    )
}

fn select(condition: &[Element], yes: &[Element], no: &[Element]) -> Option<Vec<Element>> {
    let length = broadcast_length(&[condition.len(), yes.len(), no.len()])?;
    let choose = |position: usize| match at(condition, position) {
        Element::Known(0) => at(no, position).clone(),
        Element::Known(_) => at(yes, position).clone(),
        _ if at(yes, position) == at(no, position) => at(no, position).clone(),
        _ => Element::Unknown,
    };
    Some((0..length).map(choose).collect())
}

fn broadcast_length(lengths: &[usize]) -> Option<usize> {
    let length = lengths.iter().copied().find(|&length| length != 1).unwrap_or(1);
    lengths
        .iter()
        .all(|&other| other == 1 || other == length)
        .then_some(length)
}

fn at(elements: &[Element], position: usize) -> &Element {
    if elements.len() == 1 {
        &elements[0]
    } else {
        &elements[position]
    }
}

fn arithmetic(name: &str, a: &Element, b: &Element) -> Element {
    use Element::{Known, Symbol, Unknown};
    let known = |value: Option<i64>| value.map_or(Unknown, Known);
    match (name, a, b) {
        ("Add", Known(a), Known(b)) => known(a.checked_add(*b)),
        ("Sub", Known(a), Known(b)) => known(a.checked_sub(*b)),
        ("Mul", Known(a), Known(b)) => known(a.checked_mul(*b)),
        ("Div", Known(a), Known(b)) => known(a.checked_div(*b)),
        ("Mul", Known(1), other) | ("Mul" | "Div", other, Known(1)) => other.clone(),
        ("Add", Known(0), other) | ("Add" | "Sub", other, Known(0)) => other.clone(),
        ("Mul", Known(0), Symbol(_)) | ("Mul", Symbol(_), Known(0)) => Known(0),
        ("Sub", Symbol(a), Symbol(b)) if a == b => Known(0),
        _ => Unknown,
    }
}

fn equal(a: &Element, b: &Element) -> Element {
    use Element::{Known, Symbol, Unknown};
    match (a, b) {
        (Known(a), Known(b)) => Known(i64::from(a == b)),
        (Symbol(a), Symbol(b)) if a == b => Known(1),
        // A size is never negative, and `-1` is what exporters compare with.
        (Symbol(_), Known(value)) | (Known(value), Symbol(_)) if *value < 0 => Known(0),
        _ => Unknown,
    }
}
