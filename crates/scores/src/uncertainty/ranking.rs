//! P(best) and rank intervals by resampling groups for all models together.
//!
//! ```text
//! θ*_k = θ_k + √(J/(J − 1)) · mean over J draws g (with replacement, the same for every k) of  (J − 1)(θ̄_k − θ_k(g))
//! ```
//!
//! The added term is the mean of J resampled pseudo-values about their own mean. Its variance is the square of the jackknife's
//! standard error, and its covariance between models is that of the jackknife: errors that models share move them together and
//! change no rank. P(best) is the share of draws in which a model leads. The rank interval holds the middle part of its ranks,
//! 90 % by default.

use super::Jackknife;
use crate::error::{Error, ErrorKind, Result};
use ranktune_core::random::Random;

/// Settings of the resampling.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ResamplingOptions {
    /// Number of draws; default 10,000, which leaves P(best) an error of at most 0.005.
    pub draws: usize,
    /// The share of a model's ranks that its interval holds; default 0.9.
    pub level: f64,
    /// The seed of the draws; default 0.
    pub seed: u64,
    /// The k of P(top-k); default 3.
    pub top_k: usize,
}

impl Default for ResamplingOptions {
    fn default() -> Self {
        Self {
            draws: 10_000,
            level: 0.9,
            seed: 0,
            top_k: 3,
        }
    }
}

/// The uncertainty of the rank of a model.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct RankUncertainty {
    /// Probability that the model is the best of those ranked; ties share a draw.
    pub p_best: f64,
    /// Probability that the model is among the best [`ResamplingOptions::top_k`] of those ranked; ties share the last places.
    pub p_top_k: f64,
    /// First and last plausible rank, from 1.
    pub rank_interval: (usize, usize),
}

/// Probability of being best, for every model.
///
/// # Errors
/// As [`resample`].
pub fn p_best(models: &[Jackknife], options: &ResamplingOptions) -> Result<Vec<f64>> {
    Ok(resample(models, options)?.iter().map(|model| model.p_best).collect())
}

/// First and last plausible rank, from 1, for every model.
///
/// # Errors
/// As [`resample`].
pub fn rank_interval(models: &[Jackknife], options: &ResamplingOptions) -> Result<Vec<(usize, usize)>> {
    Ok(resample(models, options)?
        .iter()
        .map(|model| model.rank_interval)
        .collect())
}

/// P(best) and rank intervals of models that were scored on the same groups of the same data.
///
/// # Errors
/// [`ErrorKind::Shape`] where the models have different numbers of groups; [`ErrorKind::OutOfRange`] where an option is
/// outside its range (`draws ≥ 1`, `0 < level < 1`); [`ErrorKind::NonFinite`] where a score is not finite.
pub fn resample(models: &[Jackknife], options: &ResamplingOptions) -> Result<Vec<RankUncertainty>> {
    let Some(first) = models.first() else {
        return Ok(Vec::new());
    };
    let n_groups = first.replicates.len();
    if let Some(other) = models.iter().find(|model| model.replicates.len() != n_groups) {
        return Err(Error::new(
            ErrorKind::Shape,
            format!(
                "models must share their groups, but one has {n_groups} and another {}",
                other.replicates.len()
            ),
        ));
    }
    if options.draws == 0 || !(options.level > 0.0 && options.level < 1.0) {
        return Err(Error::new(
            ErrorKind::OutOfRange,
            format!(
                "resampling needs at least 1 draw and a level between 0 and 1, got {} and {}",
                options.draws, options.level
            ),
        ));
    }
    let finite = |model: &Jackknife| model.value.is_finite() && model.replicates.iter().all(|value| value.is_finite());
    if n_groups < 2 || !models.iter().all(finite) {
        return Err(Error::new(
            ErrorKind::NonFinite,
            "models to be ranked need a finite score and at least two finite replicates each",
        ));
    }
    let groups = n_groups as f64;
    let factor = (groups / (groups - 1.0)).sqrt() * (groups - 1.0) / groups;
    let deviations: Vec<Vec<f64>> = models
        .iter()
        .map(|model| {
            let mean = model.replicates.iter().sum::<f64>() / groups;
            model
                .replicates
                .iter()
                .map(|replicate| factor * (mean - replicate))
                .collect()
        })
        .collect();
    let k = models.len();
    let mut random = Random::new(options.seed);
    let mut wins = vec![0.0; k];
    let mut tops = vec![0.0; k];
    // How often model k had rank r + 1.
    let mut ranks = vec![0_u32; k * k];
    let mut drawn = vec![0.0; n_groups];
    let mut order: Vec<usize> = (0..k).collect();
    for _ in 0..options.draws {
        drawn.fill(0.0);
        for _ in 0..n_groups {
            drawn[random.below(n_groups)] += 1.0;
        }
        let values: Vec<f64> = models
            .iter()
            .zip(&deviations)
            .map(|(model, deviations)| {
                model.value + deviations.iter().zip(&drawn).map(|(d, times)| d * times).sum::<f64>()
            })
            .collect();
        order.sort_by(|&a, &b| values[b].total_cmp(&values[a]));
        let mut rank = 0;
        for tied in order.chunk_by(|&a, &b| values[a] == values[b]) {
            let places = options.top_k.saturating_sub(rank).min(tied.len()) as f64;
            for &model in tied {
                tops[model] += places / tied.len() as f64;
                ranks[model * k + rank] += 1;
                if rank == 0 {
                    wins[model] += 1.0 / tied.len() as f64;
                }
            }
            rank += tied.len();
        }
    }
    let draws = options.draws as f64;
    let tail = 0.5 * (1.0 - options.level);
    let quantile = |ranks: &[u32], part: f64| {
        let mut seen = 0.0;
        ranks
            .iter()
            .position(|&count| {
                seen += f64::from(count);
                seen > part * draws
            })
            .unwrap_or(k - 1)
            + 1
    };
    Ok(wins
        .iter()
        .zip(&tops)
        .zip(ranks.chunks_exact(k))
        .map(|((wins, tops), ranks)| RankUncertainty {
            p_best: wins / draws,
            p_top_k: tops / draws,
            rank_interval: (quantile(ranks, tail), quantile(ranks, 1.0 - tail)),
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(value: f64, deviations: &[f64]) -> Jackknife {
        Jackknife::new(value, deviations.iter().map(|d| value + d).collect()).unwrap()
    }

    const NOISE: [f64; 10] = [0.3, -0.1, 0.2, -0.4, 0.1, 0.0, -0.2, 0.25, -0.15, 0.05];

    #[test]
    fn shared_errors_do_not_blur_a_ranking() {
        let models = [model(1.0, &NOISE), model(1.01, &NOISE), model(0.99, &NOISE)];
        let ranked = resample(&models, &ResamplingOptions::default()).unwrap();
        assert_eq!(ranked[1].p_best, 1.0);
        assert_eq!(ranked.map_intervals(), [(2, 2), (1, 1), (3, 3)]);
    }

    trait Intervals {
        fn map_intervals(&self) -> Vec<(usize, usize)>;
    }

    impl Intervals for Vec<RankUncertainty> {
        fn map_intervals(&self) -> Vec<(usize, usize)> {
            self.iter().map(|model| model.rank_interval).collect()
        }
    }

    #[test]
    fn equal_models_share_the_draws() {
        let models = [model(1.0, &NOISE), model(1.0, &NOISE)];
        assert_eq!(p_best(&models, &ResamplingOptions::default()).unwrap(), [0.5, 0.5]);
    }

    #[test]
    fn a_difference_of_one_standard_error_is_best_in_five_draws_of_six() {
        // P(N(0, 1) < 1) = 0.841: the second model has no error of its own.
        let first = model(1.0, &NOISE);
        let second = model(1.0 - first.standard_error, &[0.0; 10]);
        let p = p_best(&[first, second], &ResamplingOptions::default()).unwrap();
        assert!((p[0] - 0.841).abs() < 0.03, "{p:?}");
        assert!((p[0] + p[1] - 1.0).abs() < 1e-12);
    }

    #[test]
    fn the_first_places_are_shared_out_once() {
        let reversed: Vec<f64> = NOISE.iter().rev().copied().collect();
        let models = [
            model(1.0, &NOISE),
            model(1.05, &reversed),
            model(0.9, &NOISE),
            model(-9.0, &NOISE),
        ];
        for top_k in 1..=5 {
            let options = ResamplingOptions {
                top_k,
                ..ResamplingOptions::default()
            };
            let ranked = resample(&models, &options).unwrap();
            let total: f64 = ranked.iter().map(|model| model.p_top_k).sum();
            assert!((total - top_k.min(4) as f64).abs() < 1e-9, "{top_k}: {total}");
            if top_k == 1 {
                assert!(ranked.iter().all(|model| (model.p_top_k - model.p_best).abs() < 1e-12));
            }
            if (1..4).contains(&top_k) {
                assert_eq!(ranked[3].p_top_k, 0.0);
            }
        }
    }

    #[test]
    fn wide_errors_give_wide_intervals() {
        let reversed: Vec<f64> = NOISE.iter().rev().copied().collect();
        let ranked = resample(
            &[model(1.0, &NOISE), model(1.01, &reversed)],
            &ResamplingOptions::default(),
        )
        .unwrap();
        assert_eq!(ranked.map_intervals(), [(1, 2), (1, 2)]);
    }

    #[test]
    fn bad_arguments_are_refused_and_no_models_give_nothing() {
        let good = model(1.0, &NOISE);
        let options = ResamplingOptions::default();
        assert!(resample(&[good.clone(), model(1.0, &[0.1; 5])], &options).is_err());
        assert!(resample(&[model(f64::NAN, &NOISE)], &options).is_err());
        assert!(
            resample(
                std::slice::from_ref(&good),
                &ResamplingOptions {
                    draws: 0,
                    ..options.clone()
                }
            )
            .is_err()
        );
        assert!(
            resample(
                &[good],
                &ResamplingOptions {
                    level: 1.0,
                    ..options.clone()
                }
            )
            .is_err()
        );
        assert_eq!(resample(&[], &options).unwrap(), []);
    }
}
