//! Sums, means, extrema and matrix products of device tensors.

use burn::backend::Dispatch;
use burn::backend::ops::FloatTensorOps;

use crate::shape::broadcast;
use crate::tensor::{DeviceTensor, Extremum};
use crate::{Error, Result, kernels};

impl DeviceTensor {
    /// The sum over `axes`, which stay as size 1.
    #[must_use]
    pub fn sum(&self, axes: &[usize]) -> Self {
        match axes {
            [] => self.clone(),
            [axis] => self.same(Dispatch::float_sum_dim(self.inner().clone(), *axis)),
            _ => self.same(Dispatch::float_sum_dims(self.inner().clone(), axes)),
        }
    }

    /// The mean over `axes`, which stay as size 1.
    #[must_use]
    pub fn mean(&self, axes: &[usize]) -> Self {
        let dims = self.dims();
        let count: usize = axes.iter().map(|&axis| dims[axis]).product();
        match axes {
            [] => self.clone(),
            [axis] => self.same(Dispatch::float_mean_dim(self.inner().clone(), *axis)),
            _ => self.sum(axes).mul_scalar(1.0 / count as f32),
        }
    }

    /// The largest or smallest along `axis`, which stays as size 1.
    pub(crate) fn extremum_along(&self, axis: usize, which: Extremum) -> Self {
        let inner = self.inner().clone();
        self.same(match which {
            Extremum::Largest => Dispatch::float_max_dim(inner, axis),
            Extremum::Smallest => Dispatch::float_min_dim(inner, axis),
        })
    }

    /// The cumulative sum along `axis`.
    pub(crate) fn cumulative_sum(&self, axis: usize) -> Self {
        self.same(Dispatch::float_cumsum(self.inner().clone(), axis))
    }

    /// Matrix product over the last two axes; the ones before broadcast.
    ///
    /// # Shapes
    /// `[…, n, k] · […, k, m] → […, n, m]`, both of rank 2 or more.
    ///
    /// # Errors
    /// `Shape` when their shapes do not match.
    pub fn matmul(&self, other: &Self) -> Result<Self> {
        let (a, b) = (self.dims(), other.dims());
        let (Some(&[n, k]), Some(&[l, m])) = (a.last_chunk::<2>(), b.last_chunk::<2>()) else {
            return Err(Error::shape(format!(
                "a matrix product takes matrices, got {a:?} and {b:?}"
            )));
        };
        if k != l {
            return Err(Error::shape(format!(
                "matrices of shape {a:?} and {b:?} cannot be multiplied"
            )));
        }
        let batch = broadcast(&a[..a.len() - 2], &b[..b.len() - 2])?;
        if b.len() == 2 && a.len() > 2 {
            // One large product is faster than many small ones that share the right-hand matrix.
            let rows: usize = a[..a.len() - 1].iter().product();
            let product = self.reshape(&[rows, k])?.matmul(other)?;
            return product.reshape(&[&a[..a.len() - 1], &[m]].concat());
        }
        let left = self.expand(&[batch.as_slice(), &[n, k]].concat())?;
        let right = other.expand(&[batch.as_slice(), &[l, m]].concat())?;
        Ok(kernels::matmul(&left, &right).unwrap_or_else(|| {
            let product = Dispatch::float_matmul(left.inner().clone(), right.inner().clone());
            Self::from_inner(product, &left.buffers().or(right.buffers()))
        }))
    }
}
