//! Batch spectral shrinkage (Chen, Wang, Fu, Long, Wang 2019): the k smallest singular values σ of the batch's features
//! F `[rows, d]` are penalised.
//!
//! `loss = task + η Σ_{i ≤ k} σ_{−i}²`. σ² is the eigenvalue of FFᵀ with eigenvector u, and `σ² = ‖uᵀF‖²`, whose gradient
//! with u held fixed, `2 u uᵀF`, is that of σ² (for an eigenvalue that is single). So u is computed on the host, by Jacobi
//! rotations of a matrix as large as the batch, and the term is a small product on the tape.

use crate::{Loss, Method, StepContext};
use ranktune_nn::head::POOLED;
use ranktune_nn::{DeviceTensor, Error, ErrorKind, Result};

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
        match eta.is_finite() && eta >= 0.0 && k > 0 {
            true => Ok(Self { eta, k }),
            false => Err(Error::new(
                ErrorKind::Input,
                format!("eta must be finite and >= 0 and k at least 1, got {eta} and {k}"),
            )),
        }
    }
}

impl Method for Bss {
    fn name(&self) -> &'static str {
        "bss"
    }

    fn describe(&self) -> String {
        format!("bss eta={} k={}", self.eta, self.k)
    }

    fn outputs(&self) -> Vec<String> {
        vec![POOLED.to_owned()]
    }

    fn loss(&self, step: &StepContext<'_>) -> Result<Loss> {
        let task = step.task_loss()?;
        let features = step.features()?;
        let dims = features.dims();
        let (rows, columns) = (dims[0], dims[1]);
        let values = features.detached().to_values()?;
        // The smaller of the two Gram matrices has the same eigenvalues, the zeros of the larger left out.
        let (size, vectors) = match rows <= columns {
            true => (rows, eigenvectors(gram(&values, rows, columns, columns, 1), rows)),
            false => (columns, eigenvectors(gram(&values, columns, rows, 1, columns), columns)),
        };
        let k = self.k.min(size);
        let chosen: Vec<f32> = vectors[..k * size].iter().map(|&value| value as f32).collect();
        let projected = match rows <= columns {
            true => DeviceTensor::from_values(&[k, size], chosen, step.device())?.matmul(&features)?,
            false => {
                let turned = (0..size).flat_map(|row| (0..k).map(move |column| (row, column)));
                let turned = turned.map(|(row, column)| chosen[column * size + row]).collect();
                features.matmul(&DeviceTensor::from_values(&[size, k], turned, step.device())?)?
            }
        };
        let spectrum = projected.mul(&projected)?.sum(&[0, 1]);
        let total = task.add(&spectrum.mul_scalar(self.eta))?;
        Ok(Loss {
            total,
            parts: vec![("task", task), ("spectrum", spectrum)],
        })
    }
}

/// `A Aᵀ` of the `size × inner` matrix with element (i, l) at `i · outer_stride + l · inner_stride`.
fn gram(values: &[f32], size: usize, inner: usize, outer_stride: usize, inner_stride: usize) -> Vec<f64> {
    let at = |i: usize, l: usize| f64::from(values[i * outer_stride + l * inner_stride]);
    let mut product = vec![0.0; size * size];
    for i in 0..size {
        for j in 0..=i {
            let sum: f64 = (0..inner).map(|l| at(i, l) * at(j, l)).sum();
            product[i * size + j] = sum;
            product[j * size + i] = sum;
        }
    }
    product
}

/// The eigenvectors of a symmetric matrix, one a row, by rising eigenvalue; cyclic Jacobi rotations.
fn eigenvectors(mut a: Vec<f64>, n: usize) -> Vec<f64> {
    let mut v: Vec<f64> = (0..n * n).map(|at| f64::from(u8::from(at / n == at % n))).collect();
    let scale: f64 = (0..n).map(|i| a[i * n + i].abs()).sum::<f64>().max(f64::MIN_POSITIVE);
    for _ in 0..60 {
        let off: f64 = (0..n)
            .flat_map(|i| (0..i).map(move |j| (i, j)))
            .map(|(i, j)| a[i * n + j].powi(2))
            .sum();
        if off.sqrt() <= 1e-14 * scale {
            break;
        }
        for p in 0..n {
            for q in p + 1..n {
                let apq = a[p * n + q];
                if apq.abs() <= 1e-300 {
                    continue;
                }
                let theta = (a[q * n + q] - a[p * n + p]) / (2.0 * apq);
                let t = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
                let c = 1.0 / (t * t + 1.0).sqrt();
                let s = t * c;
                for k in 0..n {
                    let (akp, akq) = (a[k * n + p], a[k * n + q]);
                    a[k * n + p] = c * akp - s * akq;
                    a[k * n + q] = s * akp + c * akq;
                }
                for k in 0..n {
                    let (apk, aqk) = (a[p * n + k], a[q * n + k]);
                    a[p * n + k] = c * apk - s * aqk;
                    a[q * n + k] = s * apk + c * aqk;
                    let (vp, vq) = (v[p * n + k], v[q * n + k]);
                    v[p * n + k] = c * vp - s * vq;
                    v[q * n + k] = s * vp + c * vq;
                }
            }
        }
    }
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&i, &j| a[i * n + i].total_cmp(&a[j * n + j]));
    order.iter().flat_map(|&i| v[i * n..(i + 1) * n].to_vec()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eigenvectors_solve_their_equation_by_rising_eigenvalue() {
        let n = 5;
        let values: Vec<f32> = (0..n * 7).map(|at| ((at * 37 % 19) as f32 - 9.0) / 5.0).collect();
        let matrix = gram(&values, n, 7, 7, 1);
        let vectors = eigenvectors(matrix.clone(), n);
        let mut last = 0.0;
        for u in vectors.chunks_exact(n) {
            let product: Vec<f64> = (0..n).map(|i| (0..n).map(|j| matrix[i * n + j] * u[j]).sum()).collect();
            let value: f64 = product.iter().zip(u).map(|(a, b)| a * b).sum();
            assert!(product.iter().zip(u).all(|(a, b)| (a - value * b).abs() < 1e-9));
            assert!(value >= last - 1e-9);
            last = value;
        }
    }
}
