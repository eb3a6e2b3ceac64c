//! The choice of the next step by expected regret: the plan that lowers it most per second, and its most valuable trial.
//!
//! A plan may be of any rung; a step goes one rung up, and everything is weighed anew after it.

use ranktune_report::ranking::DecisionEnd;
use ranktune_scores::decision::{Advice, AdviceOptions, Outlook, Posterior, Trial, TrialCost};

use super::standing::Standing;
use crate::error::Error;

/// What is known of the models, without the trials of this search.
pub(crate) trait Belief {
    /// The posterior over all models, given trials of them.
    ///
    /// # Errors
    /// Where the decision model cannot be solved.
    fn posterior(&self, trials: Vec<Trial>) -> Result<Posterior, Error>;
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Next {
    /// Train a model to its next rung.
    Try(Step),
    /// Stop.
    End(DecisionEnd),
}

/// A model that is trained to its next rung.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Step {
    pub(crate) model: usize,
    /// Estimated.
    pub(crate) seconds: f64,
}

/// What is believed now, and what to do.
#[derive(Debug)]
pub(crate) struct Weighed {
    /// The models that `outlook` is of.
    pub(crate) left: Vec<usize>,
    /// None where no model is left.
    pub(crate) outlook: Option<Outlook>,
    pub(crate) next: Next,
}

/// The results of all trials so far.
pub(crate) fn trials(standing: &Standing<'_>) -> Vec<Trial> {
    let mut trials = Vec::new();
    for (model, reached) in standing.reached.iter().enumerate() {
        for (rung, result) in reached.iter().enumerate() {
            if let Some(accuracy) = result.value {
                trials.push(Trial {
                    model,
                    rung: Some(rung),
                    accuracy,
                });
            }
        }
    }
    trials
}

/// Weighs every trial that is left against the tolerance and the seconds in `options.budget`.
///
/// # Errors
/// As [`Belief::posterior`].
pub(crate) fn weigh(belief: &dyn Belief, standing: &Standing<'_>, options: &AdviceOptions) -> Result<Weighed, Error> {
    let left = standing.left();
    if left.is_empty() {
        return Ok(Weighed {
            left,
            outlook: None,
            next: Next::End(DecisionEnd::NothingToLearn),
        });
    }
    let seconds = standing.epoch_seconds();
    let mut possible = Vec::new();
    for (place, &model) in left.iter().enumerate() {
        for rung in standing.reached[model].len()..standing.rungs.len() {
            possible.push(TrialCost {
                model: place,
                rung: Some(rung),
                seconds: standing.epochs_to(model, rung) as f64 * seconds[model],
            });
        }
    }
    let posterior = belief.posterior(trials(standing))?.restricted(&left);
    let decision = posterior.decide(&possible, options)?;
    let next = match decision.advice {
        Advice::WithinTolerance => Next::End(DecisionEnd::Tolerance),
        Advice::NothingAffordable if possible.is_empty() => Next::End(DecisionEnd::NothingToLearn),
        Advice::NothingAffordable => Next::End(DecisionEnd::Budget),
        Advice::Try(plan) => match plan.trials.first() {
            Some(first) => {
                let model = left[first.model];
                let rung = standing.reached[model].len();
                Next::Try(Step {
                    model,
                    seconds: standing.epochs_to(model, rung) as f64 * seconds[model],
                })
            }
            None => Next::End(DecisionEnd::NothingToLearn),
        },
        // The advice may grow; what is not known of is not run.
        _ => Next::End(DecisionEnd::NothingToLearn),
    };
    Ok(Weighed {
        left,
        outlook: Some(decision.outlook),
        next,
    })
}
