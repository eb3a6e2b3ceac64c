//! Normalizations of a tensor by statistics of its own or given ones.

use burn::backend::Dispatch;
use burn::backend::ops::ModuleOps;

use crate::Result;
use crate::kernels::{self, Normalized, Range};
use crate::tensor::DeviceTensor;

impl DeviceTensor {
    /// Normalizes `[n, c, s…]` by channel with the statistics of the batch, and cuts off at `range`; `scale` and `bias` are
    /// `[c]`.
    pub(crate) fn normalize_batch(&self, scale: &Self, bias: &Self, epsilon: f32, range: Range) -> Result<Normalized> {
        if let Some(found) = kernels::normalize(self, scale, bias, epsilon, range) {
            return Ok(found);
        }
        let result = Dispatch::batch_norm_train(
            self.inner().clone(),
            scale.inner().clone(),
            bias.inner().clone(),
            f64::from(epsilon),
        );
        Ok(Normalized {
            output: Self::from_inner(result.output).limit(range),
            mean: Self::from_inner(result.mean).detached(),
            variance: Self::from_inner(result.variance).detached(),
        })
    }

    /// Normalizes `[n, c, s…]` by channel with given statistics, and cuts off at `range`:
    /// `x · k + (bias − mean·k)`, `k = scale / √(variance + ε)`.
    pub(crate) fn normalize_with(
        &self,
        [scale, bias, mean, variance]: [&Self; 4],
        epsilon: f32,
        range: Range,
    ) -> Result<Self> {
        let factor = scale.mul(&variance.add_scalar(epsilon).sqrt().recip())?;
        let offset = bias.sub(&mean.mul(&factor)?)?;
        if let Some(y) = kernels::affine(self, &factor, &offset, range) {
            return Ok(y);
        }
        let mut by_channel = vec![1; self.rank()];
        by_channel[1] = factor.dims()[0];
        let y = self
            .mul(&factor.reshape(&by_channel)?)?
            .add(&offset.reshape(&by_channel)?)?;
        Ok(y.limit(range))
    }

    /// Cuts every element off at `range`.
    pub(crate) fn limit(&self, range: Range) -> Self {
        match range {
            Range::ALL => self.clone(),
            _ => kernels::limit(self, range).unwrap_or_else(|| match range {
                Range::RELU => self.relu(),
                _ => self.clamp(range.low, range.high),
            }),
        }
    }

    /// `(x − mean) / √(variance + ε)` over `axes`.
    pub(crate) fn standardize(&self, axes: &[usize], epsilon: f32) -> Result<Self> {
        let centred = self.sub(&self.mean(axes))?;
        let variance = centred.mul(&centred)?.mean(axes);
        centred.div(&variance.add_scalar(epsilon).sqrt())
    }
}
