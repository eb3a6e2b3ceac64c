//! Concatenation along an axis.

use burn::backend::TensorMetadata;
use burn::backend::flex::FlexTensor;
use rayon::prelude::*;

use super::buffers::BufferPool;
use super::elementwise::CHUNK;
use super::kernel::{Forward, Kernel, run};
use super::layout::{Packed, values};
use crate::tensor::DeviceTensor;

/// The tensors concatenated along `axis`, in the memory order of the first; `None` where there is no kernel for it.
pub(crate) fn concat(tensors: &[DeviceTensor], axis: usize) -> Option<DeviceTensor> {
    match tensors {
        [] => None,
        [one] => Some(one.clone()),
        [a, b] => joined([a, b], axis),
        [a, b, c] => joined([a, b, c], axis),
        [a, b, c, d] => joined([a, b, c, d], axis),
        // In groups of up to four, so that the kernel is compiled for a few numbers of inputs only.
        _ => {
            let parts = tensors.chunks(tensors.len().div_ceil(4));
            concat(&parts.map(|part| concat(part, axis)).collect::<Option<Vec<_>>>()?, axis)
        }
    }
}

#[derive(Debug)]
struct Concat<const N: usize> {
    axis: usize,
    sizes: [usize; N],
}

fn joined<const N: usize>(tensors: [&DeviceTensor; N], axis: usize) -> Option<DeviceTensor> {
    let sizes = tensors.map(|tensor| tensor.dims()[axis]);
    run(tensors, Concat { axis, sizes }, |tensors, buffers| {
        let mut dims = tensors[0].shape().as_slice().to_vec();
        dims[axis] = sizes.iter().sum();
        let order = Packed::new(tensors[0].clone(), buffers);
        let aligned = tensors.map(|tensor| order.aligned(tensor));
        let runs = sizes.map(|size| size * order.elements_within(axis));
        let whole: usize = runs.iter().sum();
        let mut y = buffers.take(dims.iter().product());
        let rows = (CHUNK / whole.max(1)).max(1);
        y.par_chunks_mut(rows * whole).enumerate().for_each(|(chunk, y)| {
            for (row, mut y) in y.chunks_exact_mut(whole).enumerate() {
                for (tensor, run) in aligned.iter().zip(runs) {
                    let (part, rest) = y.split_at_mut(run);
                    part.copy_from_slice(&values(tensor)[(chunk * rows + row) * run..][..run]);
                    y = rest;
                }
            }
        });
        Forward {
            output: order.resized(axis, dims[axis], y),
            saved: Vec::new(),
        }
    })
}

impl<const N: usize> Kernel<N> for Concat<N> {
    fn backward(
        self,
        _: Vec<FlexTensor>,
        gradient: FlexTensor,
        wanted: [bool; N],
        buffers: &BufferPool,
    ) -> [Option<FlexTensor>; N] {
        let dy = Packed::new(gradient, buffers);
        let within = dy.elements_within(self.axis);
        let whole = self.sizes.iter().sum::<usize>() * within;
        let rows = (CHUNK / whole.max(1)).max(1);
        let mut before = 0;
        let mut place = 0;
        let gradients = self.sizes.map(|size| {
            let run = size * within;
            let part = wanted[place].then(|| {
                let mut dx = buffers.take(dy.values().len() / whole.max(1) * run);
                dx.par_chunks_mut((rows * run).max(1))
                    .enumerate()
                    .for_each(|(chunk, dx)| {
                        for (row, dx) in dx.chunks_exact_mut(run).enumerate() {
                            dx.copy_from_slice(&dy.values()[(chunk * rows + row) * whole + before..][..run]);
                        }
                    });
                dy.resized(self.axis, size, dx)
            });
            before += run;
            place += 1;
            part
        });
        dy.recycle();
        gradients
    }
}
