//! Convolution of maps: pointwise as a matrix product, depthwise directly, others by unfolding windows into a matrix.
//!
//! With `X [n·h·w, c]` a map, `U [n·oh·ow, kh·kw·c]` its unfolded windows (X itself for a pointwise one) and
//! `W [m, kh·kw·c]`:  `Y = U Wᵀ + b`,  `dU = dY W`,  `dW = dYᵀ U`,  `db = Σ dY`.
//! With groups, the columns of U are ordered by group, and each group computes its own columns of Y.
//! U is computed for a few images at a time and never kept: recomputing it in the backward pass is cheaper than the memory.

use burn::backend::flex::FlexTensor;
use rayon::prelude::*;

use super::buffers::{BufferPool, Scratch};
use super::channel_sums::sums_by_channel;
use super::depthwise;
use super::elementwise::{CHUNK, vectorized};
use super::geometry::Geometry;
use super::kernel::{Forward, Kernel, run};
use super::layout::{Map, dense, values};
use super::product::{Matrix, Threads, pieces, product, product_within, sum, tall_product};
use crate::tensor::DeviceTensor;
use crate::windows::Windows;

#[derive(Debug)]
struct Convolution(Geometry);

/// The convolution of `x [n, c, h, w]`; `None` where there is no kernel for it.
pub(crate) fn convolve(
    x: &DeviceTensor,
    weight: &DeviceTensor,
    bias: Option<&DeviceTensor>,
    windows: &Windows,
    groups: usize,
) -> Option<DeviceTensor> {
    let (dims, kernel) = (x.dims(), weight.dims());
    if dims.len() != 4 {
        return None;
    }
    let out = [
        windows.positions(0, dims[2], kernel[2]).ok()?,
        windows.positions(1, dims[3], kernel[3]).ok()?,
    ];
    let geometry = Geometry {
        kernel: [kernel[2], kernel[3]],
        stride: [windows.stride[0], windows.stride[1]],
        pad: [windows.pads[0].0, windows.pads[1].0],
        dilation: [windows.dilation[0], windows.dilation[1]],
        out,
        channels: dims[1],
        filters: kernel[0],
        groups,
        padded: windows.pads.iter().any(|&pad| pad != (0, 0)),
    };
    let whole = groups > 0 && dims[1].is_multiple_of(groups) && kernel[0].is_multiple_of(groups);
    if !whole || kernel[1] * groups != dims[1] {
        return None;
    }
    let plan = geometry.clone();
    let kernel = Convolution(geometry);
    match bias {
        None => run([x, weight], kernel, move |[x, weight], buffers| {
            forward(&plan, [x, weight], None, buffers)
        }),
        Some(bias) => run([x, weight, bias], kernel, move |[x, weight, bias], buffers| {
            forward(&plan, [x, weight], Some(bias.to_contiguous()), buffers)
        }),
    }
}

fn forward(plan: &Geometry, [x, weight]: [FlexTensor; 2], bias: Option<FlexTensor>, buffers: &BufferPool) -> Forward {
    let bias = bias.as_ref().map(values);
    let map = Map::new(x, buffers);
    let weight = weight.to_contiguous();
    let mut y = buffers.take(map.n * plan.out[0] * plan.out[1] * plan.filters);
    if plan.is_depthwise() {
        depthwise::forward(plan, &map, &depthwise::by_tap(plan, values(&weight)), &mut y);
        add_to_all(&mut y, bias);
    } else if plan.is_pointwise() {
        let [m, c] = [plan.filters, plan.channels];
        product(
            &mut y,
            [map.rows(), m, c],
            Matrix::new(map.values(), c),
            Matrix::transposed(values(&weight), c),
            false,
            Threads::All,
        );
        add_to_all(&mut y, bias);
    } else {
        let packed = &channels_last(plan, values(&weight), buffers);
        let (m, width) = (plan.filters, plan.width());
        let (images, threads) = plan.together(map.n);
        y.par_chunks_mut(images * plan.rows() * m).enumerate().for_each_init(
            || buffers.scratch(images * plan.rows() * width),
            |unfolded, (part, y)| {
                let rows = y.len() / m;
                unfold_images(plan, &map, part * images, &mut unfolded[..rows * width]);
                let (each, filters) = (plan.width_of_group(), plan.filters_of_group());
                for group in 0..plan.groups {
                    product_within(
                        &mut y[group * filters..],
                        m,
                        [rows, filters, each],
                        Matrix::new(&unfolded[group * each..], width),
                        Matrix::transposed(&packed[group * filters * each..], each),
                        false,
                        threads,
                    );
                }
                add(y, bias);
            },
        );
    }
    let output = Map::tensor([map.n, plan.out[0], plan.out[1], plan.filters], y);
    Forward {
        output,
        saved: vec![map.into_tensor(), weight],
    }
}

/// Adds the bias to the rows of some pixels.
fn add(y: &mut [f32], bias: Option<&[f32]>) {
    let Some(bias) = bias else { return };
    vectorized(
        #[inline(always)]
        || {
            for y in y.chunks_exact_mut(bias.len()) {
                y.iter_mut().zip(bias).for_each(|(y, bias)| *y += bias);
            }
        },
    );
}

/// Adds the bias to the rows of all pixels.
fn add_to_all(y: &mut [f32], bias: Option<&[f32]>) {
    let rows = bias.map_or(1, |bias| (CHUNK / bias.len().max(1)).max(1) * bias.len());
    if bias.is_some() {
        y.par_chunks_mut(rows.max(1)).for_each(|y| add(y, bias));
    }
}

impl Kernel<2> for Convolution {
    fn backward(
        self,
        saved: Vec<FlexTensor>,
        gradient: FlexTensor,
        wanted: [bool; 2],
        buffers: &BufferPool,
    ) -> [Option<FlexTensor>; 2] {
        self.gradients(saved, gradient, wanted, buffers)
    }
}

/// The same with a bias.
impl Kernel<3> for Convolution {
    fn backward(
        self,
        saved: Vec<FlexTensor>,
        gradient: FlexTensor,
        [wants_x, wants_weight, wants_bias]: [bool; 3],
        buffers: &BufferPool,
    ) -> [Option<FlexTensor>; 3] {
        let (dy, m) = (Map::new(gradient, buffers), self.0.filters);
        let db = wants_bias.then(|| dense(&[m], sums_by_channel(dy.values(), m)));
        let [dx, dw] = self.gradients(saved, dy.into_tensor(), [wants_x, wants_weight], buffers);
        [dx, dw, db]
    }
}

impl Convolution {
    /// The gradients of the map and of the weights.
    fn gradients(
        &self,
        saved: Vec<FlexTensor>,
        gradient: FlexTensor,
        [wants_x, wants_weight]: [bool; 2],
        buffers: &BufferPool,
    ) -> [Option<FlexTensor>; 2] {
        let plan = &self.0;
        let Ok([x, weight]) = <[FlexTensor; 2]>::try_from(saved) else {
            return [None, None];
        };
        let map = Map::new(x, buffers);
        let dy = Map::new(gradient, buffers);
        let shape = [map.n, map.h, map.w, map.c];
        let weight_dims = [
            plan.filters,
            plan.channels / plan.groups,
            plan.kernel[0],
            plan.kernel[1],
        ];
        if plan.is_depthwise() {
            let taps = depthwise::by_tap(plan, values(&weight));
            let dx = wants_x.then(|| Map::tensor(shape, depthwise::input_gradient(plan, &map, &dy, &taps, buffers)));
            let dw = wants_weight.then(|| dense(&weight_dims, depthwise::weight_gradient(plan, &map, &dy, buffers)));
            [map, dy].into_iter().for_each(Map::recycle);
            return [dx, dw];
        }
        let [m, c] = [plan.filters, plan.channels];
        if plan.is_pointwise() {
            let rows = map.rows();
            let dx = wants_x.then(|| {
                let mut dx = buffers.take(rows * c);
                product(
                    &mut dx,
                    [rows, c, m],
                    Matrix::new(dy.values(), m),
                    Matrix::new(values(&weight), c),
                    false,
                    Threads::All,
                );
                Map::tensor(shape, dx)
            });
            let dw = wants_weight.then(|| {
                dense(
                    &weight_dims,
                    tall_product(dy.values(), map.values(), [rows, m, c], buffers),
                )
            });
            [map, dy].into_iter().for_each(Map::recycle);
            return [dx, dw];
        }
        let dx = wants_x.then(|| Map::tensor(shape, input_gradient(plan, &map, &dy, values(&weight), buffers)));
        let dw = wants_weight.then(|| dense(&weight_dims, weight_gradient(plan, &map, &dy, buffers)));
        [map, dy].into_iter().for_each(Map::recycle);
        [dx, dw]
    }
}

/// `dY W`, added up where windows overlap.
fn input_gradient(plan: &Geometry, map: &Map, dy: &Map, weight: &[f32], buffers: &BufferPool) -> Vec<f32> {
    let packed = &channels_last(plan, weight, buffers);
    let (m, rows, width) = (plan.filters, plan.rows(), plan.width());
    let (images, threads) = plan.together(map.n);
    let image_size = map.h * map.w * map.c;
    let mut dx = buffers.zeros(map.n * image_size);
    dx.par_chunks_mut(images * image_size)
        .zip(dy.values().par_chunks(images * rows * m))
        .for_each_init(
            || buffers.scratch(images * rows * width),
            |unfolded, (dx, dy)| {
                let (each, filters) = (plan.width_of_group(), plan.filters_of_group());
                for group in 0..plan.groups {
                    product_within(
                        &mut unfolded[group * each..],
                        width,
                        [dy.len() / m, each, filters],
                        Matrix::new(&dy[group * filters..], m),
                        Matrix::new(&packed[group * filters * each..], each),
                        false,
                        threads,
                    );
                }
                dx.par_chunks_mut(image_size)
                    .zip(unfolded.par_chunks(rows * width))
                    .for_each(|(dx, unfolded)| fold(plan, map, unfolded, dx));
            },
        );
    dx
}

/// `dYᵀ U` in fixed pieces, so that the sum does not depend on the number of threads.
fn weight_gradient(plan: &Geometry, map: &Map, dy: &Map, buffers: &BufferPool) -> Vec<f32> {
    let (m, rows, width) = (plan.filters, plan.rows(), plan.width());
    let (images, _) = plan.together(map.n);
    let each = map.n.div_ceil(pieces(map.n * rows)).next_multiple_of(images);
    let parts = map.n.div_ceil(each);
    let threads = Threads::for_tasks(parts);
    let parts: Vec<Vec<f32>> = (0..parts)
        .into_par_iter()
        .map(|part| {
            let (each_group, filters) = (plan.width_of_group(), plan.filters_of_group());
            let mut total = buffers.zeros(m * each_group);
            let unfolded = &mut buffers.scratch(images * rows * width);
            let mut first = part * each;
            let end = (first + each).min(map.n);
            while first < end {
                let last = (first + images).min(end);
                let tall = (last - first) * rows;
                unfold_images(plan, map, first, &mut unfolded[..tall * width]);
                let dy = &dy.values()[first * rows * m..last * rows * m];
                for group in 0..plan.groups {
                    product(
                        &mut total[group * filters * each_group..][..filters * each_group],
                        [filters, each_group, tall],
                        Matrix::transposed(&dy[group * filters..], m),
                        Matrix::new(&unfolded[group * each_group..], width),
                        true,
                        threads,
                    );
                }
                first = last;
            }
            total
        })
        .collect();
    channels_first(plan, sum(parts, buffers), buffers)
}

/// Weights `[m, c, taps]` as `[m, taps, c]`, where c are the channels of a group.
fn channels_last(plan: &Geometry, weight: &[f32], buffers: &BufferPool) -> Scratch {
    let sizes = [plan.channels / plan.groups, plan.taps()];
    buffers.lend(transpose_filters(weight, sizes, buffers))
}

/// Weights `[m, taps, c]` as `[m, c, taps]`, where c are the channels of a group.
fn channels_first(plan: &Geometry, weight: Vec<f32>, buffers: &BufferPool) -> Vec<f32> {
    let weight = buffers.lend(weight);
    transpose_filters(&weight, [plan.taps(), plan.channels / plan.groups], buffers)
}

fn transpose_filters(weight: &[f32], [rows, columns]: [usize; 2], buffers: &BufferPool) -> Vec<f32> {
    let mut out = buffers.take(weight.len());
    let filters = weight
        .par_chunks(rows * columns)
        .zip(out.par_chunks_mut(rows * columns));
    filters.for_each(|(from, to)| {
        for row in 0..rows {
            for column in 0..columns {
                to[column * rows + row] = from[row * columns + column];
            }
        }
    });
    out
}

/// Calls `visit(row of U, tap, pixel of the image)` for every tap of every window; the pixel is `None` in the padding.
#[inline(always)]
fn windows(plan: &Geometry, map: &Map, mut visit: impl FnMut(usize, usize, Option<usize>)) {
    for oh in 0..plan.out[0] {
        for kh in 0..plan.kernel[0] {
            let ih = (oh * plan.stride[0] + kh * plan.dilation[0])
                .checked_sub(plan.pad[0])
                .filter(|&ih| ih < map.h);
            for ow in 0..plan.out[1] {
                for kw in 0..plan.kernel[1] {
                    let iw = (ow * plan.stride[1] + kw * plan.dilation[1])
                        .checked_sub(plan.pad[1])
                        .filter(|&iw| iw < map.w);
                    let pixel = ih.zip(iw).map(|(ih, iw)| ih * map.w + iw);
                    visit(oh * plan.out[1] + ow, kh * plan.kernel[1] + kw, pixel);
                }
            }
        }
    }
}

/// Unfolds the windows of as many images as `unfolded` has room for, from `first` on.
fn unfold_images(plan: &Geometry, map: &Map, first: usize, unfolded: &mut [f32]) {
    unfolded
        .par_chunks_mut(plan.rows() * plan.width())
        .enumerate()
        .for_each(|(image, unfolded)| unfold(plan, map, first + image, unfolded));
}

fn unfold(plan: &Geometry, map: &Map, image: usize, unfolded: &mut [f32]) {
    let (c, width, each) = (plan.channels, plan.width(), plan.width_of_group());
    let (size, of_group) = (map.h * map.w * c, c / plan.groups);
    let x = &map.values()[image * size..(image + 1) * size];
    windows(plan, map, |row, tap, pixel| {
        let row = &mut unfolded[row * width..][..width];
        for (group, row) in row.chunks_exact_mut(each).enumerate() {
            let target = &mut row[tap * of_group..][..of_group];
            match pixel {
                Some(pixel) => target.copy_from_slice(&x[pixel * c + group * of_group..][..of_group]),
                None => target.fill(0.0),
            }
        }
    });
}

/// Adds every element of `unfolded` to its pixel.
fn fold(plan: &Geometry, map: &Map, unfolded: &[f32], dx: &mut [f32]) {
    let (c, width, each) = (plan.channels, plan.width(), plan.width_of_group());
    let of_group = c / plan.groups;
    vectorized(
        #[inline(always)]
        || {
            windows(plan, map, |row, tap, pixel| {
                let Some(pixel) = pixel else { return };
                let row = &unfolded[row * width..][..width];
                let groups = dx[pixel * c..][..c].chunks_exact_mut(of_group);
                for (dx, row) in groups.zip(row.chunks_exact(each)) {
                    let source = &row[tap * of_group..][..of_group];
                    dx.iter_mut().zip(source).for_each(|(dx, source)| *dx += source);
                }
            });
        },
    );
}
