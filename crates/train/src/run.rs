//! A run from its first step, or a checkpoint, to the exported model.

use std::path::PathBuf;
use std::time::Instant;

use ranktune_core::Interrupt;
use ranktune_nn::DeviceTensor;
use serde_json::Map;

use crate::batch_targets::PreparedTargets;
use crate::checkpoint::{self, Best, State};
use crate::error::{Error, ErrorKind, Result};
use crate::evaluate::Evaluation;
use crate::export::exported;
use crate::export_head::{set_export_head, with_export_head};
use crate::identity::Identity;
use crate::job::TrainingJob;
use crate::loader::with_batches;
use crate::observer::{TrainEvent, TrainObserver};
use crate::options::Keep;
use crate::order::Order;
use crate::outcome::{EpochRecord, Stopped, TrainOutcome, Trained, ValidationRecord};
use crate::records::{Records, StepRecord};
use crate::resume::{Start, Weights, begin};
use crate::session::{Session, StepResult};
use crate::weight_average::leave;

/// Trains the graph of a job that has been checked.
pub(crate) fn run(job: &TrainingJob<'_>, observer: &dyn TrainObserver, interrupt: &Interrupt) -> Result<TrainOutcome> {
    let started = Instant::now();
    let count = Order::new(job.samples, job.options.batch_size).count();
    let steps = (count * job.options.epochs) as u64;
    let mut session = Session::new(job, steps)?;
    let batch_norm = session.decide_batch_norm()?;
    let identity = Identity::of(job, batch_norm)?;
    let Start {
        state,
        best,
        is_resumed,
    } = begin(&mut session, identity)?;
    let run = Run {
        records: Records::open(job.options, is_resumed.then_some(state.log_bytes.unwrap_or(0)))?,
        validation: job
            .validation
            .map(|validation| PreparedTargets::like(validation.targets, &session.prepared)),
        session,
        state,
        best,
        observer,
        interrupt,
        batch_norm,
        step_seconds: 0.0,
        steps_timed: 0,
        written: Instant::now(),
        started,
    };
    observer.event(TrainEvent::Started {
        steps,
        done: run.state.step,
        epochs: job.options.epochs,
    });
    run.finish()
}

/// A run between two steps.
struct Run<'a> {
    session: Session<'a>,
    state: State,
    best: Option<Weights>,
    validation: Option<PreparedTargets<'a>>,
    records: Records,
    observer: &'a dyn TrainObserver,
    interrupt: &'a Interrupt,
    batch_norm: &'static str,
    step_seconds: f64,
    steps_timed: u64,
    /// When the last checkpoint was written.
    written: Instant,
    /// When this run started.
    started: Instant,
}

impl<'a> Run<'a> {
    /// Trains the epochs that are left up to the pause, if any, and exports the model.
    fn finish(mut self) -> Result<TrainOutcome> {
        let job = self.session.job;
        let epochs = job.options.epochs;
        let pause = job
            .options
            .checkpoints
            .as_ref()
            .and_then(|checkpoints| checkpoints.pause_after);
        let mut stopped = None;
        while self.state.epoch < pause.unwrap_or(epochs).min(epochs) {
            stopped = self.stops();
            if stopped.is_some() {
                break;
            }
            let begun = Instant::now();
            let before = self.state.epoch_seconds;
            let complete = self.steps()? && self.validate_and_record(before, begun)?;
            if !complete {
                self.state.epoch_seconds = before + begun.elapsed().as_secs_f64();
                let checkpoint = self.save()?;
                return Ok(TrainOutcome::Interrupted {
                    step: self.state.step,
                    steps: self.session.steps,
                    checkpoint,
                });
            }
            self.save()?;
        }
        let is_finished = self.state.epoch >= epochs || stopped.is_some();
        let mut trained = Box::new(self.export()?);
        trained.stopped = stopped;
        Ok(if is_finished {
            TrainOutcome::Finished(trained)
        } else {
            TrainOutcome::Paused(trained)
        })
    }

    /// Whether the run ends here, before its last epoch.
    fn stops(&self) -> Option<Stopped> {
        let (options, state) = (self.session.job.options, &self.state);
        if let (Some(patience), Some(best)) = (options.patience, best_epoch(&state.epochs))
            && state.step_in_epoch == 0
            && state.epochs.len() - 1 - best >= patience
        {
            return Some(Stopped::Patience);
        }
        let seconds = options.seconds?;
        let longest = state.epochs.iter().map(|epoch| epoch.seconds).reduce(f64::max)?;
        (self.started.elapsed().as_secs_f64() + longest > seconds).then_some(Stopped::Budget)
    }

    /// The remaining steps of this epoch; `false` when interrupted.
    fn steps(&mut self) -> Result<bool> {
        let job = self.session.job;
        let options = job.options;
        let epoch = self.state.epoch;
        let order = Order::new(job.samples, options.batch_size);
        let all = order.batches(options.views, options.seed, epoch);
        let left = all.get(self.state.step_in_epoch..).unwrap_or_default();
        with_batches(
            job.samples,
            left,
            (options.load_threads, options.load_ahead),
            |batches| {
                loop {
                    let start = Instant::now();
                    let Some(batch) = batches.next() else { return Ok(true) };
                    let (picks, inputs) = batch?;
                    let step = self.state.step;
                    let before = self.session.micro_batch;
                    let result = self
                        .session
                        .step(picks, inputs, step)
                        .map_err(|error| self.diverged(error))?;
                    let seconds = start.elapsed().as_secs_f64();
                    if let Some(samples) = self.session.micro_batch.filter(|_| before != self.session.micro_batch) {
                        let has_batch_statistics = self.session.has_batch_statistics();
                        self.observer.event(TrainEvent::Parts {
                            samples,
                            has_batch_statistics,
                        });
                    }
                    self.count(&result)?;
                    self.records.step(&StepRecord {
                        step,
                        epoch,
                        loss: result.loss,
                        parts: &result.parts,
                        learning_rate: result.rate,
                        seconds,
                    })?;
                    self.step_seconds += seconds;
                    self.steps_timed += 1;
                    self.observer.event(TrainEvent::Step {
                        step: self.state.step,
                        epoch,
                        loss: result.loss,
                        learning_rate: result.rate,
                    });
                    if self.interrupt.is_raised() {
                        return Ok(false);
                    }
                    if self.is_due() {
                        self.save()?;
                    }
                }
            },
        )
    }

    /// Adds a step to the state.
    fn count(&mut self, result: &StepResult) -> Result<()> {
        let state = &mut self.state;
        state.step += 1;
        state.step_in_epoch += 1;
        let terms = std::iter::once(("", result.loss)).chain(result.parts.iter().copied());
        for (name, value) in terms {
            match state.sums.iter_mut().find(|(one, _)| one == name) {
                Some((_, sum)) => *sum = (f64::from_bits(*sum) + f64::from(value)).to_bits(),
                None => state.sums.push((name.to_owned(), f64::from(value).to_bits())),
            }
        }
        let loss = f64::from(result.loss);
        let (mut first, mut smooth) = (f64::from_bits(state.first_loss), f64::from_bits(state.smooth_loss));
        if first.is_nan() {
            (first, smooth) = (loss, loss);
        }
        smooth += 0.1 * (loss - smooth);
        (state.first_loss, state.smooth_loss) = (first.to_bits(), smooth.to_bits());
        // A loss may rise for a while, but from ten times its start, smoothed over ten steps, training does not recover.
        if smooth > 10.0 * first.abs().max(1.0) {
            let rise = Error::diverged(format!("the loss rose from {first:.3} to {smooth:.3}"));
            return Err(self.diverged(rise));
        }
        Ok(())
    }

    /// Adds the step and what to try to an error of divergence.
    fn diverged(&self, error: Error) -> Error {
        if error.kind() != ErrorKind::Diverged {
            return error;
        }
        let kept = self
            .session
            .job
            .options
            .checkpoints
            .as_ref()
            .and_then(|checkpoints| checkpoint::newest(&checkpoints.folder));
        let kept = kept.map_or_else(String::new, |path| {
            format!("; the last checkpoint before it is {}", path.display())
        });
        Error::diverged(format!(
            "training diverged at step {} of {} (epoch {}): {error}; try a learning rate of {}{kept}",
            self.state.step + 1,
            self.session.steps,
            self.state.epoch + 1,
            short(self.session.job.options.learning_rate / 10.0)
        ))
    }

    /// Validates the exported head; `None` without validation samples or when interrupted.
    fn validate(&mut self) -> Result<Option<ValidationRecord>> {
        let job = self.session.job;
        let (Some(validation), Some(prepared)) = (&job.validation, &self.validation) else {
            return Ok(None);
        };
        let evaluation = Evaluation {
            samples: validation.samples,
            prepared,
            metric: validation.metric,
            options: job.options,
        };
        let (logits, observer, interrupt) = (&self.session.logits, self.observer, self.interrupt);
        let trained = self.session.average.enter(&mut self.session.graph)?;
        let found = with_export_head(&mut self.session.graph, job.method, |graph| {
            evaluation.run(graph, logits, observer, interrupt)
        });
        leave(&mut self.session.graph, trained)?;
        let found = found?;
        if let Some(found) = &found
            && !found.loss.is_finite()
        {
            let loss = found.loss;
            return Err(self.diverged(Error::diverged(format!("the validation loss is {loss}"))));
        }
        Ok(found)
    }

    /// Validates and records the epoch; `false` when interrupted.
    fn validate_and_record(&mut self, before: f64, begun: Instant) -> Result<bool> {
        let validation = if self.validation.is_some() {
            let Some(found) = self.validate()? else {
                return Ok(false);
            };
            Some(found)
        } else {
            None
        };
        let steps = self.state.step_in_epoch.max(1) as f64;
        let mut means = self
            .state
            .sums
            .drain(..)
            .map(|(name, sum)| (name, f64::from_bits(sum) / steps));
        let loss = means.next().map_or(0.0, |(_, loss)| loss);
        let record = EpochRecord {
            epoch: self.state.epoch,
            step: self.state.step,
            loss,
            parts: means.collect(),
            validation,
            seconds: before + begun.elapsed().as_secs_f64(),
        };
        self.keep_best(&record);
        self.records.epoch(&record)?;
        self.observer.event(TrainEvent::Epoch(&record));
        self.state.epochs.push(record);
        self.state.epoch += 1;
        self.state.step_in_epoch = 0;
        self.state.epoch_seconds = 0.0;
        Ok(true)
    }

    /// Keeps the weights if this epoch is the best one so far: by its metric, then by its loss.
    fn keep_best(&mut self, record: &EpochRecord) {
        let Some(found) = &record.validation else { return };
        if self.session.job.options.keep == Keep::Last {
            return;
        }
        let better = self.state.best.as_ref().is_none_or(|best| {
            let best = ValidationRecord {
                value: f64::from_bits(best.value),
                loss: f64::from_bits(best.loss),
                ..found.clone()
            };
            found.is_better_than(&best)
        });
        if better {
            self.state.best = Some(Best {
                epoch: record.epoch,
                value: found.value.to_bits(),
                loss: found.loss.to_bits(),
                file: None,
            });
            let session = &self.session;
            let written = |index| {
                session
                    .average
                    .value(index)
                    .unwrap_or_else(|| session.graph.value(index))
            };
            let weights = session.changing().map(|(index, _)| (index, written(index).clone()));
            self.best = Some(weights.collect());
        }
    }

    /// Whether a checkpoint within the epoch is due.
    fn is_due(&self) -> bool {
        let Some(checkpoints) = &self.session.job.options.checkpoints else {
            return false;
        };
        let by_steps = checkpoints
            .every_steps
            .is_some_and(|every| every > 0 && self.state.step.is_multiple_of(every));
        let seconds = self.written.elapsed().as_secs_f64();
        by_steps || checkpoints.every_seconds.is_some_and(|every| seconds >= every)
    }

    /// Writes a checkpoint, if the options have a folder for it.
    fn save(&mut self) -> Result<Option<PathBuf>> {
        let Some(checkpoints) = &self.session.job.options.checkpoints else {
            return Ok(None);
        };
        let folder = &checkpoints.folder;
        self.state.log_bytes = self.records.sync()?;
        self.state.optimizer_steps = self.session.stepper.steps();
        self.state.input_shapes.clone_from(&self.session.input_shapes);
        let parameters = self.session.graph.parameters();
        if let (Some(best), Some(weights)) = (&mut self.state.best, &self.best)
            && best.file.is_none()
        {
            let tensors = weights
                .iter()
                .map(|(index, tensor)| (parameters[*index].name.clone(), tensor));
            best.file = Some(checkpoint::write_best(
                folder,
                self.state.step,
                &tensors.collect::<Vec<_>>(),
            )?);
        }
        let graph = &self.session.graph;
        let values = self
            .session
            .changing()
            .map(|(index, name)| (format!("value.{name}"), graph.value(index)));
        let moments = self.session.stepper.moments();
        let moments =
            moments.map(|(which, index, tensor)| (format!("moment.{which}.{}", parameters[index].name), tensor));
        let name = |index: usize| &parameters[index].name;
        let averages = self.session.average.values().iter();
        let averages = averages.map(|(index, tensor)| (format!("average.{}", name(*index)), tensor));
        let reference = self.session.kept_reference();
        let reference = reference.map(|(name, tensor)| (format!("reference.{name}"), tensor));
        let method_state = self.session.method_state.tensors(graph.device())?;
        let state = method_state
            .iter()
            .map(|(name, tensor)| (format!("state.{name}"), tensor));
        let tensors: Vec<(String, &DeviceTensor)> = values
            .chain(moments)
            .chain(averages)
            .chain(reference)
            .chain(state)
            .collect();
        for (name, tensor) in &tensors {
            if !tensor.to_values()?.iter().all(|value| value.is_finite()) {
                return Err(self.diverged(Error::diverged(format!("{name} has values that are not finite"))));
            }
        }
        let path = checkpoint::write_state(folder, &self.state, &tensors, checkpoints.keep)?;
        self.written = Instant::now();
        self.observer.event(TrainEvent::Checkpoint {
            path: &path,
            step: self.state.step,
        });
        Ok(Some(path))
    }

    /// The model with the weights that the options keep.
    fn export(mut self) -> Result<Trained> {
        let job = self.session.job;
        self.records.sync()?;
        let last = self.state.epochs.len().saturating_sub(1);
        let mut chosen_epoch = last;
        if self.best.is_none() {
            self.session.average.enter(&mut self.session.graph)?;
        }
        if let (Some(best), Some(weights)) = (&self.state.best, self.best) {
            chosen_epoch = best.epoch;
            for (index, tensor) in weights {
                self.session.graph.set_value(index, tensor)?;
            }
        }
        set_export_head(&mut self.session.graph, job.method)?;
        let session = &self.session;
        let model = exported(
            session.job.model,
            &session.graph,
            session.prepared.standard.as_ref(),
            &session.input_shapes,
        )?;
        Ok(Trained {
            model,
            epochs: self.state.epochs,
            chosen_epoch,
            steps: self.state.step,
            step_seconds: self.step_seconds,
            steps_timed: self.steps_timed,
            micro_batch: self.session.micro_batch,
            batch_norm: self.batch_norm,
            stopped: None,
            method_settings: Map::new(),
            final_validation: None,
        })
    }
}

/// The position of the best epoch, by metric, then by loss; of equal ones, the first.
fn best_epoch(epochs: &[EpochRecord]) -> Option<usize> {
    let mut best: Option<(usize, &ValidationRecord)> = None;
    for (position, epoch) in epochs.iter().enumerate() {
        let Some(found) = &epoch.validation else { continue };
        if best.is_none_or(|(_, best)| found.is_better_than(best)) {
            best = Some((position, found));
        }
    }
    best.map(|(position, _)| position)
}

/// A number with two digits: a tenth of 1e-3 as 1e-4, not 9.9999994e-5.
fn short(value: f32) -> String {
    let digits = format!("{value:.1e}");
    digits.replace(".0e", "e")
}
