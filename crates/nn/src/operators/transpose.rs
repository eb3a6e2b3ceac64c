//! Transpose.

use super::{Attributes, Operator};
use crate::shape::{Walk, strides};
use crate::value::Value;
use crate::{Error, Result};

pub(super) fn build(attributes: &mut Attributes) -> Result<Operator> {
    let order = attributes.sizes("perm")?;
    Ok(Box::new(move |inputs, _| {
        let value = inputs.get(0)?;
        let dims = value.dims();
        let order = order.clone().unwrap_or_else(|| (0..dims.len()).rev().collect());
        Ok(vec![permuted(value, &order)?])
    }))
}

/// `value` with its axes in the given order.
///
/// # Errors
/// `Shape` when `order` is not a permutation of them.
pub(super) fn permuted(value: &Value, order: &[usize]) -> Result<Value> {
    let dims = value.dims();
    let mut sorted = order.to_vec();
    sorted.sort_unstable();
    if !sorted.iter().copied().eq(0..dims.len()) {
        return Err(Error::shape(format!(
            "{order:?} does not order the axes of shape {dims:?}"
        )));
    }
    match value {
        Value::Device(tensor) => Ok(tensor.permute(order).into()),
        _ => {
            let plain = strides(&dims);
            let to: Vec<usize> = order.iter().map(|&axis| dims[axis]).collect();
            let steps: Vec<usize> = order.iter().map(|&axis| plain[axis]).collect();
            Ok(value.to_host()?.take(&to, Walk::new(&to, &steps))?.into())
        }
    }
}
