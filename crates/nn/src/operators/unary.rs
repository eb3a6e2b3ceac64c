//! Functions of one number: Abs, Exp, Sqrt, Erf, the trigonometric ones, rounding.

use super::{Attributes, Operator};
use crate::host::HostData;
use crate::kernels::{self, Activation};
use crate::tensor::DeviceTensor;
use crate::{Error, HostTensor, Result};

type OnDevice = fn(&DeviceTensor) -> DeviceTensor;
type OnHost = fn(f32) -> f32;

/// Abramowitz and Stegun's 7.1.26 is too coarse for constants that are folded, so the series and the continued fraction
/// are summed: `erf x = 2/√π · e^{−x²} Σ 2ⁿ x²ⁿ⁺¹ / (2n+1)!!`, which converges for every x that f32 does not round to ±1.
fn erf(x: f32) -> f32 {
    let x = f64::from(x);
    if x.abs() > 4.5 || x.is_nan() {
        return if x.is_nan() { f32::NAN } else { x.signum() as f32 };
    }
    let (mut term, mut sum) = (x, x);
    for n in 1..200 {
        term *= 2.0 * x * x / (2.0 * f64::from(n) + 1.0);
        sum += term;
    }
    (sum * (-x * x).exp() * std::f64::consts::FRAC_2_SQRT_PI) as f32
}

fn tanh(x: &DeviceTensor) -> DeviceTensor {
    kernels::activate(x, Activation::Tanh).unwrap_or_else(|| x.tanh())
}

#[rustfmt::skip]
static FUNCTIONS: &[(&str, OnDevice, OnHost)] = &[
    ("Abs", DeviceTensor::abs, f32::abs),
    ("Acos", DeviceTensor::acos, f32::acos),
    ("Acosh", DeviceTensor::acosh, f32::acosh),
    ("Asin", DeviceTensor::asin, f32::asin),
    ("Asinh", DeviceTensor::asinh, f32::asinh),
    ("Atan", DeviceTensor::atan, f32::atan),
    ("Atanh", DeviceTensor::atanh, f32::atanh),
    ("Ceil", DeviceTensor::ceil, f32::ceil),
    ("Cos", DeviceTensor::cos, f32::cos),
    ("Cosh", DeviceTensor::cosh, f32::cosh),
    ("Erf", DeviceTensor::erf, erf),
    ("Exp", DeviceTensor::exp, f32::exp),
    ("Floor", DeviceTensor::floor, f32::floor),
    ("Log", DeviceTensor::log, f32::ln),
    ("Neg", DeviceTensor::neg, |x| -x),
    ("Reciprocal", DeviceTensor::recip, f32::recip),
    ("Round", DeviceTensor::round, f32::round_ties_even),
    ("Sign", DeviceTensor::sign, |x| if x == 0.0 { 0.0 } else { x.signum() }),
    ("Sin", DeviceTensor::sin, f32::sin),
    ("Sinh", DeviceTensor::sinh, f32::sinh),
    ("Sqrt", DeviceTensor::sqrt, f32::sqrt),
    ("Tan", DeviceTensor::tan, f32::tan),
    ("Tanh", tanh, f32::tanh),
];

pub(super) fn build(attributes: &mut Attributes) -> Result<Operator> {
    let name = attributes.op_type();
    let &(name, on_device, on_host) = FUNCTIONS
        .iter()
        .find(|(known, ..)| *known == name)
        .ok_or_else(|| Error::unsupported("no such function"))?;
    Ok(Box::new(move |inputs, _| {
        let value = inputs.get(0)?;
        let Some(host) = value.host() else {
            return Ok(vec![on_device(&inputs.tensor(0)?).into()]);
        };
        let result = match (host.data(), name) {
            (HostData::I64(values), "Abs") => {
                HostTensor::ints(host.dims(), values.iter().map(|x| x.wrapping_abs()).collect())
            }
            (HostData::I64(values), "Neg") => {
                HostTensor::ints(host.dims(), values.iter().map(|x| x.wrapping_neg()).collect())
            }
            (HostData::I64(values), "Sign") => {
                HostTensor::ints(host.dims(), values.iter().map(|x| x.signum()).collect())
            }
            (HostData::F32(values), _) => HostTensor::floats(host.dims(), values.iter().map(|&x| on_host(x)).collect()),
            _ => Err(Error::shape(format!(
                "expected floating-point numbers, found {}",
                host.type_name()
            ))),
        };
        Ok(vec![result?.into()])
    }))
}

#[cfg(test)]
mod tests {
    #[test]
    fn erf_has_its_tabulated_values() {
        for (x, expected) in [
            (0.0, 0.0),
            (0.5, 0.520_499_9),
            (1.0, 0.842_700_8),
            (2.0, 0.995_322_3),
            (-3.0, -0.999_977_9),
        ] {
            assert!((super::erf(x) - expected).abs() < 1e-6, "{x}");
        }
    }
}
