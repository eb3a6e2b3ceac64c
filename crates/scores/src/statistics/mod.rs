//! Statistics of features and targets, mergeable and made in one pass: all that the scores of second moments need.
//!
//! ```text
//! n                       number of samples
//! G = FᵀF      [d, d]     lower triangle, f64 (primal form, n > d)
//! F            [n, d]     the rows themselves, f32 (dual form, n ≤ d: smaller than G)
//! B = FᵀY      [d, c]     for classes a sum per class, O(n·d); the one-hot Y is never formed
//! s_j = y_jᵀy_j   [c]     for classes the number of samples of class j
//! ```
//!
//! and the moments (`moments`) for Ledoit–Wolf. Rows arrive in batches of any size. They are kept while `n ≤ d`; once `n`
//! exceeds `d` they are added to `G`, and memory stays at `O(d² + dc)`. Sums are in f64, so the order of the rows and the
//! shards they came in change a score by rounding only.
//!
//! Classes without a sample are not stored, and have no column in `Y`.

mod bytes;
mod columns;
mod fast;
mod form;
pub(crate) mod gram;
mod merge;
mod moments;
mod others;
pub(crate) mod product;
pub(crate) mod strips;
pub(crate) mod triangle;

use std::borrow::Cow;

use faer::Mat;

use crate::error::{Error, ErrorKind, Result};
use crate::features::FeatureView;
use crate::targets::Targets;
use columns::Columns;
pub(crate) use columns::TargetColumn;
use form::Form;
use gram::Sign;
pub(crate) use moments::Moments;
pub(crate) use others::TargetSums;
use strips::Wide;
use triangle::Triangle;

/// How the symmetric product is computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Precision {
    /// Products and sums in f64. The default.
    #[default]
    Double,
    /// Products of about a thousand rows in f32, added up in f64. Their error is measured: [`Statistics::matrix_error`].
    Fast,
}

/// Mergeable statistics of features and targets; see the module.
#[derive(Clone, Debug)]
pub struct Statistics {
    n_samples: usize,
    n_features: usize,
    columns: Columns,
    moments: Moments,
    form: Form,
    precision: Precision,
    matrix_error: f64,
    checks: fast::Checks,
    wide: Wide,
}

impl Statistics {
    /// Empty statistics for one class per sample, out of `n_classes`.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] where `n_features` is zero or too large for `[d, d]` to be addressed.
    pub fn for_classes(n_features: usize, n_classes: usize) -> Result<Self> {
        Self::empty(n_features, Columns::classes(n_classes))
    }

    /// Empty statistics for `n_columns` columns of numbers.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] where a size is zero or the sums are too large to be addressed.
    pub fn for_columns(n_features: usize, n_columns: usize) -> Result<Self> {
        Self::empty(n_features, Columns::numbers(n_features, n_columns)?)
    }

    fn empty(n_features: usize, columns: Columns) -> Result<Self> {
        if n_features == 0
            || n_features
                .checked_mul(n_features)
                .is_none_or(|size| size > isize::MAX as usize / 8)
        {
            return Err(Error::new(
                ErrorKind::Shape,
                format!("cannot hold second moments of {n_features} features"),
            ));
        }
        Ok(Self {
            n_samples: 0,
            n_features,
            columns,
            moments: Moments::new(n_features),
            form: Form::empty(),
            precision: Precision::Double,
            matrix_error: 0.0,
            checks: fast::Checks::default(),
            wide: Wide::default(),
        })
    }

    /// Sets the precision of products from now on.
    #[must_use]
    pub fn with_precision(mut self, precision: Precision) -> Self {
        self.precision = precision;
        self
    }

    /// An estimated bound of the error that fast products have added to `G`, in the Frobenius norm; zero where all products were in f64.
    pub fn matrix_error(&self) -> f64 {
        self.matrix_error
    }

    /// The statistics of one batch.
    ///
    /// # Errors
    /// As [`Statistics::update`].
    ///
    /// # Examples
    /// ```
    /// use ranktune_scores::{FeatureView, Statistics, Targets};
    /// let features = FeatureView::new(&[1.0, 2.0, 3.0, 4.0, 5.0, 7.0], 3, 2)?;
    /// let statistics = Statistics::of(&features, &Targets::classes(&[0, 1, 1], 2)?)?;
    /// assert_eq!(statistics.n_samples(), 3);
    /// # Ok::<(), ranktune_scores::Error>(())
    /// ```
    pub fn of(features: &FeatureView<'_>, targets: &Targets<'_>) -> Result<Self> {
        let mut statistics = Self::like(features, targets)?;
        statistics.update(features, targets)?;
        Ok(statistics)
    }

    fn like(features: &FeatureView<'_>, targets: &Targets<'_>) -> Result<Self> {
        if targets.labels().is_some() {
            Self::for_classes(features.n_features(), targets.n_columns())
        } else {
            Self::for_columns(features.n_features(), targets.n_columns())
        }
    }

    /// Adds a batch of rows.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] where the numbers of rows, features or target columns, or the kind of target, do not match.
    pub fn update(&mut self, features: &FeatureView<'_>, targets: &Targets<'_>) -> Result<()> {
        targets.check_rows(features.n_samples())?;
        self.check_like(features.n_features(), targets.labels().is_some(), targets.n_columns())?;
        self.columns.update(features, targets)?;
        self.moments.update(features.data());
        self.n_samples += features.n_samples();
        self.update_form(features, targets);
        Ok(())
    }

    fn update_form(&mut self, features: &FeatureView<'_>, targets: &Targets<'_>) {
        if let Form::Dual { rows, labels, values } = &mut self.form {
            if self.n_samples <= self.n_features {
                rows.extend_from_slice(features.data());
                labels.extend_from_slice(targets.labels().unwrap_or_default());
                values.extend_from_slice(targets.values().unwrap_or_default());
                return;
            }
            let mut gram = Triangle::zeros(self.n_features);
            if !rows.is_empty() {
                gram::update_gram(&mut gram, rows, Sign::Plus, &mut self.wide);
            }
            self.form = Form::Primal { gram };
        }
        if let Form::Primal { gram } = &mut self.form {
            match self.precision {
                Precision::Double => gram::update_gram(gram, features.data(), Sign::Plus, &mut self.wide),
                Precision::Fast => {
                    self.matrix_error +=
                        fast::update_gram(gram, features.data(), &self.moments.origin, &mut self.checks);
                }
            }
        }
    }

    pub(crate) fn check_like(&self, n_features: usize, is_classes: bool, n_columns: usize) -> Result<()> {
        if n_features != self.n_features {
            return Err(Error::new(
                ErrorKind::Shape,
                format!(
                    "features have {n_features} columns, expected {} as before",
                    self.n_features
                ),
            ));
        }
        self.columns.check_like(is_classes, n_columns)
    }

    /// Number of samples, `n`.
    pub fn n_samples(&self) -> usize {
        self.n_samples
    }

    /// Number of features, `d`.
    pub fn n_features(&self) -> usize {
        self.n_features
    }

    /// Number of declared target columns: classes, those without a sample too, or columns of numbers.
    pub fn n_columns(&self) -> usize {
        self.columns.len()
    }

    /// Whether the targets are one class per sample.
    pub fn is_classes(&self) -> bool {
        self.columns.is_classes()
    }

    /// Whether the rows themselves are held (`n ≤ d`).
    pub fn is_dual(&self) -> bool {
        self.form.is_dual()
    }

    /// The rows and targets of the dual form; `None` in the primal form, or without rows.
    ///
    /// # Errors
    /// None: they were checked when they came.
    pub(crate) fn held(&self) -> Result<Option<(FeatureView<'_>, Targets<'_>)>> {
        self.form.held(self.n_features, &self.columns)
    }

    /// The rows of the dual form, `[n, d]`.
    pub(crate) fn rows(&self) -> Option<&[f32]> {
        self.form.rows()
    }

    /// The lower triangle of `G`, in the primal form.
    pub(crate) fn gram(&self) -> Option<&Triangle> {
        self.form.gram()
    }

    /// Exchanges the buffer of products: a caller that fills many statistics in turn needs only one.
    pub(crate) fn swap_buffer(&mut self, buffer: &mut Wide) {
        std::mem::swap(&mut self.wide, buffer);
    }

    pub(crate) fn moments(&self) -> &Moments {
        &self.moments
    }

    /// `G v`.
    pub(crate) fn apply_gram(&self, vector: &[f64]) -> Vec<f64> {
        self.form.apply_gram(vector)
    }

    /// The target columns that have a sample, classes in ascending order.
    pub(crate) fn target_columns(&self) -> Vec<TargetColumn<'_>> {
        self.columns.occurring(self.n_features)
    }

    /// `Y` `[n, c]` of the dual form as a dense matrix over [`Statistics::target_columns`].
    pub(crate) fn dual_targets(&self) -> Mat<f64> {
        self.form.dense_targets(&self.columns)
    }
}

impl<'a> From<Statistics> for Cow<'a, Statistics> {
    fn from(statistics: Statistics) -> Self {
        Cow::Owned(statistics)
    }
}

impl<'a> From<&'a Statistics> for Cow<'a, Statistics> {
    fn from(statistics: &'a Statistics) -> Self {
        Cow::Borrowed(statistics)
    }
}
