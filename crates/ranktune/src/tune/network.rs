//! From a model of the hub to one that can be trained: a new head, an open batch size, and a check that the graph runs at the
//! requested input size.

use ranktune_core::{BoxError, one_line};
use ranktune_data::DatasetTargets;
use ranktune_features::extract::{PreparedModel, Sequences, TextSide};
use ranktune_nn::head::POOLED;
use ranktune_nn::{FeatureLayout, Feed, GraphOptions, Head, HeadRows, SequencePooling, TrainableGraph, with_head};
use ranktune_onnx::locate::Pooling;
use ranktune_onnx::{Dim, Model, check};
use ranktune_train::{EVALUATION_VIEW, Pick, Samples};

use super::batch::{check_rows, with_free_batch};
use crate::error::{Error, ErrorKind};

/// What becomes of the model's own classifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SourceHead {
    /// It is removed.
    Removed,
    /// It stays in the graph, for a method that trains it.
    Kept,
}

/// The initial bias of the head: for labels the logarithm of their odds among the training samples, so that training does not start by
/// learning how rare they are (Lin et al. 2017, section 4.1); else zero.
pub(crate) fn initial_bias(targets: &DatasetTargets) -> Vec<f32> {
    let DatasetTargets::MultiLabel { names, rows } = targets else {
        return Vec::new();
    };
    let mut counts = vec![0.5_f32; names.len()];
    for &label in rows.iter().flatten() {
        counts[label as usize] += 1.0;
    }
    #[expect(clippy::cast_precision_loss, reason = "a count of samples")]
    let all = rows.len() as f32 + 1.0;
    counts.iter().map(|count| (count / (all - count)).ln()).collect()
}

/// Puts a head of `n_outputs` with the initial `bias` on the model, and checks that it runs on one of `samples`. With
/// [`SourceHead::Kept`], the model's own classifier stays beside it.
///
/// # Errors
/// [`ErrorKind::Hub`], naming the node that cannot be trained or does not take the size, and what to try.
pub(crate) fn network(
    target: &PreparedModel,
    (n_outputs, bias): (usize, Vec<f32>),
    (seed, source): (u64, SourceHead),
    samples: &dyn Samples,
) -> Result<Model, Error> {
    let unusable = |text: String| Error::new(ErrorKind::Hub, format!("{}: {text}", target.name()));
    let located = target.located();
    let mut base = target.model().clone();
    if target.fixed_batch().is_some() {
        base = with_free_batch(target.model(), &located.feature).map_err(|error| unusable(one_line(&error)))?;
        check_rows(target.model(), &base, &located.feature, samples).map_err(|error| unusable(one_line(&*error)))?;
    }
    for input in &mut base.graph.inputs {
        if let Some(batch) = input.shape.as_mut().and_then(|shape| shape.first_mut()) {
            *batch = Dim::Named("batch".to_owned());
        }
    }
    base.graph.value_info.clear();
    let headed = |n_features: usize, rows: HeadRows| -> Result<Model, BoxError> {
        let mut head = Head::new(&located.feature, n_features, n_outputs);
        head.layout = layout(target)?;
        head.rows = rows;
        head.seed = seed;
        head.bias.clone_from(&bias);
        if source == SourceHead::Kept {
            head.source_logits.clone_from(&located.logits);
        }
        Ok(with_head(&base, &head)?)
    };
    let rows = match target.texts().map(TextSide::sequences) {
        Some(Sequences::Apart) => HeadRows::Pairs,
        _ => HeadRows::Single,
    };
    // The number of features is known once the graph has run; the head of this probe is never used.
    let probe =
        headed(located.feature_dim.unwrap_or(1), HeadRows::Single).map_err(|error| unusable(one_line(&*error)))?;
    let n_features = features(&probe, samples).map_err(|error| {
        let reason = one_line(&*error);
        let Some(side) = target.images() else {
            return unusable(format!("the graph cannot be trained: {reason}; try another model"));
        };
        let (height, width) = side.processor.input_size();
        unusable(format!(
            "the graph cannot be trained on images of {height}×{width}: {reason}; try without --image-size, or another model"
        ))
    })?;
    let network = headed(n_features, rows).map_err(|error| unusable(one_line(&*error)))?;
    // A graph that is wrong is found before an hour of training, not after.
    check(&network).map_err(|error| unusable(one_line(&error)))?;
    Ok(network)
}

fn layout(target: &PreparedModel) -> Result<FeatureLayout, BoxError> {
    let located = target.located();
    let mask = |side: &TextSide| side.processor.inputs().attention_mask.clone();
    let mask = target.texts().and_then(mask);
    let pooling = match target.pooling_name() {
        "first-token" => SequencePooling::First,
        "last-token" => SequencePooling::Last,
        _ => SequencePooling::Mean,
    };
    let fixed = target.texts().and_then(|side| side.processor.inputs().sequence);
    if let (Pooling::Tokens, None, Some(length)) = (located.pooling, &mask, fixed)
        && target.pooling_name() != "words"
    {
        let message = format!(
            "the graph has a fixed length of {length} tokens and no attention mask, so it cannot tell a text from its padding; \
             export it with a mask, or with a dynamic length"
        );
        return Err(message.into());
    }
    let pads_left = target.texts().is_some_and(|side| side.processor.pads_left());
    match located.pooling {
        Pooling::None => Ok(FeatureLayout::Flat),
        Pooling::GlobalAverage { channels_axis: 1 } => Ok(FeatureLayout::Map),
        Pooling::Tokens if target.pooling_name() == "words" => Ok(FeatureLayout::EveryToken),
        // Padding on the right never replaces the first token.
        Pooling::Tokens => Ok(FeatureLayout::Tokens {
            pooling,
            mask: mask.filter(|_| pooling != SequencePooling::First || pads_left),
        }),
        _ => {
            let feature = &located.feature;
            Err(
                format!("features {feature:?} of this layout cannot be tuned; name another tensor with --feature")
                    .into(),
            )
        }
    }
}

/// Runs the graph on one sample. Returns the number of features.
fn features(model: &Model, samples: &dyn Samples) -> Result<usize, BoxError> {
    let outputs = vec![POOLED.to_owned()];
    let options = GraphOptions {
        outputs,
        ..GraphOptions::default()
    };
    let graph = TrainableGraph::new(model, options)?;
    let pick = Pick {
        sample: 0,
        view: EVALUATION_VIEW,
    };
    // The sample twice, to find graphs that take one sample at a time.
    let inputs = samples.load(&[pick, pick])?;
    let fed = inputs.feeds.first().map_or(0, |(_, tensor)| tensor.dims()[0]);
    let feeds: Vec<(&str, Feed)> = inputs
        .feeds
        .iter()
        .map(|(name, tensor)| (name.as_str(), Feed::from(tensor.clone())))
        .collect();
    let pass = graph.evaluate(&feeds)?;
    let dims = pass.output(POOLED)?.dims();
    match dims.as_slice() {
        [rows, features] if [fed, 2].contains(rows) => Ok(*features),
        [rows, _, features] if *rows == fed && inputs.rows.is_some() => Ok(*features),
        other => Err(format!("{fed} rows gave features of shape {other:?}, expected [{fed}, d]").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bias_of_labels_is_their_log_odds_and_that_of_classes_zero() {
        let names: Vec<String> = ["rare", "usual"].map(str::to_owned).to_vec();
        let rows = (0..99).map(|at| if at == 0 { vec![0, 1] } else { vec![1] }).collect();
        let labels = DatasetTargets::MultiLabel {
            names: names.clone(),
            rows,
        };
        let found = initial_bias(&labels);
        let share = |logit: f32| 1.0 / (1.0 + (-logit).exp());
        assert!(
            (share(found[0]) - 0.015).abs() < 1e-4 && (share(found[1]) - 0.995).abs() < 1e-4,
            "{found:?}"
        );
        assert!(
            initial_bias(&DatasetTargets::Classes {
                names,
                labels: vec![0, 1]
            })
            .is_empty()
        );
    }
}
