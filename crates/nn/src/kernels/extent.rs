//! Narrowing an axis and padding it with zeros: each is the gradient of the other.

use burn::backend::TensorMetadata;
use burn::backend::flex::FlexTensor;
use rayon::prelude::*;

use super::buffers::BufferPool;
use super::elementwise::CHUNK;
use super::kernel::{Forward, Kernel, run};
use super::layout::Packed;
use crate::tensor::DeviceTensor;

/// The elements `before..before + len` of `size` along an axis.
#[derive(Clone, Copy, Debug)]
struct Extent {
    axis: usize,
    before: usize,
    len: usize,
    size: usize,
}

#[derive(Debug)]
struct Narrow(Extent);

#[derive(Debug)]
struct Pad(Extent);

/// The elements `start..end` along `axis`, which are there; `None` where there is no kernel for it.
pub(crate) fn narrow(x: &DeviceTensor, axis: usize, start: usize, end: usize) -> Option<DeviceTensor> {
    let (size, len) = (x.dims()[axis], end - start);
    let extent = Extent {
        axis,
        before: start,
        len,
        size,
    };
    run([x], Narrow(extent), |[x], _| Forward {
        // A view: nothing is copied.
        output: x.narrow(axis, start, len),
        saved: Vec::new(),
    })
}

/// `x` padded with zeros before and after it along `axis`; `None` where there is no kernel for it.
pub(crate) fn pad(x: &DeviceTensor, axis: usize, (before, after): (usize, usize)) -> Option<DeviceTensor> {
    let len = x.dims()[axis];
    let extent = Extent {
        axis,
        before,
        len,
        size: before + len + after,
    };
    run([x], Pad(extent), |[x], buffers| Forward {
        output: padded(x, extent, buffers),
        saved: Vec::new(),
    })
}

impl Kernel<1> for Narrow {
    fn backward(
        self,
        _: Vec<FlexTensor>,
        gradient: FlexTensor,
        _: [bool; 1],
        buffers: &BufferPool,
    ) -> [Option<FlexTensor>; 1] {
        [Some(padded(gradient, self.0, buffers))]
    }
}

impl Kernel<1> for Pad {
    fn backward(
        self,
        _: Vec<FlexTensor>,
        gradient: FlexTensor,
        _: [bool; 1],
        _: &BufferPool,
    ) -> [Option<FlexTensor>; 1] {
        [Some(gradient.narrow(self.0.axis, self.0.before, self.0.len))]
    }
}

/// The tensor padded with zeros, in its own memory order.
fn padded(x: FlexTensor, extent: Extent, buffers: &BufferPool) -> FlexTensor {
    let count = x.shape().as_slice().iter().product::<usize>() / extent.len * extent.size;
    let x = Packed::new(x, buffers);
    let within = x.elements_within(extent.axis);
    let [whole, len, before] = [extent.size, extent.len, extent.before].map(|size| size * within);
    let mut y = buffers.take(count);
    let rows = (CHUNK / whole).max(1);
    let runs = x.values().par_chunks(rows * len);
    y.par_chunks_mut(rows * whole).zip(runs).for_each(|(y, x)| {
        for (y, x) in y.chunks_exact_mut(whole).zip(x.chunks_exact(len)) {
            y[..before].fill(0.0);
            y[before..before + len].copy_from_slice(x);
            y[before + len..].fill(0.0);
        }
    });
    let y = x.resized(extent.axis, extent.size, y);
    x.recycle();
    y
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Device;

    #[test]
    fn runs_among_zeros_and_their_gradients_are_those_of_the_definition_in_every_order_of_axes() {
        let dims = [3, 4, 5];
        let value = |index: usize| ((index * 31) % 17) as f32 - 8.0;
        let plain = DeviceTensor::from_values(&dims, (0..60).map(value).collect(), &Device::flex()).unwrap();
        for order in [[0, 1, 2], [2, 0, 1], [1, 2, 0]] {
            for axis in 0..3 {
                let leaf = plain.tracked();
                let x = leaf.permute(&order);
                let size = x.dims()[axis];
                let part = narrow(&x, axis, 1, size - 1).unwrap();
                let back = pad(&part, axis, (1, 2)).unwrap();
                let mut expected = x.dims();
                expected[axis] += 1;
                assert_eq!(back.dims(), expected);
                // Ones where the run is, so the sum of the products is the sum of the run's squares.
                let loss = back.mul(&back).unwrap().sum(&[0, 1, 2]);
                let inside = part.to_values().unwrap();
                let squares: f32 = inside.iter().map(|value| value * value).sum();
                assert_eq!(loss.to_values().unwrap(), [squares]);
                let gradient = loss.backward().unwrap().gradient(&leaf).unwrap().to_values().unwrap();
                let along = order[axis];
                let stride: usize = dims[along + 1..].iter().product();
                for (index, gradient) in gradient.into_iter().enumerate() {
                    let place = index / stride % dims[along];
                    let kept = place >= 1 && place + 1 < dims[along];
                    assert_eq!(
                        gradient,
                        if kept { 2.0 * value(index) } else { 0.0 },
                        "{order:?} {axis} {index}"
                    );
                }
            }
        }
    }
}
