//! A Bayesian linear read-out of a frozen model's features: its posterior mean predicts the targets.
//!
//! ```text
//! m [d, c]        posterior mean at the α and β of maximum evidence, column by column; no intercept, as in LogME
//! m φ(x) + μ      the posterior predictive mean; μ [c] is 0 for classes and labels, the mean of the targets for numbers
//! ```

use ranktune_data::DatasetTargets;
use ranktune_scores::evidence::Fit;
use ranktune_scores::{Compat, FeatureView, Statistics, evidence};

use crate::scoring::Columns;

/// A fitted read-out.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ReadOut {
    /// m `[d, c]`, row-major; zero for a class without samples.
    pub(crate) weights: Vec<f32>,
    /// μ `[c]`.
    pub(crate) mean: Vec<f32>,
    /// LogME: the mean of the columns' evidence, of centred targets for numbers.
    pub(crate) evidence: f64,
}

impl ReadOut {
    /// Fits `rows` `[n, d]` to the targets of `n` samples.
    ///
    /// # Errors
    /// Whatever the evidence cannot be fitted to.
    pub(crate) fn fit(
        rows: &[f32],
        n_features: usize,
        targets: &DatasetTargets,
    ) -> Result<Self, ranktune_scores::Error> {
        let (targets, mean) = centred(targets);
        let columns = Columns::all(&targets);
        let view = columns.view()?;
        let features = FeatureView::new(rows, targets.n_samples(), n_features)?;
        let statistics = Statistics::of(&features, &view)?;
        let fit = evidence::fit_rows(&statistics, &features, &view, Compat::Exact)?;
        Ok(Self::of(&fit, n_features, mean))
    }

    /// The fitted read-out, with the targets' mean `[c]`.
    pub(crate) fn of(fit: &Fit, n_features: usize, mean: Vec<f32>) -> Self {
        let c = mean.len();
        let mut weights = vec![0.0; n_features * c];
        let by_column = fit.weights();
        for (column, m) in fit.evidence().columns.iter().zip(by_column.chunks_exact(n_features)) {
            for (row, weight) in m.iter().enumerate() {
                #[expect(clippy::cast_possible_truncation, reason = "training is in f32")]
                let weight = *weight as f32;
                weights[row * c + column.column] = weight;
            }
        }
        Self {
            weights,
            mean,
            evidence: fit.evidence().value,
        }
    }

    /// Adds `share · (m φ + μ)` for every row of `features` `[rows, d]` to `into` `[rows, c]`.
    pub(crate) fn add_predictions(&self, features: &[f32], share: f64, into: &mut [f32]) {
        let c = self.mean.len();
        let d = self.weights.len() / c;
        let mut sums = vec![0.0_f64; c];
        for (row, into) in features.chunks_exact(d).zip(into.chunks_exact_mut(c)) {
            for (sum, mean) in sums.iter_mut().zip(&self.mean) {
                *sum = f64::from(*mean);
            }
            for (&feature, weights) in row.iter().zip(self.weights.chunks_exact(c)) {
                if feature != 0.0 {
                    for (sum, weight) in sums.iter_mut().zip(weights) {
                        *sum += f64::from(feature) * f64::from(*weight);
                    }
                }
            }
            for (into, sum) in into.iter_mut().zip(&sums) {
                #[expect(clippy::cast_possible_truncation, reason = "training is in f32")]
                let part = (share * sum) as f32;
                *into += part;
            }
        }
    }
}

/// Centred numbers and their mean; classes and labels as they are, with a mean of 0.
fn centred(targets: &DatasetTargets) -> (DatasetTargets, Vec<f32>) {
    let DatasetTargets::Regression { names, values } = targets else {
        return (targets.clone(), vec![0.0; targets.names().len()]);
    };
    let c = names.len();
    let n = (values.len() / c.max(1)).max(1) as f64;
    let means: Vec<f64> = (0..c)
        .map(|j| values.iter().skip(j).step_by(c).sum::<f64>() / n)
        .collect();
    let values = values
        .iter()
        .zip(means.iter().cycle())
        .map(|(y, mean)| y - mean)
        .collect();
    let names = names.clone();
    #[expect(clippy::cast_possible_truncation, reason = "training is in f32")]
    let mean = means.iter().map(|mean| *mean as f32).collect();
    (DatasetTargets::Regression { names, values }, mean)
}

/// `softmax(LogME / τ)`.
pub(crate) fn shares(evidence: &[f64], temperature: f64) -> Vec<f64> {
    let largest = evidence.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = evidence
        .iter()
        .map(|value| ((value - largest) / temperature).exp())
        .collect();
    let sum: f64 = powers.iter().sum();
    powers.iter().map(|power| power / sum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(count: usize) -> Vec<f64> {
        let mut state = 9_u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 40) as f64 / f64::from(1 << 23) - 1.0
        };
        (0..count).map(|_| next()).collect()
    }

    #[test]
    fn the_mean_of_numbers_comes_back_in_the_predictions() {
        let (n, d) = (60, 3);
        let mut features: Vec<f32> = noise(n * d).iter().map(|value| *value as f32).collect();
        // The read-out has no intercept: features of mean zero leave only the mean of the numbers to be found again.
        for column in 0..d {
            let mean = (0..n).map(|row| features[row * d + column]).sum::<f32>() / n as f32;
            (0..n).for_each(|row| features[row * d + column] -= mean);
        }
        let noise = noise(n);
        let truth = |row: &[f32]| f64::from(2.0 * row[0] - row[2]) + 1000.0;
        let values: Vec<f64> = features
            .chunks_exact(d)
            .zip(&noise)
            .map(|(row, e)| truth(row) + 0.01 * e)
            .collect();
        let names = vec!["y".to_owned()];
        let fitted = ReadOut::fit(&features, d, &DatasetTargets::Regression { names, values }).unwrap();
        let mut predicted = vec![0.0; n];
        fitted.add_predictions(&features, 1.0, &mut predicted);
        for (row, predicted) in features.chunks_exact(d).zip(&predicted) {
            assert!(
                (f64::from(*predicted) - truth(row)).abs() < 0.15,
                "{predicted} {}",
                truth(row)
            );
        }
    }

    #[test]
    fn weights_of_classes_stand_in_their_own_column() {
        // Class 1 of three does not occur.
        let features = [1.0, 0.1, 0.9, -0.1, -1.0, 0.1, -1.1, -0.2];
        let targets = DatasetTargets::Classes {
            names: ["a", "b", "c"].map(str::to_owned).to_vec(),
            labels: vec![0, 0, 2, 2],
        };
        let fitted = ReadOut::fit(&features, 2, &targets).unwrap();
        assert!(
            fitted.weights[0] > 0.2 && fitted.weights[1] == 0.0 && fitted.weights[2] < -0.2,
            "{:?}",
            fitted.weights
        );
    }

    #[test]
    fn shares_are_a_softmax_that_sharpens_as_the_temperature_falls() {
        let evidence = [-0.01, -0.11, 5.0];
        let warm = shares(&evidence[..2], 0.1);
        assert!((warm[0] / warm[1] - 1.0_f64.exp()).abs() < 1e-12);
        assert!((warm.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        assert!(shares(&evidence, 0.001)[2] > 0.999_999);
    }
}
