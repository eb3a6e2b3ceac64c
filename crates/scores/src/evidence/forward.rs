//! `rᵀ(A + tI)⁻¹r = ‖L⁻¹r‖²` for many columns r: forward substitution with a band matrix L, several columns per vector register.
//!
//! ```text
//! L     [k, k]   lower triangle with b numbers left of the diagonal; its rows in groups of four
//! acc   = r − Σ_k L[group, k] u_k        [4, 32] over the b rows of u before the group: all in registers
//! u     = D⁻¹ acc                        D [4, 4] the group's own triangle
//! ```
//!
//! It takes `2(b + 4)` operations per row and column, half as many as products with inverted blocks. Nothing is packed, and only
//! the last rows of u are kept.

use faer::MatRef;
use pulp::{Simd, WithSimd};
use rayon::prelude::*;

/// Rows that are solved together.
const GROUP: usize = 4;
/// Columns that are solved together; half as many where no more are left.
const WIDE: usize = 32;
const NARROW: usize = WIDE / 2;

/// Right-hand sides in chunks of columns, padded with zeros.
pub(crate) struct Packed {
    chunks: Vec<Columns>,
    n_columns: usize,
}

/// `[k, WIDE]` or `[k, NARROW]`, row-major.
enum Columns {
    Wide(Vec<f64>),
    Narrow(Vec<f64>),
}

impl Packed {
    /// From `rhs` `[k, c]`.
    pub fn new(rhs: MatRef<'_, f64>) -> Self {
        let c = rhs.ncols();
        let chunks = (0..c.div_ceil(WIDE))
            .into_par_iter()
            .map(|chunk| {
                let first = chunk * WIDE;
                let columns = rhs.subcols(first, WIDE.min(c - first));
                if columns.ncols() > NARROW {
                    Columns::Wide(side_by_side::<WIDE>(columns))
                } else {
                    Columns::Narrow(side_by_side::<NARROW>(columns))
                }
            })
            .collect();
        Self { chunks, n_columns: c }
    }
}

impl Packed {
    /// From the rows of `rows` `[c, k]`, whose columns are contiguous.
    pub fn from_rows(rows: MatRef<'_, f64>) -> Self {
        let c = rows.nrows();
        let chunks = (0..c.div_ceil(WIDE))
            .into_par_iter()
            .map(|chunk| {
                let first = chunk * WIDE;
                let part = rows.subrows(first, WIDE.min(c - first));
                if part.nrows() > NARROW {
                    Columns::Wide(stacked::<WIDE>(part))
                } else {
                    Columns::Narrow(stacked::<NARROW>(part))
                }
            })
            .collect();
        Self { chunks, n_columns: c }
    }
}

fn stacked<const N: usize>(rows: MatRef<'_, f64>) -> Vec<f64> {
    let mut chunk = vec![0.0; rows.ncols().next_multiple_of(GROUP) * N];
    for (to, from) in chunk.chunks_exact_mut(N).zip(rows.col_iter()) {
        for (to, from) in to.iter_mut().zip(from.iter()) {
            *to = *from;
        }
    }
    chunk
}

fn side_by_side<const N: usize>(columns: MatRef<'_, f64>) -> Vec<f64> {
    let mut chunk = vec![0.0; columns.nrows().next_multiple_of(GROUP) * N];
    for (lane, column) in columns.col_iter().enumerate() {
        for (to, from) in chunk[lane..].iter_mut().step_by(N).zip(column.iter()) {
            *to = *from;
        }
    }
    chunk
}

/// L, packed by groups of rows: the numbers left of the group's triangle column by column, the triangle's rows, and the inverse diagonal.
pub(crate) struct Lower {
    groups: Vec<f64>,
    width: usize,
}

impl Lower {
    /// Room for `k` rows with `width` numbers left of the diagonal each.
    pub fn new(k: usize, width: usize) -> Self {
        let width = width.next_multiple_of(GROUP);
        let mut lower = Self {
            groups: vec![0.0; k.div_ceil(GROUP) * (GROUP * width + GROUP * GROUP)],
            width,
        };
        // Rows beyond the last are those of the identity.
        for row in k..k.next_multiple_of(GROUP) {
            lower.set(row, row, 1.0);
        }
        lower
    }

    /// Sets `L[row, column]`, which must lie in the band.
    pub fn set(&mut self, row: usize, column: usize, value: f64) {
        let (group, within) = (row / GROUP, row % GROUP);
        let size = GROUP * self.width + GROUP * GROUP;
        let first = group * GROUP;
        let at = if column == row {
            GROUP * self.width + within * GROUP + within
        } else if column >= first {
            GROUP * self.width + within * GROUP + column - first
        } else {
            (column + self.width - first) * GROUP + within
        };
        self.groups[group * size + at] = if column == row { 1.0 / value } else { value };
    }

    /// `‖L⁻¹r‖²` of every column.
    pub fn squares(&self, columns: &Packed) -> Vec<f64> {
        let arch = pulp::Arch::new();
        let mut squares = Vec::with_capacity(columns.chunks.len() * WIDE);
        for chunk in &columns.chunks {
            match chunk {
                Columns::Wide(columns) => squares.extend(arch.dispatch(Chunk::<WIDE> { lower: self, columns })),
                Columns::Narrow(columns) => squares.extend(arch.dispatch(Chunk::<NARROW> { lower: self, columns })),
            }
        }
        squares.truncate(columns.n_columns);
        squares
    }
}

/// N columns to be solved.
struct Chunk<'a, const N: usize> {
    lower: &'a Lower,
    columns: &'a [f64],
}

impl<const N: usize> WithSimd for Chunk<'_, N> {
    type Output = [f64; N];

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
        // As many vectors of columns as the registers hold sums of: sixteen of 32 registers with vectors of eight, otherwise eight of sixteen.
        match (N / S::F64_LANES.max(1), S::F64_LANES) {
            (4.., 8) => self.solve::<S, 4>(simd),
            _ => self.solve::<S, 2>(simd),
        }
    }
}

impl<const N: usize> Chunk<'_, N> {
    #[inline(always)]
    fn solve<S: Simd, const HELD: usize>(self, simd: S) -> [f64; N] {
        let Lower { groups, width } = self.lower;
        let width = *width;
        let mut squares = [0.0; N];
        // The rows of u before the group, and space for the next ones.
        let mut last = vec![[0.0; N]; 2 * width + GROUP];
        let mut at = width;
        let (rows, _) = self.columns.as_chunks::<N>();
        for (rows, group) in rows
            .chunks_exact(GROUP)
            .zip(groups.chunks_exact(GROUP * width + GROUP * GROUP))
        {
            if at + GROUP > last.len() {
                last.copy_within(at - width..at, 0);
                at = width;
            }
            let (before, own) = last.split_at_mut(at);
            solve_group::<S, N, HELD>(
                simd,
                group,
                &before[at - width..],
                rows,
                &mut own[..GROUP],
                &mut squares,
            );
            at += GROUP;
        }
        squares
    }
}

/// Solves a group's rows from the `width` rows of u before it, and adds their squares.
#[inline(always)]
fn solve_group<S: Simd, const N: usize, const HELD: usize>(
    simd: S,
    group: &[f64],
    before: &[[f64; N]],
    rows: &[[f64; N]],
    own: &mut [[f64; N]],
    squares: &mut [f64; N],
) {
    let (left, triangle) = group.split_at(GROUP * before.len());
    let (left, _) = left.as_chunks::<GROUP>();
    let (triangle, _) = triangle.as_chunks::<GROUP>();
    let (squares, _) = S::as_mut_simd_f64s(squares);
    let (squares, _) = squares.as_chunks_mut::<HELD>();
    for (part, squares) in squares.iter_mut().enumerate() {
        let mut acc = [[simd.splat_f64s(0.0); HELD]; GROUP];
        for (left, u) in left.iter().zip(before) {
            let u = &S::as_simd_f64s(u).0.as_chunks::<HELD>().0[part];
            for (acc, &left) in acc.iter_mut().zip(left) {
                let left = simd.splat_f64s(left);
                for (acc, &u) in acc.iter_mut().zip(u) {
                    *acc = simd.mul_add_e_f64s(left, u, *acc);
                }
            }
        }
        for g in 0..GROUP {
            let row = &S::as_simd_f64s(&rows[g]).0.as_chunks::<HELD>().0[part];
            let to = &mut S::as_mut_simd_f64s(&mut own[g]).0.as_chunks_mut::<HELD>().0[part];
            let inverse = simd.splat_f64s(triangle[g][g]);
            let mut solved = [simd.splat_f64s(0.0); HELD];
            for i in 0..HELD {
                solved[i] = simd.mul_f64s(simd.sub_f64s(row[i], acc[g][i]), inverse);
                squares[i] = simd.mul_add_e_f64s(solved[i], solved[i], squares[i]);
                to[i] = solved[i];
            }
            for later in g + 1..GROUP {
                let left = simd.splat_f64s(triangle[later][g]);
                for i in 0..HELD {
                    acc[later][i] = simd.mul_add_e_f64s(left, solved[i], acc[later][i]);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use faer::Mat;

    use super::*;

    fn packed(lower: &Mat<f64>, width: usize) -> Lower {
        let k = lower.nrows();
        let mut packed = Lower::new(k, width);
        for row in 0..k {
            for column in row.saturating_sub(width)..=row {
                packed.set(row, column, lower[(row, column)]);
            }
        }
        packed
    }

    #[test]
    fn squares_are_those_of_the_dense_solution() {
        for (k, width, c) in [(1, 1, 1), (7, 3, 5), (40, 8, 17), (65, 32, 40), (50, 8, 64)] {
            let lower = Mat::from_fn(k, k, |i, j| match i.checked_sub(j) {
                Some(0) => 2.0 + (i % 3) as f64,
                Some(distance) if distance <= width => ((i * 7 + j * 3) % 11) as f64 / 11.0 - 0.5,
                _ => 0.0,
            });
            let rhs = Mat::from_fn(k, c, |i, j| ((i * 5 + j * 3) % 7) as f64 - 2.5);
            let mut solved = rhs.clone();
            faer::linalg::triangular_solve::solve_lower_triangular_in_place(
                lower.as_ref(),
                solved.as_mut(),
                faer::Par::Seq,
            );
            let squares = packed(&lower, width).squares(&Packed::new(rhs.as_ref()));
            assert_eq!(squares.len(), c);
            let turned = rhs.transpose().to_owned();
            assert_eq!(
                squares,
                packed(&lower, width).squares(&Packed::from_rows(turned.as_ref()))
            );
            for (j, square) in squares.iter().enumerate() {
                let expected: f64 = solved.col_as_slice(j).iter().map(|x| x * x).sum();
                assert!(
                    (square - expected).abs() <= 1e-12 * expected,
                    "k {k}, width {width}, column {j}"
                );
            }
        }
    }
}
