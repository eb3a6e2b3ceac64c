//! Buffers that are used again: a training step asks for the same sizes as the one before it.
//!
//! Large blocks that go back to the system have to be mapped and cleared anew at every operation, which costs more than the
//! operation itself. So kernels give back what they consume, and take what they write into. What a buffer holds when it is
//! taken is arbitrary: who takes it writes all of it.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use burn::backend::TensorMetadata;
use burn::backend::flex::FlexTensor;

/// Smaller ones are left to the allocator.
const SMALLEST: usize = 1 << 12;

/// The buffers of all who train.
#[derive(Default)]
struct Pool {
    idle: Vec<Vec<f32>>,
    /// By size, how many were taken that have not come back. Some never do: who held them last knew nothing of the pool.
    out: HashMap<usize, usize>,
}

static POOL: LazyLock<Mutex<Pool>> = LazyLock::new(Mutex::default);

/// Buffers of a size that are kept idle without having been taken: an optimizer writes three, and reads a gradient.
const FEW: usize = 4;

fn pool() -> MutexGuard<'static, Pool> {
    POOL.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pool {
    /// An idle buffer for `len` numbers, which from then on is awaited.
    fn take(&mut self, len: usize) -> Option<Vec<f32>> {
        *self.out.entry(len).or_default() += 1;
        let fitting = self.idle.iter().enumerate().filter(|(_, one)| fits(one, len));
        let (position, _) = fitting.min_by_key(|(_, one)| one.capacity())?;
        Some(self.idle.swap_remove(position))
    }

    /// Takes a buffer back.
    fn give(&mut self, buffer: Vec<f32>) {
        if let Some(out) = self.out.get_mut(&buffer.len()) {
            *out = out.saturating_sub(1);
        }
        self.idle.push(buffer);
    }

    /// Takes a buffer that may be from elsewhere, if one of its size is awaited or few are idle.
    fn accept(&mut self, buffer: Vec<f32>) {
        let len = buffer.len();
        let awaited = self.out.get(&len).is_some_and(|&out| out > 0);
        if awaited || self.idle.iter().filter(|one| fits(one, len)).count() < FEW {
            self.give(buffer);
        }
    }
}

/// Whether a buffer is large enough for `len` numbers, and not much larger.
fn fits(buffer: &Vec<f32>, len: usize) -> bool {
    (len..=len + len / 2).contains(&buffer.capacity())
}

/// A buffer of `len` numbers, which are arbitrary.
pub(super) fn take(len: usize) -> Vec<f32> {
    let idle = if len < SMALLEST { None } else { pool().take(len) };
    match idle {
        Some(mut found) => {
            found.resize(len, 0.0);
            found
        }
        None => vec![0.0; len],
    }
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
        pool().give(buffer);
    }
}

/// The buffer of a contiguous tensor that nobody else holds. Nothing is copied, so a buffer that Burn has aligned otherwise than a
/// `Vec` is stays where it is.
pub(super) fn reclaim(tensor: FlexTensor) -> Result<Vec<f32>, FlexTensor> {
    let whole =
        tensor.is_unique() && tensor.is_contiguous() && tensor.storage::<f32>().len() == tensor.shape().num_elements();
    if !whole {
        return Err(tensor);
    }
    let (layout, kind) = (tensor.layout().clone(), tensor.dtype());
    let bytes = tensor.into_data().into_bytes();
    bytes
        .try_into_vec()
        .map_err(|bytes| FlexTensor::new(bytes, layout, kind))
}

/// Gives back the buffer of a tensor, if nobody else holds it.
///
/// It may not have been taken here: such ones take the places of those that have not come back, and a few more of each size are
/// kept, since as many may come with every step.
pub(super) fn recycle(tensor: FlexTensor) {
    if let Ok(buffer) = reclaim(tensor)
        && buffer.capacity() >= SMALLEST
    {
        pool().accept(buffer);
    }
}

/// Frees what is idle when it is dropped: whoever trains holds one.
#[derive(Debug, Default)]
pub(crate) struct Buffers;

impl Drop for Buffers {
    fn drop(&mut self) {
        *pool() = Pool::default();
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
    fn buffers_from_elsewhere_take_the_places_of_lost_ones_and_few_more_are_kept() {
        let mut pool = Pool::default();
        let offer = |pool: &mut Pool, count: usize| {
            (0..count).for_each(|_| pool.accept(vec![0.0; 5000]));
            pool.idle.len()
        };
        assert_eq!(offer(&mut pool, 10), FEW);
        // Taken and never given back: the four that were idle, and three that had to be made.
        let found = (0..7).filter(|_| pool.take(5000).is_some()).count();
        assert_eq!(found, FEW);
        assert_eq!(offer(&mut pool, 10), 7);
        // One that is given back is awaited no longer.
        let taken = pool.take(5000).unwrap();
        pool.give(taken);
        assert_eq!(offer(&mut pool, 10), 7);
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
