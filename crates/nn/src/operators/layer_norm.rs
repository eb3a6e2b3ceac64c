//! Normalizations over axes of one sample: LayerNormalization, RMSNormalization, InstanceNormalization,
//! GroupNormalization, MeanVarianceNormalization, LpNormalization.

use super::{Attributes, Operator};
use crate::shape::{axes, axis};
use crate::tensor::DeviceTensor;
use crate::{Error, Result, kernels};

/// `(x − mean) / √(variance + ε) · scale + bias` over the axes from `axis` on; then the mean, and one by the root.
pub(super) fn layer(attributes: &mut Attributes) -> Result<Operator> {
    let first = attributes.int_or("axis", -1)?;
    let epsilon = attributes.float_or("epsilon", 1e-5)?;
    attributes.ignore("stash_type");
    let wanted = attributes.outputs();
    Ok(Box::new(move |inputs, _| {
        let x = inputs.tensor(0)?;
        let over: Vec<usize> = (axis(first, x.rank())?..x.rank()).collect();
        if over.len() == 1 && wanted == 1 {
            let (scale, bias) = (inputs.tensor(1)?, inputs.optional_tensor(2)?);
            if let Some(y) = kernels::layer_norm(&x, &scale, bias.as_ref(), epsilon) {
                return Ok(vec![y.into()]);
            }
        }
        let mean = x.mean(&over);
        let centred = x.sub(&mean)?;
        let deviation = centred.mul(&centred)?.mean(&over).add_scalar(epsilon).sqrt();
        let mut y = fits(&x, &inputs.tensor(1)?)?.mul(&centred.div(&deviation)?)?;
        if let Some(bias) = inputs.optional_tensor(2)? {
            y = y.add(&fits(&x, &bias)?)?;
        }
        let mut outputs = vec![y.into()];
        if wanted > 1 {
            outputs.extend([mean.into(), deviation.recip().into()]);
        }
        Ok(outputs)
    }))
}

/// `x / √(mean of x² + ε) · scale`.
pub(super) fn rms(attributes: &mut Attributes) -> Result<Operator> {
    let first = attributes.int_or("axis", -1)?;
    let epsilon = attributes.float_or("epsilon", 1e-5)?;
    attributes.ignore("stash_type");
    Ok(Box::new(move |inputs, _| {
        let x = inputs.tensor(0)?;
        let over: Vec<usize> = (axis(first, x.rank())?..x.rank()).collect();
        let scale = x.mul(&x)?.mean(&over).add_scalar(epsilon).sqrt();
        Ok(vec![x.div(&scale)?.mul(&fits(&x, &inputs.tensor(1)?)?)?.into()])
    }))
}

/// `settings`, if it broadcasts to the shape of `x`.
fn fits(x: &DeviceTensor, settings: &DeviceTensor) -> Result<DeviceTensor> {
    let (dims, found) = (x.dims(), settings.dims());
    if crate::shape::broadcast(&dims, &found)? != dims {
        return Err(Error::shape(format!(
            "scale or bias of shape {found:?} does not broadcast to {dims:?}"
        )));
    }
    Ok(settings.clone())
}

/// `x [n, c, s…]` in `groups` groups of channels, each with statistics of its own.
fn by_group(x: &DeviceTensor, groups: usize, epsilon: f32) -> Result<DeviceTensor> {
    let dims = x.dims();
    if dims.len() < 3 || groups == 0 || !dims[1].is_multiple_of(groups) {
        return Err(Error::shape(format!(
            "{groups} groups do not fit an input of shape {dims:?}"
        )));
    }
    let inner: usize = dims[1..].iter().product::<usize>() / groups;
    x.reshape(&[dims[0], groups, inner])?
        .standardize(&[2], epsilon)?
        .reshape(&dims)
}

/// `settings [c]` against `[n, c, s…]`.
fn by_channel(settings: &DeviceTensor, dims: &[usize]) -> Result<DeviceTensor> {
    let mut broadcast = vec![1; dims.len()];
    broadcast[1] = dims[1];
    settings.reshape(&broadcast)
}

pub(super) fn instance(attributes: &mut Attributes) -> Result<Operator> {
    let epsilon = attributes.float_or("epsilon", 1e-5)?;
    Ok(Box::new(move |inputs, _| {
        let x = inputs.tensor(0)?;
        let dims = x.dims();
        let channels = dims.get(1).copied().unwrap_or(0);
        let y = by_group(&x, channels, epsilon)?;
        let y = y
            .mul(&by_channel(&inputs.tensor(1)?, &dims)?)?
            .add(&by_channel(&inputs.tensor(2)?, &dims)?)?;
        Ok(vec![y.into()])
    }))
}

/// Scale and bias are by group up to operator set 20, and by channel since.
pub(super) fn group(attributes: &mut Attributes) -> Result<Operator> {
    let epsilon = attributes.float_or("epsilon", 1e-5)?;
    let groups = attributes.int_or("num_groups", 0).and_then(crate::shape::size)?;
    attributes.ignore("stash_type");
    Ok(Box::new(move |inputs, _| {
        let x = inputs.tensor(0)?;
        let dims = x.dims();
        let y = by_group(&x, groups, epsilon)?;
        let full = |position| -> Result<DeviceTensor> {
            let settings = inputs.tensor(position)?;
            if settings.dims() == [dims[1]] {
                return by_channel(&settings, &dims);
            }
            let each = dims[1] / groups;
            let repeated = settings
                .reshape(&[groups, 1])?
                .expand(&[groups, each])?
                .reshape(&[dims[1]])?;
            by_channel(&repeated, &dims)
        };
        Ok(vec![y.mul(&full(1)?)?.add(&full(2)?)?.into()])
    }))
}

pub(super) fn mean_variance(attributes: &mut Attributes) -> Result<Operator> {
    let list = attributes.ints("axes")?.unwrap_or_else(|| vec![0, 2, 3]);
    Ok(Box::new(move |inputs, _| {
        let x = inputs.tensor(0)?;
        Ok(vec![x.standardize(&axes(&list, x.rank())?, 1e-9)?.into()])
    }))
}

/// `x / ‖x‖` along an axis, in the 1- or the 2-norm.
pub(super) fn lp(attributes: &mut Attributes) -> Result<Operator> {
    let along = attributes.int_or("axis", -1)?;
    let p = attributes.int_or("p", 2)?;
    if !(1..=2).contains(&p) {
        return Err(Error::unsupported(format!("p = {p} is not supported, only 1 and 2")));
    }
    Ok(Box::new(move |inputs, _| {
        let x = inputs.tensor(0)?;
        let along = [axis(along, x.rank())?];
        // A zero vector stays zero.
        let norm = match p {
            1 => x.abs().sum(&along).clamp(f32::MIN_POSITIVE, f32::MAX),
            _ => x.mul(&x)?.sum(&along).clamp(f32::MIN_POSITIVE, f32::MAX).sqrt(),
        };
        Ok(vec![x.div(&norm)?.into()])
    }))
}
