//! The value of the published code, by the same iteration (LogME, fixed-point version, You et al., JMLR 2022).
//!
//! From `α = β = 1`, at most 11 times: `γ`, `m2`, `r2` at `t = α/β`; `α ← γ/(m2 + 1e-5)`, `β ← (n − γ)/(r2 + 1e-5)`; stop where
//! `|t′ − t|/t ≤ 1e-3`. The evidence then takes the new α and β with the *last* m2 and r2, and its determinant runs over
//! `min(n, d)` eigenvalues while `d ln α` counts all d: for `n < d` that is off by `(d − n)/(2n) · ln α`. It serves to
//! compare with published tables; the default of this crate is the exact value.

use std::f64::consts::PI;

use super::profile::{Column, Point, Profile};

/// The result of the published iteration.
pub(crate) struct Published {
    pub value: f64,
    pub alpha: f64,
    pub beta: f64,
    /// The last point evaluated; the weights of the published code are those at this t.
    pub point: Point,
}

const ADDED: f64 = 1e-5;
const STOP: f64 = 1e-3;
const ITERATIONS: usize = 11;

/// Runs the iteration; `T` was divided by `scale`, and `n_features` is `d`. `None` where a value is not finite, as for features
/// that are all zero.
pub(crate) fn iterate(profile: &Profile, column: &Column, scale: f64, n_features: usize) -> Option<Published> {
    let n = profile.n_samples as f64;
    let (mut alpha, mut beta) = (1.0_f64, 1.0_f64);
    let mut last = None;
    for _ in 0..ITERATIONS {
        let t = alpha / beta;
        let shift = profile.shift(t / scale)?;
        let point = profile.point(&shift, column);
        let m2 = point.m2 / scale;
        alpha = point.gamma / (m2 + ADDED);
        beta = point.free / (point.r2 + ADDED);
        last = Some(point);
        if !(alpha > 0.0 && beta > 0.0 && alpha.is_finite() && beta.is_finite()) {
            return None;
        }
        if (alpha / beta - t).abs() / t <= STOP {
            break;
        }
    }
    let point = last?;
    let k = profile.size() as f64;
    // ln|αI + βT·scale| over the k = min(n, d) eigenvalues, through Σ ln(1 + λ/t) at t = α/β.
    let shift = profile.shift(alpha / beta / scale)?;
    let determinant = shift.log_ratio + k * alpha.ln();
    let value = 0.5
        * (n_features as f64 * alpha.ln() + n * beta.ln()
            - determinant
            - beta * point.r2
            - alpha * point.m2 / scale
            - n * (2.0 * PI).ln())
        / n;
    value.is_finite().then_some(Published {
        value,
        alpha,
        beta,
        point,
    })
}
