//! The loop over parts of the data and models.

use std::ops::Range;
use std::path::PathBuf;
use std::time::Instant;

use ranktune_data::{Dataset, Digest};

use super::job::{Counts, Job, State, state};
use super::options::{CacheOptions, ExtractOptions};
use super::prepare::Prepared;
use super::runner::{Engines, Runner};
use super::samples::{Samples, Source};
use super::sink::{ExtractedFeatures, Sink};
use super::units;
use crate::engine::default_threads;
use crate::store::{Key, KeyParts, Store, StoreOptions};
use crate::{Error, ErrorKind};
use ranktune_core::one_line;
use ranktune_core::{Event, Interrupt, Progress};

/// The share of samples that may be unreadable: more than this is no damaged file or two, but a wrong folder, a broken
/// download or a format that is not supported.
const UNREADABLE_SHARE: f64 = 0.05;

/// Weights of all models together up to which their sessions are kept between the steps of an [`Extractor`]: 1 GiB in f32.
pub(super) const KEPT_PARAMETERS: u64 = 1 << 28;

/// A model's features, or why there are none.
#[derive(Debug)]
pub struct Outcome {
    /// The features, complete, or why the model cannot be used.
    pub features: Result<ExtractedFeatures, Error>,
    /// Time it took, in seconds; decoding counts for whichever model meets the samples first.
    pub seconds: f64,
    /// Samples that went through the engine in that time; the others came from the store.
    pub extracted: usize,
}

/// A sample that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Its file.
    pub file: PathBuf,
    /// Why.
    pub reason: String,
}

/// What [`extract`] works on.
#[derive(Clone, Copy)]
pub struct Extraction<'a> {
    /// The models.
    pub models: &'a [Prepared],
    /// The samples.
    pub dataset: &'a Dataset,
    /// The digest of every sample's content, from [`Dataset::input_digests`].
    pub digests: &'a [Digest],
    /// How.
    pub options: &'a ExtractOptions,
    /// Who watches.
    pub progress: &'a dyn Progress,
    /// Ends it early.
    pub interrupt: &'a Interrupt,
}

/// Extracts the features of every model and gives each to `finished`, with the model's position, as soon as it is complete or
/// has failed. Returns the samples that cannot be read.
///
/// # Errors
/// [`ErrorKind::Interrupted`] when `interrupt` was raised; [`ErrorKind::UnreadableInputs`] when more than 5 % of the samples
/// cannot be read; an engine that was asked for by name and cannot be had. One model's failure goes to `finished` instead.
pub fn extract(work: &Extraction<'_>, mut finished: impl FnMut(usize, Outcome)) -> Result<Vec<Unreadable>, Error> {
    let mut extractor = Extractor::new(work)?;
    let (run, samples) = (extractor.run, extractor.samples());
    let mut unreadable = Vec::new();
    let mut hand_over = |index: usize, job: &mut Job| -> Result<(), Error> {
        let Some(outcome) = job.take_outcome(samples) else {
            return Ok(());
        };
        run.tell(&work.models[index], &outcome, job.counts.cut);
        if let Ok(features) = &outcome.features
            && unreadable.is_empty()
        {
            unreadable = run.unreadable(features.valid())?;
        }
        finished(index, outcome);
        Ok(())
    };
    for (index, job) in extractor.jobs.iter_mut().enumerate() {
        hand_over(index, job)?;
    }
    while extractor.step(samples, &mut hand_over)? {}
    Ok(unreadable)
}

/// Extraction in steps: all models up to some row, a look at their features, some models left alone, further.
pub struct Extractor<'a> {
    run: Run<'a>,
    store: Option<Store>,
    jobs: Vec<Job>,
    /// Models that are loaded, by position; between steps only where all of them fit in memory together.
    runners: Vec<Option<Runner<'a>>>,
    keeps_runners: bool,
    /// Whether entries stay open from one step to the next, and so cannot be waited for.
    keeps_entries: bool,
    engines: Option<Engines>,
    parts: Option<Vec<Range<usize>>>,
}

impl<'a> Extractor<'a> {
    /// Opens the store and looks what is in it; runs nothing.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for data that no model takes.
    pub fn new(work: &'a Extraction<'a>) -> Result<Self, Error> {
        let source = Source::new(&work.dataset.inputs);
        let run = Run {
            work,
            source,
            limit: unreadable_limit(source.len()),
        };
        let store = run.open_store();
        let jobs = work.models.iter().map(|model| run.start(model, store.as_ref()));
        let jobs: Vec<Job> = jobs.collect();
        Ok(Self {
            run,
            store,
            runners: jobs.iter().map(|_| None).collect(),
            keeps_runners: false,
            keeps_entries: false,
            jobs,
            engines: None,
            parts: None,
        })
    }

    /// Samples of the data set.
    pub fn samples(&self) -> usize {
        self.run.source.len()
    }

    /// Brings every model that is neither complete, nor failed, nor stopped to its first `rows` rows, or beyond where more of them
    /// were there.
    ///
    /// # Errors
    /// As [`extract`].
    pub fn advance_to(&mut self, rows: usize) -> Result<(), Error> {
        self.keeps_entries = true;
        let models = self.run.work.models.iter();
        self.keeps_runners = models.map(Prepared::parameters).sum::<u64>() <= KEPT_PARAMETERS;
        while self.step(rows, &mut |_, _| Ok(()))? {}
        Ok(())
    }

    /// Brings models over the next part of the first `limit` rows and gives each to `after`; `false` if none lacked any.
    fn step(
        &mut self,
        limit: usize,
        after: &mut dyn FnMut(usize, &mut Job) -> Result<(), Error>,
    ) -> Result<bool, Error> {
        let lacking = |job: &Job| job.rows_done().filter(|&done| done < limit);
        let Some(first) = self.jobs.iter().filter_map(lacking).min() else {
            let mut jobs = self.jobs.iter_mut().enumerate();
            let Some((index, busy)) = jobs.find(|(_, job)| matches!(job.state, State::Busy(_))) else {
                return Ok(false);
            };
            if self.keeps_entries {
                // The entry may be held by this very extractor, for a model of the same content.
                busy.state = State::Active(Sink::memory());
            } else {
                // Everything else is done: now it is worth waiting for the process that has this one.
                busy.wait(self.store.as_ref());
            }
            after(index, busy)?;
            return Ok(true);
        };
        let run = self.run;
        let engines = match &self.engines {
            Some(engines) => engines,
            None => self.engines.insert(Engines::open(run.work.options, run.work.progress)?),
        };
        let parts = self.parts.get_or_insert_with(|| run.source.parts());
        let part = parts.iter().find(|part| part.contains(&first)).cloned();
        let part = part.unwrap_or(first..run.source.len());
        let samples = run.source.part(part.start..part.end.min(limit));
        for (index, (job, runner)) in self.jobs.iter_mut().zip(&mut self.runners).enumerate() {
            if job.rows_done().is_some_and(|row| samples.range().contains(&row)) {
                run.advance(&run.work.models[index], job, runner, &samples, engines)?;
                if !self.keeps_runners || job.rows_done().is_none() {
                    *runner = None;
                }
                after(index, job)?;
            }
        }
        Ok(true)
    }

    /// Lets `look` see the first `rows` rows of a model.
    ///
    /// # Errors
    /// Why the model has no features; the store's, where they are read back.
    pub fn look<T>(
        &mut self,
        model: usize,
        rows: usize,
        look: impl FnOnce(&mut ExtractedFeatures) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let stopped = || Error::new(ErrorKind::InvalidInput, "the model was stopped");
        let job = self.jobs.get_mut(model).ok_or_else(stopped)?;
        match &mut job.state {
            State::Active(sink) => {
                let mut features = sink.so_far()?;
                features.take_rows(rows);
                look(&mut features)
            }
            State::Ended(Ok(features)) => {
                features.take_rows(rows);
                look(features)
            }
            State::Ended(Err(_)) => match std::mem::replace(&mut job.state, State::Over) {
                State::Ended(Err(error)) => Err(error),
                _ => Err(stopped()),
            },
            State::Busy(_) | State::Over => Err(stopped()),
        }
    }

    /// Leaves a model alone from now on. What it has of features can still be looked at, and stays in the store.
    pub fn stop(&mut self, model: usize) {
        if let Some(job) = self.jobs.get_mut(model) {
            job.idle = true;
        }
        if let Some(runner) = self.runners.get_mut(model) {
            *runner = None;
        }
    }

    /// Drops the rows of a model that are held in memory; only rows to come can be looked at from now on.
    pub fn forget(&mut self, model: usize) {
        if let Some(State::Active(sink)) = self.jobs.get_mut(model).map(|job| &mut job.state) {
            sink.forget();
        }
    }

    /// Time that a model took so far, in seconds, and the samples that went through the engine in it.
    pub fn cost(&self, model: usize) -> (f64, usize) {
        self.jobs
            .get(model)
            .map_or((0.0, 0), |job| (job.seconds, job.extracted))
    }

    /// Completes the entries of the models that have seen every sample, as far as the store lets itself be written.
    pub fn finish(mut self) {
        let samples = self.samples();
        for job in &mut self.jobs {
            let _ = job.take_outcome(samples);
        }
    }

    /// The samples among the first that `valid` says are not, with the reasons.
    ///
    /// # Errors
    /// [`ErrorKind::UnreadableInputs`] when they are too many.
    pub fn unreadable(&self, valid: &[bool]) -> Result<Vec<Unreadable>, Error> {
        self.run.unreadable(valid)
    }
}

#[derive(Clone, Copy)]
struct Run<'a> {
    work: &'a Extraction<'a>,
    source: Source<'a>,
    limit: usize,
}

impl<'a> Run<'a> {
    fn note(&self, text: &str) {
        self.work.progress.event(Event::Note(text));
    }

    fn open_store(&self) -> Option<Store> {
        let CacheOptions::On {
            folder,
            max_bytes,
            precision,
        } = &self.work.options.cache
        else {
            return None;
        };
        let Some(folder) = folder.clone().or_else(Store::default_folder) else {
            self.note("features are not kept: this machine names no cache folder; name one with --cache");
            return None;
        };
        match Store::open(
            &folder,
            &StoreOptions::default()
                .with_max_bytes(*max_bytes)
                .with_precision(*precision),
        ) {
            Ok(store) => Some(store),
            Err(error) => {
                self.note(&format!("features are not kept: {}", one_line(&error)));
                None
            }
        }
    }

    fn start(&self, model: &Prepared, store: Option<&Store>) -> Job {
        let Some(store) = store else {
            return Job::new(State::Active(Sink::memory()));
        };
        let mut data = blake3::Hasher::new();
        for digest in self.work.digests {
            data.update(digest.as_bytes());
        }
        let key = Key::of(&KeyParts {
            model: model.digest().as_bytes(),
            preprocessing: model.side().digest().as_bytes(),
            feature_tensor: model.feature_tensor(),
            pooling: model.pooling_name(),
            data: data.finalize().as_bytes(),
        });
        Job::new(state(store.entry(&key), key).unwrap_or_else(|error| {
            self.note(&format!(
                "{}: features are not kept: {}",
                model.name(),
                one_line(&error)
            ));
            State::Active(Sink::memory())
        }))
    }

    /// Runs a model over what it has not seen of a part. Its own failure ends up in its state; an error ends all work.
    fn advance(
        &self,
        model: &'a Prepared,
        job: &mut Job,
        runner: &mut Option<Runner<'a>>,
        samples: &Samples<'_>,
        engines: &Engines,
    ) -> Result<(), Error> {
        let State::Active(sink) = &mut job.state else {
            return Ok(());
        };
        let rows = sink.rows_done()..samples.range().end;
        let begun = Instant::now();
        self.work.progress.event(Event::ModelStarted {
            model: model.name(),
            samples: self.source.len(),
        });
        let before = job.counts;
        let result = self
            .open(model, runner, engines)
            .and_then(|runner| self.run_rows(model, sink, &mut job.counts, samples, rows.clone(), runner));
        job.seconds += begun.elapsed().as_secs_f64();
        job.extracted += sink.rows_done() - rows.start;
        if self.work.interrupt.is_raised() {
            let message = "interrupted; finished work is kept, run the same command to go on";
            return Err(Error::new(ErrorKind::Interrupted, message));
        }
        match result {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == ErrorKind::UnreadableInputs => Err(error),
            Err(error) if error.kind() == ErrorKind::Io && matches!(sink, Sink::Store(_)) => {
                self.note(&format!(
                    "{}: features are kept in memory only: {}",
                    model.name(),
                    one_line(&error)
                ));
                (job.extracted, job.counts) = (0, before);
                job.state = State::Active(Sink::memory());
                Ok(())
            }
            Err(error) => {
                job.state = State::Ended(Err(error));
                Ok(())
            }
        }
    }

    /// The model in an engine, loaded now if it is not.
    fn open<'r>(
        &self,
        model: &'a Prepared,
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
        model: &Prepared,
        sink: &mut Sink,
        counts: &mut Counts,
        samples: &Samples<'_>,
        rows: Range<usize>,
        runner: &mut Runner<'_>,
    ) -> Result<(), Error> {
        let plan = runner.plan();
        let options = units::Options {
            rows,
            size: plan.unit,
            workers: self.work.options.threads.unwrap_or_else(default_threads),
            interrupt: self.work.interrupt,
        };
        let prepare = |rows, buffer| model.side().unit(samples, rows, plan, buffer);
        let tell = |done: usize| {
            let model = model.name();
            self.work.progress.event(Event::Samples { model, done });
        };
        units::for_each(&options, prepare, |unit| {
            counts.unreadable += unit.unreadable.len();
            counts.cut += unit.cut;
            if let Some((row, reason)) = unit.unreadable.first()
                && counts.unreadable > self.limit
            {
                return Err(self.too_many(counts.unreadable, *row, reason));
            }
            let begin = unit.rows.start;
            let computed = runner.run(unit, &mut |done| {
                tell(begin + done);
                !self.work.interrupt.is_raised()
            })?;
            sink.append(&unit.rows, &computed.block())?;
            tell(unit.rows.end);
            Ok(())
        })
    }

    fn too_many(&self, count: usize, row: usize, reason: &str) -> Error {
        let message = format!(
            "at least {count} of {} {} cannot be read, more than {:.0} %; the last one: {}: {reason}",
            self.source.len(),
            self.source.noun(),
            100.0 * UNREADABLE_SHARE,
            self.source.place(row).display(),
        );
        Error::new(ErrorKind::UnreadableInputs, message)
    }

    fn tell(&self, model: &Prepared, outcome: &Outcome, cut: usize) {
        let (model, seconds) = (model.name(), outcome.seconds);
        if cut > 0 {
            let (count, noun) = (self.source.len(), self.source.noun());
            self.note(&format!(
                "{model}: {cut} of {count} {noun} are longer than it takes, and were cut"
            ));
        }
        match &outcome.features {
            Ok(_) => self.work.progress.event(Event::ModelFinished {
                model,
                seconds,
                cached: outcome.extracted == 0,
            }),
            Err(error) => self.work.progress.event(Event::ModelSkipped {
                model,
                reason: &one_line(error),
            }),
        }
    }

    /// The samples that are not valid, with the reasons, which the store does not keep.
    fn unreadable(&self, valid: &[bool]) -> Result<Vec<Unreadable>, Error> {
        let rows: Vec<usize> = (0..valid.len()).filter(|&row| !valid[row]).collect();
        let reason = |row: usize| {
            self.source
                .fault(row)
                .unwrap_or_else(|| "it could not be read before".to_owned())
        };
        if let Some(&last) = rows.last()
            && rows.len() > self.limit
        {
            return Err(self.too_many(rows.len(), last, &reason(last)));
        }
        Ok(rows
            .into_iter()
            .map(|row| Unreadable {
                file: self.source.place(row),
                reason: reason(row),
            })
            .collect())
    }
}

/// Unreadable samples that are still tolerated: 5 %, but at least one.
fn unreadable_limit(samples: usize) -> usize {
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a limit need not be exact"
    )]
    let share = (samples as f64 * UNREADABLE_SHARE) as usize;
    share.max(1)
}
