//! A data set: inputs with targets, in a fixed order.

use std::path::PathBuf;

use crate::Targets;

/// What a model is fed.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Inputs {
    /// Image files.
    Images(Vec<PathBuf>),
    /// Texts, with a second text each where the data are pairs.
    Texts {
        /// `[n]`
        first: Vec<String>,
        /// `[n]`, for pairs
        second: Option<Vec<String>>,
    },
}

/// Inputs with their targets, `n` of each, in the order that the digest fixes.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// Where it was read from, as the user named it.
    pub path: PathBuf,
    /// `n` inputs.
    pub inputs: Inputs,
    /// `n` targets.
    pub targets: Targets,
}
