//! SGD with momentum, exactly as `torch.optim.SGD` with dampening 0.
//!
//! `g ← g + decay · w`, `v ← momentum · v + g` (v = g at first), `w ← w − rate · d` with `d = g + momentum · v` after
//! Nesterov, else `d = v`.

use ranktune_nn::{DeviceTensor, update};

use super::change::{Change, replace};
use crate::error::Result;

/// The new value; `velocity` is updated.
pub(super) fn update(
    value: &DeviceTensor,
    gradient: &DeviceTensor,
    velocity: &mut Option<DeviceTensor>,
    change: Change,
    momentum: f32,
    nesterov: bool,
) -> Result<DeviceTensor> {
    let step = update::SgdStep {
        shrink: change.shrink,
        rate: change.rate,
        decay: change.decay,
        momentum,
        nesterov,
    };
    if let Some([value, new]) = update::sgd(value, gradient, velocity.as_ref(), step) {
        replace(velocity, (momentum > 0.0).then_some(new));
        return Ok(value);
    }
    on_any_device(value, gradient, velocity, step)
}

/// The same with Burn's own operations.
fn on_any_device(
    value: &DeviceTensor,
    gradient: &DeviceTensor,
    velocity: &mut Option<DeviceTensor>,
    step: update::SgdStep,
) -> Result<DeviceTensor> {
    let gradient = gradient.mul_scalar(step.shrink);
    let gradient = if step.decay == 0.0 {
        gradient
    } else {
        gradient.add(&value.mul_scalar(step.decay))?
    };
    let new = match velocity.as_ref() {
        Some(old) => old.mul_scalar(step.momentum).add(&gradient)?,
        None => gradient.clone(),
    };
    let direction = if step.nesterov {
        gradient.add(&new.mul_scalar(step.momentum))?
    } else {
        new.clone()
    };
    *velocity = (step.momentum > 0.0).then_some(new);
    Ok(value.sub(&direction.mul_scalar(step.rate))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ranktune_nn::Device;

    fn tensor(values: &[f32]) -> DeviceTensor {
        DeviceTensor::from_values(&[values.len()], values.to_vec(), &Device::flex()).unwrap()
    }

    /// The rule in f64, as `torch/optim/sgd.py` has it, one element.
    fn expected(w: &mut f64, v: &mut Option<f64>, g: f64, change: Change, momentum: f64, nesterov: bool) {
        let g = g * f64::from(change.shrink) + f64::from(change.decay) * *w;
        let new = v.map_or(g, |v| momentum * v + g);
        *v = Some(new);
        *w -= f64::from(change.rate) * if nesterov { g + momentum * new } else { new };
    }

    #[test]
    fn five_steps_are_those_of_the_rule_on_either_path() {
        for (nesterov, momentum, decay) in [(true, 0.9, 0.05), (false, 0.9, 0.0), (false, 0.0, 0.1)] {
            let change = Change {
                rate: 0.1,
                decay,
                shrink: 0.5,
            };
            let start = [1.0, -2.0, 0.5];
            let (mut fused, mut plain) = (tensor(&start), tensor(&start));
            let (mut fused_velocity, mut plain_velocity) = (None, None);
            let mut reference = start.map(|w| (f64::from(w), None));
            for step in 0..5 {
                let gradient: Vec<f32> = (0..3).map(|at| ((step * 3 + at) as f32).sin()).collect();
                fused = update(
                    &fused,
                    &tensor(&gradient),
                    &mut fused_velocity,
                    change,
                    momentum,
                    nesterov,
                )
                .unwrap();
                let settings = update::SgdStep {
                    shrink: change.shrink,
                    rate: change.rate,
                    decay,
                    momentum,
                    nesterov,
                };
                plain = on_any_device(&plain, &tensor(&gradient), &mut plain_velocity, settings).unwrap();
                for ((w, v), g) in reference.iter_mut().zip(&gradient) {
                    expected(w, v, f64::from(*g), change, f64::from(momentum), nesterov);
                }
            }
            for found in [fused.to_values().unwrap(), plain.to_values().unwrap()] {
                for (found, (expected, _)) in found.iter().zip(&reference) {
                    assert!(
                        (f64::from(*found) - expected).abs() < 1e-6,
                        "{found}, expected {expected}"
                    );
                }
            }
        }
    }

    #[test]
    fn two_nesterov_steps_by_hand() {
        // w = 1, g = 0.5 twice, momentum 0.9, rate 0.1, no decay:
        // v = 0.5, d = 0.5 + 0.45 = 0.95, w = 0.905; v = 0.45 + 0.5 = 0.95, d = 0.5 + 0.855 = 1.355, w = 0.7695.
        let (mut w, mut v) = (tensor(&[1.0]), None);
        for expected in [0.905, 0.7695] {
            let change = Change {
                rate: 0.1,
                decay: 0.0,
                shrink: 1.0,
            };
            w = update(&w, &tensor(&[0.5]), &mut v, change, 0.9, true).unwrap();
            assert!((w.to_values().unwrap()[0] - expected).abs() < 1e-6);
        }
    }
}
