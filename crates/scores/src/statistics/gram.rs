//! Symmetric products of f32 rows, summed in f64: `FᵀF` `[d, d]`, `FFᵀ` `[n, n]` (lower triangles), and sums per class.
//!
//! Rows are widened and turned a block at a time into one buffer, so no f64 copy of the features exists; then the tiles of the lower
//! triangle are updated, as tasks for all threads. Turned, because both factors of a product then run along the samples: the right
//! one is read as it lies, and with rows a power of two apart that took twice as long.

use faer::linalg::matmul::matmul;
use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::{Accum, Mat, MatMut, MatRef, Par};
use rayon::prelude::*;

use super::triangle::{self, Triangle};
use crate::simd::vectorised;

/// Rows that are widened together: enough for one pass over `G` to pay, while the buffer stays a few MB.
const BLOCK_ROWS: usize = 512;
/// Columns and rows of the tiles that tasks work on, a multiple of what kernels take at once (12 to 96); narrower ones where there would be too few for the threads.
const TILE: usize = triangle::WIDTH;
const NARROW_TILE: usize = 96;
/// Numbers between the columns of a turned block, so that they do not all fall on the same lines of the cache.
const APART: usize = 8;

/// Whether a product is added to a matrix or taken from it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Sign {
    Plus,
    Minus,
}

/// `G ± FᵀF`; `data` is `[n, d]` row-major, d the size of `gram`.
pub(crate) fn update_gram(gram: &mut Triangle, data: &[f32], sign: Sign, turned: &mut Turned<f64>) {
    let factor = match sign {
        Sign::Plus => 1.0,
        Sign::Minus => -1.0,
    };
    let d = gram.size();
    for block in data.chunks(d * BLOCK_ROWS) {
        add_square(gram, turned.of(block, d, |_, value| f64::from(value)), factor);
    }
}

/// `M += factor · XᵀX`, X `[m, k]` with contiguous columns.
///
/// A task for every tile, none of which waits for another: threads that are taken away by other work on the machine hold up one tile, not
/// all of them, as they would at the barriers of one parallel product.
fn add_square(matrix: &mut Triangle, x: MatRef<'_, f64>, factor: f64) {
    let tile = tile_for(matrix.size());
    matrix.for_tiles(tile, |columns, first| {
        let w = columns.ncols();
        let (own, below) = columns.split_at_row_mut(w);
        let right = x.subcols(first, w);
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
                below.par_row_chunks_mut(tile).enumerate().for_each(|(chunk, part)| {
                    let left = x.subcols(first + w + chunk * tile, part.nrows()).transpose();
                    matmul(part, Accum::Add, left, right, factor, Par::Seq);
                });
            },
        );
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

/// A buffer for blocks of rows, turned: sample after sample of one feature, then those of the next.
///
/// Whoever adds batch after batch keeps it: memory of this size that is asked for anew comes empty, and emptying it costs a tenth of the
/// product. It is no part of any value, so a copy of it is empty.
#[derive(Debug, Default)]
pub(crate) struct Turned<T> {
    buffer: Vec<T>,
}

impl<T> Clone for Turned<T> {
    fn clone(&self) -> Self {
        Self { buffer: Vec::new() }
    }
}

impl<T: Copy + Default + Send + Sync> Turned<T> {
    /// The rows of `block` `[rows, d]`, row-major, as a matrix of the same shape with contiguous columns; `convert` is given the
    /// column of every number.
    pub fn of<S: Copy + Sync>(
        &mut self,
        block: &[S],
        d: usize,
        convert: impl Fn(usize, S) -> T + Sync,
    ) -> MatRef<'_, T> {
        /// Rows and columns that are turned at once: whole lines of the cache are read and written.
        const ROWS: usize = 8;
        const COLUMNS: usize = 16;
        let rows = block.len() / d;
        let step = rows.next_multiple_of(APART) + APART;
        self.buffer.resize(step * d, T::default());
        self.buffer
            .par_chunks_mut(step * COLUMNS)
            .enumerate()
            .for_each(|(stripe, to)| {
                vectorised(
                    #[inline(always)]
                    || {
                        let first = stripe * COLUMNS;
                        let width = to.len() / step;
                        for row in (0..rows).step_by(ROWS) {
                            let height = ROWS.min(rows - row);
                            if width == COLUMNS && height == ROWS {
                                let mut part = [[T::default(); COLUMNS]; ROWS];
                                for (i, part) in part.iter_mut().enumerate() {
                                    let at = (row + i) * d + first;
                                    for (column, (to, &from)) in
                                        part.iter_mut().zip(&block[at..at + COLUMNS]).enumerate()
                                    {
                                        *to = convert(first + column, from);
                                    }
                                }
                                for (column, to) in to.chunks_exact_mut(step).enumerate() {
                                    for (to, part) in to[row..row + ROWS].iter_mut().zip(&part) {
                                        *to = part[column];
                                    }
                                }
                            } else {
                                for i in row..row + height {
                                    for column in 0..width {
                                        to[column * step + i] = convert(first + column, block[i * d + first + column]);
                                    }
                                }
                            }
                        }
                    },
                );
            });
        MatRef::from_column_major_slice_with_stride(&self.buffer, rows, d, step)
    }
}

/// `(F − 1oᵀ)W²(F − 1oᵀ)ᵀ` `[n, n]`, lower triangle; `origin` is subtracted from every row where given, and then the columns
/// are multiplied by `weights` where given.
///
/// Used for n ≤ d only, in blocks of columns of F, so the buffer holds `n · BLOCK_ROWS` numbers at most.
pub(crate) fn dual_gram(data: &[f32], d: usize, origin: Option<&[f64]>, weights: Option<&[f64]>) -> Mat<f64> {
    let n = data.len() / d;
    let mut gram = Triangle::zeros(n);
    let mut buffer = vec![0.0_f64; n * (BLOCK_ROWS.min(d) + APART)];
    for start in (0..d).step_by(BLOCK_ROWS) {
        let width = BLOCK_ROWS.min(d - start);
        let step = width + APART;
        let wide = &mut buffer[..n * step];
        wide.par_chunks_exact_mut(step).enumerate().for_each(|(row, wide)| {
            let from = &data[row * d + start..row * d + start + width];
            for (to, &from) in wide.iter_mut().zip(from) {
                *to = f64::from(from);
            }
            for (to, &origin) in wide[..width]
                .iter_mut()
                .zip(origin.map_or(&[][..], |origin| &origin[start..]))
            {
                *to -= origin;
            }
            for (to, &weight) in wide[..width]
                .iter_mut()
                .zip(weights.map_or(&[][..], |weights| &weights[start..]))
            {
                *to *= weight;
            }
        });
        let turned = MatRef::from_column_major_slice_with_stride(&*wide, width, n, step);
        add_square(&mut gram, turned, 1.0);
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
    let mut turned = Turned::default();
    for (block, values) in data.chunks(d * BLOCK_ROWS).zip(values.chunks(c * BLOCK_ROWS)) {
        let x = turned.of(block, d, |_, value| f64::from(value));
        matmul(
            products.as_mut(),
            Accum::Add,
            x.transpose(),
            MatRef::from_row_major_slice(values, x.nrows(), c),
            1.0,
            Par::rayon(0),
        );
    }
}
