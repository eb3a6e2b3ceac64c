//! GlobalAveragePool, GlobalMaxPool and GlobalLpPool: `[n, c, s…] → [n, c, 1…]`.

use super::{Attributes, Operator};
use crate::tensor::Extremum;
use crate::{Error, Result, kernels};

pub(super) fn build(attributes: &mut Attributes) -> Result<Operator> {
    let mean = attributes.op_type() == "GlobalAveragePool";
    let power = match attributes.op_type() {
        "GlobalLpPool" => Some(attributes.int_or("p", 2)? as f32),
        _ => None,
    };
    Ok(Box::new(move |inputs, _| {
        let x = inputs.tensor(0)?;
        let dims = x.dims();
        if dims.len() < 3 {
            return Err(Error::shape(format!(
                "expected an input with spatial axes, found shape {dims:?}"
            )));
        }
        if mean && let Some(pooled) = kernels::mean_of_map(&x) {
            return Ok(vec![pooled.into()]);
        }
        let flat = x.reshape(&[dims[0], dims[1], dims[2..].iter().product()])?;
        let pooled = if let Some(p) = power {
            flat.abs().pow_scalar(p).sum(&[2]).pow_scalar(1.0 / p)
        } else if mean {
            flat.mean(&[2])
        } else {
            flat.extremum_along(2, Extremum::Largest)
        };
        let mut to = vec![1; dims.len()];
        to[..2].copy_from_slice(&dims[..2]);
        Ok(vec![pooled.reshape(&to)?.into()])
    }))
}
