//! Changing the shape of a tensor, and moving, selecting and padding its elements.

use burn::backend::ops::{BoolTensorOps, FloatTensorOps, IntTensorOps};
use burn::backend::{Shape, Slice, TensorData, TensorMetadata};
use burn::tensor::{BoolDType, IndexingUpdateOp};

use super::{DeviceTensor, Extremum, Ops, held, number};
use crate::kernels::BufferPool;
use crate::shape::{align, broadcast, elements};
use crate::{Error, HostTensor, Result, kernels};

impl DeviceTensor {
    /// The same elements under another shape.
    ///
    /// # Errors
    /// `Shape` when the shape takes another number of elements.
    pub fn reshape(&self, dims: &[usize]) -> Result<Self> {
        let found = self.dims();
        if elements(dims)? != elements(&found)? {
            return Err(Error::shape(format!(
                "a tensor of shape {found:?} cannot be reshaped to {dims:?}"
            )));
        }
        if found == dims {
            return Ok(self.clone());
        }
        let (shape, scalar) = held(dims);
        let contiguous = kernels::make_contiguous(self);
        Ok(Self {
            inner: contiguous.as_ref().unwrap_or(self).reshape_inner(&shape),
            scalar,
            buffers: self.buffers.clone(),
        })
    }

    /// The axes in another order; `order` is a permutation of them.
    pub(crate) fn permute(&self, order: &[usize]) -> Self {
        if order.iter().enumerate().all(|(position, &axis)| position == axis) {
            return self.clone();
        }
        self.same(Ops::float_permute(self.inner.clone(), order))
    }

    /// Repeats to `dims`, to which the shape broadcasts.
    ///
    /// # Errors
    /// `Shape` when it does not.
    pub(crate) fn expand(&self, dims: &[usize]) -> Result<Self> {
        let found = self.dims();
        if found == dims {
            return Ok(self.clone());
        }
        if broadcast(&found, dims)? != dims {
            return Err(Error::shape(format!("shape {found:?} does not expand to {dims:?}")));
        }
        let aligned = self.reshape_inner(&align(&found, dims.len()));
        Ok(self.derived(Ops::float_expand(aligned, Shape::from(dims))))
    }

    /// The elements `start..end` along `axis`, which must exist.
    pub(crate) fn narrow(&self, axis: usize, start: usize, end: usize) -> Self {
        if let Some(part) = kernels::narrow(self, axis, start, end) {
            return part;
        }
        let dims = self.dims();
        let slices: Vec<Slice> = (0..dims.len())
            .map(|one| {
                if one == axis {
                    slice(start, end)
                } else {
                    slice(0, dims[one])
                }
            })
            .collect();
        self.derived(Ops::float_slice(self.inner.clone(), &slices))
    }

    /// The elements at `indices` along `axis`, which must exist.
    pub fn select(&self, axis: usize, indices: &[usize]) -> Self {
        let values: Vec<i64> = indices.iter().map(|&index| index as i64).collect();
        let count = values.len();
        let device = self.detached().inner.device();
        let indices = Ops::int_from_data(TensorData::new(values, [count]), &device);
        self.derived(Ops::float_select(self.inner.clone(), axis, indices))
    }

    /// The elements at row-major positions, as a tensor of shape `dims`.
    ///
    /// # Errors
    /// `Shape` when there are not as many positions as `dims` takes.
    pub(crate) fn take(&self, dims: &[usize], positions: &[usize]) -> Result<Self> {
        let flat = self.reshape(&[elements(&self.dims())?])?;
        flat.select(0, positions).reshape(dims)
    }

    /// Concatenates tensors along `axis`; their other sizes are equal.
    pub fn concat(tensors: &[Self], axis: usize) -> Self {
        kernels::concat(tensors, axis).unwrap_or_else(|| {
            let inner = tensors.iter().map(|tensor| tensor.inner.clone()).collect();
            let pools = tensors.iter().map(Self::buffers);
            let buffers = pools.fold(BufferPool::none(), |found, pool| found.or(pool));
            Self::from_inner(Ops::float_cat(inner, axis), &buffers)
        })
    }

    /// Pads the tensor with `value`: `pads` holds the number of elements before and after, by axis.
    ///
    /// # Errors
    /// `Shape` when the result is too large.
    pub(crate) fn pad(&self, pads: &[(usize, usize)], value: f32) -> Result<Self> {
        if pads.iter().all(|&pad| pad == (0, 0)) {
            return Ok(self.clone());
        }
        let dims = self.dims();
        let padded: Vec<usize> = dims.iter().zip(pads).map(|(dim, pad)| dim + pad.0 + pad.1).collect();
        elements(&padded)?;
        if value == 0.0
            && let Some(padded) = self.padded_with_zeros(pads)
        {
            return Ok(padded);
        }
        let device = self.detached().inner.device();
        let dtype = self.inner.dtype().into();
        let around = Ops::float_full(Shape::from(padded.as_slice()), number(value), &device, dtype);
        let slices: Vec<Slice> = dims
            .iter()
            .zip(pads)
            .map(|(dim, pad)| slice(pad.0, pad.0 + dim))
            .collect();
        Ok(self.derived(Ops::float_slice_assign(around, &slices, self.inner.clone())))
    }

    fn padded_with_zeros(&self, pads: &[(usize, usize)]) -> Option<Self> {
        let mut padded = self.clone();
        for (axis, &pad) in pads.iter().enumerate().filter(|(_, pad)| **pad != (0, 0)) {
            padded = kernels::pad(&padded, axis, pad)?;
        }
        Some(padded)
    }

    /// Adds `values` at `positions` of the flattened tensor.
    ///
    /// # Errors
    /// `Shape` when there are not as many values as positions.
    pub(crate) fn add_at(&self, positions: &[usize], values: &Self) -> Result<Self> {
        let dims = self.dims();
        let flat = self.reshape(&[elements(&dims)?])?;
        let values = values.reshape(&[positions.len()])?;
        let indices: Vec<i64> = positions.iter().map(|&index| index as i64).collect();
        let device = self.detached().inner.device();
        let indices = Ops::int_from_data(TensorData::new(indices, [positions.len()]), &device);
        let sum = Ops::float_select_assign(flat.inner, 0, indices, values.inner, IndexingUpdateOp::Add);
        self.derived(sum).reshape(&dims)
    }

    /// One number on the device of this tensor. Zero times the tensor would be NaN where it is not finite.
    pub(crate) fn number_beside(&self, value: f32) -> Self {
        let device = self.detached().inner.device();
        let dtype = self.inner.dtype().into();
        Self {
            inner: Ops::float_full(Shape::from([1]), number(value), &device, dtype),
            scalar: true,
            buffers: BufferPool::none(),
        }
    }

    /// `other` where `mask` holds, else `self`; all three broadcast.
    ///
    /// # Errors
    /// `Shape` when they do not.
    pub(crate) fn replace_where(&self, mask: &HostTensor, other: &Self) -> Result<Self> {
        let dims = broadcast(&broadcast(&self.dims(), &other.dims())?, mask.dims())?;
        let (shape, scalar) = held(&dims);
        let data = TensorData::new(mask.expand(&dims)?.to_bools(), shape.clone());
        let mask = Ops::bool_from_data(data, &self.detached().inner.device());
        let full = |tensor: &Self| {
            Ok::<_, Error>(
                tensor
                    .reshape(&align(&tensor.dims(), shape.len()))?
                    .expand(&shape)?
                    .inner,
            )
        };
        Ok(Self {
            inner: Ops::float_mask_where(full(self)?, mask, full(other)?),
            scalar,
            buffers: self.buffers.or(&other.buffers),
        })
    }

    /// `other` where that is NaN, else `self`; both have one shape.
    pub(crate) fn where_nan(&self, other: &Self) -> Self {
        let is_nan = Ops::float_not_equal(other.inner.clone(), other.inner.clone(), BoolDType::Native);
        self.same(Ops::float_mask_where(self.inner.clone(), is_nan, other.inner.clone()))
    }

    /// The larger (or smaller) of two tensors, element by element, and NaN if one of them is; on a tie the gradient goes to `self`.
    ///
    /// # Errors
    /// `Shape` when they do not broadcast.
    pub(crate) fn extremum(&self, other: &Self, which: Extremum) -> Result<Self> {
        let dims = broadcast(&self.dims(), &other.dims())?;
        let (shape, scalar) = held(&dims);
        let full = |tensor: &Self| {
            Ok::<_, Error>(
                tensor
                    .reshape(&align(&tensor.dims(), shape.len()))?
                    .expand(&shape)?
                    .inner,
            )
        };
        let (left, right) = (full(self)?, full(other)?);
        let bool_type = BoolDType::Native;
        let mask = match which {
            Extremum::Largest => Ops::float_greater(right.clone(), left.clone(), bool_type),
            Extremum::Smallest => Ops::float_lower(right.clone(), left.clone(), bool_type),
        };
        let is_nan = Ops::float_not_equal(right.clone(), right.clone(), bool_type);
        let mask = Ops::bool_or(mask, is_nan);
        Ok(Self {
            inner: Ops::float_mask_where(left, mask, right),
            scalar,
            buffers: self.buffers.or(&other.buffers),
        })
    }
}

fn slice(start: usize, end: usize) -> Slice {
    Slice::new(start as isize, Some(end as isize), 1)
}
