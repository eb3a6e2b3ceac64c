//! Racing: models see growing prefixes of the data, the same for all, and one that has hardly a chance left to be among the first
//! k stops, so that the time goes to those between which the data still have to decide.
//!
//! ```text
//! m = m₁ < m₂ < … ≤ n:   every model that is left sees the first m samples ─► its score and jackknife on them
//!                        P(top-k) by resampling the groups for all of them together ─► stop those below the threshold
//! ```
//!
//! What models see, and how it becomes a score, is the [`Track`]: `race/samples.rs` for images and texts, `words/race.rs` for the words
//! of sentences, which come and go by the sentence.
//!
//! Every prefix is a stratified draw ([`Dataset::draw_order`](ranktune_data::Dataset::draw_order)). A race ends when the first k
//! are settled, when its time is over, or when all samples are seen. Chances are those of the score *on the prefix*: what
//! another order of scores on more samples would be is not known, which is why no model stops on few samples per class or group,
//! and why the threshold is low.

use std::time::Duration;

use ranktune_core::{Event, Progress};
use ranktune_features::extract::Prepared;
use ranktune_report::ranking::{RaceEnd, RaceRecord, RaceRound, RaceSummary, RaceUnit};
use ranktune_scores::uncertainty::Jackknife;
use ranktune_scores::uncertainty::ranking::{ResamplingOptions, resample};

use crate::error::Error;

pub(crate) mod samples;

/// How models race.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RaceOptions {
    /// How many models are to be found. Default: 3.
    pub top_k: usize,
    /// Time that extraction may take; what is left of it when the first k are settled goes on into more samples of theirs. Default:
    /// half of what all models would take on all samples, as the first round tells, and no longer than the race needs.
    pub budget: Option<Duration>,
    /// The chance to be among the first k below which a model stops. Default: 0.05.
    pub threshold: f64,
}

impl Default for RaceOptions {
    fn default() -> Self {
        Self {
            top_k: 3,
            budget: None,
            threshold: 0.05,
        }
    }
}

/// Samples of the first round at least, and for every class (or column) and every group: on fewer, scores say little.
const LEAST: usize = 60;
const LEAST_PER_CLASS: usize = 8;
/// How much larger each prefix is than the one before.
const GROWTH: f64 = 2.0;
/// The part of all samples that the first round takes.
const FIRST: f64 = 0.125;
/// The part of the whole time that a race takes at most where no budget says otherwise.
const SHARE: f64 = 0.5;
/// The chance from which an order of two neighbours counts as settled.
const SETTLED: f64 = 0.9;

/// What models race on: samples in an order of which every prefix is a stratified draw. Models go by their position.
pub(crate) trait Track {
    /// How many there are.
    fn samples(&self) -> usize;

    /// What they are called.
    fn noun(&self) -> RaceUnit;

    /// Samples on which a score of these models says something, where that takes more than so many of each class.
    fn least(&self) -> usize;

    /// Brings every model that is neither stopped nor unusable to the first `samples`.
    ///
    /// # Errors
    /// What ends all work; why one model cannot go on is for [`score`](Self::score) to say.
    fn advance_to(&mut self, samples: usize) -> Result<(), Error>;

    /// The score of a model on the first `samples`, with the jackknife on the same groups for every model; nothing where it takes more
    /// of them to have one.
    ///
    /// # Errors
    /// Why the model cannot be scored at all.
    fn score(&mut self, model: usize, samples: usize) -> Result<Option<Jackknife>, String>;

    /// Leaves a model alone from now on.
    fn stop(&mut self, model: usize);

    /// Time that a model took so far, in seconds, and the samples that it took for.
    fn cost(&self, model: usize) -> (f64, usize);
}

/// The models of a race, and how far each came.
pub(crate) struct Race<'a> {
    pub(crate) models: &'a [Prepared],
    pub(crate) options: &'a RaceOptions,
    /// Classes or columns to tell apart.
    pub(crate) columns: usize,
    pub(crate) seed: u64,
    pub(crate) progress: &'a dyn Progress,
}

/// What came of it: a record of every model, or why it cannot be scored.
pub(crate) struct Raced {
    pub(crate) records: Vec<Result<RaceRecord, String>>,
    pub(crate) summary: RaceSummary,
}

impl Race<'_> {
    /// Runs the race on `track`.
    pub(crate) fn run(&self, track: &mut dyn Track) -> Result<Raced, Error> {
        let all = track.samples();
        let mut records: Vec<Result<RaceRecord, String>> =
            self.models.iter().map(|_| Ok(RaceRecord::default())).collect();
        let mut active: Vec<usize> = (0..self.models.len()).collect();
        // Models of which nothing can be said on so few samples: they go on, and nobody is held against them.
        let mut waiting: Vec<usize> = Vec::new();
        let mut rounds = Vec::new();
        let mut samples = self.first_round(all).max(track.least()).min(all);
        let ended = loop {
            track.advance_to(samples)?;
            active.append(&mut waiting);
            let jackknives = self.scores(track, samples, (&mut active, &mut waiting), &mut records);
            rounds.push(RaceRound {
                samples,
                models: active.len() + waiting.len(),
            });
            if active.is_empty() && waiting.is_empty() {
                break RaceEnd::Complete;
            }
            let chances = self.chances(&jackknives)?;
            for (&model, &chance) in active.iter().zip(&chances) {
                records[model] = Ok(RaceRecord {
                    samples,
                    stopped: false,
                    p_top_k: chance,
                    reason: None,
                });
            }
            if samples >= all {
                break RaceEnd::Complete;
            }
            let stopped = self.stop(track, (samples, all), &active, &chances, &mut records);
            let left: Vec<usize> = (0..active.len()).filter(|&at| !stopped.contains(&active[at])).collect();
            let standing: Vec<&Jackknife> = left.iter().map(|&at| &jackknives[at]).collect();
            active = left.iter().map(|&at| active[at]).collect();
            let may_settle = self.options.budget.is_none() && waiting.is_empty() && active.len() <= self.options.top_k;
            if may_settle && self.is_settled(&standing)? {
                break RaceEnd::Settled;
            }
            match self.next_round(track, samples, all, &[active.as_slice(), &waiting].concat()) {
                Some(next) => samples = next,
                None => break RaceEnd::Time,
            }
        };
        let costs: Vec<(f64, usize)> = (0..self.models.len()).map(|model| track.cost(model)).collect();
        Ok(Raced {
            records,
            summary: RaceSummary {
                top_k: self.options.top_k,
                threshold: self.options.threshold,
                unit: track.noun(),
                budget_seconds: self.options.budget.map(|budget| budget.as_secs_f64()),
                rounds,
                ended,
                seconds: costs.iter().map(|(seconds, _)| seconds).sum(),
                full_seconds: costs.iter().map(|&cost| rate(cost) * all as f64).sum(),
            },
        })
    }

    fn first_round(&self, all: usize) -> usize {
        let share = (all as f64 * FIRST).ceil() as usize;
        share.max(LEAST).max(LEAST_PER_CLASS * self.columns).min(all)
    }

    /// The jackknife of every active model; those that cannot be scored are active no more, those that cannot be yet are waiting.
    fn scores(
        &self,
        track: &mut dyn Track,
        samples: usize,
        (active, waiting): (&mut Vec<usize>, &mut Vec<usize>),
        records: &mut [Result<RaceRecord, String>],
    ) -> Vec<Jackknife> {
        let mut jackknives = Vec::new();
        active.retain(|&model| match track.score(model, samples) {
            Ok(Some(jackknife)) => {
                jackknives.push(jackknife);
                true
            }
            Ok(None) => {
                waiting.push(model);
                records[model] = Ok(RaceRecord {
                    samples,
                    ..RaceRecord::default()
                });
                false
            }
            Err(reason) => {
                track.stop(model);
                self.progress.event(Event::ModelSkipped {
                    model: self.models[model].name(),
                    reason: &reason,
                });
                records[model] = Err(reason);
                false
            }
        });
        jackknives
    }

    /// The chance of each to be among the first k of those given.
    fn chances(&self, jackknives: &[Jackknife]) -> Result<Vec<f64>, Error> {
        if jackknives.is_empty() {
            return Ok(Vec::new());
        }
        let mut options = ResamplingOptions::default();
        options.seed = self.seed;
        options.top_k = self.options.top_k;
        let ranked = resample(jackknives, &options)?;
        Ok(ranked.iter().map(|model| model.p_top_k).collect())
    }

    /// Stops those with hardly a chance, the least likely first, and leaves k.
    fn stop(
        &self,
        track: &mut dyn Track,
        (samples, all): (usize, usize),
        active: &[usize],
        chances: &[f64],
        records: &mut [Result<RaceRecord, String>],
    ) -> Vec<usize> {
        let mut order: Vec<usize> = (0..active.len())
            .filter(|&at| chances[at] < self.options.threshold)
            .collect();
        order.sort_by(|&a, &b| chances[a].total_cmp(&chances[b]));
        order.truncate(active.len().saturating_sub(self.options.top_k));
        for &at in &order {
            let reason = format!(
                "after {samples} of {all} {} its chance to be among the first {} was {}",
                track.noun().name(),
                self.options.top_k,
                percent(chances[at])
            );
            track.stop(active[at]);
            self.progress.event(Event::ModelStopped {
                model: self.models[active[at]].name(),
                reason: &reason,
            });
            records[active[at]] = Ok(RaceRecord {
                samples,
                stopped: true,
                p_top_k: chances[at],
                reason: Some(reason),
            });
        }
        order.into_iter().map(|at| active[at]).collect()
    }

    /// Whether the order of those that are left is clear, place by place.
    fn is_settled(&self, standing: &[&Jackknife]) -> Result<bool, Error> {
        let mut order: Vec<&Jackknife> = standing.to_vec();
        order.sort_by(|a, b| b.value.total_cmp(&a.value));
        for pair in order.windows(2) {
            let mut options = ResamplingOptions::default();
            options.seed = self.seed;
            let pair: Vec<Jackknife> = pair.iter().map(|&model| model.clone()).collect();
            let ranked = resample(&pair, &options)?;
            if ranked.first().is_some_and(|first| first.p_best < SETTLED) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Samples of the next round; nothing where the time does not allow for one.
    fn next_round(&self, track: &dyn Track, samples: usize, all: usize, active: &[usize]) -> Option<usize> {
        let cost = |model: usize| rate(track.cost(model));
        let spent: f64 = (0..self.models.len()).map(|model| track.cost(model).0).sum();
        let whole: f64 = (0..self.models.len()).map(|model| cost(model) * all as f64).sum();
        let budget = self.options.budget.map_or(SHARE * whole, |budget| budget.as_secs_f64());
        let a_sample: f64 = active.iter().map(|&model| cost(model)).sum();
        let affordable = if a_sample > 0.0 {
            samples + ((budget - spent).max(0.0) / a_sample) as usize
        } else {
            all
        };
        let wanted = ((samples as f64 * GROWTH).ceil() as usize).min(all);
        // A last round that adds next to nothing is joined to the one before.
        let wanted = if all - wanted < all / 10 { all } else { wanted };
        let next = wanted.min(affordable);
        (next > samples + samples / 20).then_some(next)
    }
}

/// Seconds a sample; 0 for a model whose features were all in the store.
fn rate((seconds, extracted): (f64, usize)) -> f64 {
    if extracted == 0 {
        0.0
    } else {
        seconds / extracted as f64
    }
}

fn percent(chance: f64) -> String {
    if chance < 0.001 {
        "below 0.1 %".to_owned()
    } else {
        format!("{:.1} %", 100.0 * chance)
    }
}
