//! What a score is worth beside nothing: its value without features, and its values for permuted targets.
//!
//! ```text
//! without features    one feature that is 1 for every sample, and a single source class: class shares alone are known
//! permuted targets    the same features with the targets in random order: what a model of this size finds where there is nothing to find
//! ```
//!
//! A score rewards features that explain the targets, and more features explain more by chance. The second baseline has the n and d of the
//! model, the first has neither. A ranking whose models do not beat it orders noise.
//!
//! Permuted targets leave the second moments of the features as they are ([`Statistics::with_targets`](crate::Statistics)): LogME of
//! [`PERMUTATIONS`] permutations costs their class sums, `O(n·d)` each, and the maxima of their columns. Scores that look at the rows would
//! cost as much again for every permutation; those that predict have a chance level instead ([`ScoreOutcome::chance`]).

use ranktune_core::random::Random;

use crate::error::{Error, ErrorKind, Result};
use crate::evidence::Compat;
use crate::features::FeatureView;
use crate::probabilities::Probabilities;
use crate::scores::{Needs, Replicates, Score, ScoreData, ScoreInputs, ScoreOptions, ScoreOutcome};
use crate::statistics::{Statistics, TargetSums};
use crate::targets::Targets;

/// Permutations of the targets.
pub const PERMUTATIONS: usize = 5;

/// How many standard deviations a score must be above the mean of the permuted ones. With [`PERMUTATIONS`] of them, one score in four
/// hundred of features without any information is (Student's t, four degrees of freedom).
const DEVIATIONS: f64 = 6.0;

/// Seed of the permutations, joined with that of the caller.
const SEED: u64 = 0x7065_726d;

/// The score that `score` gives class shares alone.
///
/// # Errors
/// As [`Score::compute`]: targets that a constant reproduces have no LogME, for instance.
///
/// # Examples
/// ```
/// use ranktune_scores::scores::find;
/// use ranktune_scores::{ScoreOptions, Targets, baseline};
/// let targets = Targets::classes(&[0, 0, 0, 1, 1, 1], 2)?;
/// let leep = baseline::without_features(&targets, find("leep")?, &ScoreOptions::default())?;
/// assert!((leep.value - 0.5_f64.ln()).abs() < 1e-12);
/// # Ok::<(), ranktune_scores::Error>(())
/// ```
pub fn without_features(targets: &Targets<'_>, score: &Score, options: &ScoreOptions) -> Result<ScoreOutcome> {
    let ones = vec![1.0; targets.n_samples()];
    let inputs = ScoreInputs {
        features: FeatureView::new(&ones, ones.len(), 1)?,
        targets: *targets,
        probabilities: Some(Probabilities::new(&ones, 1)?),
    };
    score.compute(&ScoreData::new(&inputs)?, options)
}

/// The values of a score for permuted targets.
#[derive(Clone, Debug, PartialEq)]
pub struct PermutedScores {
    values: Vec<f64>,
}

impl PermutedScores {
    /// One value for every permutation, of which there is at least one.
    fn new(values: Vec<f64>) -> Self {
        Self { values }
    }

    /// The values, one for every permutation.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// Their mean.
    pub fn mean(&self) -> f64 {
        self.values.iter().sum::<f64>() / self.values.len() as f64
    }

    /// Their standard deviation, over one less than their number.
    pub fn standard_deviation(&self) -> f64 {
        let mean = self.mean();
        let squares: f64 = self.values.iter().map(|value| (value - mean).powi(2)).sum();
        (squares / (self.values.len() as f64 - 1.0).max(1.0)).sqrt()
    }

    /// Whether `value`, of the targets as they are, is clearly above them.
    pub fn is_beaten_by(&self, value: f64) -> bool {
        let rounding = 1e-9 * self.mean().abs().max(1.0);
        value > self.mean() + DEVIATIONS * self.standard_deviation() + rounding
    }
}

/// Whether a score of permuted targets costs little beside that of the targets as they are.
pub fn is_cheap(score: &Score) -> bool {
    score.is_of_statistics() || score.needs == Needs::Probabilities
}

/// The order of `n` samples whose targets permutation `permutation` takes.
pub fn order(n: usize, seed: u64, permutation: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    Random::of_stream(seed ^ SEED, permutation as u64).shuffle(&mut order);
    order
}

/// The values of `score` for permuted targets of the samples of `data`.
///
/// # Errors
/// [`ErrorKind::MissingInput`] where the score is not [cheap](is_cheap), or where its data hold neither rows nor probabilities
/// ([`PermutedSums`] are for those); otherwise as [`Score::compute`].
pub fn permuted(data: &ScoreData<'_>, score: &Score, options: &ScoreOptions, seed: u64) -> Result<PermutedScores> {
    if score.needs == Needs::Probabilities {
        return of_probabilities(data, score, options, seed);
    }
    if !is_cheap(score) {
        return Err(Error::new(
            ErrorKind::MissingInput,
            format!("{} of permuted targets would take as long as {0} itself", score.name),
        ));
    }
    let statistics = data.statistics()?;
    let rows = match data.inputs() {
        Some(inputs) => Some((inputs.features, inputs.targets)),
        None => statistics.held()?,
    };
    let Some((features, targets)) = rows else {
        return Err(Error::new(
            ErrorKind::MissingInput,
            format!("{} of permuted targets needs the rows of features", score.name),
        ));
    };
    let values = (0..PERMUTATIONS).map(|permutation| {
        let shuffled = Shuffled::of(&targets, &order(targets.n_samples(), seed, permutation));
        let shuffled = shuffled.view(&targets)?;
        let others = statistics.with_targets(&features, &shuffled)?;
        value(data, score, options, &others, Some((&features, &shuffled)))
    });
    Ok(PermutedScores::new(values.collect::<Result<_>>()?))
}

/// The score of `others`, which differ from the statistics of `data` in their targets.
fn value(
    data: &ScoreData<'_>,
    score: &Score,
    options: &ScoreOptions,
    others: &Statistics,
    rows: Option<(&FeatureView<'_>, &Targets<'_>)>,
) -> Result<f64> {
    if score.replicates == Replicates::EvidenceAtOptimum && options.compat == Compat::Exact {
        return Ok(data.solution(options.compat)?.refit(others, rows)?.evidence().value);
    }
    Ok(score.compute(&ScoreData::from_statistics(others), options)?.value)
}

fn of_probabilities(data: &ScoreData<'_>, score: &Score, options: &ScoreOptions, seed: u64) -> Result<PermutedScores> {
    let (Some(targets), Some(probabilities)) = data.samples() else {
        return Err(Error::new(
            ErrorKind::MissingInput,
            format!(
                "{} of permuted targets needs the probabilities of every sample",
                score.name
            ),
        ));
    };
    // These scores do not use features.
    let no_features = vec![0.0; targets.n_samples()];
    let values = (0..PERMUTATIONS).map(|permutation| {
        let shuffled = Shuffled::of(&targets, &order(targets.n_samples(), seed, permutation));
        let inputs = ScoreInputs {
            features: FeatureView::new(&no_features, no_features.len(), 1)?,
            targets: shuffled.view(&targets)?,
            probabilities: Some(probabilities),
        };
        Ok(score.compute(&ScoreData::new(&inputs)?, options)?.value)
    });
    Ok(PermutedScores::new(values.collect::<Result<_>>()?))
}

/// Targets in another order.
struct Shuffled {
    labels: Vec<u32>,
    values: Vec<f64>,
}

impl Shuffled {
    fn of(targets: &Targets<'_>, order: &[usize]) -> Self {
        let c = targets.n_columns();
        let labels = targets.labels().unwrap_or_default();
        Self {
            labels: order.iter().filter_map(|&row| labels.get(row).copied()).collect(),
            values: targets.values().map_or_else(Vec::new, |values| {
                order
                    .iter()
                    .flat_map(|&row| &values[row * c..(row + 1) * c])
                    .copied()
                    .collect()
            }),
        }
    }

    fn view(&self, like: &Targets<'_>) -> Result<Targets<'_>> {
        if like.labels().is_some() {
            Targets::classes(&self.labels, like.n_columns())
        } else {
            Targets::columns(&self.values, like.n_columns())
        }
    }
}

/// Sums of features over permuted targets, for rows that are added up as they arrive and not kept.
///
/// They take `PERMUTATIONS · 8 c d` bytes.
#[derive(Clone, Debug, Default)]
pub struct PermutedSums {
    sums: Vec<TargetSums>,
}

impl PermutedSums {
    /// Adds rows; `targets(p)` are their targets in permutation `p`, `[m]` or `[m, c]`.
    ///
    /// # Errors
    /// As [`Statistics::update`].
    pub fn update<'t>(
        &mut self,
        features: &FeatureView<'_>,
        targets: impl Fn(usize) -> Result<Targets<'t>>,
    ) -> Result<()> {
        for permutation in 0..PERMUTATIONS {
            let targets = targets(permutation)?;
            if self.sums.len() == permutation {
                self.sums.push(TargetSums::like(features.n_features(), &targets)?);
            }
            self.sums[permutation].update(features, &targets)?;
        }
        Ok(())
    }

    /// The values of `score` for the permuted targets; `data` hold the statistics of the same rows.
    ///
    /// # Errors
    /// As [`permuted`].
    pub fn scores(
        &self,
        data: &ScoreData<'_>,
        score: &Score,
        options: &ScoreOptions,
        seed: u64,
    ) -> Result<PermutedScores> {
        let statistics = data.statistics()?;
        if !score.is_of_statistics() || statistics.is_dual() || self.sums.is_empty() {
            return permuted(data, score, options, seed);
        }
        let values = self.sums.iter().map(|sums| {
            let others = statistics
                .with_sums(sums)?
                .ok_or_else(|| Error::new(ErrorKind::MissingInput, "sums of permuted targets need second moments"))?;
            value(data, score, options, &others, None)
        });
        Ok(PermutedScores::new(values.collect::<Result<_>>()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_beats_permuted_ones_that_it_is_far_above() {
        let permuted = PermutedScores::new(vec![-0.21, -0.20, -0.22, -0.21, -0.20]);
        assert!((permuted.mean() + 0.208).abs() < 1e-12);
        assert!((permuted.standard_deviation() - 0.008_366_6).abs() < 1e-6);
        assert!(permuted.is_beaten_by(-0.1) && !permuted.is_beaten_by(-0.17));
        // No permutation finds anything: the same value is no better.
        let nothing = PermutedScores::new(vec![-0.5; 5]);
        assert!(!nothing.is_beaten_by(-0.5) && nothing.is_beaten_by(-0.4));
    }
}
