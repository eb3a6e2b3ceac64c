//! Folds BatchNormalization into the linear operation before it.
//!
//! `BN(y)_c = f_c·y_c + (bias_c − f_c·mean_c)` with `f_c = scale_c / √(variance_c + ε)` over channels c, and
//! `y = W∗x + b`, so `BN(y) = (f·W)∗x + (f·(b − mean) + bias)`: exact, computed in f64 and rounded once.
//!
//! A BatchNormalization *before* a convolution is left alone: zero padding comes between the two, so folding it is
//! exact only without padding, and there an activation usually stands between.

use std::collections::HashSet;

use super::{Budget, fresh_name, taken_names};
use crate::graph::Links;
use crate::{DataType, Graph, Node, Tensor};

/// Folds where the operation's result goes nowhere else; returns the number of nodes gone.
pub fn fold(graph: &mut Graph, budget: &mut Budget) -> usize {
    let pairs = pairs(graph);
    let mut gone = vec![false; graph.nodes.len()];
    let mut taken = taken_names(graph);
    for (linear, norm) in pairs {
        let Some(folded) = folded(graph, &graph.nodes[linear], &graph.nodes[norm]) else {
            continue;
        };
        if !budget.take(folded.weight.data.len().saturating_add(folded.bias.data.len())) {
            break;
        }
        // Named after the result, which is unique where a weight may be shared.
        let output = graph.nodes[norm].outputs[0].clone();
        let weight = fresh_name(&mut taken, &format!("{output}_folded_weight"));
        graph.initializers.insert(weight.clone(), folded.weight);
        let bias = fresh_name(&mut taken, &format!("{output}_folded_bias"));
        graph.initializers.insert(bias.clone(), folded.bias);
        let node = &mut graph.nodes[linear];
        node.inputs.truncate(1);
        node.inputs.extend([weight, bias]);
        node.outputs = vec![output];
        gone[norm] = true;
    }
    let count = gone.iter().filter(|&&is_gone| is_gone).count();
    let mut gone = gone.into_iter();
    graph.nodes.retain(|_| !gone.next().unwrap_or(false));
    count
}

/// Positions of the operations whose only reader is a BatchNormalization, with its position.
fn pairs(graph: &Graph) -> Vec<(usize, usize)> {
    let links = Links::new(graph);
    let outputs: HashSet<&str> = graph.outputs.iter().map(|output| output.name.as_str()).collect();
    let nodes = graph.nodes.iter().enumerate();
    let norms = nodes.filter(|(_, node)| node.is("BatchNormalization") && node.int("training_mode").unwrap_or(0) == 0);
    let pair = |(norm, node): (usize, &Node)| {
        let input = node.input(0)?;
        let linear = links.producer(input)?;
        let is_linear = ["Conv", "ConvTranspose", "Gemm"]
            .iter()
            .any(|op_type| graph.nodes[linear].is(op_type));
        let is_private = links.consumers(input).len() == 1 && !outputs.contains(input);
        // Further outputs are those of training, which older files name without using.
        let is_only_output = node
            .outputs
            .iter()
            .skip(1)
            .all(|name| name.is_empty() || links.consumers(name).is_empty());
        let is_seen = node.outputs.iter().skip(1).any(|name| outputs.contains(name.as_str()));
        (is_linear && is_private && is_only_output && !is_seen && node.output(0).is_some()).then_some((linear, norm))
    };
    norms.filter_map(pair).collect()
}

struct Folded {
    weight: Tensor,
    bias: Tensor,
}

fn folded(graph: &Graph, linear: &Node, norm: &Node) -> Option<Folded> {
    let constant = |node: &Node, position: usize| {
        let tensor = graph.initializers.get(node.input(position)?)?;
        (tensor.data_type == DataType::F32).then_some(tensor)
    };
    let parameter = |position: usize| constant(norm, position)?.to_f64_vec();
    let (scale, shift, mean, variance) = (parameter(1)?, parameter(2)?, parameter(3)?, parameter(4)?);
    let channels = scale.len();
    if [shift.len(), mean.len(), variance.len()] != [channels; 3] {
        return None;
    }
    let epsilon = f64::from(norm.float("epsilon").unwrap_or(1e-5));
    let factor: Vec<f64> = scale
        .iter()
        .zip(&variance)
        .map(|(scale, v)| scale / (v + epsilon).sqrt())
        .collect();
    let weight = constant(linear, 1)?;
    let bias = match linear.input(2) {
        None => vec![0.0; channels],
        Some(_) => row(constant(linear, 2)?, channels)?,
    };
    let channel = channel_of_weight(linear, weight, channels)?;
    let values = weight.to_f32_vec()?;
    let values: Vec<f32> = values
        .iter()
        .enumerate()
        .map(|(position, &w)| (f64::from(w) * factor[channel(position)]) as f32)
        .collect();
    let bias: Vec<f32> = (0..channels)
        .map(|c| (factor[c] * (bias[c] - mean[c]) + shift[c]) as f32)
        .collect();
    // A variance that is not one, or weights too large, give what no engine gives in the same way.
    if !values.iter().chain(&bias).all(|value| value.is_finite()) {
        return None;
    }
    Some(Folded {
        weight: Tensor::from_f32(&weight.dims, &values).ok()?,
        bias: Tensor::from_f32(&[channels], &bias).ok()?,
    })
}

/// A bias of `channels` elements, which for `Gemm` may be written as a row.
fn row(bias: &Tensor, channels: usize) -> Option<Vec<f64>> {
    let is_row = matches!(bias.dims.as_slice(), [length] | [1, length] if *length == channels);
    is_row.then(|| bias.to_f64_vec())?
}

/// The output channel of each element of a weight, by its position; `None` where the weight does not have as many.
fn channel_of_weight(linear: &Node, weight: &Tensor, channels: usize) -> Option<Box<dyn Fn(usize) -> usize>> {
    let dims = weight.dims.as_slice();
    match (linear.op_type.as_str(), dims) {
        // [channels, …]
        ("Conv", [first, rest @ ..]) if *first == channels && !weight.is_empty() => {
            let inner: usize = rest.iter().product();
            Some(Box::new(move |position| position / inner))
        }
        // [inputs, channels / group, …]: the inputs come in groups, each with its own channels.
        ("ConvTranspose", [inputs, per_group, rest @ ..]) if !weight.is_empty() => {
            let (inputs, per_group, inner) = (*inputs, *per_group, rest.iter().product::<usize>());
            let group = usize::try_from(linear.int("group").unwrap_or(1))
                .ok()
                .filter(|group| *group > 0)?;
            if per_group.checked_mul(group)? != channels || inputs % group != 0 {
                return None;
            }
            let inputs_per_group = inputs / group;
            Some(Box::new(move |position| {
                let (input, within) = (position / (inner * per_group), position / inner % per_group);
                input / inputs_per_group * per_group + within
            }))
        }
        ("Gemm", [rows, columns]) => {
            let is_plain = |name: &str| linear.float(name).unwrap_or(1.0) == 1.0;
            if !is_plain("alpha") || !is_plain("beta") {
                return None;
            }
            let (rows, columns) = (*rows, *columns);
            let is_transposed = linear.int("transB").unwrap_or(0) != 0;
            if is_transposed {
                (rows == channels).then(|| Box::new(move |position| position / columns) as _)
            } else {
                (columns == channels).then(|| Box::new(move |position| position % columns) as _)
            }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::Attribute;

    fn node(op_type: &str, inputs: &[&str], output: &str) -> Node {
        Node {
            name: op_type.to_owned(),
            op_type: op_type.to_owned(),
            domain: String::new(),
            inputs: inputs.iter().map(|&name| name.to_owned()).collect(),
            outputs: vec![output.to_owned()],
            attributes: BTreeMap::new(),
        }
    }

    /// y = BN(linear(x)) with scale s, shift h, mean m, variance v for two channels.
    fn graph(linear: Node, weight: Tensor, bias: Option<&[f32]>) -> Graph {
        let mut graph = Graph::default();
        let parameters = [
            ("s", [2.0, -1.0]),
            ("h", [0.5, 1.0]),
            ("m", [3.0, -2.0]),
            ("v", [4.0, 0.25]),
        ];
        for (name, values) in parameters {
            graph
                .initializers
                .insert(name.to_owned(), Tensor::from_f32(&[2], &values).unwrap());
        }
        graph.initializers.insert("w".to_owned(), weight);
        if let Some(bias) = bias {
            graph
                .initializers
                .insert("b".to_owned(), Tensor::from_f32(&[2], bias).unwrap());
        }
        let mut norm = node("BatchNormalization", &["z", "s", "h", "m", "v"], "y");
        norm.attributes.insert("epsilon".to_owned(), Attribute::Float(0.0));
        graph.nodes = vec![linear, norm];
        graph
    }

    fn fold_values(mut graph: Graph) -> (Vec<f32>, Vec<f32>) {
        let mut budget = Budget::new(&graph);
        assert_eq!(fold(&mut graph, &mut budget), 1);
        let [linear] = graph.nodes.as_slice() else {
            panic!("one node is left");
        };
        assert_eq!(linear.outputs, ["y"]);
        let values = |position: usize| {
            graph.initializers[linear.input(position).unwrap()]
                .to_f32_vec()
                .unwrap()
        };
        (values(1), values(2))
    }

    // f = s/√v = (1, -2); the bias is f·(b − m) + h.
    #[test]
    fn a_normalisation_goes_into_the_convolution_before_it() {
        let weight = Tensor::from_f32(&[2, 1, 1, 2], &[1.0, 2.0, 3.0, 4.0]).unwrap();
        let graph = graph(node("Conv", &["x", "w", "b"], "z"), weight, Some(&[10.0, 20.0]));
        let (weight, bias) = fold_values(graph);
        assert_eq!(weight, [1.0, 2.0, -6.0, -8.0]);
        assert_eq!(bias, [10.0 - 3.0 + 0.5, -2.0 * (20.0 + 2.0) + 1.0]);
    }

    #[test]
    fn a_grouped_transposed_convolution_scales_each_group_by_its_own_channels() {
        // Four inputs in two groups, one channel a group: inputs 0 and 1 go to channel 0.
        let weight = Tensor::from_f32(&[4, 1, 1, 1], &[1.0, 2.0, 3.0, 4.0]).unwrap();
        let mut linear = node("ConvTranspose", &["x", "w"], "z");
        linear.attributes.insert("group".to_owned(), Attribute::Int(2));
        let (weight, bias) = fold_values(graph(linear, weight, None));
        assert_eq!(weight, [1.0, 2.0, -6.0, -8.0]);
        assert_eq!(bias, [-3.0 + 0.5, -2.0 * 2.0 + 1.0]);
    }

    #[test]
    fn a_matrix_is_scaled_along_its_outputs_either_way_round() {
        let weight = || Tensor::from_f32(&[2, 2], &[1.0, 2.0, 3.0, 4.0]).unwrap();
        let (plain, _) = fold_values(graph(node("Gemm", &["x", "w"], "z"), weight(), None));
        assert_eq!(plain, [1.0, -4.0, 3.0, -8.0]);
        let mut transposed = node("Gemm", &["x", "w"], "z");
        transposed.attributes.insert("transB".to_owned(), Attribute::Int(1));
        let (transposed, _) = fold_values(graph(transposed, weight(), None));
        assert_eq!(transposed, [1.0, 2.0, -6.0, -8.0]);
    }

    #[test]
    fn a_result_that_is_used_elsewhere_is_left_alone() {
        let weight = Tensor::from_f32(&[2, 1, 1, 1], &[1.0, 2.0]).unwrap();
        let mut graph = graph(node("Conv", &["x", "w"], "z"), weight, None);
        graph.nodes.push(node("Relu", &["z"], "r"));
        let mut budget = Budget::new(&graph);
        assert_eq!(fold(&mut graph, &mut budget), 0);
        assert_eq!(graph.nodes.len(), 3);
    }
}
