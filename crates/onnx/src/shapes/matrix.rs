//! Matrix products: `MatMul`, `Gemm`, `Einsum`.

use std::collections::HashMap;

use super::elementwise::broadcast_shapes;
use super::op::{Op, Outputs};
use super::value::InferredValue;
use crate::{DataType, Dim};

/// `[…, m, k] · […, k, n] → […, m, n]`; a vector counts as a row on the left and as a column on the right.
pub fn matmul(op: &Op) -> Outputs {
    let data_type = if op.node.is("MatMulInteger") {
        Some(DataType::I32)
    } else {
        op.data_type(0).or(op.data_type(1))
    };
    let (Some(left), Some(right)) = (op.shape(0), op.shape(1)) else {
        return Ok(vec![InferredValue::new(data_type, None)]);
    };
    let one = Dim::Fixed(1);
    let (Some(inner), Some(_)) = (left.last(), right.last()) else {
        return Err(op.error("expected inputs of at least one axis"));
    };
    let (right_batch, right_inner, columns) = match right {
        [inner] => (&right[..0], inner, None),
        [batch @ .., inner, columns] => (batch, inner, Some(columns)),
        [] => (&right[..0], &one, None),
    };
    check_inner(op, inner, right_inner)?;
    let (left_batch, rows) = match left {
        [batch @ .., rows, _] => (batch, Some(rows)),
        _ => (&left[..0], None),
    };
    let mut shape = broadcast_shapes(left_batch, right_batch)
        .ok_or_else(|| op.error("the axes before the matrices cannot be broadcast to each other"))?;
    shape.extend(rows.cloned());
    shape.extend(columns.cloned());
    Ok(vec![InferredValue::new(data_type, Some(shape))])
}

fn check_inner(op: &Op, left: &Dim, right: &Dim) -> Result<(), crate::Error> {
    match (left.fixed(), right.fixed()) {
        (Some(left), Some(right)) if left != right => Err(op.error(format!(
            "the right matrix takes {right} features, but the left one has {left}"
        ))),
        _ => Ok(()),
    }
}

/// `Gemm(A [m, k], B [k, n], C) = alpha·A·B + beta·C`, each matrix transposed on request.
pub fn gemm(op: &Op) -> Outputs {
    op.expect_rank(0, 2)?;
    op.expect_rank(1, 2)?;
    let side = |position: usize, transposed: &str| {
        let shape = op.shape(position);
        let pair = shape.map_or([Dim::Unknown, Dim::Unknown], |shape| {
            [shape[0].clone(), shape[1].clone()]
        });
        let [a, b] = pair;
        if op.int(transposed, 0) != 0 { [b, a] } else { [a, b] }
    };
    let [rows, left] = side(0, "transA");
    let [right, columns] = side(1, "transB");
    check_inner(op, &left, &right)?;
    let shape = vec![rows, columns];
    if let Some(bias) = op.shape(2)
        && (bias.len() > 2 || broadcast_shapes(&shape, bias).is_none_or(|result| grows(&shape, &result)))
    {
        return Err(op.error(format!(
            "input 2 cannot be broadcast to {}",
            crate::graph::display_shape(&shape)
        )));
    }
    Ok(vec![InferredValue::new(op.data_type(0), Some(shape))])
}

/// `Attention(Q, K, V, …)`: `[n, heads, rows, size]`, or all heads beside each other, `[n, rows, heads · size]`. The first output
/// has the axes of Q, and the size of V's heads.
pub fn attention(op: &Op) -> Outputs {
    let shape = match (op.shape(0), op.shape(2)) {
        (Some([n, heads, rows, _]), Some([_, _, _, size])) => {
            Some(vec![n.clone(), heads.clone(), rows.clone(), size.clone()])
        }
        (Some([n, rows, _]), Some([_, _, width])) => {
            let heads = |name: &str| usize::try_from(op.int(name, 0)).ok().filter(|&heads| heads > 0);
            let size = match (width.fixed(), heads("q_num_heads"), heads("kv_num_heads")) {
                (Some(width), Some(asking), Some(kept)) if width.is_multiple_of(kept) => {
                    Dim::Fixed(width / kept * asking)
                }
                _ => Dim::Unknown,
            };
            Some(vec![n.clone(), rows.clone(), size])
        }
        _ => None,
    };
    Ok(vec![InferredValue::new(op.data_type(0), shape)])
}

/// Whether a fixed size of `shape` is another one in `result`.
fn grows(shape: &[Dim], result: &[Dim]) -> bool {
    shape.iter().zip(result).any(|(a, b)| a.fixed().is_some() && a != b)
}

pub fn einsum(op: &Op) -> Outputs {
    let unknown = Ok(vec![InferredValue::new(op.data_type(0), None)]);
    let equation: String = op
        .node
        .string("equation")
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    let Some((inputs, output)) = equation.split_once("->") else {
        return unknown;
    };
    let terms: Vec<&str> = inputs.split(',').collect();
    if equation.contains("...") {
        return unknown;
    }
    if terms.len() != op.inputs.len() {
        return Err(op.error(format!("the equation {equation:?} is for {} inputs", terms.len())));
    }
    let mut sizes: HashMap<char, &Dim> = HashMap::new();
    for (position, term) in terms.iter().enumerate() {
        let Some(shape) = op.shape(position) else {
            continue;
        };
        if term.chars().count() != shape.len() {
            return Err(op.error(format!(
                "the term {term:?} of {equation:?} does not fit input {position}"
            )));
        }
        for (letter, dim) in term.chars().zip(shape) {
            let known = sizes.entry(letter).or_insert(dim);
            match (known.fixed(), dim.fixed()) {
                (Some(a), Some(b)) if a != b && a != 1 && b != 1 => {
                    return Err(op.error(format!(
                        "axis {letter:?} of {equation:?} is {a} in one input and {b} in another"
                    )));
                }
                (None | Some(1), Some(_)) => *known = dim,
                _ => {}
            }
        }
    }
    let shape = output
        .chars()
        .map(|letter| sizes.get(&letter).map_or(Dim::Unknown, |dim| (*dim).clone()));
    Ok(vec![InferredValue::new(op.data_type(0), Some(shape.collect()))])
}
