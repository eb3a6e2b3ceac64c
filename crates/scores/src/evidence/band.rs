//! `M = Q A Qᵀ` with a band matrix `A`, by matrix products. After that every value of `t` costs `O(k b (b + c))`.
//!
//! ```text
//! M   [k, k]    G or K, lower triangle;  b the half-width of the band
//! A             block tridiagonal: D_i [b, b] symmetric, R_i [b, b] upper triangular, below it
//! per panel     A₂₁ = Q [R; 0],  Q = I − V T⁻¹ Vᵀ,  T = striu(VᵀV) + ½ diag(VᵀV)   (V [m, b] with unit diagonal)
//!               X = A₂₂ V T⁻¹,  W = X − ½ V (T⁻ᵀ Vᵀ X),  A₂₂ ← A₂₂ − W Vᵀ − V Wᵀ
//! ```
//!
//! This is the first half of the two-stage tridiagonalisation (Bischof, Lang and Sun 2000). The second half, from the band to three
//! diagonals, is omitted: it would have to be applied to every column of `Y`, and a band of 48 is narrow enough to factor for
//! every `t`. The next panel is reflected while the rest of the matrix is updated, so that no thread waits for it.
//!
//! One-stage reduction reads the matrix once per column (`k` times), this one `k/b` times, so it is not bound by memory and uses
//! all cores.

use faer::linalg::matmul::matmul;
use faer::linalg::triangular_solve::solve_lower_triangular_in_place;
use faer::prelude::{IntoConst, Reborrow, ReborrowMut};
use faer::{Accum, Mat, MatMut, MatRef, Par};
use rayon::prelude::*;

use super::reflector::{Direction, Panel, Reflector};
use super::tridiagonal::power_of_four;
use crate::error::{Error, ErrorKind, Result};
use crate::linalg::product;
use crate::statistics::product::Factors;
use crate::statistics::strips::Wide;

/// Half-width of the band.
const WIDTH: usize = 48;
/// Rows and columns of the tiles that tasks work on.
const TILE: usize = 192;
/// Columns that are rotated together.
const STRIPE: usize = 64;

/// The buffers of a panel's update, allocated once: zeroing fresh memory for every panel takes as long as the update.
struct Workspace {
    /// `W` `[k, b]`
    image: Mat<f64>,
    /// `[W V]ᵀ` `[2b, k]`
    left: Wide,
    /// `[V W]ᵀ` `[2b, k]`
    right: Wide,
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
        matrix
            .as_mut()
            .par_col_iter_mut()
            .enumerate()
            .for_each(|(column, entries)| {
                for entry in entries.subrows_mut(column, k - column).iter_mut() {
                    *entry /= scale;
                }
            });
        let mut band = Self {
            diagonal: Vec::new(),
            below: Vec::new(),
            scale,
            reflectors: Vec::new(),
            size: k,
        };
        let mut workspace = Workspace {
            image: Mat::zeros(k, width),
            left: Wide::default(),
            right: Wide::default(),
        };
        let mut ahead = None;
        for start in (0..k).step_by(width) {
            let w = width.min(k - start);
            band.diagonal
                .push(Mat::from_fn(w, w, |i, j| matrix[(start + i.max(j), start + i.min(j))]));
            let next = start + w;
            if next < k {
                let panel = ahead
                    .take()
                    .unwrap_or_else(|| Panel::reflect(matrix.as_ref().get(next.., start..next)));
                ahead = band.advance(matrix.as_mut().get_mut(next.., next..), panel, next, &mut workspace);
            }
        }
        Ok(band)
    }

    /// Stores a panel, applies its reflections to the rest of the matrix, and reflects the next panel.
    fn advance(
        &mut self,
        rest: MatMut<'_, f64>,
        panel: Panel,
        next: usize,
        workspace: &mut Workspace,
    ) -> Option<Panel> {
        let Panel {
            triangle,
            basis,
            factor,
        } = panel;
        let width = triangle.ncols();
        self.below.push(triangle);
        let (m, q) = basis.shape();
        if q == 0 {
            return None;
        }
        let Workspace { image, left, right } = workspace;
        let mut image = image.as_mut().get_mut(..m, ..q);
        image_of(rest.as_ref(), basis.as_ref(), factor.as_ref(), image.rb_mut());
        let image = image.into_const();
        for (strips, first, second) in [
            (&mut *left, image, basis.as_ref()),
            (&mut *right, basis.as_ref(), image),
        ] {
            strips.fill(2 * q, m, |row, from, to| {
                let column = if row < q { first.col(row) } else { second.col(row - q) };
                if let Some(column) = column.try_as_col_major() {
                    to.copy_from_slice(&column.as_slice()[from..from + to.len()]);
                }
            });
        }
        let factors = Factors {
            left,
            right,
            factor: -1.0,
        };
        // Whole strips, the next panel's columns among them.
        let (mut first, later) = rest.split_at_col_mut(width.next_multiple_of(8).min(m));
        update(&factors, first.rb_mut(), 0);
        let done = first.ncols();
        let (ahead, ()) = rayon::join(
            || (m > width).then(|| Panel::reflect(first.as_ref().get(width.., ..width))),
            || update(&factors, later, done),
        );
        self.reflectors.push(Reflector {
            start: next,
            basis,
            factor,
        });
        ahead
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

    /// `Q` `[k, k]`
    pub fn rotation(&self) -> Mat<f64> {
        let mut rotation = Mat::<f64>::identity(self.size, self.size);
        for reflector in self.reflectors.iter().rev() {
            // Before this reflection, earlier rows and columns are those of the identity.
            let start = reflector.start;
            rotation
                .as_mut()
                .get_mut(start.., start..)
                .par_col_chunks_mut(STRIPE)
                .for_each(|stripe| reflector.apply(stripe, Direction::Forward));
        }
        rotation
    }

    /// One task for every [`STRIPE`] columns.
    fn each_stripe(&self, columns: MatMut<'_, f64>, apply: impl Fn(&[Reflector], MatMut<'_, f64>) + Sync) {
        columns
            .par_col_chunks_mut(STRIPE)
            .for_each(|stripe| apply(&self.reflectors, stripe));
    }
}

/// `A ← A + factor · LᵀR` for the columns of a lower triangle from `first` on, one task per tile.
fn update(factors: &Factors<'_, f64, 8>, columns: MatMut<'_, f64>, first: usize) {
    columns
        .par_col_chunks_mut(TILE)
        .enumerate()
        .for_each(|(chunk, columns)| {
            let column = first + chunk * TILE;
            let rows = columns.nrows() - column;
            columns
                .subrows_mut(column, rows)
                .par_row_chunks_mut(TILE)
                .enumerate()
                .for_each(|(chunk, tile)| factors.add_to(tile, column + chunk * TILE, column));
        });
}

/// `W = X − ½ V (T⁻ᵀ VᵀX)`, `X = S V T⁻¹`, for a symmetric `S` `[m, m]` given by its lower triangle; one task for every [`TILE`] rows.
fn image_of(matrix: MatRef<'_, f64>, basis: MatRef<'_, f64>, factor: MatRef<'_, f64>, mut image: MatMut<'_, f64>) {
    let parts: Vec<Mat<f64>> = image
        .rb_mut()
        .par_row_chunks_mut(TILE)
        .enumerate()
        .map(|(tile, mut rows)| {
            let from = tile * TILE;
            symmetric_rows(matrix, basis, from, rows.rb_mut());
            solve_lower_triangular_in_place(factor.transpose(), rows.rb_mut().transpose_mut(), Par::Seq);
            product(basis.subrows(from, rows.nrows()).transpose(), rows.rb(), Par::Seq)
        })
        .collect();
    let mut inner = Mat::zeros(basis.ncols(), basis.ncols());
    for part in &parts {
        inner += part;
    }
    solve_lower_triangular_in_place(factor.transpose(), inner.as_mut(), Par::Seq);
    image.par_row_chunks_mut(TILE).enumerate().for_each(|(tile, rows)| {
        let own = basis.subrows(tile * TILE, rows.nrows());
        matmul(rows, Accum::Add, own, inner.as_ref(), -0.5, Par::Seq);
    });
}

/// Some rows of `S V`, from row `from` on.
fn symmetric_rows(matrix: MatRef<'_, f64>, basis: MatRef<'_, f64>, from: usize, mut rows: MatMut<'_, f64>) {
    let (m, w) = (basis.nrows(), rows.nrows());
    let own = Mat::from_fn(w, w, |i, j| matrix[(from + i.max(j), from + i.min(j))]);
    matmul(
        rows.rb_mut(),
        Accum::Replace,
        own.as_ref(),
        basis.subrows(from, w),
        1.0,
        Par::Seq,
    );
    if from > 0 {
        let left = matrix.get(from..from + w, ..from);
        matmul(rows.rb_mut(), Accum::Add, left, basis.subrows(0, from), 1.0, Par::Seq);
    }
    if from + w < m {
        let under = matrix.get(from + w.., from..from + w).transpose();
        let rest = basis.subrows(from + w, m - from - w);
        matmul(rows, Accum::Add, under, rest, 1.0, Par::Seq);
    }
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
        let mut applied = Mat::<f64>::identity(k, k);
        band.apply_forward(applied.as_mut());
        assert!((&applied - band.rotation()).norm_max() < 1e-13, "{name}");
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
