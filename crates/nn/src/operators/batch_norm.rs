//! BatchNormalization.
//!
//! `y = (x − μ) / √(σ² + ε) · scale + bias`, by channel. In training, μ and σ² are those of the batch (σ² biased), and the
//! running statistics become `momentum · running + (1 − momentum) · batch`, where the batch's variance is unbiased: as
//! PyTorch does, whose momentum is `1 − momentum` of ONNX. Otherwise, and in training where it is frozen, μ and σ² are the
//! running statistics. In stochastic mode, `y = (1 − s) y_batch + s y_running` with s = 0 or 1 by channel, and y_running by the
//! statistics that this batch has updated (StochNorm: Kou et al. 2020, algorithm 1). Weight standardization is written as a normalization too (NFNet): with `training_mode`, or with
//! statistics that the graph computes, neither of which the mode changes.
//! A batch of one value per channel has no variance, which is an error, as in PyTorch.

use ranktune_core::random::Random;

use super::{Attributes, Context, Inputs, Operator, RunningUpdate};
use crate::kernels::Activation;
use crate::tensor::DeviceTensor;
use crate::{Error, Mode, Result, kernels};

/// Our own attribute: the statistics are computed by the graph, so they are used unchanged in every mode.
pub(crate) const COMPUTED: &str = "ranktune_computed_statistics";

pub(super) fn build(attributes: &mut Attributes) -> Result<Operator> {
    with_activation(attributes, Activation::NONE)
}

/// The normalization and the activation that follows, in one pass.
pub(super) fn with_activation(attributes: &mut Attributes, activation: Activation) -> Result<Operator> {
    let epsilon = attributes.float_or("epsilon", 1e-5)?;
    let momentum = attributes.float_or("momentum", 0.9)?;
    let batch_always = attributes.flag("training_mode", false)?;
    let computed = attributes.flag(COMPUTED, false)?;
    attributes.ignore("is_test");
    if attributes.opset() < 9 {
        attributes.only_int("spatial", 1)?;
    }
    let outputs = attributes.outputs();
    if outputs > 3 || (outputs > 1 && !batch_always) {
        return Err(Error::unsupported(
            "saved statistics as outputs are not supported; export in evaluation mode",
        ));
    }
    Ok(Box::new(move |inputs, context| {
        let x = inputs.tensor(0)?;
        let dims = x.dims();
        let channels = *dims
            .get(1)
            .ok_or_else(|| Error::shape(format!("expected an input with channels, found shape {dims:?}")))?;
        let settings = (1..5)
            .map(|position| inputs.tensor(position))
            .collect::<Result<Vec<_>>>()?;
        if let Some(wrong) = settings.iter().find(|tensor| tensor.dims() != [channels]) {
            return Err(Error::shape(format!(
                "expected scale, bias, mean and variance of shape [{channels}], found {:?}",
                wrong.dims()
            )));
        }
        let [scale, bias, mean, variance] = settings.as_slice() else {
            return Err(Error::invalid("expected five inputs"));
        };
        let kept = context.kept.contains(inputs.name(3)) || context.kept.contains(inputs.name(4));
        let updates = matches!(context.mode, Mode::Training | Mode::Stochastic { .. });
        let trains = updates && !computed && !kept;
        if !(trains || batch_always) {
            let y = x.normalize_with([scale, bias, mean, variance], epsilon, activation)?;
            return Ok(vec![y.into()]);
        }
        let count: usize = dims.iter().product::<usize>() / channels.max(1);
        if count < 2 {
            return Err(Error::shape(
                "batch statistics need more than one value per channel; use a larger batch or frozen statistics",
            ));
        }
        let chosen = match context.mode {
            Mode::Stochastic { percent, seed } if trains => Some(draw(percent, seed, inputs.name(3), channels)),
            _ => None,
        };
        // y_batch of the channels with s = 0 and y_running of those with s = 1: by scales and biases that are 0 for the others, so that
        // the mixture is one sum of two maps. The activation follows it.
        let mask = match &chosen {
            Some(chosen) => {
                let rest = chosen.iter().map(|s| 1.0 - s).collect();
                let of = |values| scale.detached().with_values(&[channels], values);
                Some([of(rest)?, of(chosen.clone())?])
            }
            None => None,
        };
        let batch = match &mask {
            Some([rest, _]) => x.normalize_batch(&scale.mul(rest)?, &bias.mul(rest)?, epsilon, Activation::NONE)?,
            None => x.normalize_batch(scale, bias, epsilon, activation)?,
        };
        let mut output = batch.output;
        if trains {
            let unbiased = batch.variance.mul_scalar(count as f32 / (count - 1) as f32);
            let running = [
                mixed(mean, &batch.mean, momentum)?,
                mixed(variance, &unbiased, momentum)?,
            ];
            if let Some([_, own]) = &mask {
                let [mean, variance] = &running;
                let settings = [&scale.mul(own)?, &bias.mul(own)?, mean, variance];
                let moving = x.normalize_with(settings, epsilon, Activation::NONE)?;
                let sum = match kernels::add(&output, &moving) {
                    Some(sum) => sum,
                    None => output.add(&moving)?,
                };
                output = sum.activate(activation)?;
            }
            let [mean, variance] = running;
            update(inputs, context, 3, &mean);
            update(inputs, context, 4, &variance);
        }
        let mut results = vec![output.into()];
        if outputs > 1 {
            results.push(mixed(mean, &batch.mean, momentum)?.into());
            results.push(mixed(variance, &batch.variance, momentum)?.into());
        }
        Ok(results)
    }))
}

/// 1 for the channels that use their running statistics, else 0. `name` tells the nodes of a graph apart.
fn draw(percent: u8, seed: u64, name: &str, channels: usize) -> Vec<f32> {
    let stream = name
        .bytes()
        .fold(0_u64, |hash, byte| hash.wrapping_mul(31).wrapping_add(u64::from(byte)));
    let mut random = Random::of_stream(seed, stream);
    (0..channels)
        .map(|_| f32::from(u8::from(random.below(100) < usize::from(percent))))
        .collect()
}

/// `momentum · old + (1 − momentum) · new`.
fn mixed(old: &DeviceTensor, new: &DeviceTensor, momentum: f32) -> Result<DeviceTensor> {
    old.detached()
        .mul_scalar(momentum)
        .add(&new.detached().mul_scalar(1.0 - momentum))
}

fn update(inputs: &Inputs, context: &mut Context, position: usize, value: &DeviceTensor) {
    context.updates.push(RunningUpdate {
        name: inputs.name(position).to_owned(),
        value: value.clone(),
    });
}
