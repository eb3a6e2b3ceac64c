//! The half-width of an interval in standard errors: quantiles of Student's t, because a standard error from J groups is itself
//! uncertain.
//!
//! ```text
//! P(|T| ≤ x) for ν degrees of freedom by the sums over cos² of Abramowitz & Stegun 26.7.3 and 26.7.4, θ = atan(x/√ν); inverted by bisection
//! ```

/// The half-width, in standard errors, of an interval that covers the true value with probability `level`, for a jackknife of `n_groups`
/// groups: the quantile of Student's t with `n_groups − 1` degrees of freedom. For 90 % and ten groups it is 1.833.
///
/// # Examples
/// ```
/// use ranktune_scores::uncertainty::interval_factor;
/// assert!((interval_factor(0.9, 10) - 1.833).abs() < 1e-3);
/// ```
pub fn interval_factor(level: f64, n_groups: usize) -> f64 {
    let freedom = n_groups.saturating_sub(1).max(1);
    let (mut low, mut high) = (0.0, 1.0);
    let level = level.clamp(0.0, 1.0 - 1e-12);
    while within(high, freedom) < level && high < 1e15 {
        high *= 2.0;
    }
    for _ in 0..100 {
        let middle = 0.5 * (low + high);
        if within(middle, freedom) < level {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}

/// `P(|T| ≤ x)`.
fn within(x: f64, freedom: usize) -> f64 {
    let theta = (x / (freedom as f64).sqrt()).atan();
    let (sin, cos) = theta.sin_cos();
    let is_odd = freedom % 2 == 1;
    let mut term = if is_odd { cos } else { 1.0 };
    let mut sum = if freedom == 1 { 0.0 } else { term };
    let mut k = if is_odd { 3 } else { 2 };
    while k < freedom {
        term *= cos * cos * (k - 1) as f64 / k as f64;
        sum += term;
        k += 2;
    }
    if is_odd {
        2.0 / std::f64::consts::PI * (theta + sin * sum)
    } else {
        sin * sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_tables() {
        // Two-sided 90 % and 95 %, from printed tables of Student's t.
        for (freedom, ninety, ninety_five) in [
            (1, 6.314, 12.706),
            (2, 2.920, 4.303),
            (3, 2.353, 3.182),
            (4, 2.132, 2.776),
            (9, 1.833, 2.262),
            (10, 1.812, 2.228),
            (30, 1.697, 2.042),
        ] {
            assert!((interval_factor(0.9, freedom + 1) - ninety).abs() < 6e-4, "{freedom}");
            assert!(
                (interval_factor(0.95, freedom + 1) - ninety_five).abs() < 6e-4,
                "{freedom}"
            );
        }
    }
}
