//! The nodes between the feature tensor and the linear layer of a head.

use std::collections::BTreeMap;

use ranktune_onnx::{Attribute, Graph, Node, Tensor};

use super::layout::{FeatureLayout, SequencePooling};
use crate::{Error, Result};

/// Makes nodes, and adds their constants to the graph.
pub(super) struct HeadNodes<'a> {
    graph: &'a mut Graph,
    opset: i64,
}

impl<'a> HeadNodes<'a> {
    pub(super) fn new(graph: &'a mut Graph, opset: i64) -> Self {
        Self { graph, opset }
    }

    fn ints(&mut self, name: &str, values: &[i64]) -> Result<String> {
        let name = format!("ranktune.head.{name}");
        let tensor = Tensor::from_i64(&[values.len()], values)?;
        self.graph.initializers.insert(name.clone(), tensor);
        Ok(name)
    }

    /// Nodes that pool `feature`, of the given layout, into the tensor `to`.
    pub(super) fn features(&mut self, feature: &str, layout: &FeatureLayout, to: &str) -> Result<Vec<Node>> {
        let flatten = |input: &str| node("Flatten", &[input], to, &[("axis", Attribute::Int(1))]);
        match layout {
            FeatureLayout::Flat => Ok(vec![flatten(feature)]),
            FeatureLayout::Map => {
                let pooled = "ranktune.head.pooled";
                Ok(vec![
                    node("GlobalAveragePool", &[feature], pooled, &[]),
                    flatten(pooled),
                ])
            }
            FeatureLayout::EveryToken => Ok(vec![node("Identity", &[feature], to, &[])]),
            FeatureLayout::Tokens {
                pooling,
                mask: Some(mask),
            } => self.masked(feature, mask, *pooling, to),
            FeatureLayout::Tokens {
                pooling: SequencePooling::Mean,
                ..
            } if self.opset < 18 => {
                let axes = ("axes", Attribute::Ints(vec![1]));
                Ok(vec![node(
                    "ReduceMean",
                    &[feature],
                    to,
                    &[axes, ("keepdims", Attribute::Int(0))],
                )])
            }
            FeatureLayout::Tokens {
                pooling: SequencePooling::Mean,
                ..
            } => {
                let axes = self.ints("one", &[1])?;
                let keep = [("keepdims", Attribute::Int(0))];
                Ok(vec![node("ReduceMean", &[feature, &axes], to, &keep)])
            }
            FeatureLayout::Tokens { pooling, .. } => {
                let (start, end) = match pooling {
                    SequencePooling::Last => (-1, i64::MAX),
                    _ => (0, 1),
                };
                let one = "ranktune.head.token";
                Ok(vec![self.slice(feature, one, (start, end), 1)?, flatten(one)])
            }
        }
    }

    /// The elements `start..end` along `axis`.
    fn slice(&mut self, input: &str, to: &str, (start, end): (i64, i64), axis: i64) -> Result<Node> {
        let last = to.rsplit('.').next().unwrap_or(to);
        let start = self.ints(&format!("{last}_start"), &[start])?;
        let end = self.ints(&format!("{last}_end"), &[end])?;
        let axis = self.ints(&format!("{last}_axis"), &[axis])?;
        Ok(node("Slice", &[input, &start, &end, &axis], to, &[]))
    }

    /// The mean, `Σ mask · feature / max(Σ mask, 1e-9)`, or one token: `Σ chosen · feature`, where `chosen` is 1 at the first or last
    /// token of the mask, on whichever side the padding is, and 0 everywhere in a row of padding.
    fn masked(&mut self, feature: &str, mask: &str, pooling: SequencePooling, to: &str) -> Result<Vec<Node>> {
        let float = "ranktune.head.float";
        let mut nodes = vec![node("Cast", &[mask], float, &[("to", Attribute::Int(1))])];
        let mut weights = float;
        if pooling != SequencePooling::Mean {
            if self.opset < 11 {
                let text = format!(
                    "pooling to the first or last token with a mask needs opset 11, and the model has opset {}; export it again, or pool by the mean",
                    self.opset
                );
                return Err(Error::invalid(text));
            }
            weights = self.chosen(float, pooling, &mut nodes)?;
        }
        let column = "ranktune.head.mask";
        let last = self.ints("last", &[2])?;
        nodes.push(if self.opset < 13 {
            node("Unsqueeze", &[weights], column, &[("axes", Attribute::Ints(vec![2]))])
        } else {
            node("Unsqueeze", &[weights, &last], column, &[])
        });
        let masked = "ranktune.head.masked";
        nodes.push(node("Mul", &[feature, column], masked, &[]));
        if pooling != SequencePooling::Mean {
            nodes.push(self.sum(masked, to, 0)?);
            return Ok(nodes);
        }
        let (sum, count, divisor) = ("ranktune.head.sum", "ranktune.head.count", "ranktune.head.divisor");
        nodes.push(self.sum(masked, sum, 0)?);
        nodes.push(self.sum(column, count, 0)?);
        let least = "ranktune.head.least";
        nodes.push(node("Constant", &[], least, &[("value_float", Attribute::Float(1e-9))]));
        nodes.push(node("Max", &[count, least], divisor, &[]));
        nodes.push(node("Div", &[sum, divisor], to, &[]));
        Ok(nodes)
    }

    /// 1 at the first or last token of the mask `float` `[n, tokens]`: the cumulative sum of the mask is 1 there, or its total.
    fn chosen(&mut self, float: &str, pooling: SequencePooling, nodes: &mut Vec<Node>) -> Result<&'static str> {
        let axis = self.ints("one", &[1])?;
        let (counted, wanted) = ("ranktune.head.counted", "ranktune.head.wanted");
        nodes.push(node("CumSum", &[float, &axis], counted, &[]));
        nodes.push(match pooling {
            SequencePooling::Last => self.sum(float, wanted, 1)?,
            _ => node("Constant", &[], wanted, &[("value_float", Attribute::Float(1.0))]),
        });
        let (equal, there) = ("ranktune.head.equal", "ranktune.head.there");
        nodes.push(node("Equal", &[counted, wanted], equal, &[]));
        nodes.push(node("Cast", &[equal], there, &[("to", Attribute::Int(1))]));
        // Padding after the last token has the same cumulative sum.
        nodes.push(node("Mul", &[there, float], "ranktune.head.chosen", &[]));
        Ok("ranktune.head.chosen")
    }

    /// The sum over axis 1.
    fn sum(&mut self, input: &str, to: &str, keep: i64) -> Result<Node> {
        let keep = ("keepdims", Attribute::Int(keep));
        if self.opset < 13 {
            return Ok(node(
                "ReduceSum",
                &[input],
                to,
                &[("axes", Attribute::Ints(vec![1])), keep],
            ));
        }
        let axes = self.ints("one", &[1])?;
        Ok(node("ReduceSum", &[input, &axes], to, &[keep]))
    }

    /// `[u, v, |u − v|, u ⊙ v]` `[n, 4 d]` of `single` `[2 n, d]`, whose rows 2i and 2i + 1 are u and v.
    pub(super) fn pairs(&mut self, single: &str, d: usize, to: &str) -> Result<Vec<Node>> {
        let width = i64::try_from(d).map_err(|_| Error::invalid("the head has too many features"))?;
        let two = self.ints("two", &[-1, 2, width])?;
        let (both, u, v) = ("ranktune.head.both", "ranktune.head.u", "ranktune.head.v");
        let (apart, distance, product) = ("ranktune.head.apart", "ranktune.head.distance", "ranktune.head.uv");
        let joined = "ranktune.head.joined";
        Ok(vec![
            node("Reshape", &[single, &two], both, &[]),
            self.slice(both, u, (0, 1), 1)?,
            self.slice(both, v, (1, 2), 1)?,
            node("Sub", &[u, v], apart, &[]),
            node("Abs", &[apart], distance, &[]),
            node("Mul", &[u, v], product, &[]),
            node(
                "Concat",
                &[u, v, distance, product],
                joined,
                &[("axis", Attribute::Int(2))],
            ),
            node("Flatten", &[joined], to, &[("axis", Attribute::Int(1))]),
        ])
    }
}

pub(super) fn node(op_type: &str, inputs: &[&str], output: &str, attributes: &[(&str, Attribute)]) -> Node {
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
