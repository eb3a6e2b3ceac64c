//! AdamW (Loshchilov, Hutter 2019), exactly as `torch.optim.AdamW`.
//!
//! `w ← w (1 − rate · decay)`, `m ← β₁m + (1 − β₁)g`, `v ← β₂v + (1 − β₂)g²`,
//! `w ← w − rate/(1 − β₁ᵗ) · m / (√v/√(1 − β₂ᵗ) + ε)`, m and v zero at first, t from 1.

use ranktune_nn::{DeviceTensor, update};

use super::change::{Change, replace};
use crate::error::Result;

/// Numbers of a step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    pub beta_1: f32,
    pub beta_2: f32,
    pub epsilon: f32,
    /// t.
    pub steps: u64,
}

/// The new value; the moments m and v are updated.
pub(super) fn update(
    value: &DeviceTensor,
    gradient: &DeviceTensor,
    moments: (&mut Option<DeviceTensor>, &mut Option<DeviceTensor>),
    change: Change,
    settings: Settings,
) -> Result<DeviceTensor> {
    let correction = |beta: f32| 1.0 - f64::from(beta).powi(i32::try_from(settings.steps).unwrap_or(i32::MAX));
    let step = update::AdamWStep {
        shrink: change.shrink,
        rate: change.rate,
        decay: change.decay,
        beta_1: settings.beta_1,
        beta_2: settings.beta_2,
        epsilon: settings.epsilon,
        correction_1: correction(settings.beta_1) as f32,
        correction_2: correction(settings.beta_2).sqrt() as f32,
    };
    let old = match &moments {
        (Some(first), Some(second)) => Some([first, second]),
        _ => None,
    };
    let [value, first, second] = match update::adam_w(value, gradient, old, step) {
        Some(new) => new,
        None => on_any_device(value, gradient, old, step)?,
    };
    replace(moments.0, Some(first));
    replace(moments.1, Some(second));
    Ok(value)
}

/// The same with Burn's own operations.
fn on_any_device(
    value: &DeviceTensor,
    gradient: &DeviceTensor,
    moments: Option<[&DeviceTensor; 2]>,
    step: update::AdamWStep,
) -> Result<[DeviceTensor; 3]> {
    let gradient = &gradient.mul_scalar(step.shrink);
    let value = value.mul_scalar(1.0 - step.rate * step.decay);
    let (first, second) = (
        gradient.mul_scalar(1.0 - step.beta_1),
        gradient.mul(gradient)?.mul_scalar(1.0 - step.beta_2),
    );
    let (first, second) = match moments {
        Some([m, v]) => (
            m.mul_scalar(step.beta_1).add(&first)?,
            v.mul_scalar(step.beta_2).add(&second)?,
        ),
        None => (first, second),
    };
    let divisor = second
        .sqrt()
        .mul_scalar(1.0 / step.correction_2)
        .add_scalar(step.epsilon);
    let change = first.div(&divisor)?.mul_scalar(step.rate / step.correction_1);
    Ok([value.sub(&change)?, first, second])
}

#[cfg(test)]
mod tests {
    use super::*;
    use ranktune_nn::Device;

    fn tensor(values: &[f32]) -> DeviceTensor {
        DeviceTensor::from_values(&[values.len()], values.to_vec(), &Device::flex()).unwrap()
    }

    #[test]
    fn five_steps_are_those_of_the_rule_on_either_path() {
        let change = Change {
            rate: 0.01,
            decay: 0.1,
            shrink: 0.5,
        };
        let start = [1.0, -2.0, 0.5];
        let (mut fused, mut plain) = (tensor(&start), tensor(&start));
        let mut fused_moments = (None, None);
        let mut plain_moments: Option<[DeviceTensor; 2]> = None;
        // The rule in f64, as `torch/optim/adamw.py` has it.
        let mut reference = start.map(|w| (f64::from(w), 0.0f64, 0.0f64));
        for t in 1..=5u64 {
            let gradient: Vec<f32> = (0..3).map(|at| ((t * 3 + at) as f32).sin()).collect();
            let settings = Settings {
                beta_1: 0.9,
                beta_2: 0.999,
                epsilon: 1e-8,
                steps: t,
            };
            let (first, second) = &mut fused_moments;
            fused = update(&fused, &tensor(&gradient), (first, second), change, settings).unwrap();
            let step = update::AdamWStep {
                shrink: change.shrink,
                rate: change.rate,
                decay: change.decay,
                beta_1: 0.9,
                beta_2: 0.999,
                epsilon: 1e-8,
                correction_1: (1.0 - 0.9f64.powi(t as i32)) as f32,
                correction_2: (1.0 - 0.999f64.powi(t as i32)).sqrt() as f32,
            };
            let old = plain_moments.as_ref().map(|[first, second]| [first, second]);
            let [value, first, second] = on_any_device(&plain, &tensor(&gradient), old, step).unwrap();
            (plain, plain_moments) = (value, Some([first, second]));
            for ((w, m, v), &g) in reference.iter_mut().zip(&gradient) {
                let g = 0.5 * f64::from(g);
                *w *= 1.0 - 0.01 * 0.1;
                *m = 0.9 * *m + 0.1 * g;
                *v = 0.999 * *v + 0.001 * g * g;
                let denominator = (*v / (1.0 - 0.999f64.powi(t as i32))).sqrt() + 1e-8;
                *w -= 0.01 / (1.0 - 0.9f64.powi(t as i32)) * *m / denominator;
            }
        }
        for found in [fused.to_values().unwrap(), plain.to_values().unwrap()] {
            for (found, (expected, ..)) in found.iter().zip(&reference) {
                assert!(
                    (f64::from(*found) - expected).abs() < 1e-6,
                    "{found}, expected {expected}"
                );
            }
        }
    }

    #[test]
    fn the_first_step_is_as_long_as_the_rate() {
        // m/(1 − β₁) = g and v/(1 − β₂) = g², so the step is rate · sign(g).
        let (mut first, mut second) = (None, None);
        let settings = Settings {
            beta_1: 0.9,
            beta_2: 0.999,
            epsilon: 1e-8,
            steps: 1,
        };
        let change = Change {
            rate: 0.1,
            decay: 0.0,
            shrink: 1.0,
        };
        let w = update(
            &tensor(&[1.0, 1.0]),
            &tensor(&[3.0, -0.2]),
            (&mut first, &mut second),
            change,
            settings,
        )
        .unwrap();
        let values = w.to_values().unwrap();
        assert!(
            (values[0] - 0.9).abs() < 1e-5 && (values[1] - 1.1).abs() < 1e-5,
            "{values:?}"
        );
    }
}
