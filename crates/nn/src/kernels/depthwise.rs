//! Depthwise convolution, channels last: `y[o, c] = Σ_k x[o·stride + k·dilation − pad, c] · w[k, c]`.
//!
//! The sums of sixteen channels stay in registers while the taps of a window are visited.

use rayon::prelude::*;

use super::buffers::BufferPool;
use super::elementwise::vectorized;
use super::geometry::Geometry;
use super::layout::Map;
use super::product::sum;

/// Channels that are computed together: one vector register of AVX-512, two of AVX2.
const LANES: usize = 16;

/// Weights `[c, taps]` as `[taps, c]`.
pub(super) fn by_tap(plan: &Geometry, weight: &[f32]) -> Vec<f32> {
    let taps = plan.kernel[0] * plan.kernel[1];
    (0..taps)
        .flat_map(|tap| (0..plan.channels).map(move |c| weight[c * taps + tap]))
        .collect()
}

/// `total[j] += Σ a·b` over pairs of offsets, for one block of channels.
#[inline(always)]
fn gather(total: &mut [f32], a: &[f32], b: &[f32], pairs: &[(usize, usize)], first: usize) {
    let width = total.len();
    if let Ok(total) = <&mut [f32; LANES]>::try_from(&mut *total) {
        let mut sum = [0.0f32; LANES];
        for &(at, bt) in pairs {
            if let (Some(a), Some(b)) = (
                a[at + first..].first_chunk::<LANES>(),
                b[bt + first..].first_chunk::<LANES>(),
            ) {
                for lane in 0..LANES {
                    sum[lane] += a[lane] * b[lane];
                }
            }
        }
        *total = sum;
        return;
    }
    total.fill(0.0);
    for &(at, bt) in pairs {
        for ((total, a), b) in total
            .iter_mut()
            .zip(&a[at + first..][..width])
            .zip(&b[bt + first..][..width])
        {
            *total += a * b;
        }
    }
}

/// Calls `visit` with every block of channels.
#[inline(always)]
fn blocks(channels: usize, mut visit: impl FnMut(usize, usize)) {
    let mut first = 0;
    while first < channels {
        let width = LANES.min(channels - first);
        visit(first, width);
        first += width;
    }
}

pub(super) fn forward(plan: &Geometry, map: &Map, weight: &[f32], y: &mut [f32]) {
    let c = plan.channels;
    let x = map.values();
    y.par_chunks_mut(plan.out[1] * c)
        .enumerate()
        .for_each_init(Vec::new, |pairs, (row, y)| {
            let (image, oh) = (row / plan.out[0], row % plan.out[0]);
            vectorized(
                #[inline(always)]
                || {
                    for ow in 0..plan.out[1] {
                        pairs.clear();
                        for kh in 0..plan.kernel[0] {
                            let ih = (oh * plan.stride[0] + kh * plan.dilation[0]).wrapping_sub(plan.pad[0]);
                            for kw in 0..plan.kernel[1] {
                                let iw = (ow * plan.stride[1] + kw * plan.dilation[1]).wrapping_sub(plan.pad[1]);
                                if ih < map.h && iw < map.w {
                                    pairs.push((
                                        ((image * map.h + ih) * map.w + iw) * c,
                                        (kh * plan.kernel[1] + kw) * c,
                                    ));
                                }
                            }
                        }
                        let y = &mut y[ow * c..][..c];
                        blocks(c, |first, width| {
                            gather(&mut y[first..first + width], x, weight, pairs, first)
                        });
                    }
                },
            );
        });
}

pub(super) fn input_gradient(plan: &Geometry, map: &Map, dy: &Map, weight: &[f32], buffers: &BufferPool) -> Vec<f32> {
    let c = plan.channels;
    let mut dx = buffers.take(map.rows() * c);
    // Position `o` of the output whose tap `k` reads position `i` of the input, along one axis.
    let source = |i: usize, k: usize, axis: usize| -> Option<usize> {
        let from = (i + plan.pad[axis]).checked_sub(k * plan.dilation[axis])?;
        (from.is_multiple_of(plan.stride[axis]) && from / plan.stride[axis] < plan.out[axis])
            .then(|| from / plan.stride[axis])
    };
    dx.par_chunks_mut(map.w * c)
        .enumerate()
        .for_each_init(Vec::new, |pairs, (row, dx)| {
            let (image, ih) = (row / map.h, row % map.h);
            vectorized(
                #[inline(always)]
                || {
                    for iw in 0..map.w {
                        pairs.clear();
                        for kh in 0..plan.kernel[0] {
                            let Some(oh) = source(ih, kh, 0) else {
                                continue;
                            };
                            for kw in 0..plan.kernel[1] {
                                let Some(ow) = source(iw, kw, 1) else {
                                    continue;
                                };
                                let pixel = (image * plan.out[0] + oh) * plan.out[1] + ow;
                                pairs.push((pixel * c, (kh * plan.kernel[1] + kw) * c));
                            }
                        }
                        let dx = &mut dx[iw * c..][..c];
                        blocks(c, |first, width| {
                            gather(&mut dx[first..first + width], dy.values(), weight, pairs, first)
                        });
                    }
                },
            );
        });
    dx
}

/// `dw[k, c] = Σ_o x[…] · dy[o, c]`, as `[c, taps]`.
pub(super) fn weight_gradient(plan: &Geometry, map: &Map, dy: &Map, buffers: &BufferPool) -> Vec<f32> {
    let (c, taps) = (plan.channels, plan.kernel[0] * plan.kernel[1]);
    let (x, gradient) = (map.values(), dy.values());
    // In fixed pieces, so that the sum does not depend on the number of threads.
    let each = map.n.div_ceil(8);
    let parts: Vec<Vec<f32>> = (0..map.n.div_ceil(each))
        .into_par_iter()
        .map(|piece| {
            let mut total = vec![0.0; taps * c];
            let mut pairs = Vec::new();
            let mut row = vec![0.0; c];
            vectorized(
                #[inline(always)]
                || {
                    for image in piece * each..((piece + 1) * each).min(map.n) {
                        for oh in 0..plan.out[0] {
                            for kh in 0..plan.kernel[0] {
                                let ih = (oh * plan.stride[0] + kh * plan.dilation[0]).wrapping_sub(plan.pad[0]);
                                if ih >= map.h {
                                    continue;
                                }
                                for kw in 0..plan.kernel[1] {
                                    pairs.clear();
                                    for ow in 0..plan.out[1] {
                                        let iw =
                                            (ow * plan.stride[1] + kw * plan.dilation[1]).wrapping_sub(plan.pad[1]);
                                        if iw < map.w {
                                            let from = ((image * map.h + ih) * map.w + iw) * c;
                                            let to = ((image * plan.out[0] + oh) * plan.out[1] + ow) * c;
                                            pairs.push((from, to));
                                        }
                                    }
                                    blocks(c, |first, width| {
                                        gather(&mut row[first..first + width], x, gradient, &pairs, first)
                                    });
                                    let total = &mut total[(kh * plan.kernel[1] + kw) * c..][..c];
                                    total.iter_mut().zip(&row).for_each(|(total, row)| *total += row);
                                }
                            }
                        }
                    }
                },
            );
            total
        })
        .collect();
    let by_tap = sum(parts, buffers);
    (0..c)
        .flat_map(|channel| (0..taps).map(move |tap| (channel, tap)))
        .map(|(channel, tap)| by_tap[tap * c + channel])
        .collect()
}
