//! Calls into the tokenizers library, which panics on some invalid files and texts.

use std::sync::Arc;

use ranktune_core::panics::caught;

use crate::Error;

/// A failure of the tokenizers library. Clones share it: a tokenizer that could not be made fails for every text.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum TokenizerError {
    #[error(transparent)]
    Failed(Arc<dyn std::error::Error + Send + Sync>),
    #[error("the tokenizers library cannot use it")]
    Panicked,
}

impl From<tokenizers::Error> for TokenizerError {
    fn from(error: tokenizers::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl From<serde_json::Error> for TokenizerError {
    fn from(error: serde_json::Error) -> Self {
        Self::Failed(Arc::new(error))
    }
}

/// Of a tokenizer that is valid and fails on a text.
impl From<TokenizerError> for Error {
    fn from(error: TokenizerError) -> Self {
        Self::unsupported("the tokenizer failed").caused_by(error)
    }
}

/// Runs `f`, and turns a panic into an error.
pub(super) fn guarded<T>(f: impl FnOnce() -> tokenizers::Result<T>) -> Result<T, TokenizerError> {
    caught(f)
        .map_err(|_| TokenizerError::Panicked)?
        .map_err(TokenizerError::from)
}
