//! Teachers' predictions for every view of every training sample, computed before training: a step costs the same with three
//! teachers as with none.

use std::sync::Arc;

use ranktune_nn::{Device, DeviceTensor};

use crate::error::{Error, Result};
use crate::samples::{EVALUATION_VIEW, Pick};
use crate::targets::TrainTargets;

/// Teachers' predictions ȳ, combined over the teachers (`Σ_k π_k m_kᵀ φ_k(x)`). A clone shares the numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct TeacherPredictions {
    /// By sample, then view, then row of the sample, then column; in the units of the targets.
    values: Arc<[f32]>,
    n_views: u32,
    columns: usize,
}

impl TeacherPredictions {
    /// Predictions for views `0..n_views`: `[sample, view, row of the sample, column]`, row-major. With `n_views` 1 they hold
    /// for every view, including the evaluation view.
    ///
    /// # Errors
    /// `Input` when there is no view or no column, or a value is not finite.
    pub fn new(values: Vec<f32>, n_views: u32, columns: usize) -> Result<Self> {
        if n_views == 0 || columns == 0 {
            return Err(Error::input(
                "teachers' predictions need at least one view and one column",
            ));
        }
        if values.iter().any(|value| !value.is_finite()) {
            return Err(Error::input(
                "a teacher's prediction is not finite; leave that teacher out",
            ));
        }
        Ok(Self {
            values: values.into(),
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

    /// Checks that there is a prediction for every view of every row of `targets`.
    ///
    /// # Errors
    /// `Input`, with the expected and the found numbers.
    pub fn check(&self, targets: &TrainTargets) -> Result<()> {
        let rows = targets.rows_of(targets.n_samples() - 1).end;
        let (expected, found) = (rows * self.n_views as usize * self.columns, self.values.len());
        if self.columns != targets.columns() || expected != found {
            return Err(Error::input(format!(
                "teachers' predictions have {} columns and {found} values, expected {} columns and {expected} values",
                self.columns,
                targets.columns()
            )));
        }
        Ok(())
    }

    /// The place of a view among the predicted ones.
    fn place_of(&self, view: u32) -> Result<usize> {
        if self.n_views == 1 {
            return Ok(0);
        }
        if view < self.n_views {
            return Ok(view as usize);
        }
        let found = if view == EVALUATION_VIEW {
            "the evaluation view".to_owned()
        } else {
            format!("view {view}")
        };
        Err(Error::input(format!(
            "teachers predicted {} views, and training asks for {found}; train with as many views",
            self.n_views
        )))
    }

    /// The predictions `[rows, columns]` for a batch, row-major.
    ///
    /// # Errors
    /// `Input` when there is no prediction for a view.
    pub(crate) fn gather(&self, picks: &[Pick], targets: &TrainTargets) -> Result<Vec<f32>> {
        let mut gathered = Vec::with_capacity(picks.len() * self.columns);
        for pick in picks {
            let rows = targets.rows_of(pick.sample);
            let view = self.place_of(pick.view)?;
            let start = (rows.start * self.n_views as usize + view * rows.len()) * self.columns;
            gathered.extend_from_slice(&self.values[start..start + rows.len() * self.columns]);
        }
        Ok(gathered)
    }

    /// The predictions for a batch on a device, each column divided by its `scale`.
    pub(crate) fn on_device(
        &self,
        picks: &[Pick],
        targets: &TrainTargets,
        scale: Option<&[f32]>,
        device: &Device,
    ) -> Result<DeviceTensor> {
        let mut values = self.gather(picks, targets)?;
        if let Some(scale) = scale {
            for row in values.chunks_exact_mut(self.columns) {
                row.iter_mut().zip(scale).for_each(|(value, scale)| *value /= scale);
            }
        }
        Ok(DeviceTensor::from_values(
            &[values.len() / self.columns, self.columns],
            values,
            device,
        )?)
    }
}
