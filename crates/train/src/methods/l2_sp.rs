//! L2-SP (Li, Grandvalet, Davoine 2018): weights are pulled towards their initial values.
//!
//! `loss = task + (α/2) ‖w − w⁰‖² + (β/2) ‖w_head‖²`; so α(w − w⁰) is added to the gradient of the backbone, βw to the
//! head's. The preset switches ordinary weight decay off.

use ranktune_nn::DeviceTensor;

use crate::error::{Error, Result};
use crate::method::{Loss, Method, ParameterContext, StepContext};
use crate::method_info::MethodInfo;
use crate::options::TrainOptions;

/// The entry of the list.
pub(super) const METHOD: MethodInfo = MethodInfo {
    name: "l2-sp",
    summary: "pull all weights towards their initial values (Li 2018)",
    needs: &[],
    make: |_| Ok(Box::new(L2Sp::default())),
};

/// L2-SP.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct L2Sp {
    alpha: f32,
    beta: f32,
}

impl Default for L2Sp {
    /// α = 0.1, β = 0.01, as published.
    fn default() -> Self {
        Self { alpha: 0.1, beta: 0.01 }
    }
}

impl L2Sp {
    /// α for the backbone, β for the head.
    ///
    /// # Errors
    /// `Input` when one is negative or not finite.
    pub fn new(alpha: f32, beta: f32) -> Result<Self> {
        let is_valid = |value: f32| value.is_finite() && value >= 0.0;
        if !(is_valid(alpha) && is_valid(beta)) {
            return Err(Error::input(format!(
                "alpha and beta must be finite and >= 0, got {alpha} and {beta}"
            )));
        }
        Ok(Self { alpha, beta })
    }
}

impl Method for L2Sp {
    fn name(&self) -> &'static str {
        METHOD.name
    }

    fn describe(&self) -> String {
        format!("l2-sp alpha={} beta={}", self.alpha, self.beta)
    }

    fn preset(&self, options: &mut TrainOptions) {
        options.weight_decay = 0.0;
    }

    fn loss(&self, step: &StepContext<'_>) -> Result<Loss> {
        Ok(Loss::of(step.task_loss()?))
    }

    fn keeps_initial(&self) -> bool {
        true
    }

    fn adjust(&self, parameter: &ParameterContext<'_>) -> Result<Option<DeviceTensor>> {
        let pull = match (parameter.is_head, parameter.initial) {
            (true, _) => parameter.value.mul_scalar(self.beta),
            (false, Some(initial)) => parameter.value.sub(initial)?.mul_scalar(self.alpha),
            (false, None) => return Ok(None),
        };
        Ok(Some(parameter.gradient.add(&pull)?))
    }
}
