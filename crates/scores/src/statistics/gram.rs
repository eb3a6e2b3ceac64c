//! Symmetric products of f32 rows, summed in f64: `FᵀF` `[d, d]`, `FFᵀ` `[n, n]` (lower triangles), and sums per class.
//!
//! Rows are widened a block at a time into one buffer, so no f64 copy of the features exists; then the tiles of the lower triangle
//! are updated, as tasks for all threads.

use faer::linalg::matmul::matmul;
use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::{Accum, Mat, MatMut, MatRef, Par};
use rayon::prelude::*;

/// Rows that are widened together: enough for one pass over `G` to pay, while the buffer stays a few MB.
const BLOCK_ROWS: usize = 512;
/// Columns and rows of the tiles that tasks work on.
const TILE: usize = 128;
const TALL: usize = 512;

/// Whether a product is added to a matrix or taken from it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Sign {
    Plus,
    Minus,
}

/// `G ± FᵀF` in the lower triangle; `data` is `[n, d]` row-major, `d = gram.nrows()`.
pub(crate) fn update_gram(mut gram: MatMut<'_, f64>, data: &[f32], sign: Sign) {
    let d = gram.nrows();
    let mut buffer = vec![0.0_f64; d * BLOCK_ROWS.min(data.len() / d)];
    for block in data.chunks(d * BLOCK_ROWS) {
        let wide = &mut buffer[..block.len()];
        widen(block, wide);
        // A row of F is contiguous, so the block is the column-major matrix Fᵀ `[d, rows]`.
        let transposed = MatRef::from_column_major_slice(&*wide, d, block.len() / d);
        let factor = match sign {
            Sign::Plus => 1.0,
            Sign::Minus => -1.0,
        };
        add_square(gram.as_mut(), transposed, factor);
    }
}

/// `M += factor · XXᵀ` in the lower triangle, X `[k, m]`.
///
/// A task for every tile, none of which waits for another: threads that are taken away by other work on the machine hold up one tile, not
/// all of them, as they would at the barriers of one parallel product.
fn add_square(matrix: MatMut<'_, f64>, x: MatRef<'_, f64>, factor: f64) {
    let k = matrix.nrows();
    matrix
        .par_col_chunks_mut(TILE)
        .enumerate()
        .for_each(|(stripe, columns)| {
            let first = stripe * TILE;
            let w = columns.ncols();
            let (own, below) = columns.subrows_mut(first, k - first).split_at_row_mut(w);
            let right = x.subrows(first, w).transpose();
            rayon::join(
                || {
                    triangular::matmul(
                        own,
                        BlockStructure::TriangularLower,
                        Accum::Add,
                        right.transpose(),
                        BlockStructure::Rectangular,
                        right,
                        BlockStructure::Rectangular,
                        factor,
                        Par::Seq,
                    );
                },
                || {
                    below.par_row_chunks_mut(TALL).enumerate().for_each(|(chunk, tile)| {
                        let rows = x.subrows(first + w + chunk * TALL, tile.nrows());
                        matmul(tile, Accum::Add, rows, right, factor, Par::Seq);
                    });
                },
            );
        });
}

/// `(F − 1oᵀ)W²(F − 1oᵀ)ᵀ` `[n, n]`, lower triangle; `origin` is subtracted from every row where given, and then the columns
/// are multiplied by `weights` where given.
///
/// Used for n ≤ d only, in blocks of columns of F, so the buffer holds `n · BLOCK_ROWS` numbers at most.
pub(crate) fn dual_gram(data: &[f32], d: usize, origin: Option<&[f64]>, weights: Option<&[f64]>) -> Mat<f64> {
    let n = data.len() / d;
    let mut gram = Mat::<f64>::zeros(n, n);
    let mut buffer = vec![0.0_f64; n * BLOCK_ROWS.min(d)];
    for start in (0..d).step_by(BLOCK_ROWS) {
        let width = BLOCK_ROWS.min(d - start);
        let wide = &mut buffer[..n * width];
        wide.par_chunks_exact_mut(width).enumerate().for_each(|(row, wide)| {
            let from = &data[row * d + start..row * d + start + width];
            for (to, &from) in wide.iter_mut().zip(from) {
                *to = f64::from(from);
            }
            for (to, &origin) in wide.iter_mut().zip(origin.map_or(&[][..], |origin| &origin[start..])) {
                *to -= origin;
            }
            for (to, &weight) in wide
                .iter_mut()
                .zip(weights.map_or(&[][..], |weights| &weights[start..]))
            {
                *to *= weight;
            }
        });
        add_square(gram.as_mut(), MatRef::from_row_major_slice(&*wide, n, width), 1.0);
    }
    gram
}

/// `sums[class] += row` for every row of `data` `[n, d]`; `sums` is `[classes, d]`. `O(n·d)`, in parallel over classes.
pub(crate) fn add_to_class_sums(sums: &mut [f64], data: &[f32], d: usize, index: &[usize]) {
    let n_classes = sums.len() / d;
    let mut members = vec![Vec::new(); n_classes];
    for (row, &class) in index.iter().enumerate() {
        members[class].push(row);
    }
    sums.par_chunks_exact_mut(d).zip(&members).for_each(|(sum, members)| {
        for &row in members {
            for (sum, &value) in sum.iter_mut().zip(&data[row * d..(row + 1) * d]) {
                *sum += f64::from(value);
            }
        }
    });
}

/// `B += FᵀY`: `sums` is `[c, d]`, `data` `[n, d]`, `values` `[n, c]`, all row-major.
pub(crate) fn add_products(sums: &mut [f64], data: &[f32], d: usize, values: &[f64]) {
    let n = data.len() / d;
    let c = sums.len() / d;
    let mut products = MatMut::from_column_major_slice_mut(sums, d, c);
    let mut buffer = vec![0.0_f64; d * BLOCK_ROWS.min(n)];
    for (block, values) in data.chunks(d * BLOCK_ROWS).zip(values.chunks(c * BLOCK_ROWS)) {
        let wide = &mut buffer[..block.len()];
        widen(block, wide);
        let rows = block.len() / d;
        matmul(
            products.as_mut(),
            Accum::Add,
            MatRef::from_column_major_slice(&*wide, d, rows),
            MatRef::from_row_major_slice(values, rows, c),
            1.0,
            Par::rayon(0),
        );
    }
}

fn widen(from: &[f32], to: &mut [f64]) {
    const PIECE: usize = 1 << 14;
    to.par_chunks_mut(PIECE)
        .zip(from.par_chunks(PIECE))
        .for_each(|(to, from)| {
            for (to, &from) in to.iter_mut().zip(from) {
                *to = f64::from(from);
            }
        });
}
