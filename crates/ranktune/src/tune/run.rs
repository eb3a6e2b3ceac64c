//! One run of training.

use std::time::Instant;

use ranktune_core::{Event, Interrupt, Progress};
use ranktune_data::Augmentation;
use ranktune_features::extract::Prepared;
use ranktune_nn::{Error as TuningError, ErrorKind as TuningKind};
use ranktune_onnx::Model;
use ranktune_report::training::Epoch;
use ranktune_train::{
    BatchNorm, Checkpoints, EpochRecord, Job as TrainJob, Judge, Method, Outcome, Samples, Silent, TrainOptions,
    Trained, Validation, Views, Watch, resampled, train,
};
use serde_json::{Map, Value, json};

use super::folder::Folder;
use super::grid::RESAMPLES;
use super::material::Material;
use super::method::{self, Needs, Teaching};
use super::options::{TuneOptions, VIEWS};
use super::watch::Bridge;
use crate::error::{Error, ErrorKind};

/// Everything a run needs.
pub(crate) struct Job<'a> {
    pub(crate) target: &'a Prepared,
    /// The target with its new head.
    pub(crate) network: &'a Model,
    pub(crate) samples: &'a dyn Samples,
    pub(crate) validation: Option<&'a dyn Samples>,
    /// The measure of validation; the task's own without.
    pub(crate) judge: Option<&'a dyn Judge>,
    pub(crate) material: &'a Material,
    pub(crate) teaching: Option<&'a Teaching>,
    pub(crate) options: &'a TuneOptions,
    pub(crate) folder: &'a Folder,
    pub(crate) progress: &'a dyn Progress,
    pub(crate) interrupt: &'a Interrupt,
}

/// What the runs of one command differ in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Point {
    /// Learning rate of the backbone.
    pub(crate) rate: f32,
    pub(crate) batch_norm: BatchNorm,
    /// Weight of what the teachers say; 0 for methods without.
    pub(crate) lambda: f64,
}

/// Which run it is.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Turn {
    /// The only one.
    Only,
    /// One of several, which is measured on resamples of the validation samples.
    OfGrid,
    /// That of the values that are kept, once more.
    Kept,
}

/// One run of training.
pub(crate) struct Once {
    pub(crate) trained: Trained,
    pub(crate) options: TrainOptions,
    /// The measure on resamples of the validation samples, where that was asked for.
    pub(crate) resampled: Vec<f64>,
}

impl Job<'_> {
    /// One run, which `name` tells from the others, with its records under `place` in the folder.
    pub(crate) fn once(&self, point: Point, (name, place): (&str, &str), turn: Turn) -> Result<Once, Error> {
        let lambda = point.lambda;
        let method = match self.options.method.as_str() {
            // Without weight on what the teachers say there is nothing to hold its views or its decay for.
            "b-tuning" if lambda == 0.0 => "fine-tune",
            method => method,
        };
        let method = method::make(method, self.teaching, lambda)?;
        let train_options = self.train_options(method.as_ref(), point, place, turn);
        let label = match turn {
            Turn::Only => format!("tuning {}", self.target.name()),
            _ => format!("tuning {}, {name}", self.target.name()),
        };
        let bridge = Bridge {
            label: label.clone(),
            epochs: train_options.epochs,
            progress: self.progress,
        };
        let begun = Instant::now();
        let job = TrainJob {
            model: self.network,
            samples: self.samples,
            targets: &self.material.train.targets,
            validation: self
                .validation
                .zip(self.material.held_out.as_ref())
                .map(|(samples, part)| Validation {
                    samples,
                    targets: &part.targets,
                    judge: self.judge,
                }),
            method: method.as_ref(),
            options: &train_options,
        };
        // Of a run that is at its end there is nothing to show.
        let watch: &dyn Watch = if turn == Turn::Kept { &Silent } else { &bridge };
        let trained = match train(&job, watch, self.interrupt).map_err(training_error)? {
            Outcome::Finished(trained) => *trained,
            Outcome::Interrupted {
                step,
                steps,
                checkpoint,
            } => {
                let kept = checkpoint.map_or_else(
                    || "there is no checkpoint".to_owned(),
                    |path| format!("the checkpoint is {}", path.display()),
                );
                let message = format!(
                    "interrupted after step {step} of {steps}; {kept}; run the same command with --resume to go on"
                );
                return Err(Error::new(ErrorKind::Interrupted, message));
            }
        };
        if turn != Turn::Kept {
            self.progress.event(Event::ModelFinished {
                model: &label,
                seconds: begun.elapsed().as_secs_f64(),
                cached: false,
            });
        }
        let resampled = match turn {
            Turn::Only | Turn::Kept => Vec::new(),
            Turn::OfGrid => resampled(&job, &trained.model, RESAMPLES, &bridge, self.interrupt)
                .map_err(training_error)?
                .ok_or_else(|| {
                    let message = "interrupted after training; run the same command with --resume to go on";
                    Error::new(ErrorKind::Interrupted, message)
                })?,
        };
        Ok(Once {
            trained,
            options: train_options,
            resampled,
        })
    }

    fn train_options(&self, method: &dyn Method, point: Point, place: &str, turn: Turn) -> TrainOptions {
        let mut options = self.options.train.clone();
        options.learning_rate = point.rate;
        options.batch_norm = point.batch_norm;
        method.preset(&mut options);
        if let Some(decay) = self.options.decay {
            options.decay = decay;
        }
        let is_text = self.target.texts().is_some();
        let taught = method::needs(method.name()).is_ok_and(|needs| needs == Needs::Teachers);
        options.views = match (self.options.augmentation, taught, self.options.views) {
            _ if is_text => Views::Plain,
            (Augmentation::None, ..) => Views::Plain,
            (_, false, None) => Views::Fresh,
            (_, _, count) => Views::Finite(count.unwrap_or(VIEWS)),
        };
        let mut checkpoints = Checkpoints::new(self.folder.join(&format!("{place}checkpoints")));
        checkpoints.resume = self.options.resume || turn == Turn::Kept;
        options.checkpoints = Some(checkpoints);
        options.log = Some(self.folder.join(&format!("{place}log.jsonl")));
        options.tensorboard = Some(self.folder.join(&format!("{place}tensorboard")));
        options
    }

    /// All that decides the result, for the document.
    pub(crate) fn settings(&self, once: &Once, lambda: f64) -> Map<String, Value> {
        let mut settings = match serde_json::to_value(&once.options).map(as_written) {
            Ok(Value::Object(object)) => object,
            _ => Map::new(),
        };
        settings.insert("batch_norm".to_owned(), json!(once.trained.batch_norm));
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
        if self.teaching.is_some() {
            settings.insert("temperature".to_owned(), json!(self.options.temperature));
        }
        if self.options.method == "b-tuning" {
            settings.insert("lambda".to_owned(), json!(lambda));
            // Without weight on what the teachers say there is no B-Tuning.
            let read_out = self
                .teaching
                .filter(|_| lambda > 0.0)
                .map_or(0.0, |taught| taught.read_out);
            settings.insert("read_out".to_owned(), json!(read_out));
        }
        settings
    }
}

/// Numbers of 32 bits as a person would write them: 0.001 in place of 0.0010000000474974513.
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

/// The shortest decimal number that is `value` in 32 bits, where `value` is such a number.
pub(crate) fn decimal(value: f64) -> f64 {
    #[expect(clippy::cast_possible_truncation, reason = "compared with the number itself")]
    let short = value as f32;
    match short.to_string().parse() {
        Ok(written) if f64::from(short) == value => written,
        _ => value,
    }
}

fn training_error(error: TuningError) -> Error {
    let kind = match error.kind() {
        TuningKind::Input => ErrorKind::Arguments,
        TuningKind::Diverged => ErrorKind::Diverged,
        TuningKind::Unsupported | TuningKind::Invalid | TuningKind::Shape | TuningKind::NotFound => ErrorKind::Hub,
        _ => ErrorKind::Training,
    };
    Error::new(kind, error)
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
            Map::from_iter([
                ("loss".to_owned(), json!(validation.loss)),
                (validation.metric.clone(), json!(validation.value)),
            ])
        }),
        seconds: record.seconds,
    }
}
