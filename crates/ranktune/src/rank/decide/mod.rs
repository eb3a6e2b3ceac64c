//! Which of the scored models will be best after tuning, from their record, their scores, and trials.
//!
//! ```text
//! scored models + record ──known──► past results, candidates ──Belief──► posterior ──conclude──► predicted, order, decision
//! ```
//!
//! | file | what it holds |
//! |---|---|
//! | `question` | the models, the data, and how the metric would be measured |
//! | `known` | which rows of a record are of which model and data set |
//! | `priors` | what the program knows of scores and accuracies from published tables |
//! | `conclude` | from the posterior to the keys of the document |
//!
//! Nothing here fails a ranking: where no decision can be made, the reason is said and the order by score stays.

mod conclude;
mod known;
mod priors;
mod question;
#[cfg(test)]
mod tests;

use ranktune_report::RecordRow;
use ranktune_scores::decision::{DecisionModel, DecisionTarget, Past, Posterior, Rung, Trial};

use known::{Matched, sort_rows};

pub(crate) use question::{ModelFacts, Question};

/// Data sets with results of at least two models that a metric other than accuracy needs in the record: the program has no results of
/// such metrics itself.
const FEWEST_DATA_SETS: usize = 3;

/// What can be said of a question.
pub(crate) enum Answer {
    /// What is believed.
    Belief(Box<Belief>),
    /// Why nothing is predicted, in a sentence.
    Undecided(String),
}

/// What is believed of the models of a question, to which results of trials can be added.
#[derive(Clone)]
pub(crate) struct Belief {
    model: DecisionModel,
    target: DecisionTarget,
    matched: Vec<Matched>,
    record_rows: usize,
    metric: &'static str,
    /// Positions of models that cannot be tuned, and so are not compared.
    out: Vec<usize>,
    /// The score that is used.
    score: Option<String>,
}

/// The trials that may be run.
#[derive(Clone, Debug, Default)]
pub(crate) struct TrialKinds {
    /// Their lengths; those of the record's trials are added.
    pub(crate) rungs: Vec<Rung>,
    /// Variance that the number of validation samples adds to their results, in accuracy².
    pub(crate) sampling: f64,
}

impl Belief {
    /// What the record and the scores say, where these trials may follow.
    pub(crate) fn of(question: &Question, rows: &[RecordRow], trials: TrialKinds) -> Answer {
        let TrialKinds { mut rungs, sampling } = trials;
        if let Some(reason) = question.obstacle() {
            return Answer::Undecided(reason);
        }
        let Some(metric) = question.metric() else {
            let task = question.task.name();
            return Answer::Undecided(format!(
                "The result of tuning is predicted for classes, labels and tags, not for {task}; the order is that of the score."
            ));
        };
        let usable: Vec<&RecordRow> = rows
            .iter()
            .filter(|row| row.metric == metric && (0.0..=1.0).contains(&row.value))
            .collect();
        for name in usable.iter().filter_map(|row| row.rung.as_ref()) {
            if !rungs.iter().any(|rung| rung.name == *name) {
                rungs.push(Rung::new(name.clone(), priors::RUNG_SHARE));
            }
        }
        let sorted = sort_rows(question, &usable);
        if metric != "accuracy" && sorted.data_sets() < FEWEST_DATA_SETS {
            return Answer::Undecided(format!(
                "The record has too few results of {metric} to predict it: results of two models or more on {FEWEST_DATA_SETS} data sets are needed; the order is that of the score."
            ));
        }
        let score = question.score();
        let is_known = |matched: &Matched| matched.rows > 0 || matched.family.is_some();
        if score.is_none() && !sorted.matched.iter().any(is_known) {
            return Answer::Undecided(format!(
                "The record has no result of these models, and how the accuracy after tuning follows from a score is known for {} only; the order is that of the score.",
                priors::SCORE
            ));
        }
        let target = DecisionTarget {
            data_set: sorted.data_set,
            protocol: question.protocol.clone(),
            models: sorted.candidates,
            trials: Vec::new(),
        };
        let record_rows = sorted.past.len();
        let fitted =
            Past::new(sorted.past).and_then(|past| DecisionModel::fit(&past, priors::options(rungs, sampling)));
        match fitted {
            Ok(model) => Answer::Belief(Box::new(Self {
                model,
                target,
                matched: sorted.matched,
                record_rows,
                metric,
                out: Vec::new(),
                score: score.map(str::to_owned),
            })),
            Err(error) => Answer::Undecided(format!("The record and the scores cannot be used together: {error}.")),
        }
    }

    /// Adds the result of a trial on these data: of the model at a position of the question, and of a rung at a position of
    /// the rungs it was made with, or of a full tuning. One that is there already is replaced.
    pub(crate) fn add_trial(&mut self, trial: Trial) {
        let trials = &mut self.target.trials;
        trials.retain(|other| (other.model, other.rung) != (trial.model, trial.rung));
        trials.push(trial);
    }

    /// Takes the models at these positions out of the comparison: they diverged, or cannot be trained.
    pub(crate) fn exclude(&mut self, models: Vec<usize>) {
        self.out = models;
    }

    /// What is believed of the metric of every model, in the order of the question's.
    ///
    /// # Errors
    /// Where the numbers of the record and the trials are so extreme that the system cannot be solved.
    pub(crate) fn posterior(&self) -> Result<Posterior, ranktune_scores::Error> {
        self.model.predict(&self.target)
    }
}
