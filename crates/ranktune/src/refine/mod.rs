//! Refining a ranking by trials: short fine-tunings of the models that may be the best, until it is sure enough which one is.
//!
//! ```text
//! scores, record ──Belief──► weigh: P(best), expected regret ──► next step ──Trainer──► a rung of a trial, kept in its folder
//!                               ▲                                                          │
//!                               └──────────────────────────────────────────────────────────┘
//! ```
//!
//! | file | what it holds |
//! |---|---|
//! | `options` | what can be chosen, and its defaults |
//! | `search` | the loop, and what it says |
//! | `schedule`, `halving` | the choice of the next step: by expected regret, or by successive halving |
//! | `standing`, `cost` | what was reached, and what further steps cost |
//! | `trial`, `folder` | one step of one model, and where it is kept |
//! | `results` | what the document and the record have of trials |
//!
//! A trial is the beginning of `tune --method fine-tune --learning-rate auto`, paused: same split, schedule and search, so that `tune`
//! goes on from it. A search is a function of what its trials have reached, so one that was killed goes on as if it had not been.

mod cost;
mod folder;
mod halving;
mod options;
mod results;
mod schedule;
mod search;
mod standing;
#[cfg(test)]
mod tests;
mod trial;

use std::path::PathBuf;

use ranktune_core::{Event, Interrupt, Progress, counted};
use ranktune_data::Dataset;
use ranktune_report::ranking::RankedModel;
use ranktune_report::trial::{TrialRung, TrialStatus};
use ranktune_report::{Ranking, RecordRow};
use ranktune_scores::decision::{Posterior, Trial};
use ranktune_train::BatchNorm;

use crate::error::Error;
use crate::rank::decide::{Answer, Belief, Question};
use crate::rank::{Answered, Asked, RankOptions, rank_with};
use crate::record::protocol_of;
use crate::sources::Sources;
use crate::tune::partial::{DataSplits, PartialTuning, read_splits};
use cost::Work;
use folder::TrialFolder;
use search::Search;
use standing::Standing;
use trial::FolderTrainer;

pub use options::RefineOptions;
pub(crate) use options::{rung_name, rungs};
pub(crate) use trial::half;

/// A ranking with trials.
#[derive(Clone, Debug, PartialEq)]
pub struct Refined {
    /// The ranking, in the order of the decision.
    pub ranking: Ranking,
    /// The results of the trials, for a record.
    pub rows: Vec<RecordRow>,
    /// The folder of the first model's trial, which [`tune`](crate::tune()) resumes; none where it has no trial.
    pub best_folder: Option<PathBuf>,
}

/// Ranks the models of `sources` on `dataset`, and runs trials of those that may be the best. Trials of an earlier run with the same
/// models, data, seed and settings are found in their folder and not run again.
///
/// A model whose training diverges, or that cannot be trained, is left out of the decision and listed. Where `interrupt` is raised during
/// a trial, the ranking rests on those that are complete.
///
/// # Errors
/// As [`rank`](crate::rank()). [`ErrorKind::Arguments`](crate::ErrorKind::Arguments): options out of their range.
/// [`ErrorKind::Output`](crate::ErrorKind::Output): a trial cannot be written.
///
/// # Examples
/// A tolerance that is met from the start: no trial is run.
/// ```
/// use ranktune::{CacheOptions, Interrupt, LoadOptions, RankOptions, RefineOptions, Silent, Sources, refine};
///
/// let hub = Sources::from("../../examples/hub");
/// let data = ranktune::load("../../examples/data/topics".as_ref(), &LoadOptions::default())?;
/// let folder = tempfile::tempdir()?;
/// let mut options = RefineOptions::new(&data, folder.path());
/// options.tolerance = 0.5;
/// let mut ranking = RankOptions::default();
/// ranking.extract.cache = CacheOptions::Off;
/// let refined = refine(&hub, &data, (&ranking, &options), &Silent, &Interrupt::default())?;
///
/// assert!(refined.ranking.decision.expect("there are two models").trials.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn refine(
    sources: &Sources,
    dataset: &Dataset,
    (ranking, options): (&RankOptions, &RefineOptions),
    progress: &dyn Progress,
    interrupt: &Interrupt,
) -> Result<Refined, Error> {
    options.check()?;
    let ranking = RankOptions {
        protocol: protocol_of(&options.tune.method),
        ..ranking.clone()
    };
    let refinement = Refinement {
        dataset: match ranking.max_samples {
            Some(limit) => dataset.subsample(limit, ranking.seed),
            None => dataset.clone(),
        },
        ranking: &ranking,
        options,
        progress,
        interrupt,
    };
    let mut kept = Kept::default();
    let document = rank_with(
        sources,
        dataset.clone(),
        &ranking,
        (progress, interrupt),
        &mut |asked| refinement.answer(asked, &mut kept),
    )?;
    let best = document.models.first();
    let folder = kept
        .folders
        .iter()
        .find(|(name, _)| best.is_some_and(|best| best.name == *name));
    Ok(Refined {
        best_folder: folder.map(|(_, path)| path.clone()),
        ranking: document,
        rows: kept.rows,
    })
}

/// What trials leave besides the ranking.
#[derive(Default)]
struct Kept {
    rows: Vec<RecordRow>,
    /// Names of models with a trial, and their folders.
    folders: Vec<(String, PathBuf)>,
}

struct Refinement<'a> {
    /// The samples that are trained and validated on.
    dataset: Dataset,
    ranking: &'a RankOptions,
    options: &'a RefineOptions,
    progress: &'a dyn Progress,
    interrupt: &'a Interrupt,
}

impl schedule::Belief for Belief {
    fn posterior(&self, trials: Vec<Trial>) -> Result<Posterior, Error> {
        let mut belief = self.clone();
        for trial in trials {
            belief.add_trial(trial);
        }
        Ok(Self::posterior(&belief)?)
    }
}

impl Refinement<'_> {
    fn answer(&self, asked: Asked<'_>, kept: &mut Kept) -> Result<Answered, Error> {
        let splits = match read_splits(&self.dataset, &self.options.tune, self.progress) {
            Ok(splits) => splits,
            Err(error) => {
                let text = format!("there are no trials: {error}");
                self.progress.event(Event::Note(&text));
                return Ok(asked.answer(self.ranking));
            }
        };
        self.note_small_validation(splits.n_validation());
        let question = asked.question;
        let models = &question.models;
        let (tune, rungs) = (&self.options.tune, &self.options.rungs);
        let data_digest = splits.digest();
        let folders: Vec<TrialFolder> = models
            .iter()
            .map(|model| {
                let key = (model.name.as_str(), model.digest.as_str());
                TrialFolder::new(&self.options.folder, key, &data_digest, (tune, rungs))
            })
            .collect();
        let mut standing = Standing {
            rungs,
            epochs: tune.train.epochs,
            configurations: self.configurations(&splits),
            work: work(&asked.models[..models.len()], splits.n_training()),
            reached: folders.iter().map(|folder| self.reached(folder)).collect(),
        };
        let answer = self.belief(question, &standing, splits.n_validation());
        let search = Search {
            names: &models.iter().map(|model| model.name.clone()).collect::<Vec<_>>(),
            trainer: &FolderTrainer {
                tuning: PartialTuning {
                    splits: &splits,
                    options: tune,
                    progress: self.progress,
                    interrupt: self.interrupt,
                },
                hub: asked.hub,
                folders: &folders,
                progress: self.progress,
            },
            belief: match &answer {
                Answer::Belief(belief) => Some(&**belief),
                Answer::Undecided(_) => None,
            },
            tolerance: self.options.tolerance,
            budget: self.options.budget.map(|budget| budget.as_secs_f64()),
            seed: self.ranking.seed,
            progress: self.progress,
            interrupt: self.interrupt,
        };
        let ended = search.run(&mut standing)?;
        kept.rows = results::record_rows(question, &standing, &self.ranking.record.rows());
        let with_folder = standing.reached.iter().zip(models).zip(&folders);
        kept.folders = with_folder
            .filter(|((reached, _), _)| !reached.is_empty())
            .map(|((_, model), folder)| (model.name.clone(), folder.path.clone()))
            .collect();
        let mut belief = match answer {
            Answer::Belief(belief) => belief,
            Answer::Undecided(reason) => {
                return Ok(results::by_trials_alone(
                    asked.models,
                    question,
                    &standing,
                    (&reason, ended),
                ));
            }
        };
        if standing.left().is_empty() {
            let reason = "No model could be tuned in its trial; the order is that of the score.";
            return Ok(results::by_trials_alone(
                asked.models,
                question,
                &standing,
                (reason, ended),
            ));
        }
        for trial in schedule::trials(&standing) {
            belief.add_trial(trial);
        }
        belief.exclude((0..models.len()).filter(|&model| standing.is_out(model)).collect());
        let trials = (results::trial_results(question, &standing), ended);
        let mut answered = belief.answer(asked.models, trials, self.ranking.seed);
        if let Some(decision) = &mut answered.decision {
            decision.cost = Some(standing.cost());
        }
        Ok(answered)
    }

    /// The rungs that a kept trial has reached.
    fn reached(&self, folder: &TrialFolder) -> Vec<TrialRung> {
        let rungs = folder.read(self.progress).rungs;
        // Of another list of rungs only where the file was changed by hand. A model that failed, such as for want of memory, is tried again.
        let is_expected =
            |(rung, epochs): &(TrialRung, &usize)| rung.epochs == **epochs && rung.status != TrialStatus::Failed;
        let kept = rungs.into_iter().zip(&self.options.rungs).take_while(is_expected);
        kept.map(|(rung, _)| rung).collect()
    }

    /// What is believed before these trials, or why nothing is.
    fn belief(&self, question: &Question, standing: &Standing<'_>, n_validation: usize) -> Answer {
        let mut rows = self.ranking.record.rows();
        // The results of kept trials are added as trials; in the fit too, they would make a search that goes on differ from one that
        // was never stopped.
        rows.retain(|row| !results::is_of_kept_trial(row, question, standing));
        let answer = Belief::of(question, &rows, results::trial_kinds(standing, question, n_validation));
        if let Answer::Undecided(reason) = &answer {
            let text = format!("{reason} Trials are chosen by successive halving");
            self.progress.event(Event::Note(&text));
        }
        answer
    }

    /// The number of configurations that a model is likely to have; see `tune/trials.rs`.
    fn configurations(&self, splits: &DataSplits) -> usize {
        let tune = &self.options.tune;
        let rates = tune.learning_rates.len().max(1);
        let both = tune.train.batch_norm == BatchNorm::Auto
            && BatchNorm::Auto.decided(splits.n_training()) == BatchNorm::Frozen
            && !self.dataset.kind().is_text();
        if both { 2 * rates - 1 } else { rates }
    }

    fn note_small_validation(&self, n_validation: usize) {
        let sample = 1.0 / n_validation.max(1) as f64;
        if sample > self.options.tolerance {
            self.progress.event(Event::Note(&format!(
                "{} hardly tell models apart to the tolerance of {} points: one of them is {:.1} points, and the standard error of an accuracy of 0.8 is {:.1}; \
                 give more samples or a larger tolerance",
                counted(n_validation, "validation sample"),
                100.0 * self.options.tolerance,
                100.0 * sample,
                40.0 * sample.sqrt()
            )));
        }
    }
}

/// The work of training each model.
fn work(models: &[RankedModel], n_samples: usize) -> Work {
    let throughputs: Vec<Option<f64>> = models.iter().map(RankedModel::throughput).collect();
    let weights: Vec<u64> = models.iter().map(|model| model.parameters).collect();
    Work::new(&throughputs, &weights, n_samples)
}
