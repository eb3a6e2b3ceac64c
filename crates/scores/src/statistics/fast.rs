//! The symmetric product in f32, block by block, with f64 sums: about twice as fast, with its error measured on the way.
//!
//! ```text
//! u = x − o                      o: an origin near the data, so that means cost no digits; rounded to f32
//! G += Σ_block uuᵀ + o(Σu)ᵀ + (Σu)oᵀ + n·ooᵀ      products of BLOCK rows in f32, everything between blocks in f64
//! ‖E_block‖² ≈ mean over probes v of ‖(Σ xxᵀ − G_block) v‖²,    E v from the rows in f64, v of ±1
//! ‖E‖ ≤ Σ ‖E_block‖               every CHECKED-th block is measured, the others are taken to be like them
//! ```
//!
//! The mean over random signs is the square of the Frobenius norm; the evidence turns it into a bound of its own, and whoever asked for
//! speed goes back to f64 where that is too much.

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatMut, MatRef, Par};
use rayon::prelude::*;

use crate::random::Random;

/// Rows summed in f32.
const BLOCK: usize = 256;
/// Columns and rows of a tile of `G`.
const TILE: usize = 128;
const TALL: usize = 256;
/// Every how many blocks the error is measured.
const CHECKED: usize = 8;
const PROBES: usize = 4;
/// Four probes of thousands of numbers each scatter by a few per cent.
const SAFETY: f64 = 1.5;

/// `G += FᵀF` in the lower triangle; `data` is `[n, d]` row-major. Returns the bound of the error added to `G`, in its norm.
pub(crate) fn update_gram(mut gram: MatMut<'_, f64>, data: &[f32], origin: &[f64]) -> f64 {
    let d = gram.nrows();
    let origin: Vec<f32> = origin.iter().map(|&value| value as f32).collect();
    let mut centred = vec![0.0_f32; d * BLOCK.min(data.len() / d)];
    let (mut measured, mut blocks, mut checked) = (0.0, 0, 0);
    for (index, block) in data.chunks(d * BLOCK).enumerate() {
        let rows = block.len() / d;
        let part = &mut centred[..block.len()];
        part.par_chunks_mut(d).zip(block.par_chunks(d)).for_each(|(to, from)| {
            for ((to, from), origin) in to.iter_mut().zip(from).zip(&origin) {
                *to = from - origin;
            }
        });
        let sum = column_sums(part, d);
        let block_of = Block {
            centred: MatRef::from_column_major_slice(&*part, d, rows),
            origin: &origin,
            sum: &sum,
            rows: rows as f64,
        };
        let probe = index % CHECKED == 0;
        let before = probe.then(|| Probe::new(d, index as u64));
        if let Some(probe) = &before {
            measured += probe.error(&block_of, block);
            checked += 1;
        }
        block_of.add_to(gram.as_mut());
        blocks += 1;
    }
    SAFETY * measured * f64::from(blocks) / f64::from(checked.max(1))
}

fn column_sums(rows: &[f32], d: usize) -> Vec<f64> {
    const STRIPE: usize = 256;
    let mut sums = vec![0.0; d];
    sums.par_chunks_mut(STRIPE).enumerate().for_each(|(stripe, sums)| {
        let from = stripe * STRIPE;
        for row in rows.chunks_exact(d) {
            for (sum, &value) in sums.iter_mut().zip(&row[from..]) {
                *sum += f64::from(value);
            }
        }
    });
    sums
}

/// One block of rows about the origin.
struct Block<'a> {
    /// `[d, rows]`
    centred: MatRef<'a, f32>,
    origin: &'a [f32],
    /// `Σu`
    sum: &'a [f64],
    rows: f64,
}

impl Block<'_> {
    /// Adds the block's part of the lower triangle, a task for every tile.
    fn add_to(&self, gram: MatMut<'_, f64>) {
        let d = gram.nrows();
        gram.par_col_chunks_mut(TILE).enumerate().for_each(|(stripe, columns)| {
            let first = stripe * TILE;
            columns
                .subrows_mut(first, d - first)
                .par_row_chunks_mut(TALL)
                .enumerate()
                .for_each(|(chunk, tile)| self.add_tile(tile, first + chunk * TALL, first));
        });
    }

    fn add_tile(&self, mut tile: MatMut<'_, f64>, from: usize, first: usize) {
        let (height, w) = tile.shape();
        let mut product = Mat::<f32>::zeros(height, w);
        matmul(
            product.as_mut(),
            Accum::Replace,
            self.centred.subrows(from, height),
            self.centred.subrows(first, w).transpose(),
            1.0,
            Par::Seq,
        );
        let rows = from..from + height;
        for j in 0..w {
            let (origin, sum) = (f64::from(self.origin[first + j]), self.sum[first + j]);
            let about = sum + self.rows * origin;
            let Some(to) = tile.as_mut().col_mut(j).try_as_col_major_mut() else {
                continue;
            };
            for (((to, product), own_origin), own_sum) in to
                .as_slice_mut()
                .iter_mut()
                .zip(product.col_as_slice(j))
                .zip(&self.origin[rows.clone()])
                .zip(&self.sum[rows.clone()])
            {
                *to += f64::from(*product) + (f64::from(*own_origin) * about + own_sum * origin);
            }
        }
    }
}

/// Random signs, `[d, PROBES]`.
struct Probe {
    signs: Mat<f64>,
}

impl Probe {
    fn new(d: usize, seed: u64) -> Self {
        let mut random = Random::new(seed);
        Self {
            signs: Mat::from_fn(d, PROBES, |_, _| if random.next() & 1 == 0 { 1.0 } else { -1.0 }),
        }
    }

    /// About `‖Σ xxᵀ − G_block‖`, Frobenius.
    fn error(&self, block: &Block<'_>, rows: &[f32]) -> f64 {
        let d = self.signs.nrows();
        let n = rows.len() / d;
        let mut own = Mat::<f64>::zeros(d, d);
        block.add_to(own.as_mut());
        let wide: Vec<f64> = rows.iter().map(|&value| f64::from(value)).collect();
        let wide = MatRef::from_column_major_slice(&wide, d, n);
        let along = wide.transpose() * &self.signs;
        let mut left = wide * &along;
        // own is a lower triangle: G v = L v + strict(L)ᵀ v.
        use faer::linalg::matmul::triangular::{self, BlockStructure};
        for (structure, matrix) in [
            (BlockStructure::TriangularLower, own.as_ref()),
            (BlockStructure::StrictTriangularUpper, own.transpose()),
        ] {
            triangular::matmul(
                left.as_mut(),
                BlockStructure::Rectangular,
                Accum::Add,
                matrix,
                structure,
                self.signs.as_ref(),
                BlockStructure::Rectangular,
                -1.0,
                Par::rayon(0),
            );
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
        let mut exact = Mat::<f64>::zeros(d, d);
        super::super::gram::update_gram(exact.as_mut(), &rows, super::super::gram::Sign::Plus);
        let origin: Vec<f64> = rows[..d].iter().map(|&value| f64::from(value)).collect();
        let mut fast = Mat::<f64>::zeros(d, d);
        let bound = update_gram(fast.as_mut(), &rows, &origin);
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
