//! ReduceMean, ReduceSum, ReduceMax, ReduceL2 and their relatives. Axes are an attribute up to operator set 12
//! (ReduceSum) or 17 (the others), and an input since.

use super::{Attributes, Operator};
use crate::host::HostData;
use crate::shape::{Walk, axes, elements, strides};
use crate::tensor::{DeviceTensor, Extremum};
use crate::value::Value;
use crate::{Error, HostTensor, Result};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reduction {
    Mean,
    Sum,
    Max,
    Min,
    Prod,
    L1,
    L2,
    SumSquare,
    LogSum,
    LogSumExp,
}

pub(super) fn build(attributes: &mut Attributes, kind: Reduction) -> Result<Operator> {
    let attribute = attributes.ints("axes")?;
    let keep = attributes.flag("keepdims", true)?;
    let keep_without_axes = attributes.flag("noop_with_empty_axes", false)?;
    Ok(Box::new(move |inputs, _| {
        let value = inputs.get(0)?;
        let dims = value.dims();
        let list = match &attribute {
            Some(list) => list.clone(),
            None => inputs.optional_ints(1)?.unwrap_or_default(),
        };
        // Without axes to reduce, what a reduction does to each element remains: its square, its logarithm.
        let over = if list.is_empty() && keep_without_axes {
            Vec::new()
        } else if list.is_empty() {
            (0..dims.len()).collect()
        } else {
            axes(&list, dims.len())?
        };
        if over.iter().any(|&axis| dims[axis] == 0) {
            return Err(Error::shape(format!("axes {over:?} of shape {dims:?} are empty")));
        }
        let kept: Vec<usize> = (0..dims.len())
            .map(|axis| if over.contains(&axis) { 1 } else { dims[axis] })
            .collect();
        let left = (0..dims.len())
            .filter(|axis| keep || !over.contains(axis))
            .map(|axis| kept[axis])
            .collect::<Vec<_>>();
        Ok(vec![match value {
            Value::Device(tensor) => reduce(kind, tensor, &over)?.reshape(&left)?.into(),
            _ => on_host(kind, &value.to_host()?, &over, &kept)?.reshape(&left)?.into(),
        }])
    }))
}

fn reduce(kind: Reduction, x: &DeviceTensor, over: &[usize]) -> Result<DeviceTensor> {
    Ok(match kind {
        Reduction::Mean => x.mean(over),
        Reduction::Sum => x.sum(over),
        Reduction::Max => over
            .iter()
            .fold(x.clone(), |x, &axis| x.extremum_along(axis, Extremum::Largest)),
        Reduction::Min => over
            .iter()
            .fold(x.clone(), |x, &axis| x.extremum_along(axis, Extremum::Smallest)),
        Reduction::Prod if over.is_empty() => x.clone(),
        Reduction::Prod => {
            return Err(Error::unsupported(
                "ReduceProd of tensors on the device is not supported",
            ));
        }
        Reduction::L1 => x.abs().sum(over),
        Reduction::L2 => x.mul(x)?.sum(over).sqrt(),
        Reduction::SumSquare => x.mul(x)?.sum(over),
        Reduction::LogSum => x.sum(over).log(),
        Reduction::LogSumExp => {
            // The maximum is subtracted first, so that nothing overflows; it has no gradient.
            let detached = x.detached();
            let top = over
                .iter()
                .fold(detached, |x, &axis| x.extremum_along(axis, Extremum::Largest));
            // Infinity minus infinity would be NaN.
            let top = top.clamp(f32::MIN, f32::MAX);
            x.sub(&top)?.exp().sum(over).log().add(&top)?
        }
    })
}

fn on_host(kind: Reduction, x: &HostTensor, over: &[usize], kept: &[usize]) -> Result<HostTensor> {
    let plain = strides(kept);
    let steps: Vec<usize> = (0..kept.len())
        .map(|axis| if over.contains(&axis) { 0 } else { plain[axis] })
        .collect();
    if kind == Reduction::LogSumExp {
        return log_sum_exp(x, over, kept, &steps);
    }
    let targets = Walk::new(x.dims(), &steps);
    let total = elements(kept)?;
    match x.data() {
        HostData::I64(values) => {
            let start = match kind {
                Reduction::Sum => 0,
                Reduction::Prod => 1,
                Reduction::Max => i64::MIN,
                Reduction::Min => i64::MAX,
                _ => {
                    return Err(Error::unsupported(
                        "only sums, products and extrema of integers are supported",
                    ));
                }
            };
            let mut result = vec![start; total];
            for (&value, target) in values.iter().zip(targets) {
                let slot = &mut result[target];
                *slot = match kind {
                    Reduction::Sum => slot.wrapping_add(value),
                    Reduction::Prod => slot.wrapping_mul(value),
                    Reduction::Max => value.max(*slot),
                    _ => value.min(*slot),
                };
            }
            HostTensor::ints(kept, result)
        }
        HostData::F32(values) => {
            let start = match kind {
                Reduction::Prod => 1.0,
                Reduction::Max => f64::NEG_INFINITY,
                Reduction::Min => f64::INFINITY,
                _ => 0.0,
            };
            let mut result = vec![start; total];
            for (&value, target) in values.iter().zip(targets) {
                let (slot, value) = (&mut result[target], f64::from(value));
                *slot = match kind {
                    Reduction::Prod => *slot * value,
                    // `f64::max` would drop NaN.
                    Reduction::Max if value > *slot || value.is_nan() => value,
                    Reduction::Min if value < *slot || value.is_nan() => value,
                    Reduction::Max | Reduction::Min => *slot,
                    Reduction::L1 => *slot + value.abs(),
                    Reduction::L2 | Reduction::SumSquare => *slot + value * value,
                    _ => *slot + value,
                };
            }
            let count = x.len() as f64 / total.max(1) as f64;
            let finish = |value: f64| match kind {
                Reduction::Mean => value / count,
                Reduction::L2 => value.sqrt(),
                Reduction::LogSum => value.ln(),
                _ => value,
            };
            HostTensor::floats(kept, result.into_iter().map(|value| finish(value) as f32).collect())
        }
        HostData::Bool(_) => Err(Error::shape("expected numbers, found bool")),
    }
}

/// The logarithm of the sum of exponentials, from which the largest number is taken off first so that nothing overflows.
fn log_sum_exp(x: &HostTensor, over: &[usize], kept: &[usize], steps: &[usize]) -> Result<HostTensor> {
    let HostData::F32(values) = x.data() else {
        return Err(Error::unsupported(
            "only sums, products and extrema of integers are supported",
        ));
    };
    let top = on_host(Reduction::Max, x, over, kept)?.to_floats();
    let finite = |target: usize| f64::from(top[target].clamp(f32::MIN, f32::MAX));
    let mut sums = vec![0.0; top.len()];
    for (&value, target) in values.iter().zip(Walk::new(x.dims(), steps)) {
        sums[target] += (f64::from(value) - finite(target)).exp();
    }
    let results = sums
        .iter()
        .enumerate()
        .map(|(target, sum)| (sum.ln() + finite(target)) as f32);
    HostTensor::floats(kept, results.collect())
}
