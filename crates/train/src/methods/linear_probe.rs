//! Linear probing: only the head is trained; the backbone and its running statistics stay as they are.
//!
//! Without augmentation ([`crate::ViewSchedule::Plain`]) the features are computed once and the steps run on those.

use ranktune_nn::Mode;

use crate::error::Result;
use crate::method::{Loss, Method, StepContext};
use crate::method_info::MethodInfo;

/// The entry of the list.
pub(super) const METHOD: MethodInfo = MethodInfo {
    name: "linear-probe",
    summary: "train the new head only",
    needs: &[],
    make: |_| Ok(Box::new(LinearProbe)),
};

/// Trains the head only.
#[derive(Clone, Copy, Debug, Default)]
pub struct LinearProbe;

impl Method for LinearProbe {
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
