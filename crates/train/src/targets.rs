//! Training targets: classes, sets of labels or numbers, by sample or by row (token) of a sample.

use crate::error::{Error, Result};

/// Target values, row by row.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum TargetValues {
    /// One class per row.
    Classes {
        /// Class of each row, below `n_classes`.
        labels: Vec<u32>,
        /// Number of classes.
        n_classes: usize,
    },
    /// Any number of labels per row.
    MultiLabel {
        /// 1 where a row has a label, else 0: `[rows, n_labels]`, row-major.
        values: Vec<f32>,
        /// Number of labels.
        n_labels: usize,
    },
    /// Numbers.
    Regression {
        /// `[rows, n_outputs]`, row-major, in the units of the data.
        values: Vec<f32>,
        /// Number of outputs.
        n_outputs: usize,
    },
}

/// Targets by sample.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainTargets {
    values: TargetValues,
    offsets: Option<Vec<usize>>,
    n_samples: usize,
}

fn wrong(message: String) -> Error {
    Error::input(message)
}

impl TargetValues {
    /// Number of outputs that a model needs for these targets.
    pub fn columns(&self) -> usize {
        match self {
            Self::Classes { n_classes, .. } => *n_classes,
            Self::MultiLabel { n_labels, .. } => *n_labels,
            Self::Regression { n_outputs, .. } => *n_outputs,
        }
    }

    /// Number of rows.
    ///
    /// # Errors
    /// `Input` when there is no column, or the last row is incomplete.
    fn rows(&self) -> Result<usize> {
        let columns = self.columns();
        if columns == 0 {
            return Err(wrong("targets need at least one class, label or output".to_owned()));
        }
        match self {
            Self::Classes { labels, .. } => Ok(labels.len()),
            Self::MultiLabel { values, .. } | Self::Regression { values, .. } => match values.len() % columns {
                0 => Ok(values.len() / columns),
                _ => Err(wrong(format!(
                    "{} target values do not fill rows of {columns}",
                    values.len()
                ))),
            },
        }
    }
}

impl TrainTargets {
    /// One row of targets per sample.
    ///
    /// # Errors
    /// `Input` when there are none, a class is not below the number of classes, a value is not finite, or the last row is incomplete.
    pub fn new(values: TargetValues) -> Result<Self> {
        let n_samples = check(&values)?;
        Ok(Self {
            values,
            offsets: None,
            n_samples,
        })
    }

    /// Rows by sample: sample i has the rows `offsets[i]..offsets[i + 1]`.
    ///
    /// # Errors
    /// As [`TrainTargets::new`], and `Input` when the offsets do not increase from 0 to the number of rows.
    pub fn by_row(values: TargetValues, offsets: Vec<usize>) -> Result<Self> {
        let rows = check(&values)?;
        let rises = offsets.windows(2).all(|pair| pair[0] <= pair[1]);
        if offsets.len() < 2 || !rises || offsets.first() != Some(&0) || offsets.last() != Some(&rows) {
            return Err(wrong(format!(
                "offsets of targets must increase from 0 to the number of rows, {rows}"
            )));
        }
        Ok(Self {
            n_samples: offsets.len() - 1,
            values,
            offsets: Some(offsets),
        })
    }

    /// The values.
    pub fn values(&self) -> &TargetValues {
        &self.values
    }

    /// Number of samples.
    pub fn n_samples(&self) -> usize {
        self.n_samples
    }

    /// Number of columns: classes, labels or outputs.
    pub fn columns(&self) -> usize {
        self.values.columns()
    }

    /// Whether a sample has several rows, as in token classification.
    pub fn is_by_row(&self) -> bool {
        self.offsets.is_some()
    }

    /// The rows of a sample.
    pub fn rows_of(&self, sample: usize) -> std::ops::Range<usize> {
        match &self.offsets {
            Some(offsets) => offsets[sample]..offsets[sample + 1],
            None => sample..sample + 1,
        }
    }
}

/// Checks the values; returns their number of rows.
fn check(values: &TargetValues) -> Result<usize> {
    let rows = values.rows()?;
    if rows == 0 {
        return Err(wrong("there are no targets".to_owned()));
    }
    match values {
        TargetValues::Classes { labels, n_classes } => {
            if let Some(row) = labels.iter().position(|&label| label as usize >= *n_classes) {
                let label = labels[row];
                return Err(wrong(format!(
                    "target {row} is class {label}, expected one below {n_classes}"
                )));
            }
        }
        TargetValues::MultiLabel { values, .. } => {
            if let Some(value) = values.iter().find(|value| !(0.0..=1.0).contains(*value)) {
                return Err(wrong(format!("a label must be between 0 and 1, got {value}")));
            }
        }
        TargetValues::Regression { values, n_outputs } => {
            if let Some(at) = values.iter().position(|value| !value.is_finite()) {
                let (row, value) = (at / n_outputs, values[at]);
                return Err(wrong(format!("target {row} is {value}, expected a finite number")));
            }
        }
    }
    Ok(rows)
}
