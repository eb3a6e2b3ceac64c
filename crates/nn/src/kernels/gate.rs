//! Maps whose channels are weighted per sample, as in squeeze-and-excitation.

use burn::backend::flex::FlexTensor;
use rayon::prelude::*;

use super::buffers::BufferPool;
use super::elementwise::vectorized;
use super::kernel::{Forward, Kernel, run};
use super::layout::{Map, dense, values};
use crate::tensor::DeviceTensor;

#[derive(Debug)]
struct Gate;

/// Rows that are summed in f32 before they are added to the total.
const BLOCK: usize = 64;

/// `x [n, c, h, w]` times `weight [n, c, 1, 1]`; `None` for other shapes, and where there is no kernel for it.
pub(crate) fn gate(x: &DeviceTensor, weight: &DeviceTensor) -> Option<DeviceTensor> {
    let [n, c, h, w] = <[usize; 4]>::try_from(x.dims()).ok()?;
    if h * w < 2 || weight.dims() != [n, c, 1, 1] {
        return None;
    }
    run([x, weight], Gate, |[x, weight], buffers| {
        let weight = weight.to_contiguous();
        let map = Map::new(x, buffers);
        let mut y = buffers.take(map.values().len());
        y.par_chunks_mut(h * w * c)
            .zip(map.values().par_chunks(h * w * c))
            .zip(values(&weight).par_chunks(c))
            .for_each(|((y, x), weight)| {
                vectorized(
                    #[inline(always)]
                    || {
                        for (y, x) in y.chunks_exact_mut(c).zip(x.chunks_exact(c)) {
                            y.iter_mut()
                                .zip(x)
                                .zip(weight)
                                .for_each(|((y, x), weight)| *y = x * weight);
                        }
                    },
                );
            });
        Forward {
            output: Map::tensor([n, h, w, c], y),
            saved: vec![map.into_tensor(), weight],
        }
    })
}

impl Kernel<2> for Gate {
    fn backward(
        self,
        saved: Vec<FlexTensor>,
        gradient: FlexTensor,
        wanted: [bool; 2],
        buffers: &BufferPool,
    ) -> [Option<FlexTensor>; 2] {
        let Ok([x, weight]) = <[FlexTensor; 2]>::try_from(saved) else {
            return [None, None];
        };
        let (map, dy) = (Map::new(x, buffers), Map::new(gradient, buffers));
        let (n, c, size) = (map.n, map.c, map.h * map.w * map.c);
        let d_weight = wanted[1].then(|| {
            let mut sums = vec![0.0f32; n * c];
            sums.par_chunks_mut(c)
                .zip(map.values().par_chunks(size))
                .zip(dy.values().par_chunks(size))
                .for_each(|((sums, x), dy)| {
                    vectorized(
                        #[inline(always)]
                        || sum_of_products(sums, x, dy),
                    );
                });
            dense(&[n, c, 1, 1], sums)
        });
        let dx = wanted[0].then(|| {
            let shape = [n, map.h, map.w, c];
            let mut dx = dy.into_values();
            dx.par_chunks_mut(size)
                .zip(values(&weight).par_chunks(c))
                .for_each(|(dx, weight)| {
                    vectorized(
                        #[inline(always)]
                        || {
                            for dx in dx.chunks_exact_mut(c) {
                                dx.iter_mut().zip(weight).for_each(|(dx, weight)| *dx *= weight);
                            }
                        },
                    );
                });
            Map::tensor(shape, dx)
        });
        map.recycle();
        [dx, d_weight]
    }
}

/// `Σ x·dy` by channel over rows of channels.
#[inline(always)]
fn sum_of_products(sums: &mut [f32], x: &[f32], dy: &[f32]) {
    let c = sums.len();
    let mut block = vec![0.0f32; c];
    for (x, dy) in x.chunks(BLOCK * c).zip(dy.chunks(BLOCK * c)) {
        block.fill(0.0);
        for (x, dy) in x.chunks_exact(c).zip(dy.chunks_exact(c)) {
            block
                .iter_mut()
                .zip(x)
                .zip(dy)
                .for_each(|((block, x), dy)| *block += x * dy);
        }
        sums.iter_mut().zip(&block).for_each(|(sum, block)| *sum += block);
    }
}
