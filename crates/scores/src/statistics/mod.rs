//! Everything the second-moment scores need from the data, in one mergeable pass.
//!
//! ```text
//! n                       number of samples
//! G = FᵀF      [d, d]     lower triangle, f64 (primal form, n > d)
//! F            [n, d]     the rows themselves, f32 (dual form, n ≤ d: smaller than G)
//! B = FᵀY      [d, c]     for classes a sum per class, O(n·d); the one-hot Y is never made
//! s_j = y_jᵀy_j   [c]     for classes the number of samples of class j
//! ```
//!
//! and the moments (`moments`) for Ledoit–Wolf. Rows arrive in batches of any size; as long as `n ≤ d` they are kept, and
//! when `n` passes `d` they are folded into `G`, after which memory is `O(d² + dc)` whatever `n` becomes. Sums are in f64, so
//! the order of the rows and the way they were sharded change a score by rounding only.
//!
//! Classes that no row has are not stored: they are columns left out of `Y`.

mod bytes;
mod fast;
pub(crate) mod gram;
mod merge;
mod moments;
pub(crate) mod product;
pub(crate) mod strips;
pub(crate) mod triangle;

use std::borrow::Cow;
use std::collections::BTreeMap;

use faer::Mat;

use crate::error::{Error, ErrorKind, Result};
use crate::features::FeatureView;
use crate::targets::Targets;
use gram::Sign;
pub(crate) use moments::Moments;
use strips::Wide;
use triangle::Triangle;

/// `B` and `s`, by kind of target.
#[derive(Clone, Debug)]
enum Columns {
    Classes {
        n_classes: usize,
        /// Slot of every class that occurred.
        slots: BTreeMap<u32, usize>,
        /// Samples of every slot.
        counts: Vec<usize>,
        /// `[slots, d]`
        sums: Vec<f64>,
    },
    Numbers {
        /// `[c]`
        squares: Vec<f64>,
        /// `[c, d]`
        sums: Vec<f64>,
    },
}

/// What stands for the features' second moments.
#[derive(Clone, Debug)]
enum Form {
    Dual {
        rows: Vec<f32>,
        /// One class a row, or nothing.
        labels: Vec<u32>,
        /// `[n, c]`, or nothing.
        values: Vec<f64>,
    },
    Primal {
        gram: Triangle,
    },
}

/// How the symmetric product is computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Precision {
    /// Products and sums in f64. The default.
    #[default]
    Double,
    /// Products of a few hundred rows in f32, sums of them in f64, the error measured: [`Statistics::matrix_error`].
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
    /// Empty statistics for one class a sample, out of `n_classes`.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] where `n_features` is zero or too large for `[d, d]` to be addressed.
    pub fn for_classes(n_features: usize, n_classes: usize) -> Result<Self> {
        Self::empty(
            n_features,
            Columns::Classes {
                n_classes,
                slots: BTreeMap::new(),
                counts: Vec::new(),
                sums: Vec::new(),
            },
        )
    }

    /// Empty statistics for `n_columns` columns of numbers.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] where a size is zero or the sums are too large to be addressed.
    pub fn for_columns(n_features: usize, n_columns: usize) -> Result<Self> {
        let size = n_features.checked_mul(n_columns).filter(|&size| size > 0);
        let mut columns = (Vec::new(), Vec::new());
        let fits = size.is_some_and(|size| grow(&mut columns.0, n_columns) && grow(&mut columns.1, size));
        if !fits {
            return Err(too_many_columns(n_features, n_columns));
        }
        let (squares, sums) = columns;
        Self::empty(n_features, Columns::Numbers { squares, sums })
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
            form: Form::Dual {
                rows: Vec::new(),
                labels: Vec::new(),
                values: Vec::new(),
            },
            precision: Precision::Double,
            matrix_error: 0.0,
            checks: fast::Checks::default(),
            wide: Wide::default(),
        })
    }

    /// The same, with products of this precision from now on.
    #[must_use]
    pub fn with_precision(mut self, precision: Precision) -> Self {
        self.precision = precision;
        self
    }

    /// A bound of what fast products have put into `G`, in its norm; zero where all products were in f64.
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
    /// [`ErrorKind::Shape`] where the numbers of rows, features or target columns do not fit, or the kind of target differs.
    pub fn update(&mut self, features: &FeatureView<'_>, targets: &Targets<'_>) -> Result<()> {
        targets.check_rows(features.n_samples())?;
        self.check_like(features.n_features(), targets.labels().is_some(), targets.n_columns())?;
        let d = self.n_features;
        match (&mut self.columns, targets.labels(), targets.values()) {
            (
                Columns::Classes {
                    slots, counts, sums, ..
                },
                Some(labels),
                _,
            ) => {
                let index: Vec<usize> = labels
                    .iter()
                    .map(|&label| {
                        let next = slots.len();
                        let slot = *slots.entry(label).or_insert(next);
                        if slot == counts.len() {
                            counts.push(0);
                        }
                        counts[slot] += 1;
                        slot
                    })
                    .collect();
                if !counts.len().checked_mul(d).is_some_and(|size| grow(sums, size)) {
                    return Err(too_many_columns(d, counts.len()));
                }
                gram::add_to_class_sums(sums, features.data(), d, &index);
            }
            (Columns::Numbers { squares, sums }, _, Some(values)) => {
                for row in values.chunks_exact(squares.len()) {
                    for (square, value) in squares.iter_mut().zip(row) {
                        *square += value * value;
                    }
                }
                gram::add_products(sums, features.data(), d, values);
            }
            _ => return Err(Error::new(ErrorKind::Shape, "targets changed from classes to numbers")),
        }
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
        let (same_kind, expected) = match &self.columns {
            Columns::Classes { n_classes, .. } => (is_classes, *n_classes),
            Columns::Numbers { squares, .. } => (!is_classes, squares.len()),
        };
        if same_kind && n_columns == expected {
            Ok(())
        } else {
            let name = |classes| if classes { "classes" } else { "columns of numbers" };
            Err(Error::new(
                ErrorKind::Shape,
                format!(
                    "targets are {n_columns} {}, expected {expected} {} as before",
                    name(is_classes),
                    name(is_classes == same_kind)
                ),
            ))
        }
    }

    /// Number of samples, `n`.
    pub fn n_samples(&self) -> usize {
        self.n_samples
    }

    /// Number of features, `d`.
    pub fn n_features(&self) -> usize {
        self.n_features
    }

    /// Number of declared target columns: classes (those that did not occur too), or columns of numbers.
    pub fn n_columns(&self) -> usize {
        match &self.columns {
            Columns::Classes { n_classes, .. } => *n_classes,
            Columns::Numbers { squares, .. } => squares.len(),
        }
    }

    /// Whether the targets are one class a sample.
    pub fn is_classes(&self) -> bool {
        matches!(self.columns, Columns::Classes { .. })
    }

    /// Whether the rows themselves are held (`n ≤ d`).
    pub fn is_dual(&self) -> bool {
        matches!(self.form, Form::Dual { .. })
    }

    /// Calls `then` with the rows and targets of the dual form; does nothing in the primal form or without rows.
    pub(crate) fn with_rows(&self, then: impl FnOnce(&FeatureView<'_>, &Targets<'_>) -> Result<()>) -> Result<()> {
        let Form::Dual { rows, labels, values } = &self.form else {
            return Ok(());
        };
        if self.n_samples == 0 {
            return Ok(());
        }
        let features = FeatureView::new(rows, self.n_samples, self.n_features)?;
        let targets = if self.is_classes() {
            Targets::classes(labels, self.n_columns())?
        } else {
            Targets::columns(values, self.n_columns())?
        };
        then(&features, &targets)
    }

    /// The rows of the dual form, `[n, d]`.
    pub(crate) fn rows(&self) -> Option<&[f32]> {
        match &self.form {
            Form::Dual { rows, .. } => Some(rows),
            Form::Primal { .. } => None,
        }
    }

    /// The lower triangle of `G`, in the primal form.
    pub(crate) fn gram(&self) -> Option<&Triangle> {
        match &self.form {
            Form::Dual { .. } => None,
            Form::Primal { gram } => Some(gram),
        }
    }

    /// Exchanges the room for blocks: whoever fills many statistics in turn needs it once.
    pub(crate) fn swap_buffer(&mut self, buffer: &mut Wide) {
        std::mem::swap(&mut self.wide, buffer);
    }

    pub(crate) fn moments(&self) -> &Moments {
        &self.moments
    }

    /// `G v`.
    pub(crate) fn apply_gram(&self, vector: &[f64]) -> Vec<f64> {
        let d = self.n_features;
        match &self.form {
            Form::Dual { rows, .. } => {
                let mut product = vec![0.0; d];
                for row in rows.chunks_exact(d) {
                    let along: f64 = row.iter().zip(vector).map(|(&x, v)| f64::from(x) * v).sum();
                    for (product, &x) in product.iter_mut().zip(row) {
                        *product += along * f64::from(x);
                    }
                }
                product
            }
            Form::Primal { gram } => gram.apply(vector),
        }
    }

    /// The columns that count: name (class or column number), `s_j`, and `Fᵀy_j` `[d]`; classes ascending.
    pub(crate) fn target_columns(&self) -> Vec<TargetColumn<'_>> {
        let d = self.n_features;
        match &self.columns {
            Columns::Classes {
                slots, counts, sums, ..
            } => slots
                .iter()
                .filter(|&(_, &slot)| counts[slot] > 0)
                .map(|(&class, &slot)| TargetColumn {
                    index: usize::try_from(class).unwrap_or(usize::MAX),
                    square: counts[slot] as f64,
                    product: &sums[slot * d..(slot + 1) * d],
                })
                .collect(),
            Columns::Numbers { squares, sums } => squares
                .iter()
                .zip(sums.chunks_exact(d))
                .enumerate()
                .map(|(index, (&square, product))| TargetColumn { index, square, product })
                .collect(),
        }
    }

    /// `Y` `[n, c]` of the dual form as a dense column-major matrix over the columns that count.
    pub(crate) fn dual_targets(&self) -> Mat<f64> {
        let Form::Dual { labels, values, .. } = &self.form else {
            return Mat::zeros(0, 0);
        };
        match &self.columns {
            Columns::Classes { slots, .. } => {
                let mut dense = Mat::zeros(self.n_samples, slots.len());
                for (column, &class) in slots.keys().enumerate() {
                    for (row, &label) in labels.iter().enumerate() {
                        if label == class {
                            dense[(row, column)] = 1.0;
                        }
                    }
                }
                dense
            }
            Columns::Numbers { squares, .. } => {
                let c = squares.len();
                Mat::from_fn(self.n_samples, c, |row, column| values[row * c + column])
            }
        }
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

/// One column `y` of `Y`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TargetColumn<'a> {
    /// Its class, or its number.
    pub index: usize,
    /// `yᵀy`
    pub square: f64,
    /// `Fᵀy` `[d]`
    pub product: &'a [f64],
}

/// Lengthens `values` to `size` with zeros; false where there is no room.
fn grow(values: &mut Vec<f64>, size: usize) -> bool {
    let fits = values.try_reserve(size.saturating_sub(values.len())).is_ok();
    if fits {
        values.resize(size, 0.0);
    }
    fits
}

fn too_many_columns(n_features: usize, n_columns: usize) -> Error {
    Error::new(
        ErrorKind::Shape,
        format!(
            "there is no room for sums of {n_features} features over {n_columns} target columns; give fewer columns"
        ),
    )
}
