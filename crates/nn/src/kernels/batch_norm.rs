//! Batch normalization with batch statistics, and the activation that follows, in one operation.
//!
//! Rows are the pixels of the batch, R of them. `x̂ = (x − μ)/√(σ² + ε)`, `z = γ x̂ + β`, `y = f(z)`.
//! Backward, with `dz = dy f′(z)`: `dβ = Σ dz`, `dγ = Σ dz x̂`,
//! `dx = γ/√(σ² + ε) · (dz − dβ/R − x̂ dγ/R)`. z is recomputed from x, so that only x is kept, and dx
//! is written over dy.
//! Sums are f32 over a few rows at a time and f64 over those partial sums; x is shifted by its first row, so that a large mean
//! does not cancel the variance.

use burn::backend::flex::FlexTensor;
use burn::backend::{Flex, TensorMetadata};
use rayon::prelude::*;

use super::affine::{ByChannel, scale_shift, sums_of_gradients};
use super::buffers::BufferPool;
use super::channel_sums::{BLOCK, ExactSums, total_of};
use super::curve::{Activation, Curve, with_curve};
use super::elementwise::{CHUNK, rows_of, vectorized};
use super::kernel::{Forward, Kernel, run, wrap};
use super::layout::{Map, dense, in_shape_of, values};
use crate::tensor::DeviceTensor;

#[derive(Debug)]
struct BatchNorm<C> {
    curve: C,
    epsilon: f32,
}

/// The output, and the mean and the biased variance of the batch.
pub(crate) struct Normalized {
    pub output: DeviceTensor,
    pub mean: DeviceTensor,
    pub variance: DeviceTensor,
}

/// Normalizes `x [n, c, s…]` by channel; `None` where there is no kernel for it.
pub(crate) fn normalize(
    x: &DeviceTensor,
    scale: &DeviceTensor,
    bias: &DeviceTensor,
    epsilon: f32,
    activation: Activation,
) -> Option<Normalized> {
    with_curve!(activation, curve => normalize_along([x, scale, bias], epsilon, curve))
}

fn normalize_along<C: Curve>([x, scale, bias]: [&DeviceTensor; 3], epsilon: f32, curve: C) -> Option<Normalized> {
    if x.rank() < 3 {
        return None;
    }
    let mut found = None;
    let output = run(
        [x, scale, bias],
        BatchNorm { curve, epsilon },
        |[x, scale, bias], buffers| {
            let dims = x.shape().as_slice().to_vec();
            let (scale, bias) = (scale.to_contiguous(), bias.to_contiguous());
            let map = Map::new(x, buffers);
            let (mean, variance) = statistics(map.values(), map.c);
            let by = ByChannel {
                centre: &mean,
                scale: &factors(&variance, values(&scale), epsilon),
                shift: values(&bias),
            };
            let y = scale_shift(map.values(), by, curve, buffers);
            let (mean, variance) = (dense(&[map.c], mean), dense(&[map.c], variance));
            found = Some((mean.clone(), variance.clone()));
            Forward {
                output: in_shape_of(&dims, y),
                saved: vec![map.into_tensor(), scale, bias, mean, variance],
            }
        },
    )?;
    let (mean, variance) = found?;
    let lift = |tensor: FlexTensor| wrap(burn::Tensor::<1>::from_primitive::<Flex>(tensor), x.buffers());
    Some(Normalized {
        output,
        mean: lift(mean),
        variance: lift(variance),
    })
}

/// `γ / √(σ² + ε)`.
fn factors(variance: &[f32], scale: &[f32], epsilon: f32) -> Vec<f32> {
    let pairs = variance.iter().zip(scale);
    pairs
        .map(|(variance, scale)| scale / (variance + epsilon).sqrt())
        .collect()
}

/// Mean and biased variance of each column of `x`, rows of `c`.
fn statistics(x: &[f32], c: usize) -> (Vec<f32>, Vec<f32>) {
    let shift = &x[..c];
    let rows = (CHUNK / c).max(1) * c;
    let parts: Vec<Vec<f64>> = x
        .par_chunks(rows)
        .map(|x| {
            let mut sums = ExactSums::new(c);
            vectorized(
                #[inline(always)]
                || {
                    let shift = &shift[..c];
                    for x in x.chunks(BLOCK * c) {
                        sums.block(|plain, squares| {
                            let (plain, squares) = (&mut plain[..c], &mut squares[..c]);
                            for row in x.chunks_exact(c) {
                                let row = &row[..c];
                                for channel in 0..c {
                                    let value = row[channel] - shift[channel];
                                    plain[channel] += value;
                                    squares[channel] += value * value;
                                }
                            }
                        });
                    }
                },
            );
            sums.total
        })
        .collect();
    let total = total_of(&parts);
    let count = (x.len() / c) as f64;
    let mean = |channel: usize| total[channel] / count;
    let means = (0..c)
        .map(|channel| (f64::from(shift[channel]) + mean(channel)) as f32)
        .collect();
    let variances = (0..c)
        .map(|channel| (total[c + channel] / count - mean(channel).powi(2)).max(0.0) as f32)
        .collect();
    (means, variances)
}

impl<C: Curve> Kernel<3> for BatchNorm<C> {
    fn backward(
        self,
        saved: Vec<FlexTensor>,
        gradient: FlexTensor,
        wanted: [bool; 3],
        buffers: &BufferPool,
    ) -> [Option<FlexTensor>; 3] {
        let Ok([x, scale, bias, mean, variance]) = <[FlexTensor; 5]>::try_from(saved) else {
            return [None, None, None];
        };
        let dims = gradient.shape().as_slice().to_vec();
        let (map, dy) = (Map::new(x, buffers), Map::new(gradient, buffers));
        let (mean, variance, c) = (values(&mean), values(&variance), map.c);
        let factor = factors(variance, values(&scale), self.epsilon);
        let by = ByChannel {
            centre: mean,
            scale: &factor,
            shift: values(&bias),
        };
        let total = total_of(&sums_of_gradients(map.values(), dy.values(), by, self.curve));
        let count = map.rows() as f64;
        let deviation = |channel: usize| f64::from(variance[channel] + self.epsilon).sqrt();
        let d_scale: Vec<f64> = (0..c).map(|channel| total[c + channel] / deviation(channel)).collect();
        let dx = wanted[0].then(|| {
            // dx = dz · factor + (x − μ) · slope + level, written over dy.
            let share = |channel: usize| -f64::from(factor[channel]) / count;
            let slope: Vec<f32> = (0..c)
                .map(|channel| (share(channel) * d_scale[channel] / deviation(channel)) as f32)
                .collect();
            let level: Vec<f32> = (0..c).map(|channel| (share(channel) * total[channel]) as f32).collect();
            let mut dx = dy.into_values();
            let curve = self.curve;
            rows_of(&mut dx, map.values(), c, |dx, x| {
                let (by, slope, level) = (by.first(c), &slope[..c], &level[..c]);
                for channel in 0..c {
                    let centred = x[channel] - by.centre[channel];
                    let dz = curve.backward(centred * by.scale[channel] + by.shift[channel], dx[channel]);
                    dx[channel] = dz * by.scale[channel] + centred * slope[channel] + level[channel];
                }
            });
            dx
        });
        map.recycle();
        [
            dx.map(|dx| in_shape_of(&dims, dx)),
            wanted[1].then(|| dense(&[c], d_scale.iter().map(|&value| value as f32).collect())),
            wanted[2].then(|| dense(&[c], total[..c].iter().map(|&value| value as f32).collect())),
        ]
    }
}
