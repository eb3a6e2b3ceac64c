//! The loop over models and parts of the data.

use std::ops::Range;
use std::sync::Arc;

use ranktune_nn::DeviceChoice;

use super::engines::Engines;
use super::extracted::ExtractedFeatures;
use super::model::PreparedModel;
use super::model_run::{ExtractionOutcome, ModelRun, RunState};
use super::pipeline::Pipeline;
use super::runner::{KEPT_PARAMETERS, Runner};
use super::work::{Extraction, UnreadableSample};
use crate::engine::EngineChoice;
use crate::store::Wanted;
use crate::{Error, ErrorKind};

/// Extracts the features of every model, and calls `finished` with the position and outcome of a model as soon as it is complete
/// or has failed. Returns the samples that cannot be read.
///
/// # Errors
/// [`ErrorKind::Interrupted`] when `interrupt` was raised; [`ErrorKind::UnreadableInputs`] when more than 5 % of the samples
/// cannot be read; an engine that was chosen by name and is not available. The failure of a model goes to `finished` instead.
pub fn extract(
    work: &Extraction<'_>,
    mut finished: impl FnMut(usize, ExtractionOutcome),
) -> Result<Vec<UnreadableSample>, Error> {
    let mut extractor = Extractor::new(work)?;
    let (pipeline, samples) = (extractor.pipeline.clone(), extractor.samples());
    let mut unreadable = Vec::new();
    let mut finish = |index: usize, run: &mut ModelRun| -> Result<(), Error> {
        let Some(outcome) = run.take_outcome(samples) else {
            return Ok(());
        };
        pipeline.report(&work.models[index], &outcome, &run.counts);
        if let Ok(features) = &outcome.features
            && unreadable.is_empty()
        {
            unreadable = pipeline.tolerance.unreadable(features.valid())?;
        }
        finished(index, outcome);
        Ok(())
    };
    for (index, run) in extractor.runs.iter_mut().enumerate() {
        finish(index, run)?;
    }
    while extractor.step(samples, &mut finish)? {}
    Ok(unreadable)
}

/// Extraction in steps: advance all models to some row, look at their features, stop some models, advance the others further.
pub struct Extractor<'a> {
    pipeline: Pipeline<'a>,
    runs: Vec<ModelRun>,
    /// The loaded models, by position. They stay loaded between steps only if all of them fit in memory together.
    runners: Vec<Option<Runner<'a>>>,
    keeps_runners: bool,
    engines: Option<Engines>,
    parts: Option<Vec<Range<usize>>>,
}

impl<'a> Extractor<'a> {
    /// Opens the store and the entries of the models; runs nothing.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for data that no model takes; an engine or device that was chosen by name and is not available,
    /// even where all features are cached.
    pub fn new(work: &'a Extraction<'a>) -> Result<Self, Error> {
        let is_chosen = work.options.engine != EngineChoice::Auto || work.options.device != DeviceChoice::Cpu;
        let engines = is_chosen
            .then(|| Engines::open(work.options, work.progress))
            .transpose()?;
        let pipeline = Pipeline::new(work)?;
        let store = pipeline.open_store();
        let wanted = store.as_ref().map(|_| Arc::new(Wanted::new(work.digests)));
        let cache = store.as_ref().zip(wanted.as_ref());
        let runs = work.models.iter().map(|model| pipeline.start(model, cache));
        let runs: Vec<ModelRun> = runs.collect();
        Ok(Self {
            pipeline,
            runners: runs.iter().map(|_| None).collect(),
            keeps_runners: false,
            runs,
            engines,
            parts: None,
        })
    }

    /// Number of samples of the data set.
    pub fn samples(&self) -> usize {
        self.pipeline.source.len()
    }

    /// Advances every model to its first `rows` rows, except those that are complete, failed, stopped or further already.
    ///
    /// # Errors
    /// As [`extract`].
    pub fn advance_to(&mut self, rows: usize) -> Result<(), Error> {
        let models = self.pipeline.work.models.iter();
        self.keeps_runners = models.map(PreparedModel::parameters).sum::<u64>() <= KEPT_PARAMETERS;
        while self.step(rows, &mut |_, _| Ok(()))? {}
        Ok(())
    }

    /// Advances the models over the next part of the first `limit` rows, and calls `after` for each; `false` if none lacks rows.
    fn step(
        &mut self,
        limit: usize,
        after: &mut dyn FnMut(usize, &mut ModelRun) -> Result<(), Error>,
    ) -> Result<bool, Error> {
        let lacking = |run: &mut ModelRun| run.rows_done().filter(|&done| done < limit);
        let Some(first) = self.runs.iter_mut().filter_map(lacking).min() else {
            return Ok(false);
        };
        let (work, source) = (self.pipeline.work, &self.pipeline.source);
        let engines = match &self.engines {
            Some(engines) => engines,
            None => self.engines.insert(Engines::open(work.options, work.progress)?),
        };
        let parts = self.parts.get_or_insert_with(|| source.parts());
        let part = parts.iter().find(|part| part.contains(&first)).cloned();
        let part = part.unwrap_or(first..source.len());
        let samples = source.part(part.start..part.end.min(limit), Some(work.digests));
        for (index, (run, runner)) in self.runs.iter_mut().zip(&mut self.runners).enumerate() {
            if run.rows_done().is_some_and(|row| samples.range().contains(&row)) {
                self.pipeline
                    .advance(&work.models[index], run, runner, samples.as_ref(), engines)?;
                if !self.keeps_runners || run.rows_done().is_none() {
                    *runner = None;
                }
                after(index, run)?;
            }
        }
        Ok(true)
    }

    /// Calls `look` with the first `rows` rows of a model. Rows in memory are shared, not copied.
    ///
    /// # Errors
    /// Why the model has no features; those of the store and of `look`.
    pub fn look<T>(
        &mut self,
        model: usize,
        rows: usize,
        look: impl FnOnce(&mut ExtractedFeatures) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let ended = || Error::new(ErrorKind::InvalidInput, "the model has no features to look at");
        let run = self.runs.get_mut(model).ok_or_else(ended)?;
        match &mut run.state {
            RunState::Active(features) | RunState::Ended(Ok(features)) => {
                features.take_rows(rows);
                look(features)
            }
            RunState::Ended(Err(_)) => match std::mem::replace(&mut run.state, RunState::Over) {
                RunState::Ended(Err(error)) => Err(error),
                _ => Err(ended()),
            },
            RunState::Over => Err(ended()),
        }
    }

    /// Stops a model: it is not advanced any more. Its features can still be looked at, and stay in the store.
    pub fn stop(&mut self, model: usize) {
        if let Some(run) = self.runs.get_mut(model) {
            run.is_stopped = true;
        }
        if let Some(runner) = self.runners.get_mut(model) {
            *runner = None;
        }
    }

    /// Drops the rows of a model that are in memory; from now on only later rows can be looked at.
    pub fn forget(&mut self, model: usize) {
        if let Some(RunState::Active(features)) = self.runs.get_mut(model).map(|run| &mut run.state) {
            features.forget();
        }
    }

    /// Time of a model so far in seconds, and the number of samples that the engine ran in that time.
    pub fn cost(&self, model: usize) -> (f64, usize) {
        self.runs
            .get(model)
            .map_or((0.0, 0), |run| (run.seconds, run.extracted))
    }

    /// Number of samples whose rows the model lacks; none for a model that failed.
    ///
    /// # Errors
    /// Those of the store.
    pub fn missing(&mut self, model: usize) -> Result<usize, Error> {
        let samples = self.samples();
        match self.runs.get_mut(model).map(|run| &mut run.state) {
            Some(RunState::Active(features)) => Ok(features.missing(0..samples)?.len()),
            _ => Ok(0),
        }
    }

    /// Completes the entries of the models that have all rows. Errors of the store are ignored: the features were looked at.
    pub fn finish(mut self) {
        let samples = self.samples();
        for run in &mut self.runs {
            let _ = run.take_outcome(samples);
        }
    }

    /// The samples whose rows are not `valid`, with the reasons.
    ///
    /// # Errors
    /// [`ErrorKind::UnreadableInputs`] if there are too many.
    pub fn unreadable(&self, valid: &[bool]) -> Result<Vec<UnreadableSample>, Error> {
        self.pipeline.tolerance.unreadable(valid)
    }
}
