//! GlobalAveragePool and GlobalMaxPool: `[n, c, s…] → [n, c, 1…]`.

use super::{Attributes, Operator};
use crate::tensor::Extremum;
use crate::{Error, Result};

pub(super) fn build(attributes: &mut Attributes) -> Result<Operator> {
    let mean = attributes.op_type() == "GlobalAveragePool";
    Ok(Box::new(move |inputs, _| {
        let x = inputs.tensor(0)?;
        let dims = x.dims();
        if dims.len() < 3 {
            return Err(Error::shape(format!(
                "expected an input with spatial axes, found shape {dims:?}"
            )));
        }
        let flat = x.reshape(&[dims[0], dims[1], dims[2..].iter().product()])?;
        let pooled = if mean {
            flat.mean(&[2])
        } else {
            flat.extremum_along(2, Extremum::Largest)
        };
        let mut to = vec![1; dims.len()];
        to[..2].copy_from_slice(&dims[..2]);
        Ok(vec![pooled.reshape(&to)?.into()])
    }))
}
