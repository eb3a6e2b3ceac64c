//! A new head: what follows the feature tensor is replaced by a linear layer.
//!
//! `logits = features · Wᵀ + b` with `W [n_outputs, n_features] ~ N(0, 0.01²)`, `b = 0` (JMLR 2022, published settings). It
//! is an edit of the ONNX graph, so the tuned model is written like any other.

use std::collections::BTreeMap;

use ranktune_onnx::{Attribute, DataType, Dim, Model, Node, Tensor, ValueInfo};

use crate::{Error, ErrorKind, Result};

/// How the feature tensor becomes `[n, n_features]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Features {
    /// It is so already, or `[n, n_features, 1, 1]`.
    Flat,
    /// `[n, n_features, h, w]`: the mean over the map.
    Map,
    /// `[n, tokens, n_features]`: the first token.
    FirstToken,
    /// `[n, tokens, n_features]`: the mean over the tokens for which the named input `[n, tokens]` is 1.
    MaskedMean {
        /// Name of the mask, an input of integers.
        mask: String,
    },
}

/// A new head.
#[derive(Clone, Debug, PartialEq)]
pub struct Head {
    /// Name of the feature tensor.
    pub feature: String,
    /// What the feature tensor looks like; [`Features::Flat`] by default.
    pub layout: Features,
    /// Number of features.
    pub n_features: usize,
    /// Number of outputs.
    pub n_outputs: usize,
    /// Name of the new output; `logits` by default.
    pub output: String,
    /// Standard deviation of the weights; 0.01 by default, as published.
    pub deviation: f32,
    /// Seed of the weights.
    pub seed: u64,
}

impl Head {
    /// A head of `n_outputs` outputs on a flat feature tensor.
    pub fn new(feature: &str, n_features: usize, n_outputs: usize) -> Self {
        Self {
            feature: feature.to_owned(),
            layout: Features::Flat,
            n_features,
            n_outputs,
            output: "logits".to_owned(),
            deviation: 0.01,
            seed: 0,
        }
    }
}

/// Name of the weight of a new head.
pub const WEIGHT: &str = "ranktune.head.weight";
/// Name of the bias of a new head.
pub const BIAS: &str = "ranktune.head.bias";
/// Name of what the head takes: the pooled features `[n, n_features]`.
pub const POOLED: &str = "ranktune.features";

/// `model` with what follows the feature tensor replaced by `head`. The pooled features are the tensor [`POOLED`].
///
/// # Errors
/// `NotFound` when the feature tensor (or the mask) is not there; `Invalid` when the head has no inputs or outputs.
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
    if let Features::MaskedMean { mask } = &head.layout
        && !known(mask)
    {
        return Err(Error::new(
            ErrorKind::NotFound,
            format!("the graph has no input {mask:?}"),
        ));
    }
    let opset = model.opset();
    let mut model = model.clone();
    cut(&mut model, &head.feature);
    let graph = &mut model.graph;
    let broken = |error| Error::invalid("the head cannot be made").caused_by(error);
    let weights = normal(head.n_outputs * head.n_features, head.deviation, head.seed);
    let weight = Tensor::from_f32(&[head.n_outputs, head.n_features], &weights).map_err(broken)?;
    let bias = Tensor::from_f32(&[head.n_outputs], &vec![0.0; head.n_outputs]).map_err(broken)?;
    graph.initializers.insert(WEIGHT.to_owned(), weight);
    graph.initializers.insert(BIAS.to_owned(), bias);
    let mut ints = |name: &str, values: &[i64]| -> Result<String> {
        let name = format!("ranktune.head.{name}");
        graph
            .initializers
            .insert(name.clone(), Tensor::from_i64(&[values.len()], values).map_err(broken)?);
        Ok(name)
    };
    let feature = head.feature.as_str();
    let mut nodes = match &head.layout {
        Features::Flat => vec![node("Flatten", &[feature], POOLED, &[("axis", Attribute::Int(1))])],
        Features::Map => vec![
            node("GlobalAveragePool", &[feature], "ranktune.head.pooled", &[]),
            node(
                "Flatten",
                &["ranktune.head.pooled"],
                POOLED,
                &[("axis", Attribute::Int(1))],
            ),
        ],
        Features::FirstToken => {
            let (start, end, axis) = (ints("start", &[0])?, ints("end", &[1])?, ints("axis", &[1])?);
            let slice = node("Slice", &[feature, &start, &end, &axis], "ranktune.head.first", &[]);
            vec![
                slice,
                node(
                    "Flatten",
                    &["ranktune.head.first"],
                    POOLED,
                    &[("axis", Attribute::Int(1))],
                ),
            ]
        }
        Features::MaskedMean { mask } => masked_mean(feature, mask, &mut ints, opset)?,
    };
    nodes.push(node(
        "Gemm",
        &[POOLED, WEIGHT, BIAS],
        &head.output,
        &[("transB", Attribute::Int(1))],
    ));
    let graph = &mut model.graph;
    graph.nodes.extend(nodes);
    graph.outputs = vec![ValueInfo {
        name: head.output.clone(),
        data_type: Some(DataType::F32),
        shape: Some(vec![Dim::Named("batch".to_owned()), Dim::Fixed(head.n_outputs)]),
    }];
    Ok(model)
}

/// `Σ mask · feature / max(Σ mask, 1e-9)` over the tokens.
fn masked_mean(
    feature: &str,
    mask: &str,
    ints: &mut dyn FnMut(&str, &[i64]) -> Result<String>,
    opset: i64,
) -> Result<Vec<Node>> {
    let axis = Attribute::Ints(vec![1]);
    let last = ints("last", &[2])?;
    let one = ints("one", &[1])?;
    let (unsqueeze, sum_inputs, sum_attributes): (Node, Vec<&str>, Vec<(&str, Attribute)>) = match opset < 13 {
        true => (
            node(
                "Unsqueeze",
                &["ranktune.head.float"],
                "ranktune.head.mask",
                &[("axes", Attribute::Ints(vec![2]))],
            ),
            vec![],
            vec![("axes", axis), ("keepdims", Attribute::Int(0))],
        ),
        false => (
            node("Unsqueeze", &["ranktune.head.float", &last], "ranktune.head.mask", &[]),
            vec![&one],
            vec![("keepdims", Attribute::Int(0))],
        ),
    };
    let sum = |input: &str, output: &str| {
        node(
            "ReduceSum",
            &[&[input], sum_inputs.as_slice()].concat(),
            output,
            &sum_attributes,
        )
    };
    Ok(vec![
        node("Cast", &[mask], "ranktune.head.float", &[("to", Attribute::Int(1))]),
        unsqueeze,
        node("Mul", &[feature, "ranktune.head.mask"], "ranktune.head.masked", &[]),
        sum("ranktune.head.masked", "ranktune.head.sum"),
        sum("ranktune.head.mask", "ranktune.head.count"),
        node(
            "Constant",
            &[],
            "ranktune.head.least",
            &[("value_float", Attribute::Float(1e-9))],
        ),
        node(
            "Max",
            &["ranktune.head.count", "ranktune.head.least"],
            "ranktune.head.divisor",
            &[],
        ),
        node("Div", &["ranktune.head.sum", "ranktune.head.divisor"], POOLED, &[]),
    ])
}

fn node(op_type: &str, inputs: &[&str], output: &str, attributes: &[(&str, Attribute)]) -> Node {
    Node {
        name: format!("{output}/{op_type}"),
        op_type: op_type.to_owned(),
        domain: String::new(),
        inputs: inputs.iter().map(|&input| input.to_owned()).collect(),
        outputs: vec![output.to_owned()],
        attributes: attributes
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect::<BTreeMap<_, _>>(),
    }
}

/// Takes away the nodes that `feature` does not depend on, and the constants that only those used.
fn cut(model: &mut Model, feature: &str) {
    let graph = &mut model.graph;
    let mut wanted: std::collections::HashSet<String> = [feature.to_owned()].into();
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

/// Normal deviates by Box and Muller's transform of SplitMix64.
fn normal(count: usize, deviation: f32, seed: u64) -> Vec<f32> {
    let mut state = seed;
    let mut uniform = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = state;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        // 53 bits, in (0, 1].
        ((bits >> 11) as f64 + 1.0) / (1u64 << 53) as f64
    };
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
