//! What a trial is worth: the expected reduction of regret (knowledge gradient with correlated beliefs, Frazier, Powell & Dayanik,
//! "The knowledge-gradient policy for correlated normal beliefs", INFORMS J. Computing 2009).
//!
//! The results `o = y_m + δ_r + s u + w_m` of trials S move the expected accuracies to `μ′ = μ + G z`, `z ~ N(0, I)`,
//! `G = Cov(y, o) L⁻ᵀ`, `Cov(o) = L Lᵀ`. After them the best is taken, so that
//!
//! ```text
//! gain(S) = E[max_m μ′_m] − max_m μ_m
//! ```
//!
//! which is the reduction of E[max y − y_first]. For one trial it is exact: μ′ are K straight lines in z, and the expectation of their
//! upper envelope is a sum of `φ` and `Φ` at its corners. For several it is a mean over seeded draws, the same for every S.

use faer::linalg::solvers::Llt;
use faer::{Mat, Side};

use super::normal;
use super::posterior::Node;

/// The changes `G` `[K, S]` of the expected accuracies by trials, one column a unit of surprise; `None` where a trial can say nothing
/// that is not known.
pub(crate) fn changes(belief: &Node, trials: &[(usize, Option<usize>)], noises: &[f64]) -> Option<Mat<f64>> {
    let k = belief.n_models(noises.len());
    let (across, among) = belief.with_trials(trials, noises);
    let largest = (0..among.nrows()).map(|t| among[(t, t)]).fold(0.0, f64::max);
    if largest <= 0.0 {
        return None;
    }
    let factor = Llt::new(among.as_ref(), Side::Lower).ok()?;
    let lower = factor.L();
    if (0..lower.nrows()).any(|t| lower[(t, t)].powi(2) < 1e-12 * largest) {
        return None;
    }
    // G Lᵀ = Cov(y, o), row by row.
    let mut g = Mat::<f64>::zeros(k, trials.len());
    for i in 0..k {
        for t in 0..trials.len() {
            let known: f64 = (0..t).map(|s| lower[(t, s)] * g[(i, s)]).sum();
            g[(i, t)] = (across[(i, t)] - known) / lower[(t, t)];
        }
    }
    Some(g)
}

/// `E[max_i (a_i + b_i z)] − max_i a_i`, exact.
pub(crate) fn gain_of_lines(intercepts: &[f64], slopes: &[f64]) -> f64 {
    let mut order: Vec<usize> = (0..intercepts.len()).collect();
    order.sort_by(|&i, &j| {
        slopes[i]
            .total_cmp(&slopes[j])
            .then(intercepts[i].total_cmp(&intercepts[j]))
    });
    // Lines of the upper envelope from left to right, and where each begins.
    let mut envelope: Vec<(usize, f64)> = Vec::new();
    for i in order {
        let mut begin = f64::NEG_INFINITY;
        while let Some(&(top, top_begin)) = envelope.last() {
            if slopes[i] == slopes[top] {
                // The later of two parallel lines is the higher one.
                envelope.pop();
                continue;
            }
            begin = (intercepts[top] - intercepts[i]) / (slopes[i] - slopes[top]);
            if begin > top_begin {
                break;
            }
            envelope.pop();
            begin = f64::NEG_INFINITY;
        }
        envelope.push((i, begin));
    }
    // E[max] − a_best: every corner at c adds (b_next − b) E[(z − c)⁺] to the line before it. From the best line outwards the terms are
    // all positive, so that nothing cancels: to its right E[(z − c)⁺], to its left E[(c − z)⁺].
    let best = (1..intercepts.len()).fold(0, |best, i| if intercepts[i] > intercepts[best] { i } else { best });
    // The line that is highest at z = 0 has the largest intercept.
    let at_zero = envelope.iter().rposition(|&(_, begin)| begin <= 0.0).unwrap_or(0);
    let mut gain = intercepts[envelope[at_zero].0] - intercepts[best];
    for (position, pair) in envelope.windows(2).enumerate() {
        let corner = pair[1].1;
        let rise = slopes[pair[1].0] - slopes[pair[0].0];
        let distance = if position >= at_zero { corner } else { -corner };
        gain += rise * (normal::density(distance) - distance * normal::cumulative(-distance));
    }
    gain.max(0.0)
}

/// The gain over draws `z`, `[S]` each, in mirrored pairs.
pub(crate) fn gain_by_draws(means: &[f64], changes: &Mat<f64>, draws: &[f64]) -> f64 {
    let width = changes.ncols();
    let best = means.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut sum = 0.0;
    let mut count = 0.0;
    for z in draws.chunks_exact(width) {
        let (mut up, mut down) = (f64::NEG_INFINITY, f64::NEG_INFINITY);
        for (i, mean) in means.iter().enumerate() {
            let shift: f64 = z.iter().enumerate().map(|(s, z)| changes[(i, s)] * z).sum();
            up = up.max(mean + shift);
            down = down.max(mean - shift);
        }
        sum += 0.5 * (up + down) - best;
        count += 1.0;
    }
    (sum / count).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ranktune_core::random::Random;

    /// By the trapezoidal rule over z.
    fn by_quadrature(a: &[f64], b: &[f64]) -> f64 {
        let (from, to, n) = (-10.0, 10.0, 400_000);
        let h = (to - from) / f64::from(n);
        let sum: f64 = (0..=n)
            .map(|i| {
                let z = from + h * f64::from(i);
                let highest = a
                    .iter()
                    .zip(b)
                    .map(|(a, b)| a + b * z)
                    .fold(f64::NEG_INFINITY, f64::max);
                highest * normal::density(z)
            })
            .sum();
        sum * h - a.iter().copied().fold(f64::NEG_INFINITY, f64::max)
    }

    #[test]
    fn the_gain_of_one_trial_is_the_integral_over_its_result() {
        let mut random = Random::new(5);
        for k in [1, 2, 3, 7, 30] {
            let mut values = vec![0.0; 2 * k];
            normal::fill(&mut values, &mut random);
            let (a, b) = values.split_at(k);
            let (exact, numeric) = (gain_of_lines(a, b), by_quadrature(a, b));
            assert!((exact - numeric).abs() < 1e-8, "{k}: {exact} {numeric}");
        }
    }

    #[test]
    fn parallel_and_equal_lines_gain_nothing() {
        assert_eq!(gain_of_lines(&[0.3, 0.1, 0.3], &[0.2, 0.2, 0.2]), 0.0);
        assert_eq!(gain_of_lines(&[0.3], &[5.0]), 0.0);
        // Two lines that cross at zero: E|z|/2 · difference of slopes.
        let expected = (2.0 / std::f64::consts::PI).sqrt() / 2.0;
        assert!((gain_of_lines(&[0.0, 0.0], &[0.0, 1.0]) - expected / 1.0).abs() < 1e-12);
    }

    #[test]
    fn draws_agree_with_the_exact_gain() {
        let (a, b) = ([0.1, 0.0, -0.2, 0.05], [0.0, 0.3, 0.9, -0.4]);
        let mut z = vec![0.0; 200_000];
        normal::fill(&mut z, &mut Random::new(1));
        let drawn = gain_by_draws(&a, &Mat::from_fn(4, 1, |i, _| b[i]), &z);
        let exact = gain_of_lines(&a, &b);
        assert!((drawn - exact).abs() < 0.003, "{drawn} {exact}");
    }
}
