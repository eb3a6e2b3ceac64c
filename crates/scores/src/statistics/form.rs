//! The second moments of the features, in whichever form is smaller: the rows themselves while `n ≤ d`, then `G = FᵀF`.

use faer::Mat;

use super::columns::Columns;
use super::triangle::Triangle;
use crate::error::Result;
use crate::features::FeatureView;
use crate::targets::Targets;

/// See the module.
#[derive(Clone, Debug)]
pub(super) enum Form {
    Dual {
        /// `[n, d]`
        rows: Vec<f32>,
        /// `[n]` where the targets are classes, otherwise empty
        labels: Vec<u32>,
        /// `[n, c]` where the targets are numbers, otherwise empty
        values: Vec<f64>,
    },
    Primal {
        gram: Triangle,
    },
}

impl Form {
    /// The dual form without rows.
    pub fn empty() -> Self {
        Self::Dual {
            rows: Vec::new(),
            labels: Vec::new(),
            values: Vec::new(),
        }
    }

    pub fn is_dual(&self) -> bool {
        matches!(self, Self::Dual { .. })
    }

    /// The rows of the dual form, `[n, d]`.
    pub fn rows(&self) -> Option<&[f32]> {
        match self {
            Self::Dual { rows, .. } => Some(rows),
            Self::Primal { .. } => None,
        }
    }

    /// The lower triangle of `G`, in the primal form.
    pub fn gram(&self) -> Option<&Triangle> {
        match self {
            Self::Dual { .. } => None,
            Self::Primal { gram } => Some(gram),
        }
    }

    /// The rows and targets of the dual form; `None` in the primal form, or without rows.
    ///
    /// # Errors
    /// None: they were checked when they came.
    pub fn held(&self, d: usize, columns: &Columns) -> Result<Option<(FeatureView<'_>, Targets<'_>)>> {
        let Self::Dual { rows, labels, values } = self else {
            return Ok(None);
        };
        if rows.is_empty() {
            return Ok(None);
        }
        let features = FeatureView::new(rows, rows.len() / d, d)?;
        let targets = if columns.is_classes() {
            Targets::classes(labels, columns.len())?
        } else {
            Targets::columns(values, columns.len())?
        };
        Ok(Some((features, targets)))
    }

    /// `G v`.
    pub fn apply_gram(&self, vector: &[f64]) -> Vec<f64> {
        match self {
            Self::Dual { rows, .. } => {
                let mut product = vec![0.0; vector.len()];
                for row in rows.chunks_exact(vector.len()) {
                    let along: f64 = row.iter().zip(vector).map(|(&x, v)| f64::from(x) * v).sum();
                    for (product, &x) in product.iter_mut().zip(row) {
                        *product += along * f64::from(x);
                    }
                }
                product
            }
            Self::Primal { gram } => gram.apply(vector),
        }
    }

    /// `Y` `[n, c]` of the dual form as a dense matrix over the columns that have a sample; `[0, 0]` in the primal form.
    pub fn dense_targets(&self, columns: &Columns) -> Mat<f64> {
        let Self::Dual { labels, values, .. } = self else {
            return Mat::zeros(0, 0);
        };
        match columns {
            Columns::Classes { slots, .. } => {
                let mut dense = Mat::zeros(labels.len(), slots.len());
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
                Mat::from_fn(values.len() / c, c, |row, column| values[row * c + column])
            }
        }
    }
}
