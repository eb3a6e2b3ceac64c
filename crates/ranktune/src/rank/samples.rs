//! The track of images and texts whose rows of features are held: in the store, or in memory.
//!
//! A single round over all samples runs one model after the other, and a model's features are dropped as soon as it is scored.
//! Rounds over growing prefixes keep what was extracted, and every round scores the rows so far.

use std::time::Instant;

use ranktune_core::Event;
use ranktune_features::extract::{ExtractedFeatures, Extraction, Extractor, PreparedModel, UnreadableSample, extract};
use ranktune_scores::baseline::permuted;
use ranktune_scores::scores::ScoreData;
use ranktune_scores::uncertainty::{groups, jackknife_of};
use ranktune_scores::{FeatureView, Probabilities, ScoreInputs, ScoreOptions};

use super::company;
use super::layers::{combine, mean_rows};
use super::row_sums::{self, RowSums};
use super::scores::{Detail, GROUPS, ModelScores, ScoreList, Scoring};
use super::track::{Cost, Goal, Reached, Scored, Track};
use crate::error::Error;
use crate::scoring::{Columns, probabilities};

/// Whole rows of features.
pub(super) struct WholeRows<'a> {
    work: &'a Extraction<'a>,
    scoring: &'a Scoring<'a>,
    /// Opened by the first round that does not go over all samples.
    extractor: Option<Extractor<'a>>,
    stopped: Vec<bool>,
    /// Of models that went over all samples in one round.
    costs: Vec<Cost>,
    unreadable: Vec<UnreadableSample>,
}

impl<'a> WholeRows<'a> {
    pub(super) fn new(work: &'a Extraction<'a>, scoring: &'a Scoring<'a>) -> Self {
        Self {
            work,
            scoring,
            extractor: None,
            stopped: vec![false; work.models.len()],
            costs: vec![Cost::default(); work.models.len()],
            unreadable: Vec::new(),
        }
    }

    /// One model after the other over all samples.
    fn run_all(&mut self, detail: Detail, reached: &mut Reached<'_>) -> Result<(), Error> {
        let (work, scoring, costs) = (self.work, self.scoring, &mut self.costs);
        self.unreadable = extract(work, |index, outcome| {
            costs[index] = cost((outcome.seconds, outcome.extracted));
            let features = outcome.features.map_err(Error::from);
            let scored = features.and_then(|mut features| score(scoring, &work.models[index], &mut features, detail));
            reached(index, scored.map(Some));
        })?;
        Ok(())
    }

    fn extractor(&mut self) -> Result<&mut Extractor<'a>, Error> {
        match &mut self.extractor {
            Some(extractor) => Ok(extractor),
            none => Ok(none.insert(Extractor::new(self.work)?)),
        }
    }
}

impl Track for WholeRows<'_> {
    fn samples(&self) -> usize {
        self.work.dataset.n_samples()
    }

    fn advance(&mut self, goal: Goal, reached: &mut Reached<'_>) -> Result<(), Error> {
        if self.extractor.is_none() && goal.samples >= self.samples() {
            return self.run_all(goal.detail, reached);
        }
        self.extractor()?.advance_to(goal.samples)?;
        for model in 0..self.work.models.len() {
            if !self.stopped[model] {
                reached(model, self.score(model, goal));
            }
        }
        Ok(())
    }

    fn score(&mut self, model: usize, goal: Goal) -> Scored {
        let (scoring, prepared) = (self.scoring, &self.work.models[model]);
        let (progress, is_first) = (self.work.progress, self.unreadable.is_empty());
        let extractor = self.extractor()?;
        let scores = look(extractor, model, goal.samples, |features| {
            score(scoring, prepared, features, goal.detail)
        })?;
        if goal.detail == Detail::Interim {
            return Ok(Some(scores));
        }
        let (seconds, extracted) = extractor.cost(model);
        progress.event(Event::ModelFinished {
            model: prepared.name(),
            seconds,
            computed: extracted,
            samples: goal.samples,
        });
        if is_first {
            let valid = look(extractor, model, goal.samples, |features| Ok(features.valid().to_vec()))?;
            self.unreadable = extractor.unreadable(&valid)?;
        }
        Ok(Some(scores))
    }

    fn stop(&mut self, model: usize) {
        self.stopped[model] = true;
        if let Some(extractor) = &mut self.extractor {
            extractor.stop(model);
        }
    }

    fn cost(&self, model: usize) -> Cost {
        match &self.extractor {
            Some(extractor) => cost(extractor.cost(model)),
            None => self.costs[model],
        }
    }

    fn unreadable(&self) -> &[UnreadableSample] {
        &self.unreadable
    }

    fn finish(&mut self) {
        if let Some(extractor) = self.extractor.take() {
            extractor.finish();
        }
    }
}

/// What extraction took, where every sample has one row.
pub(super) fn cost((seconds, samples): (f64, usize)) -> Cost {
    Cost {
        seconds,
        samples,
        rows: samples,
    }
}

/// Looks at the first `samples` rows of a model.
pub(super) fn look<T>(
    extractor: &mut Extractor<'_>,
    model: usize,
    samples: usize,
    look: impl FnOnce(&mut ExtractedFeatures) -> Result<T, Error>,
) -> Result<T, Error> {
    extractor.look(model, samples, |features| Ok(look(features)))?
}

/// The scores of a model's features, or of its layers where those were asked for.
fn score(
    scoring: &Scoring<'_>,
    model: &PreparedModel,
    features: &mut ExtractedFeatures,
    detail: Detail,
) -> Result<ModelScores, Error> {
    let begun = Instant::now();
    let mut scores = if model.layers().len() > 1 {
        of_layers(scoring, model, features, detail)?
    } else {
        of_features(scoring, model, features, detail)?
    };
    scores.n_samples = features.valid().iter().filter(|valid| **valid).count();
    scores.seconds = begun.elapsed().as_secs_f64();
    Ok(scores)
}

fn of_features(
    scoring: &Scoring<'_>,
    model: &PreparedModel,
    features: &mut ExtractedFeatures,
    detail: Detail,
) -> Result<ModelScores, Error> {
    let (n, d) = (features.n_rows(), features.n_features());
    let bytes = n.saturating_mul(d).saturating_mul(4);
    if bytes > scoring.keep_bytes && row_sums::is_possible(scoring) {
        let groups = row_sums::groups_of(scoring)?;
        let mut sums = RowSums::new(scoring, &groups);
        sums.add(features, 0..n, scoring)?;
        let (list, d) = sums.scores(scoring, detail)?;
        return Ok(ModelScores::of_all(model, list, d));
    }
    let rows = features.features()?;
    Ok(ModelScores::of_all(
        model,
        of_rows(scoring, features, &rows, d, detail)?,
        d,
    ))
}

fn of_layers(
    scoring: &Scoring<'_>,
    model: &PreparedModel,
    features: &mut ExtractedFeatures,
    detail: Detail,
) -> Result<ModelScores, Error> {
    let layers = model.layers();
    let mut each = Vec::with_capacity(layers.len());
    for layer in &layers {
        let rows = mean_rows(features, std::slice::from_ref(layer))?;
        each.push(of_rows(scoring, features, &rows, layer.width(), detail)?);
    }
    combine(scoring.layers, &layers, each, || {
        let rows = mean_rows(features, &layers)?;
        of_rows(scoring, features, &rows, layers[0].width(), detail)
    })
}

/// Every score of the valid rows, `[valid, d]`.
fn of_rows(
    scoring: &Scoring<'_>,
    features: &mut ExtractedFeatures,
    rows: &[f32],
    d: usize,
    detail: Detail,
) -> Result<ScoreList, Error> {
    let kept: Vec<usize> = (0..features.n_rows()).filter(|&row| features.valid()[row]).collect();
    let columns = Columns::of(&scoring.dataset.targets, kept.iter().copied());
    let source = features
        .logits()?
        .map(|(logits, columns)| probabilities(&logits, columns));
    let targets = columns.view()?;
    let inputs = ScoreInputs {
        features: FeatureView::new(rows, targets.n_samples(), d)?,
        targets,
        probabilities: source
            .as_ref()
            .map(|(values, columns)| Probabilities::new(values, *columns))
            .transpose()?,
    };
    let data = ScoreData::new(&inputs)?;
    let groups: Option<Vec<usize>> = match &scoring.groups {
        Some(groups) => Some(kept.iter().map(|&row| groups[row]).collect()),
        // A single sample has no groups, and its scores no error.
        None => groups::assign(&targets, GROUPS.min(targets.n_samples()), scoring.seed).ok(),
    };
    let options = ScoreOptions::default();
    let mut list = scoring.list(detail, &kept, |score, with_error| {
        let outcome = score.compute(&data, &options)?;
        let groups = groups.as_ref().filter(|_| with_error);
        let jackknife = groups.and_then(|groups| jackknife_of(&data, score, &outcome, &options, groups).ok());
        Ok((outcome, jackknife))
    })?;
    scoring.permute(&mut list, detail, |score| {
        permuted(&data, score, &options, scoring.seed)
    });
    company::add_terms(&mut list, scoring.company, &data, detail);
    Ok(list)
}
