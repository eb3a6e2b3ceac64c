//! Normalizations by the statistics of a batch or by given ones, and activations: by our kernels, or by Burn's operations
//! where there is no kernel.

use burn::backend::Dispatch;
use burn::backend::ops::ModuleOps;

use crate::Result;
use crate::kernels::{self, Activation, Normalized, Range};
use crate::tensor::DeviceTensor;

impl DeviceTensor {
    /// Normalizes `[n, c, s…]` by channel with the statistics of the batch, and activates; `scale` and `bias` are
    /// `[c]`.
    pub(crate) fn normalize_batch(
        &self,
        scale: &Self,
        bias: &Self,
        epsilon: f32,
        activation: Activation,
    ) -> Result<Normalized> {
        if let Some(found) = kernels::normalize(self, scale, bias, epsilon, activation) {
            return Ok(found);
        }
        let result = Dispatch::batch_norm_train(
            self.inner().clone(),
            scale.inner().clone(),
            bias.inner().clone(),
            f64::from(epsilon),
        );
        Ok(Normalized {
            output: self.derived(result.output).activate(activation)?,
            mean: self.derived(result.mean).detached(),
            variance: self.derived(result.variance).detached(),
        })
    }

    /// Normalizes `[n, c, s…]` by channel with given statistics, and activates:
    /// `x · k + (bias − mean·k)`, `k = scale / √(variance + ε)`.
    pub(crate) fn normalize_with(
        &self,
        [scale, bias, mean, variance]: [&Self; 4],
        epsilon: f32,
        activation: Activation,
    ) -> Result<Self> {
        let factor = scale.mul(&variance.add_scalar(epsilon).sqrt().recip())?;
        let offset = bias.sub(&mean.mul(&factor)?)?;
        if let Some(y) = kernels::affine(self, &factor, &offset, activation) {
            return Ok(y);
        }
        let mut by_channel = vec![1; self.rank()];
        by_channel[1] = factor.dims()[0];
        let y = self
            .mul(&factor.reshape(&by_channel)?)?
            .add(&offset.reshape(&by_channel)?)?;
        y.activate(activation)
    }

    /// Applies the activation to every element.
    pub(crate) fn activate(&self, activation: Activation) -> Result<Self> {
        if activation == Activation::NONE {
            return Ok(self.clone());
        }
        match kernels::activate(self, activation) {
            Some(y) => Ok(y),
            None => self.activate_by_parts(activation),
        }
    }

    /// The same with Burn's own operations.
    fn activate_by_parts(&self, activation: Activation) -> Result<Self> {
        Ok(match activation {
            Activation::Limit(Range::RELU) => self.relu(),
            Activation::Limit(range) => self.clamp(range.low, range.high),
            Activation::Sigmoid => self.sigmoid(),
            Activation::Swish { alpha } => self.mul(&self.mul_scalar(alpha).sigmoid())?,
            Activation::HardSwish => self.mul(&self.mul_scalar(1.0 / 6.0).add_scalar(0.5).clamp(0.0, 1.0))?,
            Activation::HardSigmoid { alpha, beta } => self.mul_scalar(alpha).add_scalar(beta).clamp(0.0, 1.0),
            Activation::Gelu => self.gelu(),
            Activation::GeluTanh => {
                let cube = self.mul(self)?.mul(self)?.mul_scalar(0.044_715);
                let inner = self.add(&cube)?.mul_scalar((2.0 / std::f32::consts::PI).sqrt());
                self.mul(&inner.tanh().add_scalar(1.0))?.mul_scalar(0.5)
            }
            Activation::Tanh => self.tanh(),
        })
    }

    /// `(x − mean) / √(variance + ε)` over `axes`.
    pub(crate) fn standardize(&self, axes: &[usize], epsilon: f32) -> Result<Self> {
        let centred = self.sub(&self.mean(axes))?;
        let variance = centred.mul(&centred)?.mean(axes);
        centred.div(&variance.add_scalar(epsilon).sqrt())
    }
}
