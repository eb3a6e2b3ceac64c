//! Functions of one number: Abs, Exp, Sqrt, Erf, the trigonometric ones, rounding.

use super::Operator;
use crate::host::HostData;
use crate::kernels::{self, Activation};
use crate::tensor::DeviceTensor;
use crate::{Error, HostTensor, Result};

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

/// −1, 0 or 1; NaN, of which Burn's own sign is 0, stays.
fn sign(x: &DeviceTensor) -> DeviceTensor {
    x.sign().where_nan(x)
}

/// A function on the device and on the host.
pub(super) struct Function {
    on_device: fn(&DeviceTensor) -> DeviceTensor,
    float: fn(f32) -> f32,
    /// `None` for functions of floating-point numbers only.
    integer: Option<fn(i64) -> i64>,
}

const fn function(on_device: fn(&DeviceTensor) -> DeviceTensor, float: fn(f32) -> f32) -> Function {
    Function {
        on_device,
        float,
        integer: None,
    }
}

pub(super) const ABS: Function = Function {
    integer: Some(i64::wrapping_abs),
    ..function(DeviceTensor::abs, f32::abs)
};
pub(super) const ACOS: Function = function(DeviceTensor::acos, f32::acos);
pub(super) const ACOSH: Function = function(DeviceTensor::acosh, f32::acosh);
pub(super) const ASIN: Function = function(DeviceTensor::asin, f32::asin);
pub(super) const ASINH: Function = function(DeviceTensor::asinh, f32::asinh);
pub(super) const ATAN: Function = function(DeviceTensor::atan, f32::atan);
pub(super) const ATANH: Function = function(DeviceTensor::atanh, f32::atanh);
pub(super) const CEIL: Function = function(DeviceTensor::ceil, f32::ceil);
pub(super) const COS: Function = function(DeviceTensor::cos, f32::cos);
pub(super) const COSH: Function = function(DeviceTensor::cosh, f32::cosh);
pub(super) const ERF: Function = function(DeviceTensor::erf, erf);
pub(super) const EXP: Function = function(DeviceTensor::exp, f32::exp);
pub(super) const FLOOR: Function = function(DeviceTensor::floor, f32::floor);
pub(super) const LOG: Function = function(DeviceTensor::log, f32::ln);
pub(super) const NEG: Function = Function {
    integer: Some(i64::wrapping_neg),
    ..function(DeviceTensor::neg, |x| -x)
};
pub(super) const RECIPROCAL: Function = function(DeviceTensor::recip, f32::recip);
pub(super) const ROUND: Function = function(DeviceTensor::round, f32::round_ties_even);
pub(super) const SIGN: Function = Function {
    integer: Some(i64::signum),
    ..function(sign, |x| if x == 0.0 { 0.0 } else { x.signum() })
};
pub(super) const SIN: Function = function(DeviceTensor::sin, f32::sin);
pub(super) const SINH: Function = function(DeviceTensor::sinh, f32::sinh);
pub(super) const SQRT: Function = function(DeviceTensor::sqrt, f32::sqrt);
pub(super) const TAN: Function = function(DeviceTensor::tan, f32::tan);
pub(super) const TANH: Function = function(tanh, f32::tanh);

pub(super) fn build(function: &'static Function) -> Result<Operator> {
    Ok(Box::new(move |inputs, _| {
        let Some(host) = inputs.get(0)?.host() else {
            return Ok(vec![(function.on_device)(&inputs.tensor(0)?).into()]);
        };
        let result = match (host.data(), function.integer) {
            (HostData::I64(values), Some(integer)) => {
                HostTensor::ints(host.dims(), values.iter().map(|&x| integer(x)).collect())
            }
            (HostData::F32(values), _) => {
                HostTensor::floats(host.dims(), values.iter().map(|&x| (function.float)(x)).collect())
            }
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
