//! Statistics of the same rows with other targets: `G` and the moments stay, `B` and `s` are summed again.
//!
//! Permuted labels are such targets. Their score costs `O(n·d)` for the sums, and not the `O(n·d²)` of `G`.

use super::columns::Columns;
use super::form::Form;
use super::{Statistics, Wide, fast};
use crate::error::{Error, ErrorKind, Result};
use crate::features::FeatureView;
use crate::targets::Targets;

impl Statistics {
    /// The statistics of the same rows with other targets, in their order.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] where there are other rows than before.
    pub(crate) fn with_targets(&self, features: &FeatureView<'_>, targets: &Targets<'_>) -> Result<Self> {
        targets.check_rows(features.n_samples())?;
        if features.n_samples() != self.n_samples || features.n_features() != self.n_features {
            return Err(Error::new(
                ErrorKind::Shape,
                format!(
                    "statistics of {} samples have other rows than these {}",
                    self.n_samples,
                    features.n_samples()
                ),
            ));
        }
        let mut sums = TargetSums::like(features.n_features(), targets)?;
        sums.update(features, targets)?;
        let form = match &self.form {
            Form::Dual { .. } => Form::Dual {
                rows: features.data().to_vec(),
                labels: targets.labels().unwrap_or_default().to_vec(),
                values: targets.values().unwrap_or_default().to_vec(),
            },
            Form::Primal { gram } => Form::Primal { gram: gram.clone() },
        };
        Ok(self.with(sums.columns, form))
    }

    /// The statistics of the same rows with the targets of `sums`; `None` in the dual form, which needs the rows in their order.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] where `sums` are of another number of samples.
    pub(crate) fn with_sums(&self, sums: &TargetSums) -> Result<Option<Self>> {
        if sums.n_samples != self.n_samples {
            return Err(Error::new(
                ErrorKind::Shape,
                format!(
                    "sums of {} samples do not fit statistics of {}",
                    sums.n_samples, self.n_samples
                ),
            ));
        }
        let Form::Primal { gram } = &self.form else {
            return Ok(None);
        };
        let form = Form::Primal { gram: gram.clone() };
        Ok(Some(self.with(sums.columns.clone(), form)))
    }

    fn with(&self, columns: Columns, form: Form) -> Self {
        Self {
            n_samples: self.n_samples,
            n_features: self.n_features,
            columns,
            moments: self.moments.clone(),
            form,
            precision: self.precision,
            matrix_error: self.matrix_error,
            checks: fast::Checks::default(),
            wide: Wide::default(),
        }
    }
}

/// Sums of rows over target columns only, `B = FᵀY` and `s_j = y_jᵀy_j`: what other targets of the same rows add to their statistics.
#[derive(Clone, Debug)]
pub(crate) struct TargetSums {
    n_samples: usize,
    columns: Columns,
}

impl TargetSums {
    /// No rows yet, of `n_features` features and targets like these.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] where the sums are too large to be addressed.
    pub fn like(n_features: usize, targets: &Targets<'_>) -> Result<Self> {
        let columns = if targets.labels().is_some() {
            Columns::classes(targets.n_columns())
        } else {
            Columns::numbers(n_features, targets.n_columns())?
        };
        Ok(Self { n_samples: 0, columns })
    }

    /// Adds rows.
    ///
    /// # Errors
    /// As [`Statistics::update`].
    pub fn update(&mut self, features: &FeatureView<'_>, targets: &Targets<'_>) -> Result<()> {
        targets.check_rows(features.n_samples())?;
        self.columns
            .check_like(targets.labels().is_some(), targets.n_columns())?;
        self.n_samples += features.n_samples();
        self.columns.update(features, targets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_targets_give_the_statistics_that_a_pass_with_them_gives() {
        let (n, labels, others) = (
            12,
            [0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 0, 1],
            [2, 2, 1, 0, 1, 1, 0, 2, 0, 0, 1, 0],
        );
        for d in [3, 20] {
            let features: Vec<f32> = (0..n * d).map(|i| (i as f32 * 0.7).sin()).collect();
            let view = FeatureView::new(&features, n, d).unwrap();
            let (targets, other) = (
                Targets::classes(&labels, 3).unwrap(),
                Targets::classes(&others, 3).unwrap(),
            );
            let statistics = Statistics::of(&view, &targets).unwrap();
            let expected = Statistics::of(&view, &other).unwrap();
            let mut sums = TargetSums::like(d, &other).unwrap();
            sums.update(&view, &other).unwrap();
            let found = statistics.with_targets(&view, &other).unwrap();
            let from_sums = statistics.with_sums(&sums).unwrap();
            assert_eq!(from_sums.is_none(), statistics.is_dual());
            for found in std::iter::once(found).chain(from_sums) {
                assert_eq!(found.is_dual(), expected.is_dual());
                for (found, expected) in found.target_columns().iter().zip(expected.target_columns()) {
                    assert_eq!(
                        (found.index, found.square, found.product),
                        (expected.index, expected.square, expected.product)
                    );
                }
                assert_eq!(found.dual_targets(), expected.dual_targets());
            }
        }
    }
}
