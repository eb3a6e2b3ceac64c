//! Convolutions and pools: windows that slide over `[N, C, D₁, …, Dₖ]`.
//!
//! `out = ⌊(in + pads − (dilation·(kernel − 1) + 1)) / stride⌋ + 1` along each spatial axis.

use super::op::{Op, Outputs};
use super::value::InferredValue;
use crate::{DataType, Dim, Error};

/// The sliding window along the spatial axes.
struct Window {
    kernel: Vec<i128>,
    strides: Vec<i128>,
    dilations: Vec<i128>,
    /// Beginnings, then ends.
    pads: Vec<i128>,
    auto_pad: String,
}

impl Window {
    fn new(op: &Op, kernel: Vec<i128>) -> Result<Self, Error> {
        let rank = kernel.len();
        let list = |name: &str, length: usize, default: i128, least: i128| {
            let Some(values) = op.node.ints(name) else {
                return Ok(vec![default; length]);
            };
            if values.len() != length {
                let found = values.len();
                return Err(op.error(format!(
                    "expected {length} {name} for {rank} spatial axes, found {found}"
                )));
            }
            if let Some(value) = values.iter().find(|&&value| i128::from(value) < least) {
                return Err(op.error(format!("expected {name} of at least {least}, found {value}")));
            }
            Ok(values.iter().map(|&value| i128::from(value)).collect())
        };
        if kernel.iter().any(|&size| size < 1) {
            return Err(op.error(format!(
                "expected a kernel of at least 1 along each axis, found {kernel:?}"
            )));
        }
        Ok(Self {
            strides: list("strides", rank, 1, 1)?,
            dilations: list("dilations", rank, 1, 1)?,
            pads: list("pads", 2 * rank, 0, 0)?,
            auto_pad: op.node.string("auto_pad").unwrap_or("NOTSET").to_owned(),
            kernel,
        })
    }

    fn extent(&self, axis: usize) -> i128 {
        self.dilations[axis] * (self.kernel[axis] - 1) + 1
    }

    /// The size that `dim` has after the window slid over it.
    fn slide(&self, op: &Op, axis: usize, dim: &Dim, ceil: bool) -> Result<Dim, Error> {
        let (stride, extent) = (self.strides[axis], self.extent(axis));
        let rank = self.kernel.len();
        let pads = match self.auto_pad.as_str() {
            "SAME_UPPER" | "SAME_LOWER" => None,
            "VALID" => Some(0),
            _ => Some(self.pads[axis] + self.pads[rank + axis]),
        };
        let keeps = stride == 1 && pads.is_none_or(|pads| pads == extent - 1);
        let Some(size) = dim.fixed() else {
            return Ok(if keeps { dim.clone() } else { Dim::Unknown });
        };
        let size = i128::try_from(size).unwrap_or(i128::MAX / 4);
        let Some(pads) = pads else {
            return Ok(fixed((size + stride - 1) / stride));
        };
        let room = size + pads - extent;
        if room < 0 {
            return Err(op.error(format!(
                "the window spans {extent} elements along spatial axis {axis}, but the padded input has {}",
                size + pads
            )));
        }
        let mut out = if ceil {
            (room + stride - 1) / stride + 1
        } else {
            room / stride + 1
        };
        // A window that would start in the padding behind the input does not count.
        if ceil && (out - 1) * stride >= size + self.pads[axis] {
            out -= 1;
        }
        Ok(fixed(out))
    }
}

fn fixed(size: i128) -> Dim {
    usize::try_from(size).map_or(Dim::Unknown, Dim::Fixed)
}

fn as_wide(size: usize) -> i128 {
    i128::try_from(size).unwrap_or(i128::MAX / 4)
}

/// The sizes of a weight behind its first two axes; `None` where one is not known.
fn weight_kernel(weight: &[Dim]) -> Option<Vec<i128>> {
    weight.get(2..)?.iter().map(|dim| dim.fixed().map(as_wide)).collect()
}

fn check_kernel_shape(op: &Op, kernel: &[i128]) -> Result<(), Error> {
    match op.node.ints("kernel_shape") {
        Some(given) if !given.iter().map(|&size| i128::from(size)).eq(kernel.iter().copied()) => {
            Err(op.error(format!("kernel_shape is {given:?}, but the weight has {kernel:?}")))
        }
        _ => Ok(()),
    }
}

fn group(op: &Op) -> Result<usize, Error> {
    let group = op.int("group", 1);
    usize::try_from(group)
        .ok()
        .filter(|&group| group > 0)
        .ok_or_else(|| op.error(format!("expected a group of at least 1, found {group}")))
}

/// `Conv(X [N, C, …], W [M, C / group, …], bias [M])`.
pub fn conv(op: &Op) -> Outputs {
    let data_type = if op.node.is("ConvInteger") {
        Some(DataType::I32)
    } else {
        op.data_type(0)
    };
    let (input, weight) = (op.shape(0), op.shape(1));
    if let (Some(input), Some(weight)) = (input, weight)
        && (input.len() != weight.len() || input.len() < 3)
    {
        return Err(op.error("expected input and weight of the same rank, at least 3"));
    }
    let group = group(op)?;
    let bias = if op.node.is("Conv") { op.shape(2) } else { None };
    if let Some(weight) = weight {
        check_channels(op, input, weight, group, bias)?;
    }
    let (Some(input), Some(weight)) = (input, weight) else {
        return Ok(vec![InferredValue::new(data_type, None)]);
    };
    let mut shape = vec![input[0].clone(), weight[0].clone()];
    match weight_kernel(weight) {
        Some(kernel) => {
            check_kernel_shape(op, &kernel)?;
            let window = Window::new(op, kernel)?;
            for (axis, dim) in input[2..].iter().enumerate() {
                shape.push(window.slide(op, axis, dim, false)?);
            }
        }
        None => shape.resize(input.len(), Dim::Unknown),
    }
    Ok(vec![InferredValue::new(data_type, Some(shape))])
}

fn check_channels(
    op: &Op,
    input: Option<&[Dim]>,
    weight: &[Dim],
    group: usize,
    bias: Option<&[Dim]>,
) -> Result<(), Error> {
    let size = |shape: &[Dim], axis: usize| shape.get(axis).and_then(Dim::fixed);
    let (outputs, per_group) = (size(weight, 0), size(weight, 1));
    if let (Some(channels), Some(per_group)) = (input.and_then(|input| size(input, 1)), per_group)
        && per_group.checked_mul(group) != Some(channels)
    {
        return Err(op.error(format!(
            "the weight takes {per_group} channels in each of {group} groups, but the input has {channels} channels"
        )));
    }
    if let Some(outputs) = outputs
        && outputs % group != 0
    {
        return Err(op.error(format!("{outputs} output channels cannot be cut into {group} groups")));
    }
    check_bias(op, bias, outputs)
}

fn check_bias(op: &Op, bias: Option<&[Dim]>, outputs: Option<usize>) -> Result<(), Error> {
    let found = bias.and_then(|bias| bias.first()?.fixed());
    match (outputs, found) {
        (Some(outputs), Some(found)) if outputs != found => Err(op.error(format!(
            "expected a bias for {outputs} output channels, found {found} elements"
        ))),
        _ => Ok(()),
    }
}

/// `ConvTranspose(X [N, C, …], W [C, M / group, …], bias [M])`.
pub fn conv_transpose(op: &Op) -> Outputs {
    let (Some(input), Some(weight)) = (op.shape(0), op.shape(1)) else {
        return Ok(vec![InferredValue::new(op.data_type(0), None)]);
    };
    if input.len() != weight.len() || input.len() < 3 {
        return Err(op.error("expected input and weight of the same rank, at least 3"));
    }
    if let (Some(channels), Some(expected)) = (input[1].fixed(), weight[0].fixed())
        && channels != expected
    {
        return Err(op.error(format!(
            "the weight takes {expected} channels, but the input has {channels}"
        )));
    }
    let group = group(op)?;
    let channels = weight[1].fixed().and_then(|outputs| outputs.checked_mul(group));
    check_bias(op, op.shape(2), channels)?;
    let mut shape = vec![input[0].clone(), channels.map_or(Dim::Unknown, Dim::Fixed)];
    let rank = input.len() - 2;
    let given = op.node.ints("output_shape");
    let kernel = weight_kernel(weight);
    if let Some(kernel) = &kernel {
        check_kernel_shape(op, kernel)?;
    }
    let window = kernel.map(|kernel| Window::new(op, kernel)).transpose()?;
    let extra = op.node.ints("output_padding").filter(|extra| extra.len() == rank);
    for (axis, dim) in input[2..].iter().enumerate() {
        let given = given.and_then(|given| given.get(given.len().checked_sub(rank)? + axis).copied());
        shape.push(match (given, &window, dim.fixed()) {
            (Some(size), _, _) => fixed(i128::from(size)),
            (None, Some(window), Some(size)) => {
                let (stride, extent) = (window.strides[axis], window.extent(axis));
                let extra = extra.map_or(0, |extra| i128::from(extra[axis]));
                let steps = stride * (as_wide(size) - 1);
                match window.auto_pad.as_str() {
                    "SAME_UPPER" | "SAME_LOWER" => fixed(as_wide(size) * stride),
                    "VALID" => fixed(steps + extent + extra),
                    _ => fixed(steps + extent + extra - window.pads[axis] - window.pads[rank + axis]),
                }
            }
            _ => Dim::Unknown,
        });
    }
    Ok(vec![InferredValue::new(op.data_type(0), Some(shape))])
}

/// `MaxPool`, `AveragePool`, `LpPool`; the second output of `MaxPool` holds positions.
pub fn pool(op: &Op) -> Outputs {
    let Some(input) = op.shape(0) else {
        return Ok(vec![InferredValue::new(op.data_type(0), None)]);
    };
    let kernel = op.node.ints("kernel_shape").unwrap_or_default();
    if input.len() < 3 || kernel.len() != input.len() - 2 {
        return Err(op.error(format!(
            "a kernel_shape of {} axes does not fit the input",
            kernel.len()
        )));
    }
    let window = Window::new(op, kernel.iter().map(|&size| i128::from(size)).collect())?;
    let ceil = op.int("ceil_mode", 0) == 1;
    let mut shape = input[..2].to_vec();
    for (axis, dim) in input[2..].iter().enumerate() {
        shape.push(window.slide(op, axis, dim, ceil)?);
    }
    Ok(vec![
        InferredValue::new(op.data_type(0), Some(shape.clone())),
        InferredValue::new(Some(DataType::I64), Some(shape)),
    ])
}

pub fn global_pool(op: &Op) -> Outputs {
    let shape = op.shape(0).map(|input| {
        let spatial = std::iter::repeat_n(Dim::Fixed(1), input.len().saturating_sub(2));
        input.iter().take(2).cloned().chain(spatial).collect()
    });
    if op.shape(0).is_some_and(|input| input.len() < 3) {
        return Err(op.error("expected an input of at least 3 axes"));
    }
    Ok(vec![InferredValue::new(op.data_type(0), shape)])
}
