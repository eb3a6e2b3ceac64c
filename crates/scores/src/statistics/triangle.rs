//! The lower triangle of a symmetric matrix, in stripes of columns: about half of the memory of the square, and tiles as products want them.
//!
//! ```text
//! G [d, d]     stripe s: columns s·w … (s + 1)·w, of each the rows from s·w on    [d − s·w, w], columns contiguous
//! ```

use std::ops::Index;

use faer::{Mat, MatMut};
use rayon::prelude::*;

/// Columns of a stripe: what a tile of the symmetric product has at most.
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
        for column in 0..self.size {
            dense.col_as_slice_mut(column)[column..].copy_from_slice(self.column(column));
        }
        dense
    }

    /// Calls `work` with every few columns, the row and column where they begin on the diagonal, as tasks for all threads.
    pub fn for_tiles<R: Send>(&mut self, tile: usize, work: impl Fn(MatMut<'_, f64>, usize) -> R + Sync) -> Vec<R> {
        let found: Vec<Vec<R>> = self
            .stripes
            .par_iter_mut()
            .enumerate()
            .map(|(stripe, columns)| {
                columns
                    .par_col_chunks_mut(tile)
                    .enumerate()
                    .map(|(chunk, columns)| {
                        let above = chunk * tile;
                        let rows = columns.nrows() - above;
                        work(columns.subrows_mut(above, rows), stripe * WIDTH + above)
                    })
                    .collect()
            })
            .collect();
        found.into_iter().flatten().collect()
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
    fn tiles_cover_every_column_once() {
        for tile in [96, 192] {
            let mut triangle = Triangle::zeros(500);
            let seen = triangle.for_tiles(tile, |columns, first| (first, columns.shape()));
            let mut next = 0;
            for (first, (rows, columns)) in seen {
                assert_eq!((first, rows), (next, 500 - next));
                next += columns;
            }
            assert_eq!(next, 500);
        }
    }
}
