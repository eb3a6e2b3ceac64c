//! The memory layouts of kernels: maps with channels last, and packed tensors in any order of their axes.

use burn::backend::Flex;
use burn::backend::flex::{FlexTensor, Layout};
use burn::backend::ops::FloatTensorOps;
use burn::backend::{DType, Shape, TensorMetadata};

use burn::tensor::Bytes;
use rayon::prelude::*;

use super::buffers::{BufferPool, reclaim};

/// A map in memory as `[n, h, w, c]`.
#[derive(Clone, Debug)]
pub(super) struct Map {
    pub n: usize,
    pub h: usize,
    pub w: usize,
    pub c: usize,
    tensor: FlexTensor,
    buffers: BufferPool,
}

impl Map {
    /// Takes `[n, c, h, w]` (or `[n, c, …]` with any number of spatial axes, as one row); copies unless channels are last.
    pub(super) fn new(tensor: FlexTensor, buffers: &BufferPool) -> Self {
        let dims = tensor.shape().as_slice().to_vec();
        let (n, c) = (dims[0], dims[1]);
        let rank = dims.len();
        let mut order: Vec<usize> = (0..rank).collect();
        order.remove(1);
        order.push(1);
        let last = contiguous(Flex::float_permute(tensor, &order), buffers);
        let (h, w) = match rank {
            4 => (dims[2], dims[3]),
            _ => (1, dims[2..].iter().product()),
        };
        Self {
            n,
            h,
            w,
            c,
            tensor: last,
            buffers: buffers.clone(),
        }
    }

    /// All elements.
    pub(super) fn values(&self) -> &[f32] {
        values(&self.tensor)
    }

    /// All elements in a buffer of their own: the map's, if it has no other owner.
    pub(super) fn into_values(self) -> Vec<f32> {
        own(self.tensor, &self.buffers)
    }

    /// Returns the buffer to the pool, if it has no other owner.
    pub(super) fn recycle(self) {
        self.buffers.recycle(self.tensor);
    }

    /// The map as `[n, c, h, w]`, which [`Map::new`] takes without a copy.
    pub(super) fn into_tensor(self) -> FlexTensor {
        let data = self
            .tensor
            .reshape(Shape::from([self.n, self.h, self.w, self.c].as_slice()));
        Flex::float_permute(data, &[0, 3, 1, 2])
    }

    /// Pixels of all samples.
    pub(super) fn rows(&self) -> usize {
        self.n * self.h * self.w
    }

    /// A map `[n, c, h, w]` over `data`, which is `[n, h, w, c]`.
    pub(super) fn tensor([n, h, w, c]: [usize; 4], data: Vec<f32>) -> FlexTensor {
        Flex::float_permute(dense(&[n, h, w, c], data), &[0, 3, 1, 2])
    }
}

/// A tensor that is contiguous in some order of its axes.
pub(super) struct Packed {
    /// The axes in memory order, the slowest first.
    order: Vec<usize>,
    /// The tensor with its axes in that order; contiguous.
    tensor: FlexTensor,
    buffers: BufferPool,
}

impl Packed {
    /// Copies unless some order of the axes makes the tensor contiguous.
    pub(super) fn new(tensor: FlexTensor, buffers: &BufferPool) -> Self {
        let order = order_in_memory(&tensor);
        Self {
            tensor: contiguous(Flex::float_permute(tensor, &order), buffers),
            order,
            buffers: buffers.clone(),
        }
    }

    /// All elements.
    pub(super) fn values(&self) -> &[f32] {
        values(&self.tensor)
    }

    /// Another tensor of this shape, contiguous in the order of this one's elements.
    pub(super) fn aligned(&self, other: FlexTensor) -> FlexTensor {
        contiguous(Flex::float_permute(other, &self.order), &self.buffers)
    }

    /// The elements of another tensor of this shape in the order of this one's, in a buffer of their own.
    pub(super) fn values_of(&self, other: FlexTensor) -> Vec<f32> {
        own(self.aligned(other), &self.buffers)
    }

    /// The tensor with its elements changed in place, if it has no other owner, else in a copy.
    pub(super) fn changed(self, change: impl FnOnce(&mut [f32])) -> FlexTensor {
        let Self { order, tensor, buffers } = self;
        let dims = tensor.shape().as_slice().to_vec();
        let mut data = own(tensor, &buffers);
        change(&mut data);
        unpack(&order, dense(&dims, data))
    }

    /// A tensor of this shape over `data`, which is in the order of this one's elements.
    pub(super) fn in_the_order_of_this(&self, data: Vec<f32>) -> FlexTensor {
        unpack(&self.order, dense(self.tensor.shape().as_slice(), data))
    }

    /// Elements between two neighbours along `axis`.
    pub(super) fn elements_within(&self, axis: usize) -> usize {
        let place = self.order.iter().position(|&one| one == axis).unwrap_or_default();
        self.tensor.shape().as_slice()[place + 1..].iter().product()
    }

    /// A tensor of this shape but for `size` elements along `axis`, over `data`, which is in the order of this one's elements.
    pub(super) fn resized(&self, axis: usize, size: usize, data: Vec<f32>) -> FlexTensor {
        let dims = self.tensor.shape();
        let dims = self.order.iter().zip(dims.as_slice());
        let dims: Vec<usize> = dims.map(|(&one, &dim)| if one == axis { size } else { dim }).collect();
        unpack(&self.order, dense(&dims, data))
    }

    /// The tensor, which [`Packed::new`] takes without a copy.
    pub(super) fn into_tensor(self) -> FlexTensor {
        unpack(&self.order, self.tensor)
    }

    /// Returns the buffer to the pool, if it has no other owner.
    pub(super) fn recycle(self) {
        self.buffers.recycle(self.tensor);
    }
}

/// Undoes the permutation of the axes to memory order.
fn unpack(order: &[usize], tensor: FlexTensor) -> FlexTensor {
    let mut back = vec![0; order.len()];
    order.iter().enumerate().for_each(|(place, &axis)| back[axis] = place);
    Flex::float_permute(tensor, &back)
}

/// The tensor itself if it is contiguous, else a copy, which all threads make if it is large.
pub(super) fn contiguous(tensor: FlexTensor, buffers: &BufferPool) -> FlexTensor {
    if tensor.is_contiguous() {
        return tensor;
    }
    let dims = tensor.shape().as_slice().to_vec();
    let count: usize = dims.iter().product();
    if count < LARGE || tensor.dtype() != DType::F32 {
        return tensor.to_contiguous();
    }
    // Parts along the outermost axes.
    let (mut parts, mut outer) = (1, 0);
    while parts < PARTS && outer + 1 < dims.len() {
        parts *= dims[outer];
        outer += 1;
    }
    let mut copy = buffers.take(count);
    copy.par_chunks_mut(count / parts).enumerate().for_each(|(part, copy)| {
        let (mut view, mut rest) = (tensor.clone(), part);
        for axis in (0..outer).rev() {
            view = view.narrow(axis, rest % dims[axis], 1);
            rest /= dims[axis];
        }
        copy_view(&view, copy);
    });
    dense(&dims, copy)
}

/// The shortest row that is copied as one.
const ROW: usize = 16;

/// The smallest tensor that all threads copy, and the fewest parts it is copied in.
pub(super) const LARGE: usize = 1 << 15;
const PARTS: usize = 16;

/// The elements of a tensor in the order of its axes.
fn copy_view(view: &FlexTensor, into: &mut [f32]) {
    let (dims, strides) = (view.shape(), view.layout().strides());
    let rows = (dims.as_slice().split_last(), strides.split_last());
    let (Some((&run @ ROW.., dims)), Some((&1, strides))) = rows else {
        into.copy_from_slice(values(&view.to_contiguous()));
        return;
    };
    let data = view.storage::<f32>();
    let mut place = vec![0; dims.len()];
    let mut start = view.layout().start_offset() as isize;
    for into in into.chunks_exact_mut(run) {
        into.copy_from_slice(&data[start as usize..start as usize + run]);
        for ((place, &dim), &stride) in place.iter_mut().zip(dims).zip(strides).rev() {
            *place += 1;
            start += stride;
            if *place < dim {
                break;
            }
            start -= stride * dim as isize;
            *place = 0;
        }
    }
}

/// The axes of a tensor in the order in which they lie in memory, the slowest first.
fn order_in_memory(tensor: &FlexTensor) -> Vec<usize> {
    let strides = tensor.layout().strides();
    let mut order: Vec<usize> = (0..strides.len()).collect();
    // The sort is stable: axes of equal strides (of one element) keep their order.
    order.sort_by_key(|&axis| std::cmp::Reverse(strides[axis]));
    order
}

/// Returns the buffer of a tensor of any layout that covers it to the pool, if it has no other owner.
pub(super) fn release(tensor: FlexTensor, buffers: &BufferPool) {
    let order = order_in_memory(&tensor);
    buffers.recycle(Flex::float_permute(tensor, &order));
}

/// The elements of a contiguous tensor in a buffer of their own: the tensor's, if it has no other owner.
pub(super) fn own(tensor: FlexTensor, buffers: &BufferPool) -> Vec<f32> {
    reclaim(tensor).unwrap_or_else(|tensor| {
        let mut copy = buffers.take(values(&tensor).len());
        copy.par_chunks_mut(1 << 14)
            .zip(values(&tensor).par_chunks(1 << 14))
            .for_each(|(to, from)| to.copy_from_slice(from));
        copy
    })
}

/// The elements of a contiguous tensor.
pub(super) fn values(tensor: &FlexTensor) -> &[f32] {
    let start = tensor.layout().start_offset();
    let count = tensor.layout().num_elements();
    &tensor.storage::<f32>()[start..start + count]
}

/// A contiguous tensor.
pub(super) fn dense(dims: &[usize], data: Vec<f32>) -> FlexTensor {
    FlexTensor::new(
        Bytes::from_elems(data),
        Layout::contiguous(Shape::from(dims)),
        DType::F32,
    )
}

/// `data` (channels last) as a tensor of shape `like`, with any number of spatial axes.
pub(super) fn in_shape_of(like: &[usize], data: Vec<f32>) -> FlexTensor {
    let rank = like.len();
    let mut dims: Vec<usize> = like.to_vec();
    let c = dims.remove(1);
    dims.push(c);
    let mut order: Vec<usize> = vec![0, rank - 1];
    order.extend(1..rank - 1);
    Flex::float_permute(dense(&dims, data), &order)
}
