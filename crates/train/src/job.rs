//! What is to be trained, on what and how; and whether that fits together.

use ranktune_onnx::Model;

use super::{Method, Samples, Setting, Targets, TrainOptions};
use ranktune_nn::head::WEIGHT;
use ranktune_nn::{Error, ErrorKind, Result};

/// A measure of the caller's own for validation.
pub trait Judge: Sync {
    /// Its name, as recorded.
    fn name(&self) -> &str;

    /// The value, larger is better, of logits `[rows, columns]` for all rows of `targets`, in order; regression: in the
    /// units of the data.
    fn judge(&self, logits: &[f32], targets: &Targets) -> f64;
}

/// Samples to validate on.
#[derive(Clone, Copy)]
pub struct Validation<'a> {
    /// The samples; loaded in the evaluation view.
    pub samples: &'a dyn Samples,
    /// Their targets, with the same columns as those of training.
    pub targets: &'a Targets,
    /// The measure; `None` for the task's own (see [`super::ValidationRecord::metric`]).
    pub judge: Option<&'a dyn Judge>,
}

/// What is to be trained, on what, and how.
#[derive(Clone, Copy)]
pub struct Job<'a> {
    /// A model with its new head ([`ranktune_nn::with_head`]), whose first output is the logits.
    pub model: &'a Model,
    /// The training samples.
    pub samples: &'a dyn Samples,
    /// Their targets.
    pub targets: &'a Targets,
    /// The validation samples, where there are any.
    pub validation: Option<Validation<'a>>,
    /// The method.
    pub method: &'a dyn Method,
    /// The settings.
    pub options: &'a TrainOptions,
}

/// Whether the parts of a job fit each other.
pub(super) fn check(job: &Job<'_>) -> Result<()> {
    let wrong = |message: String| Err(Error::new(ErrorKind::Input, message));
    job.options.check()?;
    let fits = |what: &str, samples: &dyn Samples, targets: &Targets| match samples.n_samples() == targets.n_samples() {
        true => Ok(()),
        false => wrong(format!(
            "there are {} {what} samples and {} targets",
            samples.n_samples(),
            targets.n_samples()
        )),
    };
    fits("training", job.samples, job.targets)?;
    if let Some(validation) = &job.validation {
        fits("validation", validation.samples, validation.targets)?;
        let alike = std::mem::discriminant(validation.targets.values()) == std::mem::discriminant(job.targets.values());
        if !alike || validation.targets.columns() != job.targets.columns() {
            return wrong("validation targets are not of the kind and number of the training targets".to_owned());
        }
    }
    let head = job.model.graph.initializers.get(WEIGHT);
    job.method.check(&Setting {
        targets: job.targets,
        options: job.options,
        n_features: head.and_then(|weight| features(&weight.dims, job.targets.columns())),
    })
}

/// Number of features of a head's weight, `[c, d]` or `[d, c]`.
fn features(dims: &[usize], columns: usize) -> Option<usize> {
    match *dims {
        [outputs, features] if outputs == columns => Some(features),
        [features, outputs] if outputs == columns => Some(features),
        _ => None,
    }
}
