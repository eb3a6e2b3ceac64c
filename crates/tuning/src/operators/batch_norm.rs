//! BatchNormalization.
//!
//! `y = (x − μ) / √(σ² + ε) · scale + bias`, by channel. In training, μ and σ² are those of the batch (σ² biased), and the
//! running statistics become `momentum · running + (1 − momentum) · batch`, where the batch's variance is unbiased: as
//! PyTorch does, whose momentum is `1 − momentum` of ONNX. Otherwise, and in training where it is frozen, μ and σ² are the
//! running statistics. A batch of one value a channel has no variance, which PyTorch refuses, and so does this.

use super::{Attributes, Context, Inputs, Operator, RunningUpdate};
use crate::kernels::Range;
use crate::tensor::DeviceTensor;
use crate::{Error, Mode, Result};

pub(super) fn build(attributes: &mut Attributes) -> Result<Operator> {
    with_limits(attributes, Range::ALL)
}

/// The normalization and the limits behind it (a Relu or a Clip) in one pass.
pub(super) fn with_limits(attributes: &mut Attributes, range: Range) -> Result<Operator> {
    let epsilon = attributes.float_or("epsilon", 1e-5)?;
    let momentum = attributes.float_or("momentum", 0.9)?;
    attributes.ignore("training_mode");
    attributes.ignore("is_test");
    if attributes.opset() < 9 {
        attributes.only_int("spatial", 1)?;
    }
    if attributes.outputs() > 1 {
        return Err(Error::unsupported(
            "running statistics as outputs are not supported; export in evaluation mode",
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
                "expected settings of shape [{channels}], found {:?}",
                wrong.dims()
            )));
        }
        let [scale, bias, mean, variance] = settings.as_slice() else {
            return Err(Error::invalid("five inputs are needed"));
        };
        let y = match context.mode {
            Mode::Training => {
                let count: usize = dims.iter().product::<usize>() / channels.max(1);
                if count < 2 {
                    return Err(Error::shape(
                        "batch statistics need more than one value a channel; use a larger batch or frozen statistics",
                    ));
                }
                let batch = x.normalize_batch(scale, bias, epsilon, range)?;
                update(inputs, context, 3, mean, &batch.mean, momentum)?;
                let unbiased = batch.variance.mul_scalar(count as f32 / (count - 1) as f32);
                update(inputs, context, 4, variance, &unbiased, momentum)?;
                batch.output
            }
            Mode::Evaluation | Mode::Frozen => x.normalize_with([scale, bias, mean, variance], epsilon, range)?,
        };
        Ok(vec![y.into()])
    }))
}

fn update(
    inputs: &Inputs,
    context: &mut Context,
    position: usize,
    old: &DeviceTensor,
    new: &DeviceTensor,
    momentum: f32,
) -> Result<()> {
    let value = old
        .detached()
        .mul_scalar(momentum)
        .add(&new.detached().mul_scalar(1.0 - momentum))?;
    context.updates.push(RunningUpdate {
        name: inputs.name(position).to_owned(),
        value,
    });
    Ok(())
}
