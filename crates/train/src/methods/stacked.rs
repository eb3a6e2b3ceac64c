//! Stacking (Wolpert 1992) of the best-ranked models: one linear head on their features side by side; the models stay as they are.
//!
//! `logits = Σ_k W_k g_k f_k(x) + b`, with f_k(x) the cached features of model k and g_k a fixed factor that brings them to one scale.
//! Either W is trained on the targets as a linear probe is, or it is the evidence-weighted read-out `W_k = κ π_k m_kᵀ` of B-Tuning's
//! teachers; the validation samples choose. The written folder has one model for each k, with its own part of the head.
//!
//! Cost: what the ranking has cached is all that training needs; predicting costs all the models.

use ranktune_nn::Mode;

use crate::error::Result;
use crate::method::{Loss, Method, StepContext};
use crate::method_info::{MethodInfo, Need};

/// The entry of the list.
pub(super) const METHOD: MethodInfo = MethodInfo {
    name: "stacked",
    summary: "one linear head on the cached features of the best-ranked models; the result is all of them (Wolpert 1992)",
    needs: &[Need::Stack],
    make: |_| Ok(Box::new(Stacked)),
};

/// Training of the joint head.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stacked;

impl Method for Stacked {
    fn name(&self) -> &'static str {
        METHOD.name
    }

    fn trains_backbone(&self) -> bool {
        false
    }

    fn mode(&self, _: Mode, _: u64, _: u64) -> Mode {
        Mode::Frozen
    }

    fn loss(&self, step: &StepContext<'_>) -> Result<Loss> {
        Ok(Loss::of(step.task_loss()?))
    }
}
