//! A new head: the nodes after the feature tensor are replaced by a linear layer.
//!
//! `logits = features · Wᵀ + b` with `W [n_outputs, n_features] ~ N(0, 0.01²)`, `b = 0` (JMLR 2022, published settings). The
//! head is an edit of the ONNX graph, so the tuned model is written like any other. Pooling is part of it, and so is joining
//! the features of two texts.

mod layout;
mod nodes;

use ranktune_core::random::Random;
use ranktune_onnx::transform::free_names;
use ranktune_onnx::{Attribute, DataType, Dim, INTERLEAVED_PAIRS, Model, Tensor, ValueInfo};

use crate::{Error, ErrorKind, Result};
use nodes::{HeadNodes, node};

pub use layout::{FeatureLayout, Head, HeadRows, SequencePooling};

/// What the names of everything that is added begin with, except the output's.
const PREFIX: &str = "ranktune.";
/// Name of the weight of a new head.
pub const WEIGHT: &str = "ranktune.head.weight";
/// Name of the bias of a new head.
pub const BIAS: &str = "ranktune.head.bias";
/// Name of the input of the head: the pooled features `[n, n_features]`.
pub const POOLED: &str = "ranktune.features";
/// Name of the logits of the model's own classifier, where [`Head::source_logits`] keeps it.
pub const SOURCE_LOGITS: &str = "ranktune.source_logits";

/// `model` with the nodes after the feature tensor replaced by `head`. The pooled features are the tensor [`POOLED`].
///
/// The head's names are its own: values, constants and nodes of `model` that have one of them get another.
///
/// # Errors
/// `NotFound` when the graph has no such feature tensor or mask; `Invalid` when the head has no features or outputs, the
/// graph's opset is too old for it, or an input of the graph has a name of the head's.
pub fn with_head(model: &Model, head: &Head) -> Result<Model> {
    let graph = &model.graph;
    let known = |name: &str| {
        graph.inputs.iter().any(|input| input.name == name)
            || graph
                .nodes
                .iter()
                .any(|node| node.outputs.iter().any(|output| output == name))
    };
    if !known(&head.feature) {
        return Err(Error::new(
            ErrorKind::NotFound,
            format!("the graph has no tensor {:?}", head.feature),
        ));
    }
    if head.n_features == 0 || head.n_outputs == 0 {
        return Err(Error::invalid("a head needs at least one feature and one output"));
    }
    if let FeatureLayout::Tokens { mask: Some(mask), .. } = &head.layout
        && !known(mask)
    {
        return Err(Error::new(
            ErrorKind::NotFound,
            format!("the graph has no input {mask:?}"),
        ));
    }
    let opset = model.opset();
    let mut model = model.clone();
    let source = head.source_logits.as_deref();
    if let Some(source) = source.filter(|name| !known(name)) {
        return Err(Error::new(
            ErrorKind::NotFound,
            format!("the graph has no tensor {source:?}"),
        ));
    }
    let ends: Vec<&str> = std::iter::once(head.feature.as_str()).chain(source).collect();
    cut(&mut model, &ends);
    // A model that was tuned before already has its features under the name of the pooled ones.
    let is_pooled = head.feature == POOLED && head.rows == HeadRows::Single && head.layout == FeatureLayout::Flat;
    // The names of the head's nodes begin with those of their outputs.
    let is_of_output = |name: &str| {
        name.strip_prefix(&head.output)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let renamed = free_names(&mut model, |name| {
        is_of_output(name) || (name.starts_with(PREFIX) && !(is_pooled && name == POOLED))
    })?;
    let feature = renamed.get(&head.feature).unwrap_or(&head.feature);
    let by_token = head.layout == FeatureLayout::EveryToken;
    let n_features = match head.rows {
        HeadRows::Single => head.n_features,
        HeadRows::Pairs => 4 * head.n_features,
    };
    let mut head_nodes = HeadNodes::new(&mut model.graph, opset);
    let mut nodes = match head.rows {
        HeadRows::Single if is_pooled => Vec::new(),
        HeadRows::Single => head_nodes.features(feature, &head.layout, POOLED)?,
        HeadRows::Pairs => {
            let single = "ranktune.head.single";
            let mut nodes = head_nodes.features(feature, &head.layout, single)?;
            nodes.extend(head_nodes.pairs(single, head.n_features, POOLED)?);
            nodes
        }
    };
    let weights = normal(head.n_outputs * n_features, head.deviation, head.seed);
    let dims = if by_token {
        [n_features, head.n_outputs]
    } else {
        [head.n_outputs, n_features]
    };
    let graph = &mut model.graph;
    let weight = Tensor::from_f32(&dims, &weights)?;
    let mut biases = head.bias.clone();
    biases.resize(head.n_outputs, 0.0);
    let bias = Tensor::from_f32(&[head.n_outputs], &biases)?;
    graph.initializers.insert(WEIGHT.to_owned(), weight);
    graph.initializers.insert(BIAS.to_owned(), bias);
    let product = "ranktune.head.product";
    if by_token {
        nodes.push(node("MatMul", &[POOLED, WEIGHT], product, &[]));
        nodes.push(node("Add", &[product, BIAS], &head.output, &[]));
    } else {
        let transposed = [("transB", Attribute::Int(1))];
        nodes.push(node("Gemm", &[POOLED, WEIGHT, BIAS], &head.output, &transposed));
    }
    graph.nodes.extend(nodes);
    if let Some(source) = source {
        let source = renamed.get(source).map_or(source, String::as_str);
        graph.nodes.push(node("Identity", &[source], SOURCE_LOGITS, &[]));
    }
    let open = |name: &str| Dim::Named(name.to_owned());
    let mut shape = vec![open("batch"), Dim::Fixed(head.n_outputs)];
    if by_token {
        shape.insert(1, open("sequence"));
    }
    graph.outputs = vec![ValueInfo {
        name: head.output.clone(),
        data_type: Some(DataType::F32),
        shape: Some(shape),
    }];
    if head.rows == HeadRows::Pairs {
        let (key, value) = INTERLEAVED_PAIRS;
        model.metadata.insert(key.to_owned(), value.to_owned());
    }
    Ok(model)
}

/// Removes the nodes that none of `ends` depends on, and the constants that only those used.
fn cut(model: &mut Model, ends: &[&str]) {
    let graph = &mut model.graph;
    let mut wanted: std::collections::HashSet<String> = ends.iter().map(|&end| end.to_owned()).collect();
    let mut keep = vec![false; graph.nodes.len()];
    for (position, node) in graph.nodes.iter().enumerate().rev() {
        if node.outputs.iter().any(|output| wanted.contains(output)) {
            keep[position] = true;
            wanted.extend(node.uses().into_iter().map(str::to_owned));
        }
    }
    let mut flags = keep.into_iter();
    graph.nodes.retain(|_| flags.next().unwrap_or(false));
    graph.initializers.retain(|name, _| wanted.contains(name));
    graph.value_info.retain(|info| wanted.contains(&info.name));
}

/// Normal deviates by the transform of Box and Muller.
fn normal(count: usize, deviation: f32, seed: u64) -> Vec<f32> {
    let mut random = Random::new(seed);
    // 53 bits, in (0, 1].
    let mut uniform = || ((random.next() >> 11) as f64 + 1.0) / (1u64 << 53) as f64;
    (0..count)
        .map(|_| {
            let (radius, angle) = ((-2.0 * uniform().ln()).sqrt(), std::f64::consts::TAU * uniform());
            (radius * angle.cos()) as f32 * deviation
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::normal;

    #[test]
    fn deviates_have_mean_zero_and_the_asked_deviation() {
        let values = normal(100_000, 0.01, 7);
        let mean = values.iter().map(|&x| f64::from(x)).sum::<f64>() / 1e5;
        let variance = values.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / 1e5;
        assert!(mean.abs() < 1e-4, "{mean}");
        assert!((variance.sqrt() - 0.01).abs() < 1e-4, "{variance}");
        assert_ne!(normal(4, 1.0, 1), normal(4, 1.0, 2));
    }
}
