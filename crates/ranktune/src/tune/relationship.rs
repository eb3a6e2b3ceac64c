//! Which source classes the samples of each class look like: Co-Tuning's p(y_s | y_t) (You et al., NeurIPS 2020, section 3.2).
//!
//! ```text
//! g_i  [z]     softmax of the source logits of sample i
//! W    [c, z]  multinomial logistic regression of y_i on g_i, without an intercept: min ½‖W‖² + C Σ_i CE(W g_i, y_i)
//! p(y_t | y_s) = softmax(s W)  over y_t, column by column           s: temperature, by the held-out samples
//! p(y_s | y_t) ∝ p(y_t | y_s) · mean_i g_i                          Bayes' rule with the source classes' marginal
//! ```
//!
//! A stratified fifth of the training samples is held out to choose C (by accuracy, the largest of equal ones) and s (by likelihood),
//! as in the authors' code. Where a class has too few samples for that, p(y_s | y_t) is the mean of g_i over the samples of y_t: the
//! paper's direct estimate.

use ranktune_features::extract::PreparedModel;

use super::teacher_inputs::{TeacherInputs, unusable};
use crate::error::Error;
use crate::scoring::probabilities;

/// Values of C to choose from; the authors' range by decades.
const PENALTIES: [f64; 8] = [1e3, 1e2, 1e1, 1.0, 1e-1, 1e-2, 1e-3, 1e-4];

/// Steps of the regression at each C, which starts from the solution at the one before.
const STEPS: usize = 200;

/// One sample of this many is held out.
const HELD_OUT: usize = 5;

/// Source probabilities below this are left out of the regression: a thousand of them change no logit by a thousandth.
const NEGLIGIBLE: f32 = 1e-6;

/// The source classes and targets of samples.
struct Samples<'a> {
    /// For each sample, the source classes that count and their probabilities.
    rows: Vec<Vec<(usize, f64)>>,
    labels: &'a [u32],
    /// c and z.
    classes: usize,
    source_classes: usize,
}

/// p(y_s | y_t) `[c, z]` of the training samples by the model's own classifier.
///
/// # Errors
/// [`ErrorKind::Extraction`](crate::ErrorKind::Extraction) when the model gives no logits.
pub(crate) fn relationship(
    inputs: &TeacherInputs<'_>,
    model: &PreparedModel,
    labels: &[u32],
    classes: usize,
) -> Result<Vec<f32>, Error> {
    let mut features = inputs.features(model, inputs.all, inputs.all_digests)?;
    let logits = features.logits()?;
    let (logits, z) = logits.ok_or_else(|| unusable(model, "the model has no classifier of its own"))?;
    if z < 2 {
        return Err(unusable(
            model,
            "its own classifier has one output, and Co-Tuning needs classes",
        ));
    }
    let own = inputs.rows.iter().flat_map(|&row| &logits[row * z..(row + 1) * z]);
    let own: Vec<f32> = own.copied().collect();
    let (shares, _) = probabilities(&own, z);
    Ok(of_probabilities(&shares, labels, (classes, z)))
}

/// p(y_s | y_t) `[c, z]` of source probabilities `[n, z]` and the classes of the samples.
fn of_probabilities(shares: &[f32], labels: &[u32], (classes, z): (usize, usize)) -> Vec<f32> {
    let rows: Vec<Vec<(usize, f64)>> = shares
        .chunks_exact(z)
        .map(|row| {
            let counts = row.iter().enumerate().filter(|(_, share)| **share > NEGLIGIBLE);
            counts.map(|(at, share)| (at, f64::from(*share))).collect()
        })
        .collect();
    let mut seen = vec![0; classes];
    let (mut fitted, mut held): (Vec<usize>, Vec<usize>) = (Vec::new(), Vec::new());
    for (row, &label) in labels.iter().enumerate() {
        seen[label as usize] += 1;
        let part = if seen[label as usize] % HELD_OUT == 0 {
            &mut held
        } else {
            &mut fitted
        };
        part.push(row);
    }
    let samples = Samples {
        rows,
        labels,
        classes,
        source_classes: z,
    };
    // Every class needs samples on both sides.
    if seen.iter().any(|&count| count > 0 && count < HELD_OUT) {
        return samples.direct();
    }
    let mut weights = vec![0.0; classes * z];
    let mut best: Option<(usize, Vec<f64>)> = None;
    for penalty in PENALTIES.iter().rev() {
        samples.regress(&fitted, *penalty, &mut weights);
        let right = held
            .iter()
            .filter(|&&row| samples.predicted(&weights, row) == labels[row] as usize);
        let right = right.count();
        if best.as_ref().is_none_or(|(most, _)| right >= *most) {
            best = Some((right, weights.clone()));
        }
    }
    let weights = best.map_or(weights, |(_, weights)| weights);
    let scale = samples.scale(&weights, &held);
    samples.reversed(&weights, scale)
}

impl Samples<'_> {
    /// W g of a sample `[c]`.
    fn logits(&self, weights: &[f64], row: usize) -> Vec<f64> {
        let z = self.source_classes;
        let of = |class: usize| {
            self.rows[row]
                .iter()
                .map(|&(at, share)| weights[class * z + at] * share)
                .sum()
        };
        (0..self.classes).map(of).collect()
    }

    fn predicted(&self, weights: &[f64], row: usize) -> usize {
        let logits = self.logits(weights, row);
        let largest = |best: usize, at: usize| if logits[at] > logits[best] { at } else { best };
        (1..self.classes).fold(0, largest)
    }

    /// Moves `weights` `[c, z]` to the minimum over the samples `among`: Nesterov's accelerated gradients at the step `1/L`,
    /// `L = 1 + C n/2`, which bounds the curvature since ‖g_i‖ ≤ 1.
    fn regress(&self, among: &[usize], penalty: f64, weights: &mut [f64]) {
        let z = self.source_classes;
        let step = 1.0 / (1.0 + 0.5 * penalty * among.len() as f64);
        let mut ahead = weights.to_vec();
        let mut momentum = 1.0_f64;
        for _ in 0..STEPS {
            let mut gradient = ahead.clone();
            for &row in among {
                let shares = softmax(&self.logits(&ahead, row), 1.0);
                for (class, share) in shares.iter().enumerate() {
                    let excess = penalty * (share - f64::from(u8::from(self.labels[row] as usize == class)));
                    for &(at, probability) in &self.rows[row] {
                        gradient[class * z + at] += excess * probability;
                    }
                }
            }
            let next_momentum = 0.5 * (1.0 + (1.0 + 4.0 * momentum * momentum).sqrt());
            let carried = (momentum - 1.0) / next_momentum;
            momentum = next_momentum;
            for ((weight, ahead), gradient) in weights.iter_mut().zip(&mut ahead).zip(&gradient) {
                let next = *ahead - step * gradient;
                *ahead = next + carried * (next - *weight);
                *weight = next;
            }
        }
    }

    /// The s of the largest likelihood of the samples `among`, from 2⁻⁴ to 2⁶, by golden-section search on its logarithm: the
    /// likelihood is concave in s.
    fn scale(&self, weights: &[f64], among: &[usize]) -> f64 {
        let logits: Vec<Vec<f64>> = among.iter().map(|&row| self.logits(weights, row)).collect();
        let loss = |power: f64| -> f64 {
            let each = logits.iter().zip(among).map(|(logits, &row)| {
                let shares = softmax(logits, power.exp2());
                -shares[self.labels[row] as usize].max(f64::MIN_POSITIVE).ln()
            });
            each.sum()
        };
        let (mut low, mut high) = (-4.0_f64, 6.0_f64);
        let golden = 0.5 * (5.0_f64.sqrt() - 1.0);
        for _ in 0..40 {
            let (left, right) = (high - golden * (high - low), low + golden * (high - low));
            if loss(left) <= loss(right) {
                high = right;
            } else {
                low = left;
            }
        }
        (0.5 * (low + high)).exp2()
    }

    /// p(y_s | y_t) by Bayes' rule from p(y_t | y_s) = softmax(s W).
    fn reversed(&self, weights: &[f64], scale: f64) -> Vec<f32> {
        let (c, z) = (self.classes, self.source_classes);
        let mut marginal = vec![0.0; z];
        for &(at, share) in self.rows.iter().flatten() {
            marginal[at] += share;
        }
        let mut joint = vec![0.0; c * z];
        for at in 0..z {
            let column: Vec<f64> = (0..c).map(|class| weights[class * z + at]).collect();
            for (class, share) in softmax(&column, scale).iter().enumerate() {
                joint[class * z + at] = share * marginal[at];
            }
        }
        by_row(&joint, z)
    }

    /// The mean source probabilities of each class.
    fn direct(&self) -> Vec<f32> {
        let z = self.source_classes;
        let mut sums = vec![0.0; self.classes * z];
        for (row, &label) in self.rows.iter().zip(self.labels) {
            for &(at, share) in row {
                sums[label as usize * z + at] += share;
            }
        }
        by_row(&sums, z)
    }
}

/// Rows of `z` values, each divided by its sum; an empty row is uniform.
fn by_row(values: &[f64], z: usize) -> Vec<f32> {
    let rows = values.chunks_exact(z).flat_map(|row| {
        let sum: f64 = row.iter().sum();
        let empty = 1.0 / z as f64;
        #[expect(clippy::cast_possible_truncation, reason = "training is in f32")]
        let share = move |value: &f64| if sum > 0.0 { (value / sum) as f32 } else { empty as f32 };
        row.iter().map(share)
    });
    rows.collect()
}

fn softmax(logits: &[f64], scale: f64) -> Vec<f64> {
    let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = logits.iter().map(|logit| (scale * (logit - largest)).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.iter().map(|power| power / sum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Source probabilities of 60 samples: class t looks like source classes 2t and 2t + 1, with noise.
    fn samples() -> (Vec<f32>, Vec<u32>) {
        let mut state = 7_u64;
        let mut noise = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 40) as f32 / (1_u32 << 24) as f32
        };
        let labels: Vec<u32> = (0..60).map(|row| row % 3).collect();
        let mut shares = Vec::new();
        for &label in &labels {
            let logits: Vec<f32> = (0..6)
                .map(|at| 2.0 * noise() + if at / 2 == label { 2.5 } else { 0.0 })
                .collect();
            shares.extend(probabilities(&logits, 6).0);
        }
        (shares, labels)
    }

    fn of<'a>(shares: &[f32], labels: &'a [u32]) -> Samples<'a> {
        let row = |row: &[f32]| {
            row.iter()
                .enumerate()
                .map(|(at, share)| (at, f64::from(*share)))
                .collect()
        };
        Samples {
            rows: shares.chunks_exact(6).map(row).collect(),
            labels,
            classes: 3,
            source_classes: 6,
        }
    }

    /// At the minimum of `½‖W‖² + C Σ CE`, its gradient vanishes: by central differences of the objective.
    #[test]
    fn the_regression_ends_where_its_objective_is_flat() {
        let (shares, labels) = samples();
        let samples = of(&shares, &labels);
        let among: Vec<usize> = (0..60).collect();
        let objective = |weights: &[f64]| {
            let loss = |row: &usize| -softmax(&samples.logits(weights, *row), 1.0)[labels[*row] as usize].ln();
            0.5 * weights.iter().map(|weight| weight * weight).sum::<f64>() + 10.0 * among.iter().map(loss).sum::<f64>()
        };
        let mut weights = vec![0.0; 18];
        samples.regress(&among, 10.0, &mut weights);
        assert!(objective(&weights) < 0.7 * objective(&[0.0; 18]));
        for at in 0..18 {
            let moved = |step: f64| {
                let mut weights = weights.clone();
                weights[at] += step;
                objective(&weights)
            };
            let slope = (moved(1e-4) - moved(-1e-4)) / 2e-4;
            assert!(slope.abs() < 0.05, "{at}: {slope}");
        }
    }

    #[test]
    fn each_class_gets_the_source_classes_that_it_looks_like() {
        let (shares, labels) = samples();
        let found = of_probabilities(&shares, &labels, (3, 6));
        for (class, row) in found.chunks_exact(6).enumerate() {
            assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-5, "{row:?}");
            let own: f32 = row[2 * class..2 * class + 2].iter().sum();
            assert!(own > 0.6, "{class}: {row:?}");
        }
    }

    #[test]
    fn few_samples_have_the_mean_of_their_source_probabilities() {
        let shares = [0.7, 0.2, 0.1, 0.5, 0.4, 0.1, 0.1, 0.1, 0.8];
        let found = of_probabilities(&shares, &[0, 0, 1], (2, 3));
        let expected = [0.6, 0.3, 0.1, 0.1, 0.1, 0.8];
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{found}, expected {expected}");
        }
    }
}
