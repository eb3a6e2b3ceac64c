//! One tensor type with its rank known at run time: f32 on a Burn device, with or without a gradient tape.
//!
//! Burn's `Tensor<D>` carries its rank in the type; the dispatch tensor beneath it does not, and takes the same
//! operations. This file is the only one (with `kernels/`) that calls them. Shapes are checked by the operators before
//! they come here, because Burn panics when they do not match. Burn has no tensors of rank 0: a scalar is held as one
//! element of rank 1 with a flag.

use burn::backend::ops::{ActivationOps, BoolTensorOps, FloatTensorOps, IntTensorOps};
use burn::backend::{AutodiffBackend, Dispatch, DispatchTensor, Scalar, Shape, Slice, TensorData, TensorMetadata};
use burn::tensor::{BoolDType, Device, IndexingUpdateOp};

use crate::kernels::BufferPool;
use crate::shape::{align, broadcast, elements};
use crate::{Error, HostTensor, Result, kernels};

type Ops = Dispatch;

/// An f32 tensor on a device. Cloning shares the data.
#[derive(Clone, Debug)]
pub struct DeviceTensor {
    inner: DispatchTensor,
    scalar: bool,
    /// Where its operations on the CPU backend take their buffers from.
    buffers: BufferPool,
}

/// The gradients that [`DeviceTensor::backward`] computed.
pub struct Tape(<Dispatch as AutodiffBackend>::Gradients);

impl std::fmt::Debug for Tape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tape")
    }
}

macro_rules! unary {
    ($($(#[$doc:meta])* $name:ident = $op:ident),* $(,)?) => {
        impl DeviceTensor {
            $(
                /// The function, applied to every element.
                $(#[$doc])*
                pub fn $name(&self) -> Self {
                self.same(<Ops as FloatTensorOps<Ops>>::$op(self.inner.clone()))
            })*
        }
    };
}

unary! {
    neg = float_neg, abs = float_abs, exp = float_exp, log = float_log, sqrt = float_sqrt, recip = float_recip,
    sin = float_sin, cos = float_cos, tan = float_tan, sinh = float_sinh, cosh = float_cosh, tanh = float_tanh,
    asin = float_asin, acos = float_acos, atan = float_atan, asinh = float_asinh, acosh = float_acosh,
    atanh = float_atanh, erf = float_erf, sign = float_sign, floor = float_floor, ceil = float_ceil,
    round = float_round,
}

macro_rules! binary {
    ($($name:ident = $op:ident),* $(,)?) => {
        impl DeviceTensor {
            $(
                /// The operation, element by element, with broadcasting.
                ///
                /// # Errors
                /// `Shape` when the operands do not broadcast.
                pub fn $name(&self, other: &Self) -> Result<Self> {
                    let (left, right, scalar) = self.aligned(other)?;
                    let inner = <Ops as FloatTensorOps<Ops>>::$op(left, right);
                    Ok(Self { inner, scalar, buffers: self.buffers.or(&other.buffers) })
                }
            )*
        }
    };
}

binary! { add = float_add, sub = float_sub, mul = float_mul, div = float_div, pow = float_powf, rem = float_remainder }

/// Creating tensors and reading them.
impl DeviceTensor {
    /// A tensor from row-major values.
    ///
    /// # Errors
    /// `Shape` when `values` does not hold as many elements as `dims` takes.
    pub fn from_values(dims: &[usize], values: Vec<f32>, device: &Device) -> Result<Self> {
        let expected = elements(dims)?;
        if values.len() != expected {
            let found = values.len();
            return Err(Error::shape(format!(
                "shape {dims:?} takes {expected} elements, found {found}"
            )));
        }
        if expected == 0 {
            return Err(Error::shape(format!("a tensor of shape {dims:?} is empty")));
        }
        let (shape, scalar) = held(dims);
        let data = TensorData::new(values, shape);
        Ok(Self {
            inner: Ops::float_from_data(data, device.as_dispatch()),
            scalar,
            buffers: BufferPool::none(),
        })
    }

    /// The shape.
    pub fn dims(&self) -> Vec<usize> {
        if self.scalar {
            return Vec::new();
        }
        self.inner.shape().as_slice().to_vec()
    }

    /// Number of dimensions.
    pub fn rank(&self) -> usize {
        if self.scalar { 0 } else { self.inner.shape().num_dims() }
    }

    /// The row-major values, copied to the host.
    ///
    /// # Errors
    /// `Invalid` when the device does not return them.
    pub fn to_values(&self) -> Result<Vec<f32>> {
        let flat = burn::Tensor::<1>::from_dispatch(self.reshape_inner(&[self.inner.shape().num_elements()]));
        let data = flat
            .try_into_data()
            .map_err(|error| Error::invalid("the device did not return a tensor's values").caused_by(error))?;
        data.try_into_vec()
            .map_err(|error| Error::invalid("the device returned values that are not f32").caused_by(error))
    }

    /// The tensor as Burn's own operations take it.
    pub(crate) fn inner(&self) -> &DispatchTensor {
        &self.inner
    }

    /// As [`DeviceTensor::inner`], by value.
    pub(crate) fn into_inner(self) -> DispatchTensor {
        self.inner
    }

    /// The pool that operations on this tensor take their buffers from.
    pub(crate) fn buffers(&self) -> &BufferPool {
        &self.buffers
    }

    /// The tensor, whose operations take their buffers from `buffers` from now on.
    pub(crate) fn pooled(self, buffers: &BufferPool) -> Self {
        Self {
            buffers: buffers.clone(),
            ..self
        }
    }

    /// A result of one of Burn's operations, of rank 1 or more.
    pub(crate) fn from_inner(inner: DispatchTensor, buffers: &BufferPool) -> Self {
        Self {
            inner,
            scalar: false,
            buffers: buffers.clone(),
        }
    }

    /// A result of one of Burn's operations on this tensor, of rank 1 or more.
    pub(crate) fn derived(&self, inner: DispatchTensor) -> Self {
        Self::from_inner(inner, &self.buffers)
    }

    /// A result of one of Burn's operations on this tensor, of the same rank.
    pub(crate) fn same(&self, inner: DispatchTensor) -> Self {
        Self {
            inner,
            scalar: self.scalar,
            buffers: self.buffers.clone(),
        }
    }

    fn aligned(&self, other: &Self) -> Result<(DispatchTensor, DispatchTensor, bool)> {
        let (a, b) = (self.dims(), other.dims());
        broadcast(&a, &b)?;
        let rank = a.len().max(b.len()).max(1);
        let of = |tensor: &Self, dims: &[usize]| {
            if tensor.inner.shape().num_dims() == rank {
                return tensor.inner.clone();
            }
            tensor.reshape_inner(&align(dims, rank))
        };
        Ok((of(self, &a), of(other, &b), self.scalar && other.scalar))
    }

    fn reshape_inner(&self, dims: &[usize]) -> DispatchTensor {
        Ops::float_reshape(self.inner.clone(), Shape::from(dims))
    }
}

/// The tape.
impl DeviceTensor {
    /// A leaf of a new tape: operations on it are recorded, and [`Tape::gradient`] returns its gradient.
    #[must_use]
    pub fn tracked(&self) -> Self {
        let lifted = Ops::from_inner(self.detached().inner);
        self.same(Ops::float_set_require_grad(lifted, true))
    }

    /// The tensor without its tape.
    #[must_use]
    pub fn detached(&self) -> Self {
        if !burn::Tensor::<1>::from_dispatch(self.inner.clone()).is_autodiff() {
            return self.clone();
        }
        self.same(Ops::inner(self.inner.clone()))
    }

    /// Whether a gradient will flow back through this tensor.
    pub fn is_tracked(&self) -> bool {
        burn::Tensor::<1>::from_dispatch(self.inner.clone()).is_tracked()
    }

    /// Runs backward from this tensor, whose own gradient is 1 everywhere.
    ///
    /// # Errors
    /// `Input` when it does not depend on a tracked tensor.
    pub fn backward(&self) -> Result<Tape> {
        if !self.is_tracked() {
            return Err(Error::new(
                crate::ErrorKind::Input,
                "the loss does not depend on any trainable parameter",
            ));
        }
        kernels::begin_backward();
        Ok(Tape(Ops::backward(self.inner.clone())))
    }
}

impl Tape {
    /// Takes the gradient of a tracked leaf; `None` when the loss does not depend on it, or the gradient was taken before.
    pub fn gradient(&mut self, leaf: &DeviceTensor) -> Option<DeviceTensor> {
        Ops::grad_remove(&leaf.inner, &mut self.0).map(|inner| leaf.same(inner))
    }
}

/// Arithmetic with numbers.
impl DeviceTensor {
    /// `self + value`.
    #[must_use]
    pub fn add_scalar(&self, value: f32) -> Self {
        self.same(Ops::float_add_scalar(self.inner.clone(), number(value)))
    }

    /// `self · value`.
    #[must_use]
    pub fn mul_scalar(&self, value: f32) -> Self {
        kernels::scale(self, value)
            .unwrap_or_else(|| self.same(Ops::float_mul_scalar(self.inner.clone(), number(value))))
    }

    /// `self / value`.
    pub(crate) fn div_scalar(&self, value: f32) -> Self {
        self.same(Ops::float_div_scalar(self.inner.clone(), number(value)))
    }

    /// `selfᵛᵃˡᵘᵉ`.
    pub(crate) fn pow_scalar(&self, value: f32) -> Self {
        self.same(Ops::float_powf_scalar(self.inner.clone(), number(value)))
    }

    /// Limits to `[low, high]`; the gradient is 1 inside and at the limits, 0 outside.
    pub(crate) fn clamp(&self, low: f32, high: f32) -> Self {
        self.same(Ops::float_clamp(self.inner.clone(), number(low), number(high)))
    }
}

/// Activations that Burn has.
impl DeviceTensor {
    pub(crate) fn relu(&self) -> Self {
        self.same(Ops::relu(self.inner.clone()))
    }

    pub(crate) fn sigmoid(&self) -> Self {
        self.same(Ops::sigmoid(self.inner.clone()))
    }

    pub(crate) fn gelu(&self) -> Self {
        self.same(Ops::gelu(self.inner.clone()))
    }

    /// Softmax over `axis`.
    pub(crate) fn softmax(&self, axis: usize) -> Self {
        let by_row = if axis + 1 == self.rank() {
            kernels::softmax(self)
        } else {
            None
        };
        by_row.unwrap_or_else(|| self.same(Ops::softmax(self.inner.clone(), axis)))
    }

    /// Logarithm of the softmax over `axis`.
    #[must_use]
    pub fn log_softmax(&self, axis: usize) -> Self {
        self.same(Ops::log_softmax(self.inner.clone(), axis))
    }
}

/// Changing shapes and moving elements.
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

    /// The larger (or smaller) of two tensors, element by element; on a tie the gradient goes to `self`.
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
        Ok(Self {
            inner: Ops::float_mask_where(left, mask, right),
            scalar,
            buffers: self.buffers.or(&other.buffers),
        })
    }
}

/// The largest or the smallest of several values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extremum {
    Largest,
    Smallest,
}

/// The shape in which Burn holds a tensor of shape `dims`, and whether that stands for a scalar.
fn held(dims: &[usize]) -> (Vec<usize>, bool) {
    match dims {
        [] => (vec![1], true),
        _ => (dims.to_vec(), false),
    }
}

fn number(value: f32) -> Scalar {
    Scalar::Float(f64::from(value))
}

fn slice(start: usize, end: usize) -> Slice {
    Slice::new(start as isize, Some(end as isize), 1)
}
