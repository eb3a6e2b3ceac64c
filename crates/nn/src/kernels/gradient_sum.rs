//! The gradient of a tensor that several operations use, such as the one before a skip connection.
//!
//! Burn adds a second gradient to the first one on one thread, into newly allocated memory. Here the sum is computed in place,
//! on all threads, if the first gradient came from a kernel too. The tensors with such a gradient are remembered until the next
//! backward pass.

use std::cell::RefCell;
use std::collections::HashSet;

use burn::backend::autodiff::NodeId;
use burn::backend::flex::FlexTensor;
use burn::backend::ops::FloatTensorOps;
use burn::backend::{Flex, TensorMetadata};

use super::buffers::BufferPool;
use super::elementwise::each;
use super::layout::{Packed, values};

thread_local! {
    /// Inner tensors for which a kernel has registered a gradient in this backward pass.
    static BEGUN: RefCell<HashSet<NodeId>> = RefCell::new(HashSet::new());
}

/// Starts a backward pass: forgets the tensors of the last one.
pub(crate) fn begin() {
    BEGUN.with_borrow_mut(HashSet::clear);
}

/// Whether a kernel has registered a gradient for the inner tensor `of` in this backward pass. Records that one has now.
pub(super) fn has_begun(of: NodeId) -> bool {
    BEGUN.with_borrow_mut(|begun| !begun.insert(of))
}

/// `new + old`, in the memory of `new` if it has no other owner.
pub(super) fn sum(new: FlexTensor, old: FlexTensor, buffers: &BufferPool) -> FlexTensor {
    if new.shape() != old.shape() {
        return Flex::float_add(new, old);
    }
    let new = Packed::new(new, buffers);
    let old = new.aligned(old);
    let sum = new.changed(|new| each(new, values(&old), |new, old| *new += old));
    buffers.recycle(old);
    sum
}

#[cfg(test)]
mod tests {
    use crate::kernels::{Activation, Range, activate, add};
    use crate::{Device, DeviceTensor};

    /// `sum w (x + y + min(y, 1) + 3 y)` with `y = max(x, 0)`: a leaf that is used twice, and an inner tensor that kernels and Burn's
    /// operations use.
    #[test]
    fn gradients_of_a_tensor_that_is_taken_often_add_up() {
        let device = Device::flex();
        let dims = [2, 3, 5, 4];
        let x: Vec<f32> = (0..120).map(|at| (at as f32 * 0.7).sin() * 2.0).collect();
        let w: Vec<f32> = (0..120).map(|at| (at as f32 * 0.3).cos()).collect();
        // Twice on one thread: a backward pass must not see the tensors of the one before.
        for _ in 0..2 {
            let leaf = DeviceTensor::from_values(&dims, x.clone(), &device).unwrap().tracked();
            let weights = DeviceTensor::from_values(&dims, w.clone(), &device).unwrap();
            let y = activate(&leaf, Activation::Limit(Range::RELU)).unwrap();
            let below = Range {
                high: 1.0,
                ..Range::ALL
            };
            let low = activate(&y, Activation::Limit(below)).unwrap();
            let sum = add(&add(&leaf, &y).unwrap(), &low).unwrap();
            let sum = sum.add(&y.mul_scalar(3.0)).unwrap();
            let loss = sum.mul(&weights).unwrap().sum(&[0, 1, 2, 3]);
            let gradient = loss.backward().unwrap().gradient(&leaf).unwrap();
            for ((gradient, x), w) in gradient.to_values().unwrap().iter().zip(&x).zip(&w) {
                let of_y = if *x <= 1.0 { 5.0 } else { 4.0 };
                let expected = w * (1.0 + if *x > 0.0 { of_y } else { 0.0 });
                assert!(
                    (gradient - expected).abs() < 1e-5,
                    "{gradient}, expected {expected} at {x}"
                );
            }
        }
    }
}
