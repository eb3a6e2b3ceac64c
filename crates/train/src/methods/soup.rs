//! Model soups (Wortsman et al., ICML 2022): the average of the weights of several runs from the same start.
//!
//! Every run of a search (learning rates, statistics of BatchNormalization) is fine-tuning with one configuration, from the same weights
//! and the same new head. The uniform soup is the mean of all runs' weights. The greedy soup goes through the runs from the best on
//! the validation samples, and keeps each whose addition does not lower their metric (algorithm 1). Written is the better of the two on the
//! validation samples, or the best single run where neither is as good.
//!
//! Cost: that of the search; one validation for each run and soup at the end.

use crate::error::Result;
use crate::method::{Loss, Method, StepContext};
use crate::method_info::{MethodInfo, Need};

/// The entry of the list.
pub(super) const METHOD: MethodInfo = MethodInfo {
    name: "soup",
    summary: "average the weights of the runs of a search, all or greedily chosen (Wortsman 2022)",
    needs: &[Need::Search],
    make: |_| Ok(Box::new(Soup)),
};

/// A run of a soup: fine-tuning.
#[derive(Clone, Copy, Debug, Default)]
pub struct Soup;

impl Method for Soup {
    fn name(&self) -> &'static str {
        METHOD.name
    }

    fn loss(&self, step: &StepContext<'_>) -> Result<Loss> {
        Ok(Loss::of(step.task_loss()?))
    }
}
