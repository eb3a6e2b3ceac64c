//! Sums of two tensors of equal shape, of rows and a bias, and of broadcast rows; multiples of a tensor.

use burn::backend::TensorMetadata;
use burn::backend::flex::FlexTensor;
use rayon::prelude::*;

use super::buffers::BufferPool;
use super::channel_sums::sums_by_channel;
use super::elementwise::{CHUNK, each, rows_of, vectorized};
use super::kernel::{Forward, Kernel, run};
use super::layout::{Packed, contiguous, dense, values};
use crate::tensor::DeviceTensor;

/// `a + b`, where `b` has the shape of `a` or of its last axes, or needs no gradient and broadcasts to it in rows; `None` where
/// there is no kernel for it.
pub(crate) fn add(a: &DeviceTensor, b: &DeviceTensor) -> Option<DeviceTensor> {
    let (dims, other) = (a.dims(), b.dims());
    if dims == other && !dims.is_empty() {
        return run([a, b], Sum, |[a, b], buffers| {
            let a = Packed::new(a, buffers);
            let b = a.aligned(b);
            let mut y = buffers.take(a.values().len());
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
    let ones = other.iter().take_while(|&&dim| dim == 1).count();
    let run = &other[ones..];
    if run.is_empty() || other.len() > dims.len() {
        return None;
    }
    if dims.ends_with(run) {
        return add_bias(a, b);
    }
    add_rows(a, b)
}

#[derive(Debug)]
struct Sum;

impl Kernel<2> for Sum {
    fn backward(
        self,
        _: Vec<FlexTensor>,
        gradient: FlexTensor,
        _: [bool; 2],
        _: &BufferPool,
    ) -> [Option<FlexTensor>; 2] {
        [Some(gradient.clone()), Some(gradient)]
    }
}

/// Holds the shape of the bias.
#[derive(Debug)]
struct Bias(Vec<usize>);

/// `x [*, …d] + bias […d]`.
fn add_bias(x: &DeviceTensor, bias: &DeviceTensor) -> Option<DeviceTensor> {
    run([x, bias], Bias(bias.dims()), |[x, bias], buffers| {
        let (x, bias) = (contiguous(x, buffers), contiguous(bias, buffers));
        let bias = values(&bias);
        let mut y = buffers.take(values(&x).len());
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
    fn backward(
        self,
        _: Vec<FlexTensor>,
        gradient: FlexTensor,
        wanted: [bool; 2],
        buffers: &BufferPool,
    ) -> [Option<FlexTensor>; 2] {
        let gradient = contiguous(gradient, buffers);
        let d = self.0.iter().product();
        let d_bias = wanted[1].then(|| dense(&self.0, sums_over_rows(values(&gradient), d, buffers)));
        [Some(gradient), d_bias]
    }
}

/// The sum of every column over rows of `d` numbers.
fn sums_over_rows(y: &[f32], d: usize, buffers: &BufferPool) -> Vec<f32> {
    if d < CHUNK / 8 {
        return sums_by_channel(y, d);
    }
    // There are few rows, so partial sums would be as large as the input: each thread takes some columns instead.
    let mut sums = buffers.take(d);
    sums.par_chunks_mut(COLUMNS).enumerate().for_each(|(chunk, sums)| {
        let mut exact = [0.0f64; COLUMNS];
        let columns = chunk * COLUMNS..chunk * COLUMNS + sums.len();
        for row in y.chunks_exact(d) {
            let row = &row[columns.clone()];
            exact.iter_mut().zip(row).for_each(|(sum, &y)| *sum += f64::from(y));
        }
        sums.iter_mut().zip(exact).for_each(|(sum, exact)| *sum = exact as f32);
    });
    sums
}

const COLUMNS: usize = 512;

#[derive(Debug)]
struct Rows;

/// The shortest row that is worth a loop of its own.
const ROW: usize = 16;

/// `x + b`, where `b` needs no gradient, and has size 1 or that of `x` along every axis.
fn add_rows(x: &DeviceTensor, b: &DeviceTensor) -> Option<DeviceTensor> {
    let dims = x.dims();
    let mut other = vec![1; dims.len() - b.rank()];
    other.extend(b.dims());
    let same = dims.iter().zip(&other).rev().take_while(|(a, b)| a == b).count();
    let (outer, run) = dims.split_at(dims.len() - same);
    let run: usize = run.iter().product();
    let fits = outer.iter().zip(&other).all(|(&dim, &one)| one == dim || one == 1);
    if !fits || run < ROW || b.is_tracked() {
        return None;
    }
    // The distance in rows of `b` between neighbours along each outer axis.
    let mut steps = vec![0; outer.len()];
    let mut rows = 1;
    for axis in (0..outer.len()).rev() {
        steps[axis] = if other[axis] == 1 { 0 } else { rows };
        rows *= other[axis];
    }
    add_rows_at(x, b, outer, &steps, run)
}

/// The same; `steps` are the strides of `b` along the outer axes, in rows.
fn add_rows_at(
    x: &DeviceTensor,
    b: &DeviceTensor,
    outer: &[usize],
    steps: &[usize],
    row: usize,
) -> Option<DeviceTensor> {
    run([x, b], Rows, |[x, b], buffers| {
        let (x, b) = (contiguous(x, buffers), contiguous(b, buffers));
        let row_of = |mut place: usize| {
            let mut found = 0;
            for (&dim, step) in outer.iter().zip(steps).rev() {
                found += place % dim * step;
                place /= dim;
            }
            &values(&b)[found * row..(found + 1) * row]
        };
        let mut y = buffers.take(values(&x).len());
        let rows = (CHUNK / row).max(1);
        let chunks = y.par_chunks_mut(rows * row).zip(values(&x).par_chunks(rows * row));
        chunks.enumerate().for_each(|(chunk, (y, x))| {
            for (place, (y, x)) in y.chunks_exact_mut(row).zip(x.chunks_exact(row)).enumerate() {
                let b = row_of(chunk * rows + place);
                vectorized(
                    #[inline(always)]
                    || y.iter_mut().zip(x).zip(b).for_each(|((y, x), b)| *y = x + b),
                );
            }
        });
        Forward {
            output: dense(x.shape().as_slice(), y),
            saved: Vec::new(),
        }
    })
}

impl Kernel<2> for Rows {
    fn backward(
        self,
        _: Vec<FlexTensor>,
        gradient: FlexTensor,
        _: [bool; 2],
        _: &BufferPool,
    ) -> [Option<FlexTensor>; 2] {
        [Some(gradient), None]
    }
}

#[derive(Debug)]
struct Scale(f32);

/// `x · factor`; `None` where there is no kernel for it.
pub(crate) fn scale(x: &DeviceTensor, factor: f32) -> Option<DeviceTensor> {
    let y = run([x], Scale(factor), |[x], buffers| {
        let x = Packed::new(x, buffers);
        let mut y = buffers.take(x.values().len());
        each(&mut y, x.values(), |y, x| *y = x * factor);
        Forward {
            output: x.in_the_order_of_this(y),
            saved: Vec::new(),
        }
    })?;
    Some(x.same(y.into_inner()))
}

impl Kernel<1> for Scale {
    fn backward(
        self,
        _: Vec<FlexTensor>,
        gradient: FlexTensor,
        _: [bool; 1],
        buffers: &BufferPool,
    ) -> [Option<FlexTensor>; 1] {
        let factor = self.0;
        let dx = Packed::new(gradient, buffers).changed(|dx| {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Device;

    /// A tensor of small whole numbers, so that every sum is exact.
    fn tensor(dims: &[usize], step: usize) -> DeviceTensor {
        let values = (0..dims.iter().product()).map(|index: usize| ((index * step) % 13) as f32 - 6.0);
        DeviceTensor::from_values(dims, values.collect(), &Device::flex()).unwrap()
    }

    #[test]
    fn what_broadcasts_is_added_in_its_place_and_gets_the_sum_of_the_gradients() {
        let dims = [3, 2, 70, 80];
        for (other, wants) in [
            (&[70, 80][..], true),
            (&[1, 2, 70, 80], true),
            (&[80], true),
            (&[3, 1, 70, 80], false),
            (&[3, 2, 1, 80], false),
            (&[2, 1, 80], false),
        ] {
            let (x, b) = (tensor(&dims, 5).tracked(), tensor(other, 7));
            let b = if wants { b.tracked() } else { b };
            let sum = add(&x, &b).unwrap();
            // Against Burn's own broadcasting.
            let plain = [x.detached(), b.detached()];
            let expected = plain[0].add(&plain[1]).unwrap();
            assert_eq!(sum.to_values().unwrap(), expected.to_values().unwrap(), "{other:?}");
            let weights = tensor(&dims, 3);
            let mut tape = sum.mul(&weights).unwrap().sum(&[0, 1, 2, 3]).backward().unwrap();
            assert_eq!(
                tape.gradient(&x).unwrap().to_values().unwrap(),
                weights.to_values().unwrap()
            );
            if wants {
                let leading = dims.len() - other.iter().filter(|&&dim| dim > 1).count();
                let axes: Vec<usize> = (0..leading).collect();
                let expected = weights.sum(&axes).to_values().unwrap();
                assert_eq!(tape.gradient(&b).unwrap().to_values().unwrap(), expected, "{other:?}");
            }
        }
        // A gradient that is summed over axes in the middle is left to Burn.
        assert!(add(&tensor(&dims, 5).tracked(), &tensor(&[3, 1, 70, 80], 7).tracked()).is_none());
        assert!(add(&tensor(&dims, 5), &tensor(&[3, 2, 70, 1], 7)).is_none());
    }
}
