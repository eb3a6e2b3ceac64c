//! Why a model of the hub cannot be used.

use ranktune_core::one_line;

/// Why a model of the hub cannot be used for extraction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// The model takes another kind of data.
    NotApplicable(String),
    /// The model is broken or not supported.
    Failed(String),
}

impl From<ranktune_onnx::Error> for Unusable {
    fn from(error: ranktune_onnx::Error) -> Self {
        Self::Failed(one_line(&error))
    }
}

impl From<ranktune_hub::Error> for Unusable {
    fn from(error: ranktune_hub::Error) -> Self {
        Self::Failed(one_line(&error))
    }
}
