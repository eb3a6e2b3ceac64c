//! Targets of a batch; regression targets are standardised by the training samples' mean and deviation.
//!
//! `y' = (y − μ)/s` by column, with s = 1 for a constant column. The scale is folded into the exported head, so that the model
//! predicts in the data's own units.

use crate::options::ClassWeights;
use crate::samples::Pick;
use crate::targets::{TargetValues, TrainTargets};

/// Mean and deviation of each target column.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Standardization {
    pub mean: Vec<f32>,
    pub deviation: Vec<f32>,
}

impl Standardization {
    /// Of `values`, rows of `columns`.
    fn new(values: &[f32], columns: usize) -> Self {
        let rows = (values.len() / columns) as f64;
        let (mut mean, mut square) = (vec![0.0f64; columns], vec![0.0f64; columns]);
        for row in values.chunks_exact(columns) {
            mean.iter_mut()
                .zip(row)
                .for_each(|(sum, &value)| *sum += f64::from(value));
        }
        mean.iter_mut().for_each(|sum| *sum /= rows);
        for row in values.chunks_exact(columns) {
            for ((square, &value), mean) in square.iter_mut().zip(row).zip(&mean) {
                *square += (f64::from(value) - mean).powi(2);
            }
        }
        let deviation = square.iter().zip(&mean).map(|(square, mean)| {
            let deviation = (square / rows).sqrt();
            // The deviation of a constant column is rounding.
            if deviation > mean.abs() * 1e-6 {
                deviation as f32
            } else {
                1.0
            }
        });
        Self {
            deviation: deviation.collect(),
            mean: mean.iter().map(|&mean| mean as f32).collect(),
        }
    }
}

/// Targets of a batch, row-major `[rows, columns]` where they are numbers.
#[derive(Debug, PartialEq)]
pub(crate) enum BatchTargets {
    Classes { labels: Vec<u32>, n_classes: usize },
    MultiLabel(Vec<f32>),
    Regression(Vec<f32>),
}

/// Targets of all samples, standardised where they are numbers.
#[derive(Debug)]
pub(crate) struct PreparedTargets<'a> {
    pub targets: &'a TrainTargets,
    pub standard: Option<Standardization>,
    /// Weight of each class in the loss `[c]`.
    pub class_weights: Option<Vec<f32>>,
}

/// `n / (c · n_j)` for class j, over the c classes that occur (as scikit-learn's `class_weight="balanced"`), so that the mean weight of a
/// row is 1; 1 for a class without rows.
fn balanced(labels: &[u32], n_classes: usize) -> Vec<f32> {
    let mut counts = vec![0_u32; n_classes];
    labels.iter().for_each(|&label| counts[label as usize] += 1);
    let occurring = counts.iter().filter(|count| **count > 0).count();
    let weight = |&count: &u32| match count {
        0 => 1.0,
        count => (labels.len() as f64 / (occurring as f64 * f64::from(count))) as f32,
    };
    counts.iter().map(weight).collect()
}

impl<'a> PreparedTargets<'a> {
    /// Standardised by their own mean and deviation; classes weighed as `weights` says.
    pub(crate) fn new(targets: &'a TrainTargets, weights: ClassWeights) -> Self {
        let class_weights = match (weights, targets.values()) {
            (ClassWeights::Balanced, TargetValues::Classes { labels, n_classes }) => Some(balanced(labels, *n_classes)),
            _ => None,
        };
        let standard = match targets.values() {
            TargetValues::Regression { values, n_outputs } => Some(Standardization::new(values, *n_outputs)),
            _ => None,
        };
        Self {
            targets,
            standard,
            class_weights,
        }
    }

    /// Standardised by the mean and deviation of other targets.
    pub(crate) fn like(targets: &'a TrainTargets, other: &PreparedTargets<'_>) -> Self {
        Self {
            targets,
            standard: other.standard.clone(),
            class_weights: None,
        }
    }

    /// The targets of a batch.
    pub(crate) fn batch(&self, picks: &[Pick]) -> BatchTargets {
        let rows = picks.iter().flat_map(|pick| self.targets.rows_of(pick.sample));
        let columns = self.targets.columns();
        match self.targets.values() {
            TargetValues::Classes { labels, n_classes } => BatchTargets::Classes {
                labels: rows.map(|row| labels[row]).collect(),
                n_classes: *n_classes,
            },
            TargetValues::MultiLabel { values, .. } => BatchTargets::MultiLabel(
                rows.flat_map(|row| &values[row * columns..(row + 1) * columns])
                    .copied()
                    .collect(),
            ),
            TargetValues::Regression { values, .. } => {
                let elements =
                    rows.flat_map(|row| (0..columns).map(move |column| (column, values[row * columns + column])));
                BatchTargets::Regression(match &self.standard {
                    Some(standard) => elements
                        .map(|(column, value)| (value - standard.mean[column]) / standard.deviation[column])
                        .collect(),
                    None => elements.map(|(_, value)| value).collect(),
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The documented example of scikit-learn's `compute_class_weight("balanced", classes=[0, 1], y=[0, 0, 0, 0, 1, 1])`.
    #[test]
    fn balanced_weights_are_those_of_scikit_learn() {
        assert_eq!(balanced(&[0, 0, 0, 0, 1, 1], 2), [0.75, 1.5]);
        assert_eq!(balanced(&[0, 0, 0, 0, 2, 2], 3), [0.75, 1.0, 1.5]);
    }
}
