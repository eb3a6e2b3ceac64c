//! Which floating-point initializers are trained, and why the others are not.

use std::collections::{HashMap, HashSet};
use std::fmt;

use ranktune_onnx::{Node, Tensor};

use crate::operators::{Entry, Gradient};

/// The role of a floating-point initializer in training.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ParameterRole {
    /// Trained.
    Trainable,
    /// Excluded from training by [`crate::TrainableGraph::freeze`] or [`crate::TrainableGraph::keep_statistics`].
    Frozen,
    /// Running statistics of a normalization: training updates them without a gradient.
    Statistics,
    /// Only sets limits, sizes, indices or a type, so that no gradient flows to it.
    Setting,
    /// One number without a module's name: a constant that the exporter wrote as an initializer.
    LoneNumber,
    /// Holds only zeros and large negative numbers: a mask that is added to scores.
    Mask,
    /// No output depends on it.
    Unused,
}

impl fmt::Display for ParameterRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Trainable => "trainable",
            Self::Frozen => "frozen",
            Self::Statistics => "running statistics",
            Self::Setting => "only sets limits, sizes or indices",
            Self::LoneNumber => "one number without a module's name",
            Self::Mask => "a mask of zeros and large negative numbers",
            Self::Unused => "not used",
        })
    }
}

/// A floating-point initializer of the graph.
#[derive(Clone, Debug, PartialEq)]
pub struct GraphParameter {
    /// Its name in the ONNX graph.
    pub name: String,
    /// Its shape.
    pub dims: Vec<usize>,
    /// Whether it is trained, and if not, why.
    pub role: ParameterRole,
}

impl GraphParameter {
    /// Whether [`crate::TrainableGraph::forward`] records a gradient for it.
    pub fn is_trainable(&self) -> bool {
        self.role == ParameterRole::Trainable
    }
}

/// The values that a gradient flows back to from `outputs`, and those that are statistics.
pub(super) struct Reach<'a> {
    differentiable: HashSet<&'a str>,
    statistics: HashSet<&'a str>,
    used: HashSet<&'a str>,
}

impl<'a> Reach<'a> {
    /// Walks backward over `nodes`, which are in topological order.
    pub(super) fn new(nodes: &[(&'a Node, &'static Entry)], outputs: &'a [String]) -> Self {
        let mut reach = Self {
            differentiable: outputs.iter().map(String::as_str).collect(),
            statistics: HashSet::new(),
            used: HashSet::new(),
        };
        for (node, entry) in nodes.iter().rev() {
            let flows = node
                .outputs
                .iter()
                .any(|output| reach.differentiable.contains(output.as_str()));
            for (position, input) in node.inputs.iter().enumerate().filter(|(_, input)| !input.is_empty()) {
                reach.used.insert(input);
                let open = match entry.gradient {
                    Gradient::All => true,
                    Gradient::First => position == 0,
                    Gradient::Except(list) => !list.contains(&position),
                    // Statistics that a node computes are differentiable.
                    Gradient::Statistics(list) if list.contains(&position) => {
                        let computed = node.attributes.contains_key(crate::operators::COMPUTED);
                        if !computed {
                            reach.statistics.insert(input);
                        }
                        computed
                    }
                    // The inputs after the statistics are the limits of an activation.
                    Gradient::Statistics(_) => position < 3,
                    Gradient::None => false,
                };
                if flows && open {
                    reach.differentiable.insert(input);
                }
            }
        }
        reach
    }

    /// The role of an initializer.
    pub(super) fn role(&self, name: &str, tensor: &Tensor, values: &[f32]) -> ParameterRole {
        if self.differentiable.contains(name) {
            if is_lone_number(name, tensor) {
                return ParameterRole::LoneNumber;
            }
            if is_mask(values) {
                return ParameterRole::Mask;
            }
            return ParameterRole::Trainable;
        }
        if self.statistics.contains(name) {
            return ParameterRole::Statistics;
        }
        if self.used.contains(name) {
            return ParameterRole::Setting;
        }
        ParameterRole::Unused
    }
}

/// Whether the initializer is a constant of the exporter. A parameter of one element has a module's path for its name.
pub(super) fn is_lone_number(name: &str, tensor: &Tensor) -> bool {
    tensor.len() == 1 && !name.contains('.')
}

/// Whether `values` are zeros and large negative numbers, with at least one of each.
fn is_mask(values: &[f32]) -> bool {
    let blocked = values.iter().filter(|&&value| value <= -50.0).count();
    let open = values.iter().filter(|&&value| value == 0.0).count();
    blocked > 0 && open > 0 && blocked + open == values.len()
}

/// The last node that needs each value.
pub(super) fn last_uses<'a>(nodes: &[(&'a Node, &'static Entry)]) -> HashMap<&'a str, usize> {
    let mut last = HashMap::new();
    for (position, (node, _)) in nodes.iter().enumerate() {
        for name in node.inputs.iter().chain(&node.outputs).filter(|name| !name.is_empty()) {
            last.insert(name.as_str(), position);
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use super::is_mask;

    #[test]
    fn a_mask_holds_zeros_and_large_negative_numbers() {
        assert!(is_mask(&[0.0, -100.0, 0.0]));
        assert!(!is_mask(&[0.0, 0.0]));
        assert!(!is_mask(&[0.0, -100.0, 1.0]));
    }
}
