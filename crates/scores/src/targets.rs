//! Borrowed, checked targets: one class per sample, or columns of numbers.
//!
//! `Y` `[n, c]` of the equations is one-hot over the classes that occur, or the columns themselves (regression values,
//! multi-label 0/1). The one-hot matrix is never formed: a label is enough to add a row of features to the sum of its class.

use std::collections::BTreeSet;

use crate::error::{Error, ErrorKind, Result};

#[derive(Clone, Copy, Debug)]
enum Kind<'a> {
    Classes { labels: &'a [u32], n_classes: usize },
    Columns { values: &'a [f64], n_columns: usize },
}

/// Targets of `n ≥ 1` samples.
#[derive(Clone, Copy, Debug)]
pub struct Targets<'a> {
    kind: Kind<'a>,
}

impl<'a> Targets<'a> {
    /// One class per sample: `labels` `[n]`, each below `n_classes`. Classes that never occur are left out of every score.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] where there are no samples, [`ErrorKind::OutOfRange`] where a label is not below `n_classes`.
    pub fn classes(labels: &'a [u32], n_classes: usize) -> Result<Self> {
        if labels.is_empty() {
            return Err(Error::new(
                ErrorKind::Shape,
                "targets have no samples, expected at least one",
            ));
        }
        let outside = |&label: &u32| usize::try_from(label).map_or(true, |label| label >= n_classes);
        if let Some(row) = labels.iter().position(outside) {
            return Err(Error::new(
                ErrorKind::OutOfRange,
                format!(
                    "class labels must be below the number of classes, {n_classes}, got {} at row {row}",
                    labels[row]
                ),
            ));
        }
        Ok(Self {
            kind: Kind::Classes { labels, n_classes },
        })
    }

    /// Columns of numbers: `values` `[n, n_columns]` row-major (regression values, or 0/1 for multi-label targets).
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] where there are no samples or columns or the length is no multiple of `n_columns`;
    /// [`ErrorKind::NonFinite`] where a number is not finite, or too large to be squared and summed (the message names
    /// row and column).
    pub fn columns(values: &'a [f64], n_columns: usize) -> Result<Self> {
        if n_columns == 0 || values.is_empty() {
            return Err(Error::new(
                ErrorKind::Shape,
                format!(
                    "targets have {} numbers in {n_columns} columns, expected at least one column and one sample",
                    values.len()
                ),
            ));
        }
        if !values.len().is_multiple_of(n_columns) {
            return Err(Error::new(
                ErrorKind::Shape,
                format!(
                    "targets have {} numbers, which is no multiple of their {n_columns} columns",
                    values.len()
                ),
            ));
        }
        // Squares of up to 2^64 numbers of this size still add up to a finite sum.
        const LARGEST: f64 = 1e140;
        if let Some(at) = values.iter().position(|value| value.is_nan() || value.abs() > LARGEST) {
            return Err(Error::new(
                ErrorKind::NonFinite,
                format!(
                    "targets must be finite and at most {LARGEST:e} in size, got {:e} at row {}, column {}",
                    values[at],
                    at / n_columns,
                    at % n_columns
                ),
            ));
        }
        Ok(Self {
            kind: Kind::Columns { values, n_columns },
        })
    }

    /// Number of samples, `n`.
    pub fn n_samples(&self) -> usize {
        match self.kind {
            Kind::Classes { labels, .. } => labels.len(),
            Kind::Columns { values, n_columns } => values.len() / n_columns,
        }
    }

    /// Number of declared columns: classes (those that do not occur too), or columns of numbers.
    pub fn n_columns(&self) -> usize {
        match self.kind {
            Kind::Classes { n_classes, .. } => n_classes,
            Kind::Columns { n_columns, .. } => n_columns,
        }
    }

    /// The class labels `[n]`, where the targets are classes.
    pub fn labels(&self) -> Option<&'a [u32]> {
        match self.kind {
            Kind::Classes { labels, .. } => Some(labels),
            Kind::Columns { .. } => None,
        }
    }

    /// The numbers `[n, c]`, where the targets are columns of numbers.
    pub fn values(&self) -> Option<&'a [f64]> {
        match self.kind {
            Kind::Classes { .. } => None,
            Kind::Columns { values, .. } => Some(values),
        }
    }

    /// Checks that there is a target for every row of features.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] where the numbers of rows differ.
    pub(crate) fn check_rows(&self, n_samples: usize) -> Result<()> {
        if self.n_samples() == n_samples {
            Ok(())
        } else {
            Err(Error::new(
                ErrorKind::Shape,
                format!("features have {n_samples} rows but targets have {}", self.n_samples()),
            ))
        }
    }

    /// The labels, at least two different ones among them, for the score called `score`.
    pub(crate) fn labels_for(&self, score: &str) -> Result<&'a [u32]> {
        let labels = self.labels().ok_or_else(|| {
            Error::new(
                ErrorKind::MissingInput,
                format!("{score} needs one class a sample, got columns of numbers; use logme for these targets"),
            )
        })?;
        if labels.iter().all(|label| *label == labels[0]) {
            return Err(Error::new(
                ErrorKind::TooFewClasses,
                format!(
                    "{score} compares classes, but all {} samples are of class {}; give it samples of at least two classes",
                    labels.len(),
                    labels[0]
                ),
            ));
        }
        Ok(labels)
    }
}

/// Labels renumbered over the classes that occur.
#[derive(Clone, Debug)]
pub(crate) struct Compact {
    /// The classes that occur, ascending.
    pub classes: Vec<u32>,
    /// Index into `classes` of every sample, `[n]`.
    pub index: Vec<usize>,
    /// Samples of every class.
    pub counts: Vec<usize>,
}

impl Compact {
    pub fn new(labels: &[u32]) -> Self {
        let classes: Vec<u32> = labels.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
        let index: Vec<usize> = labels
            .iter()
            .map(|label| classes.partition_point(|class| class < label))
            .collect();
        let mut counts = vec![0; classes.len()];
        for &class in &index {
            counts[class] += 1;
        }
        Self { classes, index, counts }
    }

    /// Rows of every class, ascending.
    pub fn members(&self) -> Vec<Vec<usize>> {
        let mut members: Vec<Vec<usize>> = self.counts.iter().map(|&count| Vec::with_capacity(count)).collect();
        for (row, &class) in self.index.iter().enumerate() {
            members[class].push(row);
        }
        members
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_beyond_the_classes_is_named() {
        let error = Targets::classes(&[0, 1, 7], 2).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::OutOfRange);
        assert!(error.to_string().contains("got 7 at row 2"), "{error}");
    }

    #[test]
    fn an_infinite_or_huge_target_is_named() {
        for bad in [f64::NAN, f64::NEG_INFINITY, 1e200] {
            let error = Targets::columns(&[0.0, 1.0, 2.0, bad], 2).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NonFinite);
            assert!(error.to_string().contains("row 1, column 1"), "{error}");
        }
    }

    #[test]
    fn ragged_columns_are_refused() {
        assert_eq!(Targets::columns(&[0.0; 5], 2).unwrap_err().kind(), ErrorKind::Shape);
        assert_eq!(Targets::columns(&[], 2).unwrap_err().kind(), ErrorKind::Shape);
    }

    #[test]
    fn compact_labels_skip_classes_that_do_not_occur() {
        let compact = Compact::new(&[5, 2, 5, 9]);
        assert_eq!(compact.classes, [2, 5, 9]);
        assert_eq!(compact.index, [1, 0, 1, 2]);
        assert_eq!(compact.counts, [1, 2, 1]);
        assert_eq!(compact.members(), [vec![1], vec![0, 2], vec![3]]);
    }
}
