//! Buffers that are used again: a training step asks for the same sizes as the one before it.
//!
//! Large blocks that go back to the system have to be mapped and cleared anew at every operation, which costs more than the
//! operation itself. So kernels give back what they consume, and take what they write into. What a buffer holds when it is
//! taken is arbitrary: who takes it writes all of it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use burn::backend::TensorMetadata;
use burn::backend::flex::FlexTensor;

/// Smaller ones are left to the allocator.
const SMALLEST: usize = 1 << 12;

static IDLE: Mutex<Vec<Vec<f32>>> = Mutex::new(Vec::new());

/// Buffers of a size that are kept idle without having been taken: an optimizer writes three, and reads a gradient.
const FEW: usize = 4;

fn idle() -> MutexGuard<'static, Vec<Vec<f32>>> {
    IDLE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A buffer of `len` numbers, which are arbitrary.
pub(super) fn take(len: usize) -> Vec<f32> {
    if len >= SMALLEST {
        let mut idle = idle();
        let fitting = idle.iter().enumerate().filter(|(_, one)| {
            let capacity = one.capacity();
            capacity >= len && capacity <= len + len / 2
        });
        if let Some((position, _)) = fitting.min_by_key(|(_, one)| one.capacity()) {
            let mut found = idle.swap_remove(position);
            drop(idle);
            found.resize(len, 0.0);
            return found;
        }
    }
    vec![0.0; len]
}

/// A buffer of `len` zeros.
pub(super) fn zeros(len: usize) -> Vec<f32> {
    let mut buffer = take(len);
    buffer.fill(0.0);
    buffer
}

/// A buffer that goes back where it is dropped.
pub(super) struct Lent(pub Vec<f32>);

impl Lent {
    /// `len` numbers, which are arbitrary.
    pub(super) fn new(len: usize) -> Self {
        Self(take(len))
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        give(std::mem::take(&mut self.0));
    }
}

/// Takes a buffer back.
pub(super) fn give(buffer: Vec<f32>) {
    if buffer.capacity() >= SMALLEST {
        idle().push(buffer);
    }
}

/// The buffer of a contiguous tensor that nobody else holds.
pub(super) fn reclaim(tensor: FlexTensor) -> Result<Vec<f32>, FlexTensor> {
    let whole =
        tensor.is_unique() && tensor.is_contiguous() && tensor.storage::<f32>().len() == tensor.shape().num_elements();
    match whole {
        // Nothing is copied, so this does not fail.
        true => Ok(tensor.into_data().try_into_vec().unwrap_or_default()),
        false => Err(tensor),
    }
}

/// Gives back the buffer of a tensor, if nobody else holds it.
pub(super) fn recycle(tensor: FlexTensor) {
    if let Ok(buffer) = reclaim(tensor) {
        give(buffer);
    }
}

/// As [`recycle`], for buffers that no kernel has taken: of each size a few are kept, since as many may come with every step.
pub(super) fn recycle_few(tensor: FlexTensor) {
    let Ok(buffer) = reclaim(tensor) else { return };
    let alike =
        |other: &&Vec<f32>| other.capacity() >= buffer.len() && other.capacity() <= buffer.len() + buffer.len() / 2;
    let enough = idle().iter().filter(alike).count() >= FEW;
    if !enough {
        give(buffer);
    }
}

/// Frees what is idle when it is dropped: whoever trains holds one.
#[derive(Debug, Default)]
pub(crate) struct Buffers;

impl Drop for Buffers {
    fn drop(&mut self) {
        idle().clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::layout::{dense, values};

    #[test]
    fn a_tensor_that_is_held_twice_keeps_its_buffer() {
        let tensor = dense(&[4], vec![1.0, 2.0, 3.0, 4.0]);
        let other = tensor.clone();
        let tensor = reclaim(tensor).unwrap_err();
        assert_eq!(values(&other), values(&tensor));
        drop(other);
        assert_eq!(reclaim(tensor).unwrap(), [1.0, 2.0, 3.0, 4.0]);
    }

    #[test]
    fn of_buffers_that_nobody_took_a_few_are_kept() {
        // A size that nothing else has.
        let size = 1_234_567;
        (0..10).for_each(|_| recycle_few(dense(&[size], vec![0.0; size])));
        assert_eq!(idle().iter().filter(|one| one.len() == size).count(), FEW);
        idle().retain(|one| one.len() != size);
    }

    #[test]
    fn a_taken_buffer_has_the_length_that_was_asked_for() {
        // Other tests may take it first: then this one is new.
        give(vec![1.0; 10_000]);
        assert_eq!(take(9_000).len(), 9_000);
        assert!(zeros(9_000).iter().all(|&x| x == 0.0));
        assert_eq!(take(3).len(), 3);
    }
}
