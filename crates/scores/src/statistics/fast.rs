//! The symmetric product in f32, block by block, with f64 sums: about twice as fast, with its error measured on the way.
//!
//! ```text
//! u = x − o                      o: an origin near the data, so that means cost no digits; rounded to f32
//! G += Σ_block uuᵀ + o(Σu)ᵀ + (Σu)oᵀ + n·ooᵀ      products of BLOCK rows in f32, everything between blocks in f64
//! ‖E_block‖² ≈ mean over probes v of ‖(Σ xxᵀ − G_block) v‖²,    Σ xxᵀ v from the rows in f64, G_block v tile by tile; v of ±1
//! ‖E‖ ≤ Σ ‖E_block‖               every CHECKED-th block is measured, those after it are taken to be like it, row for row
//! ```
//!
//! The mean over random signs is the square of the Frobenius norm; the evidence turns it into a bound of its own, and whoever asked for
//! speed goes back to f64 where that is too much.

use faer::linalg::matmul::matmul;
use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::{Accum, Mat, MatMut, MatRef, Par};
use rayon::prelude::*;

use super::gram::{Turned, tile_for};
use super::triangle::Triangle;
use crate::random::Random;
use crate::simd::{sum_of, vectorised};

/// Rows summed in f32.
const BLOCK: usize = 512;
/// Every how many blocks the error is measured.
const CHECKED: u64 = 16;
const PROBES: usize = 4;
/// Four probes of thousands of numbers each scatter by a few per cent.
const SAFETY: f64 = 1.5;

/// Which blocks are measured, what the last one gave, and room for a block.
#[derive(Clone, Debug, Default)]
pub(super) struct Checks {
    blocks: u64,
    error_per_row: f64,
    turned: Turned<f32>,
}

/// `G += FᵀF`; `data` is `[n, d]` row-major. Returns the bound of the error added to `G`, in its norm.
pub(super) fn update_gram(gram: &mut Triangle, data: &[f32], origin: &[f64], checks: &mut Checks) -> f64 {
    let d = gram.size();
    let origin: Vec<f32> = origin.iter().map(|&value| value as f32).collect();
    let mut bound = 0.0;
    for rows in data.chunks(d * BLOCK) {
        let centred = checks.turned.of(rows, d, |column, value: f32| value - origin[column]);
        let n = centred.nrows() as f64;
        let block = Block {
            centred,
            origin: &origin,
            sum: &column_sums(centred),
            rows: n,
        };
        if checks.blocks.is_multiple_of(CHECKED) {
            checks.error_per_row = block.add_checked(gram, rows, checks.blocks) / n;
        } else {
            block.add(gram, None);
        }
        checks.blocks += 1;
        bound += SAFETY * checks.error_per_row * n;
    }
    bound
}

fn column_sums(centred: MatRef<'_, f32>) -> Vec<f64> {
    const COLUMNS: usize = 64;
    let ones = vec![(); centred.nrows()];
    let stripes: Vec<Vec<f64>> = (0..centred.ncols())
        .step_by(COLUMNS)
        .collect::<Vec<_>>()
        .into_par_iter()
        .map(|first| {
            let stripe = centred.subcols(first, COLUMNS.min(centred.ncols() - first));
            vectorised(
                #[inline(always)]
                || {
                    (0..stripe.ncols())
                        .map(
                            #[inline(always)]
                            |j| {
                                let column = stripe.col(j).try_as_col_major();
                                let values = column.map_or(&[][..], |column| column.as_slice());
                                sum_of(
                                    values,
                                    &ones,
                                    #[inline(always)]
                                    |value: f32, ()| f64::from(value),
                                )
                            },
                        )
                        .collect()
                },
            )
        })
        .collect();
    stripes.concat()
}

/// One block of rows about the origin.
struct Block<'a> {
    /// `[rows, d]`, columns contiguous
    centred: MatRef<'a, f32>,
    origin: &'a [f32],
    /// `Σu`
    sum: &'a [f64],
    rows: f64,
}

/// What a tile of `G_block` makes of the probes: its rows' part and its columns' part, and where they begin.
struct Image {
    rows: (usize, Mat<f64>),
    columns: (usize, Mat<f64>),
}

impl Block<'_> {
    /// Adds the block's part, a task for every tile; with `signs` `[d, PROBES]`, says what it makes of them.
    fn add(&self, gram: &mut Triangle, signs: Option<MatRef<'_, f64>>) -> Vec<Image> {
        let size = tile_for(gram.size());
        let images = gram.for_tiles(size, |columns, first| {
            columns
                .par_row_chunks_mut(size)
                .enumerate()
                .filter_map(|(chunk, tile)| self.add_tile(tile, first + chunk * size, first, signs))
                .collect::<Vec<Image>>()
        });
        images.into_iter().flatten().collect()
    }

    fn add_tile(
        &self,
        mut tile: MatMut<'_, f64>,
        from: usize,
        first: usize,
        signs: Option<MatRef<'_, f64>>,
    ) -> Option<Image> {
        let (height, w) = tile.shape();
        let mut product = Mat::<f32>::zeros(height, w);
        let (left, right) = (
            self.centred.subcols(from, height).transpose(),
            self.centred.subcols(first, w),
        );
        if from == first {
            triangular::matmul(
                product.as_mut(),
                BlockStructure::TriangularLower,
                Accum::Replace,
                left,
                BlockStructure::Rectangular,
                right,
                BlockStructure::Rectangular,
                1.0,
                Par::Seq,
            );
        } else {
            matmul(product.as_mut(), Accum::Replace, left, right, 1.0, Par::Seq);
        }
        let mut own = signs.map(|_| Mat::<f64>::zeros(height, w));
        let rows = from..from + height;
        vectorised(
            #[inline(always)]
            || {
                for j in 0..w {
                    let above = if from == first { j } else { 0 };
                    let (origin, sum) = (f64::from(self.origin[first + j]), self.sum[first + j]);
                    let about = sum + self.rows * origin;
                    let added = product.col_as_slice(j)[above..]
                        .iter()
                        .zip(&self.origin[rows.clone()][above..])
                        .zip(&self.sum[rows.clone()][above..])
                        .map(|((product, own_origin), own_sum)| {
                            f64::from(*product) + (f64::from(*own_origin) * about + own_sum * origin)
                        });
                    if let Some(own) = &mut own {
                        for (to, added) in own.col_as_slice_mut(j)[above..].iter_mut().zip(added.clone()) {
                            *to = added;
                        }
                    }
                    let Some(to) = tile.as_mut().col_mut(j).try_as_col_major_mut() else {
                        continue;
                    };
                    for (to, added) in to.as_slice_mut()[above..].iter_mut().zip(added) {
                        *to += added;
                    }
                }
            },
        );
        let (signs, own) = signs.zip(own)?;
        // On the diagonal the tile is a lower triangle: G v = L v + strict(L)ᵀ v.
        let mut strict = own.transpose().to_owned();
        if from == first {
            for j in 0..w {
                strict[(j, j)] = 0.0;
            }
        }
        Some(Image {
            rows: (from, own * signs.subrows(first, w)),
            columns: (first, strict * signs.subrows(from, height)),
        })
    }

    /// [`Block::add`], and about `‖Σ xxᵀ − G_block‖`, Frobenius; `rows` are the block's as they came.
    fn add_checked(&self, gram: &mut Triangle, rows: &[f32], seed: u64) -> f64 {
        let d = gram.size();
        let mut random = Random::new(seed);
        let signs = Mat::from_fn(d, PROBES, |_, _| if random.next() & 1 == 0 { 1.0 } else { -1.0 });
        let wide: Vec<f64> = rows.iter().map(|&value| f64::from(value)).collect();
        let wide = MatRef::from_column_major_slice(&wide, d, rows.len() / d);
        let along = wide.transpose() * &signs;
        let mut left = wide * &along;
        for Image { rows, columns } in self.add(gram, Some(signs.as_ref())) {
            for (from, part) in [rows, columns] {
                let mut left = left.as_mut().subrows_mut(from, part.nrows());
                left -= part;
            }
        }
        left.norm_l2() / (PROBES as f64).sqrt()
    }
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
            &mut Turned::default(),
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
