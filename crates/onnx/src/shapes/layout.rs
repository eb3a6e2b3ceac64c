//! Operators that keep the elements and change the axes.

use std::collections::HashMap;

use super::elementwise::broadcast_shapes;
use super::op::{List, Op, Outputs};
use super::value::Element;
use super::value::InferredValue;
use crate::axes::MAX_RANK;
use crate::axes::{normalize_axis, unsqueeze_dims};
use crate::graph::display_shape;
use crate::{Dim, Error};

fn output(op: &Op, shape: Option<Vec<Dim>>) -> Outputs {
    Ok(vec![InferredValue::new(op.data_type(0), shape)])
}

/// A product of sizes: its fixed part, its symbols, and whether a size is not known at all.
#[derive(Default)]
struct Product {
    fixed: u128,
    symbols: HashMap<String, i64>,
    has_unknown: bool,
}

impl Product {
    fn of<'a>(dims: impl Iterator<Item = &'a Dim>) -> Self {
        let mut product = Self {
            fixed: 1,
            ..Self::default()
        };
        for dim in dims {
            match dim {
                // Beyond 2¹²⁸ the sizes are refused elsewhere, as no tensor is that large.
                Dim::Fixed(size) => product.fixed = product.fixed.saturating_mul(*size as u128),
                Dim::Named(name) => *product.symbols.entry(name.clone()).or_default() += 1,
                Dim::Unknown => product.has_unknown = true,
            }
        }
        product
    }
}

pub fn reshape(op: &Op) -> Outputs {
    let target: Option<Vec<Element>> = match op.node.ints("shape") {
        Some(shape) => Some(shape.iter().map(|&size| Element::Known(size)).collect()),
        None => op.input(1).and_then(InferredValue::elements),
    };
    let Some(target) = target else {
        // At least the rank may be known: the length of the target.
        let length = op
            .shape(1)
            .and_then(|shape| shape.first()?.fixed())
            .filter(|&length| length <= MAX_RANK);
        return output(op, length.map(|length| vec![Dim::Unknown; length]));
    };
    if target.len() > MAX_RANK {
        return output(op, None);
    }
    let input = op.shape(0);
    let allow_zero = op.int("allowzero", 0) == 1;
    let mut shape = Vec::with_capacity(target.len());
    let mut copied = Vec::new();
    let mut open = None;
    for (axis, element) in target.iter().enumerate() {
        shape.push(match element {
            Element::Known(0) if !allow_zero => {
                copied.push(axis);
                match input {
                    Some(input) => input.get(axis).cloned().ok_or_else(|| {
                        op.error(format!(
                            "the target shape copies axis {axis}, which the input does not have"
                        ))
                    })?,
                    None => Dim::Unknown,
                }
            }
            Element::Known(-1) if open.is_none() => {
                open = Some(axis);
                Dim::Unknown
            }
            Element::Known(size) if *size < 0 => {
                return Err(op.error(format!("the target shape {} cannot be", display_target(&target))));
            }
            element => element.to_dim().unwrap_or(Dim::Unknown),
        });
    }
    if let Some(input) = input {
        fill_open(op, input, &mut shape, &copied, open, &target)?;
    }
    output(op, Some(shape))
}

/// Computes the open size of a target shape, or checks the sizes against each other.
fn fill_open(
    op: &Op,
    input: &[Dim],
    shape: &mut [Dim],
    copied: &[usize],
    open: Option<usize>,
    target: &[Element],
) -> Result<(), Error> {
    // Axes that are copied cancel, whether known or not.
    let kept = |shape: &[Dim], skip: Option<usize>| {
        let dims = shape
            .iter()
            .enumerate()
            .filter(|(axis, _)| !copied.contains(axis) && Some(*axis) != skip);
        Product::of(dims.map(|(_, dim)| dim))
    };
    let (from, to) = (kept(input, None), kept(shape, open));
    if from.has_unknown || to.has_unknown {
        return Ok(());
    }
    let mut symbols = from.symbols;
    for (name, count) in to.symbols {
        *symbols.entry(name).or_default() -= count;
    }
    symbols.retain(|_, count| *count != 0);
    let mismatch = || {
        let (input, target) = (display_shape(input), display_target(target));
        op.error(format!(
            "{input} cannot be reshaped to {target}: the number of elements differs"
        ))
    };
    let Some(open) = open else {
        // With symbols left over, sizes may still fit for some of their values.
        return if symbols.is_empty() && from.fixed != to.fixed {
            Err(mismatch())
        } else {
            Ok(())
        };
    };
    if symbols.is_empty() {
        if to.fixed == 0 {
            return Ok(());
        }
        if from.fixed % to.fixed != 0 {
            return Err(mismatch());
        }
        shape[open] = usize::try_from(from.fixed / to.fixed).map_or(Dim::Unknown, Dim::Fixed);
    } else if from.fixed == to.fixed
        && symbols.len() == 1
        && let Some((name, 1)) = symbols.into_iter().next()
    {
        shape[open] = Dim::Named(name);
    }
    Ok(())
}

fn display_target(target: &[Element]) -> String {
    let sizes: Vec<String> = target
        .iter()
        .map(|element| match element {
            Element::Known(size) => size.to_string(),
            Element::Symbol(name) => name.clone(),
            Element::Unknown => "?".to_owned(),
        })
        .collect();
    format!("[{}]", sizes.join(", "))
}

/// The product of `dims` as one size.
fn merged(dims: &[Dim]) -> Dim {
    let product = Product::of(dims.iter());
    if product.fixed == 0 {
        return Dim::Fixed(0);
    }
    let mut symbols = product.symbols.into_iter();
    match (product.has_unknown, symbols.next(), symbols.next()) {
        (false, None, _) => usize::try_from(product.fixed).map_or(Dim::Unknown, Dim::Fixed),
        (false, Some((name, 1)), None) if product.fixed == 1 => Dim::Named(name),
        _ => Dim::Unknown,
    }
}

pub fn flatten(op: &Op) -> Outputs {
    let Some(input) = op.shape(0) else {
        return output(op, Some(vec![Dim::Unknown, Dim::Unknown]));
    };
    let axis = match op.int("axis", 1) {
        axis if usize::try_from(axis) == Ok(input.len()) => input.len(),
        axis => op.axis(axis, input.len())?,
    };
    output(op, Some(vec![merged(&input[..axis]), merged(&input[axis..])]))
}

pub fn transpose(op: &Op) -> Outputs {
    let Some(input) = op.shape(0) else {
        return output(op, None);
    };
    let Some(order) = op.node.ints("perm") else {
        return output(op, Some(input.iter().rev().cloned().collect()));
    };
    let axes: Option<Vec<usize>> = order.iter().map(|&axis| normalize_axis(axis, input.len())).collect();
    let mut sorted = axes.clone().unwrap_or_default();
    sorted.sort_unstable();
    match axes {
        Some(axes) if sorted.iter().copied().eq(0..input.len()) => {
            output(op, Some(axes.into_iter().map(|axis| input[axis].clone()).collect()))
        }
        _ => Err(op.error(format!(
            "the order of axes {order:?} does not name each axis of the input once"
        ))),
    }
}

pub fn squeeze(op: &Op) -> Outputs {
    let Some(input) = op.shape(0) else {
        return output(op, None);
    };
    let axes = match op.list("axes", 1) {
        List::Given(axes) => axes
            .iter()
            .map(|&axis| op.axis(axis, input.len()))
            .collect::<Result<Vec<_>, _>>()?,
        // Without axes all ones go, which takes knowing every size.
        List::Absent if input.iter().all(|dim| dim.fixed().is_some()) => {
            (0..input.len()).filter(|&axis| input[axis] == Dim::Fixed(1)).collect()
        }
        List::Absent | List::Unknown => return output(op, None),
    };
    if let Some(&axis) = axes
        .iter()
        .find(|&&axis| input[axis].fixed().is_some_and(|size| size != 1))
    {
        return Err(op.error(format!("axis {axis} cannot be removed, as its size is {}", input[axis])));
    }
    let kept = (0..input.len()).filter(|axis| !axes.contains(axis));
    output(op, Some(kept.map(|axis| input[axis].clone()).collect()))
}

pub fn unsqueeze(op: &Op) -> Outputs {
    let (Some(input), List::Given(axes)) = (op.shape(0), op.list("axes", 1)) else {
        return output(op, None);
    };
    let shape = unsqueeze_dims(input, &axes, Dim::Fixed(1));
    let shape = shape.ok_or_else(|| op.error(format!("axes {axes:?} cannot be put into the input")))?;
    output(op, Some(shape))
}

pub fn expand(op: &Op) -> Outputs {
    let target = op
        .input(1)
        .and_then(InferredValue::elements)
        .filter(|target| target.len() <= MAX_RANK);
    let (Some(input), Some(target)) = (op.shape(0), target) else {
        return output(op, None);
    };
    let target: Option<Vec<Dim>> = target.iter().map(Element::to_dim).collect();
    let target = target.ok_or_else(|| op.error("the target shape has a negative size"))?;
    let shape = broadcast_shapes(input, &target).ok_or_else(|| {
        op.error(format!(
            "{} cannot be expanded to {}",
            display_shape(input),
            display_shape(&target)
        ))
    })?;
    output(op, Some(shape))
}

/// The block size of `DepthToSpace` and `SpaceToDepth`, and the input's four sizes.
fn blocks<'a>(op: &Op<'a>) -> Result<Option<(usize, [&'a Dim; 4])>, Error> {
    op.expect_rank(0, 4)?;
    let size = op.int("blocksize", 0);
    let size = usize::try_from(size).ok().filter(|&size| size > 0 && size < 1 << 16);
    let size = size.ok_or_else(|| op.error("expected a blocksize of at least 1"))?;
    Ok(op
        .shape(0)
        .map(|shape| (size, [&shape[0], &shape[1], &shape[2], &shape[3]])))
}

fn scaled(dim: &Dim, factor: usize) -> Dim {
    dim.fixed()
        .and_then(|size| size.checked_mul(factor))
        .map_or(Dim::Unknown, Dim::Fixed)
}

fn divided(op: &Op, dim: &Dim, divisor: usize) -> Result<Dim, Error> {
    match dim.fixed() {
        Some(size) if size % divisor != 0 => Err(op.error(format!("a size of {size} is no multiple of {divisor}"))),
        Some(size) => Ok(Dim::Fixed(size / divisor)),
        None => Ok(Dim::Unknown),
    }
}

pub fn depth_to_space(op: &Op) -> Outputs {
    let Some((size, [batch, channels, height, width])) = blocks(op)? else {
        return output(op, None);
    };
    let channels = divided(op, channels, size * size)?;
    output(
        op,
        Some(vec![batch.clone(), channels, scaled(height, size), scaled(width, size)]),
    )
}

pub fn space_to_depth(op: &Op) -> Outputs {
    let Some((size, [batch, channels, height, width])) = blocks(op)? else {
        return output(op, None);
    };
    let (height, width) = (divided(op, height, size)?, divided(op, width, size)?);
    output(
        op,
        Some(vec![batch.clone(), scaled(channels, size * size), height, width]),
    )
}
