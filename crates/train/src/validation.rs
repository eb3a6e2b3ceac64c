//! A finished model on the validation samples of a job.

use ranktune_core::Interrupt;
use ranktune_nn::{GraphOptions, TrainableGraph};
use ranktune_onnx::Model;

use crate::batch_targets::PreparedTargets;
use crate::error::{Error, Result};
use crate::evaluate::{Evaluation, Predictions};
use crate::job::TrainingJob;
use crate::observer::TrainObserver;
use crate::outcome::ValidationRecord;

/// Loss and metric of `model`, as it is written, on the validation samples; `None` when interrupted. The loss of numbers is in their
/// own units.
///
/// # Errors
/// `Input` when there are no validation samples or one cannot be loaded; other errors as in [`crate::train`].
pub fn validate(
    job: &TrainingJob<'_>,
    model: &Model,
    observer: &dyn TrainObserver,
    interrupt: &Interrupt,
) -> Result<Option<ValidationRecord>> {
    let Some(found) = predict(job, model, observer, interrupt)? else {
        return Ok(None);
    };
    let prepared = unscaled(job)?;
    let evaluation = evaluation(job, &prepared)?;
    Ok(Some(evaluation.record(&found)))
}

/// The targets in their own units: an exported model predicts in those.
pub(crate) fn unscaled<'a>(job: &TrainingJob<'a>) -> Result<PreparedTargets<'a>> {
    let validation = job.validation.as_ref();
    let validation = validation.ok_or_else(|| Error::input("there are no validation samples"))?;
    Ok(PreparedTargets {
        targets: validation.targets,
        standard: None,
        class_weights: None,
    })
}

/// The evaluation on the validation samples with prepared targets.
pub(crate) fn evaluation<'a>(job: &TrainingJob<'a>, prepared: &'a PreparedTargets<'a>) -> Result<Evaluation<'a>> {
    let validation = job.validation;
    let validation = validation.ok_or_else(|| Error::input("there are no validation samples"))?;
    Ok(Evaluation {
        samples: validation.samples,
        prepared,
        metric: validation.metric,
        options: job.options,
    })
}

/// The predictions of an exported model for the validation samples; `None` when interrupted.
pub(crate) fn predict(
    job: &TrainingJob<'_>,
    model: &Model,
    observer: &dyn TrainObserver,
    interrupt: &Interrupt,
) -> Result<Option<Predictions>> {
    let output = model.graph.outputs.first();
    let logits = output
        .map(|output| output.name.clone())
        .ok_or_else(|| Error::model("the model has no output"))?;
    let options = GraphOptions {
        outputs: vec![logits.clone()],
        device: job.options.device.clone(),
        ..GraphOptions::default()
    };
    let graph = TrainableGraph::new(model, options)?;
    let prepared = unscaled(job)?;
    evaluation(job, &prepared)?.logits(&graph, &logits, observer, interrupt)
}
