//! Fine-tuning: all weights are trained on the targets, the head at a higher rate than the backbone.

use crate::error::Result;
use crate::method::{Loss, Method, StepContext};
use crate::method_info::MethodInfo;

/// The entry of the list.
pub(super) const METHOD: MethodInfo = MethodInfo {
    name: "fine-tune",
    summary: "train all weights on the targets",
    needs: &[],
    make: |_| Ok(Box::new(FineTune)),
};

/// Plain fine-tuning.
#[derive(Clone, Copy, Debug, Default)]
pub struct FineTune;

impl Method for FineTune {
    fn name(&self) -> &'static str {
        METHOD.name
    }

    fn loss(&self, step: &StepContext<'_>) -> Result<Loss> {
        Ok(Loss::of(step.task_loss()?))
    }
}
