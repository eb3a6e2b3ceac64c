//! Operators that compute: casts, element by element with broadcasting, and reductions.

use super::{Constants, Values, cast};
use crate::axes::normalize_axis;
use crate::{DataType, Tensor};

/// The output of the node, where it is one of these operators.
pub fn evaluate(op: &Constants) -> Option<Tensor> {
    // Everything here converts its inputs to the widest type, so their sizes are limited as the outputs' are.
    if op.inputs.iter().flatten().any(|tensor| tensor.len() > op.max_elements) {
        return None;
    }
    match op.node.op_type.as_str() {
        "Cast" => cast(op.input(0)?, DataType::from_code(op.node.int("to")?)?),
        "CastLike" => cast(op.input(0)?, op.input(1)?.data_type),
        "Where" => select(op),
        "ReduceProd" | "ReduceSum" | "ReduceMax" | "ReduceMin" => reduce(op),
        "Add" | "Sub" | "Mul" | "Div" | "Mod" | "Pow" | "Min" | "Max" => binary(op),
        "Equal" | "Less" | "LessOrEqual" | "Greater" | "GreaterOrEqual" | "And" | "Or" | "Xor" => compare(op),
        _ => unary(op),
    }
}

fn unary(op: &Constants) -> Option<Tensor> {
    let input = op.input(0)?;
    let name = op.node.op_type.as_str();
    let values = match Values::of(input)? {
        Values::Int(values) => {
            let function: fn(i64) -> Option<i64> = match name {
                "Neg" => i64::checked_neg,
                "Abs" => i64::checked_abs,
                "Sign" => |value| Some(value.signum()),
                "Not" if input.data_type == DataType::Bool => |value| Some(1 - value),
                _ => return None,
            };
            Values::Int(values.into_iter().map(function).collect::<Option<_>>()?)
        }
        Values::Float(values) => {
            let function: fn(f64) -> f64 = match name {
                "Neg" => |value| -value,
                "Abs" => f64::abs,
                "Floor" => f64::floor,
                "Ceil" => f64::ceil,
                "Round" => f64::round_ties_even,
                "Sqrt" => f64::sqrt,
                "Exp" => f64::exp,
                "Log" => f64::ln,
                "Reciprocal" => f64::recip,
                _ => return None,
            };
            Values::Float(values.into_iter().map(function).collect())
        }
    };
    values.into_tensor(input.data_type, &input.dims)
}

/// The broadcast shape of some shapes, and for each the position of every output element in it.
fn broadcast(op: &Constants, shapes: &[&[usize]]) -> Option<(Vec<usize>, Vec<Vec<usize>>)> {
    let rank = shapes.iter().map(|dims| dims.len()).max()?;
    let mut dims = vec![1usize; rank];
    for shape in shapes {
        for (dim, &size) in dims.iter_mut().rev().zip(shape.iter().rev()) {
            *dim = match (*dim, size) {
                (1, size) => size,
                (dim, 1) => dim,
                (dim, size) if dim == size => dim,
                _ => return None,
            };
        }
    }
    let elements = op.allowed(&dims)?;
    let positions = shapes.iter().map(|shape| {
        let offset = rank - shape.len();
        let place = |mut element: usize| {
            let (mut position, mut stride) = (0, 1);
            for axis in (0..rank).rev() {
                let coordinate = element % dims[axis];
                element /= dims[axis];
                if axis >= offset {
                    let size = shape[axis - offset];
                    position += if size == 1 { 0 } else { coordinate * stride };
                    stride *= size;
                }
            }
            position
        };
        (0..elements).map(place).collect()
    });
    let positions = positions.collect();
    Some((dims, positions))
}

fn binary(op: &Constants) -> Option<Tensor> {
    let name = op.node.op_type.as_str();
    if name != "Min" && name != "Max" && op.inputs.len() != 2 {
        return None;
    }
    let mut inputs = op.inputs.iter().copied();
    let mut result = inputs.next()??.clone();
    let is_c_remainder = op.node.int("fmod") == Some(1);
    for right in inputs {
        let right = right?;
        // `Pow` allows an exponent of another type; everything else wants the same one.
        let right = match name {
            "Pow" => cast(right, result.data_type)?,
            _ => right.clone(),
        };
        if right.data_type != result.data_type {
            return None;
        }
        let (dims, positions) = broadcast(op, &[&result.dims, &right.dims])?;
        let pairs = positions[0].iter().zip(&positions[1]);
        let values = match (Values::of(&result)?, Values::of(&right)?) {
            (Values::Int(a), Values::Int(b)) => {
                let compute = |(&i, &j)| integer(name, a[i], b[j], is_c_remainder);
                Values::Int(pairs.map(compute).collect::<Option<_>>()?)
            }
            (Values::Float(a), Values::Float(b)) => {
                Values::Float(pairs.map(|(&i, &j)| real(name, a[i], b[j])).collect::<Option<_>>()?)
            }
            _ => return None,
        };
        result = values.into_tensor(result.data_type, &dims)?;
    }
    Some(result)
}

fn integer(name: &str, a: i64, b: i64, is_c_remainder: bool) -> Option<i64> {
    match name {
        "Add" => a.checked_add(b),
        "Sub" => a.checked_sub(b),
        "Mul" => a.checked_mul(b),
        "Div" => a.checked_div(b),
        "Mod" if is_c_remainder => a.checked_rem(b),
        // The remainder takes the divisor's sign.
        "Mod" => a.checked_rem(b).map(|rest| {
            if rest != 0 && (rest < 0) != (b < 0) {
                rest + b
            } else {
                rest
            }
        }),
        "Pow" => a.checked_pow(u32::try_from(b).ok()?),
        "Min" => Some(a.min(b)),
        "Max" => Some(a.max(b)),
        _ => None,
    }
}

fn real(name: &str, a: f64, b: f64) -> Option<f64> {
    Some(match name {
        "Add" => a + b,
        "Sub" => a - b,
        "Mul" => a * b,
        "Div" => a / b,
        "Mod" => a % b,
        "Pow" => a.powf(b),
        // Whether NaN wins is left to the engine.
        "Min" | "Max" if a.is_nan() || b.is_nan() => return None,
        "Min" => a.min(b),
        "Max" => a.max(b),
        _ => return None,
    })
}

fn compare(op: &Constants) -> Option<Tensor> {
    let (left, right) = (op.input(0)?, op.input(1)?);
    if left.data_type != right.data_type {
        return None;
    }
    let (dims, positions) = broadcast(op, &[&left.dims, &right.dims])?;
    let pairs = positions[0].iter().zip(&positions[1]);
    let name = op.node.op_type.as_str();
    let result = match (Values::of(left)?, Values::of(right)?) {
        (Values::Int(a), Values::Int(b)) => pairs.map(|(&i, &j)| holds(name, &a[i], &b[j])).collect::<Option<_>>()?,
        (Values::Float(a), Values::Float(b)) => {
            pairs.map(|(&i, &j)| holds(name, &a[i], &b[j])).collect::<Option<_>>()?
        }
        _ => return None,
    };
    Values::Int(result).into_tensor(DataType::Bool, &dims)
}

fn holds<T: PartialOrd + Default>(name: &str, a: &T, b: &T) -> Option<i64> {
    let is_true = |value: &T| *value != T::default();
    Some(i64::from(match name {
        "Equal" => a == b,
        "Less" => a < b,
        "LessOrEqual" => a <= b,
        "Greater" => a > b,
        "GreaterOrEqual" => a >= b,
        "And" => is_true(a) && is_true(b),
        "Or" => is_true(a) || is_true(b),
        "Xor" => is_true(a) != is_true(b),
        _ => return None,
    }))
}

fn select(op: &Constants) -> Option<Tensor> {
    let (condition, yes, no) = (op.input(0)?, op.input(1)?, op.input(2)?);
    if yes.data_type != no.data_type {
        return None;
    }
    let (dims, positions) = broadcast(op, &[&condition.dims, &yes.dims, &no.dims])?;
    let condition = condition.to_i64_vec()?;
    let size = yes.data_type.size()?;
    let mut data = Vec::with_capacity(positions[0].len() * size);
    for (element, &chosen) in positions[0].iter().enumerate() {
        let (from, position) = match condition[chosen] {
            0 => (no, positions[2][element]),
            _ => (yes, positions[1][element]),
        };
        data.extend_from_slice(from.data.get(position * size..(position + 1) * size)?);
    }
    Tensor::new(yes.data_type, &dims, data.into()).ok()
}

/// Reductions of integers: what shape arithmetic uses.
fn reduce(op: &Constants) -> Option<Tensor> {
    let input = op.input(0)?;
    let rank = input.dims.len();
    let axes = match op.attribute_or_input("axes", 1).filter(|axes| !axes.is_empty()) {
        Some(axes) => axes
            .iter()
            .map(|&axis| normalize_axis(axis, rank))
            .collect::<Option<Vec<_>>>()?,
        None if op.node.int("noop_with_empty_axes") == Some(1) => return Some(input.clone()),
        None => (0..rank).collect(),
    };
    let kept: Vec<usize> = (0..rank)
        .map(|axis| if axes.contains(&axis) { 1 } else { input.dims[axis] })
        .collect();
    let Values::Int(values) = Values::of(input)? else {
        return None;
    };
    let elements = op.allowed(&kept)?;
    let name = op.node.op_type.as_str();
    let mut result: Vec<Option<i64>> = vec![None; elements];
    for (element, &value) in values.iter().enumerate() {
        let (mut rest, mut position, mut stride) = (element, 0, 1);
        for axis in (0..rank).rev() {
            let coordinate = rest % input.dims[axis];
            rest /= input.dims[axis];
            position += if kept[axis] == 1 { 0 } else { coordinate * stride };
            stride *= kept[axis];
        }
        result[position] = Some(match (result[position], name) {
            (None, _) => value,
            (Some(other), "ReduceProd") => other.checked_mul(value)?,
            (Some(other), "ReduceSum") => other.checked_add(value)?,
            (Some(other), "ReduceMax") => other.max(value),
            (Some(other), _) => other.min(value),
        });
    }
    let result: Vec<i64> = result.into_iter().collect::<Option<_>>()?;
    let dims: Vec<usize> = match op.node.int("keepdims") {
        Some(0) => (0..rank)
            .filter(|axis| !axes.contains(axis))
            .map(|axis| kept[axis])
            .collect(),
        _ => kept,
    };
    Values::Int(result).into_tensor(input.data_type, &dims)
}
