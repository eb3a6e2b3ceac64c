//! The track of images and texts whose rows are not held: all models see a part of the data, and its rows go into statistics.

use std::time::Instant;

use ranktune_core::Event;
use ranktune_features::extract::{CacheOptions, Extraction, Extractor, FeatureChoice, PreparedModel, UnreadableSample};

use super::row_sums::{self, RowSums};
use super::samples::{cost, look};
use super::scores::{Detail, ModelScores, Scoring};
use super::track::{Cost, Goal, Reached, Scored, Track};
use crate::error::Error;

/// Rows that every model goes over before the next part of the data.
const PART: usize = 8192;

/// Whether features are too many to be held in memory, and no store holds them either.
pub(super) fn is_needed(work: &Extraction<'_>, scoring: &Scoring<'_>) -> bool {
    let columns = work
        .models
        .iter()
        .filter_map(PreparedModel::feature_dim)
        .max()
        .unwrap_or(0);
    let bytes = work.dataset.n_samples().saturating_mul(columns).saturating_mul(4);
    work.options.cache == CacheOptions::Off
        && work.options.feature != FeatureChoice::Layers
        && bytes > scoring.keep_bytes
        && row_sums::is_possible(scoring)
}

/// Rows of features that are added up as they arrive.
pub(super) struct StreamedRows<'a> {
    work: &'a Extraction<'a>,
    scoring: &'a Scoring<'a>,
    extractor: Extractor<'a>,
    done: usize,
    sums: Vec<RowSums<'a>>,
    /// Whether a model was stopped, or cannot be used.
    is_over: Vec<bool>,
    unreadable: Vec<UnreadableSample>,
}

impl<'a> StreamedRows<'a> {
    /// A track where sample `i` is in group `groups[i]`.
    pub(super) fn new(work: &'a Extraction<'a>, scoring: &'a Scoring<'a>, groups: &'a [usize]) -> Result<Self, Error> {
        Ok(Self {
            work,
            scoring,
            extractor: Extractor::new(work)?,
            done: 0,
            sums: work.models.iter().map(|_| RowSums::new(scoring, groups)).collect(),
            is_over: vec![false; work.models.len()],
            unreadable: Vec::new(),
        })
    }
}

impl Track for StreamedRows<'_> {
    fn samples(&self) -> usize {
        self.extractor.samples()
    }

    fn advance(&mut self, goal: Goal, reached: &mut Reached<'_>) -> Result<(), Error> {
        let scoring = self.scoring;
        while self.done < goal.samples {
            let rows = self.done..(self.done + PART).min(goal.samples);
            self.extractor.advance_to(rows.end)?;
            for (model, sums) in self.sums.iter_mut().enumerate() {
                if self.is_over[model] {
                    continue;
                }
                let added = look(&mut self.extractor, model, rows.end, |features| {
                    sums.add(features, rows.clone(), scoring)
                });
                if let Err(error) = added {
                    self.is_over[model] = true;
                    self.extractor.stop(model);
                    reached(model, Err(error));
                    continue;
                }
                self.extractor.forget(model);
            }
            self.done = rows.end;
        }
        for model in 0..self.work.models.len() {
            if !self.is_over[model] {
                reached(model, self.score(model, goal));
            }
        }
        Ok(())
    }

    fn score(&mut self, model: usize, goal: Goal) -> Scored {
        let begun = Instant::now();
        let sums = &mut self.sums[model];
        let (list, n_features) = sums.scores(self.scoring, goal.detail)?;
        let mut scores = ModelScores::of_all(&self.work.models[model], list, n_features);
        scores.n_samples = sums.valid().iter().filter(|valid| **valid).count();
        if goal.detail == Detail::Final && self.unreadable.is_empty() {
            self.unreadable = self.extractor.unreadable(sums.valid())?;
        }
        scores.seconds = begun.elapsed().as_secs_f64();
        if goal.detail == Detail::Final {
            let cost = self.cost(model);
            self.work.progress.event(Event::ModelFinished {
                model: self.work.models[model].name(),
                seconds: cost.seconds,
                computed: cost.samples,
                samples: goal.samples,
            });
        }
        Ok(Some(scores))
    }

    fn stop(&mut self, model: usize) {
        self.is_over[model] = true;
        self.extractor.stop(model);
    }

    fn cost(&self, model: usize) -> Cost {
        cost(self.extractor.cost(model))
    }

    fn unreadable(&self) -> &[UnreadableSample] {
        &self.unreadable
    }
}
