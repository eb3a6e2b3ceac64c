//! Whether what was said beforehand came true: coverage of intervals, and the Brier score of P(best).
//!
//! ```text
//! coverage of a level            share of models whose accuracy is inside its central interval
//! … of differences               the same of y_m − ȳ, from the mean over the data set's models: its level, which they share, does not matter
//! Brier score of a data set      Σ_m (P(best = m) − o_m)²,  o_m = 1/T for the T models of the highest accuracy, else 0;  0 is perfect
//! ```
//!
//! Sources: Brier, "Verification of forecasts expressed in terms of probability", Monthly Weather Review 1950.

use super::normal;
use super::outlook::Outlook;
use super::posterior::Posterior;
use crate::error::{Error, ErrorKind, Result};

/// Predictions against what was measured, over any number of data sets.
#[derive(Clone, Debug, PartialEq)]
pub struct Calibration {
    levels: Vec<f64>,
    /// Models inside their interval, by level.
    covered: Vec<usize>,
    covered_differences: Vec<usize>,
    n_models: usize,
    n_data_sets: usize,
    /// Sum of the Brier scores of the data sets.
    brier: f64,
    /// Sum of the Brier scores of saying 1/K of each of K models.
    uniform_brier: f64,
    bins: Vec<ProbabilityBin>,
}

/// Predictions of P(best) in one range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ProbabilityBin {
    /// P(best) is below this, and not below the bound of the bin before.
    pub below: f64,
    /// Number of predictions.
    pub predictions: usize,
    /// Sum of P(best).
    pub probability: f64,
    /// How many of the models were the best; models that share the first place count a part each.
    pub best: f64,
}

impl Calibration {
    /// No predictions yet; coverage is of intervals of these `levels`, and P(best) is sorted into bins with these upper `bounds`, which
    /// ascend. The last bin has no upper end.
    pub fn new(levels: &[f64], bounds: &[f64]) -> Self {
        let bin = |&below: &f64| ProbabilityBin {
            below,
            predictions: 0,
            probability: 0.0,
            best: 0.0,
        };
        Self {
            levels: levels.to_vec(),
            covered: vec![0; levels.len()],
            covered_differences: vec![0; levels.len()],
            n_models: 0,
            n_data_sets: 0,
            brier: 0.0,
            uniform_brier: 0.0,
            bins: bounds.iter().map(bin).collect(),
        }
    }

    /// Adds a data set: what was believed of its models, and their measured `accuracies` `[K]`.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] unless there is an accuracy of every model; [`ErrorKind::NonFinite`] for one that is not finite;
    /// [`ErrorKind::OutOfRange`] for a level outside of 0 to 1.
    pub fn add(&mut self, posterior: &Posterior, outlook: &Outlook, accuracies: &[f64]) -> Result<()> {
        let means = posterior.mean();
        let k = means.len();
        if accuracies.len() != k || outlook.models.len() != k {
            let message = format!(
                "expected an accuracy and an outlook of each of {k} models, found {} and {}",
                accuracies.len(),
                outlook.models.len()
            );
            return Err(Error::new(ErrorKind::Shape, message));
        }
        if let Some(place) = accuracies.iter().position(|accuracy| !accuracy.is_finite()) {
            let message = format!("accuracies must be finite, got {} of model {place}", accuracies[place]);
            return Err(Error::new(ErrorKind::NonFinite, message));
        }
        for (at, &level) in self.levels.iter().enumerate() {
            for (model, &accuracy) in accuracies.iter().enumerate() {
                let (low, high) = posterior.interval(model, level)?;
                self.covered[at] += usize::from(low <= accuracy && accuracy <= high);
            }
        }
        self.add_differences(&means, &posterior.covariance(), accuracies);
        let best = accuracies.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let ties = accuracies.iter().filter(|accuracy| **accuracy == best).count() as f64;
        for (outlook, &accuracy) in outlook.models.iter().zip(accuracies) {
            let outcome = if accuracy == best { 1.0 / ties } else { 0.0 };
            self.brier += (outlook.p_best - outcome).powi(2);
            self.uniform_brier += (1.0 / k as f64 - outcome).powi(2);
            let last = self.bins.len().saturating_sub(1);
            let place = self.bins.iter().position(|bin| outlook.p_best < bin.below);
            if let Some(bin) = self.bins.get_mut(place.unwrap_or(last)) {
                bin.predictions += 1;
                bin.probability += outlook.p_best;
                bin.best += outcome;
            }
        }
        self.n_models += k;
        self.n_data_sets += 1;
        Ok(())
    }

    fn add_differences(&mut self, means: &[f64], covariance: &[Vec<f64>], accuracies: &[f64]) {
        let k = means.len() as f64;
        let mean = |values: &[f64]| values.iter().sum::<f64>() / k;
        let rows: Vec<f64> = covariance.iter().map(|row| mean(row)).collect();
        for (model, &accuracy) in accuracies.iter().enumerate() {
            let difference = (accuracy - mean(accuracies)) - (means[model] - mean(means));
            let variance = covariance[model][model] - 2.0 * rows[model] + mean(&rows);
            // The variance of a single model's difference from itself is 0, up to rounding.
            let sd = variance.max(0.0).sqrt().max(1e-12);
            let reached = 2.0 * normal::cumulative(difference.abs() / sd) - 1.0;
            for (covered, &level) in self.covered_differences.iter_mut().zip(&self.levels) {
                *covered += usize::from(reached <= level);
            }
        }
    }

    /// Number of data sets.
    pub fn n_data_sets(&self) -> usize {
        self.n_data_sets
    }

    /// Number of models, each counted on every data set.
    pub fn n_models(&self) -> usize {
        self.n_models
    }

    /// Share of accuracies inside their intervals by level; `None` without models.
    pub fn coverage(&self) -> Option<Vec<f64>> {
        self.shares(&self.covered)
    }

    /// Share of differences from the data set's mean inside their intervals by level; `None` without models.
    pub fn coverage_of_differences(&self) -> Option<Vec<f64>> {
        self.shares(&self.covered_differences)
    }

    fn shares(&self, covered: &[usize]) -> Option<Vec<f64>> {
        let share = |&count: &usize| count as f64 / self.n_models as f64;
        (self.n_models > 0).then(|| covered.iter().map(share).collect())
    }

    /// Mean Brier score of P(best) over data sets, 0 (perfect) to 2; `None` without data sets.
    pub fn brier(&self) -> Option<f64> {
        (self.n_data_sets > 0).then(|| self.brier / self.n_data_sets as f64)
    }

    /// Mean Brier score of calling every model the best with the same probability, which a useful P(best) is below.
    pub fn uniform_brier(&self) -> Option<f64> {
        (self.n_data_sets > 0).then(|| self.uniform_brier / self.n_data_sets as f64)
    }

    /// P(best) by bins.
    pub fn bins(&self) -> &[ProbabilityBin] {
        &self.bins
    }
}

#[cfg(test)]
mod tests {
    use faer::Mat;

    use super::*;
    use crate::decision::OutlookOptions;
    use crate::decision::posterior::Node;

    /// Independent normals with these means and one standard deviation.
    fn posterior(means: &[f64], sd: f64) -> Posterior {
        let k = means.len();
        let node = Node {
            scale: 1.0,
            weight: 1.0,
            // No rungs, and no noise of validation samples.
            mean: means.iter().copied().chain(vec![0.0; k]).collect(),
            covariance: Mat::from_fn(2 * k, 2 * k, |i, j| if i == j && i < k { sd * sd } else { 0.0 }),
        };
        Posterior::new(vec![(node, 0.0)], k, Vec::new(), Vec::new())
    }

    fn outlook(posterior: &Posterior) -> Outlook {
        posterior.outlook(&OutlookOptions::default()).unwrap()
    }

    #[test]
    fn accuracies_are_counted_inside_intervals_of_normal_quantiles() {
        // In standard deviations from the mean: 0.5, 1, 1.5, 2; z of 50, 80 and 90 % are 0.674, 1.282 and 1.645.
        let belief = posterior(&[0.5, 0.5, 0.5, 0.5], 0.1);
        let mut calibration = Calibration::new(&[0.5, 0.8, 0.9], &[1.0]);
        calibration
            .add(&belief, &outlook(&belief), &[0.55, 0.6, 0.65, 0.7])
            .unwrap();
        assert_eq!(calibration.coverage(), Some(vec![0.25, 0.5, 0.75]));
        // From their mean, 0.625: −0.075, −0.025, 0.025 and 0.075, of standard deviation 0.1 √(3/4) = 0.0866: 0.866 and 0.289 deviations.
        assert_eq!(calibration.coverage_of_differences(), Some(vec![0.5, 1.0, 1.0]));
        assert_eq!((calibration.n_models(), calibration.n_data_sets()), (4, 1));
    }

    #[test]
    fn the_brier_score_is_the_square_distance_from_what_happened() {
        let belief = posterior(&[0.9, 0.1], 1e-4);
        let mut expectation = outlook(&belief);
        expectation.models[0].p_best = 0.8;
        expectation.models[1].p_best = 0.2;
        let of = |accuracies: &[f64]| {
            let mut calibration = Calibration::new(&[0.9], &[0.5, 1.0]);
            calibration.add(&belief, &expectation, accuracies).unwrap();
            calibration
        };
        for (accuracies, expected) in [([0.9, 0.1], 0.08), ([0.1, 0.9], 1.28), ([0.5, 0.5], 0.18)] {
            let calibration = of(&accuracies);
            assert!(
                (calibration.brier().unwrap() - expected).abs() < 1e-12,
                "{accuracies:?}"
            );
        }
        assert!((of(&[0.9, 0.1]).uniform_brier().unwrap() - 0.5).abs() < 1e-12);
        let bins = of(&[0.9, 0.1]).bins().to_vec();
        assert_eq!((bins[0].predictions, bins[0].best), (1, 0.0));
        assert_eq!((bins[1].predictions, bins[1].best), (1, 1.0));
        assert!((bins[0].probability - 0.2).abs() < 1e-12 && (bins[1].probability - 0.8).abs() < 1e-12);
    }

    #[test]
    fn a_certain_probability_is_in_the_last_bin() {
        let belief = posterior(&[0.9, 0.1], 1e-6);
        let mut calibration = Calibration::new(&[0.9], &[0.5, 1.0]);
        calibration.add(&belief, &outlook(&belief), &[0.9, 0.1]).unwrap();
        assert_eq!(calibration.bins()[1].predictions, 1);
        assert_eq!(calibration.bins()[1].probability, 1.0);
        assert_eq!(calibration.brier(), Some(0.0));
    }

    #[test]
    fn nothing_added_has_no_figures_and_other_lengths_are_refused() {
        let mut calibration = Calibration::new(&[0.9], &[1.0]);
        assert_eq!((calibration.coverage(), calibration.brier()), (None, None));
        let belief = posterior(&[0.5, 0.5], 0.1);
        let kind = |result: Result<()>| result.unwrap_err().kind();
        assert_eq!(
            kind(calibration.add(&belief, &outlook(&belief), &[0.5])),
            ErrorKind::Shape
        );
        assert_eq!(
            kind(calibration.add(&belief, &outlook(&belief), &[0.5, f64::NAN])),
            ErrorKind::NonFinite
        );
    }
}
