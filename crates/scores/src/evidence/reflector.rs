//! Householder's reflections of a panel of columns, and of whatever else they are applied to.
//!
//! ```text
//! A₂₁ = Q [R; 0],  Q = I − V T⁻¹ Vᵀ,  T = striu(VᵀV) + ½ diag(VᵀV)      V [m, q] with unit diagonal
//! ```
//!
//! A column that is zero below its pivot has `v = 0`: no reflection, whatever the rank.

use faer::linalg::matmul::matmul;
use faer::linalg::triangular_solve::{solve_lower_triangular_in_place, solve_upper_triangular_in_place};
use faer::{Accum, Mat, MatMut, MatRef, Par};

use crate::linalg::product;
use crate::simd::{sum_of, vectorised};

/// Columns of a panel that are reflected one by one.
const NARROW: usize = 8;

/// `V` `[m, q]` and `T` `[q, q]` of one panel; acts on rows `start..`.
pub(super) struct Reflector {
    pub start: usize,
    pub basis: Mat<f64>,
    pub factor: Mat<f64>,
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Direction {
    Forward,
    Transposed,
}

impl Reflector {
    /// `X ← X − V T⁻¹ VᵀX`, or with `T⁻ᵀ`.
    pub fn apply(&self, columns: MatMut<'_, f64>, direction: Direction) {
        let mut along = product(self.basis.transpose(), columns.as_ref(), Par::Seq);
        match direction {
            Direction::Forward => solve_upper_triangular_in_place(self.factor.as_ref(), along.as_mut(), Par::Seq),
            Direction::Transposed => {
                solve_lower_triangular_in_place(self.factor.transpose(), along.as_mut(), Par::Seq);
            }
        }
        matmul(columns, Accum::Add, self.basis.as_ref(), along.as_ref(), -1.0, Par::Seq);
    }
}

/// A panel after its reflections.
pub(super) struct Panel {
    /// `R` `[w, w]`, fewer rows where the panel has fewer
    pub triangle: Mat<f64>,
    pub basis: Mat<f64>,
    pub factor: Mat<f64>,
}

impl Panel {
    pub fn reflect(columns: MatRef<'_, f64>) -> Self {
        let mut panel = columns.to_owned();
        let (basis, factor) = reflect(&mut panel);
        let rows = panel.nrows().min(panel.ncols());
        let triangle = Mat::from_fn(rows, panel.ncols(), |i, j| if i <= j { panel[(i, j)] } else { 0.0 });
        Self {
            triangle,
            basis,
            factor,
        }
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
    let products = product(basis.transpose(), basis, Par::Seq);
    let q = basis.ncols();
    Mat::from_fn(q, q, |i, j| match i.cmp(&j) {
        std::cmp::Ordering::Less => products[(i, j)],
        std::cmp::Ordering::Equal if products[(i, i)] > 0.0 => 0.5 * products[(i, i)],
        std::cmp::Ordering::Equal => 1.0,
        std::cmp::Ordering::Greater => 0.0,
    })
}
