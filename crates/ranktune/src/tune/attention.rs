//! The importance of each feature of the target before tuning: DELTA's attention (Li et al., ICLR 2019, section 3.3).
//!
//! ```text
//! z_i = κ mᵀ f_i          the calibrated read-out of the features f_i [d] of sample i; numbers: mᵀ f_i, κ = 1
//! L   = mean_i loss(z_i, y_i);   L₋ⱼ the same with feature j set to 0
//! w   = softmax(L₋ⱼ − L)  [d], which adds up to 1
//! ```
//!
//! The paper disables one filter after the other in a network whose new classifier was trained on frozen features. For the last map,
//! whose mean over its positions is the feature, the read-out gives the same without running the network: `O(n d c)`.

use ranktune_data::DatasetTargets;

use super::calibration;
use super::read_out::ReadOut;
use super::teacher_inputs::PlainFeatures;
use crate::evaluate::ones;

/// The attention of the features.
///
/// # Errors
/// Whatever a read-out cannot be fitted to.
pub(crate) fn attention(plain: &PlainFeatures<'_>) -> Result<Vec<f32>, ranktune_scores::Error> {
    let fitted = ReadOut::fit(&plain.rows, plain.n_features, &plain.targets)?;
    let weight = calibration::weight(&plain.rows, plain.n_features, &plain.targets)?.unwrap_or(1.0);
    Ok(of_read_out(plain, &fitted, weight))
}

/// The attention by a read-out of weight κ.
fn of_read_out(plain: &PlainFeatures<'_>, fitted: &ReadOut, weight: f64) -> Vec<f32> {
    let d = plain.n_features;
    let c = fitted.mean.len();
    let loss = Loss::of(&plain.targets);
    let mut change = vec![0.0_f64; d];
    let mut logits = vec![0.0_f64; c];
    let mut without = vec![0.0_f64; c];
    let mut predicted = vec![0.0_f32; c];
    for (row, features) in plain.rows.chunks_exact(d).enumerate() {
        predicted.fill(0.0);
        fitted.add_predictions(features, 1.0, &mut predicted);
        for (logit, value) in logits.iter_mut().zip(&predicted) {
            *logit = weight * f64::from(*value);
        }
        let full = loss.value(row, &logits);
        for (j, &feature) in features.iter().enumerate().filter(|(_, feature)| **feature != 0.0) {
            let weights = &fitted.weights[j * c..(j + 1) * c];
            for ((without, logit), m) in without.iter_mut().zip(&logits).zip(weights) {
                *without = logit - weight * f64::from(*m) * f64::from(feature);
            }
            change[j] += loss.value(row, &without) - full;
        }
    }
    let n = (plain.rows.len() / d).max(1) as f64;
    let change: Vec<f64> = change.iter().map(|sum| sum / n).collect();
    let largest = change.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = change.iter().map(|value| (value - largest).exp()).collect();
    let sum: f64 = powers.iter().sum();
    #[expect(clippy::cast_possible_truncation, reason = "training is in f32")]
    let shares = powers.iter().map(|power| (power / sum) as f32).collect();
    shares
}

/// The loss of one sample.
enum Loss<'a> {
    /// Cross-entropy.
    Classes(&'a [u32]),
    /// Squared error, also for labels, whose read-out predicts 0 or 1.
    Numbers(Vec<f64>),
}

impl<'a> Loss<'a> {
    fn of(targets: &'a DatasetTargets) -> Self {
        match targets {
            DatasetTargets::Classes { labels, .. } => Self::Classes(labels),
            DatasetTargets::MultiLabel { names, rows } => {
                Self::Numbers(ones(rows, names.len()).into_iter().map(f64::from).collect())
            }
            DatasetTargets::Regression { values, .. } => Self::Numbers(values.clone()),
            // Words have no pooled features, which the caller refuses.
            DatasetTargets::Tags { .. } => Self::Numbers(Vec::new()),
        }
    }

    fn value(&self, row: usize, outputs: &[f64]) -> f64 {
        match self {
            Self::Classes(labels) => {
                let largest = outputs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let sum: f64 = outputs.iter().map(|output| (output - largest).exp()).sum();
                largest + sum.ln() - outputs[labels[row] as usize]
            }
            Self::Numbers(values) => {
                let c = outputs.len();
                let own = &values[row * c..(row + 1) * c];
                own.iter().zip(outputs).map(|(y, z)| (y - z).powi(2)).sum::<f64>() / c as f64
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;

    /// Feature 0 tells the classes apart, feature 1 does not: the losses by hand, with feature j set to 0.
    #[test]
    fn the_attention_is_the_softmax_of_the_losses_increase_by_hand() {
        let rows = vec![1.0, 0.5, -1.0, 0.5];
        let targets = DatasetTargets::Classes {
            names: ["a", "b"].map(str::to_owned).to_vec(),
            labels: vec![0, 1],
        };
        let plain = PlainFeatures {
            rows,
            n_features: 2,
            targets: Cow::Owned(targets),
        };
        // m [d, c]
        let fitted = ReadOut {
            weights: vec![0.5, -0.5, 0.2, 0.2],
            mean: vec![0.0, 0.0],
            evidence: 0.0,
        };
        let loss = |margin: f64| (1.0 + (-margin).exp()).ln();
        // κ = 2: z = (1.2, −0.8) for the first sample, margin 2; without feature 0 the margin is 0, without feature 1 still 2.
        let increase = loss(0.0) - loss(2.0);
        let expected = 1.0 / (1.0 + (-increase).exp());
        let found = of_read_out(&plain, &fitted, 2.0);
        assert!(
            (f64::from(found[0]) - expected).abs() < 1e-6,
            "{found:?}, expected {expected}"
        );
        assert!((found[0] + found[1] - 1.0).abs() < 1e-6);
    }
}
