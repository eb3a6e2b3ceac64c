//! Element-wise operations that keep the layout: limits (Relu, Clip), sums of maps, scale and shift by channel.

use burn::backend::TensorMetadata;
use burn::backend::flex::FlexTensor;
use rayon::prelude::*;

use super::layout::{Map, dense, in_shape_of, values};
use super::{Forward, Kernel, pool, run, vectorized};
use crate::tensor::DeviceTensor;

/// Elements that one task passes over.
pub(super) const CHUNK: usize = 1 << 14;

/// Limits that a value is cut off at; the gradient is 1 inside and at them, 0 outside.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Range {
    pub low: f32,
    pub high: f32,
    /// Whether the gradient at `low` itself is 0, as that of Relu is.
    pub open: bool,
}

impl Range {
    /// No limits.
    pub(crate) const ALL: Self = Self {
        low: f32::NEG_INFINITY,
        high: f32::INFINITY,
        open: false,
    };
    /// `max(x, 0)`.
    pub(crate) const RELU: Self = Self {
        low: 0.0,
        high: f32::INFINITY,
        open: true,
    };

    #[inline(always)]
    pub(super) fn apply(self, x: f32) -> f32 {
        let raised = if x < self.low { self.low } else { x };
        if raised > self.high { self.high } else { raised }
    }

    /// `gradient` where `x` is inside.
    #[inline(always)]
    pub(super) fn pass(self, x: f32, gradient: f32) -> f32 {
        // Without a jump between the two comparisons, so that whole registers are compared.
        let inside = (x > self.low) | (!self.open & (x == self.low));
        if inside & (x <= self.high) { gradient } else { 0.0 }
    }
}

#[derive(Debug)]
struct Limit(Range);

/// Every element cut off at `range`; `None` where Burn's own operations are to do it.
pub(crate) fn limit(x: &DeviceTensor, range: Range) -> Option<DeviceTensor> {
    if x.rank() != 4 {
        return None;
    }
    run([x], Limit(range), |[x]| {
        let map = Map::new(x);
        let mut y = pool::take(map.values().len());
        y.par_chunks_mut(CHUNK)
            .zip(map.values().par_chunks(CHUNK))
            .for_each(|(y, x)| {
                vectorized(
                    #[inline(always)]
                    || y.iter_mut().zip(x).for_each(|(y, &x)| *y = range.apply(x)),
                );
            });
        let output = Map::tensor([map.n, map.h, map.w, map.c], y);
        Forward {
            output,
            saved: vec![map.into_tensor()],
        }
    })
}

impl Kernel<1> for Limit {
    fn backward(self, saved: Vec<FlexTensor>, gradient: FlexTensor, _: [bool; 1]) -> [Option<FlexTensor>; 1] {
        let range = self.0;
        [saved.into_iter().next().map(|x| {
            let map = Map::new(x);
            let mut dx = Map::new(gradient).into_values();
            dx.par_chunks_mut(CHUNK)
                .zip(map.values().par_chunks(CHUNK))
                .for_each(|(dx, x)| {
                    vectorized(
                        #[inline(always)]
                        || dx.iter_mut().zip(x).for_each(|(dx, &x)| *dx = range.pass(x, *dx)),
                    );
                });
            let shape = [map.n, map.h, map.w, map.c];
            map.recycle();
            Map::tensor(shape, dx)
        })]
    }
}

#[derive(Debug)]
struct Sum;

/// The sum of two maps of the same shape, channels last; `None` where Burn's own operations are to do it.
pub(crate) fn add_maps(a: &DeviceTensor, b: &DeviceTensor) -> Option<DeviceTensor> {
    if a.rank() != 4 || a.dims() != b.dims() {
        return None;
    }
    run([a, b], Sum, |[a, b]| {
        let (a, b) = (Map::new(a), Map::new(b));
        let mut y = pool::take(a.values().len());
        y.par_chunks_mut(CHUNK)
            .zip(a.values().par_chunks(CHUNK))
            .zip(b.values().par_chunks(CHUNK))
            .for_each(|((y, a), b)| {
                vectorized(
                    #[inline(always)]
                    || y.iter_mut().zip(a).zip(b).for_each(|((y, a), b)| *y = a + b),
                );
            });
        Forward {
            output: Map::tensor([a.n, a.h, a.w, a.c], y),
            saved: Vec::new(),
        }
    })
}

impl Kernel<2> for Sum {
    fn backward(self, _: Vec<FlexTensor>, gradient: FlexTensor, _: [bool; 2]) -> [Option<FlexTensor>; 2] {
        [Some(gradient.clone()), Some(gradient)]
    }
}

#[derive(Debug)]
struct Affine(Range);

/// `limit(x · scale + shift)` by channel, `x [n, c, …]`, `scale` and `shift` `[c]`; `None` where Burn is to do it.
pub(crate) fn affine(
    x: &DeviceTensor,
    scale: &DeviceTensor,
    shift: &DeviceTensor,
    range: Range,
) -> Option<DeviceTensor> {
    if x.rank() < 3 {
        return None;
    }
    run([x, scale, shift], Affine(range), |[x, scale, shift]| {
        let (dims, scale, shift) = (
            x.shape().as_slice().to_vec(),
            scale.to_contiguous(),
            shift.to_contiguous(),
        );
        let map = Map::new(x);
        let by = ByChannel {
            centre: &vec![0.0; map.c],
            scale: values(&scale),
            shift: values(&shift),
        };
        let y = scale_shift(map.values(), by, range);
        Forward {
            output: in_shape_of(&dims, y),
            saved: vec![map.into_tensor(), scale, shift],
        }
    })
}

/// What is done to a channel: `(x − centre) · scale + shift`. The centre is apart, because the difference is exact where a
/// product of large numbers would round: what lies close to a limit should fall on the right side of it.
#[derive(Clone, Copy)]
pub(super) struct ByChannel<'a> {
    pub centre: &'a [f32],
    pub scale: &'a [f32],
    pub shift: &'a [f32],
}

impl ByChannel<'_> {
    /// The same, of a length that the compiler knows to be `c`.
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

/// `limit((x − centre) · scale + shift)` for rows of channels.
pub(super) fn scale_shift(x: &[f32], by: ByChannel, range: Range) -> Vec<f32> {
    let c = by.scale.len();
    let mut y = pool::take(x.len());
    let rows = (CHUNK / c).max(1) * c;
    y.par_chunks_mut(rows).zip(x.par_chunks(rows)).for_each(|(y, x)| {
        vectorized(
            #[inline(always)]
            || {
                let by = by.first(c);
                for (y, x) in y.chunks_exact_mut(c).zip(x.chunks_exact(c)) {
                    for channel in 0..c {
                        y[channel] = range.apply(by.apply(x[channel], channel));
                    }
                }
            },
        );
    });
    y
}

impl Kernel<3> for Affine {
    fn backward(self, saved: Vec<FlexTensor>, gradient: FlexTensor, wanted: [bool; 3]) -> [Option<FlexTensor>; 3] {
        let Ok([x, scale, shift]) = <[FlexTensor; 3]>::try_from(saved) else {
            return [None, None, None];
        };
        let dims = gradient.shape().as_slice().to_vec();
        let (map, dy) = (Map::new(x), Map::new(gradient));
        let c = map.c;
        let by = ByChannel {
            centre: &vec![0.0; c],
            scale: values(&scale),
            shift: values(&shift),
        };
        let sums = super::batch_norm::exact(&passed(map.values(), dy.values(), by, self.0));
        let dx = wanted[0].then(|| {
            let mut dx = dy.into_values();
            let range = self.0;
            rows_of(&mut dx, map.values(), c, |dx, x| {
                let by = by.first(c);
                for channel in 0..c {
                    dx[channel] = range.pass(by.apply(x[channel], channel), dx[channel]) * by.scale[channel];
                }
            });
            dx
        });
        map.recycle();
        [
            dx.map(|dx| in_shape_of(&dims, dx)),
            wanted[1].then(|| dense(&[c], sums[c..].iter().map(|&value| value as f32).collect())),
            wanted[2].then(|| dense(&[c], sums[..c].iter().map(|&value| value as f32).collect())),
        ]
    }
}

/// Rows that are summed in f32 before they are added up in f64.
pub(super) const BLOCK: usize = 16;

/// Two sums by channel, over many rows.
pub(super) struct ExactSums {
    /// The first sums, then the second ones.
    pub total: Vec<f64>,
    block: Vec<f32>,
}

impl ExactSums {
    pub(super) fn new(c: usize) -> Self {
        Self {
            total: vec![0.0; 2 * c],
            block: vec![0.0; 2 * c],
        }
    }

    /// Adds what `add` sums up, which is to be a few rows.
    #[inline(always)]
    pub(super) fn block(&mut self, add: impl FnOnce(&mut [f32], &mut [f32])) {
        self.block.fill(0.0);
        let (first, second) = self.block.split_at_mut(self.total.len() / 2);
        add(first, second);
        self.total
            .iter_mut()
            .zip(&self.block)
            .for_each(|(total, &block)| *total += f64::from(block));
    }
}

/// The sum of every channel over rows of channels.
pub(super) fn sums_by_channel(y: &[f32], c: usize) -> Vec<f32> {
    let rows = (CHUNK / c).max(1) * c;
    let parts: Vec<Vec<f64>> = y
        .par_chunks(rows)
        .map(|y| {
            let mut sums = ExactSums::new(c);
            vectorized(
                #[inline(always)]
                || {
                    for y in y.chunks(BLOCK * c) {
                        sums.block(|plain, _| {
                            let plain = &mut plain[..c];
                            for y in y.chunks_exact(c) {
                                plain.iter_mut().zip(y).for_each(|(plain, y)| *plain += y);
                            }
                        });
                    }
                },
            );
            sums.total
        })
        .collect();
    let total = super::batch_norm::exact(&parts);
    total[..c].iter().map(|&value| value as f32).collect()
}

/// By piece `[Σ dz, Σ dz·(x − centre)]` over rows of channels, where `dz` is `dy` where the result is inside of `range`.
/// The pieces are of a fixed size, so that sums do not depend on the number of threads.
pub(super) fn passed(x: &[f32], dy: &[f32], by: ByChannel, range: Range) -> Vec<Vec<f64>> {
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
                            // Lengths that are known here are not checked at every element.
                            let (by, plain, weighted) = (by.first(c), &mut plain[..c], &mut weighted[..c]);
                            for (x, dy) in x.chunks_exact(c).zip(dy.chunks_exact(c)) {
                                let (x, dy) = (&x[..c], &dy[..c]);
                                for channel in 0..c {
                                    let value = range.pass(by.apply(x[channel], channel), dy[channel]);
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

/// Calls `change` with every row of `y` and of `x`, rows of `c`.
pub(super) fn rows_of(y: &mut [f32], x: &[f32], c: usize, change: impl Fn(&mut [f32], &[f32]) + Sync) {
    let rows = (CHUNK / c).max(1) * c;
    y.par_chunks_mut(rows).zip(x.par_chunks(rows)).for_each(|(y, x)| {
        vectorized(
            #[inline(always)]
            || {
                for (y, x) in y.chunks_exact_mut(c).zip(x.chunks_exact(c)) {
                    change(&mut y[..c], &x[..c]);
                }
            },
        );
    });
}
