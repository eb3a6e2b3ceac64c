//! Targets of a batch; regression targets are standardised by the training samples' mean and deviation.
//!
//! `y' = (y − μ)/s` by column, with s = 1 for a constant column. The scale is folded into the exported head, so that the model
//! predicts in the data's own units.

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
}

impl<'a> PreparedTargets<'a> {
    /// Standardised by their own mean and deviation.
    pub(crate) fn new(targets: &'a TrainTargets) -> Self {
        let standard = match targets.values() {
            TargetValues::Regression { values, n_outputs } => Some(Standardization::new(values, *n_outputs)),
            _ => None,
        };
        Self { targets, standard }
    }

    /// Standardised by the mean and deviation of other targets.
    pub(crate) fn like(targets: &'a TrainTargets, other: &PreparedTargets<'_>) -> Self {
        Self {
            targets,
            standard: other.standard.clone(),
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
