//! An entry in the list of methods: name, summary, needs, constructor.

use crate::error::{Error, Result};
use crate::method::Method;
use crate::teachers::TeacherPredictions;

/// What a method needs besides samples, targets and options. Whoever gathers [`MethodInputs`] matches on this enum, so that a
/// need without a provider does not compile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Predictions of teachers for every view of every training sample: `MethodInputs::teachers`.
    Teachers,
    /// The Bayesian linear read-out of the target model's own features before tuning: `MethodInputs::read_out`.
    ReadOut,
    /// The weight λ of the teachers' term, which may be chosen from a grid: [`MethodInputs::lambda`]. At λ = 0 the method is
    /// fine-tuning, see [`crate::methods::at_lambda`].
    Lambda,
    /// Targets of one class per sample.
    Classes,
    /// The share of each source class among the samples of each class, `MethodInputs::relationship`, and a model that keeps the logits of
    /// its source classes as the tensor [`SOURCE_LOGITS`](ranktune_nn::head::SOURCE_LOGITS).
    SourceClasses,
    /// The importance of each feature of the target model before tuning: `MethodInputs::attention`.
    Attention,
    /// Several finished runs, whose weights are averaged: a search for the learning rate.
    Search,
    /// Several models of one architecture, whose weights are averaged before training.
    Homogeneous,
    /// The features of the best-ranked models side by side, in place of those of one model.
    Stack,
    /// The best-ranked models, each of which is tuned.
    Ensemble,
}

/// The read-out of the target model's own features.
#[derive(Clone, Copy, Debug)]
pub struct ReadOutInput<'a> {
    /// m `[n_features, columns]`, row-major, in the units of the targets.
    pub weights: &'a [f32],
    /// κ, the weight of the read-out beside the head in the exported model; 0 for the head alone.
    pub head_weight: f32,
}

/// Everything that methods are made of. A method takes what its [`MethodInfo::needs`] lists.
#[derive(Clone, Copy, Debug, Default)]
pub struct MethodInputs<'a> {
    /// For [`Need::Teachers`].
    pub teachers: Option<&'a TeacherPredictions>,
    /// For [`Need::ReadOut`].
    pub read_out: Option<ReadOutInput<'a>>,
    /// For [`Need::Lambda`].
    pub lambda: f32,
    /// For [`Need::SourceClasses`]: p(source class | class) `[columns, source classes]`, row-major.
    pub relationship: Option<&'a [f32]>,
    /// For [`Need::Attention`]: a weight for each feature, which add up to 1.
    pub attention: Option<&'a [f32]>,
}

impl<'a> MethodInputs<'a> {
    /// The teachers' predictions.
    pub(crate) fn teachers(&self) -> Result<&'a TeacherPredictions> {
        self.teachers
            .ok_or_else(|| Error::input("the method needs teachers' predictions, and there are none"))
    }

    /// The read-out.
    pub(crate) fn read_out(&self) -> Result<ReadOutInput<'a>> {
        self.read_out
            .ok_or_else(|| Error::input("the method needs the read-out of the model's own features, and there is none"))
    }

    /// p(source class | class).
    pub(crate) fn relationship(&self) -> Result<&'a [f32]> {
        let missing = "the method needs the relationship of source classes and classes, and there is none";
        self.relationship.ok_or_else(|| Error::input(missing))
    }

    /// The importance of each feature.
    pub(crate) fn attention(&self) -> Result<&'a [f32]> {
        self.attention
            .ok_or_else(|| Error::input("the method needs the importance of the features, and there is none"))
    }
}

/// An entry of [`METHODS`](crate::methods::METHODS).
#[derive(Debug)]
#[non_exhaustive]
pub struct MethodInfo {
    /// The name on the command line and in documents; [`Method::name`] returns it.
    pub name: &'static str,
    /// What the method does, in a line for help texts.
    pub summary: &'static str,
    /// What it needs.
    pub needs: &'static [Need],
    /// Makes it.
    pub(crate) make: fn(&MethodInputs<'_>) -> Result<Box<dyn Method>>,
}

impl MethodInfo {
    /// Whether the method has this need.
    pub fn needs(&self, need: Need) -> bool {
        self.needs.contains(&need)
    }

    /// The method, made of `inputs`.
    ///
    /// # Errors
    /// `Input` when something that it needs is missing or out of range.
    pub fn make(&self, inputs: &MethodInputs<'_>) -> Result<Box<dyn Method>> {
        (self.make)(inputs)
    }
}
