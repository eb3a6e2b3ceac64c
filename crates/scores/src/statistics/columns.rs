//! Sums of the features over the samples of each target column: `B = FᵀY`, and `s_j = y_jᵀy_j`.
//!
//! For classes, column j of `B` is the sum of the rows of class j, so the one-hot `Y` is never formed. Classes without a
//! sample are not stored.

use std::collections::BTreeMap;

use super::gram;
use crate::error::{Error, ErrorKind, Result};
use crate::features::FeatureView;
use crate::targets::Targets;

/// `B` and `s`, by kind of target.
#[derive(Clone, Debug)]
pub(super) enum Columns {
    Classes {
        n_classes: usize,
        /// The slot of every class that has occurred.
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

/// One column `y` of `Y`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TargetColumn<'a> {
    /// The class, or the number of the column.
    pub index: usize,
    /// `yᵀy`
    pub square: f64,
    /// `Fᵀy` `[d]`
    pub product: &'a [f64],
}

impl Columns {
    /// No samples yet, of `n_classes` classes.
    pub fn classes(n_classes: usize) -> Self {
        Self::Classes {
            n_classes,
            slots: BTreeMap::new(),
            counts: Vec::new(),
            sums: Vec::new(),
        }
    }

    /// No samples yet, of `n_columns` columns of numbers.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] where a size is zero or the sums do not fit into memory.
    pub fn numbers(n_features: usize, n_columns: usize) -> Result<Self> {
        let size = n_features.checked_mul(n_columns).filter(|&size| size > 0);
        let (mut squares, mut sums) = (Vec::new(), Vec::new());
        if size.is_some_and(|size| grow(&mut squares, n_columns) && grow(&mut sums, size)) {
            Ok(Self::Numbers { squares, sums })
        } else {
            Err(too_many_columns(n_features, n_columns))
        }
    }

    pub fn is_classes(&self) -> bool {
        matches!(self, Self::Classes { .. })
    }

    /// Declared columns: all classes, those without a sample too, or all columns of numbers.
    pub fn len(&self) -> usize {
        match self {
            Self::Classes { n_classes, .. } => *n_classes,
            Self::Numbers { squares, .. } => squares.len(),
        }
    }

    /// Checks that targets are of the same kind and number as before.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] where they are not.
    pub fn check_like(&self, is_classes: bool, n_columns: usize) -> Result<()> {
        if is_classes == self.is_classes() && n_columns == self.len() {
            return Ok(());
        }
        let name = |is_classes| {
            if is_classes { "classes" } else { "columns of numbers" }
        };
        Err(Error::new(
            ErrorKind::Shape,
            format!(
                "targets are {n_columns} {}, expected {} {} as before",
                name(is_classes),
                self.len(),
                name(self.is_classes())
            ),
        ))
    }

    /// Adds a batch of rows, which has passed [`Columns::check_like`].
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] where the sums of new classes do not fit into memory.
    pub fn update(&mut self, features: &FeatureView<'_>, targets: &Targets<'_>) -> Result<()> {
        let d = features.n_features();
        match (self, targets.labels(), targets.values()) {
            (
                Self::Classes {
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
            (Self::Numbers { squares, sums }, _, Some(values)) => {
                for row in values.chunks_exact(squares.len()) {
                    for (square, value) in squares.iter_mut().zip(row) {
                        *square += value * value;
                    }
                }
                gram::add_products(sums, features.data(), d, values);
            }
            _ => return Err(other_kind()),
        }
        Ok(())
    }

    /// The columns that have a sample, classes in ascending order; `d` is the number of features.
    pub fn occurring(&self, d: usize) -> Vec<TargetColumn<'_>> {
        match self {
            Self::Classes {
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
            Self::Numbers { squares, sums } => squares
                .iter()
                .zip(sums.chunks_exact(d))
                .enumerate()
                .map(|(index, (&square, product))| TargetColumn { index, square, product })
                .collect(),
        }
    }
}

/// The targets are of another kind than before.
pub(super) fn other_kind() -> Error {
    Error::new(ErrorKind::Shape, "targets changed from classes to numbers")
}

/// Lengthens `values` to `size` with zeros; false where memory does not suffice.
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
