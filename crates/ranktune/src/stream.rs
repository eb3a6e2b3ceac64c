//! A model's features on their way into statistics: rows come in parts, in order, and none of them is kept.
//!
//! ```text
//! engine or store ──rows──► statistics of group g, g = 1 … J ──► scores and their jackknife      (logits are kept for LEEP and NCE)
//! ```
//!
//! Features that fit in memory are scored from the rows, which costs the same and lets a column whose sums have lost their digits be solved
//! again.

use std::ops::Range;

use ranktune_core::Event;
use ranktune_core::one_line;
use ranktune_data::Dataset;
use ranktune_features::extract::{Extraction, Extractor, Features, Prepared};
use ranktune_scores::scores::{Needs, Prepared as ScoreData, find};
use ranktune_scores::uncertainty::{Grouped, groups, jackknife, jackknife_of_groups, total};
use ranktune_scores::{FeatureView, Probabilities, ScoreInputs, ScoreOptions};

use crate::error::Error;
use crate::rank::{Failed, Ranked, look};
use crate::scorer::{Chosen, GROUPS, Scorer, Scores};
use crate::scoring::{Columns, probabilities};

/// Rows that go into the statistics at a time.
const BLOCK: usize = 2048;
/// Rows that every model goes over before the next part of the data.
const PART: usize = 8192;

/// Whether every score of `names` can be had without the rows of features.
pub(crate) fn is_possible(names: &[String]) -> bool {
    let needs = |name: &String| find(name).map(|score| score.needs);
    !names.iter().any(|name| matches!(needs(name), Ok(Needs::ClassRows)))
        && names
            .first()
            .is_some_and(|name| !matches!(needs(name), Ok(Needs::Probabilities)))
}

/// Statistics of the rows so far.
pub(crate) struct Stream {
    /// The group of every sample.
    groups: Vec<usize>,
    grouped: Option<Grouped>,
    logits: Vec<f32>,
    n_logits: usize,
    valid: Vec<bool>,
}

impl Stream {
    pub(crate) fn new(dataset: &Dataset, seed: u64) -> Result<Self, String> {
        let columns = Columns::of(&dataset.targets, &vec![true; dataset.n_samples()]);
        let targets = columns.view().map_err(|error| one_line(&error))?;
        let groups = groups::assign(&targets, GROUPS.min(targets.n_samples()), seed);
        Ok(Self {
            groups: groups.map_err(|error| one_line(&error))?,
            grouped: None,
            logits: Vec::new(),
            n_logits: 0,
            valid: Vec::new(),
        })
    }

    /// Takes the next rows.
    pub(crate) fn add(&mut self, dataset: &Dataset, features: &mut Features, rows: Range<usize>) -> Result<(), String> {
        let text = |error: ranktune_scores::Error| one_line(&error);
        let d = features.n_features();
        for begin in rows.clone().step_by(BLOCK) {
            let block = begin..(begin + BLOCK).min(rows.end);
            let data = features.features_of(block.clone()).map_err(|error| one_line(&error))?;
            let mut keep = vec![false; dataset.n_samples()];
            keep[block.clone()].copy_from_slice(&features.valid()[block.clone()]);
            let groups: Vec<usize> = block.filter(|&row| keep[row]).map(|row| self.groups[row]).collect();
            if groups.is_empty() {
                continue;
            }
            let columns = Columns::of(&dataset.targets, &keep);
            let targets = columns.view().map_err(text)?;
            let view = FeatureView::new(&data, groups.len(), d).map_err(text)?;
            let grouped = match &mut self.grouped {
                Some(grouped) => grouped,
                None => {
                    let empty = columns.empty_statistics(d).map_err(text)?;
                    self.grouped.insert(Grouped::new(&empty, GROUPS))
                }
            };
            grouped.update(&view, &targets, &groups).map_err(text)?;
        }
        if let Some((logits, columns)) = features.logits_of(rows.clone()).map_err(|error| one_line(&error))? {
            self.logits.extend(logits);
            self.n_logits = columns;
        }
        self.valid.extend_from_slice(&features.valid()[rows]);
        Ok(())
    }

    /// Every score of all rows.
    pub(crate) fn scores(&mut self, scorer: &Scorer<'_>) -> Result<(Scores, usize), String> {
        let text = |error: ranktune_scores::Error| one_line(&error);
        let grouped = self.grouped.as_mut().ok_or("no sample could be read")?;
        let parts = grouped.groups().map_err(text)?;
        let of_features = ScoreData::from_statistics(total(parts).map_err(text)?);
        let total = of_features.statistics().map_err(text)?;
        let columns = Columns::of(&scorer.dataset.targets, &self.valid);
        let targets = columns.view().map_err(text)?;
        let source = (self.n_logits > 0).then(|| probabilities(&self.logits, self.n_logits));
        // Scores of probabilities look at no features.
        let no_features = vec![0.0; targets.n_samples()];
        let inputs = ScoreInputs {
            features: FeatureView::new(&no_features, targets.n_samples(), 1).map_err(text)?,
            targets,
            probabilities: source
                .as_ref()
                .map(|(values, columns)| Probabilities::new(values, *columns))
                .transpose()
                .map_err(text)?,
        };
        let options = ScoreOptions::default();
        let of_probabilities = ScoreData::new(&inputs).map_err(text)?;
        let scores = scorer.named(|name, with_error| {
            let score = find(name)?;
            let is_of_features = matches!(score.needs, Needs::Statistics | Needs::ClassStatistics);
            let outcome = if is_of_features {
                score.compute(&of_features, &options)?
            } else {
                score.compute(&of_probabilities, &options)?
            };
            let error = match (with_error, is_of_features) {
                (false, _) => None,
                (true, true) => jackknife_of_groups(total, parts, name, &options).ok(),
                (true, false) => jackknife(&inputs, name, &options, &self.groups).ok(),
            };
            Ok((outcome, error))
        })?;
        Ok((scores, total.n_features()))
    }
}

/// Every model on every sample, with the features of no model ever held.
pub(crate) fn score_streamed(
    work: &Extraction<'_>,
    scorer: &Scorer<'_>,
    failed: &mut Failed<'_>,
) -> Result<Ranked, Error> {
    let mut extractor = Extractor::new(work)?;
    let all = extractor.samples();
    let mut streams: Vec<Result<Stream, String>> = work
        .models
        .iter()
        .map(|_| Stream::new(scorer.dataset, scorer.seed))
        .collect();
    let mut unreadable = Vec::new();
    for begin in (0..all).step_by(PART) {
        let rows = begin..(begin + PART).min(all);
        extractor.advance_to(rows.end)?;
        for (model, slot) in streams.iter_mut().enumerate() {
            let Ok(stream) = slot else { continue };
            let added = look(&mut extractor, model, rows.end, |features| {
                stream.add(scorer.dataset, features, rows.clone())
            });
            match added {
                Ok(()) => extractor.forget(model),
                Err(reason) => {
                    extractor.stop(model);
                    work.progress.event(Event::ModelSkipped {
                        model: work.models[model].name(),
                        reason: &reason,
                    });
                    *slot = Err(reason);
                }
            }
        }
    }
    let mut ranked = Vec::new();
    for (index, (model, stream)) in work.models.iter().zip(streams).enumerate() {
        let cost = extractor.cost(index);
        let begun = std::time::Instant::now();
        let scored = stream.and_then(|mut stream| {
            if unreadable.is_empty() {
                unreadable = extractor.unreadable(&stream.valid).map_err(|error| one_line(&error))?;
            }
            let (scores, dim) = stream.scores(scorer)?;
            let samples = stream.valid.iter().filter(|valid| **valid).count();
            let chosen = Chosen::of_all(model, scores, dim);
            Ok(scorer.scored(model, chosen, samples, (cost, begun.elapsed().as_secs_f64())))
        });
        match scored {
            Ok(scored) => {
                finished(work, model, cost);
                ranked.push(scored);
            }
            Err(reason) => failed(model, reason),
        }
    }
    Ok((ranked, unreadable, None))
}

fn finished(work: &Extraction<'_>, model: &Prepared, (seconds, extracted): (f64, usize)) {
    work.progress.event(Event::ModelFinished {
        model: model.name(),
        seconds,
        cached: extracted == 0,
    });
}
