//! Fine-tuning: all weights learn from the targets, the head faster than the rest.

use crate::{Loss, Method, StepContext};
use ranktune_nn::Result;

/// Plain fine-tuning.
#[derive(Clone, Copy, Debug, Default)]
pub struct FineTune;

impl Method for FineTune {
    fn name(&self) -> &'static str {
        "fine-tune"
    }

    fn loss(&self, step: &StepContext<'_>) -> Result<Loss> {
        Ok(Loss {
            total: step.task_loss()?,
            parts: Vec::new(),
        })
    }
}
