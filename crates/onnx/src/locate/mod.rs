//! Finds the feature tensor and the logits of a model.
//!
//! - A classifier: the feature tensor is the input of the last linear layer, and the logits are what that layer gives.
//!   Of several heads whose logits are added, the one that takes the most features counts.
//! - An encoder without a head: the feature tensor is the output itself, `[N, tokens, d]` or `[N, d]`.
//! - A convolutional network without a head: the last map, of which the global average is taken.
//!
//! **Is the last linear layer a classifier, or the projection of an embedding model?** In this order: an activation
//! that makes probabilities, or a size equal to `num_labels`, says classifier; another `num_labels`, or a size equal
//! to `hidden_dim`, says embedding, unless the output's name has `embed` in it; then the name decides (`logits`, `embedding`, …); a two-dimensional
//! output is taken for a classifier's otherwise, and one of tokens or of a map is not.
//!
//! **Several outputs:** a classifier's logits go before an embedding `[N, d]`, that before tokens, and those before a
//! map; outputs of one kind go in the order of the file. A `pooler_output` that is the tanh of a linear layer goes
//! last: BERT's and ViT's are trained for another task, or not at all where a checkpoint came without them.

mod blocks;
mod trace;

pub use blocks::blocks;
pub use trace::Activation;

use ranktune_core::names::did_you_mean;

use crate::shapes;
use crate::{Dim, Error, ErrorKind, Model};
use trace::{Linear, Trace, Walker};

/// What files beside the model know of it.
#[derive(Clone, Debug, Default)]
pub struct Hints {
    /// The feature tensor, by its name or that of the node that computes it; the default is to find it.
    pub feature: Option<String>,
    /// Number of labels of the classifier; 0 says that there is none.
    pub num_labels: Option<usize>,
    /// Length of the feature vector.
    pub hidden_dim: Option<usize>,
}

/// How a feature vector comes out of the feature tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Pooling {
    /// `[N, d]`: each row is one.
    None,
    /// `[N, …]` with the channels at `channels_axis`: the average over all other axes but the first.
    GlobalAverage {
        /// Where the channels are.
        channels_axis: usize,
    },
    /// `[N, tokens, d]`: the caller chooses (the mean over the mask, the first token, …).
    Tokens,
}

/// What [`locate`] finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// Name of the feature tensor.
    pub feature: String,
    /// Its shape.
    pub feature_shape: Vec<Dim>,
    /// Length of the feature vector, after pooling.
    pub feature_dim: Option<usize>,
    /// How the vector comes out of the tensor.
    pub pooling: Pooling,
    /// Name of the logits, if the model has a classifier: `[N, classes]`, or `[N, classes, 1, 1]`, or
    /// `[N, tokens, classes]`.
    pub logits: Option<String>,
    /// Number of logits.
    pub n_classes: Option<usize>,
    /// What the graph does to the logits before it gives them out.
    pub activation: Activation,
}

/// Finds the feature tensor and the logits of `model`.
///
/// # Errors
/// `NotFound` for an unknown name in `hints.feature` (with the nearest ones), or when no tensor will do; what
/// [`shapes::infer`] finds wrong.
pub fn locate(model: &Model, hints: &Hints) -> Result<Located, Error> {
    let shapes = shapes::infer(model)?;
    let walker = Walker::new(&model.graph, &shapes);
    let found = match &hints.feature {
        Some(name) => given(&walker, name, hints),
        None => automatic(&walker, hints),
    };
    found.map_err(|error| model.in_file(error))
}

/// The name that `name` stands for: a tensor's, or that of a node for its first output.
///
/// # Errors
/// `NotFound`, with the nearest names.
pub fn resolve<'a>(model: &'a Model, name: &str) -> Result<&'a str, Error> {
    resolve_in(&model.graph, name).map_err(|error| model.in_file(error))
}

fn resolve_in<'a>(graph: &'a crate::Graph, name: &str) -> Result<&'a str, Error> {
    let inputs = graph.inputs.iter().map(|input| input.name.as_str());
    let outputs = graph
        .nodes
        .iter()
        .flat_map(|node| node.outputs.iter().map(String::as_str));
    let tensors = outputs.chain(inputs).filter(|name| !name.is_empty());
    if let Some(found) = tensors.clone().find(|tensor| *tensor == name) {
        return Ok(found);
    }
    let by_node = graph.nodes.iter().find(|node| !name.is_empty() && node.name == name);
    if let Some(output) = by_node.and_then(|node| node.output(0)) {
        return Ok(output);
    }
    let nodes = graph.nodes.iter().map(|node| node.name.as_str());
    let suggestion = did_you_mean(name, tensors.chain(nodes));
    let message = format!("the graph has no tensor and no node named {name:?}{suggestion}");
    Err(Error::new(ErrorKind::NotFound, message))
}

/// The classifier, with the tensor that is asked for as features.
fn given(walker: &Walker, name: &str, hints: &Hints) -> Result<Located, Error> {
    let feature = resolve_in(walker.graph, name)?;
    let classifier = candidates(walker, hints)
        .into_iter()
        .find(|candidate| candidate.role == Role::Classifier);
    let mut located = located(walker, feature, None)?;
    if let Some(candidate) = classifier {
        candidate.add_logits(walker, &mut located);
    }
    Ok(located)
}

fn automatic(walker: &Walker, hints: &Hints) -> Result<Located, Error> {
    let mut candidates = candidates(walker, hints);
    // Stable: outputs of one role keep their order.
    candidates.sort_by_key(|candidate| candidate.role);
    let mut first_error = None;
    for candidate in &candidates {
        match candidate.locate(walker) {
            Ok(located) => return Ok(located),
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    Err(first_error.unwrap_or_else(|| Error::new(ErrorKind::NotFound, "the graph has no output to take features from")))
}

/// What an output of the graph is to the search, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Role {
    Classifier,
    Embedding,
    Tokens,
    Map,
    Pooler,
    Other,
}

/// Outputs that are looked at; models have a handful.
const MAX_OUTPUTS: usize = 256;

struct Candidate<'a> {
    output: &'a str,
    trace: Trace<'a>,
    role: Role,
}

fn candidates<'a>(walker: &Walker<'a>, hints: &Hints) -> Vec<Candidate<'a>> {
    let outputs = walker.graph.outputs.iter().map(|output| output.name.as_str());
    let candidate = |output| {
        let trace = walker.trace(output);
        let role = role(walker, output, &trace, hints);
        Candidate { output, trace, role }
    };
    outputs.take(MAX_OUTPUTS).map(candidate).collect()
}

fn role(walker: &Walker, output: &str, trace: &Trace, hints: &Hints) -> Role {
    if let Some(linear) = &trace.linear
        && is_classifier(walker, output, trace, linear, hints)
    {
        return Role::Classifier;
    }
    match walker.shapes.rank(output) {
        Some(2) if is_tanh_pooler(walker, output) => Role::Pooler,
        // Probabilities whose linear layer is not to be seen are no features.
        Some(2) if trace.activation != Activation::None => Role::Other,
        Some(2) => Role::Embedding,
        Some(3) => Role::Tokens,
        Some(4 | 5) => Role::Map,
        _ => Role::Other,
    }
}

fn is_classifier(walker: &Walker, output: &str, trace: &Trace, linear: &Linear, hints: &Hints) -> bool {
    let makes_probabilities = matches!(
        trace.activation,
        Activation::Softmax | Activation::LogSoftmax | Activation::ArgMax
    );
    // Some ImageNet classifiers have a class for the background beside their thousand labels.
    let fits = |labels: usize| {
        labels > 0
            && linear
                .outputs
                .is_some_and(|outputs| outputs == labels || outputs == labels + 1)
    };
    if makes_probabilities || hints.num_labels.is_some_and(fits) {
        return true;
    }
    let name = output.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| name.contains(word));
    let is_named_so = says(&["logit", "prob", "class", "score", "softmax", "label", "pred"]);
    // The projection of an embedding model has features of another size, too.
    if says(&["embed"]) && !is_named_so {
        return false;
    }
    if hints.hidden_dim.is_some() && linear.inputs != linear.outputs {
        if linear.inputs == hints.hidden_dim && hints.num_labels != Some(0) {
            return true;
        }
        if linear.outputs == hints.hidden_dim {
            return false;
        }
    }
    if hints.num_labels.is_some() && !is_named_so {
        return false;
    }
    if says(&["feature", "pooler", "hidden", "vector", "descriptor", "represent"]) {
        return false;
    }
    if is_named_so || trace.activation != Activation::None {
        return true;
    }
    // A 1×1 convolution before the average is the classifier of some networks and the last block of many others; of
    // the former nearly all in use have the thousand classes of ImageNet.
    if trace.averages || linear.is_convolution_on_map {
        return trace.averages && matches!(linear.outputs, Some(1000 | 1001));
    }
    walker.shapes.rank(output) == Some(2)
}

/// Whether `output` is the tanh of a linear layer.
fn is_tanh_pooler(walker: &Walker, output: &str) -> bool {
    let tanh = walker.producer(output).filter(|node| node.is("Tanh"));
    tanh.and_then(|node| node.input(0))
        .is_some_and(|input| walker.trace(input).linear.is_some())
}

impl Candidate<'_> {
    fn locate(&self, walker: &Walker) -> Result<Located, Error> {
        match (&self.trace.linear, self.role) {
            (Some(linear), Role::Classifier) => {
                let mut located = located(walker, linear.feature, linear.inputs)?;
                self.add_logits(walker, &mut located);
                Ok(located)
            }
            _ => located(walker, self.output, None),
        }
    }

    fn add_logits(&self, walker: &Walker, located: &mut Located) {
        located.logits = Some(self.trace.logits.to_owned());
        located.activation = self.trace.activation;
        located.n_classes = self
            .trace
            .linear
            .as_ref()
            .and_then(|linear| linear.outputs)
            .or_else(|| {
                let shape = walker.shapes.shape(self.trace.logits)?;
                if shape.len() == 2 { shape.last()?.fixed() } else { None }
            });
    }
}

/// The tensor `feature` with the pooling that its rank asks for; `length` is what its reader says of its last axis.
fn located(walker: &Walker, feature: &str, length: Option<usize>) -> Result<Located, Error> {
    let unusable = |found: String| {
        let message = format!("tensor {feature:?} cannot be used as features: {found}; choose another by its name");
        Error::new(ErrorKind::NotFound, message)
    };
    if let Some(data_type) = walker
        .shapes
        .data_type(feature)
        .filter(|data_type| !data_type.is_float())
    {
        return Err(unusable(format!("expected floating-point numbers, found {data_type}")));
    }
    let shape = match walker.shapes.shape(feature) {
        Some(shape) => shape.to_vec(),
        // The reader of a value of unknown rank is a matrix product of rows.
        None => match length {
            Some(length) => vec![Dim::Unknown, Dim::Fixed(length)],
            None => return Err(unusable("its rank is not known".to_owned())),
        },
    };
    let (pooling, axis) = match shape.len() {
        2 => (Pooling::None, 1),
        3 => (Pooling::Tokens, 2),
        4 | 5 => {
            let channels_axis = channels_axis(walker, feature, &shape);
            (Pooling::GlobalAverage { channels_axis }, channels_axis)
        }
        rank => return Err(unusable(format!("expected 2 to 5 axes, found {rank}"))),
    };
    let length = if pooling == Pooling::None { length } else { None };
    Ok(Located {
        feature: feature.to_owned(),
        feature_dim: shape[axis].fixed().or(length),
        feature_shape: shape,
        pooling,
        logits: None,
        n_classes: None,
        activation: Activation::None,
    })
}

/// Where the channels of a map are: ONNX's convolutions have them second, what follows may have moved them.
fn channels_axis(walker: &Walker, feature: &str, shape: &[Dim]) -> usize {
    let last = shape.len() - 1;
    let mut current = feature;
    while let Some(node) = walker.producer(current) {
        match node.op_type.as_str() {
            "Conv"
            | "ConvTranspose"
            | "MaxPool"
            | "AveragePool"
            | "GlobalAveragePool"
            | "GlobalMaxPool"
            | "BatchNormalization"
            | "InstanceNormalization"
            | "GroupNormalization"
            | "Resize" => return 1,
            "MatMul" | "LayerNormalization" | "Gemm" => return last,
            "Transpose" => {
                let order = node.ints("perm").unwrap_or_default();
                if order.last() == Some(&1) && order.first() == Some(&0) {
                    return last;
                }
                if order.get(1).copied() == i64::try_from(last).ok() {
                    return 1;
                }
            }
            _ => {}
        }
        let same_rank = |name: &&String| walker.shapes.rank(name) == Some(shape.len());
        match node.inputs.iter().find(same_rank) {
            Some(input) => current = input,
            None => break,
        }
    }
    // Nothing tells: the spatial axes of most maps are of one size.
    if shape[1].fixed().is_some() && shape[1] == shape[last - 1] && shape[last] != shape[1] {
        last
    } else {
        1
    }
}
