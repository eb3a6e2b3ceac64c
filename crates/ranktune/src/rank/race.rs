//! Rounds: models see growing prefixes of the samples, the same for all, and those that are unlikely to be among the first k are
//! eliminated. A plain ranking is a race of one round over all samples.
//!
//! ```text
//! m₁ < m₂ < … ≤ n:   every running model sees the first m samples ─► its score and jackknife on them
//!                    P(top k) by resampling the groups of all running models together ─► eliminate those below the threshold
//! ```
//!
//! # Schedule
//! The schedule is a function of the seed and the data, so a race can be repeated:
//!
//! - `m₁ = max(n/8, 60, 8 · classes)`, and for words at least [`Track::least`]; on fewer samples, scores mean little.
//! - `m` doubles from round to round. A last round that would add less than a tenth of all samples is joined to the one before.
//! - Without a budget, a race uses at most half of the `n · models` samples of a full ranking: the last prefix is cut to what is
//!   left of that, and the race ends ([`RaceEnd::Share`]). It ends earlier when the first k and their order are settled.
//! - With a budget, measured time replaces that half, and only then does time decide anything: the last prefix is cut to what the
//!   running models are expected to see before the budget ends ([`RaceEnd::Time`]). The race continues after the first k are settled.
//!
//! Every prefix is a stratified draw ([`Dataset::draw_order`](ranktune_data::Dataset::draw_order)). Chances are those of the score
//! *on the prefix*; on more samples the order of the scores may differ. This is why no model is eliminated on few samples per
//! class or group, and why the threshold is low.

use ranktune_core::{Event, Progress, one_line};
use ranktune_features::extract::UnreadableSample;
use ranktune_report::format::first_places;
use ranktune_report::ranking::{RaceEnd, RaceRecord, RaceRound, RaceSummary};
use ranktune_scores::uncertainty::Jackknife;
use ranktune_scores::uncertainty::ranking::{ResamplingOptions, resample};

use super::options::RaceOptions;
use super::scores::{Detail, ModelScores};
use super::track::{Cost, Goal, Scored, Track};
use crate::error::{Error, ErrorKind};

/// Samples of the first round at least.
const LEAST: usize = 60;
/// Samples of the first round at least, for every class or column.
const LEAST_PER_CLASS: usize = 8;
/// Part of all samples that the first round takes.
const FIRST: f64 = 0.125;
/// Growth of the prefix from round to round.
const GROWTH: f64 = 2.0;
/// Part of the samples of a full ranking that a race without a budget uses at most.
const SHARE: f64 = 0.5;
/// The chance from which the order of two neighbours counts as settled.
const SETTLED: f64 = 0.9;

/// The models, and how they are ranked.
pub(super) struct Race<'a> {
    /// Their names.
    pub(super) models: Vec<&'a str>,
    /// `None` for a single round over all samples.
    pub(super) options: Option<&'a RaceOptions>,
    /// How many models are looked for.
    pub(super) top_k: usize,
    /// Classes or columns to tell apart.
    pub(super) n_columns: usize,
    pub(super) seed: u64,
    pub(super) progress: &'a dyn Progress,
}

/// How it went.
pub(super) struct Raced {
    /// By the models' position.
    pub(super) models: Vec<RacedModel>,
    pub(super) unreadable: Vec<UnreadableSample>,
    /// `None` for a single round.
    pub(super) summary: Option<RaceSummary>,
}

/// How it went for one model.
pub(super) struct RacedModel {
    /// Every score, or why the model cannot be used.
    pub(super) scores: Result<ModelScores, Error>,
    /// `None` for a single round.
    pub(super) record: Option<RaceRecord>,
    pub(super) cost: Cost,
}

/// A model in the race.
#[derive(Default)]
struct Contender {
    /// Samples that it has seen.
    samples: usize,
    /// On those samples; `None` while they are too few.
    jackknife: Option<Jackknife>,
    /// To be among the first k, when it was last estimated.
    chance: f64,
    /// Why it was eliminated.
    eliminated: Option<String>,
    failed: Option<Error>,
    /// All scores, once it is finished.
    scores: Option<ModelScores>,
}

impl Contender {
    fn is_running(&self) -> bool {
        self.failed.is_none() && self.eliminated.is_none()
    }
}

impl Race<'_> {
    /// Runs all rounds on `track`.
    ///
    /// # Errors
    /// What ends all work, such as an interrupt.
    pub(super) fn run(&self, track: &mut dyn Track) -> Result<Raced, Error> {
        let mut field: Vec<Contender> = self.models.iter().map(|_| Contender::default()).collect();
        let (rounds, ended) = self.rounds(track, &mut field)?;
        // Models that have not seen every sample get their scores on what they have seen.
        for (model, contender) in field.iter_mut().enumerate() {
            if contender.failed.is_none() && contender.scores.is_none() {
                let goal = Goal {
                    samples: contender.samples,
                    detail: Detail::Final,
                };
                let scored = track.score(model, goal);
                self.take(model, contender, goal, scored);
            }
        }
        let summary = self.options.map(|options| self.summary(options, track, rounds, ended));
        let models = field.into_iter().enumerate().map(|(model, contender)| RacedModel {
            record: summary.as_ref().map(|_| RaceRecord {
                samples: contender.samples,
                stopped: contender.eliminated.is_some(),
                p_top_k: contender.chance,
                reason: contender.eliminated,
            }),
            scores: match (contender.failed, contender.scores) {
                (Some(error), _) => Err(error),
                (None, Some(scores)) => Ok(scores),
                (None, None) => Err(Error::new(ErrorKind::Extraction, "the model gave no features")),
            },
            cost: track.cost(model),
        });
        let models = models.collect();
        track.finish();
        Ok(Raced {
            models,
            unreadable: track.unreadable().to_vec(),
            summary,
        })
    }

    fn rounds(&self, track: &mut dyn Track, field: &mut [Contender]) -> Result<(Vec<RaceRound>, RaceEnd), Error> {
        let all = track.samples();
        let mut rounds = Vec::new();
        let mut samples = match self.options {
            Some(_) => self.first_round(all).max(track.least()).min(all),
            None => all,
        };
        loop {
            let goal = Goal {
                samples,
                detail: if samples < all { Detail::Interim } else { Detail::Final },
            };
            track.advance(goal, &mut |model, scored| {
                self.take(model, &mut field[model], goal, scored);
            })?;
            for (model, contender) in field.iter().enumerate() {
                if contender.failed.is_some() {
                    track.stop(model);
                }
            }
            let models = field.iter().filter(|contender| contender.is_running()).count();
            rounds.push(RaceRound { samples, models });
            let Some(options) = self.options else {
                return Ok((rounds, RaceEnd::Complete));
            };
            self.estimate_chances(field)?;
            if models == 0 || samples >= all {
                return Ok((rounds, RaceEnd::Complete));
            }
            self.eliminate(options, track, (samples, all), field);
            // With a budget, the time that is left goes into more samples.
            if options.budget.is_none() && self.is_settled(field)? {
                return Ok((rounds, RaceEnd::Settled));
            }
            match self.next_round(options, track, (samples, all), field) {
                Some(next) => samples = next,
                None if options.budget.is_some() => return Ok((rounds, RaceEnd::Time)),
                None => return Ok((rounds, RaceEnd::Share)),
            }
        }
    }

    fn first_round(&self, all: usize) -> usize {
        let share = (all as f64 * FIRST).ceil() as usize;
        share.max(LEAST).max(LEAST_PER_CLASS * self.n_columns).min(all)
    }

    /// Takes the scores of a model that has reached the goal, or why it cannot be used.
    fn take(&self, model: usize, contender: &mut Contender, goal: Goal, scored: Scored) {
        let scored = scored.and_then(|scores| self.with_error(goal, contender, scores));
        let scores = match scored {
            Ok(scores) => scores,
            Err(error) => {
                self.progress.event(Event::ModelSkipped {
                    model: self.models[model],
                    reason: &one_line(&error),
                });
                contender.failed = Some(error);
                return;
            }
        };
        contender.samples = goal.samples;
        contender.jackknife = scores.as_ref().and_then(|scores| scores.list.jackknife.clone());
        if goal.detail == Detail::Final {
            contender.scores = scores;
        }
    }

    /// A model that runs to the end of a race needs a standard error, without which it has no chance to be compared.
    fn with_error(&self, goal: Goal, contender: &Contender, scores: Option<ModelScores>) -> Scored {
        let has_error = scores.as_ref().is_some_and(|scores| scores.list.jackknife.is_some());
        let is_last_round = goal.detail == Detail::Final && contender.samples < goal.samples;
        if self.options.is_some() && is_last_round && !has_error {
            let message = format!("{} samples are too few for a standard error", goal.samples);
            return Err(Error::new(ErrorKind::Scores, message));
        }
        Ok(scores)
    }

    /// Estimates the chance of every running model to be among the first k of them. Those without a jackknife yet are deferred,
    /// and excluded.
    fn estimate_chances(&self, field: &mut [Contender]) -> Result<(), Error> {
        let mut running: Vec<&mut Contender> = field
            .iter_mut()
            .filter(|contender| contender.is_running() && contender.jackknife.is_some())
            .collect();
        let jackknives: Vec<Jackknife> = running.iter().filter_map(|model| model.jackknife.clone()).collect();
        if jackknives.is_empty() {
            return Ok(());
        }
        let mut options = ResamplingOptions::default();
        options.seed = self.seed;
        options.top_k = self.top_k;
        let places = resample(&jackknives, &options)?;
        for (contender, place) in running.iter_mut().zip(places) {
            contender.chance = place.p_top_k;
        }
        Ok(())
    }

    /// Eliminates the models below the threshold, the least likely first, and keeps at least k.
    fn eliminate(
        &self,
        options: &RaceOptions,
        track: &mut dyn Track,
        (samples, all): (usize, usize),
        field: &mut [Contender],
    ) {
        let compared: Vec<usize> = (0..field.len())
            .filter(|&model| field[model].is_running() && field[model].jackknife.is_some())
            .collect();
        let mut unlikely: Vec<usize> = compared
            .iter()
            .copied()
            .filter(|&model| field[model].chance < options.threshold)
            .collect();
        unlikely.sort_by(|&a, &b| field[a].chance.total_cmp(&field[b].chance));
        unlikely.truncate(compared.len().saturating_sub(self.top_k));
        for model in unlikely {
            let reason = format!(
                "after {samples} of {all} {} its chance to be {} was {}",
                track.unit().name(),
                first_places(self.top_k),
                percent(field[model].chance)
            );
            track.stop(model);
            self.progress.event(Event::ModelStopped {
                model: self.models[model],
                reason: &reason,
            });
            field[model].eliminated = Some(reason);
        }
    }

    /// Whether only the first k are left, and their order is clear, place by place.
    fn is_settled(&self, field: &[Contender]) -> Result<bool, Error> {
        let running: Vec<&Contender> = field.iter().filter(|contender| contender.is_running()).collect();
        let mut order: Vec<&Jackknife> = running.iter().filter_map(|model| model.jackknife.as_ref()).collect();
        let is_deferred = order.len() < running.len();
        if is_deferred || running.len() > self.top_k {
            return Ok(false);
        }
        order.sort_by(|a, b| b.value.total_cmp(&a.value));
        let mut options = ResamplingOptions::default();
        options.seed = self.seed;
        for pair in order.windows(2) {
            let pair: Vec<Jackknife> = pair.iter().map(|&model| model.clone()).collect();
            let places = resample(&pair, &options)?;
            if places.first().is_some_and(|first| first.p_best < SETTLED) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Samples of the next round; `None` where too few are affordable.
    fn next_round(
        &self,
        options: &RaceOptions,
        track: &dyn Track,
        (samples, all): (usize, usize),
        field: &[Contender],
    ) -> Option<usize> {
        let more = match options.budget {
            Some(budget) => more_in_time(budget.as_secs_f64(), track, field),
            None => more_of_share(all, field),
        };
        let wanted = ((samples as f64 * GROWTH).ceil() as usize).min(all);
        let wanted = if all - wanted < all / 10 { all } else { wanted };
        let next = wanted.min(samples.saturating_add(more));
        (next > samples + samples / 20).then_some(next)
    }

    fn summary(&self, options: &RaceOptions, track: &dyn Track, rounds: Vec<RaceRound>, ended: RaceEnd) -> RaceSummary {
        let costs: Vec<Cost> = (0..self.models.len()).map(|model| track.cost(model)).collect();
        let all = track.samples() as f64;
        RaceSummary {
            top_k: self.top_k,
            threshold: options.threshold,
            unit: track.unit(),
            budget_seconds: options.budget.map(|budget| budget.as_secs_f64()),
            rounds,
            ended,
            seconds: costs.iter().map(|cost| cost.seconds).sum(),
            full_seconds: costs.iter().map(|cost| cost.rate() * all).sum(),
        }
    }
}

/// Further samples for every running model within [`SHARE`] of a full ranking.
fn more_of_share(all: usize, field: &[Contender]) -> usize {
    let usable = || field.iter().filter(|contender| contender.failed.is_none());
    let spent: usize = usable().map(|contender| contender.samples).sum();
    let share = (SHARE * (all * usable().count()) as f64) as usize;
    let running = usable().filter(|contender| contender.is_running()).count();
    share.saturating_sub(spent) / running.max(1)
}

/// Further samples for every running model in what is left of the budget, at the pace so far.
fn more_in_time(budget: f64, track: &dyn Track, field: &[Contender]) -> usize {
    let spent: f64 = (0..field.len()).map(|model| track.cost(model).seconds).sum();
    let running = (0..field.len()).filter(|&model| field[model].is_running());
    let per_sample: f64 = running.map(|model| track.cost(model).rate()).sum();
    if per_sample > 0.0 {
        ((budget - spent).max(0.0) / per_sample) as usize
    } else {
        usize::MAX
    }
}

fn percent(chance: f64) -> String {
    if chance < 0.001 {
        "below 0.1 %".to_owned()
    } else {
        format!("{:.1} %", 100.0 * chance)
    }
}

#[cfg(test)]
mod tests;
