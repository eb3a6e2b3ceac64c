//! The entry point: checks a job and picks how it is run.

use ranktune_core::Interrupt;

use crate::error::Result;
use crate::job::{TrainingJob, check};
use crate::observer::TrainObserver;
use crate::outcome::TrainOutcome;
use crate::{cached_features, run};

/// Trains.
///
/// # Errors
/// `Input` when options, targets and samples do not fit each other, or a sample cannot be loaded; `Model` when the model
/// lacks an output or a head that fits the targets; `Graph` when its graph cannot be trained; `Diverged` when the loss is not
/// a number or has exploded, with the step and a learning rate to try; `Checkpoint` when the checkpoint in the folder belongs
/// to another run; `File` when a file cannot be written. No error removes a checkpoint.
pub fn train(job: &TrainingJob<'_>, observer: &dyn TrainObserver, interrupt: &Interrupt) -> Result<TrainOutcome> {
    check(job)?;
    if cached_features::applies(job) {
        return cached_features::train(job, observer, interrupt);
    }
    run::run(job, observer, interrupt)
}
