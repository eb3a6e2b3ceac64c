//! The weights that a user excludes from training, by the beginning of their names.

use ranktune_nn::TrainableGraph;

use crate::error::{Error, Result};

/// Checks that every prefix of [`TrainOptions::freeze`](crate::TrainOptions::freeze) is that of a parameter: one that is misspelt
/// would freeze nothing.
///
/// # Errors
/// [`ErrorKind::Input`](crate::ErrorKind::Input) names the prefix, and a parameter of the graph.
pub fn check_frozen_prefixes(graph: &TrainableGraph, prefixes: &[String]) -> Result<()> {
    let parameters = graph.parameters();
    let is_of_none = |prefix: &&String| !parameters.iter().any(|each| each.name.starts_with(prefix.as_str()));
    let Some(prefix) = prefixes.iter().find(is_of_none) else {
        return Ok(());
    };
    let example = parameters.iter().find(|each| each.is_trainable());
    Err(Error::input(format!(
        "no parameter has the prefix {prefix:?} that is to be frozen; one is called {:?}",
        example.map_or("", |each| each.name.as_str())
    )))
}
