//! The loop over parts of the data and models.

use std::ops::Range;
use std::path::PathBuf;
use std::time::Instant;

use ranktune_data::{Dataset, Digest};

use super::options::{CacheOptions, ExtractOptions};
use super::prepare::Prepared;
use super::runner::{Engines, Runner};
use super::samples::{Samples, Source};
use super::sink::{Features, Sink};
use super::units;
use crate::engine::default_threads;
use crate::error::one_line;
use crate::progress::{Event, Interrupt, Progress};
use crate::store::{EntryState, Key, KeyParts, Store, StoreOptions};
use crate::{Error, ErrorKind};

/// The share of samples that may be unreadable: more than this is no damaged file or two, but a wrong folder, a broken
/// download or a format that is not supported.
const UNREADABLE_SHARE: f64 = 0.05;

/// A model's features, or why there are none.
#[derive(Debug)]
pub struct Outcome {
    /// The features, complete, or why the model cannot be used.
    pub features: Result<Features, Error>,
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
    let source = Source::new(&work.dataset.inputs)?;
    let run = Run {
        work,
        source,
        limit: unreadable_limit(source.len()),
    };
    let store = run.open_store();
    let mut jobs: Vec<Job> = work
        .models
        .iter()
        .map(|model| run.start(model, store.as_ref()))
        .collect();
    let mut engines = None;
    let mut parts = None;
    let mut unreadable = Vec::new();
    let mut hand_over = |index: usize, job: &mut Job| -> Result<(), Error> {
        let Some(outcome) = job.take_outcome(source.len()) else {
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
    loop {
        for (index, job) in jobs.iter_mut().enumerate() {
            hand_over(index, job)?;
        }
        let Some(first) = jobs.iter().filter_map(Job::rows_done).min() else {
            let Some(busy) = jobs.iter_mut().find(|job| matches!(job.state, State::Busy(_))) else {
                break;
            };
            // Everything else is done: now it is worth waiting for the process that has this one.
            busy.wait(store.as_ref());
            continue;
        };
        let engines = match &engines {
            Some(engines) => engines,
            None => engines.insert(Engines::open(work.options, work.progress)?),
        };
        let parts = parts.get_or_insert_with(|| source.parts());
        let part = parts
            .iter()
            .find(|part| part.contains(&first))
            .cloned()
            .unwrap_or(first..source.len());
        let samples = source.part(part);
        for (index, job) in jobs.iter_mut().enumerate() {
            if job.rows_done().is_some_and(|row| samples.range().contains(&row)) {
                run.advance(&work.models[index], job, &samples, engines)?;
                hand_over(index, job)?;
            }
        }
    }
    Ok(unreadable)
}

/// A model on its way.
struct Job {
    state: State,
    seconds: f64,
    extracted: usize,
    counts: Counts,
}

/// What is told of the samples that a model has met.
#[derive(Clone, Copy, Default)]
struct Counts {
    unreadable: usize,
    /// Longer than the model takes.
    cut: usize,
}

enum State {
    /// Rows are missing.
    Active(Sink),
    /// Another process is writing the entry.
    Busy(Key),
    /// Complete or failed, and not yet handed over.
    Ended(Result<Features, Error>),
    /// Handed over.
    Over,
}

impl Job {
    fn new(state: State) -> Self {
        Self {
            state,
            seconds: 0.0,
            extracted: 0,
            counts: Counts::default(),
        }
    }

    /// Rows done, where some are missing.
    fn rows_done(&self) -> Option<usize> {
        match &self.state {
            State::Active(sink) => Some(sink.rows_done()),
            _ => None,
        }
    }

    fn take_outcome(&mut self, rows: usize) -> Option<Outcome> {
        let complete = self.rows_done().is_some_and(|done| done >= rows);
        if !complete && !matches!(self.state, State::Ended(_)) {
            return None;
        }
        let features = match std::mem::replace(&mut self.state, State::Over) {
            State::Active(sink) => sink.finish(),
            State::Ended(result) => result,
            State::Busy(_) | State::Over => return None,
        };
        Some(Outcome {
            features,
            seconds: self.seconds,
            extracted: self.extracted,
        })
    }

    fn wait(&mut self, store: Option<&Store>) {
        if let (State::Busy(key), Some(store)) = (&self.state, store) {
            self.state = state(store.wait_for(key), *key).unwrap_or_else(|_| State::Active(Sink::memory()));
        }
    }
}

fn state(entry: Result<EntryState, Error>, key: Key) -> Result<State, Error> {
    Ok(match entry? {
        EntryState::Complete(reader) => State::Ended(Ok(Features::stored(reader))),
        EntryState::Partial(writer) | EntryState::Absent(writer) => State::Active(Sink::Store(Box::new(writer))),
        EntryState::Busy => State::Busy(key),
    })
}

struct Run<'a> {
    work: &'a Extraction<'a>,
    source: Source<'a>,
    limit: usize,
}

impl Run<'_> {
    fn note(&self, text: &str) {
        self.work.progress.event(Event::Note(text));
    }

    fn open_store(&self) -> Option<Store> {
        let CacheOptions::On { folder, max_bytes } = &self.work.options.cache else {
            return None;
        };
        let Some(folder) = folder.clone().or_else(Store::default_folder) else {
            self.note("features are not kept: this machine names no cache folder; name one with --cache");
            return None;
        };
        match Store::open(&folder, &StoreOptions::default().with_max_bytes(*max_bytes)) {
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
    fn advance(&self, model: &Prepared, job: &mut Job, samples: &Samples<'_>, engines: &Engines) -> Result<(), Error> {
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
        let result = self.run_rows(model, sink, &mut job.counts, samples, rows.clone(), engines);
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

    fn run_rows(
        &self,
        model: &Prepared,
        sink: &mut Sink,
        counts: &mut Counts,
        samples: &Samples<'_>,
        rows: Range<usize>,
        engines: &Engines,
    ) -> Result<(), Error> {
        let mut runner = Runner::open(model, engines, self.work.options, self.work.progress)?;
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
