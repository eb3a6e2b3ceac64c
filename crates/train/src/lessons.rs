//! What teachers say of every view of every sample, computed before training: numbers, so that a step with three teachers
//! costs what a step with none does.

use super::{EVALUATION, Pick, Targets};
use ranktune_nn::{Device, DeviceTensor, Error, ErrorKind, Result};

/// Teachers' predictions ȳ, already combined over the teachers (`Σ_k π_k m_kᵀ φ_k(x)`).
#[derive(Clone, Debug, PartialEq)]
pub struct Lessons {
    /// By sample, then view, then row of the sample, then column; in the units of the targets.
    values: Vec<f32>,
    n_views: u32,
    columns: usize,
}

impl Lessons {
    /// Predictions for views `0..n_views`: `[sample, view, row of the sample, column]`, row-major. With `n_views` 1 they hold
    /// for every view, the evaluation view among them.
    ///
    /// # Errors
    /// `Input` when there is no view or no column, or a value is not finite.
    pub fn new(values: Vec<f32>, n_views: u32, columns: usize) -> Result<Self> {
        let wrong = |message: &str| Error::new(ErrorKind::Input, message);
        if n_views == 0 || columns == 0 {
            return Err(wrong("teachers' predictions need at least one view and one column"));
        }
        if values.iter().any(|value| !value.is_finite()) {
            return Err(wrong("a teacher's prediction is not finite; leave that teacher out"));
        }
        Ok(Self {
            values,
            n_views,
            columns,
        })
    }

    /// Number of views.
    pub fn n_views(&self) -> u32 {
        self.n_views
    }

    /// Number of columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The predictions.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// Whether there is a prediction for every view of every row of `targets`.
    ///
    /// # Errors
    /// `Input`, with both numbers, when not.
    pub fn check(&self, targets: &Targets) -> Result<()> {
        let rows = targets.rows_of(targets.n_samples() - 1).end;
        let (expected, found) = (rows * self.n_views as usize * self.columns, self.values.len());
        if self.columns != targets.columns() || expected != found {
            return Err(Error::new(
                ErrorKind::Input,
                format!(
                    "teachers' predictions have {} columns and {found} values, expected {} columns and {expected} values",
                    self.columns,
                    targets.columns()
                ),
            ));
        }
        Ok(())
    }

    /// The predictions `[rows, columns]` for a batch, row-major.
    ///
    /// # Errors
    /// `Input` when a view was not predicted.
    pub(crate) fn gather(&self, picks: &[Pick], targets: &Targets) -> Result<Vec<f32>> {
        let mut gathered = Vec::with_capacity(picks.len() * self.columns);
        for pick in picks {
            let rows = targets.rows_of(pick.sample);
            let view = match self.n_views {
                1 => 0,
                n if pick.view < n => pick.view as usize,
                n => {
                    let view = pick.view;
                    let found = if view == EVALUATION {
                        "the evaluation view".to_owned()
                    } else {
                        format!("view {view}")
                    };
                    return Err(Error::new(
                        ErrorKind::Input,
                        format!(
                            "teachers predicted {n} views, and training asks for {found}; train with as many views"
                        ),
                    ));
                }
            };
            let start = (rows.start * self.n_views as usize + view * rows.len()) * self.columns;
            gathered.extend_from_slice(&self.values[start..start + rows.len() * self.columns]);
        }
        Ok(gathered)
    }

    /// [`Lessons::gather`] on a device, each column divided by its `scale`.
    pub(crate) fn on_device(
        &self,
        picks: &[Pick],
        targets: &Targets,
        scale: Option<&[f32]>,
        device: &Device,
    ) -> Result<DeviceTensor> {
        let mut values = self.gather(picks, targets)?;
        if let Some(scale) = scale {
            for row in values.chunks_exact_mut(self.columns) {
                row.iter_mut().zip(scale).for_each(|(value, scale)| *value /= scale);
            }
        }
        DeviceTensor::from_values(&[values.len() / self.columns, self.columns], values, device)
    }
}
