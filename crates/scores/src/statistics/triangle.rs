//! The lower triangle of a symmetric matrix in stripes of columns: about half the memory of the square, divided into tiles for products.
//!
//! ```text
//! G [d, d]     stripe s: columns s·w … (s + 1)·w, of each the rows from s·w on    [d − s·w, w], columns contiguous
//! ```

use std::ops::Index;

use faer::{Mat, MatMut};
use rayon::prelude::*;

use crate::simd::{sum_of, vectorised};

/// Columns of a stripe: the largest width of a tile.
pub(super) const WIDTH: usize = 192;

/// See the module. Indexed by row and column, the row not above the column.
#[derive(Clone, Debug)]
pub(crate) struct Triangle {
    stripes: Vec<Mat<f64>>,
    size: usize,
}

impl Triangle {
    /// Zeros, `[size, size]`.
    pub fn zeros(size: usize) -> Self {
        let stripes = (0..size)
            .step_by(WIDTH)
            .map(|first| Mat::zeros(size - first, WIDTH.min(size - first)))
            .collect();
        Self { stripes, size }
    }

    /// Rows, and columns.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Rows `column..` of a column.
    pub fn column(&self, column: usize) -> &[f64] {
        &self.stripes[column / WIDTH].col_as_slice(column % WIDTH)[column % WIDTH..]
    }

    /// Rows `column..` of a column.
    pub fn column_mut(&mut self, column: usize) -> &mut [f64] {
        &mut self.stripes[column / WIDTH].col_as_slice_mut(column % WIDTH)[column % WIDTH..]
    }

    /// Adds `weight` times `other`, which is of the same size.
    pub fn add(&mut self, other: &Self, weight: f64) {
        self.stripes
            .par_iter_mut()
            .zip(&other.stripes)
            .for_each(|(own, other)| *own += faer::Scale(weight) * other);
    }

    /// The lower triangle of a square matrix, zeros above.
    pub fn dense(&self) -> Mat<f64> {
        let mut dense = Mat::zeros(self.size, self.size);
        dense.as_mut().par_col_iter_mut().enumerate().for_each(|(column, to)| {
            if let Some(to) = to.try_as_col_major_mut() {
                to.as_slice_mut()[column..].copy_from_slice(self.column(column));
            }
        });
        dense
    }

    /// Calls `work` with every tile on or below the diagonal, and the row and column where it starts; one parallel task per tile.
    pub fn for_each_tile(&mut self, tile: usize, work: impl Fn(MatMut<'_, f64>, usize, usize) + Sync) {
        self.stripes.par_iter_mut().enumerate().for_each(|(stripe, columns)| {
            columns
                .par_col_chunks_mut(tile)
                .enumerate()
                .for_each(|(chunk, columns)| {
                    let above = chunk * tile;
                    let first = stripe * WIDTH + above;
                    let rows = columns.nrows() - above;
                    columns
                        .subrows_mut(above, rows)
                        .par_row_chunks_mut(tile)
                        .enumerate()
                        .for_each(|(chunk, part)| work(part, first + chunk * tile, first));
                });
        });
    }

    /// The symmetric matrix times a vector.
    pub fn apply(&self, vector: &[f64]) -> Vec<f64> {
        let mut product = vec![0.0; self.size];
        vectorised(
            #[inline(always)]
            || {
                for column in 0..self.size {
                    let (own, below) = (vector[column], &self.column(column)[1..]);
                    let along = sum_of(
                        below,
                        &vector[column + 1..],
                        #[inline(always)]
                        |a: f64, b: f64| a * b,
                    );
                    product[column] += self[(column, column)] * own + along;
                    for (product, entry) in product[column + 1..].iter_mut().zip(below) {
                        *product += entry * own;
                    }
                }
            },
        );
        product
    }
}

impl Index<(usize, usize)> for Triangle {
    type Output = f64;

    fn index(&self, (row, column): (usize, usize)) -> &f64 {
        &self.column(column)[row - column]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_columns_and_the_square_are_the_same_numbers() {
        for size in [1, 191, 192, 193, 400] {
            let mut triangle = Triangle::zeros(size);
            for column in 0..size {
                for (i, entry) in triangle.column_mut(column).iter_mut().enumerate() {
                    *entry = ((column + i) * 1000 + column) as f64;
                }
            }
            let mut twice = triangle.clone();
            twice.add(&triangle, 1.0);
            let dense = triangle.dense();
            for column in 0..size {
                for row in 0..size {
                    let expected = if row < column {
                        0.0
                    } else {
                        (row * 1000 + column) as f64
                    };
                    assert_eq!(dense[(row, column)], expected, "{size}: {row}, {column}");
                    if row >= column {
                        assert_eq!(triangle[(row, column)], expected);
                        assert_eq!(twice[(row, column)], 2.0 * expected);
                    }
                }
            }
        }
    }

    #[test]
    fn tiles_cover_every_entry_once() {
        for tile in [96, 192] {
            let mut triangle = Triangle::zeros(500);
            triangle.for_each_tile(tile, |mut part, row, column| {
                for j in 0..part.ncols() {
                    for i in 0..part.nrows() {
                        part[(i, j)] += ((row + i) * 1000 + column + j) as f64;
                    }
                }
            });
            for column in 0..500 {
                for row in column..500 {
                    assert_eq!(triangle[(row, column)], (row * 1000 + column) as f64);
                }
            }
        }
    }

    #[test]
    fn a_vector_is_multiplied_by_both_halves() {
        let mut triangle = Triangle::zeros(300);
        triangle.for_each_tile(96, |mut part, row, column| {
            for j in 0..part.ncols() {
                for i in 0..part.nrows() {
                    part[(i, j)] = ((row + i + column + j) % 7) as f64;
                }
            }
        });
        let vector: Vec<f64> = (0..300).map(|i| (i % 5) as f64 - 2.0).collect();
        let product = triangle.apply(&vector);
        for (i, product) in product.iter().enumerate() {
            let expected: f64 = vector.iter().enumerate().map(|(j, v)| ((i + j) % 7) as f64 * v).sum();
            assert_eq!(*product, expected, "row {i}");
        }
    }
}
