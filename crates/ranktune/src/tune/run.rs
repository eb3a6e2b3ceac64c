//! The training itself: one run, or one for every λ of the grid, which share what the teachers say.

use std::time::Instant;

use ranktune_data::Augmentation;
use ranktune_features::extract::Prepared;
use ranktune_features::progress::{Event, Interrupt, Progress};
use ranktune_onnx::Model;
use ranktune_report::training::{Epoch, LambdaPoint};
use ranktune_tuning::train::{
    Checkpoints, EpochRecord, Job as TrainJob, Judge, Method, Outcome, Samples, Silent, TrainOptions, Trained,
    Validation, Views, Watch, resampled, train,
};
use ranktune_tuning::{Error as TuningError, ErrorKind as TuningKind};
use serde_json::{Map, Value, json};

use super::folder::Folder;
use super::grid::{self, RESAMPLES, Tried};
use super::material::Material;
use super::method::{self, Needs, Teaching};
use super::options::{Lambda, TuneOptions, VIEWS};
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

/// What came out.
pub(crate) struct Finished {
    pub(crate) trained: Trained,
    /// By λ, where it was chosen from the grid.
    pub(crate) curve: Vec<LambdaPoint>,
    pub(crate) settings: Map<String, Value>,
}

/// Trains once, or once a λ and keeps the best.
pub(crate) fn run(job: &Job<'_>) -> Result<Finished, Error> {
    let options = job.options;
    let Some(grid) = options.grid() else {
        let lambda = match options.lambda {
            Lambda::Fixed(lambda) => lambda,
            // Of a method that has no weight to choose.
            Lambda::Grid(_) => 0.0,
        };
        let run = job.once(lambda, "", Turn::Only)?;
        return Ok(Finished {
            trained: run.trained,
            curve: Vec::new(),
            settings: job.settings(run.options, lambda),
        });
    };
    let mut tried: Vec<Tried> = Vec::new();
    let place = |lambda: f64| format!("grid/lambda-{lambda}/");
    let mut times = Vec::new();
    let mut diverged = None;
    for &lambda in grid {
        let Once { trained, resampled, .. } = match job.once(lambda, &place(lambda), Turn::OfGrid) {
            Ok(run) => run,
            // One λ that is too large for the rate does not spoil the others.
            Err(error) if error.kind() == ErrorKind::Diverged => {
                let text = format!("lambda {lambda}: {error}; left out of the grid");
                job.progress.event(Event::Note(&text));
                diverged = Some(error);
                continue;
            }
            Err(error) => return Err(error),
        };
        let Some(record) = trained
            .epochs
            .get(trained.chosen_epoch)
            .and_then(|epoch| epoch.validation.clone())
        else {
            return Err(Error::new(ErrorKind::Training, "training left no validation record"));
        };
        let point = LambdaPoint {
            lambda,
            metric: record.metric,
            value: record.value,
            loss: record.loss,
            standard_error: None,
        };
        job.progress.event(Event::Done(&format!(
            "lambda {lambda}: validation {} {:.4}, loss {:.4}",
            point.metric, point.value, point.loss
        )));
        tried.push(Tried { point, resampled });
        times.push((trained.step_seconds, trained.steps_timed));
    }
    let Some(kept) = grid::choose(&mut tried) else {
        return Err(diverged.unwrap_or_else(|| Error::new(ErrorKind::Training, "no lambda was tried")));
    };
    let curve: Vec<LambdaPoint> = tried.into_iter().map(|one| one.point).collect();
    let lambda = curve[kept].lambda;
    // Models can be large, so none but this one's is held: its run goes on from its last checkpoint, which is its end.
    let Once {
        mut trained, options, ..
    } = job.once(lambda, &place(lambda), Turn::Kept)?;
    (trained.step_seconds, trained.steps_timed) = times[kept];
    if let Ok(bytes) = std::fs::read(job.folder.join(&format!("{}log.jsonl", place(lambda)))) {
        job.folder.write("log.jsonl", &bytes)?;
    }
    Ok(Finished {
        trained,
        curve,
        settings: job.settings(options, lambda),
    })
}

/// Which run it is.
#[derive(Clone, Copy, PartialEq)]
enum Turn {
    /// The only one.
    Only,
    /// That of one λ of the grid, which is measured on resamples of the validation samples.
    OfGrid,
    /// That of the λ that is kept, once more.
    Kept,
}

/// One run of training.
struct Once {
    trained: Trained,
    options: TrainOptions,
    /// The measure on resamples of the validation samples, where that was asked for.
    resampled: Vec<f64>,
}

impl Job<'_> {
    /// One run, with its records under `place` in the folder.
    fn once(&self, lambda: f64, place: &str, turn: Turn) -> Result<Once, Error> {
        let name = match self.options.method.as_str() {
            // Without weight on what the teachers say there is nothing to hold its views or its decay for.
            "b-tuning" if lambda == 0.0 => "fine-tune",
            name => name,
        };
        let method = method::make(name, self.teaching, lambda)?;
        let train_options = self.train_options(method.as_ref(), place, turn);
        let label = match turn {
            Turn::Only => format!("tuning {}", self.target.name()),
            _ => format!("tuning {}, lambda {lambda}", self.target.name()),
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

    fn train_options(&self, method: &dyn Method, place: &str, turn: Turn) -> TrainOptions {
        let mut options = self.options.train.clone();
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
    fn settings(&self, train: TrainOptions, lambda: f64) -> Map<String, Value> {
        let mut settings = match serde_json::to_value(&train) {
            Ok(Value::Object(object)) => object,
            _ => Map::new(),
        };
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
            if self.options.method == "b-tuning" {
                settings.insert("lambda".to_owned(), json!(lambda));
            }
        }
        settings
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
