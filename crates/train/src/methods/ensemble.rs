//! An ensemble of the tuned best-ranked models (You et al., JMLR 2022, section 5): an upper reference that costs all of them.
//!
//! Each of the K models is fine-tuned by itself, and `p(x) = (1/K) Σ_k softmax(z_k(x))`; labels: the mean of the sigmoids; numbers: the mean
//! of the predictions. The written folder has one model for each k.
//!
//! Cost: K fine-tunings, and K models to predict with.

use crate::error::Result;
use crate::method::{Loss, Method, StepContext};
use crate::method_info::{MethodInfo, Need};

/// The entry of the list.
pub(super) const METHOD: MethodInfo = MethodInfo {
    name: "ensemble",
    summary: "fine-tune the best-ranked models and average their predictions; the result is all of them",
    needs: &[Need::Ensemble],
    make: |_| Ok(Box::new(Ensemble)),
};

/// Training of one member: fine-tuning.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ensemble;

impl Method for Ensemble {
    fn name(&self) -> &'static str {
        METHOD.name
    }

    fn loss(&self, step: &StepContext<'_>) -> Result<Loss> {
        Ok(Loss::of(step.task_loss()?))
    }
}
