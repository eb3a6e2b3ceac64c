//! The weight κ of a read-out's predictions beside logits.
//!
//! ```text
//! ȳ_i  [c]   the prediction for sample i by a read-out that was fitted without it (five folds)
//! κ          minimises  −Σ_i ln softmax(κ ȳ_i)[y_i]  over  0 ≤ κ ≤ 1 / mean (ȳ_i − e_{y_i})²
//! ```
//!
//! This is temperature scaling (Guo et al. 2017) by cross-validation; the sum is convex in κ. The upper bound is the precision of
//! normally distributed errors, which matters where every fold is predicted without a mistake.

use ranktune_data::DatasetTargets;

use super::read_out::ReadOut;

/// Number of folds of the cross-validation.
const FOLDS: usize = 5;

/// Maximum number of steps to find κ: Newton's, or bisection where that leaves the interval.
const STEPS: usize = 30;

/// κ for the read-out of `rows` `[n, d]`, the features of samples with the classes `labels`, below `n_classes`. `None` where no class
/// has two samples, one to fit and one to leave out.
///
/// # Errors
/// Why a fold has no read-out.
pub(crate) fn weight(
    rows: &[f32],
    n_features: usize,
    targets: &DatasetTargets,
) -> Result<Option<f64>, ranktune_scores::Error> {
    let DatasetTargets::Classes { names, labels } = targets else {
        return Ok(None);
    };
    let predicted = left_out_predictions(rows, n_features, targets)?;
    Ok(predicted.map(|predicted| calibrated(&predicted, labels, names.len())))
}

/// For each sample `[n, c]`, the prediction ȳ by a read-out that was fitted without it. `None` as in [`weight`], and for targets that are
/// not classes.
///
/// # Errors
/// As [`weight`].
pub(crate) fn left_out_predictions(
    rows: &[f32],
    n_features: usize,
    targets: &DatasetTargets,
) -> Result<Option<Vec<f32>>, ranktune_scores::Error> {
    let DatasetTargets::Classes { names, labels } = targets else {
        return Ok(None);
    };
    let folds = folds(labels, names.len());
    let mut predicted = vec![0.0; labels.len() * names.len()];
    for fold in 0..FOLDS {
        let (left_out, seen): (Vec<usize>, Vec<usize>) = (0..labels.len()).partition(|&row| folds[row] == fold);
        if left_out.is_empty() {
            continue;
        }
        if seen.is_empty() {
            return Ok(None);
        }
        let features = |rows_of: &[usize]| -> Vec<f32> {
            let of = |&row: &usize| &rows[row * n_features..(row + 1) * n_features];
            rows_of.iter().flat_map(of).copied().collect()
        };
        let fitted = ReadOut::fit(&features(&seen), n_features, &targets.select(&seen))?;
        let mut values = vec![0.0; left_out.len() * names.len()];
        fitted.add_predictions(&features(&left_out), 1.0, &mut values);
        for (row, values) in left_out.iter().zip(values.chunks_exact(names.len())) {
            predicted[row * names.len()..(row + 1) * names.len()].copy_from_slice(values);
        }
    }
    Ok(Some(predicted))
}

/// The fold of each sample, stratified by class.
fn folds(labels: &[u32], n_classes: usize) -> Vec<usize> {
    let mut seen = vec![0; n_classes];
    let place = |&label: &u32| {
        let count = &mut seen[label as usize];
        *count += 1;
        (*count - 1) % FOLDS
    };
    labels.iter().map(place).collect()
}

/// κ for predictions `[n, c]` of samples whose classes are `labels`.
pub(crate) fn calibrated(predicted: &[f32], labels: &[u32], n_classes: usize) -> f64 {
    let n = labels.len().max(1) as f64;
    let rows = || predicted.chunks_exact(n_classes).zip(labels);
    let errors = rows().flat_map(|(row, &label)| {
        let of = move |(class, &value): (usize, &f32)| f64::from(value) - f64::from(class == label as usize);
        row.iter().enumerate().map(of)
    });
    let mean_square = errors.map(|error| error * error).sum::<f64>() / (n * n_classes as f64);
    let (mut low, mut high) = (0.0, 1.0 / mean_square.max(1e-6));
    let mut weight = high / 2.0;
    for _ in 0..STEPS {
        // The first and second derivatives of the sum: the expectation of ȳ under softmax minus ȳ of the class, and the variance of ȳ.
        let (mut slope, mut curvature) = (0.0, 0.0);
        for (row, &label) in rows() {
            let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let [mut sum, mut first, mut second] = [0.0; 3];
            for value in row.iter().map(|&value| f64::from(value)) {
                let share = (weight * (value - f64::from(largest))).exp();
                sum += share;
                first += share * value;
                second += share * value * value;
            }
            let expected = first / sum;
            slope += expected - f64::from(row[label as usize]);
            curvature += second / sum - expected * expected;
        }
        if slope > 0.0 {
            high = weight;
        } else {
            low = weight;
        }
        let newton = weight - slope / curvature;
        let next = if newton > low && newton < high {
            newton
        } else {
            f64::midpoint(low, high)
        };
        if (next - weight).abs() <= 1e-6 * weight {
            return next;
        }
        weight = next;
    }
    weight
}

#[cfg(test)]
mod tests {
    use super::*;

    /// −Σ ln softmax(κ ȳ)[y], plainly.
    fn loss(weight: f64, predicted: &[f32], labels: &[u32], n_classes: usize) -> f64 {
        predicted
            .chunks_exact(n_classes)
            .zip(labels)
            .map(|(row, &label)| {
                let sum: f64 = row.iter().map(|&value| (weight * f64::from(value)).exp()).sum();
                sum.ln() - weight * f64::from(row[label as usize])
            })
            .sum()
    }

    fn noise(at: usize) -> f64 {
        let mixed = (at as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mixed = (mixed ^ (mixed >> 31)).wrapping_mul(0xD6E8_FEB8_6659_FD93);
        (mixed >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    }

    #[test]
    fn the_weight_is_where_a_grid_has_the_least_loss() {
        for spread in [0.7, 1.0, 2.0] {
            let labels: Vec<u32> = (0..300).map(|row| row % 3).collect();
            let predicted: Vec<f32> = (0..900)
                .map(|at| (f64::from(u8::from(at / 3 % 3 == at % 3)) * 0.7 + spread * noise(at)) as f32)
                .collect();
            let found = calibrated(&predicted, &labels, 3);
            let grid = (0..4000).map(|step| f64::from(step) * 0.01);
            let best = grid
                .min_by(|a, b| loss(*a, &predicted, &labels, 3).total_cmp(&loss(*b, &predicted, &labels, 3)))
                .unwrap();
            assert!(
                (found - best).abs() <= 0.011,
                "{found}, by a grid {best}, at a spread of {spread}"
            );
        }
    }

    #[test]
    fn wrong_predictions_have_no_weight_and_perfect_ones_have_that_of_their_precision() {
        let labels: Vec<u32> = (0..200).map(|row| row % 2).collect();
        let against: Vec<f32> = labels
            .iter()
            .flat_map(|&label| [f32::from(label == 1), f32::from(label == 0)])
            .collect();
        assert!(calibrated(&against, &labels, 2) < 1e-3);
        let right: Vec<f32> = labels
            .iter()
            .flat_map(|&label| [if label == 0 { 0.9 } else { 0.1 }, if label == 1 { 0.9 } else { 0.1 }])
            .collect();
        assert!((calibrated(&right, &labels, 2) - 100.0).abs() < 0.1, "errors of 0.1");
    }

    #[test]
    fn informative_features_have_more_weight_than_noise() {
        let labels: Vec<u32> = (0..120).map(|row| row % 3).collect();
        let names = ["a", "b", "c"].map(str::to_owned).to_vec();
        let targets = DatasetTargets::Classes {
            names,
            labels: labels.clone(),
        };
        let features = |known: f64| -> Vec<f32> {
            (0..120 * 6)
                .map(|at| (known * f64::from(u8::from(labels[at / 6] as usize == at % 6)) + noise(at)) as f32)
                .collect()
        };
        let [nothing, some, much] =
            [0.0, 1.0, 3.0].map(|known| weight(&features(known), 6, &targets).unwrap().unwrap());
        assert!(
            nothing < 2.0 && nothing < some && some < much,
            "{nothing} {some} {much}"
        );
    }
}
