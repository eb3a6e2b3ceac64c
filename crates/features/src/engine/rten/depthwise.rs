//! Depthwise convolution, `y[n, c] = b[c] + Σ_t w[c, t] · x[n, c] shifted by t`, on the CPU.
//!
//! rten spends 60 to 80 % of the time of a mobile network in this operator: its kernel passes over every output row once per tap,
//! and is compiled for the oldest CPU (`experiments/engine_speed`). This kernel keeps 32 outputs in registers for all taps:
//!
//! ```text
//! plane [h, w] ──pad, split by stride──► phases [sh·sw, rows, row] ──flat: y[i] = b + Σ_t w[t] · phases[offset(t) + i]──► y [oh, ow]
//! ```
//!
//! A padded plane is one flat array, so a tap is a constant offset in it, and every load reads 32 neighbours. The few outputs that
//! fall into the padding between rows are computed and dropped. With a stride of s, every s-th column and row is first copied into
//! a plane of its own, so that the inputs of neighbouring outputs are neighbours again. Planes are independent: one thread takes
//! one at a time.

use rayon::prelude::*;

use crate::{Error, ErrorKind};

/// Outputs that are computed side by side: 4 registers of AVX2, enough to hide the latency of its arithmetic.
const LANES: usize = 32;

/// A depthwise convolution of `c` channels with its constants.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Depthwise {
    /// Name of the node, for errors.
    pub label: String,
    /// Name of the value it reads, `[n, c, h, w]`.
    pub input: String,
    /// Name of the value it computes, `[n, c, oh, ow]`.
    pub output: String,
    /// `[c, kh, kw]`
    pub weight: Vec<f32>,
    /// `[c]`
    pub bias: Vec<f32>,
    /// `[kh, kw]`
    pub kernel: [usize; 2],
    /// `[sh, sw]`
    pub strides: [usize; 2],
    /// `[dh, dw]`
    pub dilations: [usize; 2],
    /// Top, left, bottom, right.
    pub pads: [usize; 4],
}

/// The sizes that all planes of a run share.
struct Layout {
    input: [usize; 2],
    output: [usize; 2],
    strides: [usize; 2],
    pads: [usize; 2],
    /// Rows of a phase, and elements of a row.
    phase: [usize; 2],
    /// Offset of each tap.
    offsets: Vec<usize>,
    /// Elements of all phases, with room for the last block to read beyond them.
    scratch: usize,
    /// Flat outputs, a multiple of [`LANES`].
    flat: usize,
}

impl Depthwise {
    /// Runs on `x [n, c, h, w]`, in the thread pool that this is called in, and returns the shape and elements of `y`.
    pub fn run(&self, shape: &[usize], x: &[f32]) -> Result<([usize; 4], Vec<f32>), Error> {
        let channels = self.bias.len();
        let &[n, c, h, w] = shape else {
            return Err(self.refuse(shape));
        };
        let Some(layout) = self.layout([h, w]).filter(|_| c == channels) else {
            return Err(self.refuse(shape));
        };
        let [oh, ow] = layout.output;
        let mut y = vec![0.0; n * c * oh * ow];
        if !y.is_empty() {
            let planes = y.par_chunks_mut(oh * ow).zip(x.par_chunks(h * w)).enumerate();
            planes.for_each_init(
                || (vec![0.0; layout.scratch], vec![0.0; layout.flat]),
                |(scratch, flat), (i, (y, x))| {
                    let taps = layout.offsets.len();
                    let channel = i % channels;
                    let weight = &self.weight[channel * taps..(channel + 1) * taps];
                    layout.fill(x, scratch);
                    accumulate(scratch, &layout.offsets, weight, self.bias[channel], flat);
                    for (row, y) in y.chunks_mut(ow).enumerate() {
                        y.copy_from_slice(&flat[row * layout.phase[1]..][..ow]);
                    }
                },
            );
        }
        Ok(([n, c, oh, ow], y))
    }

    fn refuse(&self, shape: &[usize]) -> Error {
        Error::new(
            ErrorKind::Inference,
            format!(
                "node {:?} (Conv): cannot convolve {shape:?} by {} channels of {:?}",
                self.label,
                self.bias.len(),
                self.kernel
            ),
        )
    }

    /// `None` if the padded plane is smaller than the kernel.
    fn layout(&self, input: [usize; 2]) -> Option<Layout> {
        let [top, left, bottom, right] = self.pads;
        let mut output = [0; 2];
        let mut phase = [0; 2];
        for (axis, pad) in [top + bottom, left + right].into_iter().enumerate() {
            let padded = input[axis].checked_add(pad)?;
            let extent = (self.kernel[axis] - 1) * self.dilations[axis] + 1;
            output[axis] = padded.checked_sub(extent)? / self.strides[axis] + 1;
            phase[axis] = padded.div_ceil(self.strides[axis]);
        }
        let [sh, sw] = self.strides;
        let [rows, row] = phase;
        let mut offsets = Vec::with_capacity(self.kernel[0] * self.kernel[1]);
        for y in (0..self.kernel[0]).map(|y| y * self.dilations[0]) {
            for x in (0..self.kernel[1]).map(|x| x * self.dilations[1]) {
                let plane = (y % sh) * sw + x % sw;
                offsets.push((plane * rows + y / sh) * row + x / sw);
            }
        }
        let flat = ((output[0] - 1) * row + output[1]).next_multiple_of(LANES);
        Some(Layout {
            input,
            output,
            strides: self.strides,
            pads: [top, left],
            phase,
            scratch: offsets.iter().max()? + flat.max(sh * sw * rows * row),
            offsets,
            flat,
        })
    }
}

impl Layout {
    /// Copies a plane into its phases. The padding around it was zeroed once and is never written.
    fn fill(&self, x: &[f32], scratch: &mut [f32]) {
        let [sh, sw] = self.strides;
        let [rows, row] = self.phase;
        let [top, left] = self.pads;
        for (y, x) in x.chunks(self.input[1]).enumerate() {
            let y = y + top;
            let base = ((y % sh) * sw * rows + y / sh) * row;
            if sw == 1 {
                scratch[base + left..][..x.len()].copy_from_slice(x);
                continue;
            }
            for first in 0..sw.min(x.len()) {
                let column = first + left;
                let phase = base + (column % sw) * rows * row + column / sw;
                let columns = x[first..].iter().step_by(sw);
                for (to, &from) in scratch[phase..].iter_mut().zip(columns) {
                    *to = from;
                }
            }
        }
    }
}

/// `flat[i] = bias + Σ_t weight[t] · scratch[offsets[t] + i]`.
fn accumulate(scratch: &[f32], offsets: &[usize], weight: &[f32], bias: f32, flat: &mut [f32]) {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            #[expect(unsafe_code, reason = "a function compiled for newer CPUs is unsafe to call")]
            // SAFETY: the CPU has both features.
            return unsafe { accumulate_avx2(scratch, offsets, weight, bias, flat) };
        }
        blocks(scratch, offsets, weight, bias, flat, |x, w, sum| x * w + sum);
    }
    // Every aarch64 CPU multiplies and adds in one instruction; elsewhere `mul_add` may be a function call.
    #[cfg(not(target_arch = "x86_64"))]
    if cfg!(target_arch = "aarch64") {
        blocks(scratch, offsets, weight, bias, flat, f32::mul_add);
    } else {
        blocks(scratch, offsets, weight, bias, flat, |x, w, sum| x * w + sum);
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn accumulate_avx2(scratch: &[f32], offsets: &[usize], weight: &[f32], bias: f32, flat: &mut [f32]) {
    blocks(scratch, offsets, weight, bias, flat, f32::mul_add);
}

#[inline(always)]
fn blocks(
    scratch: &[f32],
    offsets: &[usize],
    weight: &[f32],
    bias: f32,
    flat: &mut [f32],
    multiply_add: impl Fn(f32, f32, f32) -> f32,
) {
    for (block, flat) in flat.as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
        let mut sums = [bias; LANES];
        for (&offset, &w) in offsets.iter().zip(weight) {
            let Some(x) = scratch[offset + block * LANES..].first_chunk::<LANES>() else {
                continue;
            };
            for (sum, &x) in sums.iter_mut().zip(x) {
                *sum = multiply_add(x, w, *sum);
            }
        }
        *flat = sums;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition of the operator, term by term.
    fn by_definition(conv: &Depthwise, [n, c, h, w]: [usize; 4], x: &[f32]) -> Vec<f64> {
        let [top, left, bottom, right] = conv.pads;
        let [kh, kw] = conv.kernel;
        let size = |input: usize, pads: usize, axis: usize| {
            (input + pads - (conv.kernel[axis] - 1) * conv.dilations[axis] - 1) / conv.strides[axis] + 1
        };
        let mut y = Vec::new();
        for plane in 0..n * c {
            for oy in 0..size(h, top + bottom, 0) {
                for ox in 0..size(w, left + right, 1) {
                    let mut sum = f64::from(conv.bias[plane % c]);
                    for (t, weight) in conv.weight[plane % c * kh * kw..][..kh * kw].iter().enumerate() {
                        let iy = (oy * conv.strides[0] + t / kw * conv.dilations[0]).checked_sub(top);
                        let ix = (ox * conv.strides[1] + t % kw * conv.dilations[1]).checked_sub(left);
                        if let (Some(iy), Some(ix)) = (iy.filter(|&iy| iy < h), ix.filter(|&ix| ix < w)) {
                            sum += f64::from(*weight) * f64::from(x[(plane * h + iy) * w + ix]);
                        }
                    }
                    y.push(sum);
                }
            }
        }
        y
    }

    fn conv(kernel: [usize; 2], strides: [usize; 2], dilations: [usize; 2], pads: [usize; 4]) -> Depthwise {
        let channels = 3;
        let taps = kernel[0] * kernel[1];
        Depthwise {
            label: "conv".to_owned(),
            input: String::new(),
            output: String::new(),
            weight: (0..channels * taps).map(|i| (i as f32 * 1.7).sin()).collect(),
            bias: (0..channels).map(|i| i as f32 - 1.0).collect(),
            kernel,
            strides,
            dilations,
            pads,
        }
    }

    #[test]
    fn every_kernel_stride_dilation_and_padding_gives_what_the_definition_says() {
        let mut compared = 0;
        for kernel in [[1, 1], [3, 3], [5, 5], [2, 7]] {
            for strides in [[1, 1], [2, 2], [1, 2], [3, 1]] {
                for dilations in [[1, 1], [2, 3]] {
                    for pads in [[0, 0, 0, 0], [1, 1, 1, 1], [2, 0, 1, 2]] {
                        for size in [[1, 1], [7, 7], [14, 13], [5, 70]] {
                            let conv = conv(kernel, strides, dilations, pads);
                            let shape = [2, 3, size[0], size[1]];
                            let x: Vec<f32> = (0..shape.iter().product()).map(|i| (i as f32 * 0.9).cos()).collect();
                            let fits = (0..2).all(|axis| {
                                size[axis] + pads[axis] + pads[axis + 2] > (kernel[axis] - 1) * dilations[axis]
                            });
                            let result = conv.run(&shape, &x);
                            if !fits {
                                assert!(result.is_err(), "{conv:?} on {shape:?}");
                                continue;
                            }
                            let (_, y) = result.unwrap();
                            let expected = by_definition(&conv, shape, &x);
                            assert_eq!(y.len(), expected.len(), "{conv:?} on {shape:?}");
                            for (y, expected) in y.iter().zip(expected) {
                                // Up to 25 terms of size 1.
                                assert!((f64::from(*y) - expected).abs() < 25.0 * 1e-6, "{conv:?} on {shape:?}");
                            }
                            compared += 1;
                        }
                    }
                }
            }
        }
        assert!(compared > 200, "{compared}");
    }

    #[test]
    fn nothing_leaks_from_one_plane_to_the_next() {
        let conv = conv([3, 3], [1, 1], [1, 1], [1; 4]);
        let mut x = vec![0.5; 4 * 3 * 25];
        let (_, clean) = conv.run(&[4, 3, 5, 5], &x).unwrap();
        x[25..50].fill(f32::NAN);
        let (_, y) = conv.run(&[4, 3, 5, 5], &x).unwrap();
        assert!(y[25..50].iter().all(|y| y.is_nan()));
        assert_eq!(y[..25], clean[..25]);
        assert_eq!(y[50..], clean[50..]);
    }

    #[test]
    fn an_input_of_another_rank_or_channel_count_is_refused_and_an_empty_batch_is_not() {
        let conv = conv([3, 3], [1, 1], [1, 1], [1; 4]);
        for shape in [&[2, 4, 5, 5][..], &[3, 5, 5], &[]] {
            let x = vec![0.0; shape.iter().product()];
            let error = conv.run(shape, &x).unwrap_err();
            assert!(error.to_string().contains("\"conv\" (Conv)"), "{error}");
        }
        assert_eq!(conv.run(&[0, 3, 5, 5], &[]).unwrap(), ([0, 3, 5, 5], Vec::new()));
    }
}
