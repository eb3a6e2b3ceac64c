//! How far a weighted τ would move with other models of the same kind and other runs of tuning: a bootstrap.
//!
//! ```text
//! draw b:    every model gets the mean of R of its R runs, drawn with replacement; then K of the K models are drawn with replacement
//! τ_w⁽ᵇ⁾     of the drawn models; not defined where all of them are the same, or one side is constant
//! interval:  the quantiles (1 ± level)/2 of the τ_w⁽ᵇ⁾ that are defined
//! ```
//!
//! A model that is drawn twice ties with itself on both sides, and τ_w leaves such pairs out. With few models there are few different
//! draws, and the interval is rough.

use ranktune_core::random::Random;

use super::{check, weighted_tau};
use crate::error::{Error, ErrorKind, Result};

/// Settings of [`weighted_tau_draws`].
#[derive(Clone, Debug, PartialEq)]
pub struct BootstrapOptions {
    /// Number of draws. Default 1,000, which leaves the ends of a 90 % interval an error of about a twentieth of its length.
    pub draws: usize,
    /// Seed of the draws. Default 0.
    pub seed: u64,
}

impl Default for BootstrapOptions {
    fn default() -> Self {
        Self { draws: 1000, seed: 0 }
    }
}

/// τ_w of every draw; `None` where it is not defined. `scores` are `[K]`, and `runs[k]` the measured values of model k, at least one. The
/// same seed gives the same draws, so that draws of two scores of the same models can be compared one by one.
///
/// # Errors
/// [`ErrorKind::Shape`] where the lengths differ, or a model has no run; [`ErrorKind::NonFinite`] where a number is not finite.
///
/// # Examples
/// ```
/// use ranktune_scores::correlation::{BootstrapOptions, central_interval, weighted_tau_draws};
/// let runs = [vec![0.9, 0.91], vec![0.8, 0.79], vec![0.7, 0.72], vec![0.5, 0.5]];
/// let draws = weighted_tau_draws(&[4.0, 3.0, 2.0, 1.0], &runs, &BootstrapOptions::default())?;
/// // The order is right whichever models and runs are drawn.
/// let defined: Vec<f64> = draws.into_iter().flatten().collect();
/// let [low, high] = central_interval(&defined, 0.9).expect("most draws have two different models");
/// assert!((low - 1.0).abs() < 1e-12 && (high - 1.0).abs() < 1e-12);
/// # Ok::<(), ranktune_scores::Error>(())
/// ```
pub fn weighted_tau_draws(scores: &[f64], runs: &[Vec<f64>], options: &BootstrapOptions) -> Result<Vec<Option<f64>>> {
    if let Some(model) = runs.iter().position(Vec::is_empty) {
        let message = format!("a bootstrap needs at least one run of every model, and model {model} has none");
        return Err(Error::new(ErrorKind::Shape, message));
    }
    let means: Vec<f64> = runs.iter().map(|runs| mean(runs.iter().copied())).collect();
    check(scores, &means)?;
    let k = scores.len();
    let mut random = Random::new(options.seed);
    (0..options.draws)
        .map(|_| {
            let measured: Vec<f64> = runs
                .iter()
                .map(|runs| mean((0..runs.len()).map(|_| runs[random.below(runs.len())])))
                .collect();
            let models: Vec<usize> = (0..k).map(|_| random.below(k)).collect();
            let of = |values: &[f64]| -> Vec<f64> { models.iter().map(|&model| values[model]).collect() };
            weighted_tau(&of(scores), &of(&measured))
        })
        .collect()
}

/// The quantiles `(1 ± level)/2` of `values`, with linear interpolation as NumPy's `quantile`; `None` without values.
///
/// # Examples
/// ```
/// use ranktune_scores::correlation::central_interval;
/// assert_eq!(central_interval(&[3.0, 1.0, 2.0, 5.0, 4.0], 0.5), Some([2.0, 4.0]));
/// ```
pub fn central_interval(values: &[f64], level: f64) -> Option<[f64; 2]> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().checked_sub(1)?;
    let quantile = |part: f64| {
        let place = part.clamp(0.0, 1.0) * last as f64;
        // At most `last`.
        let below = place.floor() as usize;
        let above = (below + 1).min(last);
        sorted[below] + (place - below as f64) * (sorted[above] - sorted[below])
    };
    Some([quantile(0.5 * (1.0 - level)), quantile(0.5 * (1.0 + level))])
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len() as f64;
    values.sum::<f64>() / count
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(got: Option<[f64; 2]>, expected: [f64; 2]) {
        let got = got.unwrap();
        assert!(
            got.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12),
            "{got:?}, expected {expected:?}"
        );
    }

    #[test]
    fn quantiles_interpolate_between_neighbours() {
        // By hand: sorted −0.3, 0.1, 0.4, 0.7; 5 % is at place 0.15, 95 % at place 2.85.
        close(central_interval(&[0.1, 0.7, -0.3, 0.4], 0.9), [-0.24, 0.655]);
        close(central_interval(&[2.5], 0.8), [2.5, 2.5]);
        assert_eq!(central_interval(&[], 0.9), None);
    }

    #[test]
    fn two_models_in_the_wrong_order_have_minus_one_or_nothing_in_every_draw() {
        let options = BootstrapOptions { draws: 400, seed: 3 };
        let draws = weighted_tau_draws(&[1.0, 2.0], &[vec![0.9], vec![0.8]], &options).unwrap();
        let defined: Vec<f64> = draws.iter().copied().flatten().collect();
        assert!(defined.iter().all(|tau| (tau + 1.0).abs() < 1e-12));
        // Both models are drawn with probability 1/2: 200 ± 4 · 10.
        assert!((160..=240).contains(&defined.len()), "{}", defined.len());
    }

    #[test]
    fn runs_that_overlap_turn_the_order_around_as_often_as_they_should() {
        // Model 0 scores higher. Of its runs, 1 and 0, two are drawn: their mean is 1, 1/2 or 0 with probability 1/4, 1/2, 1/4, and is below
        // model 1's 0.4 with probability 1/4.
        let options = BootstrapOptions { draws: 4000, seed: 0 };
        let draws = weighted_tau_draws(&[2.0, 1.0], &[vec![1.0, 0.0], vec![0.4]], &options).unwrap();
        let defined: Vec<f64> = draws.into_iter().flatten().collect();
        let wrong = defined.iter().filter(|tau| **tau < 0.0).count() as f64 / defined.len() as f64;
        // The standard deviation of the share is √(0.25 · 0.75 / 2000) = 0.0097.
        assert!((wrong - 0.25).abs() < 0.04, "{wrong}");
    }

    #[test]
    fn a_seed_repeats_its_draws_and_another_seed_has_others() {
        let runs = [vec![0.2, 0.4], vec![0.3, 0.35], vec![0.1, 0.5]];
        let draws = |seed| weighted_tau_draws(&[1.0, 3.0, 2.0], &runs, &BootstrapOptions { draws: 50, seed }).unwrap();
        assert_eq!(draws(1), draws(1));
        assert_ne!(draws(1), draws(2));
    }

    #[test]
    fn one_model_has_no_draw_and_bad_numbers_are_refused() {
        let options = BootstrapOptions { draws: 5, seed: 0 };
        assert_eq!(
            weighted_tau_draws(&[1.0], &[vec![0.5]], &options).unwrap(),
            vec![None; 5]
        );
        assert_eq!(weighted_tau_draws(&[], &[], &options).unwrap(), vec![None; 5]);
        let kind = |scores: &[f64], runs: &[Vec<f64>]| weighted_tau_draws(scores, runs, &options).unwrap_err().kind();
        assert_eq!(kind(&[1.0], &[vec![]]), ErrorKind::Shape);
        assert_eq!(kind(&[1.0], &[vec![0.5], vec![0.5]]), ErrorKind::Shape);
        assert_eq!(kind(&[1.0], &[vec![0.5, f64::NAN]]), ErrorKind::NonFinite);
    }
}
