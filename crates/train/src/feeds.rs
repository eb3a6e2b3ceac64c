//! A batch as the named inputs of a graph.

use ranktune_nn::Feed;

use crate::samples::BatchInputs;

/// The feeds of a batch by name, and the rows of the logits that have a target.
pub(crate) fn feeds(inputs: BatchInputs) -> (Vec<(String, Feed)>, Option<Vec<usize>>) {
    let feeds = inputs
        .feeds
        .into_iter()
        .map(|(name, tensor)| (name, Feed::from(tensor)));
    (feeds.collect(), inputs.rows)
}

/// The feeds with borrowed names, as the graph takes them.
pub(crate) fn named(feeds: &[(String, Feed)]) -> Vec<(&str, Feed)> {
    feeds.iter().map(|(name, feed)| (name.as_str(), feed.clone())).collect()
}

/// The shapes of a batch's inputs, by name.
pub(crate) fn shapes(inputs: &BatchInputs) -> Vec<(String, Vec<usize>)> {
    let feeds = inputs.feeds.iter();
    feeds
        .map(|(name, tensor)| (name.clone(), tensor.dims().to_vec()))
        .collect()
}
