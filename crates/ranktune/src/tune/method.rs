//! The inputs of a tuning method, computed as its list of needs says.

use ranktune_train::methods::at_lambda;
use ranktune_train::{Method, MethodInfo, MethodInputs, ReadOutInput, TeacherPredictions};

use crate::error::Error;

/// The target model's own read-out before tuning.
pub(crate) struct OwnReadOut {
    /// m `[d, c]`, row-major.
    pub(crate) weights: Vec<f32>,
    /// Its weight κ beside the head of the tuned model; 0 for the head alone.
    pub(crate) head_weight: f64,
}

/// The data that trials of one method share. A method has what it needs, and nothing else.
#[derive(Default)]
pub(crate) struct MethodData {
    pub(crate) teachers: Option<TeacherPredictions>,
    pub(crate) read_out: Option<OwnReadOut>,
    /// p(source class | class) `[c, z]`, row-major.
    pub(crate) relationship: Option<Vec<f32>>,
    /// The importance of each feature `[d]`.
    pub(crate) attention: Option<Vec<f32>>,
}

impl MethodData {
    /// Makes the method that `info` comes to at `lambda`.
    ///
    /// # Errors
    /// [`ErrorKind::Arguments`](crate::ErrorKind::Arguments) when a setting does not suit the method.
    #[expect(clippy::cast_possible_truncation, reason = "training is in f32")]
    pub(crate) fn make(&self, info: &'static MethodInfo, lambda: f64) -> Result<Box<dyn Method>, Error> {
        let read_out = self.read_out.as_ref().map(|read_out| ReadOutInput {
            weights: &read_out.weights,
            head_weight: read_out.head_weight as f32,
        });
        let inputs = MethodInputs {
            teachers: self.teachers.as_ref(),
            read_out,
            lambda: lambda as f32,
            relationship: self.relationship.as_deref(),
            attention: self.attention.as_deref(),
        };
        Ok(at_lambda(info, lambda).make(&inputs)?)
    }
}
