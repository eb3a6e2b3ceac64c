//! `A + tI` for the band matrix `A` of [`super::band`], factored and solved block by block.
//!
//! ```text
//! L_i L_iᵀ = D_i + tI − E_i E_iᵀ,    E_i = R_{i−1} L_{i−1}⁻ᵀ        [b, b]
//! u_i = L_i⁻¹ r_i − M_i u_{i−1},     M_i = L_i⁻¹ E_i                 forward half: rᵀ(A + tI)⁻¹r = ‖u‖²
//! v_i = u_i − M_{i+1}ᵀ v_{i+1},      x_i = L_i⁻ᵀ v_i                  backward half: x = (A + tI)⁻¹ r
//! ln|A + tI| = 2 Σ ln (L_i)_jj
//! ```
//!
//! The evidence needs only the forward half, which `forward` computes for all columns. `L_i⁻¹` and `M_i` are computed where
//! solutions or the trace are needed.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt::factor::{cholesky_in_place, cholesky_in_place_scratch};
use faer::linalg::matmul::matmul;
use faer::linalg::triangular_inverse::invert_lower_triangular;
use faer::linalg::triangular_solve::solve_lower_triangular_in_place;
use faer::{Accum, Mat, MatMut, MatRef, Par};

use super::band::Band;
use super::forward::{Lower, Packed};
use crate::linalg::product;

/// `A + tI` factored.
pub(crate) struct Shifted {
    pub t: f64,
    /// `Σ ln(1 + λ_i/t)`; at `t = 0`, `Σ ln λ_i`
    pub log_ratio: f64,
    /// L with `L_i` on its diagonal and `E_i` left of them, as rows of a band.
    lower: Lower,
    /// `L_i`
    factors: Vec<Mat<f64>>,
    /// `E_iᵀ`, from the second block on
    edges: Vec<Mat<f64>>,
}

/// The blocks inverted, for solutions and the trace.
struct Inverted {
    /// `L_i⁻¹`
    inverse: Vec<Mat<f64>>,
    /// `M_i`, from the second block on
    coupling: Vec<Mat<f64>>,
}

impl Shifted {
    /// Factors `A + tI`; nothing where it is not positive definite to rounding.
    pub fn new(band: &Band, t: f64) -> Option<Self> {
        let width = band.diagonal.first()?.nrows();
        let mut memory = MemBuffer::new(cholesky_in_place_scratch::<f64>(width, Par::Seq, Default::default()));
        let mut factors: Vec<Mat<f64>> = Vec::with_capacity(band.diagonal.len());
        let mut edges = Vec::with_capacity(band.below.len());
        let mut log_ratio = 0.0;
        let size: usize = band.diagonal.iter().map(Mat::nrows).sum();
        let mut lower = Lower::new(size, width);
        let mut start = 0;
        for (i, diagonal) in band.diagonal.iter().enumerate() {
            let w = diagonal.nrows();
            let mut block = diagonal.clone();
            for j in 0..w {
                block[(j, j)] += t;
            }
            let edge = factors.last().map(|factor| {
                let mut edge = band.below[i - 1].transpose().to_owned();
                solve_lower_triangular_in_place(factor.as_ref(), edge.as_mut(), Par::Seq);
                // `edge` is E_iᵀ.
                matmul(
                    block.as_mut(),
                    Accum::Add,
                    edge.transpose(),
                    edge.as_ref(),
                    -1.0,
                    Par::Seq,
                );
                edge
            });
            cholesky_in_place(
                block.as_mut(),
                Default::default(),
                Par::Seq,
                MemStack::new(&mut memory),
                Default::default(),
            )
            .ok()?;
            for j in 0..w {
                let pivot = block[(j, j)] * block[(j, j)];
                if pivot <= 0.0 || !pivot.is_finite() {
                    return None;
                }
                log_ratio += if t > 0.0 { (pivot / t).ln() } else { pivot.ln() };
                block.col_as_slice_mut(j)[..j].fill(0.0);
            }
            for j in 0..w {
                for i in j..w {
                    lower.set(start + i, start + j, block[(i, j)]);
                }
            }
            // E_i is an upper triangle, as R and L⁻ᵀ are.
            for (row, edge) in edge.iter().flat_map(|edge| edge.col_iter().enumerate()) {
                for (column, &value) in edge.iter().enumerate().skip(row) {
                    lower.set(start + row, start + column - edge.nrows(), value);
                }
            }
            start += w;
            edges.extend(edge);
            factors.push(block);
        }
        Some(Self {
            t,
            log_ratio,
            lower,
            factors,
            edges,
        })
    }

    fn inverted(&self) -> Inverted {
        let inverse: Vec<Mat<f64>> = self
            .factors
            .iter()
            .map(|factor| {
                let mut inverse = Mat::zeros(factor.nrows(), factor.nrows());
                invert_lower_triangular(inverse.as_mut(), factor.as_ref(), Par::Seq);
                inverse
            })
            .collect();
        let coupling = self
            .edges
            .iter()
            .zip(&inverse[1..])
            .map(|(edge, inverse)| product(inverse.as_ref(), edge.transpose(), Par::Seq));
        Inverted {
            coupling: coupling.collect(),
            inverse,
        }
    }

    /// `rᵀ(A + tI)⁻¹r` of every column.
    pub fn products(&self, columns: &Packed) -> Vec<f64> {
        self.lower.squares(columns)
    }

    /// `(A + tI)⁻¹ rhs`, `[k, c]`.
    pub fn solve(&self, rhs: MatRef<'_, f64>) -> Mat<f64> {
        let (k, c) = rhs.shape();
        let inverted = self.inverted();
        let mut blocks: Vec<Mat<f64>> = Vec::with_capacity(inverted.inverse.len());
        let mut start = 0;
        for (i, inverse) in inverted.inverse.iter().enumerate() {
            let w = inverse.nrows();
            let mut own = Mat::<f64>::zeros(w, c);
            inverted.advance(i, own.as_mut(), rhs.subrows(start, w), blocks.last());
            blocks.push(own);
            start += w;
        }
        let mut solution = Mat::<f64>::zeros(k, c);
        let mut after: Option<Mat<f64>> = None;
        for (i, mut own) in blocks.into_iter().enumerate().rev() {
            if let Some(after) = &after {
                let coupling = inverted.coupling[i].transpose();
                matmul(own.as_mut(), Accum::Add, coupling, after.as_ref(), -1.0, Par::Seq);
            }
            start -= own.nrows();
            matmul(
                solution.as_mut().subrows_mut(start, own.nrows()),
                Accum::Replace,
                inverted.inverse[i].transpose(),
                own.as_ref(),
                1.0,
                Par::Seq,
            );
            after = Some(own);
        }
        solution
    }

    /// `tr (A + tI)⁻¹ = Σ_i ⟨L_i⁻¹L_i⁻ᵀ, Y_i⟩`, `Y_i = I + M_{i+1}ᵀ Y_{i+1} M_{i+1}`: sums without cancellation.
    pub fn trace(&self) -> f64 {
        let mut trace = 0.0;
        let mut after: Option<Mat<f64>> = None;
        let inverted = self.inverted();
        for (i, inverse) in inverted.inverse.iter().enumerate().rev() {
            let w = inverse.nrows();
            let mut own = Mat::<f64>::identity(w, w);
            if let Some(after) = after {
                let coupling = inverted.coupling[i].as_ref();
                let product = product(after.as_ref(), coupling, Par::Seq);
                matmul(
                    own.as_mut(),
                    Accum::Add,
                    coupling.transpose(),
                    product.as_ref(),
                    1.0,
                    Par::Seq,
                );
            }
            let square = product(inverse.as_ref(), inverse.transpose(), Par::Seq);
            for j in 0..w {
                let pairs = square.col_as_slice(j).iter().zip(own.col_as_slice(j));
                trace += pairs.map(|(a, b)| a * b).sum::<f64>();
            }
            after = Some(own);
        }
        trace
    }
}

impl Inverted {
    /// `u_i`
    fn advance(&self, i: usize, mut own: MatMut<'_, f64>, rhs: MatRef<'_, f64>, last: Option<&Mat<f64>>) {
        matmul(
            own.as_mut(),
            Accum::Replace,
            self.inverse[i].as_ref(),
            rhs,
            1.0,
            Par::Seq,
        );
        if let Some(last) = last {
            let coupling = self.coupling[i - 1].as_ref();
            matmul(own, Accum::Add, coupling, last.as_ref(), -1.0, Par::Seq);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use faer::linalg::solvers::Solve;

    #[test]
    fn products_solutions_trace_and_determinant_are_those_of_the_dense_matrix() {
        for (k, width) in [(3, 4), (4, 4), (7, 4), (50, 8), (64, 8)] {
            let f = Mat::from_fn(2 * k + 1, k, |i, j| {
                ((i * 31 + j * 17 + i * j * 7) % 101) as f64 / 50.0 - 1.0
            });
            let matrix = f.transpose() * &f;
            let band = Band::with_width(matrix.clone(), width).unwrap();
            let rhs = Mat::from_fn(k, 3, |i, j| ((i * 5 + j * 3) % 7) as f64 - 2.5);
            let mut rotated = rhs.clone();
            band.apply_transposed(rotated.as_mut());
            for t in [1e-3, 0.7, 40.0] {
                let shifted = Shifted::new(&band, t).unwrap();
                let dense = Mat::from_fn(k, k, |i, j| matrix[(i, j)] / band.scale + if i == j { t } else { 0.0 });
                let factor = dense.llt(faer::Side::Lower).unwrap();
                let expected = factor.solve(&rhs);
                let mut solution = shifted.solve(rotated.as_ref());
                band.apply_forward(solution.as_mut());
                let products = shifted.products(&Packed::new(rotated.as_ref()));
                for j in 0..3 {
                    let product: f64 = (0..k).map(|i| rhs[(i, j)] * expected[(i, j)]).sum();
                    assert!((products[j] - product).abs() < 1e-11 * product, "k {k}, t {t}");
                    for i in 0..k {
                        let error = (solution[(i, j)] - expected[(i, j)]).abs();
                        assert!(error < 1e-10 * expected.norm_max(), "k {k}, t {t}: {error:e}");
                    }
                }
                let log: f64 = (0..k).map(|i| 2.0 * factor.L()[(i, i)].ln()).sum::<f64>() - k as f64 * t.ln();
                assert!(
                    (shifted.log_ratio - log).abs() < 1e-11 * log.abs().max(1.0),
                    "k {k}, t {t}"
                );
                let inverse = factor.solve(Mat::<f64>::identity(k, k));
                let trace: f64 = (0..k).map(|i| inverse[(i, i)]).sum();
                assert!((shifted.trace() - trace).abs() < 1e-10 * trace, "k {k}, t {t}");
            }
        }
    }
}
