//! A run from beginning to end.

use std::path::PathBuf;
use std::time::Instant;

use super::checkpoint::{self, Best, State};
use super::evaluate::Evaluation;
use super::job::check;
use super::loader::with_batches;
use super::order::Order;
use super::prepared::Prepared;
use super::records::{Records, StepRecord};
use super::resume::{Weights, begin};
use super::session::{Session, StepResult};
use super::{EpochRecord, Event, Interrupt, Job, Keep, Outcome, Trained, Watch, identity, probe, write_out};
use ranktune_nn::{DeviceTensor, Error, ErrorKind, Result};

/// Trains.
///
/// # Errors
/// `Input` when settings, targets and samples do not fit each other, or a sample cannot be loaded; `Unsupported` when the
/// graph cannot be trained; `Diverged` when the loss is no longer a number or has exploded, with the step and a rate to try;
/// `Checkpoint` when the checkpoint in the folder is of another model, of other settings or other data; `File` when a file
/// cannot be written. What a checkpoint holds outlives every error.
pub fn train(job: &Job<'_>, watch: &dyn Watch, interrupt: &Interrupt) -> Result<Outcome> {
    check(job)?;
    match probe::fits(job) {
        true => probe::train(job, watch, interrupt),
        false => run(job, watch, interrupt),
    }
}

/// Trains the graph of a job that has been checked.
pub(super) fn run(job: &Job<'_>, watch: &dyn Watch, interrupt: &Interrupt) -> Result<Outcome> {
    let count = Order::new(job.samples, job.options.batch_size).count();
    let steps = (count * job.options.epochs) as u64;
    let mut session = Session::new(job, steps)?;
    let batch_norm = session.decide_batch_norm()?;
    let identity = identity::of(job, batch_norm)?;
    let (state, best, resumed) = begin(&mut session, identity)?;
    let run = Run {
        records: Records::open(job.options, resumed.then_some(state.log_bytes.unwrap_or(0)))?,
        validation: job
            .validation
            .map(|validation| Prepared::like(validation.targets, &session.prepared)),
        session,
        state,
        best,
        watch,
        interrupt,
        batch_norm,
        step_seconds: 0.0,
        steps_timed: 0,
        written: Instant::now(),
    };
    watch.event(Event::Started {
        steps,
        done: run.state.step,
        epochs: job.options.epochs,
    });
    run.go()
}

/// A run on its way.
struct Run<'a> {
    session: Session<'a>,
    state: State,
    best: Option<Weights>,
    validation: Option<Prepared<'a>>,
    records: Records,
    watch: &'a dyn Watch,
    interrupt: &'a Interrupt,
    batch_norm: &'static str,
    step_seconds: f64,
    steps_timed: u64,
    /// When the last checkpoint was written.
    written: Instant,
}

impl<'a> Run<'a> {
    fn go(mut self) -> Result<Outcome> {
        let job = self.session.job;
        while self.state.epoch < job.options.epochs {
            let begun = Instant::now();
            let before = self.state.epoch_seconds;
            let complete = self.steps()? && self.validate_and_record(before, begun)?;
            if !complete {
                self.state.epoch_seconds = before + begun.elapsed().as_secs_f64();
                let checkpoint = self.save()?;
                return Ok(Outcome::Interrupted {
                    step: self.state.step,
                    steps: self.session.steps,
                    checkpoint,
                });
            }
            self.save()?;
        }
        self.finish()
    }

    /// The steps left of this epoch; `false` when interrupted.
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
                    let result = self
                        .session
                        .step(picks, inputs, step)
                        .map_err(|error| self.diverged(error))?;
                    let seconds = start.elapsed().as_secs_f64();
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
                    self.watch.event(Event::Step {
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

    /// Takes a step into account.
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
        // A loss may rise for a while; ten times where it began, over ten steps, it does not come back from.
        match smooth > 10.0 * first.abs().max(1.0) {
            true => Err(self.diverged(Error::new(
                ErrorKind::Diverged,
                format!("the loss rose from {first:.3} to {smooth:.3}"),
            ))),
            false => Ok(()),
        }
    }

    /// An error of divergence, with the step and what to try.
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
        Error::new(
            ErrorKind::Diverged,
            format!(
                "training diverged at step {} of {} (epoch {}): {error}; try a learning rate of {}{kept}",
                self.state.step + 1,
                self.session.steps,
                self.state.epoch + 1,
                short(self.session.job.options.learning_rate / 10.0)
            ),
        )
    }

    /// Ends an epoch; `false` when interrupted.
    fn validate_and_record(&mut self, before: f64, begun: Instant) -> Result<bool> {
        let job = self.session.job;
        let validation = match (&job.validation, &self.validation) {
            (Some(validation), Some(prepared)) => {
                let evaluation = Evaluation {
                    samples: validation.samples,
                    prepared,
                    judge: validation.judge,
                    options: job.options,
                };
                let logits = self.session.logits.clone();
                let (watch, interrupt) = (self.watch, self.interrupt);
                let ask = |graph: &_| evaluation.run(graph, &logits, watch, interrupt);
                let found = self.session.answering(ask)?;
                let Some(found) = found else { return Ok(false) };
                if !found.loss.is_finite() {
                    let loss = found.loss;
                    return Err(self.diverged(Error::new(
                        ErrorKind::Diverged,
                        format!("the validation loss is {loss}"),
                    )));
                }
                Some(found)
            }
            _ => None,
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
        self.watch.event(Event::Epoch(&record));
        self.state.epochs.push(record);
        self.state.epoch += 1;
        self.state.step_in_epoch = 0;
        self.state.epoch_seconds = 0.0;
        Ok(true)
    }

    /// Remembers the weights when this epoch is the best one: by its measure, then by its loss.
    fn keep_best(&mut self, record: &EpochRecord) {
        let Some(found) = &record.validation else { return };
        if self.session.job.options.keep == Keep::Last {
            return;
        }
        let better = self.state.best.as_ref().is_none_or(|best| {
            let (value, loss) = (f64::from_bits(best.value), f64::from_bits(best.loss));
            found.value > value || (found.value == value && found.loss < loss)
        });
        if better {
            self.state.best = Some(Best {
                epoch: record.epoch,
                value: found.value.to_bits(),
                loss: found.loss.to_bits(),
                file: None,
            });
            let graph = &self.session.graph;
            self.best = Some(
                self.session
                    .changing()
                    .map(|(index, _)| (index, graph.value(index).clone()))
                    .collect(),
            );
        }
    }

    /// Whether a checkpoint within an epoch is due.
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

    /// Writes a checkpoint, where there is a folder for it.
    fn save(&mut self) -> Result<Option<PathBuf>> {
        let Some(checkpoints) = &self.session.job.options.checkpoints else {
            return Ok(None);
        };
        let folder = &checkpoints.folder;
        self.state.log_bytes = self.records.sync()?;
        self.state.optimizer_steps = self.session.stepper.steps();
        self.state.fed.clone_from(&self.session.fed);
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
        let tensors: Vec<(String, &DeviceTensor)> = values.chain(moments).collect();
        for (name, tensor) in &tensors {
            if !tensor.to_values()?.iter().all(|value| value.is_finite()) {
                return Err(self.diverged(Error::new(
                    ErrorKind::Diverged,
                    format!("{name} holds what is not a number"),
                )));
            }
        }
        let path = checkpoint::write_state(folder, &self.state, &tensors, checkpoints.keep)?;
        self.written = Instant::now();
        self.watch.event(Event::Checkpoint {
            path: &path,
            step: self.state.step,
        });
        Ok(Some(path))
    }

    /// The model with the weights that were asked for.
    fn finish(mut self) -> Result<Outcome> {
        self.records.sync()?;
        let last = self.state.epochs.len().saturating_sub(1);
        let mut chosen_epoch = last;
        if let (Some(best), Some(weights)) = (&self.state.best, self.best) {
            chosen_epoch = best.epoch;
            for (index, tensor) in weights {
                self.session.graph.set_value(index, tensor)?;
            }
        }
        self.session.answer()?;
        let session = &self.session;
        let model = write_out::written(
            session.job.model,
            &session.graph,
            session.prepared.standard.as_ref(),
            &session.fed,
        )?;
        Ok(Outcome::Finished(Box::new(Trained {
            model,
            epochs: self.state.epochs,
            chosen_epoch,
            steps: self.state.step,
            step_seconds: self.step_seconds,
            steps_timed: self.steps_timed,
            batch_norm: self.batch_norm,
        })))
    }
}

/// Two digits of a number: a tenth of 1e-3 is 1e-4, not 9.9999994e-5.
fn short(value: f32) -> String {
    let digits = format!("{value:.1e}");
    digits.replace(".0e", "e")
}
