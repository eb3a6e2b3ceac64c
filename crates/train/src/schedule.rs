//! The factor of the learning rate at each step.

use crate::options::Schedule;

impl Schedule {
    /// The factor at `step` of `steps` (from 0), with a linear increase over the first `warm_up` of them.
    pub(crate) fn factor(self, step: u64, steps: u64, warm_up: f32) -> f64 {
        let warm = (f64::from(warm_up) * steps as f64).round();
        let step = step as f64;
        if step < warm {
            return (step + 1.0) / warm;
        }
        match self {
            Self::Constant => 1.0,
            Self::Step { at, factor } => {
                let is_past = step >= f64::from(at) * steps as f64 - 1e-3;
                if is_past { f64::from(factor) } else { 1.0 }
            }
            Self::Cosine => {
                let done = (step - warm) / (steps as f64 - warm).max(1.0);
                0.5 * (1.0 + (std::f64::consts::PI * done).cos())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_schedule_steps_at_two_thirds() {
        let factors: Vec<f64> = (0..9).map(|step| Schedule::PUBLISHED.factor(step, 9, 0.0)).collect();
        assert!(factors[..6].iter().all(|&factor| factor == 1.0), "{factors:?}");
        assert!(
            factors[6..].iter().all(|&factor| (factor - 0.1).abs() < 1e-7),
            "{factors:?}"
        );
    }

    #[test]
    fn the_cosine_falls_from_one_towards_zero_after_the_warm_up() {
        let factor = |step| Schedule::Cosine.factor(step, 100, 0.1);
        assert!((factor(0) - 0.1).abs() < 1e-6 && (factor(9) - 1.0).abs() < 1e-6);
        assert_eq!(factor(10), 1.0);
        assert!((factor(55) - 0.5).abs() < 1e-6);
        assert!(factor(99) < 1e-3);
    }
}
