//! The standard normal distribution.

use ranktune_core::random::Random;

/// `φ(x)`.
pub(crate) fn density(x: f64) -> f64 {
    (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt()
}

/// `Φ(x)`.
pub(crate) fn cumulative(x: f64) -> f64 {
    0.5 * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2)
}

/// Mean and mean square of `min(max(y, 0), 1)`, `y ~ N(mean, sd²)`.
///
/// ```text
/// a = −m/s, b = (1 − m)/s        E y = m (Φ(b) − Φ(a)) + s (φ(a) − φ(b)) + 1 − Φ(b)
/// E y² = (m² + s²)(Φ(b) − Φ(a)) + s ((2m + s a) φ(a) − (2m + s b) φ(b)) + 1 − Φ(b)
/// ```
pub(crate) fn share_moments(mean: f64, sd: f64) -> (f64, f64) {
    if sd <= 0.0 {
        let share = mean.clamp(0.0, 1.0);
        return (share, share * share);
    }
    let (a, b) = (-mean / sd, (1.0 - mean) / sd);
    let inside = cumulative(b) - cumulative(a);
    let above = cumulative(-b);
    let first = mean * inside + sd * (density(a) - density(b)) + above;
    let edges = (2.0 * mean + sd * a) * density(a) - (2.0 * mean + sd * b) * density(b);
    (first, (mean * mean + sd * sd) * inside + sd * edges + above)
}

/// Fills `values` with standard normal numbers (Box and Muller).
pub(crate) fn fill(values: &mut [f64], random: &mut Random) {
    // In (0, 1], so that the logarithm is finite.
    let mut uniform = || ((random.next() >> 11) as f64 + 1.0) / (1_u64 << 53) as f64;
    for pair in values.chunks_mut(2) {
        let radius = (-2.0 * uniform().ln()).sqrt();
        let (sin, cos) = (2.0 * std::f64::consts::PI * uniform()).sin_cos();
        pair[0] = radius * cos;
        if let Some(second) = pair.get_mut(1) {
            *second = radius * sin;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_are_those_of_the_tables() {
        for (x, p) in [
            (0.0, 0.5),
            (1.0, 0.841_344_746_068_543),
            (-2.0, 0.022_750_131_948_179),
            (1.959_963_984_540_054, 0.975),
        ] {
            assert!((cumulative(x) - p).abs() < 1e-13, "{x}");
        }
        let slope = (cumulative(0.7 + 1e-5) - cumulative(0.7 - 1e-5)) / 2e-5;
        assert!((density(0.7) - slope).abs() < 1e-9);
    }

    #[test]
    fn moments_of_a_share_are_those_of_draws_that_are_cut() {
        let mut values = vec![0.0; 200_000];
        fill(&mut values, &mut Random::new(3));
        for (mean, sd) in [(0.5, 0.05), (0.95, 0.1), (1.2, 0.3), (-0.4, 0.2), (0.3, 1.0)] {
            let shares = values.iter().map(|z| (mean + sd * z).clamp(0.0, 1.0));
            let (first, second) = shares.fold((0.0, 0.0), |(first, second), y| (first + y, second + y * y));
            let n = values.len() as f64;
            let expected = share_moments(mean, sd);
            assert!(
                (expected.0 - first / n).abs() < 4e-3 * sd.min(1.0),
                "{mean} ± {sd}: {expected:?}"
            );
            assert!(
                (expected.1 - second / n).abs() < 8e-3 * sd.min(1.0),
                "{mean} ± {sd}: {expected:?}"
            );
        }
        assert_eq!(share_moments(1.5, 0.0), (1.0, 1.0));
    }

    #[test]
    fn draws_have_the_moments_of_a_normal() {
        let mut values = vec![0.0; 100_001];
        fill(&mut values, &mut Random::new(7));
        let moment = |power: i32| values.iter().map(|x| x.powi(power)).sum::<f64>() / values.len() as f64;
        for (power, expected, error) in [(1, 0.0, 0.0032), (2, 1.0, 0.0045), (3, 0.0, 0.0123), (4, 3.0, 0.031)] {
            assert!(
                (moment(power) - expected).abs() < 4.0 * error,
                "{power}: {}",
                moment(power)
            );
        }
    }
}
