//! Col2Im: columns are laid over an image again, and added where they overlap.
//!
//! # Shapes
//! `x [n, c·∏k, ∏p]`, image `[s…]`, block `[k…]` → `[n, c, s…]`, where `pᵢ` windows of size `kᵢ` fit into axis `i`.
//!
//! A transposed convolution in `c` groups does it, whose kernel for tap `t` is 1 at `t` and 0 elsewhere; so gradients need no
//! code of their own.

use super::conv::Sliding;
use super::{Attributes, Operator};
use crate::shape::{elements, size};
use crate::tensor::DeviceTensor;
use crate::{Error, Result};

pub(super) fn build(attributes: &mut Attributes) -> Result<Operator> {
    let sliding = Sliding::read(attributes)?;
    Ok(Box::new(move |inputs, _| {
        let x = inputs.tensor(0)?;
        let sizes = |position| inputs.ints(position)?.into_iter().map(size).collect::<Result<Vec<_>>>();
        let (image, block) = (sizes(1)?, sizes(2)?);
        let dims = x.dims();
        let (rank, taps) = (image.len(), elements(&block)?);
        let wrong = || {
            Error::shape(format!(
                "columns of shape {dims:?} with blocks {block:?} do not make an image {image:?}"
            ))
        };
        if dims.len() != 3 || block.len() != rank || !(1..=3).contains(&rank) || taps == 0 || dims[1] % taps != 0 {
            return Err(wrong());
        }
        let windows = sliding.windows(&image, &block)?;
        let places = (0..rank)
            .map(|axis| windows.positions(axis, image[axis], block[axis]))
            .collect::<Result<Vec<_>>>()?;
        if elements(&places)? != dims[2] {
            return Err(wrong());
        }
        let channels = dims[1] / taps;
        let kernels = [&[dims[1], 1][..], &block].concat();
        elements(&kernels)?;
        let one_tap = (0..dims[1] * taps).map(|at| if at % taps == at / taps % taps { 1.0 } else { 0.0 });
        let kernels = DeviceTensor::from_values(&kernels, one_tap.collect(), inputs.device_of_graph())?;
        let columns = x.reshape(&[&dims[..2], &places].concat())?;
        let mut y = columns.convolve_transposed(&kernels, &windows, &vec![0; rank], channels);
        for axis in 0..rank {
            let (before, after) = windows.pads[axis];
            let found = y.dims()[axis + 2];
            // What no window reaches is 0.
            let missing = (before + image[axis] + after).saturating_sub(found);
            let mut pads = vec![(0, 0); rank + 2];
            pads[axis + 2] = (0, missing);
            y = y.pad(&pads, 0.0)?.narrow(axis + 2, before, before + image[axis]);
        }
        Ok(vec![y.into()])
    }))
}
