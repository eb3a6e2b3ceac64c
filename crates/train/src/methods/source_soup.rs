//! A soup of source weights: fine-tuning that starts from the average of several pre-trained models of one architecture.
//!
//! `w⁰ = (1/K) Σ_k w_k` for every weight and running statistic, then fine-tuning with a new head (the average of Wortsman et al., ICML 2022,
//! taken before training instead of after it). It helps where the models come from one ancestor, such as one backbone tuned on
//! several source sets; models that were trained from different random weights lie in different basins, and their average knows
//! nothing: those need their neurons aligned first (Singh and Jaggi 2020), which this method does not do.
//!
//! Cost: that of fine-tuning, and reading K models once.

use crate::error::Result;
use crate::method::{Loss, Method, StepContext};
use crate::method_info::{MethodInfo, Need};

/// The entry of the list.
pub(super) const METHOD: MethodInfo = MethodInfo {
    name: "source-soup",
    summary: "fine-tune the average of the best-ranked models, which have one architecture",
    needs: &[Need::Homogeneous],
    make: |_| Ok(Box::new(SourceSoup)),
};

/// Training from the average: fine-tuning.
#[derive(Clone, Copy, Debug, Default)]
pub struct SourceSoup;

impl Method for SourceSoup {
    fn name(&self) -> &'static str {
        METHOD.name
    }

    fn loss(&self, step: &StepContext<'_>) -> Result<Loss> {
        Ok(Loss::of(step.task_loss()?))
    }
}
