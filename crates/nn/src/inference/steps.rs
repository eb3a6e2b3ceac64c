//! The steps of a plan other than convolutions, each one pass over a map in the blocked layout.

use super::convolution::{Convolution, Window};
use super::layout::{BLOCK, MapLayout};
use crate::kernels::{Activation, Curve, vectorized, with_curve};

/// How a pool reduces its window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reduction {
    Maximum,
    /// The mean over the part of the window that is on the map.
    Mean,
    /// The mean over the window with its padding.
    PaddedMean,
}

/// What a step does.
#[derive(Debug)]
pub(super) enum Action {
    Convolve(Box<Convolution>),
    Pool(Window, Reduction),
    /// The mean over all pixels.
    GlobalMean,
    /// Times one number for each channel of the second input, `[c, 1, 1]`.
    Scale,
    /// Plus the second input.
    Add(Activation),
    Activate(Activation),
}

/// One pass. The numbers are those of buffers.
#[derive(Debug)]
pub(super) struct Step {
    pub action: Action,
    pub input: (usize, MapLayout),
    pub second: Option<(usize, MapLayout)>,
    pub output: (usize, MapLayout),
}

impl Step {
    /// Runs on one image.
    pub(super) fn run(&self, x: &[f32], second: Option<&[f32]>, y: &mut [f32]) {
        let (input, output) = (&self.input.1, &self.output.1);
        if let Action::Convolve(convolution) = &self.action {
            return convolution.run(x, second, y);
        }
        output.clear_border(y);
        match (&self.action, second.zip(self.second)) {
            (Action::Pool(window, reduction), _) => vectorized(
                #[inline(always)]
                || pool((x, input), (y, output), window, *reduction),
            ),
            (Action::GlobalMean, _) => vectorized(
                #[inline(always)]
                || global_mean((x, input), (y, output)),
            ),
            (Action::Activate(activation), _) => with_curve!(*activation, curve => vectorized(
                #[inline(always)]
                || rows((x, input), (y, output), |_, x, y| {
                    y.iter_mut().zip(x).for_each(|(y, &x)| *y = curve.apply(x));
                }),
            )),
            (Action::Scale, Some((gate, (_, map)))) => vectorized(
                #[inline(always)]
                || {
                    rows((x, input), (y, output), |(block, _), x, y| {
                        let gate = &gate[block * map.plane() + map.origin()..][..BLOCK];
                        for (y, x) in y.chunks_exact_mut(BLOCK).zip(x.chunks_exact(BLOCK)) {
                            for lane in 0..BLOCK {
                                y[lane] = x[lane] * gate[lane];
                            }
                        }
                    });
                },
            ),
            (Action::Add(activation), Some((other, (_, map)))) => with_curve!(*activation, curve => vectorized(
                #[inline(always)]
                || rows((x, input), (y, output), |(block, row), x, y| {
                    let other = &other[block * map.plane() + map.pixel(row, 0)..][..x.len()];
                    for ((y, &x), &other) in y.iter_mut().zip(x).zip(other) {
                        *y = curve.apply(x + other);
                    }
                }),
            )),
            _ => {}
        }
    }
}

/// Calls `change` with block and row, the input's row and the output's.
#[inline(always)]
fn rows(x: (&[f32], &MapLayout), y: (&mut [f32], &MapLayout), change: impl Fn((usize, usize), &[f32], &mut [f32])) {
    let ((x, input), (y, output)) = (x, y);
    let width = input.width * BLOCK;
    for block in 0..input.blocks() {
        for row in 0..input.height {
            let x = &x[block * input.plane() + input.pixel(row, 0)..][..width];
            let y = &mut y[block * output.plane() + output.pixel(row, 0)..][..width];
            change((block, row), x, y);
        }
    }
}

#[inline(always)]
fn global_mean(x: (&[f32], &MapLayout), y: (&mut [f32], &MapLayout)) {
    let ((x, input), (y, output)) = (x, y);
    let scale = 1.0 / (input.height * input.width) as f32;
    for block in 0..input.blocks() {
        // Four sums, so that an addition does not wait for the one before it.
        let mut sums = [[0.0f32; BLOCK]; 4];
        for row in 0..input.height {
            let x = &x[block * input.plane() + input.pixel(row, 0)..][..input.width * BLOCK];
            for (at, pixel) in x.chunks_exact(BLOCK).enumerate() {
                for lane in 0..BLOCK {
                    sums[at % 4][lane] += pixel[lane];
                }
            }
        }
        let y = &mut y[block * output.plane() + output.origin()..][..BLOCK];
        for lane in 0..BLOCK {
            y[lane] = (sums[0][lane] + sums[1][lane] + (sums[2][lane] + sums[3][lane])) * scale;
        }
    }
}

#[inline(always)]
fn pool(x: (&[f32], &MapLayout), y: (&mut [f32], &MapLayout), window: &Window, reduction: Reduction) {
    match reduction {
        // A NaN stays one.
        Reduction::Maximum => windows(
            x,
            y,
            window,
            f32::NEG_INFINITY,
            |old, new| if (new > old) | new.is_nan() { new } else { old },
            |_| 1.0,
        ),
        Reduction::Mean => windows(
            x,
            y,
            window,
            0.0,
            |old, new| old + new,
            |count| 1.0 / count.max(1) as f32,
        ),
        Reduction::PaddedMean => {
            let scale = 1.0 / (window.kernel[0] * window.kernel[1]) as f32;
            windows(x, y, window, 0.0, |old, new| old + new, |_| scale);
        }
    }
}

/// Combines the pixels of each window, and scales by a function of their number. The window has no dilation.
#[inline(always)]
fn windows(
    x: (&[f32], &MapLayout),
    y: (&mut [f32], &MapLayout),
    window: &Window,
    first: f32,
    combine: impl Fn(f32, f32) -> f32,
    scale: impl Fn(usize) -> f32,
) {
    let ((x, input), (y, output)) = (x, y);
    // The part of a window that is on the map.
    let range = |at: usize, axis: usize, size: usize| {
        let (start, pad) = (at * window.stride[axis], window.pad[axis]);
        let end = (start + window.kernel[axis]).saturating_sub(pad).min(size);
        start.saturating_sub(pad).min(end)..end
    };
    for block in 0..input.blocks() {
        let x = &x[block * input.plane()..][..input.plane()];
        for row in 0..output.height {
            let lines = range(row, 0, input.height);
            for column in 0..output.width {
                let columns = range(column, 1, input.width);
                let mut total = [first; BLOCK];
                for line in lines.clone() {
                    let pixels = &x[input.pixel(line, columns.start)..][..columns.len() * BLOCK];
                    for pixel in pixels.chunks_exact(BLOCK) {
                        for lane in 0..BLOCK {
                            total[lane] = combine(total[lane], pixel[lane]);
                        }
                    }
                }
                let scale = scale(lines.len() * columns.len());
                let y = &mut y[block * output.plane() + output.pixel(row, column)..][..BLOCK];
                for lane in 0..BLOCK {
                    y[lane] = total[lane] * scale;
                }
            }
        }
    }
}
