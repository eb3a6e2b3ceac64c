//! Why a model of the hub cannot be used.

use ranktune_core::BoxError;

/// Why a model of the hub cannot be used for extraction.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// The model takes another kind of data.
    #[error("{0}")]
    NotApplicable(String),
    /// The model is broken or not supported.
    #[error(transparent)]
    Failed(BoxError),
}

impl From<ranktune_onnx::Error> for Unusable {
    fn from(error: ranktune_onnx::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl From<ranktune_hub::Error> for Unusable {
    fn from(error: ranktune_hub::Error) -> Self {
        Self::Failed(error.into())
    }
}
