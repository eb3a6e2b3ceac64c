//! Batched matrix products that read their operands in place: transposed or strided matrices are not copied.

use burn::backend::flex::FlexTensor;
use rayon::prelude::*;

use super::buffers::BufferPool;
use super::kernel::{Forward, Kernel, run};
use super::layout::{contiguous, dense};
use super::product::{Matrix, Threads, product};
use crate::tensor::DeviceTensor;

/// The matrices over the last two axes of a tensor.
struct Stack {
    tensor: FlexTensor,
    strides: Vec<usize>,
}

impl Stack {
    fn new(tensor: FlexTensor, buffers: &BufferPool) -> Self {
        let forward = tensor.layout().strides().iter().all(|&stride| stride >= 0);
        let tensor = if forward { tensor } else { contiguous(tensor, buffers) };
        let strides = tensor.layout().strides().iter().map(|stride| stride.unsigned_abs());
        Self {
            strides: strides.collect(),
            tensor,
        }
    }

    fn dims(&self) -> &[usize] {
        self.tensor.layout().shape().as_slice()
    }

    /// Rows and columns of each matrix.
    fn size(&self) -> [usize; 2] {
        let dims = self.dims();
        [dims[dims.len() - 2], dims[dims.len() - 1]]
    }

    /// The matrix with the row-major position `index` among those of the stack.
    fn matrix(&self, mut index: usize) -> Matrix<'_> {
        let outer = self.strides.len() - 2;
        let mut offset = self.tensor.layout().start_offset();
        for axis in (0..outer).rev() {
            let size = self.dims()[axis];
            offset += index % size * self.strides[axis];
            index /= size;
        }
        Matrix::strided(
            &self.tensor.storage::<f32>()[offset..],
            self.strides[outer],
            self.strides[outer + 1],
        )
    }
}

#[derive(Debug)]
struct Matmul;

/// `a […, n, k] · b […, k, m]` with equal axes before; `None` where there is no kernel for it.
pub(crate) fn matmul(a: &DeviceTensor, b: &DeviceTensor) -> Option<DeviceTensor> {
    run([a, b], Matmul, |[a, b], buffers| {
        let (a, b) = (Stack::new(a, buffers), Stack::new(b, buffers));
        let ([n, k], [_, m]) = (a.size(), b.size());
        let mut dims = a.dims().to_vec();
        if let Some(last) = dims.last_mut() {
            *last = m;
        }
        let y = stacked(
            [n, m, k],
            dims.iter().product(),
            |index| (a.matrix(index), b.matrix(index)),
            buffers,
        );
        Forward {
            output: dense(&dims, y),
            saved: vec![a.tensor, b.tensor],
        }
    })
}

/// The products of pairs of matrices, `len` elements in all.
fn stacked<'a>(
    [n, m, k]: [usize; 3],
    len: usize,
    pair: impl Fn(usize) -> (Matrix<'a>, Matrix<'a>) + Sync,
    buffers: &BufferPool,
) -> Vec<f32> {
    let mut y = buffers.take(len);
    let threads = Threads::for_tasks(len / (n * m).max(1));
    y.par_chunks_mut((n * m).max(1)).enumerate().for_each(|(index, y)| {
        let (left, right) = pair(index);
        product(y, [n, m, k], left, right, false, threads);
    });
    y
}

impl Kernel<2> for Matmul {
    /// `da = dy bᵀ`, `db = aᵀ dy`.
    fn backward(
        self,
        saved: Vec<FlexTensor>,
        gradient: FlexTensor,
        wanted: [bool; 2],
        buffers: &BufferPool,
    ) -> [Option<FlexTensor>; 2] {
        let Ok([a, b]) = <[FlexTensor; 2]>::try_from(saved) else {
            return [None, None];
        };
        let (a, b, dy) = (
            Stack::new(a, buffers),
            Stack::new(b, buffers),
            Stack::new(gradient, buffers),
        );
        let ([n, k], [_, m]) = (a.size(), b.size());
        let da = wanted[0].then(|| {
            let dims = a.dims();
            let pair = |index| (dy.matrix(index), b.matrix(index).transpose());
            dense(dims, stacked([n, k, m], dims.iter().product(), pair, buffers))
        });
        let db = wanted[1].then(|| {
            let dims = b.dims();
            let pair = |index| (a.matrix(index).transpose(), dy.matrix(index));
            dense(dims, stacked([k, m, n], dims.iter().product(), pair, buffers))
        });
        [a, b, dy]
            .into_iter()
            .for_each(|one| super::layout::release(one.tensor, buffers));
        [da, db]
    }
}
