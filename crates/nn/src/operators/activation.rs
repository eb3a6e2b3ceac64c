//! Activations: Relu and its relatives, the sigmoid family, Gelu, PRelu.

use super::{Attributes, Operator};
use crate::kernels::{Activation, Range};
use crate::shape::broadcast;
use crate::tensor::{DeviceTensor, Extremum};
use crate::value::Value;
use crate::{Error, Result};

#[derive(Clone, Copy, Debug)]
enum Kind {
    /// One of those that have a kernel.
    Own(Activation),
    /// `x > 0: x, else alpha·x`.
    Leaky {
        alpha: f32,
    },
    /// `gamma·x where x > 0, else gamma·alpha·(exp(x / scale) − 1)`.
    Exponential {
        alpha: f32,
        gamma: f32,
        scale: f32,
    },
    /// `clip(alpha·x + beta, 0, 1)`.
    HardSigmoid {
        alpha: f32,
        beta: f32,
    },
    Softplus,
    Softsign,
    Mish,
    /// `x where x > alpha, else 0`.
    Thresholded {
        alpha: f32,
    },
}

pub(super) fn build(attributes: &mut Attributes) -> Result<Operator> {
    let kind = match attributes.op_type() {
        "PRelu" => return Ok(Box::new(|inputs, _| parametric(&inputs.tensor(0)?, &inputs.tensor(1)?))),
        "Relu" => Kind::Own(Activation::Limit(Range::RELU)),
        "LeakyRelu" => Kind::Leaky {
            alpha: attributes.float_or("alpha", 0.01)?,
        },
        "Elu" => Kind::Exponential {
            alpha: attributes.float_or("alpha", 1.0)?,
            gamma: 1.0,
            scale: 1.0,
        },
        "Celu" => {
            let alpha = attributes.float_or("alpha", 1.0)?;
            Kind::Exponential {
                alpha,
                gamma: 1.0,
                scale: alpha,
            }
        }
        "Selu" => Kind::Exponential {
            alpha: attributes.float_or("alpha", 1.673_263_2)?,
            gamma: attributes.float_or("gamma", 1.050_701)?,
            scale: 1.0,
        },
        "Sigmoid" => Kind::Own(Activation::Sigmoid),
        "HardSigmoid" => Kind::HardSigmoid {
            alpha: attributes.float_or("alpha", 0.2)?,
            beta: attributes.float_or("beta", 0.5)?,
        },
        "HardSwish" => Kind::Own(Activation::HardSwish),
        "Softplus" => Kind::Softplus,
        "Softsign" => Kind::Softsign,
        "Gelu" => match attributes.string_or("approximate", "none")? {
            "none" => Kind::Own(Activation::Gelu),
            "tanh" => Kind::Own(Activation::GeluTanh),
            other => {
                return Err(Error::unsupported(format!(
                    "approximate = {other:?} is not supported, only \"none\" and \"tanh\""
                )));
            }
        },
        "Mish" => Kind::Mish,
        "Swish" => Kind::Own(Activation::Swish {
            alpha: attributes.float_or("alpha", 1.0)?,
        }),
        _ => Kind::Thresholded {
            alpha: attributes.float_or("alpha", 1.0)?,
        },
    };
    Ok(Box::new(move |inputs, _| {
        Ok(vec![apply(kind, &inputs.tensor(0)?)?.into()])
    }))
}

fn apply(kind: Kind, x: &DeviceTensor) -> Result<DeviceTensor> {
    Ok(match kind {
        Kind::Own(activation) => x.activate(activation)?,
        Kind::Leaky { alpha } => x.relu().sub(&x.neg().relu().mul_scalar(alpha))?,
        Kind::Exponential { alpha, gamma, scale } => {
            // exp of the negative part only, so that a large x overflows neither forward nor backward.
            let negative = x.neg().relu().neg().mul_scalar(1.0 / scale).exp().add_scalar(-1.0);
            x.relu().add(&negative.mul_scalar(alpha))?.mul_scalar(gamma)
        }
        Kind::HardSigmoid { alpha, beta } => {
            let unit = Range {
                low: 0.0,
                high: 1.0,
                open: false,
            };
            x.mul_scalar(alpha).add_scalar(beta).activate(Activation::Limit(unit))?
        }
        Kind::Softplus => softplus(x)?,
        Kind::Softsign => x.div(&x.abs().add_scalar(1.0))?,
        Kind::Mish => x.mul(&softplus(x)?.activate(Activation::Tanh)?)?,
        Kind::Thresholded { alpha } => {
            let values = x.detached().to_values()?;
            let mask = crate::HostTensor::bools(&x.dims(), values.iter().map(|&value| value <= alpha).collect())?;
            x.replace_where(&mask, &x.detached().mul_scalar(0.0))?
        }
    })
}

/// `ln(1 + eˣ) = max(x, 0) + ln(1 + e^{−|x|})`, which overflows nowhere.
fn softplus(x: &DeviceTensor) -> Result<DeviceTensor> {
    x.relu().add(&x.abs().neg().exp().add_scalar(1.0).log())
}

/// `x where x > 0, else slope·x`; `slope` broadcasts to `x`.
fn parametric(x: &DeviceTensor, slope: &DeviceTensor) -> Result<Vec<Value>> {
    let (dims, slopes) = (x.dims(), slope.dims());
    if broadcast(&dims, &slopes)? != dims {
        return Err(Error::shape(format!(
            "a slope of shape {slopes:?} does not broadcast to {dims:?}"
        )));
    }
    let zero = x.detached().mul_scalar(0.0);
    let negative = x.extremum(&zero, Extremum::Smallest)?;
    Ok(vec![x.relu().add(&negative.mul(slope)?)?.into()])
}
