//! Activations: Relu and its relatives, the sigmoid family, Gelu, PRelu.

use super::{Attributes, Operator};
use crate::kernels::{Activation, Range};
use crate::shape::broadcast;
use crate::tensor::DeviceTensor;
use crate::{Error, HostTensor, Result};

/// An operator of one tensor on the device.
fn function(apply: impl Fn(&DeviceTensor) -> Result<DeviceTensor> + Send + Sync + 'static) -> Result<Operator> {
    Ok(Box::new(move |inputs, _| Ok(vec![apply(&inputs.tensor(0)?)?.into()])))
}

/// An activation of which there is a kernel.
pub(super) fn of(activation: Activation) -> Result<Operator> {
    function(move |x| x.activate(activation))
}

pub(super) fn gelu(attributes: &mut Attributes) -> Result<Operator> {
    match attributes.string_or("approximate", "none")? {
        "none" => of(Activation::Gelu),
        "tanh" => of(Activation::GeluTanh),
        other => Err(Error::unsupported(format!(
            "approximate = {other:?} is not supported, only \"none\" and \"tanh\""
        ))),
    }
}

pub(super) fn swish(attributes: &mut Attributes) -> Result<Operator> {
    let alpha = attributes.float_or("alpha", 1.0)?;
    of(Activation::Swish { alpha })
}

/// `x where x > 0, else alpha·x`.
pub(super) fn leaky_relu(attributes: &mut Attributes) -> Result<Operator> {
    let alpha = attributes.float_or("alpha", 0.01)?;
    function(move |x| x.relu().sub(&x.neg().relu().mul_scalar(alpha)))
}

/// `gamma·x where x > 0, else gamma·alpha·(exp(x / scale) − 1)`.
#[derive(Clone, Copy, Debug)]
struct Exponential {
    alpha: f32,
    gamma: f32,
    scale: f32,
}

impl Exponential {
    fn apply(self, x: &DeviceTensor) -> Result<DeviceTensor> {
        // exp of the negative part only, so that a large x overflows neither forward nor backward.
        let negative = x.neg().relu().neg().mul_scalar(1.0 / self.scale).exp().add_scalar(-1.0);
        let sum = x.relu().add(&negative.mul_scalar(self.alpha))?;
        Ok(sum.mul_scalar(self.gamma))
    }
}

pub(super) fn elu(attributes: &mut Attributes) -> Result<Operator> {
    let exponential = Exponential {
        alpha: attributes.float_or("alpha", 1.0)?,
        gamma: 1.0,
        scale: 1.0,
    };
    function(move |x| exponential.apply(x))
}

pub(super) fn celu(attributes: &mut Attributes) -> Result<Operator> {
    let alpha = attributes.float_or("alpha", 1.0)?;
    let exponential = Exponential {
        alpha,
        gamma: 1.0,
        scale: alpha,
    };
    function(move |x| exponential.apply(x))
}

pub(super) fn selu(attributes: &mut Attributes) -> Result<Operator> {
    let exponential = Exponential {
        alpha: attributes.float_or("alpha", 1.673_263_2)?,
        gamma: attributes.float_or("gamma", 1.050_701)?,
        scale: 1.0,
    };
    function(move |x| exponential.apply(x))
}

/// `clip(alpha·x + beta, 0, 1)`.
pub(super) fn hard_sigmoid(attributes: &mut Attributes) -> Result<Operator> {
    let alpha = attributes.float_or("alpha", 0.2)?;
    let beta = attributes.float_or("beta", 0.5)?;
    let unit = Range {
        low: 0.0,
        high: 1.0,
        open: false,
    };
    function(move |x| x.mul_scalar(alpha).add_scalar(beta).activate(Activation::Limit(unit)))
}

pub(super) fn softplus() -> Result<Operator> {
    function(softplus_of)
}

/// `x / (1 + |x|)`.
pub(super) fn softsign() -> Result<Operator> {
    function(|x| x.div(&x.abs().add_scalar(1.0)))
}

/// `x · tanh(softplus(x))`.
pub(super) fn mish() -> Result<Operator> {
    function(|x| x.mul(&softplus_of(x)?.activate(Activation::Tanh)?))
}

/// `x where x > alpha, else 0`.
pub(super) fn thresholded_relu(attributes: &mut Attributes) -> Result<Operator> {
    let alpha = attributes.float_or("alpha", 1.0)?;
    function(move |x| {
        let values = x.detached().to_values()?;
        let is_above = values.iter().map(|&value| value > alpha);
        let below = HostTensor::bools(&x.dims(), is_above.map(|is_above| !is_above).collect())?;
        x.replace_where(&below, &x.number_beside(0.0))
    })
}

/// `ln(1 + eˣ) = max(x, 0) + ln(1 + e^{−|x|})`, which overflows nowhere.
fn softplus_of(x: &DeviceTensor) -> Result<DeviceTensor> {
    x.relu().add(&x.abs().neg().exp().add_scalar(1.0).log())
}

/// `x where x > 0, else slope·x`; the slope broadcasts to `x`.
pub(super) fn p_relu() -> Result<Operator> {
    Ok(Box::new(|inputs, _| {
        let (x, slope) = (inputs.tensor(0)?, inputs.tensor(1)?);
        let (dims, slopes) = (x.dims(), slope.dims());
        if broadcast(&dims, &slopes)? != dims {
            return Err(Error::shape(format!(
                "a slope of shape {slopes:?} does not broadcast to {dims:?}"
            )));
        }
        let negative = x.neg().relu().neg();
        Ok(vec![x.relu().add(&negative.mul(&slope)?)?.into()])
    }))
}
