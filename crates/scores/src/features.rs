//! A borrowed, checked matrix of features: `F` `[n, d]`, f32, row-major.
//!
//! Every engine and file gives f32. Scores widen a block of rows at a time, so a view is all that they need. The numbers are
//! checked once, here: no code behind this type meets NaN.

use rayon::prelude::*;

use crate::error::{Error, ErrorKind, Result};
use crate::simd::vectorised;

/// Features of `n` samples, `[n, d]` row-major, every number finite, `n ≥ 1`, `d ≥ 1`.
#[derive(Clone, Copy, Debug)]
pub struct FeatureView<'a> {
    data: &'a [f32],
    n_samples: usize,
    n_features: usize,
}

impl<'a> FeatureView<'a> {
    /// Wraps `data`, `n_samples` rows of `n_features` numbers.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] where there are no rows or columns or `data` has another length;
    /// [`ErrorKind::NonFinite`] where a number is NaN or infinite (the message names its row and column).
    ///
    /// # Examples
    /// ```
    /// use ranktune_scores::FeatureView;
    /// let features = FeatureView::new(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 3, 2)?;
    /// assert_eq!(features.row(1), [3.0, 4.0]);
    /// assert!(FeatureView::new(&[1.0, f32::NAN], 1, 2).is_err());
    /// # Ok::<(), ranktune_scores::Error>(())
    /// ```
    pub fn new(data: &'a [f32], n_samples: usize, n_features: usize) -> Result<Self> {
        Self::block(data, 0, n_samples, n_features)
    }

    /// Rows `first_row..first_row + n_samples` of a larger matrix: as [`FeatureView::new`], but errors name rows of that matrix.
    ///
    /// # Errors
    /// As [`FeatureView::new`].
    pub fn block(data: &'a [f32], first_row: usize, n_samples: usize, n_features: usize) -> Result<Self> {
        if n_samples == 0 || n_features == 0 {
            return Err(Error::new(
                ErrorKind::Shape,
                format!("features have {n_samples} rows and {n_features} columns, expected at least one of each"),
            ));
        }
        if n_samples.checked_mul(n_features) != Some(data.len()) {
            return Err(Error::new(
                ErrorKind::Shape,
                format!(
                    "features of {n_samples} rows and {n_features} columns need as many numbers as their product, got {}",
                    data.len()
                ),
            ));
        }
        if let Some(at) = first_non_finite(data) {
            return Err(Error::new(
                ErrorKind::NonFinite,
                format!(
                    "features must be finite, got {} at row {}, column {}",
                    data[at],
                    first_row + at / n_features,
                    at % n_features
                ),
            ));
        }
        Ok(Self {
            data,
            n_samples,
            n_features,
        })
    }

    /// Number of rows, `n`.
    pub fn n_samples(&self) -> usize {
        self.n_samples
    }

    /// Number of columns, `d`.
    pub fn n_features(&self) -> usize {
        self.n_features
    }

    /// All numbers, row after row.
    pub fn data(&self) -> &'a [f32] {
        self.data
    }

    /// Row `index`.
    ///
    /// # Panics
    /// If `index ≥ n`.
    pub fn row(&self, index: usize) -> &'a [f32] {
        &self.data[index * self.n_features..(index + 1) * self.n_features]
    }

    /// The rows, in order.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &'a [f32]> + use<'a> {
        self.data.chunks_exact(self.n_features)
    }

    /// The numbers of the given rows, copied together (`[rows.len(), d]`).
    pub(crate) fn gather(&self, rows: &[usize]) -> Vec<f32> {
        rows.iter().flat_map(|&row| self.row(row).iter().copied()).collect()
    }
}

/// The position of the first number that is NaN or infinite.
fn first_non_finite(data: &[f32]) -> Option<usize> {
    // Whole chunks are tested with one flag so that the loop runs in SIMD lanes.
    const CHUNK: usize = 1024;
    // Bound by memory, so all threads read; short inputs are not worth a task.
    const TASK: usize = 128 * CHUNK;
    let within = |data: &[f32]| {
        let chunk = vectorised(
            #[inline(always)]
            || {
                data.chunks(CHUNK)
                    .position(|chunk| !chunk.iter().fold(true, |all, value| all & value.is_finite()))
            },
        )?;
        let from = chunk * CHUNK;
        data[from..]
            .iter()
            .position(|value| !value.is_finite())
            .map(|at| from + at)
    };
    data.par_chunks(TASK)
        .enumerate()
        .find_map_first(|(task, data)| within(data).map(|at| task * TASK + at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_length_is_refused_with_both_sizes() {
        let error = FeatureView::new(&[0.0; 5], 2, 3).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Shape);
        assert!(error.to_string().contains("2 rows and 3 columns"), "{error}");
    }

    #[test]
    fn a_product_of_sizes_that_overflows_is_refused() {
        assert_eq!(
            FeatureView::new(&[0.0; 5], usize::MAX, 3).unwrap_err().kind(),
            ErrorKind::Shape
        );
    }

    #[test]
    fn no_rows_and_no_columns_are_refused() {
        assert!(FeatureView::new(&[], 0, 3).is_err());
        assert!(FeatureView::new(&[], 3, 0).is_err());
    }

    #[test]
    fn the_first_bad_number_is_named_by_row_and_column() {
        let mut data = vec![0.0_f32; 3000 * 7];
        data[2000 * 7 + 3] = f32::INFINITY;
        data[2500 * 7] = f32::NAN;
        let error = FeatureView::new(&data, 3000, 7).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NonFinite);
        assert!(error.to_string().contains("got inf at row 2000, column 3"), "{error}");
    }
}
