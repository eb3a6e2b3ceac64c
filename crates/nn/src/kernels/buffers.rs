//! Buffers that are reused from one training step to the next.
//!
//! A step asks for the same sizes as the step before it. Large blocks that go back to the system have to be mapped and
//! cleared again at every operation, which costs more than the operation itself. So kernels take the buffers that they
//! write from a [`BufferPool`], and return the buffers that they consume to it.
//!
//! A pool belongs to a graph, or to a session that shares one between its graphs. It travels with the tensors that the
//! graph computes, into the backward pass too, and its buffers are freed when the last of them is dropped. Nothing is
//! shared between graphs that were not given the same pool. Tensors without a pool allocate.

use std::collections::HashMap;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use burn::backend::TensorMetadata;
use burn::backend::flex::FlexTensor;

/// Buffers of fewer numbers are left to the allocator.
const SMALLEST: usize = 1 << 12;

/// How many idle buffers of one size are kept that the pool did not hand out: an optimizer writes three tensors and reads
/// a gradient.
const MOST_FOREIGN: usize = 4;

/// A pool of buffers on the CPU backend. Clones share the buffers.
#[derive(Clone)]
pub struct BufferPool(Option<Arc<Mutex<Buffers>>>);

#[derive(Default)]
struct Buffers {
    idle: Vec<Vec<f32>>,
    /// By size, how many buffers were taken and have not been returned. Some never are: their last owner was one of Burn's
    /// own operations.
    missing: HashMap<usize, usize>,
}

impl Buffers {
    /// An idle buffer for `len` numbers, of which the pool then expects one back.
    fn take(&mut self, len: usize) -> Option<Vec<f32>> {
        *self.missing.entry(len).or_default() += 1;
        let fitting = self.idle.iter().enumerate().filter(|(_, one)| fits(one, len));
        let (position, _) = fitting.min_by_key(|(_, one)| one.capacity())?;
        Some(self.idle.swap_remove(position))
    }

    /// Takes back a buffer that the pool handed out.
    fn put(&mut self, buffer: Vec<f32>) {
        if let Some(missing) = self.missing.get_mut(&buffer.len()) {
            *missing = missing.saturating_sub(1);
        }
        self.idle.push(buffer);
    }

    /// Keeps a buffer of unknown origin if one of its size is missing, or few of that size are idle.
    fn adopt(&mut self, buffer: Vec<f32>) {
        let len = buffer.len();
        let is_missing = self.missing.get(&len).is_some_and(|&missing| missing > 0);
        if is_missing || self.idle.iter().filter(|one| fits(one, len)).count() < MOST_FOREIGN {
            self.put(buffer);
        }
    }
}

/// Whether a buffer is large enough for `len` numbers, and not much larger.
fn fits(buffer: &Vec<f32>, len: usize) -> bool {
    (len..=len + len / 2).contains(&buffer.capacity())
}

impl Default for BufferPool {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for BufferPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let idle = self.buffers().map(|buffers| buffers.idle.len());
        f.debug_struct("BufferPool").field("idle", &idle).finish()
    }
}

impl BufferPool {
    /// An empty pool.
    pub fn new() -> Self {
        Self(Some(Arc::default()))
    }

    /// No pool: every buffer is allocated, and freed when it is dropped.
    pub(crate) const fn none() -> Self {
        Self(None)
    }

    /// This pool, or the other one where this is none.
    pub(crate) fn or(&self, other: &Self) -> Self {
        if self.0.is_some() { self.clone() } else { other.clone() }
    }

    fn buffers(&self) -> Option<MutexGuard<'_, Buffers>> {
        let buffers = self.0.as_ref()?;
        Some(buffers.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A buffer of `len` numbers with arbitrary contents: the caller writes all of it.
    pub(super) fn take(&self, len: usize) -> Vec<f32> {
        if len >= SMALLEST
            && let Some(mut found) = self.buffers().and_then(|mut buffers| buffers.take(len))
        {
            found.resize(len, 0.0);
            return found;
        }
        vec![0.0; len]
    }

    /// A buffer of `len` zeros.
    pub(super) fn zeros(&self, len: usize) -> Vec<f32> {
        let mut buffer = self.take(len);
        buffer.fill(0.0);
        buffer
    }

    /// A buffer of `len` numbers with arbitrary contents that returns to the pool when it is dropped.
    pub(super) fn scratch(&self, len: usize) -> Scratch {
        self.lend(self.take(len))
    }

    /// `buffer`, which returns to the pool when it is dropped.
    pub(super) fn lend(&self, buffer: Vec<f32>) -> Scratch {
        Scratch {
            buffer,
            pool: self.clone(),
        }
    }

    /// Takes back a buffer that the pool handed out.
    pub(super) fn put(&self, buffer: Vec<f32>) {
        if buffer.capacity() < SMALLEST {
            return;
        }
        if let Some(mut buffers) = self.buffers() {
            buffers.put(buffer);
        }
    }

    /// Takes the buffer of a tensor that has no other owner. The tensor may come from elsewhere: such buffers replace the ones
    /// that were not returned, and only a few more of each size are kept, since as many may come with every step.
    pub(super) fn recycle(&self, tensor: FlexTensor) {
        if self.0.is_none() {
            return;
        }
        if let Ok(buffer) = reclaim(tensor)
            && buffer.capacity() >= SMALLEST
            && let Some(mut buffers) = self.buffers()
        {
            buffers.adopt(buffer);
        }
    }

    #[cfg(test)]
    fn idle(&self) -> usize {
        self.buffers().map_or(0, |buffers| buffers.idle.len())
    }

    #[cfg(test)]
    fn is(&self, other: &Self) -> bool {
        self.0.as_ref().map(Arc::as_ptr) == other.0.as_ref().map(Arc::as_ptr)
    }
}

/// A buffer that returns to its pool when it is dropped.
pub(super) struct Scratch {
    buffer: Vec<f32>,
    pool: BufferPool,
}

impl Deref for Scratch {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.buffer
    }
}

impl DerefMut for Scratch {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.buffer
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        self.pool.put(std::mem::take(&mut self.buffer));
    }
}

/// The buffer of a contiguous tensor that has no other owner. Nothing is copied: a buffer whose alignment is not that of a
/// `Vec` stays in its tensor.
pub(super) fn reclaim(tensor: FlexTensor) -> Result<Vec<f32>, FlexTensor> {
    let is_whole =
        tensor.is_unique() && tensor.is_contiguous() && tensor.storage::<f32>().len() == tensor.shape().num_elements();
    if !is_whole {
        return Err(tensor);
    }
    let (layout, kind) = (tensor.layout().clone(), tensor.dtype());
    let bytes = tensor.into_data().into_bytes();
    bytes
        .try_into_vec()
        .map_err(|bytes| FlexTensor::new(bytes, layout, kind))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::layout::{dense, values};
    use crate::kernels::{Activation, release};
    use crate::{Device, DeviceTensor};

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
    fn foreign_buffers_replace_missing_ones_and_few_more_are_kept() {
        let mut buffers = Buffers::default();
        let offer = |buffers: &mut Buffers, count: usize| {
            (0..count).for_each(|_| buffers.adopt(vec![0.0; 5000]));
            buffers.idle.len()
        };
        assert_eq!(offer(&mut buffers, 10), MOST_FOREIGN);
        // Taken and never returned: the four that were idle, and three that had to be allocated.
        let found = (0..7).filter(|_| buffers.take(5000).is_some()).count();
        assert_eq!(found, MOST_FOREIGN);
        assert_eq!(offer(&mut buffers, 10), 7);
        // A buffer that was returned is not missing any more.
        let taken = buffers.take(5000).unwrap();
        buffers.put(taken);
        assert_eq!(offer(&mut buffers, 10), 7);
    }

    #[test]
    fn a_buffer_that_is_taken_again_has_the_length_that_was_asked_for() {
        let pool = BufferPool::new();
        pool.put(vec![1.0; 10_000]);
        assert_eq!(pool.take(9_000).len(), 9_000);
        assert_eq!(pool.idle(), 0);
        pool.put(vec![1.0; 10_000]);
        assert!(pool.zeros(9_000).iter().all(|&x| x == 0.0));
        assert_eq!(pool.take(3).len(), 3);
    }

    /// A forward and a backward pass through two kernels; gives the gradient.
    fn pass(pool: &BufferPool) -> Vec<f32> {
        let x = DeviceTensor::from_values(&[4, 8, 16, 16], vec![0.5; 8192], &Device::flex()).unwrap();
        let x = x.pooled(pool).tracked();
        let y = x.mul_scalar(2.0).activate(Activation::Tanh).unwrap();
        let gradient = y.sum(&[0, 1, 2, 3]).backward().unwrap().gradient(&x).unwrap();
        let values = gradient.to_values().unwrap();
        for tensor in [y, gradient] {
            assert!(tensor.buffers().is(pool));
            release(tensor);
        }
        values
    }

    #[test]
    fn tensors_return_their_buffers_to_their_own_pool_only() {
        let [first, second] = [BufferPool::new(), BufferPool::new()];
        let gradient = pass(&first);
        // The tensors that `pass` starts from are foreign: a few of them are kept before the number of buffers settles.
        (0..MOST_FOREIGN).for_each(|_| drop(pass(&first)));
        let idle = first.idle();
        assert!(idle > 0);
        assert_eq!(second.idle(), 0);
        // Another thread works with its own pool and drops it meanwhile.
        std::thread::scope(|scope| {
            scope.spawn(move || (0..10).for_each(|_| drop(pass(&second))));
            for _ in 0..10 {
                assert_eq!(pass(&first), gradient);
            }
        });
        assert_eq!(first.idle(), idle);
    }

    #[test]
    fn the_buffers_go_with_the_last_tensor_of_their_pool() {
        let pool = BufferPool::new();
        let buffers = Arc::downgrade(pool.0.as_ref().unwrap());
        let x = DeviceTensor::from_values(&[2], vec![1.0, 2.0], &Device::flex()).unwrap();
        let x = x.pooled(&pool);
        let y = x.mul_scalar(2.0);
        drop((pool, x));
        assert!(buffers.upgrade().is_some());
        drop(y);
        assert!(buffers.upgrade().is_none());
    }

    #[test]
    fn a_scratch_buffer_returns_when_it_is_dropped() {
        let pool = BufferPool::new();
        drop(pool.scratch(5000));
        assert_eq!(pool.idle(), 1);
        drop(BufferPool::none().scratch(5000));
        assert_eq!(pool.idle(), 1);
    }
}
