//! The loop: weigh, run the next step, weigh again.

use ranktune_core::{Event, Interrupt, Progress, counted};
use ranktune_report::format::seconds;
use ranktune_report::ranking::DecisionEnd;
use ranktune_report::trial::{TrialRung, TrialStatus};
use ranktune_scores::decision::AdviceOptions;

use super::halving;
use super::schedule::{Belief, Next, Step, Weighed, weigh};
use super::standing::Standing;
use super::trial::Trainer;
use crate::error::{Error, ErrorKind};

/// A search for the model that will be best after tuning.
pub(crate) struct Search<'a> {
    /// Names of the models, in the order of the ranking.
    pub(crate) names: &'a [String],
    pub(crate) trainer: &'a dyn Trainer,
    /// None where there is no decision model.
    pub(crate) belief: Option<&'a dyn Belief>,
    /// Expected regret at which the search ends, as a share.
    pub(crate) tolerance: f64,
    /// Seconds that trials may take; see [`Standing::budget`].
    pub(crate) budget: Option<f64>,
    pub(crate) seed: u64,
    pub(crate) progress: &'a dyn Progress,
    pub(crate) interrupt: &'a Interrupt,
}

impl Search<'_> {
    /// Runs trials until the expected regret is within the tolerance, the budget is used, or nothing is left to learn.
    ///
    /// # Errors
    /// [`ErrorKind::Output`] where a trial cannot be kept.
    pub(crate) fn run(&self, standing: &mut Standing<'_>) -> Result<DecisionEnd, Error> {
        let mut belief = self.belief;
        loop {
            let budget = standing.budget(self.budget);
            let left = (budget - standing.spent()).max(0.0);
            let next = match belief.map(|belief| weigh(belief, standing, &self.advice_options(left))) {
                Some(Ok(weighed)) => {
                    self.say_belief(&weighed);
                    weighed.next
                }
                Some(Err(error)) => {
                    let text = format!("there is no decision ({error}); trials go on by successive halving");
                    self.progress.event(Event::Note(&text));
                    belief = None;
                    continue;
                }
                None => halving::next_step(standing, left),
            };
            let step = match next {
                Next::End(end) => {
                    self.say_end(end, standing);
                    return Ok(end);
                }
                Next::Try(step) => step,
            };
            if self.interrupt.is_raised() {
                return Ok(DecisionEnd::Interrupted);
            }
            let epochs = standing.rungs[standing.reached[step.model].len()];
            self.say_step(step, epochs, standing, budget);
            let rung = match self.trainer.step(step.model, epochs, &standing.reached[step.model]) {
                Ok(rung) => rung,
                Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(DecisionEnd::Interrupted),
                Err(error) => return Err(error),
            };
            self.say_result(step.model, &rung);
            standing.reached[step.model].push(rung);
        }
    }

    fn advice_options(&self, budget: f64) -> AdviceOptions {
        let mut options = AdviceOptions::default();
        options.tolerance = self.tolerance;
        options.budget = budget;
        options.outlook.seed = self.seed;
        options
    }

    fn say_belief(&self, weighed: &Weighed) {
        let Some(outlook) = &weighed.outlook else { return };
        let first = outlook.models[outlook.first];
        let name = &self.names[weighed.left[outlook.first]];
        self.progress.event(Event::Done(&format!(
            "{name} is the likely best: P(best) {:.2}; choosing it now is expected to lose {:.2} points",
            first.p_best,
            100.0 * outlook.expected_regret
        )));
    }

    fn say_step(&self, step: Step, epochs: usize, standing: &Standing<'_>, budget: f64) {
        let count = standing.configurations_left(step.model);
        self.progress.event(Event::Done(&format!(
            "next trial: {} up to epoch {epochs} of {}, {}, about {} s; {} s of {} s used",
            self.names[step.model],
            standing.epochs,
            counted(count, "configuration"),
            seconds(step.seconds),
            seconds(standing.spent()),
            seconds(budget),
        )));
    }

    fn say_result(&self, model: usize, rung: &TrialRung) {
        let name = &self.names[model];
        let text = match (rung.value, &rung.metric, rung.configurations.first()) {
            (Some(value), Some(metric), Some(chosen)) => format!(
                "trial of {name}: {metric} {value:.4} by epoch {} (learning rate {}, batch norm {}), {} s",
                rung.epochs,
                chosen.learning_rate,
                chosen.batch_norm,
                seconds(rung.seconds)
            ),
            _ => {
                let what = if rung.status == TrialStatus::Diverged {
                    "diverged"
                } else {
                    "failed"
                };
                let reason = rung.reason.as_deref().unwrap_or("no reason is known");
                format!("trial of {name} {what} and is left out of the decision: {reason}")
            }
        };
        self.progress.event(Event::Done(&text));
    }

    fn say_end(&self, end: DecisionEnd, standing: &Standing<'_>) {
        let why = match end {
            DecisionEnd::Tolerance => "the expected regret is within the tolerance",
            DecisionEnd::Budget => "no trial that is left fits the time",
            _ => "no trial that is left is expected to change the choice",
        };
        let count: usize = standing.reached.iter().map(Vec::len).sum();
        self.progress.event(Event::Done(&format!(
            "trials ended: {why}; {} took {} s, about {:.1} % of tuning every model",
            counted(count, "trial"),
            seconds(standing.spent()),
            100.0 * standing.cost().share
        )));
    }
}
