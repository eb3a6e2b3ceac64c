//! The symmetric product in f32, block by block, with f64 sums: about twice as fast. Its error is measured along the way.
//!
//! ```text
//! u = x − o                      o: an origin near the data, so that large means cost no digits; rounded to f32
//! G += Σ_block uuᵀ + o(Σu)ᵀ + (Σu)oᵀ + n·ooᵀ      products of a block in f32, everything else in f64
//! ‖E_block‖² ≈ mean over probes v of ‖(Σ xxᵀ − G_block) v‖²,    Σ xxᵀ v from the rows in f64;  v of ±1
//! ‖E‖ ≤ Σ ‖E_block‖               every CHECKED-th block is measured; the blocks after it are assumed to have its error per row
//! ```
//!
//! The mean over random signs estimates the square of the Frobenius norm. The evidence derives a bound of its own error from
//! it, and the caller falls back to f64 where that is too large.

use faer::MatMut;
use rayon::prelude::*;

use super::gram::tile_for;
use super::product::Factors;
use super::strips::Narrow;
use super::triangle::Triangle;
use crate::simd::{sum_of, vectorised};
use ranktune_core::random::Random;

/// Rows of a block.
const BLOCK: usize = 1024;
/// The error of every CHECKED-th block is measured.
const CHECKED: u64 = 16;
const PROBES: usize = 4;
/// The estimate from four probes of thousands of numbers scatters by a few per cent.
const SAFETY: f64 = 1.5;
/// Rows that are multiplied by the probes together.
const CHUNK: usize = 64;

/// The blocks so far, the last measured error, and the buffer of a block.
#[derive(Clone, Debug, Default)]
pub(super) struct Checks {
    blocks: u64,
    error_per_row: f64,
    narrow: Narrow,
}

/// `G += FᵀF`; `data` is `[n, d]` row-major. Returns a bound of the error that this adds to `G`, in the Frobenius norm.
pub(super) fn update_gram(gram: &mut Triangle, data: &[f32], origin: &[f64], checks: &mut Checks) -> f64 {
    let d = gram.size();
    let origin: Vec<f32> = origin.iter().map(|&value| value as f32).collect();
    let mut bound = 0.0;
    for rows in data.chunks(d * BLOCK) {
        let n = rows.len() / d;
        checks.narrow.fill(
            n,
            d,
            #[inline(always)]
            |row, first, to| {
                let from = &rows[row * d + first..];
                for ((to, &from), &origin) in to.iter_mut().zip(from).zip(&origin[first..]) {
                    *to = from - origin;
                }
            },
        );
        let block = Block {
            sum: &feature_sums(&checks.narrow),
            centred: &checks.narrow,
            origin: &origin,
            rows: n as f64,
        };
        if checks.blocks.is_multiple_of(CHECKED) {
            let mut own = Triangle::zeros(d);
            block.add_to(&mut own);
            checks.error_per_row = error(&own, rows, checks.blocks) / n as f64;
            gram.add(&own, 1.0);
        } else {
            block.add_to(gram);
        }
        checks.blocks += 1;
        bound += SAFETY * checks.error_per_row * n as f64;
    }
    bound
}

fn feature_sums(strips: &Narrow) -> Vec<f64> {
    let sums: Vec<[f64; 16]> = strips
        .iter()
        .collect::<Vec<_>>()
        .par_iter()
        .map(|strip| {
            vectorised(
                #[inline(always)]
                || {
                    let mut sums = [0.0; 16];
                    for line in *strip {
                        for (sum, &value) in sums.iter_mut().zip(&line.0) {
                            *sum += f64::from(value);
                        }
                    }
                    sums
                },
            )
        })
        .collect();
    sums.concat()
}

/// A block of rows, centred at the origin.
struct Block<'a> {
    centred: &'a Narrow,
    origin: &'a [f32],
    /// `Σu`, zeros beyond the last feature
    sum: &'a [f64],
    rows: f64,
}

impl Block<'_> {
    /// Adds the products of the block to `G`, one task per tile.
    fn add_to(&self, gram: &mut Triangle) {
        let factors = Factors {
            left: self.centred,
            right: self.centred,
            factor: 1.0,
        };
        gram.for_each_tile(tile_for(gram.size()), |mut tile, row, column| {
            factors.add_to(tile.as_mut(), row, column);
            // While the tile is in the cache.
            self.add_origin(tile, row, column);
        });
    }

    /// `o(Σu)ᵀ + (Σu)oᵀ + n·ooᵀ`
    fn add_origin(&self, tile: MatMut<'_, f64>, row: usize, column: usize) {
        let rows = row..row + tile.nrows();
        let (origin, sum) = (&self.origin[rows.clone()], &self.sum[rows]);
        vectorised(
            #[inline(always)]
            || {
                for (j, to) in tile.col_iter_mut().enumerate() {
                    let other = f64::from(self.origin[column + j]);
                    let about = self.sum[column + j] + self.rows * other;
                    let Some(to) = to.try_as_col_major_mut() else {
                        continue;
                    };
                    for ((to, &origin), sum) in to.as_slice_mut().iter_mut().zip(origin).zip(sum) {
                        *to += f64::from(origin) * about + sum * other;
                    }
                }
            },
        );
    }
}

/// An estimate of `‖Σ xxᵀ − G_block‖`, Frobenius; `rows` are those of the block, not centred.
fn error(gram: &Triangle, rows: &[f32], seed: u64) -> f64 {
    let d = gram.size();
    let mut random = Random::new(seed);
    let signs: Vec<Vec<f64>> = (0..PROBES)
        .map(|_| {
            (0..d)
                .map(|_| if random.next() & 1 == 0 { 1.0 } else { -1.0 })
                .collect()
        })
        .collect();
    let squares: Vec<f64> = signs
        .par_iter()
        .map(|signs| {
            let parts: Vec<Vec<f64>> = rows.par_chunks(CHUNK * d).map(|rows| apply_rows(rows, signs)).collect();
            let image = gram.apply(signs);
            (0..d)
                .map(|i| {
                    let exact: f64 = parts.iter().map(|part| part[i]).sum();
                    (exact - image[i]).powi(2)
                })
                .sum()
        })
        .collect();
    (squares.iter().sum::<f64>() / PROBES as f64).sqrt()
}

/// `Σ xxᵀ v` over some rows.
fn apply_rows(rows: &[f32], vector: &[f64]) -> Vec<f64> {
    let mut image = vec![0.0; vector.len()];
    vectorised(
        #[inline(always)]
        || {
            for row in rows.chunks_exact(vector.len()) {
                let along = sum_of(
                    row,
                    vector,
                    #[inline(always)]
                    |x: f32, v: f64| f64::from(x) * v,
                );
                for (to, &x) in image.iter_mut().zip(row) {
                    *to += along * f64::from(x);
                }
            }
        },
    );
    image
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_product_is_that_in_f64_and_its_error_lies_within_the_bound() {
        let (n, d) = (700, 300);
        let mut random = Random::new(5);
        let rows: Vec<f32> = (0..n * d).map(|_| (random.next() >> 40) as f32 / 1e7 + 3.0).collect();
        let mut exact = Triangle::zeros(d);
        super::super::gram::update_gram(
            &mut exact,
            &rows,
            super::super::gram::Sign::Plus,
            &mut super::super::strips::Wide::default(),
        );
        let origin: Vec<f64> = rows[..d].iter().map(|&value| f64::from(value)).collect();
        let mut fast = Triangle::zeros(d);
        let bound = update_gram(&mut fast, &rows, &origin, &mut Checks::default());
        let mut error = 0.0;
        for j in 0..d {
            for i in j..d {
                let difference = fast[(i, j)] - exact[(i, j)];
                error += difference * difference * if i == j { 1.0 } else { 2.0 };
            }
        }
        let error = error.sqrt();
        assert!(error > 0.0 && error < bound, "error {error:e}, bound {bound:e}");
        assert!(bound < 1e-5 * exact[(0, 0)], "bound {bound:e} of {:e}", exact[(0, 0)]);
    }
}
