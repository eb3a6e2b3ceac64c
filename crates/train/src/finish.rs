//! The end of a run: what a method makes of the trained model.

use ranktune_onnx::Model;
use serde_json::{Map, Value};

use crate::error::Result;
use crate::outcome::ValidationRecord;

/// What [`Method::finish`](crate::Method::finish) works with.
#[derive(Clone, Copy)]
pub struct FinishContext<'a> {
    pub(crate) initial: &'a Model,
    pub(crate) has_validation: bool,
    /// Validates a model; `None` when interrupted.
    pub(crate) validate: &'a dyn Fn(&Model) -> Result<Option<ValidationRecord>>,
}

impl FinishContext<'_> {
    /// The model before training, with its new head.
    pub fn initial(&self) -> &Model {
        self.initial
    }

    /// Whether there are validation samples.
    pub fn has_validation(&self) -> bool {
        self.has_validation
    }

    /// Validates `model`; `None` when interrupted.
    ///
    /// # Errors
    /// `Input` without validation samples; those of the graph.
    pub fn validate(&self, model: &Model) -> Result<Option<ValidationRecord>> {
        (self.validate)(model)
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
