//! `rᵀ(A + tI)⁻¹r = ‖L⁻¹r‖²` for many columns r: forward substitution with a band matrix L, columns side by side in vector registers.
//!
//! ```text
//! L     [k, k]   lower triangle with b numbers left of the diagonal; its rows in groups of four
//! acc   = r − Σ_k L[group, k] u_k        [4, 16] over the b rows of u before the group: all in registers
//! u     = D⁻¹ acc                        D [4, 4] the group's own triangle
//! ```
//!
//! `2(b + 4)` operations a row and column, half of what products with inverted blocks take; nothing is packed, and of u only the last
//! rows are kept.

use faer::MatRef;
use pulp::{Simd, WithSimd};

/// Rows that are solved together.
const GROUP: usize = 4;
/// Columns that are solved together.
const WIDE: usize = 16;
/// Vectors of columns that are held in registers for every row of a group.
const HELD: usize = 2;

/// Right-hand sides, sixteen columns side by side, zeros where there are fewer columns or rows.
pub(crate) struct Packed {
    chunks: Vec<Vec<f64>>,
    n_columns: usize,
}

impl Packed {
    /// From `rhs` `[k, c]`.
    pub fn new(rhs: MatRef<'_, f64>) -> Self {
        let (k, c) = rhs.shape();
        let chunks = (0..c)
            .step_by(WIDE)
            .map(|first| {
                let mut chunk = vec![0.0; k.next_multiple_of(GROUP) * WIDE];
                for (lane, column) in (first..c.min(first + WIDE)).enumerate() {
                    for (to, from) in chunk[lane..].iter_mut().step_by(WIDE).zip(rhs.col(column).iter()) {
                        *to = *from;
                    }
                }
                chunk
            })
            .collect();
        Self { chunks, n_columns: c }
    }
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
        let mut squares: Vec<f64> = columns
            .chunks
            .iter()
            .flat_map(|columns| pulp::Arch::new().dispatch(Chunk { lower: self, columns }))
            .collect();
        squares.truncate(columns.n_columns);
        squares
    }
}

/// Sixteen columns to be solved.
struct Chunk<'a> {
    lower: &'a Lower,
    columns: &'a [f64],
}

impl WithSimd for Chunk<'_> {
    type Output = [f64; WIDE];

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
        let Lower { groups, width } = self.lower;
        let width = *width;
        let mut squares = [0.0; WIDE];
        // The rows of u before the group, and the next ones as long as there is room.
        let mut last = vec![[0.0; WIDE]; 2 * width + GROUP];
        let mut at = width;
        let (rows, _) = self.columns.as_chunks::<WIDE>();
        for (rows, group) in rows
            .chunks_exact(GROUP)
            .zip(groups.chunks_exact(GROUP * width + GROUP * GROUP))
        {
            if at + GROUP > last.len() {
                last.copy_within(at - width..at, 0);
                at = width;
            }
            let (before, own) = last.split_at_mut(at);
            solve_group(
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
fn solve_group<S: Simd>(
    simd: S,
    group: &[f64],
    before: &[[f64; WIDE]],
    rows: &[[f64; WIDE]],
    own: &mut [[f64; WIDE]],
    squares: &mut [f64; WIDE],
) {
    let (left, triangle) = group.split_at(GROUP * before.len());
    let (left, _) = left.as_chunks::<GROUP>();
    let (triangle, _) = triangle.as_chunks::<GROUP>();
    let (squares, _) = S::as_mut_simd_f64s(squares);
    for (part, squares) in squares.chunks_exact_mut(HELD.min(WIDE / S::F64_LANES)).enumerate() {
        let mut acc = [[simd.splat_f64s(0.0); HELD]; GROUP];
        for (left, u) in left.iter().zip(before) {
            let (u, _) = S::as_simd_f64s(u);
            let Some(u) = u.chunks_exact(HELD).nth(part) else {
                continue;
            };
            for (acc, &left) in acc.iter_mut().zip(left) {
                let left = simd.splat_f64s(left);
                for (acc, &u) in acc.iter_mut().zip(u) {
                    *acc = simd.mul_add_f64s(left, u, *acc);
                }
            }
        }
        for g in 0..GROUP {
            let (row, _) = S::as_simd_f64s(&rows[g]);
            let (to, _) = S::as_mut_simd_f64s(&mut own[g]);
            let (Some(row), Some(to)) = (row.chunks_exact(HELD).nth(part), to.chunks_exact_mut(HELD).nth(part)) else {
                continue;
            };
            let inverse = simd.splat_f64s(triangle[g][g]);
            let mut solved = [simd.splat_f64s(0.0); HELD];
            for i in 0..HELD {
                solved[i] = simd.mul_f64s(simd.sub_f64s(row[i], acc[g][i]), inverse);
                squares[i] = simd.mul_add_f64s(solved[i], solved[i], squares[i]);
                to[i] = solved[i];
            }
            for later in g + 1..GROUP {
                let left = simd.splat_f64s(triangle[later][g]);
                for i in 0..HELD {
                    acc[later][i] = simd.mul_add_f64s(left, solved[i], acc[later][i]);
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
        for (k, width, c) in [(1, 1, 1), (7, 3, 5), (40, 8, 17), (65, 32, 40)] {
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
