//! Kendall's τ_b, and its weighted form (Vigna, "A weighted correlation index for rankings with ties", WWW 2015).
//!
//! ```text
//! ⟨a, b⟩ = Σ_{i<j} w_ij sgn(a_i − a_j) sgn(b_i − b_j),     τ = ⟨x, y⟩ / √(⟨x, x⟩⟨y, y⟩)
//! τ_b: w_ij = 1          τ_w: w_ij = 1/(ρ_i + 1) + 1/(ρ_j + 1), ρ = rank from 0 by decreasing score
//! ```
//!
//! Where scores tie, ρ depends on which side orders the ties; τ_w is the mean over ordering by (x, y) and by (y, x),
//! which are SciPy's default values. Since the weights add, sums over pairs are sums over prefixes: `O(K log K)` with a
//! Fenwick tree over the ranks of y.

use super::{ascending, check, dense_ranks};
use crate::error::Result;

/// Kendall's τ_b; `None` with fewer than two models or a constant side.
///
/// # Errors
/// [`ErrorKind::Shape`](crate::ErrorKind::Shape) where the lengths differ,
/// [`ErrorKind::NonFinite`](crate::ErrorKind::NonFinite) where a number is not finite.
pub fn kendall_tau(x: &[f64], y: &[f64]) -> Result<Option<f64>> {
    check(x, y)?;
    Ok(additive_tau(x, y, &vec![1.0; x.len()]))
}

/// Weighted τ with hyperbolic additive weights, so that agreement on the best models counts most; SciPy's
/// `weightedtau(x, y)`. `None` with fewer than two models or a constant side.
///
/// # Errors
/// As [`kendall_tau`].
///
/// # Examples
/// ```
/// use ranktune_scores::correlation::weighted_tau;
/// let tau = weighted_tau(&[12.0, 2.0, 1.0, 12.0, 2.0], &[1.0, 4.0, 7.0, 1.0, 0.0])?;
/// assert!((tau.unwrap_or(0.0) + 0.56694968153682723).abs() < 1e-12);
/// # Ok::<(), ranktune_scores::Error>(())
/// ```
pub fn weighted_tau(x: &[f64], y: &[f64]) -> Result<Option<f64>> {
    check(x, y)?;
    let by_x = additive_tau(x, y, &hyperbolic(x, y));
    let by_y = additive_tau(x, y, &hyperbolic(y, x));
    Ok(by_x.zip(by_y).map(|(by_x, by_y)| 0.5 * (by_x + by_y)))
}

/// `1/(ρ + 1)`, ρ the rank by decreasing `first`, ties by decreasing `second`.
fn hyperbolic(first: &[f64], second: &[f64]) -> Vec<f64> {
    let mut weights = vec![0.0; first.len()];
    for (rank, &at) in ascending(first, second).iter().rev().enumerate() {
        weights[at] = 1.0 / (rank as f64 + 1.0);
    }
    weights
}

/// τ with `w_ij = w_i + w_j`.
fn additive_tau(x: &[f64], y: &[f64], weights: &[f64]) -> Option<f64> {
    let n = x.len();
    let total: f64 = weights.iter().sum();
    let all = (n as f64 - 1.0) * total;
    // Σ over tied pairs: Σ_groups (m − 1)·W, in x, in y, in both.
    let tied = |order: &[usize], same: &dyn Fn(usize, usize) -> bool| {
        let mut sum = 0.0;
        for group in order.chunk_by(|&a, &b| same(a, b)) {
            sum += (group.len() as f64 - 1.0) * group.iter().map(|&at| weights[at]).sum::<f64>();
        }
        sum
    };
    let by_x = ascending(x, y);
    let by_y = ascending(y, x);
    let same_x = |a: usize, b: usize| x[a] == x[b];
    let same_y = |a: usize, b: usize| y[a] == y[b];
    let untied_x = all - tied(&by_x, &same_x);
    let untied_y = all - tied(&by_y, &same_y);
    let constant = |side: &[f64]| side.iter().all(|value| *value == side[0]);
    if n < 2 || constant(x) || constant(y) {
        return None;
    }
    let ranks = dense_ranks(y);
    let mut seen = Fenwick::new(n);
    let mut agreement = 0.0;
    let (mut count, mut weight) = (0.0, 0.0);
    for group in by_x.chunk_by(|&a, &b| same_x(a, b)) {
        for &at in group {
            let (below, weight_below) = seen.before(ranks[at]);
            let (to, weight_to) = seen.before(ranks[at] + 1);
            let (above, weight_above) = (count - to, weight - weight_to);
            agreement += weight_below - weight_above + weights[at] * (below - above);
        }
        for &at in group {
            seen.add(ranks[at], weights[at]);
            count += 1.0;
            weight += weights[at];
        }
    }
    Some((agreement / (untied_x.sqrt() * untied_y.sqrt())).clamp(-1.0, 1.0))
}

/// Prefix sums of counts and weights.
struct Fenwick {
    sums: Vec<(f64, f64)>,
}

impl Fenwick {
    fn new(n: usize) -> Self {
        Self {
            sums: vec![(0.0, 0.0); n + 1],
        }
    }

    fn add(&mut self, rank: usize, weight: f64) {
        let mut at = rank + 1;
        while at < self.sums.len() {
            self.sums[at].0 += 1.0;
            self.sums[at].1 += weight;
            at += at & at.wrapping_neg();
        }
    }

    /// Over ranks below `rank`.
    fn before(&self, rank: usize) -> (f64, f64) {
        let mut at = rank;
        let mut sum = (0.0, 0.0);
        while at > 0 {
            sum.0 += self.sums[at].0;
            sum.1 += self.sums[at].1;
            at -= at & at.wrapping_neg();
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition, pair by pair.
    fn by_pairs(x: &[f64], y: &[f64], weights: &[f64]) -> f64 {
        let sign = |a: f64, b: f64| if a == b { 0.0 } else { (a - b).signum() };
        let (mut xy, mut xx, mut yy) = (0.0, 0.0, 0.0);
        for i in 0..x.len() {
            for j in 0..i {
                let (w, a, b) = (weights[i] + weights[j], sign(x[i], x[j]), sign(y[i], y[j]));
                xy += w * a * b;
                xx += w * a * a;
                yy += w * b * b;
            }
        }
        xy / (xx * yy).sqrt()
    }

    #[test]
    fn the_fast_sum_is_the_sum_over_pairs() {
        let mut state = 7_u32;
        let mut next = |levels: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f64::from((state >> 8) % levels)
        };
        for n in [2, 3, 5, 17, 60] {
            for levels in [3, 7, 1000] {
                let x: Vec<f64> = (0..n).map(|_| next(levels)).chain([-1.0]).collect();
                let y: Vec<f64> = (0..n).map(|_| next(levels)).chain([-1.0]).collect();
                let weights: Vec<f64> = (0..=n).map(|i| 1.0 / (f64::from(i) + 1.0)).collect();
                let fast = additive_tau(&x, &y, &weights);
                let slow = by_pairs(&x, &y, &weights);
                match fast {
                    Some(fast) => assert!((fast - slow).abs() < 1e-12, "n = {n}, {levels} levels: {fast} {slow}"),
                    None => assert!(slow.is_nan()),
                }
            }
        }
    }

    #[test]
    fn a_ranking_agrees_with_itself_and_opposes_its_reverse() {
        let x = [0.3, 0.1, 0.7, 0.2];
        let minus: Vec<f64> = x.iter().map(|v| -v).collect();
        for tau in [kendall_tau, weighted_tau] {
            assert!((tau(&x, &x).unwrap().unwrap() - 1.0).abs() < 1e-12);
            assert!((tau(&x, &minus).unwrap().unwrap() + 1.0).abs() < 1e-12);
        }
    }
}
