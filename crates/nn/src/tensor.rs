//! One tensor type with its rank known at run time: f32 on a Burn device, with or without a gradient tape.
//!
//! Burn's `Tensor<D>` carries its rank in the type; the dispatch tensor beneath it does not, and takes the same
//! operations. This file is the only one (with `kernels/`) that calls them. Shapes are checked by the operators before
//! they come here, because Burn panics when they do not match. Burn has no tensors of rank 0: a scalar is held as one
//! element of rank 1 with a flag.

use burn::backend::ops::{ActivationOps, FloatTensorOps};
use burn::backend::{AutodiffBackend, Dispatch, DispatchTensor, Scalar, Shape, TensorData, TensorMetadata};
use burn::tensor::Device;

use crate::kernels::BufferPool;
use crate::shape::{align, broadcast, elements};
use crate::{Error, Result, kernels};

mod moves;

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

    /// A tensor of other values on the device of this one.
    ///
    /// # Errors
    /// `Shape` when `values` does not hold as many elements as `dims` takes.
    pub(crate) fn with_values(&self, dims: &[usize], values: Vec<f32>) -> Result<Self> {
        let (expected, found) = (elements(dims)?, values.len());
        if expected != found {
            return Err(Error::shape(format!(
                "shape {dims:?} takes {expected} elements, found {found}"
            )));
        }
        let (shape, scalar) = held(dims);
        let device = self.detached().inner.device();
        Ok(Self {
            inner: Ops::float_from_data(TensorData::new(values, shape), &device),
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
