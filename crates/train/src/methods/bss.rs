//! Batch spectral shrinkage (Chen, Wang, Fu, Long, Wang 2019): the k smallest singular values σ of the batch's features
//! F `[rows, d]` are penalised.
//!
//! `loss = task + η Σ_{i ≤ k} σ_{−i}²`. σ² is the eigenvalue of FFᵀ with eigenvector u, and `σ² = ‖uᵀF‖²`, whose gradient
//! with u held fixed, `2 u uᵀF`, is that of σ² (for an eigenvalue that is single). So u is computed on the host, and the term is a
//! small product on the tape.

use faer::diag::Diag;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::evd::{ComputeEigenvectors, self_adjoint_evd, self_adjoint_evd_scratch};
use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatRef, Par};
use ranktune_nn::DeviceTensor;
use ranktune_nn::head::POOLED;

use crate::error::{Error, Result};
use crate::method::{Loss, Method, StepContext};
use crate::method_info::MethodInfo;

/// The entry of the list.
pub(super) const METHOD: MethodInfo = MethodInfo {
    name: "bss",
    summary: "penalise the smallest singular values of the features (Chen 2019)",
    needs: &[],
    make: |_| Ok(Box::new(Bss::default())),
};

/// Batch spectral shrinkage.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bss {
    eta: f32,
    k: usize,
}

impl Default for Bss {
    /// η = 0.001, k = 1, as published.
    fn default() -> Self {
        Self { eta: 1e-3, k: 1 }
    }
}

impl Bss {
    /// η, and the number k of singular values.
    ///
    /// # Errors
    /// `Input` when η is negative or not finite, or k is 0.
    pub fn new(eta: f32, k: usize) -> Result<Self> {
        if !(eta.is_finite() && eta >= 0.0 && k > 0) {
            return Err(Error::input(format!(
                "eta must be finite and >= 0 and k at least 1, got {eta} and {k}"
            )));
        }
        Ok(Self { eta, k })
    }
}

impl Method for Bss {
    fn name(&self) -> &'static str {
        METHOD.name
    }

    fn describe(&self) -> String {
        format!("bss eta={} k={}", self.eta, self.k)
    }

    fn outputs(&self) -> Vec<String> {
        vec![POOLED.to_owned()]
    }

    fn is_mean_over_rows(&self) -> bool {
        false
    }

    fn loss(&self, step: &StepContext<'_>) -> Result<Loss> {
        let task = step.task_loss()?;
        let features = step.features()?;
        let dims = features.dims();
        let (rows, columns) = (dims[0], dims[1]);
        let values = features.detached().to_values()?;
        let matrix = Mat::from_fn(rows, columns, |row, column| f64::from(values[row * columns + column]));
        // Of the two Gram matrices, FFᵀ and FᵀF, the smaller one: the larger has the same eigenvalues and further zeros.
        let by_row = rows <= columns;
        let vectors = if by_row {
            eigenvectors(matrix.as_ref())?
        } else {
            eigenvectors(matrix.transpose())?
        };
        let size = vectors.nrows();
        let k = self.k.min(size);
        let element = |row: usize, column: usize| vectors[(row, column)] as f32;
        let projected = if by_row {
            let smallest = (0..k).flat_map(|column| (0..size).map(move |row| element(row, column)));
            DeviceTensor::from_values(&[k, size], smallest.collect(), step.device())?.matmul(&features)?
        } else {
            let smallest = (0..size).flat_map(|row| (0..k).map(move |column| element(row, column)));
            features.matmul(&DeviceTensor::from_values(
                &[size, k],
                smallest.collect(),
                step.device(),
            )?)?
        };
        let spectrum = projected.mul(&projected)?.sum(&[0, 1]);
        let total = task.add(&spectrum.mul_scalar(self.eta))?;
        Ok(Loss {
            total,
            parts: vec![("task", task), ("spectrum", spectrum)],
            state: None,
        })
    }
}

/// The eigenvectors of `F Fᵀ`, one per column, by ascending eigenvalue. On one thread, so that their bits do not depend on the machine's
/// number of cores.
fn eigenvectors(matrix: MatRef<'_, f64>) -> Result<Mat<f64>> {
    let size = matrix.nrows();
    let is_finite = matrix
        .col_iter()
        .all(|column| column.iter().all(|value| value.is_finite()));
    if !is_finite {
        return Err(Error::diverged("the features are not finite"));
    }
    let mut gram = Mat::zeros(size, size);
    matmul(gram.as_mut(), Accum::Replace, matrix, matrix.transpose(), 1.0, Par::Seq);
    let (mut values, mut vectors) = (Diag::zeros(size), Mat::zeros(size, size));
    let params = Default::default();
    let scratch = self_adjoint_evd_scratch::<f64>(size, ComputeEigenvectors::Yes, Par::Seq, params);
    let mut memory = MemBuffer::new(scratch);
    self_adjoint_evd(
        gram.as_ref(),
        values.as_mut(),
        Some(vectors.as_mut()),
        Par::Seq,
        MemStack::new(&mut memory),
        params,
    )
    .map_err(|_| Error::diverged("the singular values of the features do not converge"))?;
    Ok(vectors)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    #[test]
    fn eigenvectors_solve_their_equation_by_rising_eigenvalue() {
        let matrix = Mat::from_fn(5, 7, |row, column| ((row * 7 + column) * 37 % 19) as f64 / 5.0 - 1.8);
        let vectors = eigenvectors(matrix.as_ref()).unwrap();
        let gram = |i: usize, j: usize| (0..7).map(|l| matrix[(i, l)] * matrix[(j, l)]).sum::<f64>();
        let mut last = 0.0;
        for u in vectors.col_iter() {
            let product: Vec<f64> = (0..5).map(|i| (0..5).map(|j| gram(i, j) * u[j]).sum()).collect();
            let value: f64 = (0..5).map(|i| product[i] * u[i]).sum();
            assert!((0..5).all(|i| (product[i] - value * u[i]).abs() < 1e-9), "{product:?}");
            assert!(value >= last - 1e-9, "{value} after {last}");
            last = value;
        }
    }

    #[test]
    fn features_that_are_not_finite_are_a_divergence() {
        let matrix = Mat::from_fn(3, 4, |row, _| if row == 1 { f64::NAN } else { 1.0 });
        assert_eq!(eigenvectors(matrix.as_ref()).unwrap_err().kind(), ErrorKind::Diverged);
    }
}
