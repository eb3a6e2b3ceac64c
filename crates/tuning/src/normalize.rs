//! Normalizations of a tensor by statistics of its own or given ones.

use burn::backend::Dispatch;
use burn::backend::ops::ModuleOps;

use crate::Result;
use crate::tensor::DeviceTensor;

/// What [`DeviceTensor::normalize_batch`] gives.
pub(crate) struct BatchNormalized {
    pub output: DeviceTensor,
    /// Of the batch, `[c]`, without a gradient.
    pub mean: DeviceTensor,
    /// Of the batch, biased, `[c]`, without a gradient.
    pub variance: DeviceTensor,
}

impl DeviceTensor {
    /// Normalizes `[n, c, s…]` by channel with the statistics of the batch; `scale` and `bias` are `[c]`.
    pub(crate) fn normalize_batch(&self, scale: &Self, bias: &Self, epsilon: f32) -> Result<BatchNormalized> {
        let result = Dispatch::batch_norm_train(
            self.inner().clone(),
            scale.inner().clone(),
            bias.inner().clone(),
            f64::from(epsilon),
        );
        Ok(BatchNormalized {
            output: Self::from_inner(result.output),
            mean: Self::from_inner(result.mean).detached(),
            variance: Self::from_inner(result.variance).detached(),
        })
    }

    /// Normalizes `[n, c, s…]` by channel with given statistics: `x · k + (bias − mean·k)`, `k = scale / √(variance + ε)`.
    pub(crate) fn normalize_with(
        &self,
        scale: &Self,
        bias: &Self,
        mean: &Self,
        variance: &Self,
        epsilon: f32,
    ) -> Result<Self> {
        let factor = scale.mul(&variance.add_scalar(epsilon).sqrt().recip())?;
        let offset = bias.sub(&mean.mul(&factor)?)?;
        let mut by_channel = vec![1; self.rank()];
        by_channel[1] = factor.dims()[0];
        self.mul(&factor.reshape(&by_channel)?)?
            .add(&offset.reshape(&by_channel)?)
    }

    /// `(x − mean) / √(variance + ε)` over `axes`.
    pub(crate) fn standardize(&self, axes: &[usize], epsilon: f32) -> Result<Self> {
        let centred = self.sub(&self.mean(axes))?;
        let variance = centred.mul(&centred)?.mean(axes);
        centred.div(&variance.add_scalar(epsilon).sqrt())
    }
}
