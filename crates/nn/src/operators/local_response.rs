//! LRN: `y = x / (bias + alpha/size · Σ x²)^beta`, the sum over `size` neighbouring channels.

use super::{Attributes, Operator};
use crate::shape::size;
use crate::{Error, Result};

pub(super) fn build(attributes: &mut Attributes) -> Result<Operator> {
    let alpha = attributes.float_or("alpha", 1e-4)?;
    let beta = attributes.float_or("beta", 0.75)?;
    let bias = attributes.float_or("bias", 1.0)?;
    let window = attributes.int_or("size", 0).and_then(size)?;
    if window == 0 {
        return Err(Error::invalid("attribute \"size\" is missing"));
    }
    Ok(Box::new(move |inputs, _| {
        let x = inputs.tensor(0)?;
        let dims = x.dims();
        if dims.len() < 2 {
            return Err(Error::shape(format!(
                "expected an input with channels, found shape {dims:?}"
            )));
        }
        let mut pads = vec![(0, 0); dims.len()];
        pads[1] = ((window - 1) / 2, window / 2);
        let squares = x.mul(&x)?.pad(&pads, 0.0)?;
        let mut sum = squares.narrow(1, 0, dims[1]);
        for shift in 1..window {
            sum = sum.add(&squares.narrow(1, shift, shift + dims[1]))?;
        }
        let divisor = sum.mul_scalar(alpha / window as f32).add_scalar(bias).pow_scalar(-beta);
        Ok(vec![x.mul(&divisor)?.into()])
    }))
}
