//! Symmetric products of f32 rows, summed in f64: `FᵀF` `[d, d]`, `FFᵀ` `[n, n]` (lower triangles), and sums per class.
//!
//! Rows are widened a block at a time into one buffer of strips ([`super::strips`]), so no f64 copy of the features exists; then the tiles of
//! the lower triangle are updated in parallel ([`super::product`]).

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatMut, MatRef};
use rayon::prelude::*;

use super::product::{Factors, Number};
use super::strips::{Strips, Wide};
use super::triangle::{self, Triangle};
use crate::linalg;
use crate::simd::vectorised;

/// Rows that are widened together: enough to amortise a pass over `G`, in a buffer of some MB.
const BLOCK_ROWS: usize = 512;
/// Rows and columns of the tile of a task, a multiple of what the kernel computes at once; narrower where there would be fewer
/// tiles than the threads need. The results do not depend on it.
const TILE: usize = triangle::WIDTH;
const NARROW_TILE: usize = 96;

/// Whether a product is added to a matrix or subtracted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Sign {
    Plus,
    Minus,
}

/// `G ± FᵀF`; `data` is `[n, d]` row-major, d the size of `gram`.
pub(crate) fn update_gram(gram: &mut Triangle, data: &[f32], sign: Sign, wide: &mut Wide) {
    let factor = match sign {
        Sign::Plus => 1.0,
        Sign::Minus => -1.0,
    };
    let d = gram.size();
    for block in data.chunks(d * BLOCK_ROWS) {
        wide.fill(
            block.len() / d,
            d,
            #[inline(always)]
            |row, first, to| {
                for (to, &from) in to.iter_mut().zip(&block[row * d + first..]) {
                    *to = f64::from(from);
                }
            },
        );
        add_square(gram, wide, factor);
    }
}

/// `M += factor · XᵀX`.
///
/// One task per tile, without barriers: a thread that the system preempts delays one tile, not all of them.
pub(crate) fn add_square<T: Number, const W: usize>(matrix: &mut Triangle, x: &Strips<T, W>, factor: f64) {
    let factors = Factors {
        left: x,
        right: x,
        factor,
    };
    matrix.for_each_tile(tile_for(matrix.size()), |tile, row, column| {
        factors.add_to(tile, row, column);
    });
}

/// The width of tiles for a matrix of this size.
pub(super) fn tile_for(k: usize) -> usize {
    let stripes = k.div_ceil(TILE);
    if stripes * (stripes + 1) >= 8 * rayon::current_num_threads() {
        TILE
    } else {
        NARROW_TILE
    }
}

/// `(F − 1oᵀ)W²(F − 1oᵀ)ᵀ` `[n, n]`, lower triangle; `origin` is subtracted from every row where given, and then the columns
/// are multiplied by `weights` where given.
///
/// Used for n ≤ d only, in blocks of columns of F, so the buffer holds `n · BLOCK_ROWS` numbers at most.
pub(crate) fn dual_gram(data: &[f32], d: usize, origin: Option<&[f64]>, weights: Option<&[f64]>) -> Mat<f64> {
    let n = data.len() / d;
    let mut gram = Triangle::zeros(n);
    let mut wide = Wide::default();
    for start in (0..d).step_by(BLOCK_ROWS) {
        // The sums run over the features.
        wide.fill(
            BLOCK_ROWS.min(d - start),
            n,
            #[inline(always)]
            |feature, first, to| {
                let feature = start + feature;
                let from = data[first * d + feature..].iter().step_by(d);
                for (to, &from) in to.iter_mut().zip(from) {
                    let value = f64::from(from) - origin.map_or(0.0, |origin| origin[feature]);
                    *to = value * weights.map_or(1.0, |weights| weights[feature]);
                }
            },
        );
        add_square(&mut gram, &wide, 1.0);
    }
    gram.dense()
}

/// `sums[class] += row` for every row of `data` `[n, d]`; `sums` is `[classes, d]`. `O(n·d)`, in parallel over classes.
pub(crate) fn add_to_class_sums(sums: &mut [f64], data: &[f32], d: usize, index: &[usize]) {
    let n_classes = sums.len() / d;
    let mut members = vec![Vec::new(); n_classes];
    for (row, &class) in index.iter().enumerate() {
        members[class].push(row);
    }
    sums.par_chunks_exact_mut(d).zip(&members).for_each(|(sum, members)| {
        vectorised(
            #[inline(always)]
            || {
                for &row in members {
                    for (sum, &value) in sum.iter_mut().zip(&data[row * d..(row + 1) * d]) {
                        *sum += f64::from(value);
                    }
                }
            },
        );
    });
}

/// `B += FᵀY`: `sums` is `[c, d]`, `data` `[n, d]`, `values` `[n, c]`, all row-major.
pub(crate) fn add_products(sums: &mut [f64], data: &[f32], d: usize, values: &[f64]) {
    let c = sums.len() / d;
    let mut products = MatMut::from_column_major_slice_mut(sums, d, c);
    let mut wide = Vec::new();
    for (block, values) in data.chunks(d * BLOCK_ROWS).zip(values.chunks(c * BLOCK_ROWS)) {
        wide.resize(block.len(), 0.0);
        wide.par_chunks_mut(d).zip(block.par_chunks(d)).for_each(|(to, from)| {
            for (to, &from) in to.iter_mut().zip(from) {
                *to = f64::from(from);
            }
        });
        let rows = block.len() / d;
        matmul(
            products.as_mut(),
            Accum::Add,
            MatRef::from_column_major_slice(&wide, d, rows),
            MatRef::from_row_major_slice(values, rows, c),
            1.0,
            linalg::parallel(),
        );
    }
}
