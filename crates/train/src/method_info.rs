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
