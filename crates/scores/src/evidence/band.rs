//! `M = Q A Qᵀ` with a band matrix `A`, all of it in matrix products; then every value of `t` costs `O(k b (b + c))`.
//!
//! ```text
//! M   [k, k]    G or K, lower triangle;  b the half-width of the band
//! A             block tridiagonal: D_i [b, b] symmetric, R_i [b, b] upper triangular, below it
//! per panel     A₂₁ = Q [R; 0],  Q = I − V T⁻¹ Vᵀ,  T = striu(VᵀV) + ½ diag(VᵀV)   (V [m, b] with unit diagonal)
//!               X = A₂₂ V T⁻¹,  W = X − ½ V (T⁻ᵀ Vᵀ X),  A₂₂ ← A₂₂ − W Vᵀ − V Wᵀ
//! ```
//!
//! This is the first half of the two-stage tridiagonalisation (Bischof, Lang and Sun 2000). The second half, from the band to three
//! diagonals, is left out: it would have to be applied to every column of `Y`, and a band of 48 is narrow enough to factor for every `t`.
//! One-stage reduction reads the matrix once a column (`k` times), this one `k/b` times, so it is not bound by memory and uses all cores.
//! A column of a panel that is zero below its pivot has `v = 0`: no reflection, whatever the rank.

use faer::linalg::matmul::matmul;
use faer::linalg::triangular_solve::{solve_lower_triangular_in_place, solve_upper_triangular_in_place};
use faer::prelude::{IntoConst, Reborrow, ReborrowMut};
use faer::{Accum, Mat, MatMut, MatRef, Par};
use rayon::prelude::*;

use super::tridiagonal::power_of_four;
use crate::error::{Error, ErrorKind, Result};
use crate::simd::{sum_of, vectorised};

/// Half-width of the band.
const WIDTH: usize = 48;
/// Columns of a panel that are reflected one by one.
const NARROW: usize = 8;
/// Rows and columns of the tiles that tasks work on.
const TILE: usize = 192;
/// Columns that are rotated together.
const STRIPE: usize = 64;

/// `V` `[m, q]` and `T` `[q, q]` of one panel; acts on rows `start..`.
struct Reflector {
    start: usize,
    basis: Mat<f64>,
    factor: Mat<f64>,
}

/// Room for the factors of a panel's update, made once: memory that is asked for anew at every panel comes empty, and emptying it takes
/// as long as the update.
struct Workspace {
    /// `[W V]` `[k, 2b]`
    left: Mat<f64>,
    /// `[V W]ᵀ` `[2b, k]`, turned: products read their right factor as it lies.
    right: Mat<f64>,
}

/// The factors of `M / scale`.
pub(crate) struct Band {
    /// `D_i`, both triangles.
    pub diagonal: Vec<Mat<f64>>,
    /// `R_i`, between blocks i and i + 1.
    pub below: Vec<Mat<f64>>,
    /// The power of four that `M` was divided by.
    pub scale: f64,
    reflectors: Vec<Reflector>,
    size: usize,
}

impl Band {
    /// Reduces `matrix`, of which only the lower triangle is read.
    pub fn reduce(matrix: Mat<f64>) -> Result<Self> {
        Self::with_width(matrix, WIDTH)
    }

    pub fn with_width(mut matrix: Mat<f64>, width: usize) -> Result<Self> {
        let k = matrix.nrows();
        let largest = (0..k).map(|i| matrix[(i, i)]).fold(0.0, f64::max);
        if !largest.is_finite() {
            return Err(Error::new(
                ErrorKind::NonFinite,
                "the features' second moments overflow; scale the features down",
            ));
        }
        let scale = if largest > 0.0 { power_of_four(largest) } else { 1.0 };
        for column in 0..k {
            for entry in &mut matrix.col_as_slice_mut(column)[column..] {
                *entry /= scale;
            }
        }
        let mut band = Self {
            diagonal: Vec::new(),
            below: Vec::new(),
            scale,
            reflectors: Vec::new(),
            size: k,
        };
        let mut workspace = Workspace {
            left: Mat::zeros(k, 2 * width),
            right: Mat::zeros(2 * width, k),
        };
        for start in (0..k).step_by(width) {
            let w = width.min(k - start);
            band.diagonal
                .push(Mat::from_fn(w, w, |i, j| matrix[(start + i.max(j), start + i.min(j))]));
            let next = start + w;
            if next < k {
                band.panel(matrix.as_mut(), start, next, &mut workspace);
            }
        }
        Ok(band)
    }

    /// Reflects the panel of columns `start..next` below row `next`, and the matrix behind it.
    fn panel(&mut self, matrix: MatMut<'_, f64>, start: usize, next: usize, workspace: &mut Workspace) {
        let (_, _, below, mut rest) = matrix.split_at_mut(next, next);
        let mut panel = below.as_ref().subcols(start, next - start).to_owned();
        let (basis, factor) = reflect(&mut panel);
        let rows = panel.nrows().min(panel.ncols());
        self.below.push(Mat::from_fn(rows, panel.ncols(), |i, j| {
            if i <= j { panel[(i, j)] } else { 0.0 }
        }));
        if basis.ncols() == 0 {
            return;
        }
        let (m, q) = basis.shape();
        let mut left = workspace.left.as_mut().get_mut(..m, ..2 * q);
        let mut right = workspace.right.as_mut().get_mut(..2 * q, ..m);
        let (mut x, mut copy) = left.rb_mut().split_at_col_mut(q);
        symmetric_product(rest.as_ref(), basis.as_ref(), x.rb_mut());
        solve_lower_triangular_in_place(factor.transpose(), x.rb_mut().transpose_mut(), Par::Seq);
        let mut inner = basis.transpose() * x.rb();
        solve_lower_triangular_in_place(factor.transpose(), inner.as_mut(), Par::Seq);
        matmul(x.rb_mut(), Accum::Add, basis.as_ref(), inner.as_ref(), -0.5, Par::Seq);
        copy.copy_from(&basis);
        right.rb_mut().subrows_mut(0, q).copy_from(basis.transpose());
        right.rb_mut().subrows_mut(q, q).copy_from(x.transpose());
        let (left, right) = (left.into_const(), right.into_const());
        rest.as_mut()
            .par_col_chunks_mut(TILE)
            .enumerate()
            .for_each(|(tile, columns)| {
                let from = tile * TILE;
                let w = columns.ncols();
                matmul(
                    columns.subrows_mut(from, m - from),
                    Accum::Add,
                    left.subrows(from, m - from),
                    right.subcols(from, w),
                    -1.0,
                    Par::Seq,
                );
            });
        self.reflectors.push(Reflector {
            start: next,
            basis,
            factor,
        });
    }

    pub fn size(&self) -> usize {
        self.size
    }

    /// An upper bound of the largest eigenvalue: the largest sum of absolute values of a row.
    pub fn lambda_max(&self) -> f64 {
        let mut sums = Vec::with_capacity(self.size);
        for (i, diagonal) in self.diagonal.iter().enumerate() {
            for row in 0..diagonal.nrows() {
                let own: f64 = diagonal.row(row).iter().map(|x| x.abs()).sum();
                let before: f64 = match i.checked_sub(1) {
                    Some(before) => self.below[before].row(row).iter().map(|x| x.abs()).sum(),
                    None => 0.0,
                };
                let after: f64 = self
                    .below
                    .get(i)
                    .map_or(0.0, |after| after.col(row).iter().map(|x| x.abs()).sum());
                sums.push(own + before + after);
            }
        }
        sums.into_iter().fold(0.0, f64::max)
    }

    /// `X ← QᵀX`, `X` `[k, c]`.
    pub fn apply_transposed(&self, columns: MatMut<'_, f64>) {
        self.each_stripe(columns, |reflectors, mut stripe| {
            for reflector in reflectors {
                let below = stripe
                    .as_mut()
                    .subrows_mut(reflector.start, self.size - reflector.start);
                reflector.apply(below, Direction::Transposed);
            }
        });
    }

    /// `X ← QX`, `X` `[k, c]`.
    pub fn apply_forward(&self, columns: MatMut<'_, f64>) {
        self.each_stripe(columns, |reflectors, mut stripe| {
            for reflector in reflectors.iter().rev() {
                let below = stripe
                    .as_mut()
                    .subrows_mut(reflector.start, self.size - reflector.start);
                reflector.apply(below, Direction::Forward);
            }
        });
    }

    /// A task for every few columns.
    fn each_stripe(&self, columns: MatMut<'_, f64>, apply: impl Fn(&[Reflector], MatMut<'_, f64>) + Sync) {
        columns
            .par_col_chunks_mut(STRIPE)
            .for_each(|stripe| apply(&self.reflectors, stripe));
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Direction {
    Forward,
    Transposed,
}

impl Reflector {
    /// `X ← X − V T⁻¹ VᵀX`, or with `T⁻ᵀ`.
    fn apply(&self, columns: MatMut<'_, f64>, direction: Direction) {
        let mut along = self.basis.transpose() * columns.as_ref();
        match direction {
            Direction::Forward => solve_upper_triangular_in_place(self.factor.as_ref(), along.as_mut(), Par::Seq),
            Direction::Transposed => {
                solve_lower_triangular_in_place(self.factor.transpose(), along.as_mut(), Par::Seq);
            }
        }
        matmul(columns, Accum::Add, self.basis.as_ref(), along.as_ref(), -1.0, Par::Seq);
    }
}

/// Householder's reflections of `panel` `[m, w]`, which becomes `R` in its upper triangle: `V` and `T`.
fn reflect(panel: &mut Mat<f64>) -> (Mat<f64>, Mat<f64>) {
    let (m, w) = panel.shape();
    let q = w.min(m.saturating_sub(1));
    let mut basis = Mat::<f64>::zeros(m, q);
    for first in (0..q).step_by(NARROW) {
        let last = q.min(first + NARROW);
        for j in first..last {
            if !pivot(panel, &mut basis, j) {
                continue;
            }
            let v = &basis.col_as_slice(j)[j..];
            vectorised(
                #[inline(always)]
                || {
                    let half = 0.5 * dot(v, v);
                    for other in j + 1..last {
                        let x = &mut panel.col_as_slice_mut(other)[j..];
                        let along = dot(x, v) / half;
                        for (x, v) in x.iter_mut().zip(v) {
                            *x -= along * v;
                        }
                    }
                },
            );
        }
        if last < w {
            let reflector = Reflector {
                start: 0,
                factor: factor_of(basis.as_ref().get(first.., first..last)),
                basis: basis.as_ref().get(first.., first..last).to_owned(),
            };
            reflector.apply(panel.as_mut().get_mut(first.., last..), Direction::Transposed);
        }
    }
    let factor = factor_of(basis.as_ref());
    (basis, factor)
}

#[inline(always)]
fn dot(a: &[f64], b: &[f64]) -> f64 {
    sum_of(
        a,
        b,
        #[inline(always)]
        |a: f64, b: f64| a * b,
    )
}

/// The reflection that clears column j below row j; false where there is nothing to clear.
fn pivot(panel: &mut Mat<f64>, basis: &mut Mat<f64>, j: usize) -> bool {
    let x = &mut panel.col_as_slice_mut(j)[j..];
    let below = vectorised(
        #[inline(always)]
        || dot(&x[1..], &x[1..]),
    );
    if below == 0.0 {
        return false;
    }
    let norm = (x[0] * x[0] + below).sqrt();
    let image = if x[0] > 0.0 { -norm } else { norm };
    let head = x[0] - image;
    let v = &mut basis.col_as_slice_mut(j)[j..];
    v[0] = 1.0;
    for (v, x) in v[1..].iter_mut().zip(&mut x[1..]) {
        *v = *x / head;
        *x = 0.0;
    }
    x[0] = image;
    true
}

/// `T`, with 1 where `v = 0`.
fn factor_of(basis: MatRef<'_, f64>) -> Mat<f64> {
    let products = basis.transpose() * basis;
    let q = basis.ncols();
    Mat::from_fn(q, q, |i, j| match i.cmp(&j) {
        std::cmp::Ordering::Less => products[(i, j)],
        std::cmp::Ordering::Equal if products[(i, i)] > 0.0 => 0.5 * products[(i, i)],
        std::cmp::Ordering::Equal => 1.0,
        std::cmp::Ordering::Greater => 0.0,
    })
}

/// `S V` for a symmetric `S` `[m, m]` given by its lower triangle, a task for every stripe of rows.
fn symmetric_product(matrix: MatRef<'_, f64>, basis: MatRef<'_, f64>, product: MatMut<'_, f64>) {
    let m = basis.nrows();
    product
        .par_row_chunks_mut(TILE)
        .enumerate()
        .for_each(|(tile, mut rows)| {
            let (from, w) = (tile * TILE, rows.nrows());
            let own = Mat::from_fn(w, w, |i, j| matrix[(from + i.max(j), from + i.min(j))]);
            matmul(
                rows.as_mut(),
                Accum::Replace,
                own.as_ref(),
                basis.subrows(from, w),
                1.0,
                Par::Seq,
            );
            if from > 0 {
                let left = matrix.get(from..from + w, ..from);
                matmul(rows.as_mut(), Accum::Add, left, basis.subrows(0, from), 1.0, Par::Seq);
            }
            if from + w < m {
                let under = matrix.get(from + w.., from..from + w).transpose();
                let rest = basis.subrows(from + w, m - from - w);
                matmul(rows, Accum::Add, under, rest, 1.0, Par::Seq);
            }
        });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reconstructs(matrix: &Mat<f64>, width: usize, name: &str) {
        let k = matrix.nrows();
        let band = Band::with_width(matrix.clone(), width).unwrap();
        let mut middle = Mat::<f64>::zeros(k, k);
        let mut start = 0;
        for (i, diagonal) in band.diagonal.iter().enumerate() {
            let w = diagonal.nrows();
            middle.as_mut().submatrix_mut(start, start, w, w).copy_from(diagonal);
            if let Some(below) = band.below.get(i) {
                let (rows, columns) = below.shape();
                let transposed = below.transpose().to_owned();
                middle
                    .as_mut()
                    .submatrix_mut(start + w, start, rows, columns)
                    .copy_from(below);
                middle
                    .as_mut()
                    .submatrix_mut(start, start + w, columns, rows)
                    .copy_from(&transposed);
            }
            start += w;
        }
        // Q A Qᵀ = Q (Q A)ᵀ
        band.apply_forward(middle.as_mut());
        let mut rebuilt = middle.transpose().to_owned();
        band.apply_forward(rebuilt.as_mut());
        let size = (0..k).map(|i| matrix[(i, i)]).fold(0.0, f64::max);
        for j in 0..k {
            for i in j..k {
                let error = (rebuilt[(i, j)] * band.scale - matrix[(i, j)]).abs();
                assert!(
                    error <= 1e-14 * (k as f64).sqrt() * size,
                    "{name}, width {width}: entry {i},{j} is off by {error:e}"
                );
            }
        }
        let mut there_and_back = Mat::<f64>::identity(k, k);
        band.apply_transposed(there_and_back.as_mut());
        band.apply_forward(there_and_back.as_mut());
        for j in 0..k {
            assert!((there_and_back[(j, j)] - 1.0).abs() < 1e-13, "{name}");
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
        for (k, width) in [(1, 4), (2, 4), (5, 4), (9, 4), (33, 8), (70, 32), (150, 16), (300, 32)] {
            reconstructs(&gram(2 * k + 3, k, 1.0), width, &format!("random {k}"));
            reconstructs(&gram(k / 2 + 1, k, 1.0), width, &format!("deficient {k}"));
            reconstructs(&Mat::zeros(k, k), width, &format!("zero {k}"));
            reconstructs(&Mat::identity(k, k), width, &format!("identity {k}"));
            reconstructs(&gram(2 * k + 3, k, 1e38), width, &format!("large {k}"));
            reconstructs(&gram(2 * k + 3, k, 1e-38), width, &format!("small {k}"));
        }
    }
}
