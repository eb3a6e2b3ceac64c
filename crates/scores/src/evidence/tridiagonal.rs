//! `M = Q T Qᵀ` for a symmetric matrix. After that every value of `t` costs `O(k)`.
//!
//! `M` `[k, k]` is `G` or `K`; `T` is tridiagonal with diagonal `[k]` and off-diagonal `[k − 1]`; `Q` is a product of
//! Householder reflections, kept in the lower triangle of `M` and applied in blocks. The matrix is first divided by a power of
//! four near its largest entry, so that no square of an entry over- or underflows however the features are scaled;
//! a power of four has an exact square root, so this costs no rounding anywhere.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::evd::tridiag;
use faer::linalg::householder;
use faer::{Conj, Mat, MatMut, MatRef};

use crate::error::{Error, ErrorKind, Result};
use crate::linalg;

/// The factors of `M / scale`.
pub(crate) struct Tridiagonal {
    /// Diagonal of `T`, `[k]`.
    pub diagonal: Vec<f64>,
    /// Off-diagonal of `T`, `[k − 1]`.
    pub off_diagonal: Vec<f64>,
    /// The power of four that `M` was divided by.
    pub scale: f64,
    reflectors: Mat<f64>,
    coefficients: Mat<f64>,
}

/// The power of four nearest to `value > 0`, as a factor.
pub(crate) fn power_of_four(value: f64) -> f64 {
    // Halved exponents keep the scale's inverse, and the square root of either, normal numbers.
    4.0_f64.powi((value.log2() / 2.0).round().clamp(-500.0, 500.0) as i32)
}

const PANEL: usize = 32;

impl Tridiagonal {
    /// Reduces `matrix`, of which only the lower triangle is read.
    pub fn reduce(mut matrix: Mat<f64>) -> Result<Self> {
        let k = matrix.nrows();
        let largest = (0..k).map(|i| matrix[(i, i)]).fold(0.0, f64::max);
        if !largest.is_finite() {
            return Err(Error::new(
                ErrorKind::NonFinite,
                "the features' second moments overflow; scale the features down",
            ));
        }
        if largest <= 0.0 || k == 1 {
            let scale = if largest > 0.0 { power_of_four(largest) } else { 1.0 };
            return Ok(Self {
                diagonal: (0..k).map(|i| matrix[(i, i)] / scale).collect(),
                off_diagonal: vec![0.0; k.saturating_sub(1)],
                scale,
                reflectors: Mat::zeros(0, 0),
                coefficients: Mat::zeros(0, 0),
            });
        }
        let scale = power_of_four(largest);
        for column in 0..k {
            for entry in &mut matrix.col_as_slice_mut(column)[column..] {
                *entry /= scale;
            }
        }
        let mut coefficients = Mat::zeros(PANEL.min(k - 1), k - 1);
        let par = linalg::parallel();
        let mut memory = MemBuffer::new(tridiag::tridiag_in_place_scratch::<f64>(k, par, Default::default()));
        tridiag::tridiag_in_place(
            matrix.as_mut(),
            coefficients.as_mut(),
            par,
            MemStack::new(&mut memory),
            Default::default(),
        );
        Ok(Self {
            diagonal: (0..k).map(|i| matrix[(i, i)]).collect(),
            off_diagonal: (1..k).map(|i| matrix[(i, i - 1)]).collect(),
            scale,
            reflectors: matrix,
            coefficients,
        })
    }

    /// `X ← QᵀX`, `X` `[k, c]`.
    pub fn apply_transposed(&self, columns: MatMut<'_, f64>) {
        self.apply(columns, Direction::Transposed);
    }

    /// `X ← QX`, `X` `[k, c]`.
    pub fn apply_forward(&self, columns: MatMut<'_, f64>) {
        self.apply(columns, Direction::Forward);
    }

    fn apply(&self, columns: MatMut<'_, f64>, direction: Direction) {
        let k = self.reflectors.nrows();
        if k < 2 {
            return;
        }
        let c = columns.ncols();
        let basis: MatRef<'_, f64> = self.reflectors.as_ref().submatrix(1, 0, k - 1, k - 1);
        let below = columns.subrows_mut(1, k - 1);
        let mut memory = MemBuffer::new(
            householder::apply_block_householder_sequence_transpose_on_the_left_in_place_scratch::<f64>(
                k - 1,
                self.coefficients.nrows(),
                c,
            ),
        );
        let stack = MemStack::new(&mut memory);
        let apply = match direction {
            Direction::Transposed => {
                householder::apply_block_householder_sequence_transpose_on_the_left_in_place_with_conj::<f64>
            }
            Direction::Forward => householder::apply_block_householder_sequence_on_the_left_in_place_with_conj::<f64>,
        };
        apply(
            basis,
            self.coefficients.as_ref(),
            Conj::No,
            below,
            linalg::parallel(),
            stack,
        );
    }
}

#[derive(Clone, Copy)]
enum Direction {
    Forward,
    Transposed,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reconstructs(matrix: &Mat<f64>, name: &str) {
        let k = matrix.nrows();
        let reduced = Tridiagonal::reduce(matrix.clone()).unwrap();
        // Q T Qᵀ, column by column: Qᵀ e_j, then T, then Q.
        let mut rebuilt = Mat::<f64>::identity(k, k);
        reduced.apply_transposed(rebuilt.as_mut());
        let mut middle = Mat::<f64>::zeros(k, k);
        for j in 0..k {
            for i in 0..k {
                middle[(i, j)] = reduced.diagonal[i] * rebuilt[(i, j)];
                if i > 0 {
                    middle[(i, j)] += reduced.off_diagonal[i - 1] * rebuilt[(i - 1, j)];
                }
                if i + 1 < k {
                    middle[(i, j)] += reduced.off_diagonal[i] * rebuilt[(i + 1, j)];
                }
            }
        }
        reduced.apply_forward(middle.as_mut());
        let size = (0..k).map(|i| matrix[(i, i)]).fold(0.0, f64::max);
        for j in 0..k {
            for i in j..k {
                let error = (middle[(i, j)] * reduced.scale - matrix[(i, j)]).abs();
                assert!(
                    error <= 1e-15 * (k as f64).sqrt() * 8.0 * size,
                    "{name}: entry {i},{j} is off by {error:e}"
                );
            }
        }
    }

    fn gram(n: usize, d: usize, scale: f64) -> Mat<f64> {
        let f = Mat::from_fn(n, d, |i, j| {
            scale * (((i * 31 + j * 17 + i * j * 7) % 101) as f64 / 50.0 - 1.0)
        });
        f.transpose() * &f
    }

    #[test]
    fn the_factors_multiply_back_to_the_matrix() {
        for k in [1, 2, 3, 5, 33, 70] {
            reconstructs(&gram(2 * k + 3, k, 1.0), &format!("random {k}"));
            reconstructs(&gram(k / 2 + 1, k, 1.0), &format!("deficient {k}"));
            reconstructs(&Mat::zeros(k, k), &format!("zero {k}"));
            reconstructs(&Mat::identity(k, k), &format!("identity {k}"));
        }
    }

    #[test]
    fn extreme_scales_neither_overflow_nor_vanish() {
        reconstructs(&gram(30, 20, 1e38), "large");
        reconstructs(&gram(30, 20, 1e-38), "small");
    }
}
