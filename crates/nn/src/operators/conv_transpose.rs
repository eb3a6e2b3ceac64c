//! ConvTranspose over one to three spatial axes.
//!
//! # Shapes
//! `x [n, c, s…]`, `weight [c, m/group, k…]` → `[n, m, t…]`,
//! `tᵢ = strideᵢ·(sᵢ − 1) + extraᵢ + dilationᵢ·(kᵢ − 1) + 1 − beforeᵢ − afterᵢ`.
//! It is computed without padding and then cropped, so that uneven padding is no special case.

use super::conv::Sliding;
use super::{Attributes, Operator};
use crate::{Error, Result};

pub(super) fn build(attributes: &mut Attributes) -> Result<Operator> {
    if attributes.string_or("auto_pad", "NOTSET")? != "NOTSET" || attributes.ints("output_shape")?.is_some() {
        return Err(Error::unsupported(
            "only explicit padding is supported; auto_pad and output_shape are not",
        ));
    }
    let sliding = Sliding::read(attributes)?;
    let groups = attributes.int_or("group", 1).and_then(crate::shape::size)?;
    let extra = attributes.sizes("output_padding")?;
    Ok(Box::new(move |inputs, _| {
        let (x, weight) = (inputs.tensor(0)?, inputs.tensor(1)?);
        let bias = inputs.optional_tensor(2)?;
        let (dims, kernel) = (x.dims(), weight.dims());
        let rank = dims.len();
        if !(3..=5).contains(&rank)
            || kernel.len() != rank
            || kernel[0] != dims[1]
            || groups == 0
            || dims[1] % groups != 0
        {
            return Err(Error::shape(format!(
                "weight {kernel:?} in {groups} groups does not fit an input of shape {dims:?}"
            )));
        }
        let windows = sliding.windows(&dims[2..], &kernel[2..])?;
        let extra = extra.clone().unwrap_or_else(|| vec![0; rank - 2]);
        if extra.len() != rank - 2 {
            return Err(Error::shape(format!(
                "output_padding {extra:?} does not fit {} spatial axes",
                rank - 2
            )));
        }
        let mut y = x.convolve_transposed(&weight, &windows, &extra, groups);
        for (axis, &(before, after)) in windows.pads.iter().enumerate() {
            let size = y.dims()[axis + 2];
            let end = size.checked_sub(after).filter(|&end| end > before);
            let end = end.ok_or_else(|| {
                Error::shape(format!("padding ({before}, {after}) leaves nothing of {size} elements"))
            })?;
            y = y.narrow(axis + 2, before, end);
        }
        if let Some(bias) = bias {
            let mut broadcast = vec![1; rank];
            broadcast[1] = kernel[1] * groups;
            y = y.add(&bias.reshape(&broadcast)?)?;
        }
        Ok(vec![y.into()])
    }))
}
