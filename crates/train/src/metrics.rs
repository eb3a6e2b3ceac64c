//! The validation metric of each task; larger is better.

use crate::targets::{TargetValues, TrainTargets};
use crate::validation_metric::ValidationMetric;

/// Name and value of the task's metric of logits `[rows, columns]` (regression: in the units of the data).
pub(crate) fn measure(logits: &[f32], targets: &TrainTargets) -> (&'static str, f64) {
    match targets.values() {
        TargetValues::Classes { labels, n_classes } => ("accuracy", accuracy(logits, labels, *n_classes)),
        TargetValues::MultiLabel { values, n_labels } => ("map", mean_average_precision(logits, values, *n_labels)),
        TargetValues::Regression { values, n_outputs } => ("r2", r2(logits, values, *n_outputs)),
    }
}

/// The share of rows whose largest logit is that of their class; of equal logits, the first counts.
fn accuracy(logits: &[f32], labels: &[u32], columns: usize) -> f64 {
    let rows = logits.chunks_exact(columns).zip(labels);
    let right = rows.filter(|(row, label)| largest(row) == **label as usize);
    right.count() as f64 / labels.len() as f64
}

/// The mean over classes that occur, or are predicted, of `2 tp / (2 tp + fp + fn)` (as scikit-learn's `f1_score`, `average="macro"`);
/// `None` for targets that are not classes.
pub(crate) fn macro_f1(logits: &[f32], targets: &TrainTargets) -> Option<f64> {
    let TargetValues::Classes { labels, n_classes } = targets.values() else {
        return None;
    };
    // By class: true positives, and rows that have or are predicted to have it.
    let (mut hits, mut rows) = (vec![0_u32; *n_classes], vec![0_u32; *n_classes]);
    for (row, &label) in logits.chunks_exact(*n_classes).zip(labels) {
        let (found, label) = (largest(row), label as usize);
        rows[found] += 1;
        rows[label] += 1;
        hits[label] += u32::from(found == label);
    }
    let each = hits.iter().zip(&rows).filter(|(_, rows)| **rows > 0);
    let scores: Vec<f64> = each
        .map(|(&hits, &rows)| 2.0 * f64::from(hits) / f64::from(rows))
        .collect();
    Some(scores.iter().sum::<f64>() / scores.len().max(1) as f64)
}

/// Macro F1 as the metric of validation, for classes of unequal sizes.
#[derive(Clone, Copy, Debug, Default)]
pub struct MacroF1;

impl ValidationMetric for MacroF1 {
    fn name(&self) -> &str {
        "f1_macro"
    }

    fn value(&self, logits: &[f32], targets: &TrainTargets) -> f64 {
        macro_f1(logits, targets).unwrap_or_else(|| measure(logits, targets).1)
    }
}

/// The place of the largest value; of equal ones, the first.
fn largest(row: &[f32]) -> usize {
    let mut best = 0;
    for (at, value) in row.iter().enumerate() {
        if *value > row[best] {
            best = at;
        }
    }
    best
}

/// The mean over labels that occur of `Σ_k precision(k) · [row k has it] / count`, rows by falling logit.
fn mean_average_precision(logits: &[f32], values: &[f32], columns: usize) -> f64 {
    let (mut sum, mut labels) = (0.0, 0);
    for column in 0..columns {
        let of = |values: &[f32]| {
            values
                .iter()
                .skip(column)
                .step_by(columns)
                .copied()
                .collect::<Vec<f32>>()
        };
        let (scores, has) = (of(logits), of(values));
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
        let (mut hits, mut precision) = (0, 0.0);
        for (rank, &row) in order.iter().enumerate() {
            if has[row] >= 0.5 {
                hits += 1;
                precision += f64::from(hits) / (rank + 1) as f64;
            }
        }
        if hits > 0 {
            sum += precision / f64::from(hits);
            labels += 1;
        }
    }
    if labels == 0 { 0.0 } else { sum / f64::from(labels) }
}

/// The mean over outputs of `1 − Σ(z − y)²/Σ(y − ȳ)²`; 0 for a constant output.
fn r2(logits: &[f32], values: &[f32], columns: usize) -> f64 {
    let of = |column: usize| {
        values
            .iter()
            .skip(column)
            .step_by(columns)
            .map(|&value| f64::from(value))
    };
    let each = (0..columns).map(|column| {
        let count = (values.len() / columns) as f64;
        let mean = of(column).sum::<f64>() / count;
        let total: f64 = of(column).map(|value| (value - mean).powi(2)).sum();
        let found = logits
            .iter()
            .skip(column)
            .step_by(columns)
            .map(|&value| f64::from(value));
        let left: f64 = of(column)
            .zip(found)
            .map(|(value, found)| (value - found).powi(2))
            .sum();
        if total > 0.0 { 1.0 - left / total } else { 0.0 }
    });
    each.sum::<f64>() / columns as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accuracy_counts_largest_logits() {
        assert_eq!(accuracy(&[1.0, 2.0, 3.0, 0.0, 1.0, 1.0], &[1, 1, 0], 2), 2.0 / 3.0);
    }

    #[test]
    fn macro_f1_is_the_mean_over_classes_by_hand() {
        let rows = [
            [1.0, 0.0, 0.0],
            [1.0, 0.0, 0.0],
            [1.0, 0.0, 0.0],
            [0.0, 1.0, 0.0],
            [0.0, 1.0, 0.0],
        ];
        let targets = |labels| TrainTargets::new(TargetValues::Classes { labels, n_classes: 3 }).unwrap();
        let found = macro_f1(rows.as_flattened(), &targets(vec![0, 0, 1, 1, 1])).unwrap();
        // Class 0: 2·2/(3 + 2); class 1: 2·2/(2 + 3); class 2 neither occurs nor is predicted.
        assert!((found - 0.8).abs() < 1e-12, "{found}");
        let found = macro_f1(rows.as_flattened(), &targets(vec![0, 0, 2, 1, 1])).unwrap();
        assert!((found - (0.8 + 1.0 + 0.0) / 3.0).abs() < 1e-12, "{found}");
    }

    #[test]
    fn average_precision_is_that_of_a_small_example_by_hand() {
        // By falling logit: has, has not, has: (1 + 2/3)/2.
        let value = mean_average_precision(&[3.0, 2.0, 1.0], &[1.0, 0.0, 1.0], 1);
        assert!((value - 5.0 / 6.0).abs() < 1e-12);
    }

    #[test]
    fn r2_is_one_for_the_truth_and_zero_for_the_mean() {
        let values = [1.0, 2.0, 6.0];
        assert_eq!(r2(&values, &values, 1), 1.0);
        assert_eq!(r2(&[3.0; 3], &values, 1), 0.0);
    }
}
