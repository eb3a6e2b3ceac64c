//! A model, samples, a method and options, checked against each other.

use ranktune_nn::head::WEIGHT;
use ranktune_onnx::Model;

use crate::error::{Error, Result};
use crate::method::{CheckContext, Method};
use crate::options::{ClassWeights, TrainOptions};
use crate::samples::Samples;
use crate::targets::{TargetValues, TrainTargets};
use crate::validation_metric::ValidationMetric;

/// Samples to validate on.
#[derive(Clone, Copy)]
pub struct ValidationSet<'a> {
    /// The samples, which are loaded in the evaluation view.
    pub samples: &'a dyn Samples,
    /// Their targets, with the columns of the training targets.
    pub targets: &'a TrainTargets,
    /// The measure; `None` for the task's own (see [`crate::ValidationRecord::metric`]).
    pub metric: Option<&'a dyn ValidationMetric>,
}

/// What is trained, on what, and how.
#[derive(Clone, Copy)]
pub struct TrainingJob<'a> {
    /// A model with its new head ([`ranktune_nn::with_head`]), whose first output is the logits.
    pub model: &'a Model,
    /// The training samples.
    pub samples: &'a dyn Samples,
    /// Their targets.
    pub targets: &'a TrainTargets,
    /// The validation samples, if any.
    pub validation: Option<ValidationSet<'a>>,
    /// The method.
    pub method: &'a dyn Method,
    /// The options.
    pub options: &'a TrainOptions,
}

/// Checks that the parts of a job fit each other.
pub(crate) fn check(job: &TrainingJob<'_>) -> Result<()> {
    job.options.check()?;
    check_count("training", job.samples, job.targets)?;
    if let Some(validation) = &job.validation {
        check_count("validation", validation.samples, validation.targets)?;
        let kind = |targets: &TrainTargets| std::mem::discriminant(targets.values());
        let is_alike = kind(validation.targets) == kind(job.targets);
        if !is_alike || validation.targets.columns() != job.targets.columns() {
            return Err(Error::input(format!(
                "validation targets have another kind or number of columns than the training targets: {} and {}",
                validation.targets.columns(),
                job.targets.columns()
            )));
        }
    }
    let is_classes = matches!(job.targets.values(), TargetValues::Classes { .. });
    if job.options.class_weights == ClassWeights::Balanced && !is_classes {
        return Err(Error::input(
            "class weights are for data with one class per sample or word; leave them out",
        ));
    }
    if job.options.patience.is_some() && job.validation.is_none() {
        return Err(Error::input(
            "patience needs validation samples, and there are none; leave it out, or hold some samples out",
        ));
    }
    job.method.check(&context(job))
}

/// What the method sees of a job.
pub(crate) fn context<'a>(job: &TrainingJob<'a>) -> CheckContext<'a> {
    let head = job.model.graph.initializers.get(WEIGHT);
    CheckContext {
        targets: job.targets,
        options: job.options,
        model: job.model,
        n_features: head.and_then(|weight| n_features(&weight.dims, job.targets.columns())),
    }
}

fn check_count(part: &str, samples: &dyn Samples, targets: &TrainTargets) -> Result<()> {
    let (n_samples, n_targets) = (samples.n_samples(), targets.n_samples());
    if n_samples != n_targets {
        return Err(Error::input(format!(
            "there are {n_samples} {part} samples and {n_targets} targets"
        )));
    }
    Ok(())
}

/// Number of features of a head's weight, `[c, d]` or `[d, c]`.
fn n_features(dims: &[usize], columns: usize) -> Option<usize> {
    match *dims {
        [outputs, features] if outputs == columns => Some(features),
        [features, outputs] if outputs == columns => Some(features),
        _ => None,
    }
}
