//! DELTA (Li et al., ICLR 2019): the feature map is held near that of the initial model, channel by channel as far as it matters.
//!
//! `loss = task + (α/2) Σ_rows C Σ_j w_j ‖f_j(x) − f⁰_j(x)‖² / S`, with f_j(x) channel j of the last feature map before pooling (C channels
//! of S elements), f⁰ that of the initial model, which runs on the same batch, and w `[C]` the channels' attention, which adds up to 1.
//! `(β/2)‖w_head‖²` is added to the head's gradient; ordinary weight decay is off. α = β = 0.01, as published, and as there the sum is over
//! the rows of a batch (48 of them in the paper).
//!
//! The paper regularises four maps of a ResNet, and finds w by disabling each channel of a linear probe: softmax of the losses' increase.
//! Here there is one map, the last, for which the same w follows from the read-out of the pooled features without running the network.
//!
//! Cost: a forward pass of the frozen copy at each step, 1.1 to 1.3 times the time of fine-tuning, and the memory of its weights.

use ranktune_nn::DeviceTensor;
use ranktune_nn::head::POOLED;
use ranktune_onnx::Model;

use crate::error::{Error, Result};
use crate::identity::digest_of_floats;
use crate::method::{CheckContext, Loss, Method, ParameterContext, StepContext};
use crate::method_info::{MethodInfo, Need};
use crate::options::TrainOptions;

/// The entry of the list.
pub(super) const METHOD: MethodInfo = MethodInfo {
    name: "delta",
    summary: "hold the feature map near its initial one, by the channels' importance (Li 2019)",
    needs: &[Need::Attention],
    make: |inputs| Ok(Box::new(Delta::new(inputs.attention()?.to_vec(), ALPHA, BETA)?)),
};

/// Published values.
const ALPHA: f32 = 0.01;
const BETA: f32 = 0.01;

/// The name under which [`Method::prepare`] gives the map out.
const MAP: &str = "ranktune.feature_map";

/// Operators between the last feature map and the pooled features.
const POOLING: [&str; 8] = [
    "AveragePool",
    "Dropout",
    "Flatten",
    "GlobalAveragePool",
    "Identity",
    "ReduceMean",
    "Reshape",
    "Squeeze",
];

/// DELTA.
#[derive(Clone, Debug, PartialEq)]
pub struct Delta {
    attention: Vec<f32>,
    alpha: f32,
    beta: f32,
}

impl Delta {
    /// The attention w of each channel, which adds up to 1; α of the map, β of the head.
    ///
    /// # Errors
    /// `Input` when there is no channel, or a value is negative or not finite.
    pub fn new(attention: Vec<f32>, alpha: f32, beta: f32) -> Result<Self> {
        let is_valid = |value: f32| value.is_finite() && value >= 0.0;
        if attention.is_empty() || !attention.iter().copied().all(is_valid) {
            return Err(Error::input("the attention of every channel must be finite and >= 0"));
        }
        if !(is_valid(alpha) && is_valid(beta)) {
            return Err(Error::input(format!(
                "alpha and beta must be finite and >= 0, got {alpha} and {beta}"
            )));
        }
        Ok(Self { attention, alpha, beta })
    }
}

/// The tensor that is pooled into [`POOLED`]: the last feature map, or the features themselves where they come from no map.
fn feature_map(model: &Model) -> &str {
    let mut name = POOLED;
    let mut map = POOLED;
    while let Some(node) = model.graph.producer_of(name) {
        if !POOLING.contains(&node.op_type.as_str()) {
            break;
        }
        let Some(input) = node.input(0) else { break };
        name = input;
        if node.is("GlobalAveragePool") || node.is("ReduceMean") || node.is("AveragePool") {
            map = input;
        }
    }
    map
}

impl Method for Delta {
    fn name(&self) -> &'static str {
        METHOD.name
    }

    fn describe(&self) -> String {
        let digest = digest_of_floats(&[&self.attention]);
        format!("delta alpha={} beta={} attention={digest}", self.alpha, self.beta)
    }

    fn preset(&self, options: &mut TrainOptions) {
        options.weight_decay = 0.0;
    }

    fn check(&self, context: &CheckContext<'_>) -> Result<()> {
        if context.targets.is_by_row() {
            return Err(Error::input(
                "delta compares pooled features, and words have none; use l2-sp or fine-tune",
            ));
        }
        if let Some(expected) = context.n_features
            && expected != self.attention.len()
        {
            let found = self.attention.len();
            return Err(Error::input(format!(
                "the attention is of {found} channels, and the model has {expected} features"
            )));
        }
        Ok(())
    }

    fn prepare(&self, model: &Model, _: &TrainOptions) -> Result<Option<Model>> {
        let mut prepared = model.clone();
        let map = feature_map(model).to_owned();
        let node = super::lora::node("Identity", &[&map], MAP);
        prepared.graph.nodes.push(node);
        Ok(Some(prepared))
    }

    fn outputs(&self) -> Vec<String> {
        vec![MAP.to_owned()]
    }

    fn reference_outputs(&self) -> Vec<String> {
        vec![MAP.to_owned()]
    }

    fn is_mean_over_rows(&self) -> bool {
        false
    }

    fn loss(&self, step: &StepContext<'_>) -> Result<Loss> {
        let task = step.task_loss()?;
        let (own, initial) = (step.output(MAP)?, step.reference(MAP)?.detached());
        let dims = own.dims();
        let channels = dims.get(1).copied().unwrap_or(0);
        if channels != self.attention.len() {
            return Err(Error::model(format!(
                "the feature map has shape {dims:?}, and the attention is of {} channels; use l2-sp or fine-tune",
                self.attention.len()
            )));
        }
        let size: usize = dims.iter().skip(2).product();
        let difference = own.sub(&initial)?;
        let mut by_channel = vec![1; dims.len()];
        by_channel[1] = channels;
        let scale = channels as f32 / size as f32;
        let weights = self.attention.iter().map(|weight| weight * scale).collect();
        let weights = DeviceTensor::from_values(&by_channel, weights, step.device())?;
        let axes: Vec<usize> = (0..dims.len()).collect();
        let behaviour = difference.mul(&difference)?.mul(&weights)?.sum(&axes).mul_scalar(0.5);
        let total = task.add(&behaviour.mul_scalar(self.alpha))?;
        Ok(Loss {
            total,
            parts: vec![("task", task), ("behaviour", behaviour)],
            state: None,
        })
    }

    fn adjust(&self, parameter: &ParameterContext<'_>) -> Result<Option<DeviceTensor>> {
        if !parameter.is_head {
            return Ok(None);
        }
        Ok(Some(parameter.gradient.add(&parameter.value.mul_scalar(self.beta))?))
    }

    fn finish(&self, trained: Model, _: &crate::finish::FinishContext<'_>) -> Result<Option<crate::finish::Finished>> {
        Ok(Some(crate::finish::Finished::of(crate::pruned::pruned(trained))))
    }
}
