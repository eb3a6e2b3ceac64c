//! From a model of the hub to one that can be trained: a new head, an open batch, and the certainty that the graph runs at the
//! size that is asked for.

use ranktune_features::error::one_line;
use ranktune_features::extract::Prepared;
use ranktune_onnx::locate::Pooling;
use ranktune_onnx::{Dim, Model};
use ranktune_tuning::head::POOLED;
use ranktune_tuning::train::{EVALUATION, Pick, Samples};
use ranktune_tuning::{Features, Feed, Graph, Head, Options, with_head};

use crate::error::{Error, ErrorKind};

/// Puts a head of `n_outputs` on the model, and runs it on one of `samples` to see that it can.
///
/// # Errors
/// [`ErrorKind::Hub`], naming the node that cannot be trained or does not take the size, and what to try.
pub(crate) fn network(target: &Prepared, n_outputs: usize, seed: u64, samples: &dyn Samples) -> Result<Model, Error> {
    let wrong = |text: String| Error::new(ErrorKind::Hub, format!("{}: {text}", target.name()));
    let located = target.located();
    let mut base = target.model().clone();
    for input in &mut base.graph.inputs {
        if let Some(batch) = input.shape.as_mut().and_then(|shape| shape.first_mut()) {
            *batch = Dim::Named("batch".to_owned());
        }
    }
    base.graph.value_info.clear();
    let headed = |n_features: usize| {
        let mut head = Head::new(&located.feature, n_features, n_outputs);
        head.layout = layout(target)?;
        head.seed = seed;
        with_head(&base, &head).map_err(|error| one_line(&error))
    };
    // The number of features is what the graph makes of a sample; the head of this first one is never used.
    let probe = headed(located.feature_dim.unwrap_or(1)).map_err(&wrong)?;
    let n_features = features(&probe, samples).map_err(|reason| {
        let (height, width) = target.images().map_or((0, 0), |side| side.processor.input_size());
        wrong(format!(
            "the graph cannot be trained on images of {height}×{width}: {reason}; try without --image-size, or another model"
        ))
    })?;
    headed(n_features).map_err(wrong)
}

fn layout(target: &Prepared) -> Result<Features, String> {
    let located = target.located();
    match located.pooling {
        Pooling::None => Ok(Features::Flat),
        Pooling::GlobalAverage { channels_axis: 1 } => Ok(Features::Map),
        Pooling::Tokens if target.pooling_name() == "first-token" => Ok(Features::FirstToken),
        _ => Err(format!(
            "features {:?} of this layout cannot be tuned in this version; name another tensor with --feature",
            located.feature
        )),
    }
}

/// Runs the graph on one sample: the length of its pooled features.
fn features(model: &Model, samples: &dyn Samples) -> Result<usize, String> {
    let outputs = vec![POOLED.to_owned()];
    let options = Options {
        outputs,
        ..Options::default()
    };
    let graph = Graph::new(model, options).map_err(|error| one_line(&error))?;
    let pick = Pick {
        sample: 0,
        view: EVALUATION,
    };
    // Two of a kind: a graph that only takes one at a time shows here.
    let inputs = samples.load(&[pick, pick]).map_err(|error| error.to_string())?;
    let feeds: Vec<(&str, Feed)> = inputs
        .feeds
        .iter()
        .map(|(name, tensor)| (name.as_str(), Feed::from(tensor.clone())))
        .collect();
    let pass = graph.evaluate(&feeds).map_err(|error| one_line(&error))?;
    let dims = pass.output(POOLED).map_err(|error| one_line(&error))?.dims();
    match dims.as_slice() {
        [2, features] => Ok(*features),
        other => Err(format!(
            "two samples gave pooled features of shape {other:?}, expected [2, d]"
        )),
    }
}
