//! ln Γ and its derivative ψ for positive numbers: the recurrence up to 10, Stirling's series from there (absolute error below 1e-14 of
//! the larger of 1 and the value).

/// From here on the series below are exact to rounding.
const LARGE: f64 = 10.0;

/// `ln Γ(x)`, `x > 0`.
pub(super) fn log_gamma(x: f64) -> f64 {
    let (mut x, mut product, mut below) = (x, 1.0_f64, 0.0);
    while x < LARGE {
        product *= x;
        x += 1.0;
        if product < 1e-200 {
            below += product.ln();
            product = 1.0;
        }
    }
    let inverse = 1.0 / x;
    let square = inverse * inverse;
    let series = [
        1.0 / 12.0,
        -1.0 / 360.0,
        1.0 / 1260.0,
        -1.0 / 1680.0,
        1.0 / 1188.0,
        -691.0 / 360_360.0,
    ];
    let tail = series.iter().rev().fold(0.0, |tail, term| tail * square + term) * inverse;
    (x - 0.5) * x.ln() - x + 0.5 * (2.0 * std::f64::consts::PI).ln() + tail - product.ln() - below
}

/// `ψ(x) = d ln Γ(x)/dx`, `x > 0`.
pub(super) fn digamma(x: f64) -> f64 {
    let (mut x, mut below) = (x, 0.0);
    while x < LARGE {
        below += 1.0 / x;
        x += 1.0;
    }
    let square = 1.0 / (x * x);
    let series = [
        1.0 / 12.0,
        -1.0 / 120.0,
        1.0 / 252.0,
        -1.0 / 240.0,
        1.0 / 132.0,
        -691.0 / 32_760.0,
    ];
    let tail = series.iter().rev().fold(0.0, |tail, term| tail * square + term) * square;
    x.ln() - 0.5 / x - tail - below
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_those_of_closed_forms() {
        let factorials: f64 = (1..=29).map(|k| f64::from(k).ln()).sum();
        let half = 0.5 * std::f64::consts::PI.ln();
        let euler = 0.577_215_664_901_532_9;
        for (x, expected) in [(1.0, 0.0), (0.5, half), (1.5, half - 2.0_f64.ln()), (30.0, factorials)] {
            assert!(
                (log_gamma(x) - expected).abs() < 1e-13 * f64::max(1.0, expected),
                "ln Γ({x})"
            );
        }
        for (x, expected) in [
            (1.0, -euler),
            (0.5, -euler - 2.0 * 2.0_f64.ln()),
            (4.0, 1.0 + 0.5 + 1.0 / 3.0 - euler),
        ] {
            assert!((digamma(x) - expected).abs() < 1e-13, "ψ({x})");
        }
    }

    #[test]
    fn the_slope_of_the_logarithm_is_the_digamma_function() {
        for x in [1e-3, 0.2, 3.7, 9.99, 10.01, 250.0] {
            let step = 1e-5 * x;
            let slope = (log_gamma(x + step) - log_gamma(x - step)) / (2.0 * step);
            assert!((slope - digamma(x)).abs() < 1e-7 * digamma(x).abs().max(1.0), "{x}");
        }
    }
}
