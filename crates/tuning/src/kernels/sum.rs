//! Sums of two tensors of one shape, and of rows and a bias; multiples.

use burn::backend::TensorMetadata;
use burn::backend::flex::FlexTensor;
use rayon::prelude::*;

use super::elementwise::{CHUNK, each, rows_of, sums_by_channel};
use super::layout::{Packed, contiguous, dense, values};
use super::{Forward, Kernel, pool, run, vectorized};
use crate::tensor::DeviceTensor;

/// `a + b`, where `b` has the shape of `a` or of its last axis; `None` where Burn's own operation is to do it.
pub(crate) fn add(a: &DeviceTensor, b: &DeviceTensor) -> Option<DeviceTensor> {
    let (dims, other) = (a.dims(), b.dims());
    if dims == other && !dims.is_empty() {
        return run([a, b], Sum, |[a, b]| {
            let a = Packed::new(a);
            let b = a.aligned(b);
            let mut y = pool::take(a.values().len());
            y.par_chunks_mut(CHUNK)
                .zip(a.values().par_chunks(CHUNK))
                .zip(values(&b).par_chunks(CHUNK))
                .for_each(|((y, a), b)| {
                    vectorized(
                        #[inline(always)]
                        || y.iter_mut().zip(a).zip(b).for_each(|((y, a), b)| *y = a + b),
                    );
                });
            Forward {
                output: a.in_the_order_of_this(y),
                saved: Vec::new(),
            }
        });
    }
    match (dims.last(), other.as_slice()) {
        (Some(&last), &[bias]) if last == bias && dims.len() > 1 => add_bias(a, b),
        _ => None,
    }
}

#[derive(Debug)]
struct Sum;

impl Kernel<2> for Sum {
    fn backward(self, _: Vec<FlexTensor>, gradient: FlexTensor, _: [bool; 2]) -> [Option<FlexTensor>; 2] {
        [Some(gradient.clone()), Some(gradient)]
    }
}

#[derive(Debug)]
struct Bias;

/// `x […, d] + bias [d]`.
fn add_bias(x: &DeviceTensor, bias: &DeviceTensor) -> Option<DeviceTensor> {
    run([x, bias], Bias, |[x, bias]| {
        let (x, bias) = (contiguous(x), contiguous(bias));
        let bias = values(&bias);
        let mut y = pool::take(values(&x).len());
        rows_of(&mut y, values(&x), bias.len(), |y, x| {
            let bias = &bias[..y.len()];
            y.iter_mut().zip(x).zip(bias).for_each(|((y, x), bias)| *y = x + bias);
        });
        Forward {
            output: dense(x.shape().as_slice(), y),
            saved: Vec::new(),
        }
    })
}

impl Kernel<2> for Bias {
    fn backward(self, _: Vec<FlexTensor>, gradient: FlexTensor, wanted: [bool; 2]) -> [Option<FlexTensor>; 2] {
        let gradient = contiguous(gradient);
        let d = gradient.shape().as_slice().last().copied().unwrap_or(1);
        let d_bias = wanted[1].then(|| dense(&[d], sums_by_channel(values(&gradient), d)));
        [Some(gradient), d_bias]
    }
}

#[derive(Debug)]
struct Scale(f32);

/// `x · factor`; `None` where Burn's own operation is to do it.
pub(crate) fn scale(x: &DeviceTensor, factor: f32) -> Option<DeviceTensor> {
    let y = run([x], Scale(factor), |[x]| {
        let x = Packed::new(x);
        let mut y = pool::take(x.values().len());
        each(&mut y, x.values(), |y, x| *y = x * factor);
        Forward {
            output: x.in_the_order_of_this(y),
            saved: Vec::new(),
        }
    })?;
    Some(x.same(y.into_inner()))
}

impl Kernel<1> for Scale {
    fn backward(self, _: Vec<FlexTensor>, gradient: FlexTensor, _: [bool; 1]) -> [Option<FlexTensor>; 1] {
        let factor = self.0;
        let dx = Packed::new(gradient).changed(|dx| {
            dx.par_chunks_mut(CHUNK).for_each(|dx| {
                vectorized(
                    #[inline(always)]
                    || dx.iter_mut().for_each(|dx| *dx *= factor),
                );
            });
        });
        [Some(dx)]
    }
}
