//! Linear probing: only the head learns; the backbone stays as it came, its running statistics too.
//!
//! Without augmentation ([`crate::Views::Plain`]) the features are computed once, and the steps run on those.

use crate::{Loss, Method, StepContext};
use ranktune_nn::{Mode, Result};

/// Trains the head only.
#[derive(Clone, Copy, Debug, Default)]
pub struct LinearProbe;

impl Method for LinearProbe {
    fn name(&self) -> &'static str {
        "linear-probe"
    }

    fn trains_backbone(&self) -> bool {
        false
    }

    fn mode(&self, _: Mode, _: u64) -> Mode {
        Mode::Frozen
    }

    fn loss(&self, step: &StepContext<'_>) -> Result<Loss> {
        Ok(Loss {
            total: step.task_loss()?,
            parts: Vec::new(),
        })
    }
}
