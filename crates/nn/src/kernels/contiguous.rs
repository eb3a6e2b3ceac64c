//! A tensor with its elements in the order of its axes.

use burn::backend::Flex;
use burn::backend::flex::FlexTensor;

use super::buffers::BufferPool;
use super::kernel::{Forward, Kernel, run};
use super::layout::{LARGE, contiguous};
use crate::tensor::DeviceTensor;

/// A contiguous copy of `x`, which can then be reshaped without a copy; `None` where it is contiguous already, is small, or there is
/// no kernel for it.
pub(crate) fn make_contiguous(x: &DeviceTensor) -> Option<DeviceTensor> {
    if x.dims().iter().product::<usize>() < LARGE {
        return None;
    }
    let lifted = burn::Tensor::<1>::from_dispatch(x.inner().clone());
    if lifted
        .without_autodiff()
        .try_into_primitive::<Flex>()
        .ok()?
        .is_contiguous()
    {
        return None;
    }
    run([x], Contiguous, |[x], buffers| Forward {
        output: contiguous(x, buffers),
        saved: Vec::new(),
    })
}

#[derive(Debug)]
struct Contiguous;

impl Kernel<1> for Contiguous {
    fn backward(
        self,
        _: Vec<FlexTensor>,
        gradient: FlexTensor,
        _: [bool; 1],
        _: &BufferPool,
    ) -> [Option<FlexTensor>; 1] {
        [Some(gradient)]
    }
}
