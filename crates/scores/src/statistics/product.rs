//! The lower triangle of `C ± AᵀB` for strips. Sums for a few features are kept in vector registers over many rows.
//!
//! ```text
//! sums [24, 8]   three strips of A (or two, or one), a strip of B: per row three vectors are loaded and eight numbers are broadcast
//! C              += sums, after every DEPTH rows
//! ```
//!
//! General matrix products pack their factors into such strips for every tile. Here the rows were packed once, when they
//! arrived ([`super::strips`]), so a tile needs no buffer. About 75 of the 88 GFLOP/s of a thread with AVX-512 (f64).
//!
//! On processors with sixteen registers the sums are `[8, 4]`.

use faer::MatMut;
use pulp::{Simd, WithSimd};

use super::strips::{Line, Strips};

/// Rows of the factors between two additions to C: a strip of B stays in the L1 cache, three of A in L2.
const DEPTH: usize = 256;
/// Strips of A that are multiplied together.
const TOGETHER: usize = 3;

/// A number type with vector instructions.
pub(crate) trait Number: Copy + Default + Send + Sync + Into<f64> {
    type Vector<S: Simd>: Copy;
    /// Numbers of a vector.
    fn lanes<S: Simd>() -> usize;
    fn splat<S: Simd>(simd: S, value: Self) -> Self::Vector<S>;
    fn vectors<S: Simd>(numbers: &[Self]) -> &[Self::Vector<S>];
    fn vectors_mut<S: Simd>(numbers: &mut [Self]) -> &mut [Self::Vector<S>];
    fn mul_add<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>, c: Self::Vector<S>) -> Self::Vector<S>;
}

impl Number for f64 {
    type Vector<S: Simd> = S::f64s;

    #[inline(always)]
    fn lanes<S: Simd>() -> usize {
        S::F64_LANES
    }

    #[inline(always)]
    fn splat<S: Simd>(simd: S, value: Self) -> S::f64s {
        simd.splat_f64s(value)
    }

    #[inline(always)]
    fn vectors<S: Simd>(numbers: &[Self]) -> &[S::f64s] {
        S::as_simd_f64s(numbers).0
    }

    #[inline(always)]
    fn vectors_mut<S: Simd>(numbers: &mut [Self]) -> &mut [S::f64s] {
        S::as_mut_simd_f64s(numbers).0
    }

    #[inline(always)]
    fn mul_add<S: Simd>(simd: S, a: S::f64s, b: S::f64s, c: S::f64s) -> S::f64s {
        simd.mul_add_e_f64s(a, b, c)
    }
}

impl Number for f32 {
    type Vector<S: Simd> = S::f32s;

    #[inline(always)]
    fn lanes<S: Simd>() -> usize {
        S::F32_LANES
    }

    #[inline(always)]
    fn splat<S: Simd>(simd: S, value: Self) -> S::f32s {
        simd.splat_f32s(value)
    }

    #[inline(always)]
    fn vectors<S: Simd>(numbers: &[Self]) -> &[S::f32s] {
        S::as_simd_f32s(numbers).0
    }

    #[inline(always)]
    fn vectors_mut<S: Simd>(numbers: &mut [Self]) -> &mut [S::f32s] {
        S::as_mut_simd_f32s(numbers).0
    }

    #[inline(always)]
    fn mul_add<S: Simd>(simd: S, a: S::f32s, b: S::f32s, c: S::f32s) -> S::f32s {
        simd.mul_add_e_f32s(a, b, c)
    }
}

/// The factors of a product over the same rows.
pub(crate) struct Factors<'a, T, const W: usize> {
    pub left: &'a Strips<T, W>,
    pub right: &'a Strips<T, W>,
    pub factor: f64,
}

impl<T: Number, const W: usize> Factors<'_, T, W> {
    /// `C += factor · AᵀB` for the part of C that starts at the given row and column, both multiples of W, on and below the
    /// diagonal. Entries less than W above the diagonal are undefined afterwards.
    pub fn add_to(&self, part: MatMut<'_, f64>, row: usize, column: usize) {
        let rows = part.nrows();
        let columns = part
            .col_iter_mut()
            .filter_map(|column| column.try_as_col_major_mut().map(|column| column.as_slice_mut()))
            .collect();
        pulp::Arch::new().dispatch(Part {
            factors: self,
            columns,
            rows: row / W..(row + rows).div_ceil(W),
            first_column: column / W,
        });
    }
}

/// A part of C, by its columns, and the strips of its rows.
struct Part<'a, T, const W: usize> {
    factors: &'a Factors<'a, T, W>,
    columns: Vec<&'a mut [f64]>,
    rows: std::ops::Range<usize>,
    first_column: usize,
}

impl<T: Number, const W: usize> WithSimd for Part<'_, T, W> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let depth = self.factors.left.rows();
        let columns = self.first_column..self.first_column + self.columns.len().div_ceil(W);
        for from in (0..depth).step_by(DEPTH) {
            let to = depth.min(from + DEPTH);
            for column in columns.clone() {
                let mut row = self.rows.start.max(column);
                while row < self.rows.end {
                    let count = TOGETHER.min(self.rows.end - row);
                    // By the vectors of a strip: as many sums as fit into the registers.
                    match (W / T::lanes::<S>(), count) {
                        (1, 3) => self.multiply::<S, 3, 8>(simd, row, column, from, to),
                        (1, 2) => self.multiply::<S, 2, 8>(simd, row, column, from, to),
                        (1, _) => self.multiply::<S, 1, 8>(simd, row, column, from, to),
                        (2, _) => self.each::<S, 2>(simd, row..row + count, column, from, to),
                        (4, _) => self.each::<S, 4>(simd, row..row + count, column, from, to),
                        (8, _) => self.each::<S, 8>(simd, row..row + count, column, from, to),
                        _ => self.each::<S, 16>(simd, row..row + count, column, from, to),
                    }
                    row += count;
                }
            }
        }
    }
}

impl<T: Number, const W: usize> Part<'_, T, W> {
    /// One strip after the other, where a strip takes several vectors.
    #[inline(always)]
    fn each<S: Simd, const R: usize>(
        &mut self,
        simd: S,
        rows: std::ops::Range<usize>,
        column: usize,
        from: usize,
        to: usize,
    ) {
        for row in rows {
            self.multiply::<S, R, 4>(simd, row, column, from, to);
        }
    }

    /// Strips of R vectors in all, from `row` on, times one strip of columns.
    #[inline(always)]
    fn multiply<S: Simd, const R: usize, const C: usize>(
        &mut self,
        simd: S,
        row: usize,
        column: usize,
        from: usize,
        to: usize,
    ) {
        let parts = W / T::lanes::<S>();
        let strips = R / parts;
        let right = self.factors.right.strip(column, from, to);
        let mut left: [&[Line<T, W>]; TOGETHER] = [&[]; TOGETHER];
        for (i, left) in left.iter_mut().enumerate().take(strips) {
            *left = self.factors.left.strip(row + i, from, to);
        }
        for piece in 0..W / C {
            let sums = sums::<S, T, W, R, C>(simd, &left, right, piece);
            let first = (column - self.first_column) * W + piece * C;
            let above = (row - self.rows.start) * W;
            for (column, sums) in self.columns.iter_mut().skip(first).zip(&sums) {
                let below = column.get_mut(above..).unwrap_or_default();
                for (to, line) in below.chunks_mut(W).zip(&sums[..strips]) {
                    for (to, &sum) in to.iter_mut().zip(&line.0) {
                        *to += self.factors.factor * sum.into();
                    }
                }
            }
        }
    }
}

/// R vectors of A by C numbers of B, summed over the rows.
#[inline(always)]
fn sums<S: Simd, T: Number, const W: usize, const R: usize, const C: usize>(
    simd: S,
    left: &[&[Line<T, W>]; TOGETHER],
    right: &[Line<T, W>],
    piece: usize,
) -> [[Line<T, W>; TOGETHER]; C] {
    let parts = W / T::lanes::<S>();
    let rows = right.len();
    let mut of: [&[Line<T, W>]; R] = [&[]; R];
    for (r, of) in of.iter_mut().enumerate() {
        *of = &left[r / parts][..rows];
    }
    let mut acc = [[T::splat(simd, T::default()); C]; R];
    for k in 0..rows {
        let numbers = &right[k].0.as_chunks::<C>().0[piece];
        let mut vectors = [T::splat(simd, T::default()); R];
        for r in 0..R {
            vectors[r] = T::vectors::<S>(&of[r][k].0)[r % parts];
        }
        for c in 0..C {
            let number = T::splat(simd, numbers[c]);
            for r in 0..R {
                acc[r][c] = T::mul_add(simd, vectors[r], number, acc[r][c]);
            }
        }
    }
    let mut sums = [[Line([T::default(); W]); TOGETHER]; C];
    for c in 0..C {
        for r in 0..R {
            T::vectors_mut::<S>(&mut sums[c][r / parts].0)[r % parts] = acc[r][c];
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use faer::Mat;

    use super::*;

    fn filled<T: Number, const W: usize>(
        rows: usize,
        features: usize,
        of: impl Fn(usize, usize) -> T + Sync,
    ) -> Strips<T, W> {
        let mut strips = Strips::default();
        strips.fill(rows, features, |row, first, to: &mut [T]| {
            for (i, to) in to.iter_mut().enumerate() {
                *to = of(row, first + i);
            }
        });
        strips
    }

    #[test]
    fn products_of_strips_are_those_of_the_matrices() {
        let a = |k: usize, i: usize| ((k * 7 + i * 3) % 11) as f32 - 5.0;
        let b = |k: usize, i: usize| ((k * 5 + i * 2) % 13) as f32 - 6.0;
        for (rows, d) in [(1, 1), (3, 7), (300, 8), (17, 50), (600, 75)] {
            let wide =
                |of: &(dyn Fn(usize, usize) -> f32 + Sync)| filled::<f64, 8>(rows, d, |k, i| f64::from(of(k, i)));
            let narrow = |of: &(dyn Fn(usize, usize) -> f32 + Sync)| filled::<f32, 16>(rows, d, of);
            let mut double = Mat::<f64>::identity(d, d);
            let mut single = double.clone();
            Factors {
                left: &wide(&a),
                right: &wide(&b),
                factor: -1.0,
            }
            .add_to(double.as_mut(), 0, 0);
            Factors {
                left: &narrow(&a),
                right: &narrow(&b),
                factor: -1.0,
            }
            .add_to(single.as_mut(), 0, 0);
            for j in 0..d {
                for i in j..d {
                    let product: f32 = (0..rows).map(|k| a(k, i) * b(k, j)).sum();
                    let expected = f64::from(u8::from(i == j)) - f64::from(product);
                    assert_eq!(double[(i, j)], expected, "{rows} × {d}: {i}, {j}");
                    assert_eq!(single[(i, j)], expected, "{rows} × {d}: {i}, {j}");
                }
            }
        }
    }

    #[test]
    fn a_part_of_the_matrix_is_what_it_is_of_the_whole() {
        let x = filled::<f64, 8>(40, 100, |k, i| ((k * 7 + i * 3) % 11) as f64);
        let factors = Factors {
            left: &x,
            right: &x,
            factor: 1.0,
        };
        let mut whole = Mat::<f64>::zeros(100, 100);
        factors.add_to(whole.as_mut(), 0, 0);
        let mut part = Mat::<f64>::zeros(52, 24);
        factors.add_to(part.as_mut(), 48, 16);
        for j in 0..24 {
            for i in 0..52 {
                assert_eq!(part[(i, j)], whole[(48 + i, 16 + j)], "{i}, {j}");
            }
        }
    }
}
