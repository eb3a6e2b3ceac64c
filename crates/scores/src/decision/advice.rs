//! Which trial tuning to run next, or to stop.
//!
//! A single trial of a rung that was never run says little by itself, since its offset `δ_r` is unknown: only the comparison of two models
//! on the rung does. So plans are weighed rather than single trials: every possible trial, every pair of a model with the present first on
//! the same rung, and the first 3, 4, 6 and 8 models on the same rung. The plan with the largest gain per second wins, and its first trial
//! is run; after the result everything is weighed anew.
//!
//! Gains take the mixture over scales for one normal. Where the scale is not known well they come out too small: 0.0022 against 0.0028
//! from simulated results in one case of four models and a record of four data sets.

use std::collections::BTreeMap;

use ranktune_core::random::Random;

use super::gain::{changes, gain_by_draws, gain_of_lines};
use super::normal;
use super::outlook::{Outlook, OutlookOptions, argmax};
use super::posterior::{Node, Posterior};
use crate::error::{Error, ErrorKind, Result};

/// Sizes of the plans that try the first models together.
const SCREENS: [usize; 4] = [3, 4, 6, 8];
/// Pairs of draws for plans of more than one trial.
const DRAWS: usize = 512;

/// A trial that could be run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrialCost {
    /// Position of the model in the target.
    pub model: usize,
    /// Position of the rung; `None` for a full tuning.
    pub rung: Option<usize>,
    /// What it takes from now, more than 0.
    pub seconds: f64,
}

/// When to stop, and the draws.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct AdviceOptions {
    /// Expected regret, in accuracy, at or below which the search stops; default 0.01, one point.
    pub tolerance: f64,
    /// Seconds that are left for trials; default infinite.
    pub budget: f64,
    /// For the expected regret.
    pub outlook: OutlookOptions,
}

impl Default for AdviceOptions {
    fn default() -> Self {
        Self {
            tolerance: 0.01,
            budget: f64::INFINITY,
            outlook: OutlookOptions::default(),
        }
    }
}

/// What to do.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Advice {
    /// The first is good enough: its expected regret is at or below the tolerance.
    WithinTolerance,
    /// Every trial that is left takes longer than the budget, or there is none.
    NothingAffordable,
    /// No trial that is left is expected to change the choice.
    NothingToLearn,
    /// Run the first trial of the plan.
    Try(Plan),
}

/// Trials that are worth their time together, the most valuable first.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// At least one, all of the same rung.
    pub trials: Vec<TrialCost>,
    /// Expected reduction of the regret by all of them, in accuracy.
    pub gain: f64,
    /// Sum of their seconds.
    pub seconds: f64,
}

/// The state of the search, and what to do next.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Decision {
    /// P(best), rank intervals and expected regrets now.
    pub outlook: Outlook,
    /// What to do.
    pub advice: Advice,
}

impl Posterior {
    /// What to do next, given every trial that could be run and what it costs. Trials whose results are already in the posterior are
    /// passed over.
    ///
    /// # Errors
    /// [`ErrorKind::OutOfRange`] for a model or rung that does not exist, seconds that are not positive and finite, a tolerance or budget
    /// that is negative or NaN; as [`Posterior::outlook`] otherwise.
    pub fn decide(&self, possible: &[TrialCost], options: &AdviceOptions) -> Result<Decision> {
        if !(options.tolerance >= 0.0 && options.budget >= 0.0) {
            return Err(Error::new(
                ErrorKind::OutOfRange,
                format!(
                    "tolerance and budget must be 0 or more, got {} and {}",
                    options.tolerance, options.budget
                ),
            ));
        }
        for cost in possible {
            let exists = cost.model < self.n_models() && cost.rung.is_none_or(|rung| rung < self.noises().len());
            if !(exists && cost.seconds > 0.0 && cost.seconds.is_finite()) {
                return Err(Error::new(
                    ErrorKind::OutOfRange,
                    format!(
                        "a possible trial needs a model below {}, a rung below {} and positive seconds, got {}, {:?} and {}",
                        self.n_models(),
                        self.noises().len(),
                        cost.model,
                        cost.rung,
                        cost.seconds
                    ),
                ));
            }
        }
        let outlook = self.outlook(&options.outlook)?;
        let advice = if outlook.expected_regret <= options.tolerance {
            Advice::WithinTolerance
        } else {
            self.best_plan(possible, options)
        };
        Ok(Decision { outlook, advice })
    }

    fn best_plan(&self, possible: &[TrialCost], options: &AdviceOptions) -> Advice {
        let is_open = |cost: &&TrialCost| {
            let is_done = |trial: &super::target::Trial| {
                trial.model == cost.model && (trial.rung == cost.rung || trial.rung.is_none())
            };
            cost.seconds <= options.budget && !self.trials().iter().any(is_done)
        };
        let mut by_rung: BTreeMap<Option<usize>, Vec<TrialCost>> = BTreeMap::new();
        for cost in possible.iter().filter(is_open) {
            by_rung.entry(cost.rung).or_default().push(*cost);
        }
        if by_rung.is_empty() {
            return Advice::NothingAffordable;
        }
        let scales = Weighing::new(self, options.outlook.seed);
        let mut best: Option<Plan> = None;
        for mut trials in by_rung.into_values() {
            trials.sort_by(|a, b| scales.means[b.model].total_cmp(&scales.means[a.model]));
            for plan in plans(&trials, scales.first) {
                let seconds: f64 = plan.iter().map(|cost| cost.seconds).sum();
                if seconds > options.budget {
                    continue;
                }
                let gain = scales.gain(&plan);
                let is_better = best
                    .as_ref()
                    .is_none_or(|best| gain * best.seconds > best.gain * seconds);
                if gain > 0.0 && is_better {
                    best = Some(Plan {
                        trials: plan,
                        gain,
                        seconds,
                    });
                }
            }
        }
        match best {
            // Below this the reduction is rounding, or draws that happened to fall well.
            Some(plan) if plan.gain > 1e-9 => Advice::Try(scales.most_valuable_first(plan)),
            _ => Advice::NothingToLearn,
        }
    }
}

/// Plans over the open trials of one rung, which are in order of expected accuracy.
fn plans(trials: &[TrialCost], first: usize) -> Vec<Vec<TrialCost>> {
    let mut plans: Vec<Vec<TrialCost>> = trials.iter().map(|&cost| vec![cost]).collect();
    if let Some(&leader) = trials.iter().find(|cost| cost.model == first) {
        let others = trials.iter().filter(|cost| cost.model != first);
        plans.extend(others.map(|&other| vec![leader, other]));
    }
    let sizes = SCREENS.into_iter().filter(|&size| size <= trials.len());
    plans.extend(sizes.map(|size| trials[..size].to_vec()));
    plans
}

/// What gains are computed from.
struct Weighing<'a> {
    belief: Node,
    /// `v_r`
    noises: &'a [f64],
    means: Vec<f64>,
    first: usize,
    /// Standard normal numbers by number of trials.
    draws: BTreeMap<usize, Vec<f64>>,
}

impl<'a> Weighing<'a> {
    fn new(posterior: &'a Posterior, seed: u64) -> Self {
        let means = posterior.mean();
        let mut draws = BTreeMap::new();
        for size in [2].into_iter().chain(SCREENS) {
            let mut values = vec![0.0; size * DRAWS];
            normal::fill(&mut values, &mut Random::of_stream(seed, size as u64));
            draws.insert(size, values);
        }
        Self {
            belief: posterior.merged(),
            noises: posterior.noises(),
            first: argmax(&means),
            means,
            draws,
        }
    }

    fn gain(&self, plan: &[TrialCost]) -> f64 {
        let places: Vec<(usize, Option<usize>)> = plan.iter().map(|cost| (cost.model, cost.rung)).collect();
        let Some(changes) = changes(&self.belief, &places, self.noises) else {
            return 0.0;
        };
        match self.draws.get(&plan.len()) {
            Some(draws) => gain_by_draws(&self.means, &changes, draws),
            None => gain_of_lines(&self.means, changes.col_as_slice(0)),
        }
    }

    fn most_valuable_first(&self, mut plan: Plan) -> Plan {
        let rates: BTreeMap<usize, f64> = plan
            .trials
            .iter()
            .map(|cost| (cost.model, self.gain(&[*cost]) / cost.seconds))
            .collect();
        plan.trials.sort_by(|a, b| rates[&b.model].total_cmp(&rates[&a.model]));
        plan
    }
}
