//! Runs one model over the rows that it lacks, into the store or into memory.

use std::sync::Arc;
use std::time::Instant;

use ranktune_core::{Event, counted, one_line};

use super::engines::Engines;
use super::extracted::ExtractedFeatures;
use super::input::{self, DatasetPart};
use super::modality::Source;
use super::model::PreparedModel;
use super::model_run::{Counts, ExtractionOutcome, ModelRun, RunState};
use super::options::CacheOptions;
use super::runner::Runner;
use super::units;
use super::work::{Extraction, Tolerance};
use crate::engine::EngineChoice;
use crate::engine::default_threads;
use crate::store::{Key, KeyParts, Store, StoreOptions, Wanted};
use crate::{Error, ErrorKind};

/// What all models of an extraction share.
#[derive(Clone)]
pub(super) struct Pipeline<'a> {
    pub(super) work: &'a Extraction<'a>,
    pub(super) source: Source<'a>,
    pub(super) tolerance: Tolerance<'a>,
}

impl<'a> Pipeline<'a> {
    /// The pipeline for the data set of `work`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for data that no model takes.
    pub(super) fn new(work: &'a Extraction<'a>) -> Result<Self, Error> {
        let source = Source::new(&work.dataset.inputs)?;
        Ok(Self {
            work,
            tolerance: Tolerance::new(&source, work.options.max_unreadable),
            source,
        })
    }

    /// The store, or `None` with a note if it cannot be used.
    pub(super) fn open_store(&self) -> Option<Store> {
        let CacheOptions::On {
            folder,
            max_bytes,
            precision,
        } = &self.work.options.cache
        else {
            return None;
        };
        let Some(folder) = folder.clone().or_else(Store::default_folder) else {
            let note = "features are not cached: this machine has no cache folder; name one with --cache";
            self.work.note(note);
            return None;
        };
        let options = StoreOptions::default()
            .with_max_bytes(*max_bytes)
            .with_precision(*precision);
        match Store::open(&folder, &options) {
            Ok(store) => {
                if let Some(earlier) = store.superseded() {
                    self.work.note(&format!(
                        "{} holds features of an earlier version, which are not read; delete it to free its space",
                        earlier.display()
                    ));
                }
                Some(store)
            }
            Err(error) => {
                self.work
                    .note(&format!("features are not cached: {}", one_line(&error)));
                None
            }
        }
    }

    /// The model with the rows that the store has of the `wanted` samples, or in memory if the store fails.
    pub(super) fn start(&self, model: &PreparedModel, store: Option<(&Store, &Arc<Wanted>)>) -> ModelRun {
        let opened = store.map(|(store, wanted)| {
            let key = Key::of(&KeyParts {
                model: model.digest().as_bytes(),
                preprocessing: model.side().preparation().digest().as_bytes(),
                feature_tensor: model.feature_tensor(),
                pooling: model.pooling_name(),
            });
            let engine = self.work.options.engine;
            let named = (engine != EngineChoice::Auto).then(|| engine.name());
            store.rows(&key, wanted, named)
        });
        let features = match opened {
            None => ExtractedFeatures::memory(),
            Some(Ok(rows)) => {
                if rows.n_damaged() > 0 {
                    let damaged = counted(rows.n_damaged(), "damaged file");
                    let note = format!(
                        "{}: {damaged} of the cache deleted; their rows are computed anew",
                        model.name()
                    );
                    self.work.note(&note);
                }
                ExtractedFeatures::stored(rows)
            }
            Some(Err(error)) => {
                let note = format!("{}: features are not cached: {}", model.name(), one_line(&error));
                self.work.note(&note);
                ExtractedFeatures::memory()
            }
        };
        ModelRun::new(features, self.source.len())
    }

    /// Runs a model over the rows of a part that it lacks. A failure of the model ends up in its state.
    ///
    /// # Errors
    /// Those that end all work: [`ErrorKind::Interrupted`] and [`ErrorKind::UnreadableInputs`].
    pub(super) fn advance(
        &self,
        model: &'a PreparedModel,
        run: &mut ModelRun,
        runner: &mut Option<Runner<'a>>,
        samples: &dyn DatasetPart,
        engines: &Engines,
    ) -> Result<(), Error> {
        let RunState::Active(features) = &mut run.state else {
            return Ok(());
        };
        let begun = Instant::now();
        let result = features.missing(samples.range()).and_then(|missing| {
            if missing.is_empty() {
                return Ok(());
            }
            self.work.progress.event(Event::ModelStarted {
                model: model.name(),
                samples: self.source.len(),
            });
            let runner = self.open(model, runner, engines)?;
            self.run_rows(
                model,
                (features, &mut run.extracted),
                &mut run.counts,
                samples,
                missing,
                runner,
            )
        });
        run.seconds += begun.elapsed().as_secs_f64();
        features.flush();
        if self.work.interrupt.is_raised() {
            let message = if features.is_stored() {
                "interrupted; finished work is kept, run the same command again to continue"
            } else {
                "interrupted; without the cache, features that were computed are not kept"
            };
            return Err(Error::new(ErrorKind::Interrupted, message));
        }
        let Err(error) = result else { return Ok(()) };
        if error.kind() == ErrorKind::UnreadableInputs {
            return Err(error);
        }
        run.state = RunState::Ended(Err(error));
        Ok(())
    }

    /// The model in an engine, loaded now if it is not yet.
    fn open<'r>(
        &self,
        model: &'a PreparedModel,
        runner: &'r mut Option<Runner<'a>>,
        engines: &Engines,
    ) -> Result<&'r mut Runner<'a>, Error> {
        let opened = match runner.take() {
            Some(opened) => opened,
            None => Runner::open(model, engines, self.work.options, self.work.progress)?,
        };
        Ok(runner.insert(opened))
    }

    fn run_rows(
        &self,
        model: &PreparedModel,
        (features, extracted): (&mut ExtractedFeatures, &mut usize),
        counts: &mut Counts,
        samples: &dyn DatasetPart,
        rows: Vec<usize>,
        runner: &mut Runner<'_>,
    ) -> Result<(), Error> {
        let plan = runner.plan();
        let options = units::Options {
            rows,
            size: plan.unit,
            workers: self.work.options.threads.unwrap_or_else(default_threads),
            interrupt: self.work.interrupt,
        };
        let prepare = |rows, buffer| input::unit(samples, model.side(), rows, plan, buffer);
        let report = |done: usize| {
            let model = model.name();
            self.work.progress.event(Event::Samples { model, done });
        };
        units::for_each(&options, prepare, |unit| {
            counts.unreadable += unit.unreadable.len();
            counts.truncated += unit.cut;
            Tolerance::collect(&mut counts.first, &unit.unreadable);
            self.tolerance.check(counts.unreadable, &counts.first)?;
            let begin = unit.rows.first().copied().unwrap_or_default();
            let computed = runner.run(unit, &mut |done| {
                report(begin + done);
                !self.work.interrupt.is_raised()
            })?;
            features.append(&unit.rows, &computed.block(), runner.engine())?;
            *extracted += unit.rows.len();
            report(unit.rows.last().map_or(0, |last| last + 1));
            Ok(())
        })
    }

    /// Reports that a model is complete. What its failure means, the caller knows.
    pub(super) fn report(&self, model: &PreparedModel, outcome: &ExtractionOutcome, counts: &Counts) {
        let (model, seconds) = (model.name(), outcome.seconds);
        if counts.truncated > 0 {
            let noun = self.source.noun();
            let among = if outcome.extracted < self.source.len() {
                format!("the {} {noun} that ran", outcome.extracted)
            } else {
                format!("{} {noun}", self.source.len())
            };
            self.work.note(&format!(
                "{model}: {} of {among} were truncated to the maximum length of the model",
                counts.truncated
            ));
        }
        if let Ok(features) = &outcome.features {
            if let Some(reason) = features.not_kept() {
                self.work.note(&format!("{model}: features are not cached: {reason}"));
            }
            self.work.progress.event(Event::ModelFinished {
                model,
                seconds,
                computed: features.n_computed(),
                samples: self.source.len(),
            });
        }
    }
}
