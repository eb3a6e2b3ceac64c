//! Metrics of multi-label classification.
//!
//! ```text
//! AP_j = Σ_k (R_k − R_{k−1}) P_k     over the distinct scores of label j, from the highest; R recall, P precision so far
//! map  = mean of AP_j over labels that some sample has
//! F1   = 2·tp / (2·tp + fp + fn)     a label is predicted where its logit is above 0 (probability ½)
//! ```
//!
//! As in scikit-learn's `average_precision_score` and `f1_score`, except for labels without a positive sample (and, for F1,
//! without a predicted one): they are left out of the macro means, where scikit-learn counts 0 and warns.

use super::counts::Counts;
use super::mean_of_known;

/// Mean average precision. `predictions` and `values` `[n, c]`; `None` where no sample has any label.
pub fn mean_average_precision(predictions: &[f32], values: &[f32], c: usize) -> Option<f64> {
    mean_of_known((0..c).map(|j| average_precision(predictions, values, j, c)))
}

fn average_precision(predictions: &[f32], values: &[f32], j: usize, c: usize) -> Option<f64> {
    let mut scored: Vec<(f32, bool)> = predictions
        .chunks_exact(c)
        .zip(values.chunks_exact(c))
        .map(|(scores, truth)| (scores[j], truth[j] > 0.5))
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    let positives = scored.iter().filter(|(_, positive)| *positive).count();
    if positives == 0 {
        return None;
    }
    let (mut seen, mut found, mut sum) = (0, 0, 0.0);
    // Samples with equal scores count together, whatever their order.
    for group in scored.chunk_by(|a, b| a.0 == b.0) {
        let hits = group.iter().filter(|(_, positive)| *positive).count();
        seen += group.len();
        found += hits;
        sum += hits as f64 * found as f64 / seen as f64;
    }
    Some(sum / positives as f64)
}

/// F1 over all labels of all samples together; `None` where no label is true and none is predicted.
pub fn f1_micro(predictions: &[f32], values: &[f32]) -> Option<f64> {
    f1(count(predictions.iter().zip(values)))
}

/// The mean of the labels' F1, over labels that some sample has or is predicted to have.
pub fn f1_macro(predictions: &[f32], values: &[f32], c: usize) -> Option<f64> {
    mean_of_known(label_counts(predictions, values, c).into_iter().map(f1))
}

/// How often each label is true, predicted, and both. `predictions` and `values` `[n, c]`.
pub fn label_counts(predictions: &[f32], values: &[f32], c: usize) -> Vec<Counts> {
    (0..c)
        .map(|j| count(predictions.iter().zip(values).skip(j).step_by(c)))
        .collect()
}

fn count<'a>(cells: impl Iterator<Item = (&'a f32, &'a f32)>) -> Counts {
    let mut counts = Counts::default();
    for (score, truth) in cells {
        let (predicted, there) = (*score > 0.0, *truth > 0.5);
        counts.truth += usize::from(there);
        counts.found += usize::from(predicted);
        counts.right += usize::from(predicted && there);
    }
    counts
}

fn f1(counts: Counts) -> Option<f64> {
    (counts.truth + counts.found > 0).then(|| counts.f1())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition word by word: for every threshold from the highest score, precision and recall by counting again.
    fn average_precision_by_thresholds(scores: &[f32], truth: &[f32]) -> f64 {
        let mut thresholds = scores.to_vec();
        thresholds.sort_by(|a, b| b.total_cmp(a));
        thresholds.dedup();
        let positives = truth.iter().filter(|t| **t > 0.5).count() as f64;
        let (mut sum, mut before) = (0.0, 0.0);
        for threshold in thresholds {
            let at = |above: bool| {
                scores
                    .iter()
                    .zip(truth)
                    .filter(|(s, t)| **s >= threshold && (!above || **t > 0.5))
                    .count() as f64
            };
            let (precision, recall) = (at(true) / at(false), at(true) / positives);
            sum += (recall - before) * precision;
            before = recall;
        }
        sum
    }

    fn numbers(count: usize, steps: u64) -> Vec<f32> {
        let mut state = 5u64;
        (0..count)
            .map(|_| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                ((state >> 33) % steps) as f32 - (steps / 2) as f32
            })
            .collect()
    }

    #[test]
    fn average_precision_is_that_of_its_definition_also_with_ties() {
        for steps in [3, 7, 1000] {
            let (scores, truth) = (
                numbers(60, steps),
                numbers(61, 2).iter().map(|v| f32::from(*v >= 0.0)).collect::<Vec<_>>(),
            );
            let truth = &truth[1..];
            let expected = average_precision_by_thresholds(&scores, truth);
            let found = mean_average_precision(&scores, truth, 1).unwrap();
            assert!((found - expected).abs() < 1e-12, "{steps}: {found} {expected}");
        }
    }

    #[test]
    fn the_example_of_scikit_learn_gives_its_value() {
        // average_precision_score([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]) = 0.83…
        let map = mean_average_precision(&[0.1, 0.4, 0.35, 0.8], &[0.0, 0.0, 1.0, 1.0], 1).unwrap();
        assert!((map - 5.0 / 6.0).abs() < 1e-12, "{map}");
    }

    #[test]
    fn f1_counts_cells_together_or_by_label() {
        // Label 0: tp 1, fp 1, fn 0 → 2/3; label 1: tp 1, fp 0, fn 1 → 2/3; label 2 is nowhere.
        let predictions = [1.0, 1.0, -1.0, 1.0, -1.0, -1.0];
        let values = [1.0, 1.0, 0.0, 0.0, 1.0, 0.0];
        assert!((f1_macro(&predictions, &values, 3).unwrap() - 2.0 / 3.0).abs() < 1e-12);
        assert!((f1_micro(&predictions, &values).unwrap() - 4.0 / 6.0).abs() < 1e-12);
    }

    #[test]
    fn without_any_label_there_is_no_value() {
        assert_eq!(mean_average_precision(&[1.0, 2.0], &[0.0, 0.0], 1), None);
        assert_eq!(f1_micro(&[-1.0], &[0.0]), None);
    }
}
