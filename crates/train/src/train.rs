//! The entry point: checks a job and picks how it is run.

use ranktune_core::Interrupt;

use crate::error::Result;
use crate::finish::FinishContext;
use crate::job::{TrainingJob, check};
use crate::observer::TrainObserver;
use crate::outcome::{TrainOutcome, Trained};
use crate::validation::validate;
use crate::{cached_features, checkpoint, run};

/// Trains.
///
/// # Errors
/// `Input` when options, targets and samples do not fit each other, or a sample cannot be loaded; `Model` when the model
/// lacks an output or a head that fits the targets; `Graph` when its graph cannot be trained; `Diverged` when the loss is not
/// a number or has exploded, with the step and a learning rate to try; `Checkpoint` when the checkpoint in the folder belongs
/// to another run; `File` when a file cannot be written. No error removes a checkpoint.
pub fn train(job: &TrainingJob<'_>, observer: &dyn TrainObserver, interrupt: &Interrupt) -> Result<TrainOutcome> {
    check(job)?;
    let prepared = job.method.prepare(job.model, job.options)?;
    let inner = TrainingJob {
        model: prepared.as_ref().unwrap_or(job.model),
        ..*job
    };
    let outcome = if cached_features::applies(&inner) {
        cached_features::train(&inner, observer, interrupt)?
    } else {
        run::run(&inner, observer, interrupt)?
    };
    let context = FinishContext {
        initial: job.model,
        has_validation: job.validation.is_some(),
        validate: &|model| validate(job, model, observer, interrupt),
    };
    match outcome {
        TrainOutcome::Finished(trained) => finish(job, *trained, &context, TrainOutcome::Finished),
        TrainOutcome::Paused(trained) => finish(job, *trained, &context, TrainOutcome::Paused),
        interrupted => Ok(interrupted),
    }
}

/// What the method makes of the trained model. Interrupted here, the run has its last checkpoint to go on from.
fn finish(
    job: &TrainingJob<'_>,
    trained: Trained,
    context: &FinishContext<'_>,
    outcome: impl FnOnce(Box<Trained>) -> TrainOutcome,
) -> Result<TrainOutcome> {
    let Some(finished) = job.method.finish(trained.model, context)? else {
        let checkpoints = job.options.checkpoints.as_ref();
        return Ok(TrainOutcome::Interrupted {
            step: trained.steps,
            steps: trained.steps,
            checkpoint: checkpoints.and_then(|checkpoints| checkpoint::newest(&checkpoints.folder)),
        });
    };
    Ok(outcome(Box::new(Trained {
        model: finished.model,
        method_settings: finished.settings,
        final_validation: finished.validation,
        ..trained
    })))
}
