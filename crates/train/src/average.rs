//! Averages of the weights of models with one architecture.
//!
//! `w = Σ_k s_k w_k` for every floating-point initializer, in f64: WiSE-FT (Wortsman et al., CVPR 2022) and model soups (Wortsman et al.,
//! ICML 2022). Running statistics are averaged as weights are.

use ranktune_nn::head::{BIAS, WEIGHT};
use ranktune_onnx::{Model, Tensor};

use crate::error::{Error, Result};

/// The uniform average of `models`.
///
/// # Errors
/// `Model` when there is none, or two differ in architecture, with the first difference.
pub fn average(models: &[&Model]) -> Result<Model> {
    let [first, others @ ..] = models else {
        return Err(Error::model("an average needs at least one model"));
    };
    for other in others {
        if let Some(difference) = first_difference(first, other) {
            return Err(Error::model(format!("the models cannot be averaged: {difference}")));
        }
    }
    let share = 1.0 / models.len() as f64;
    let shares: Vec<(&Model, f64)> = models.iter().map(|model| (*model, share)).collect();
    combined(first, &shares, |_| true)
}

/// `(1 − share) · initial + share · tuned` for every weight but those of the new head, which are those of `tuned`.
///
/// # Errors
/// `Model` when the two differ in architecture, with the first difference.
pub fn interpolated(initial: &Model, tuned: &Model, share: f64) -> Result<Model> {
    if let Some(difference) = first_difference(tuned, initial) {
        return Err(Error::model(format!("the models cannot be interpolated: {difference}")));
    }
    let shares = [(initial, 1.0 - share), (tuned, share)];
    combined(tuned, &shares, |name| name != WEIGHT && name != BIAS)
}

/// `like` with weighted sums in place of the floating-point initializers that are `chosen` by name.
fn combined(like: &Model, shares: &[(&Model, f64)], chosen: impl Fn(&str) -> bool) -> Result<Model> {
    let mut model = like.clone();
    for (name, tensor) in &mut model.graph.initializers {
        if !tensor.data_type.is_float() || !chosen(name) {
            continue;
        }
        let mut sums = vec![0.0_f64; tensor.len()];
        for (one, share) in shares {
            let values = one.graph.initializers.get(name).and_then(Tensor::to_f32_vec);
            let values = values.ok_or_else(|| Error::model(format!("initializer {name:?} cannot be read")))?;
            sums.iter_mut()
                .zip(&values)
                .for_each(|(sum, value)| *sum += share * f64::from(*value));
        }
        let values: Vec<f32> = sums.iter().map(|sum| *sum as f32).collect();
        *tensor = ranktune_nn::encoded(tensor.data_type, &tensor.dims, &values)?;
    }
    Ok(model)
}

/// The first node or weight in which the architectures of two models differ, in words; `None` where they have the same.
pub fn first_difference(one: &Model, other: &Model) -> Option<String> {
    let pairs = one.graph.nodes.iter().zip(&other.graph.nodes);
    for (position, (a, b)) in pairs.enumerate() {
        let differs = a.op_type != b.op_type || a.domain != b.domain || a.attributes != b.attributes;
        if differs || a.inputs != b.inputs || a.outputs != b.outputs {
            let (a_type, b_type) = (&a.op_type, &b.op_type);
            let what = if a_type == b_type {
                "in its attributes or inputs".to_owned()
            } else {
                format!("{a_type} and {b_type}")
            };
            return Some(format!(
                "the first different node is number {}, {:?} and {:?}: {what}",
                position + 1,
                a.label(),
                b.label()
            ));
        }
    }
    let (count, other_count) = (one.graph.nodes.len(), other.graph.nodes.len());
    if count != other_count {
        return Some(format!("they have {count} and {other_count} nodes"));
    }
    for (name, tensor) in &one.graph.initializers {
        let Some(found) = other.graph.initializers.get(name) else {
            return Some(format!("the second has no weight {name:?}"));
        };
        if tensor.dims != found.dims {
            let (a, b) = (&tensor.dims, &found.dims);
            return Some(format!("weight {name:?} has shape {a:?} and {b:?}"));
        }
    }
    None
}
