//! Optimizer steps on the CPU backend, each one pass over memory: SGD with momentum, and AdamW.
//!
//! Burn's own operations would take eight passes. The optimizers of the crate `ranktune-train` document the rules.

use burn::backend::Flex;
use burn::backend::TensorMetadata;
use burn::backend::flex::FlexTensor;
use rayon::prelude::*;

use super::elementwise::vectorized;
use super::kernel::wrap;
use super::layout::{dense, values};
use crate::tensor::DeviceTensor;

/// Elements per task.
const CHUNK: usize = 1 << 15;

/// The coefficients of a step of SGD.
#[derive(Clone, Copy, Debug)]
pub struct SgdStep {
    /// The factor of the gradient, which limits its norm.
    pub shrink: f32,
    /// Learning rate.
    pub rate: f32,
    /// Weight decay.
    pub decay: f32,
    /// Momentum.
    pub momentum: f32,
    /// Whether the momentum is Nesterov's.
    pub nesterov: bool,
}

impl SgdStep {
    /// The new weight and momentum of one element.
    #[inline(always)]
    fn element(self, weight: f32, gradient: f32, momentum: f32) -> (f32, f32) {
        let gradient = gradient * self.shrink + self.decay * weight;
        let momentum = self.momentum * momentum + gradient;
        let direction = if self.nesterov {
            gradient + self.momentum * momentum
        } else {
            momentum
        };
        (weight - self.rate * direction, momentum)
    }
}

/// The coefficients of a step of AdamW.
#[derive(Clone, Copy, Debug)]
pub struct AdamWStep {
    /// As [`SgdStep::shrink`].
    pub shrink: f32,
    /// Learning rate.
    pub rate: f32,
    /// Weight decay.
    pub decay: f32,
    /// Decay of the first moment.
    pub beta_1: f32,
    /// Decay of the second moment.
    pub beta_2: f32,
    /// Added to the root of the second moment.
    pub epsilon: f32,
    /// `1 − β₁ᵗ`.
    pub correction_1: f32,
    /// `√(1 − β₂ᵗ)`.
    pub correction_2: f32,
}

impl AdamWStep {
    /// The new weight and moments of one element.
    #[inline(always)]
    fn element(self, weight: f32, gradient: f32, first: f32, second: f32) -> (f32, f32, f32) {
        let gradient = gradient * self.shrink;
        let weight = weight * (1.0 - self.rate * self.decay);
        let first = first + (gradient - first) * (1.0 - self.beta_1);
        let second = second * self.beta_2 + gradient * gradient * (1.0 - self.beta_2);
        let divisor = second.sqrt() / self.correction_2 + self.epsilon;
        (weight - self.rate / self.correction_1 * first / divisor, first, second)
    }
}

/// `weight − rate · gradient`; `None` on other devices.
pub fn descend(weight: &DeviceTensor, gradient: &DeviceTensor, rate: f32) -> Option<DeviceTensor> {
    let (w, g) = (plain(weight)?, plain(gradient)?);
    let (w, g) = (values(&w), values(&g));
    let mut weights = weight.buffers().take(w.len());
    let old = w.par_chunks(CHUNK).zip(g.par_chunks(CHUNK));
    weights.par_chunks_mut(CHUNK).zip(old).for_each(|(weights, (w, g))| {
        vectorized(
            #[inline(always)]
            || {
                for ((weight, &w), &g) in weights.iter_mut().zip(w).zip(g) {
                    *weight = w - rate * g;
                }
            },
        );
    });
    Some(like(weight, weights))
}

/// The new weights and momenta (zero in the first step); `None` on other devices.
pub fn sgd(
    weight: &DeviceTensor,
    gradient: &DeviceTensor,
    momentum: Option<&DeviceTensor>,
    step: SgdStep,
) -> Option<[DeviceTensor; 2]> {
    let (w, g) = (plain(weight)?, plain(gradient)?);
    let m = match momentum {
        Some(momentum) => Some(plain(momentum)?),
        None => None,
    };
    let (w, g) = (values(&w), values(&g));
    let zeros = vec![0.0; CHUNK];
    let (mut weights, mut momenta) = (weight.buffers().take(w.len()), weight.buffers().take(w.len()));
    weights
        .par_chunks_mut(CHUNK)
        .zip(momenta.par_chunks_mut(CHUNK))
        .enumerate()
        .for_each(|(chunk, (weights, momenta))| {
            let range = chunk * CHUNK..chunk * CHUNK + weights.len();
            let (w, g) = (&w[range.clone()], &g[range.clone()]);
            let m = m.as_ref().map_or(&zeros[..weights.len()], |m| &values(m)[range]);
            vectorized(
                #[inline(always)]
                || {
                    for ((((weight, momentum), &w), &g), &m) in weights.iter_mut().zip(momenta).zip(w).zip(g).zip(m) {
                        (*weight, *momentum) = step.element(w, g, m);
                    }
                },
            );
        });
    Some([like(weight, weights), like(weight, momenta)])
}

/// The new weights, first and second moments (zero in the first step); `None` on other devices.
pub fn adam_w(
    weight: &DeviceTensor,
    gradient: &DeviceTensor,
    moments: Option<[&DeviceTensor; 2]>,
    step: AdamWStep,
) -> Option<[DeviceTensor; 3]> {
    let (w, g) = (plain(weight)?, plain(gradient)?);
    let moments = match moments {
        Some([first, second]) => Some([plain(first)?, plain(second)?]),
        None => None,
    };
    let (w, g) = (values(&w), values(&g));
    let zeros = vec![0.0; CHUNK];
    let count = w.len();
    let [mut weights, mut firsts, mut seconds] = [(); 3].map(|()| weight.buffers().take(count));
    weights
        .par_chunks_mut(CHUNK)
        .zip(firsts.par_chunks_mut(CHUNK))
        .zip(seconds.par_chunks_mut(CHUNK))
        .enumerate()
        .for_each(|(chunk, ((weights, firsts), seconds))| {
            let range = chunk * CHUNK..chunk * CHUNK + weights.len();
            let (w, g) = (&w[range.clone()], &g[range.clone()]);
            let [a, b] = match &moments {
                Some([first, second]) => [&values(first)[range.clone()], &values(second)[range]],
                None => [&zeros[..weights.len()], &zeros[..weights.len()]],
            };
            vectorized(
                #[inline(always)]
                || {
                    let new = weights.iter_mut().zip(firsts).zip(seconds);
                    let old = w.iter().zip(g).zip(a).zip(b);
                    for (((weight, first), second), (((&w, &g), &a), &b)) in new.zip(old) {
                        (*weight, *first, *second) = step.element(w, g, a, b);
                    }
                },
            );
        });
    Some([like(weight, weights), like(weight, firsts), like(weight, seconds)])
}

/// The sum of the squares of all elements, in an order that does not depend on the threads; `None` on other devices.
pub fn sum_of_squares(tensor: &DeviceTensor) -> Option<f64> {
    let plain = plain(tensor)?;
    let parts: Vec<f64> = values(&plain)
        .par_chunks(CHUNK)
        .map(|values| values.iter().map(|&value| f64::from(value) * f64::from(value)).sum())
        .collect();
    Some(parts.into_iter().sum())
}

/// The tensor on the CPU backend, contiguous and without a tape.
fn plain(tensor: &DeviceTensor) -> Option<FlexTensor> {
    let lifted = burn::Tensor::<1>::from_dispatch(tensor.inner().clone());
    Some(
        lifted
            .without_autodiff()
            .try_into_primitive::<Flex>()
            .ok()?
            .to_contiguous(),
    )
}

fn like(tensor: &DeviceTensor, data: Vec<f32>) -> DeviceTensor {
    let dims = tensor.inner().shape().as_slice().to_vec();
    let inner = wrap(
        burn::Tensor::<1>::from_primitive::<Flex>(dense(&dims, data)),
        tensor.buffers(),
    );
    tensor.same(inner.inner().clone())
}
