//! GlobalAveragePool, GlobalMaxPool and GlobalLpPool: `[n, c, s…] → [n, c, 1…]`.

use super::{Attributes, Operator};
use crate::tensor::{DeviceTensor, Extremum};
use crate::{Error, Result, kernels};

/// An operator that reduces `[n, c, pixels]` along its last axis, which stays as size 1.
fn pool(reduce: impl Fn(&DeviceTensor) -> DeviceTensor + Send + Sync + 'static) -> Result<Operator> {
    Ok(Box::new(move |inputs, _| {
        let x = inputs.tensor(0)?;
        Ok(vec![pooled(&x, &reduce)?.into()])
    }))
}

fn pooled(x: &DeviceTensor, reduce: impl Fn(&DeviceTensor) -> DeviceTensor) -> Result<DeviceTensor> {
    let dims = x.dims();
    if dims.len() < 3 {
        return Err(Error::shape(format!(
            "expected an input with spatial axes, found shape {dims:?}"
        )));
    }
    let flat = x.reshape(&[dims[0], dims[1], dims[2..].iter().product()])?;
    let mut to = vec![1; dims.len()];
    to[..2].copy_from_slice(&dims[..2]);
    reduce(&flat).reshape(&to)
}

pub(super) fn average() -> Result<Operator> {
    Ok(Box::new(|inputs, _| {
        let x = inputs.tensor(0)?;
        let y = match kernels::mean_of_map(&x) {
            Some(y) => y,
            None => pooled(&x, |flat| flat.mean(&[2]))?,
        };
        Ok(vec![y.into()])
    }))
}

pub(super) fn max() -> Result<Operator> {
    pool(|flat| flat.extremum_along(2, Extremum::Largest))
}

/// `(Σ |x|ᵖ)^(1/p)`.
pub(super) fn power(attributes: &mut Attributes) -> Result<Operator> {
    let p = attributes.int_or("p", 2)? as f32;
    pool(move |flat| flat.abs().pow_scalar(p).sum(&[2]).pow_scalar(1.0 / p))
}
