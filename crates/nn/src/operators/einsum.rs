//! Einsum: sums of products over named axes.
//!
//! The operands are contracted from left to right. Two operands meet in one batched matrix product: axes in both and
//! still needed are the batch, axes in both and no longer needed are summed, the rest are rows and columns. `...` stands
//! for the axes that are not named. An axis named twice in one operand (a diagonal) is not supported.

use std::collections::BTreeSet;

use super::{Attributes, Operator};
use crate::tensor::DeviceTensor;
use crate::{Error, Result};

/// A tensor whose axes have names.
struct Named {
    tensor: DeviceTensor,
    axes: Vec<char>,
}

pub(super) fn build(attributes: &mut Attributes) -> Result<Operator> {
    let equation: String = attributes
        .string_or("equation", "")?
        .chars()
        .filter(|one| !one.is_whitespace())
        .collect();
    let (terms, result) = match equation.split_once("->") {
        Some((terms, result)) => (terms.to_owned(), Some(result.to_owned())),
        None => (equation.clone(), None),
    };
    let terms: Vec<String> = terms.split(',').map(str::to_owned).collect();
    let allowed = |term: &str| term.replacen("...", "", 1).chars().all(|one| one.is_ascii_alphabetic());
    if !terms.iter().chain(&result).all(|term| allowed(term)) {
        return Err(Error::unsupported(format!("equation {equation:?} is not understood")));
    }
    Ok(Box::new(move |inputs, _| {
        if inputs.len() != terms.len() {
            return Err(Error::invalid(format!(
                "equation {equation:?} does not take {} inputs",
                inputs.len()
            )));
        }
        let mut operands = Vec::new();
        let mut dots = 0;
        for (position, term) in terms.iter().enumerate() {
            let tensor = inputs.tensor(position)?;
            let (axes, unnamed) = name(term, tensor.rank())?;
            dots = dots.max(unnamed);
            operands.push(Named { tensor, axes });
        }
        let output = match &result {
            Some(result) => result
                .chars()
                .collect::<String>()
                .replacen("...", &dot_names(dots), 1)
                .chars()
                .collect(),
            None => implicit(&operands, dots),
        };
        Ok(vec![contract(operands, &output)?.into()])
    }))
}

/// Names for the last `count` axes that an ellipsis stands for; outside of the letters an equation may use.
fn dot_names(count: usize) -> String {
    (0..count)
        .rev()
        .map(|index| char::from_u32(0x1000 + index as u32).unwrap_or('\u{1000}'))
        .collect()
}

fn name(term: &str, rank: usize) -> Result<(Vec<char>, usize)> {
    let named = term.replacen("...", "", 1).len();
    let unnamed = if term.contains("...") {
        rank.checked_sub(named)
    } else {
        Some(0)
    };
    let wrong = || {
        Error::shape(format!(
            "the term {term:?} does not name the axes of a tensor of rank {rank}"
        ))
    };
    let unnamed = unnamed.ok_or_else(wrong)?;
    let axes: Vec<char> = term.replacen("...", &dot_names(unnamed), 1).chars().collect();
    if axes.len() != rank {
        return Err(wrong());
    }
    if axes.iter().collect::<BTreeSet<_>>().len() != axes.len() {
        return Err(Error::unsupported(format!("the term {term:?} names an axis twice")));
    }
    Ok((axes, unnamed))
}

/// Without `->`: the ellipsis, then the letters that occur once, in alphabetical order.
fn implicit(operands: &[Named], dots: usize) -> Vec<char> {
    let all: Vec<char> = operands
        .iter()
        .flat_map(|operand| operand.axes.iter().copied())
        .collect();
    let letters: BTreeSet<char> = all.iter().copied().filter(char::is_ascii_alphabetic).collect();
    let once = letters
        .into_iter()
        .filter(|letter| all.iter().filter(|one| *one == letter).count() == 1);
    dot_names(dots).chars().chain(once).collect()
}

fn contract(operands: Vec<Named>, output: &[char]) -> Result<DeviceTensor> {
    let mut rest = operands.into_iter();
    let mut result = rest.next().ok_or_else(|| Error::invalid("no operands"))?;
    let waiting: Vec<Named> = rest.collect();
    for position in 0..waiting.len() {
        let needed =
            |axis: &char| output.contains(axis) || waiting[position + 1..].iter().any(|one| one.axes.contains(axis));
        result = meet(&result, &waiting[position], needed)?;
    }
    let summed: Vec<usize> = (0..result.axes.len())
        .filter(|&axis| !output.contains(&result.axes[axis]))
        .collect();
    let result = drop_axes(&result, &summed)?;
    let order = output
        .iter()
        .map(|axis| result.axes.iter().position(|one| one == axis))
        .collect::<Option<Vec<_>>>()
        .filter(|order| order.len() == result.axes.len())
        .ok_or_else(|| Error::shape("the result names an axis that no operand has, or one twice"))?;
    Ok(result.tensor.permute(&order))
}

/// Sums `over` away.
fn drop_axes(named: &Named, over: &[usize]) -> Result<Named> {
    let dims = named.tensor.dims();
    let left: Vec<usize> = (0..dims.len()).filter(|axis| !over.contains(axis)).collect();
    Ok(Named {
        tensor: named
            .tensor
            .sum(over)
            .reshape(&left.iter().map(|&axis| dims[axis]).collect::<Vec<_>>())?,
        axes: left.iter().map(|&axis| named.axes[axis]).collect(),
    })
}

/// Two operands in one product; only what is needed later stays.
fn meet(a: &Named, b: &Named, needed: impl Fn(&char) -> bool) -> Result<Named> {
    let lonely = |one: &Named, other: &Named| -> Vec<usize> {
        (0..one.axes.len())
            .filter(|&axis| !other.axes.contains(&one.axes[axis]) && !needed(&one.axes[axis]))
            .collect()
    };
    let (a, b) = (drop_axes(a, &lonely(a, b))?, drop_axes(b, &lonely(b, a))?);
    let size = |named: &Named, axis: char| {
        named
            .axes
            .iter()
            .position(|&one| one == axis)
            .map(|index| named.tensor.dims()[index])
    };
    let both: Vec<char> = a.axes.iter().copied().filter(|axis| b.axes.contains(axis)).collect();
    // A shared axis of size 1 on one side only is broadcast.
    let common = |axis: char| -> Result<usize> {
        match (size(&a, axis).unwrap_or(1), size(&b, axis).unwrap_or(1)) {
            (x, y) if x == y => Ok(x),
            (1, other) | (other, 1) => Ok(other),
            (x, y) => Err(Error::shape(format!(
                "axis {axis:?} has size {x} in one operand and {y} in another"
            ))),
        }
    };
    let batch: Vec<char> = both.iter().copied().filter(|axis| needed(axis)).collect();
    let summed: Vec<char> = both.iter().copied().filter(|axis| !needed(axis)).collect();
    let rows: Vec<char> = a.axes.iter().copied().filter(|axis| !both.contains(axis)).collect();
    let columns: Vec<char> = b.axes.iter().copied().filter(|axis| !both.contains(axis)).collect();
    let sizes = |axes: &[char]| axes.iter().map(|&axis| common(axis)).collect::<Result<Vec<_>>>();
    let (batch_sizes, summed_sizes, row_sizes, column_sizes) =
        (sizes(&batch)?, sizes(&summed)?, sizes(&rows)?, sizes(&columns)?);
    let product = |list: &[usize]| list.iter().product::<usize>();
    let arranged = |named: &Named, groups: [&[char]; 3], matrix: [usize; 3]| -> Result<DeviceTensor> {
        let order: Vec<char> = groups.concat();
        let positions: Vec<usize> = order
            .iter()
            .filter_map(|axis| named.axes.iter().position(|one| one == axis))
            .collect();
        named
            .tensor
            .permute(&positions)
            .expand(&sizes(&order)?)?
            .reshape(&matrix)
    };
    let (batches, inner) = (product(&batch_sizes), product(&summed_sizes));
    let left = arranged(&a, [&batch, &rows, &summed], [batches, product(&row_sizes), inner])?;
    let right = arranged(
        &b,
        [&batch, &summed, &columns],
        [batches, inner, product(&column_sizes)],
    )?;
    Ok(Named {
        tensor: left
            .matmul(&right)?
            .reshape(&[batch_sizes, row_sizes, column_sizes].concat())?,
        axes: [batch, rows, columns].concat(),
    })
}
