//! One run of training: a trial of one configuration.

use std::cell::Cell;
use std::time::Instant;

use ranktune_core::{Event, Interrupt, Progress};
use ranktune_data::Augmentation;
use ranktune_features::extract::PreparedModel;
use ranktune_onnx::Model;
use ranktune_report::training::Epoch;
use ranktune_train::methods::at_lambda;
use ranktune_train::{
    BatchNorm, Checkpoints, EpochRecord, Keep, Method, MethodInfo, Need, Samples, Silent, TrainObserver, TrainOptions,
    TrainOutcome, Trained, TrainingJob, ValidationMetric, ValidationRecord, ValidationSet, ViewSchedule, resampled,
    train, validate,
};
use serde_json::{Map, Value, json};

use super::choice::RESAMPLES;
use super::folder::OutputFolder;
use super::method::MethodData;
use super::observer::ProgressObserver;
use super::options::TuneOptions;
use super::splits::DataSplits;
use crate::error::{Error, ErrorKind};

/// Everything that the trials of a command share.
pub(crate) struct TrialRunner<'a> {
    pub(crate) target: &'a PreparedModel,
    /// The target with its new head.
    pub(crate) network: &'a Model,
    pub(crate) samples: &'a dyn Samples,
    pub(crate) validation: Option<&'a dyn Samples>,
    /// The validation metric; the task's own without.
    pub(crate) metric: Option<&'a dyn ValidationMetric>,
    pub(crate) splits: &'a DataSplits,
    pub(crate) method: &'static MethodInfo,
    pub(crate) data: &'a MethodData,
    pub(crate) options: &'a TuneOptions,
    pub(crate) folder: &'a OutputFolder,
    /// Number of epochs after which runs pause; those in the folder are resumed.
    pub(crate) pause_after: Option<usize>,
    /// When training has to end, by the budget.
    pub(crate) deadline: Option<Instant>,
    /// Seconds of the steps of all runs so far.
    pub(crate) step_seconds: Cell<f64>,
    /// Number of runs that share what is left of the budget, the next one included.
    pub(crate) runs_left: Cell<u32>,
    pub(crate) progress: &'a dyn Progress,
    pub(crate) interrupt: &'a Interrupt,
}

/// What trials differ in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct TrialConfig {
    /// Learning rate of the backbone.
    pub(crate) rate: f32,
    pub(crate) batch_norm: BatchNorm,
    /// Weight of the teachers' term; 0 for methods without.
    pub(crate) lambda: f64,
}

/// The part of a run in the search.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum RunKind {
    /// There is no search: the only run.
    Only,
    /// A trial, which is also measured on resamples of the validation samples.
    Trial,
    /// The chosen trial, resumed from its last checkpoint for its weights.
    Chosen,
}

/// The result of a run.
pub(crate) struct TrialResult {
    pub(crate) trained: Trained,
    pub(crate) options: TrainOptions,
    /// The validation metric on resamples, of a [`RunKind::Trial`].
    pub(crate) resampled: Vec<f64>,
}

impl TrialRunner<'_> {
    /// Trains with `config`. `name` tells the run from others in progress lines; its records are under `place` in the folder.
    pub(crate) fn run(
        &self,
        config: TrialConfig,
        (name, place): (&str, &str),
        kind: RunKind,
    ) -> Result<TrialResult, Error> {
        let method = self.data.make(self.method, config.lambda)?;
        let train_options = self.train_options(method.as_ref(), config, place, kind);
        let label = if kind == RunKind::Only {
            format!("training {}", self.target.name())
        } else {
            format!("training {}, {name}", self.target.name())
        };
        let observer = ProgressObserver {
            label: label.clone(),
            epochs: train_options.epochs,
            progress: self.progress,
        };
        let begun = Instant::now();
        let job = self.job(method.as_ref(), &train_options);
        // The chosen trial is trained already: its run has nothing to show.
        let shown: &dyn TrainObserver = if kind == RunKind::Chosen { &Silent } else { &observer };
        let trained = match train(&job, shown, self.interrupt)? {
            TrainOutcome::Finished(trained) | TrainOutcome::Paused(trained) => *trained,
            TrainOutcome::Interrupted {
                step,
                steps,
                checkpoint,
            } => {
                let kept = checkpoint.map_or_else(
                    || "there is no checkpoint".to_owned(),
                    |path| format!("the checkpoint is {}", path.display()),
                );
                let message = format!(
                    "interrupted after step {step} of {steps}; {kept}; run the same command with --resume to continue"
                );
                return Err(Error::new(ErrorKind::Interrupted, message));
            }
        };
        self.step_seconds.set(self.step_seconds.get() + trained.step_seconds);
        if kind != RunKind::Chosen {
            self.progress.event(Event::TrainingFinished {
                model: &label,
                seconds: begun.elapsed().as_secs_f64(),
            });
        }
        let chosen: Vec<String> = trained
            .method_settings
            .iter()
            .filter(|(_, value)| !value.is_array() && !value.is_object())
            .map(|(name, value)| format!("{name} {value}"))
            .collect();
        if kind != RunKind::Chosen && !chosen.is_empty() {
            let text = format!("{}: {}", self.method.name, chosen.join(", "));
            self.progress.event(Event::Done(&text));
        }
        if let (Some(stopped), true) = (trained.stopped, kind != RunKind::Chosen) {
            let text = format!(
                "{label}: ended after epoch {} of {} by {}",
                trained.epochs.len(),
                train_options.epochs,
                stopped.name()
            );
            self.progress.event(Event::Note(&text));
        }
        let mut values = Vec::new();
        if kind == RunKind::Trial {
            values = resampled(&job, &trained.model, RESAMPLES, &observer, self.interrupt)?.ok_or_else(|| {
                let message = "interrupted after training; run the same command with --resume to continue";
                Error::new(ErrorKind::Interrupted, message)
            })?;
        }
        Ok(TrialResult {
            trained,
            options: train_options,
            resampled: values,
        })
    }

    /// The training of `method` with `options`.
    fn job<'j>(&'j self, method: &'j dyn Method, options: &'j TrainOptions) -> TrainingJob<'j> {
        TrainingJob {
            model: self.network,
            samples: self.samples,
            targets: &self.splits.train.targets,
            validation: self
                .validation
                .zip(self.splits.validation.as_ref())
                .map(|(samples, split)| ValidationSet {
                    samples,
                    targets: &split.targets,
                    metric: self.metric,
                }),
            method,
            options,
        }
    }

    /// Validates a model, as it would be written.
    ///
    /// # Errors
    /// [`ErrorKind::Interrupted`]; those of the graph.
    pub(crate) fn validate(&self, model: &Model, config: TrialConfig) -> Result<ValidationRecord, Error> {
        let method = self.data.make(self.method, config.lambda)?;
        let options = self.train_options(method.as_ref(), config, "", RunKind::Only);
        let found = validate(&self.job(method.as_ref(), &options), model, &Silent, self.interrupt)?;
        found.ok_or_else(|| {
            let message = "interrupted after training; run the same command with --resume to continue";
            Error::new(ErrorKind::Interrupted, message)
        })
    }

    /// Seconds of training that are left of the budget, if there is one.
    pub(crate) fn seconds_left(&self) -> Option<f64> {
        Some(self.deadline?.saturating_duration_since(Instant::now()).as_secs_f64())
    }

    /// Seconds of the next run: its share of what is left.
    fn seconds_of_run(&self) -> Option<f64> {
        let share = self.seconds_left()? / f64::from(self.runs_left.get().max(1));
        // The first epoch always runs.
        Some(share.max(1e-3))
    }

    /// The validation of the epoch whose weights a run keeps; of the epochs before the pause, where it has passed that already.
    ///
    /// # Errors
    /// [`ErrorKind::Training`] without validation samples.
    pub(crate) fn validation_record<'t>(&self, trained: &'t Trained) -> Result<&'t ValidationRecord, Error> {
        if let Some(record) = &trained.final_validation {
            return Ok(record);
        }
        let until = self.pause_after.filter(|&pause| pause < trained.epochs.len());
        let kept = match until {
            None => trained.epochs.get(trained.chosen_epoch),
            Some(pause) if self.options.train.keep == Keep::Last => trained.epochs.get(pause - 1),
            Some(pause) => best_epoch(&trained.epochs[..pause]),
        };
        let record = kept.and_then(|epoch| epoch.validation.as_ref());
        record.ok_or_else(|| Error::new(ErrorKind::Training, "the trial has no validation record"))
    }

    fn train_options(&self, method: &dyn Method, config: TrialConfig, place: &str, kind: RunKind) -> TrainOptions {
        let mut options = self.options.train.clone();
        options.learning_rate = config.rate;
        options.batch_norm = config.batch_norm;
        method.preset(&mut options);
        if let Some(decay) = self.options.decay {
            options.decay = decay;
        }
        // The chosen trial has been trained as far as it goes.
        options.seconds = match kind {
            RunKind::Chosen => self.deadline.map(|_| 1e-3),
            _ => self.seconds_of_run(),
        };
        options.views = self.view_schedule(at_lambda(self.method, config.lambda));
        let mut checkpoints = Checkpoints::new(self.folder.join(&format!("{place}checkpoints")));
        checkpoints.resume = self.options.resume || kind == RunKind::Chosen || self.pause_after.is_some();
        checkpoints.pause_after = self.pause_after;
        options.checkpoints = Some(checkpoints);
        options.log = Some(self.folder.join(&format!("{place}log.jsonl")));
        options.tensorboard = Some(self.folder.join(&format!("{place}tensorboard")));
        options
    }

    /// Teachers predict a finite number of views; without teachers, every epoch has a new one.
    fn view_schedule(&self, method: &MethodInfo) -> ViewSchedule {
        let is_text = self.target.texts().is_some();
        if is_text || self.options.augmentation == Augmentation::None {
            return ViewSchedule::Plain;
        }
        // A count of zero is refused when training starts.
        if self.options.views.is_some() || method.needs(Need::Teachers) {
            return ViewSchedule::Finite(self.options.n_views());
        }
        ViewSchedule::Fresh
    }

    /// All settings that decide the result, for the document.
    pub(crate) fn settings(&self, result: &TrialResult, lambda: f64) -> Map<String, Value> {
        let mut settings = match serde_json::to_value(&result.options).map(as_written) {
            Ok(Value::Object(object)) => object,
            _ => Map::new(),
        };
        settings.insert("batch_norm".to_owned(), json!(result.trained.batch_norm));
        if let Some(samples) = result.trained.micro_batch {
            settings.insert("micro_batch".to_owned(), json!(samples));
        }
        settings.shift_remove("seed");
        settings.shift_remove("epochs");
        if let Some(side) = self.target.images() {
            let (height, width) = side.processor.input_size();
            settings.insert("image_size".to_owned(), json!([height, width]));
            settings.insert("augmentation".to_owned(), json!(self.options.augmentation.to_string()));
        }
        if let Some(side) = self.target.texts() {
            settings.insert("pooling".to_owned(), json!(self.target.pooling_name()));
            settings.insert("max_length".to_owned(), json!(side.processor.max_length()));
        }
        settings.insert("feature_tensor".to_owned(), json!(self.target.feature_tensor()));
        if self.data.teachers.is_some() {
            settings.insert("temperature".to_owned(), json!(self.options.temperature));
        }
        if self.method.needs(Need::Lambda) {
            settings.insert("lambda".to_owned(), json!(lambda));
        }
        if self.method.needs(Need::ReadOut) {
            let is_used = at_lambda(self.method, lambda).needs(Need::ReadOut);
            let read_out = self.data.read_out.as_ref().filter(|_| is_used);
            settings.insert(
                "read_out".to_owned(),
                json!(read_out.map_or(0.0, |read_out| read_out.head_weight)),
            );
        }
        settings.extend(result.trained.method_settings.clone());
        settings
    }
}

/// The first of the best epochs, by metric, then by loss.
fn best_epoch(epochs: &[EpochRecord]) -> Option<&EpochRecord> {
    let mut best: Option<(&EpochRecord, &ValidationRecord)> = None;
    for epoch in epochs {
        let Some(found) = &epoch.validation else { continue };
        let is_better = best.is_none_or(|(_, best)| found.is_better_than(best));
        if is_better {
            best = Some((epoch, found));
        }
    }
    best.map(|(epoch, _)| epoch)
}

/// Numbers of 32 bits in their short decimal form: 0.001 instead of 0.0010000000474974513.
fn as_written(value: Value) -> Value {
    match value {
        Value::Number(number) if number.is_f64() => json!(number.as_f64().map(decimal)),
        Value::Array(values) => values.into_iter().map(as_written).collect(),
        Value::Object(object) => object
            .into_iter()
            .map(|(name, value)| (name, as_written(value)))
            .collect(),
        other => other,
    }
}

/// The shortest decimal number that rounds to `value` in 32 bits, if `value` is a 32-bit number.
pub(crate) fn decimal(value: f64) -> f64 {
    #[expect(clippy::cast_possible_truncation, reason = "compared with the number itself")]
    let short = value as f32;
    match short.to_string().parse() {
        Ok(written) if f64::from(short) == value => written,
        _ => value,
    }
}

/// An epoch as the document has it.
pub(crate) fn epoch(record: &EpochRecord) -> Epoch {
    Epoch {
        epoch: record.epoch + 1,
        loss: record.loss,
        parts: record
            .parts
            .iter()
            .map(|(name, value)| (name.clone(), json!(value)))
            .collect(),
        validation: record.validation.as_ref().map(|validation| {
            Map::from_iter(
                [
                    ("loss".to_owned(), json!(validation.loss)),
                    (validation.metric.clone(), json!(validation.value)),
                ]
                .into_iter()
                .chain(validation.f1_macro.map(|f1| ("f1_macro".to_owned(), json!(f1)))),
            )
        }),
        seconds: record.seconds,
    }
}
