//! A graph that was exported for one sample at a time, made to take a batch; and the proof that it computes the same then.

use ranktune_core::BoxError;
use ranktune_nn::{Feed, GraphOptions, TrainableGraph};
use ranktune_onnx::Model;
use ranktune_onnx::transform::{cut, free_batch};
use ranktune_train::{EVALUATION_VIEW, Pick, Samples};

/// Rounding that another order of sums may cause, relative to the largest feature.
const ROUNDING: f32 = 1e-3;

/// `model` with a free batch, as far as `feature` depends on it. Inputs that the features do not depend on are kept, since the mask
/// of a head may be one.
///
/// # Errors
/// `Unsupported` naming the node, and how to export the model.
pub(crate) fn with_free_batch(model: &Model, feature: &str) -> Result<Model, ranktune_onnx::Error> {
    let mut freed = model.clone();
    cut(&mut freed, &[feature])?;
    free_batch(&mut freed)?;
    let kept: Vec<_> = model
        .graph
        .inputs
        .iter()
        .filter(|input| freed.graph.inputs.iter().all(|other| other.name != input.name))
        .cloned()
        .collect();
    freed.graph.inputs.extend(kept);
    Ok(freed)
}

/// Checks that `freed` computes for two samples what `original` computes for each alone. Nothing is checked where `original` takes
/// several at a time.
///
/// # Errors
/// What a graph cannot run; that the features differ, and how to export the model.
pub(crate) fn check_rows(
    original: &Model,
    freed: &Model,
    feature: &str,
    samples: &dyn Samples,
) -> Result<(), BoxError> {
    let graph = |model: &Model| {
        let options = GraphOptions {
            outputs: vec![feature.to_owned()],
            ..GraphOptions::default()
        };
        TrainableGraph::new(model, options)
    };
    let (original, freed) = (graph(original)?, graph(freed)?);
    let run = |graph: &TrainableGraph, sample: &[usize]| -> Result<(usize, Vec<f32>), BoxError> {
        let pick = |&sample: &usize| Pick {
            sample,
            view: EVALUATION_VIEW,
        };
        let inputs = samples.load(&sample.iter().map(pick).collect::<Vec<_>>())?;
        let rows = inputs.feeds.first().map_or(0, |(_, tensor)| tensor.dims()[0]);
        let feeds: Vec<(&str, Feed)> = inputs
            .feeds
            .iter()
            .map(|(name, tensor)| (name.as_str(), Feed::from(tensor.clone())))
            .collect();
        Ok((rows, graph.evaluate(&feeds)?.output(feature)?.to_values()?))
    };
    let last = samples.n_samples().saturating_sub(1);
    let (rows, first) = run(&original, &[0])?;
    if rows != 1 {
        return Ok(());
    }
    let (_, second) = run(&original, &[last])?;
    let (_, together) = run(&freed, &[0, last])?;
    let apart = [first, second].concat();
    let scale = apart.iter().fold(0f32, |scale, value| scale.max(value.abs()));
    let same = apart.len() == together.len()
        && apart
            .iter()
            .zip(&together)
            .all(|(a, b)| (a - b).abs() <= ROUNDING * scale);
    if same {
        return Ok(());
    }
    Err("the graph takes 1 sample at a time, and computes something else for a batch; export the model with a dynamic batch \
         (torch.onnx.export(..., dynamic_shapes=({0: \"batch\"},)), or dynamic_axes of the older exporter)"
        .into())
}
