//! Products and factorisations of dense matrices whose results do not depend on the number of threads.
//!
//! faer divides an operation into as many parts as its `Par` says, and where it adds up over parts or columns, the number of
//! parts decides how sums are rounded. By default that is the number of threads; here it is a constant. The same inputs
//! therefore have the same bits on one thread and on sixteen.

use faer::diag::Diag;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt::factor::{cholesky_in_place, cholesky_in_place_scratch};
use faer::linalg::evd::{ComputeEigenvectors, self_adjoint_evd, self_adjoint_evd_scratch};
use faer::linalg::matmul::matmul;
use faer::linalg::qr::no_pivoting::factor::{qr_in_place, qr_in_place_scratch, recommended_block_size};
use faer::linalg::svd::{ComputeSvdVectors, svd, svd_scratch};
use faer::linalg::triangular_solve::{solve_lower_triangular_in_place, solve_upper_triangular_in_place};
use faer::{Accum, Mat, MatMut, MatRef, Par};

/// Parts of an operation. More threads than this have nothing to do in it; fewer take several parts each.
const PARTS: usize = 8;

/// In parallel, in the same parts on any number of threads.
pub(crate) fn parallel() -> Par {
    Par::rayon(PARTS)
}

/// `AB`
pub(crate) fn product(left: MatRef<'_, f64>, right: MatRef<'_, f64>, par: Par) -> Mat<f64> {
    let mut product = Mat::zeros(left.nrows(), right.ncols());
    matmul(product.as_mut(), Accum::Replace, left, right, 1.0, par);
    product
}

/// `L` of `LLᵀ`, zeros above its diagonal, from the lower triangle of a symmetric matrix; `None` where that is not positive
/// definite.
pub(crate) fn cholesky(mut matrix: Mat<f64>) -> Option<Mat<f64>> {
    let (k, par) = (matrix.nrows(), parallel());
    let mut memory = MemBuffer::new(cholesky_in_place_scratch::<f64>(k, par, Default::default()));
    let stack = MemStack::new(&mut memory);
    cholesky_in_place(matrix.as_mut(), Default::default(), par, stack, Default::default()).ok()?;
    for column in 1..k {
        matrix.col_as_slice_mut(column)[..column].fill(0.0);
    }
    Some(matrix)
}

/// `X ← L⁻¹X`
pub(crate) fn solve_lower(factor: MatRef<'_, f64>, columns: MatMut<'_, f64>) {
    solve_lower_triangular_in_place(factor, columns, parallel());
}

/// `X ← L⁻ᵀX`
pub(crate) fn solve_lower_transposed(factor: MatRef<'_, f64>, columns: MatMut<'_, f64>) {
    solve_upper_triangular_in_place(factor.transpose(), columns, parallel());
}

/// `A = U diag(values) Uᵀ`, values ascending.
pub(crate) struct Eigen {
    pub values: Vec<f64>,
    pub vectors: Mat<f64>,
}

/// Eigenvalues and eigenvectors from the lower triangle of a symmetric matrix; `None` where they do not converge.
pub(crate) fn eigen(matrix: MatRef<'_, f64>) -> Option<Eigen> {
    let (k, par) = (matrix.nrows(), parallel());
    let mut values = Diag::zeros(k);
    let mut vectors = Mat::zeros(k, k);
    let scratch = self_adjoint_evd_scratch::<f64>(k, ComputeEigenvectors::Yes, par, Default::default());
    self_adjoint_evd(
        matrix,
        values.as_mut(),
        Some(vectors.as_mut()),
        par,
        MemStack::new(&mut MemBuffer::new(scratch)),
        Default::default(),
    )
    .ok()?;
    Some(Eigen {
        values: values.column_vector().iter().copied().collect(),
        vectors,
    })
}

/// Eigenvalues, ascending, from the lower triangle of a symmetric matrix; `None` where they do not converge.
pub(crate) fn eigenvalues(matrix: MatRef<'_, f64>) -> Option<Vec<f64>> {
    let (k, par) = (matrix.nrows(), parallel());
    let mut values = Diag::zeros(k);
    let scratch = self_adjoint_evd_scratch::<f64>(k, ComputeEigenvectors::No, par, Default::default());
    self_adjoint_evd(
        matrix,
        values.as_mut(),
        None,
        par,
        MemStack::new(&mut MemBuffer::new(scratch)),
        Default::default(),
    )
    .ok()?;
    Some(values.column_vector().iter().copied().collect())
}

/// Singular values of a matrix `[m, n]`, descending, without its vectors; `None` where they do not converge.
pub(crate) fn singular_values(matrix: MatRef<'_, f64>, par: Par) -> Option<Vec<f64>> {
    let (m, n) = matrix.shape();
    let mut values = Diag::zeros(m.min(n));
    let none = ComputeSvdVectors::No;
    let scratch = svd_scratch::<f64>(m, n, none, none, par, Default::default());
    svd(
        matrix,
        values.as_mut(),
        None,
        None,
        par,
        MemStack::new(&mut MemBuffer::new(scratch)),
        Default::default(),
    )
    .ok()?;
    Some(values.column_vector().iter().copied().collect())
}

/// `A = U diag(values) Vᵀ` with `min(m, n)` values, descending.
pub(crate) struct Singular {
    pub left: Mat<f64>,
    pub values: Vec<f64>,
    pub right: Mat<f64>,
}

/// Singular values and vectors of a matrix `[m, n]`; `None` where they do not converge.
pub(crate) fn singular(matrix: MatRef<'_, f64>) -> Option<Singular> {
    let ((m, n), par) = (matrix.shape(), parallel());
    let size = m.min(n);
    let mut values = Diag::zeros(size);
    let (mut left, mut right) = (Mat::zeros(m, size), Mat::zeros(n, size));
    let thin = ComputeSvdVectors::Thin;
    let scratch = svd_scratch::<f64>(m, n, thin, thin, par, Default::default());
    svd(
        matrix,
        values.as_mut(),
        Some(left.as_mut()),
        Some(right.as_mut()),
        par,
        MemStack::new(&mut MemBuffer::new(scratch)),
        Default::default(),
    )
    .ok()?;
    Some(Singular {
        left,
        values: values.column_vector().iter().copied().collect(),
        right,
    })
}

/// `R` `[min(m, n), n]` of `A = QR`.
pub(crate) fn triangular_factor(mut matrix: Mat<f64>) -> Mat<f64> {
    let ((m, n), par) = (matrix.shape(), parallel());
    let size = m.min(n);
    let block = recommended_block_size::<f64>(m, n);
    let mut coefficients = Mat::zeros(block, size);
    let scratch = qr_in_place_scratch::<f64>(m, n, block, par, Default::default());
    let stack = &mut MemBuffer::new(scratch);
    qr_in_place(
        matrix.as_mut(),
        coefficients.as_mut(),
        par,
        MemStack::new(stack),
        Default::default(),
    );
    Mat::from_fn(size, n, |i, j| if i <= j { matrix[(i, j)] } else { 0.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dense(m: usize, n: usize) -> Mat<f64> {
        Mat::from_fn(m, n, |i, j| ((i * 31 + j * 17 + i * j * 7) % 101) as f64 / 50.0 - 1.0)
    }

    #[track_caller]
    fn same(found: &Mat<f64>, expected: &Mat<f64>) {
        let error = (found - expected).norm_max();
        assert!(error <= 1e-11 * expected.norm_max(), "off by {error:e}");
    }

    #[test]
    fn the_factors_multiply_back_to_the_matrix() {
        for (m, n) in [(1, 1), (7, 3), (3, 7), (90, 40), (40, 90)] {
            let matrix = dense(m, n);
            let Singular { left, values, right } = singular(matrix.as_ref()).unwrap();
            let scaled = Mat::from_fn(m, values.len(), |i, j| left[(i, j)] * values[j]);
            let alone = singular_values(matrix.as_ref(), parallel()).unwrap();
            assert!(
                alone
                    .iter()
                    .zip(&values)
                    .all(|(a, b)| (a - b).abs() <= 1e-12 * values[0]),
                "{m} × {n}"
            );
            same(&product(scaled.as_ref(), right.transpose(), parallel()), &matrix);
            let gram = product(matrix.transpose(), matrix.as_ref(), parallel());
            let factor = triangular_factor(matrix);
            same(&product(factor.transpose(), factor.as_ref(), parallel()), &gram);
            let Eigen { values, vectors } = eigen(gram.as_ref()).unwrap();
            let alone = eigenvalues(gram.as_ref()).unwrap();
            assert!(
                alone
                    .iter()
                    .zip(&values)
                    .all(|(a, b)| (a - b).abs() <= 1e-12 * values[n - 1]),
                "{m} × {n}"
            );
            let scaled = Mat::from_fn(n, n, |i, j| vectors[(i, j)] * values[j]);
            same(&product(scaled.as_ref(), vectors.transpose(), parallel()), &gram);
            let regular = Mat::from_fn(n, n, |i, j| gram[(i, j)] + if i == j { 1.0 } else { 0.0 });
            let factor = cholesky(regular.clone()).unwrap();
            same(&product(factor.as_ref(), factor.transpose(), parallel()), &regular);
            let mut solved = regular.clone();
            solve_lower(factor.as_ref(), solved.as_mut());
            same(&solved, &factor.transpose().to_owned());
        }
    }

    #[test]
    fn a_matrix_that_is_not_positive_definite_has_no_cholesky_factor() {
        let indefinite = Mat::from_fn(2, 2, |i, j| if i == j { 1.0 } else { 2.0 });
        assert!(cholesky(indefinite).is_none());
    }
}
