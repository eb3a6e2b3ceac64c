//! Pooling of maps, channels last: the maximum of windows, the mean of a whole map.

use burn::backend::flex::FlexTensor;
use rayon::prelude::*;

use super::buffers::BufferPool;
use super::elementwise::vectorized;
use super::kernel::{Forward, Kernel, run};
use super::layout::{Map, dense, values};
use crate::tensor::DeviceTensor;

/// How windows slide over a map.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slide {
    pub kernel: [usize; 2],
    pub stride: [usize; 2],
    pub dilation: [usize; 2],
    /// Padding before.
    pub pad: [usize; 2],
    /// Number of windows.
    pub out: [usize; 2],
}

impl Slide {
    /// The pixels of an image of size `h × w` under window `(oh, ow)`, tap by tap; those outside are left out.
    #[inline(always)]
    fn pixels(&self, [oh, ow]: [usize; 2], [h, w]: [usize; 2], mut visit: impl FnMut(usize)) {
        for kh in 0..self.kernel[0] {
            let ih = (oh * self.stride[0] + kh * self.dilation[0]).wrapping_sub(self.pad[0]);
            for kw in 0..self.kernel[1] {
                let iw = (ow * self.stride[1] + kw * self.dilation[1]).wrapping_sub(self.pad[1]);
                if ih < h && iw < w {
                    visit(ih * w + iw);
                }
            }
        }
    }
}

#[derive(Debug)]
struct MaxPool(Slide);

/// The largest value of each window, of `x [n, c, h, w]`; `None` where there is no kernel for it.
pub(crate) fn max_pool(x: &DeviceTensor, slide: Slide) -> Option<DeviceTensor> {
    if x.rank() != 4 {
        return None;
    }
    run([x], MaxPool(slide), |[x], buffers| {
        let map = Map::new(x, buffers);
        let (c, size) = (map.c, map.h * map.w * map.c);
        let pixels = slide.out[0] * slide.out[1];
        let mut y = buffers.take(map.n * pixels * c);
        y.par_chunks_mut(slide.out[1] * c).enumerate().for_each(|(row, y)| {
            let x = &map.values()[row / slide.out[0] * size..][..size];
            vectorized(
                #[inline(always)]
                || {
                    for (ow, y) in y.chunks_exact_mut(c).enumerate() {
                        y.fill(f32::MIN);
                        slide.pixels([row % slide.out[0], ow], [map.h, map.w], |pixel| {
                            let x = &x[pixel * c..][..c];
                            y.iter_mut().zip(x).for_each(|(y, &x)| *y = if x > *y { x } else { *y });
                        });
                    }
                },
            );
        });
        let output = Map::tensor([map.n, slide.out[0], slide.out[1], c], y);
        Forward {
            saved: vec![map.into_tensor(), output.clone()],
            output,
        }
    })
}

impl Kernel<1> for MaxPool {
    /// The gradient goes to the first element of a window that is its maximum.
    fn backward(
        self,
        saved: Vec<FlexTensor>,
        gradient: FlexTensor,
        _: [bool; 1],
        buffers: &BufferPool,
    ) -> [Option<FlexTensor>; 1] {
        let slide = self.0;
        let Ok([x, y]) = <[FlexTensor; 2]>::try_from(saved) else {
            return [None];
        };
        let (map, y, dy) = (Map::new(x, buffers), Map::new(y, buffers), Map::new(gradient, buffers));
        let (c, size) = (map.c, map.h * map.w * map.c);
        let outputs = slide.out[0] * slide.out[1] * c;
        let mut dx = buffers.zeros(map.n * size);
        dx.par_chunks_mut(size).enumerate().for_each_init(
            || vec![0.0; c],
            |left, (image, dx)| {
                let x = &map.values()[image * size..][..size];
                let (y, dy) = (&y.values()[image * outputs..], &dy.values()[image * outputs..]);
                vectorized(
                    #[inline(always)]
                    || {
                        for window in 0..slide.out[0] * slide.out[1] {
                            let y = &y[window * c..][..c];
                            left.copy_from_slice(&dy[window * c..][..c]);
                            let place = [window / slide.out[1], window % slide.out[1]];
                            slide.pixels(place, [map.h, map.w], |pixel| {
                                let (x, dx) = (&x[pixel * c..][..c], &mut dx[pixel * c..][..c]);
                                for (((dx, left), x), y) in dx.iter_mut().zip(left.iter_mut()).zip(x).zip(y) {
                                    let share = if x == y { *left } else { 0.0 };
                                    *dx += share;
                                    *left -= share;
                                }
                            });
                        }
                    },
                );
            },
        );
        let shape = [map.n, map.h, map.w, c];
        [map, y, dy].into_iter().for_each(Map::recycle);
        [Some(Map::tensor(shape, dx))]
    }
}

#[derive(Debug)]
struct Mean([usize; 4]);

/// The mean of each channel of `x [n, c, h, w]`, as `[n, c, 1, 1]`; `None` where there is no kernel for it.
pub(crate) fn mean_of_map(x: &DeviceTensor) -> Option<DeviceTensor> {
    let dims: [usize; 4] = x.dims().try_into().ok()?;
    let [n, c, h, w] = dims;
    run([x], Mean(dims), |[x], buffers| {
        let map = Map::new(x, buffers);
        let pixels = h * w;
        let mut y = vec![0.0; n * c];
        y.par_chunks_mut(c)
            .zip(map.values().par_chunks(pixels * c))
            .for_each(|(y, x)| {
                vectorized(
                    #[inline(always)]
                    || {
                        // In blocks of rows, so that a long sum does not lose digits.
                        let mut block = vec![0.0f32; c];
                        for rows in x.chunks(c * 64) {
                            block.fill(0.0);
                            for row in rows.chunks_exact(c) {
                                block.iter_mut().zip(row).for_each(|(block, x)| *block += x);
                            }
                            y.iter_mut().zip(&block).for_each(|(y, block)| *y += block);
                        }
                        y.iter_mut().for_each(|y| *y /= pixels as f32);
                    },
                );
            });
        Forward {
            output: dense(&[n, c, 1, 1], y),
            saved: Vec::new(),
        }
    })
}

impl Kernel<1> for Mean {
    fn backward(
        self,
        _: Vec<FlexTensor>,
        gradient: FlexTensor,
        _: [bool; 1],
        buffers: &BufferPool,
    ) -> [Option<FlexTensor>; 1] {
        let [n, c, h, w] = self.0;
        let gradient = gradient.reshape(burn::backend::Shape::from([n, c].as_slice()));
        let dy = if gradient.is_contiguous() {
            gradient
        } else {
            gradient.to_contiguous()
        };
        let mut dx = buffers.take(n * c * h * w);
        dx.par_chunks_mut(h * w * c)
            .zip(values(&dy).par_chunks(c))
            .for_each(|(dx, dy)| {
                let shares: Vec<f32> = dy.iter().map(|dy| dy / (h * w) as f32).collect();
                dx.chunks_exact_mut(c).for_each(|dx| dx.copy_from_slice(&shares));
            });
        [Some(Map::tensor([n, h, w, c], dx))]
    }
}
