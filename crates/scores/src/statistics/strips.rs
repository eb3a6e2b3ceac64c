//! A block of rows in the layout that products read: strips of features, each with its rows one after the other.
//!
//! ```text
//! strip s    features s·W … (s + 1)·W of all rows    [rows, W], zeros beyond the last feature
//! ```
//!
//! A row of a strip is one cache line. Rows are converted and laid out in one pass. Both factors of `XᵀX` are then read from the
//! same strips, front to back, without packing for each tile.

use rayon::prelude::*;

use crate::simd::vectorised;

/// A row of a strip, aligned to cache lines so that no vector crosses two.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(crate) struct Line<T, const W: usize>(pub [T; W]);

/// See the module.
///
/// A buffer that callers reuse for every batch: fresh memory of this size is zeroed first, which costs a tenth of the product.
/// It is not part of any value, so a clone is empty.
#[derive(Debug)]
pub(crate) struct Strips<T, const W: usize> {
    lines: Vec<Line<T, W>>,
    rows: usize,
    features: usize,
}

/// Strips of f64: eight fill a cache line.
pub(crate) type Wide = Strips<f64, 8>;
/// Strips of f32.
pub(crate) type Narrow = Strips<f32, 16>;

impl<T, const W: usize> Default for Strips<T, W> {
    fn default() -> Self {
        Self {
            lines: Vec::new(),
            rows: 0,
            features: 0,
        }
    }
}

impl<T, const W: usize> Clone for Strips<T, W> {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl<T: Copy + Default + Send + Sync, const W: usize> Strips<T, W> {
    /// Replaces the contents with `rows` rows of `features` features. `line` gets a row and the first feature of a strip, and
    /// fills in the features of that strip.
    pub fn fill(&mut self, rows: usize, features: usize, line: impl Fn(usize, usize, &mut [T]) + Sync) {
        /// Strips that are filled together, so that several cache lines of a row are read at once.
        const SIDE: usize = 8;
        (self.rows, self.features) = (rows, features);
        self.lines.resize(rows * features.div_ceil(W), Line([T::default(); W]));
        self.lines
            .par_chunks_mut((rows * SIDE).max(1))
            .enumerate()
            .for_each(|(side, lines)| {
                vectorised(
                    #[inline(always)]
                    || {
                        for row in 0..rows {
                            for (strip, to) in lines[row..].iter_mut().step_by(rows).enumerate() {
                                let first = (side * SIDE + strip) * W;
                                let mut whole = [T::default(); W];
                                if first + W <= features {
                                    line(row, first, &mut whole);
                                } else {
                                    line(row, first, &mut whole[..features - first]);
                                }
                                to.0 = whole;
                            }
                        }
                    },
                );
            });
    }

    /// Rows of the block.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// All strips, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[Line<T, W>]> {
        self.lines.chunks_exact(self.rows.max(1))
    }

    /// Rows `from..to` of a strip.
    #[inline(always)]
    pub fn strip(&self, strip: usize, from: usize, to: usize) -> &[Line<T, W>] {
        &self.lines[strip * self.rows + from..strip * self.rows + to]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strips_hold_the_rows_and_zeros_beyond_them() {
        for (rows, features) in [(1, 1), (3, 8), (5, 70), (2, 129)] {
            let mut strips = Wide::default();
            for scale in [1.0, 2.0] {
                strips.fill(rows, features, |row, first, to| {
                    for (i, to) in to.iter_mut().enumerate() {
                        *to = scale * (row * 1000 + first + i) as f64;
                    }
                });
                for (s, strip) in strips.iter().enumerate() {
                    for (row, line) in strip.iter().enumerate() {
                        for (i, &value) in line.0.iter().enumerate() {
                            let feature = s * 8 + i;
                            let expected = if feature < features {
                                scale * (row * 1000 + feature) as f64
                            } else {
                                0.0
                            };
                            assert_eq!(value, expected, "{rows} × {features}: {row}, {feature}");
                        }
                    }
                }
            }
        }
    }
}
