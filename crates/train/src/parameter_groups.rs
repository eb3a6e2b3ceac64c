//! Learning rate and weight decay by parameter.

use crate::options::{Decay, TrainOptions};
use ranktune_nn::GraphParameter;

/// The optimizer's settings of a parameter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Group {
    /// Whether it belongs to the head, which has a higher learning rate.
    pub is_head: bool,
    /// Factor of the learning rate.
    pub multiplier: f32,
    /// Weight decay.
    pub decay: f32,
}

impl Group {
    /// The group of a parameter.
    pub(crate) fn of(parameter: &GraphParameter, options: &TrainOptions) -> Self {
        let is_head = parameter.name.starts_with(&options.head_prefix);
        let decays = options.decay == Decay::All || is_weight(&parameter.dims);
        Self {
            is_head,
            multiplier: if is_head { options.head_multiplier } else { 1.0 },
            decay: if decays { options.weight_decay } else { 0.0 },
        }
    }
}

/// Whether a parameter of this shape is a weight. Biases, scales of norms and class tokens are vectors, possibly with axes of size 1
/// (`[c, 1, 1]`, `[1, 1, d]`), and are not. A matrix with one row is a weight.
fn is_weight(dims: &[usize]) -> bool {
    match dims.len() {
        0 | 1 => false,
        2 => true,
        _ => dims.iter().filter(|&&dim| dim > 1).count() > 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn biases_and_scales_do_not_decay_unless_asked() {
        for (dims, weight) in [
            (vec![64], false),
            (vec![64, 1, 1], false),
            (vec![1, 1, 192], false),
            (vec![], false),
            (vec![1, 128], true),
            (vec![64, 1, 3, 3], true),
            (vec![1, 50, 192], true),
        ] {
            assert_eq!(is_weight(&dims), weight, "{dims:?}");
        }
    }
}
