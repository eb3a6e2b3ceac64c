//! The end of a run: what a method makes of the trained model.

use ranktune_core::Interrupt;
use ranktune_onnx::Model;
use serde_json::{Map, Value};

use crate::error::Result;
use crate::job::TrainingJob;
use crate::observer::TrainObserver;
use crate::outcome::ValidationRecord;
use crate::validation::validate;

/// What [`Method::finish`](crate::Method::finish) works with.
#[derive(Clone, Copy)]
pub struct FinishContext<'a> {
    pub(crate) job: &'a TrainingJob<'a>,
    pub(crate) observer: &'a dyn TrainObserver,
    pub(crate) interrupt: &'a Interrupt,
}

impl FinishContext<'_> {
    /// The model before training, with its new head.
    pub fn initial(&self) -> &Model {
        self.job.model
    }

    /// Whether there are validation samples.
    pub fn has_validation(&self) -> bool {
        self.job.validation.is_some()
    }

    /// Validates `model`; `None` when interrupted.
    ///
    /// # Errors
    /// `Input` without validation samples; those of the graph.
    pub fn validate(&self, model: &Model) -> Result<Option<ValidationRecord>> {
        validate(self.job, model, self.observer, self.interrupt)
    }
}

/// The model that is written.
#[derive(Clone, Debug)]
pub struct Finished {
    /// The model.
    pub model: Model,
    /// What was chosen at the end, by name, for the record of the run.
    pub settings: Map<String, Value>,
    /// The validation of `model`, where that is not the trained one.
    pub validation: Option<ValidationRecord>,
}

impl Finished {
    /// A model about which nothing was chosen.
    pub fn of(model: Model) -> Self {
        Self {
            model,
            settings: Map::new(),
            validation: None,
        }
    }
}
