//! Scale and shift by channel, and the activation that follows.

use burn::backend::TensorMetadata;
use burn::backend::flex::FlexTensor;
use rayon::prelude::*;

use super::buffers::BufferPool;
use super::channel_sums::{BLOCK, ExactSums, total_of};
use super::curve::{Activation, Curve, with_curve};
use super::elementwise::{CHUNK, vectorized};
use super::kernel::{Forward, Kernel, run};
use super::layout::{Map, dense, in_shape_of, values};
use crate::tensor::DeviceTensor;

#[derive(Debug)]
struct Affine<C>(C);

/// `activation(x · scale + shift)` by channel, `x [n, c, …]`, `scale` and `shift` `[c]`; `None` where there is no kernel for it.
pub(crate) fn affine(
    x: &DeviceTensor,
    scale: &DeviceTensor,
    shift: &DeviceTensor,
    activation: Activation,
) -> Option<DeviceTensor> {
    with_curve!(activation, curve => affine_along(x, scale, shift, curve))
}

fn affine_along<C: Curve>(
    x: &DeviceTensor,
    scale: &DeviceTensor,
    shift: &DeviceTensor,
    curve: C,
) -> Option<DeviceTensor> {
    if x.rank() < 3 {
        return None;
    }
    run([x, scale, shift], Affine(curve), |[x, scale, shift], buffers| {
        let (dims, scale, shift) = (
            x.shape().as_slice().to_vec(),
            scale.to_contiguous(),
            shift.to_contiguous(),
        );
        let map = Map::new(x, buffers);
        let by = ByChannel {
            centre: &vec![0.0; map.c],
            scale: values(&scale),
            shift: values(&shift),
        };
        let y = scale_shift(map.values(), by, curve, buffers);
        Forward {
            output: in_shape_of(&dims, y),
            saved: vec![map.into_tensor(), scale, shift],
        }
    })
}

/// The affine map of each channel: `(x − centre) · scale + shift`. The centre is subtracted first, because that difference is
/// exact where a product of large numbers would round: a value close to a limit should fall on the right side of it.
#[derive(Clone, Copy)]
pub(super) struct ByChannel<'a> {
    pub centre: &'a [f32],
    pub scale: &'a [f32],
    pub shift: &'a [f32],
}

impl ByChannel<'_> {
    /// The first `c` channels, as slices whose length the compiler knows.
    #[inline(always)]
    pub(super) fn first(&self, c: usize) -> Self {
        Self {
            centre: &self.centre[..c],
            scale: &self.scale[..c],
            shift: &self.shift[..c],
        }
    }

    #[inline(always)]
    pub(super) fn apply(&self, x: f32, channel: usize) -> f32 {
        (x - self.centre[channel]) * self.scale[channel] + self.shift[channel]
    }
}

/// `curve((x − centre) · scale + shift)` for rows of channels.
pub(super) fn scale_shift(x: &[f32], by: ByChannel, curve: impl Curve, buffers: &BufferPool) -> Vec<f32> {
    let c = by.scale.len();
    let mut y = buffers.take(x.len());
    let rows = (CHUNK / c).max(1) * c;
    y.par_chunks_mut(rows).zip(x.par_chunks(rows)).for_each(|(y, x)| {
        vectorized(
            #[inline(always)]
            || {
                let by = by.first(c);
                for (y, x) in y.chunks_exact_mut(c).zip(x.chunks_exact(c)) {
                    for channel in 0..c {
                        y[channel] = curve.apply(by.apply(x[channel], channel));
                    }
                }
            },
        );
    });
    y
}

impl<C: Curve> Kernel<3> for Affine<C> {
    fn backward(
        self,
        saved: Vec<FlexTensor>,
        gradient: FlexTensor,
        wanted: [bool; 3],
        buffers: &BufferPool,
    ) -> [Option<FlexTensor>; 3] {
        let Ok([x, scale, shift]) = <[FlexTensor; 3]>::try_from(saved) else {
            return [None, None, None];
        };
        let dims = gradient.shape().as_slice().to_vec();
        let (map, dy) = (Map::new(x, buffers), Map::new(gradient, buffers));
        let c = map.c;
        let by = ByChannel {
            centre: &vec![0.0; c],
            scale: values(&scale),
            shift: values(&shift),
        };
        let mut dx = dy.into_values();
        let sums = total_of(&scaled_and_summed(map.values(), &mut dx, by, self.0));
        map.recycle();
        let dx = wanted[0].then_some(dx);
        [
            dx.map(|dx| in_shape_of(&dims, dx)),
            wanted[1].then(|| dense(&[c], sums[c..].iter().map(|&value| value as f32).collect())),
            wanted[2].then(|| dense(&[c], sums[..c].iter().map(|&value| value as f32).collect())),
        ]
    }
}

/// `[Σ dz, Σ dz·(x − centre)]` of each piece, over rows of channels, where `dz` is `dy` times the derivative of `curve`.
/// The pieces are of a fixed size, so that sums do not depend on the number of threads.
pub(super) fn sums_of_gradients(x: &[f32], dy: &[f32], by: ByChannel, curve: impl Curve) -> Vec<Vec<f64>> {
    let c = by.scale.len();
    let rows = (CHUNK / c).max(1) * c;
    x.par_chunks(rows)
        .zip(dy.par_chunks(rows))
        .map(|(x, dy)| {
            let mut sums = ExactSums::new(c);
            vectorized(
                #[inline(always)]
                || {
                    for (x, dy) in x.chunks(BLOCK * c).zip(dy.chunks(BLOCK * c)) {
                        sums.block(|plain, weighted| {
                            // With known lengths the bounds are not checked at every element.
                            let (by, plain, weighted) = (by.first(c), &mut plain[..c], &mut weighted[..c]);
                            for (x, dy) in x.chunks_exact(c).zip(dy.chunks_exact(c)) {
                                let (x, dy) = (&x[..c], &dy[..c]);
                                for channel in 0..c {
                                    let value = curve.backward(by.apply(x[channel], channel), dy[channel]);
                                    plain[channel] += value;
                                    weighted[channel] += value * (x[channel] - by.centre[channel]);
                                }
                            }
                        });
                    }
                },
            );
            sums.total
        })
        .collect()
}

/// The sums of [`sums_of_gradients`]; `dy` becomes `dz · scale`.
fn scaled_and_summed(x: &[f32], dy: &mut [f32], by: ByChannel, curve: impl Curve) -> Vec<Vec<f64>> {
    let c = by.scale.len();
    let rows = (CHUNK / c).max(1) * c;
    x.par_chunks(rows)
        .zip(dy.par_chunks_mut(rows))
        .map(|(x, dy)| {
            let mut sums = ExactSums::new(c);
            vectorized(
                #[inline(always)]
                || {
                    for (x, dy) in x.chunks(BLOCK * c).zip(dy.chunks_mut(BLOCK * c)) {
                        sums.block(|plain, weighted| {
                            let (by, plain, weighted) = (by.first(c), &mut plain[..c], &mut weighted[..c]);
                            for (x, dy) in x.chunks_exact(c).zip(dy.chunks_exact_mut(c)) {
                                let (x, dy) = (&x[..c], &mut dy[..c]);
                                for channel in 0..c {
                                    let value = curve.backward(by.apply(x[channel], channel), dy[channel]);
                                    plain[channel] += value;
                                    weighted[channel] += value * (x[channel] - by.centre[channel]);
                                    dy[channel] = value * by.scale[channel];
                                }
                            }
                        });
                    }
                },
            );
            sums.total
        })
        .collect()
}
