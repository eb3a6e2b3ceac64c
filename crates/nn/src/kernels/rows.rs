//! Softmax and normalization of rows, that is, over the last axis.

use burn::backend::TensorMetadata;
use burn::backend::flex::FlexTensor;
use rayon::prelude::*;

use super::buffers::BufferPool;
use super::channel_sums::{BLOCK, ExactSums, total_of};
use super::curve::exp;
use super::elementwise::{CHUNK, rows_of, vectorized};
use super::kernel::{Forward, Kernel, run};
use super::layout::{contiguous, dense, own, values};
use crate::tensor::DeviceTensor;

/// Independent partial sums: a single one would wait for every addition.
const LANES: usize = 16;

/// The sum of `f` over a row.
#[inline(always)]
fn total(row: &[f32], f: impl Fn(usize, f32) -> f32) -> f32 {
    let mut lanes = [0.0f32; LANES];
    let whole = row.len() / LANES * LANES;
    for start in (0..whole).step_by(LANES) {
        let part = &row[start..start + LANES];
        for (lane, (sum, &x)) in lanes.iter_mut().zip(part).enumerate() {
            *sum += f(start + lane, x);
        }
    }
    for (at, &x) in row.iter().enumerate().skip(whole) {
        lanes[0] += f(at, x);
    }
    lanes.iter().sum()
}

/// The largest of a row; NaN if it holds one.
#[inline(always)]
fn largest(row: &[f32]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let (parts, rest) = row.as_chunks::<LANES>();
    let take = |most: &mut f32, x: f32| *most = if x <= *most { *most } else { x };
    for part in parts {
        lanes.iter_mut().zip(part).for_each(|(most, &x)| take(most, x));
    }
    let mut most = f32::NEG_INFINITY;
    lanes.iter().chain(rest).for_each(|&x| take(&mut most, x));
    most
}

#[derive(Debug)]
struct Softmax;

/// The softmax over the last axis; `None` where there is no kernel for it.
pub(crate) fn softmax(x: &DeviceTensor) -> Option<DeviceTensor> {
    let d = *x.dims().last()?;
    run([x], Softmax, |[x], buffers| {
        let x = contiguous(x, buffers);
        let mut y = buffers.take(values(&x).len());
        rows_of(&mut y, values(&x), d, |y, x| {
            let most = largest(x);
            y.iter_mut().zip(x).for_each(|(y, x)| *y = exp(x - most));
            let scale = 1.0 / total(y, |_, y| y);
            y.iter_mut().for_each(|y| *y *= scale);
        });
        let output = dense(x.shape().as_slice(), y);
        Forward {
            saved: vec![output.clone()],
            output,
        }
    })
}

impl Kernel<1> for Softmax {
    /// `dx = y (dy − Σ y dy)`, and 0 where all of `dy` is. A row that is masked whole is NaN, which exporters replace by 0 behind the
    /// softmax: nothing of it is used, and NaN times 0 must not come back.
    fn backward(
        self,
        saved: Vec<FlexTensor>,
        gradient: FlexTensor,
        _: [bool; 1],
        buffers: &BufferPool,
    ) -> [Option<FlexTensor>; 1] {
        [saved.into_iter().next().map(|y| {
            let dims = y.shape().as_slice().to_vec();
            let d = dims.last().copied().unwrap_or(1);
            let mut dx = own(contiguous(gradient, buffers), buffers);
            rows_of(&mut dx, values(&y), d, |dx, y| {
                let y = &y[..dx.len()];
                if dx.iter().all(|&dy| dy == 0.0) {
                    return;
                }
                let share = total(dx, |at, dy| y[at] * dy);
                dx.iter_mut().zip(y).for_each(|(dx, y)| *dx = y * (*dx - share));
            });
            buffers.recycle(y);
            dense(&dims, dx)
        })]
    }
}

#[derive(Debug)]
struct LayerNorm;

/// `(x − mean) / √(variance + ε) · scale + bias` over the last axis, `x […, d]`, `scale` and `bias` `[d]`; `None` for other
/// shapes, and where there is no kernel for it.
pub(crate) fn layer_norm(
    x: &DeviceTensor,
    scale: &DeviceTensor,
    bias: Option<&DeviceTensor>,
    epsilon: f32,
) -> Option<DeviceTensor> {
    let d = *x.dims().last()?;
    if scale.dims() != [d] || bias.is_some_and(|bias| bias.dims() != [d]) {
        return None;
    }
    match bias {
        None => run([x, scale], LayerNorm, |[x, scale], buffers| {
            normalized([x, scale], None, epsilon, buffers)
        }),
        Some(bias) => run([x, scale, bias], LayerNorm, |[x, scale, bias], buffers| {
            normalized([x, scale], Some(bias), epsilon, buffers)
        }),
    }
}

fn normalized([x, scale]: [FlexTensor; 2], bias: Option<FlexTensor>, epsilon: f32, buffers: &BufferPool) -> Forward {
    let (x, scale) = (contiguous(x, buffers), contiguous(scale, buffers));
    let d = values(&scale).len();
    let bias = bias.map_or_else(|| vec![0.0; d], |bias| values(&contiguous(bias, buffers)).to_vec());
    let count = values(&x).len() / d;
    let mut y = buffers.take(count * d);
    // For each row, its mean and the inverse of its standard deviation.
    let mut statistics = vec![[0.0f32; 2]; count];
    let rows = (CHUNK / d).max(1);
    y.par_chunks_mut(rows * d)
        .zip(values(&x).par_chunks(rows * d))
        .zip(statistics.par_chunks_mut(rows))
        .for_each(|((y, x), statistics)| {
            vectorized(
                #[inline(always)]
                || {
                    let (scale, bias) = (&values(&scale)[..d], &bias[..d]);
                    for ((y, x), row) in y.chunks_exact_mut(d).zip(x.chunks_exact(d)).zip(statistics) {
                        let mean = total(x, |_, x| x) / d as f32;
                        let variance = total(x, |_, x| (x - mean) * (x - mean)) / d as f32;
                        let inverse = 1.0 / (variance + epsilon).sqrt();
                        for at in 0..d {
                            y[at] = (x[at] - mean) * inverse * scale[at] + bias[at];
                        }
                        *row = [mean, inverse];
                    }
                },
            );
        });
    let output = dense(x.shape().as_slice(), y);
    let statistics = dense(&[count, 2], statistics.into_flattened());
    Forward {
        output,
        saved: vec![x, scale, statistics],
    }
}

impl Kernel<2> for LayerNorm {
    fn backward(
        self,
        saved: Vec<FlexTensor>,
        gradient: FlexTensor,
        [x, scale]: [bool; 2],
        buffers: &BufferPool,
    ) -> [Option<FlexTensor>; 2] {
        let [dx, d_scale, _] = gradients(saved, gradient, [x, scale, false], buffers);
        [dx, d_scale]
    }
}

/// The same with a bias.
impl Kernel<3> for LayerNorm {
    fn backward(
        self,
        saved: Vec<FlexTensor>,
        gradient: FlexTensor,
        wanted: [bool; 3],
        buffers: &BufferPool,
    ) -> [Option<FlexTensor>; 3] {
        gradients(saved, gradient, wanted, buffers)
    }
}

/// With `x̂ = (x − μ) r` and `g = dy · scale`: `dx = r (g − mean(g) − x̂ mean(g x̂))`, `d scale = Σ dy x̂`, `d bias = Σ dy`.
/// dx is written over dy.
fn gradients(
    saved: Vec<FlexTensor>,
    gradient: FlexTensor,
    wanted: [bool; 3],
    buffers: &BufferPool,
) -> [Option<FlexTensor>; 3] {
    let Ok([x, scale, statistics]) = <[FlexTensor; 3]>::try_from(saved) else {
        return [None, None, None];
    };
    let dims = gradient.shape().as_slice().to_vec();
    let d = values(&scale).len();
    let rows = (CHUNK / d).max(1);
    let mut dx = own(contiguous(gradient, buffers), buffers);
    let parts: Vec<Vec<f64>> = dx
        .par_chunks_mut(rows * d)
        .zip(values(&x).par_chunks(rows * d))
        .zip(values(&statistics).par_chunks(rows * 2))
        .map(|((dx, x), statistics)| {
            let mut sums = ExactSums::new(d);
            vectorized(
                #[inline(always)]
                || {
                    let scale = &values(&scale)[..d];
                    let blocks = dx.chunks_mut(BLOCK * d).zip(x.chunks(BLOCK * d));
                    for ((dx, x), statistics) in blocks.zip(statistics.chunks(BLOCK * 2)) {
                        sums.block(|plain, weighted| {
                            let (plain, weighted) = (&mut plain[..d], &mut weighted[..d]);
                            let (pairs, _) = statistics.as_chunks::<2>();
                            for ((dx, x), &[mean, inverse]) in dx.chunks_exact_mut(d).zip(x.chunks_exact(d)).zip(pairs)
                            {
                                let (dx, x) = (&mut dx[..d], &x[..d]);
                                for at in 0..d {
                                    plain[at] += dx[at];
                                    weighted[at] += dx[at] * (x[at] - mean) * inverse;
                                }
                                let level = total(dx, |at, dy| dy * scale[at]) / d as f32;
                                let slope = total(dx, |at, dy| dy * scale[at] * (x[at] - mean)) * inverse / d as f32;
                                for at in 0..d {
                                    let centred = (x[at] - mean) * inverse;
                                    dx[at] = inverse * (dx[at] * scale[at] - level - centred * slope);
                                }
                            }
                        });
                    }
                },
            );
            sums.total
        })
        .collect();
    let sums = total_of(&parts);
    buffers.recycle(x);
    let vector = |sums: &[f64]| dense(&[d], sums.iter().map(|&sum| sum as f32).collect());
    [
        wanted[0].then(|| dense(&dims, dx)),
        wanted[1].then(|| vector(&sums[d..])),
        wanted[2].then(|| vector(&sums[..d])),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Device;

    fn softmax_of(row: &[f32]) -> Vec<f32> {
        let x = DeviceTensor::from_values(&[1, row.len()], row.to_vec(), &Device::flex()).unwrap();
        softmax(&x).unwrap().to_values().unwrap()
    }

    #[test]
    fn what_is_masked_has_no_share() {
        for mask in [f32::NEG_INFINITY, f32::MIN, -1e9] {
            let mut row = vec![mask; 21];
            row[3] = 1.0;
            row[20] = 1.0;
            let shares = softmax_of(&row);
            for (at, share) in shares.iter().enumerate() {
                let expected = if at == 3 || at == 20 { 0.5 } else { 0.0 };
                assert!((share - expected).abs() < 1e-6, "{mask}, {at}: {share}");
            }
        }
        // Equal numbers, however small, and NaN.
        assert!(
            softmax_of(&[f32::MIN; 5])
                .iter()
                .all(|share| (share - 0.2).abs() < 1e-6)
        );
        assert!(softmax_of(&[0.0, f32::NAN, 1.0]).iter().all(|share| share.is_nan()));
    }

    /// Softmax, and 0 for NaN, as exporters write a softmax of rows that may be masked whole.
    #[test]
    fn a_row_that_is_masked_whole_and_replaced_has_a_finite_gradient() {
        let infinite = f32::NEG_INFINITY;
        let values = vec![infinite, infinite, infinite, 0.0, 1.0, infinite];
        let x = DeviceTensor::from_values(&[2, 3], values, &Device::flex())
            .unwrap()
            .tracked();
        let y = softmax(&x).unwrap();
        let is_nan = crate::HostTensor::bools(&[2, 3], vec![true, true, true, false, false, false]).unwrap();
        let y = y.replace_where(&is_nan, &y.number_beside(0.0)).unwrap();
        let weights = DeviceTensor::from_values(&[2, 3], vec![5.0, 6.0, 7.0, 2.0, 3.0, 4.0], &Device::flex()).unwrap();
        let loss = y.mul(&weights).unwrap().sum(&[0, 1]);
        let gradient = loss.backward().unwrap().gradient(&x).unwrap().to_values().unwrap();
        // p (1 − p) (w₁ − w₂) of the two that are not masked.
        let p = 1.0 / (1.0 + 1f32.exp());
        let expected = [0.0, 0.0, 0.0, -p * (1.0 - p), p * (1.0 - p), 0.0];
        for (found, expected) in gradient.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{gradient:?}");
        }
    }

    #[test]
    fn rows_far_from_zero_keep_their_variance() {
        let x = (0..64).map(|at| 1000.0 + (at % 8) as f32 / 8.0).collect();
        let device = Device::flex();
        let x = DeviceTensor::from_values(&[1, 64], x, &device).unwrap();
        let ones = DeviceTensor::from_values(&[64], vec![1.0; 64], &device).unwrap();
        let y = layer_norm(&x, &ones, None, 0.0).unwrap().to_values().unwrap();
        // Eight equal steps around their mean of 3.5, whose variance is 5.25.
        for (at, y) in y.iter().enumerate() {
            let expected = ((at % 8) as f32 - 3.5) / 5.25f32.sqrt();
            assert!((y - expected).abs() < 1e-4, "{at}: {y}, not {expected}");
        }
    }
}
