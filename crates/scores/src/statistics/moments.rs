//! Moments about a fixed origin `o`, for the shrinkage of Ledoit and Wolf.
//!
//! With `u = x − o` (`o` is the first row ever seen): `Σu` `[d]`, `Σ‖u‖²`, `Σ‖u‖²u` `[d]`, `Σ‖u‖⁴`, in f64. With the second
//! moments `Σuuᵀ` (from `G`) they give `Σ‖x − μ‖⁴` about any other point:
//!
//! ```text
//! Σ‖u − δ‖⁴ = Σ‖u‖⁴ + 4 δᵀ(Σuuᵀ)δ + n‖δ‖⁴ − 4 δᵀΣ‖u‖²u + 2‖δ‖²Σ‖u‖² − 4‖δ‖² δᵀΣu
//! ```
//!
//! An origin near the data avoids the cancellation of moments about zero where means are large compared with deviations
//! (temperatures in Kelvin, years, pixel sums). The fourth moment would lose four times as many digits as the mean.

use rayon::prelude::*;

use crate::simd::{sum_of, vectorised};

/// Rows of a task: few enough to stay in the cache between its two passes.
const CHUNK_ROWS: usize = 128;
/// Columns whose sums are updated together, to stay in the cache.
const STRIPE: usize = 512;

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct Moments {
    pub origin: Vec<f64>,
    pub n_samples: usize,
    pub sum: Vec<f64>,
    pub square: f64,
    pub cubic: Vec<f64>,
    pub quartic: f64,
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The sums of a few rows.
struct Part {
    n_samples: usize,
    sum: Vec<f64>,
    square: f64,
    cubic: Vec<f64>,
    quartic: f64,
}

impl Part {
    #[inline(always)]
    fn of(rows: &[f32], origin: &[f64]) -> Self {
        let d = origin.len();
        let squares: Vec<f64> = rows
            .chunks_exact(d)
            .map(
                #[inline(always)]
                |row| {
                    sum_of(
                        row,
                        origin,
                        #[inline(always)]
                        |x: f32, o: f64| (f64::from(x) - o) * (f64::from(x) - o),
                    )
                },
            )
            .collect();
        let mut part = Self {
            n_samples: squares.len(),
            sum: vec![0.0; d],
            square: squares.iter().sum(),
            cubic: vec![0.0; d],
            quartic: squares.iter().map(|square| square * square).sum(),
        };
        for start in (0..d).step_by(STRIPE) {
            let columns = start..d.min(start + STRIPE);
            let origin = &origin[columns.clone()];
            let (sum, cubic) = (&mut part.sum[columns.clone()], &mut part.cubic[columns.clone()]);
            for (row, &square) in rows.chunks_exact(d).zip(&squares) {
                for (((sum, cubic), &value), origin) in sum
                    .iter_mut()
                    .zip(cubic.iter_mut())
                    .zip(&row[columns.clone()])
                    .zip(origin)
                {
                    let value = f64::from(value) - origin;
                    *sum += value;
                    *cubic += square * value;
                }
            }
        }
        part
    }
}

#[inline(always)]
fn add(to: &mut [f64], from: &[f64]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to += from;
    }
}

impl Moments {
    pub fn new(n_features: usize) -> Self {
        Self {
            origin: vec![0.0; n_features],
            n_samples: 0,
            sum: vec![0.0; n_features],
            square: 0.0,
            cubic: vec![0.0; n_features],
            quartic: 0.0,
        }
    }

    /// Adds the rows of `data` `[n, d]`.
    pub fn update(&mut self, data: &[f32]) {
        let d = self.origin.len();
        if self.n_samples == 0 {
            self.origin = data[..d].iter().map(|&value| f64::from(value)).collect();
        }
        let origin = &self.origin;
        let parts: Vec<Part> = data
            .par_chunks(CHUNK_ROWS * d)
            .map(|rows| {
                vectorised(
                    #[inline(always)]
                    || Part::of(rows, origin),
                )
            })
            .collect();
        for part in parts {
            self.n_samples += part.n_samples;
            self.square += part.square;
            self.quartic += part.quartic;
            vectorised(
                #[inline(always)]
                || {
                    add(&mut self.sum, &part.sum);
                    add(&mut self.cubic, &part.cubic);
                },
            );
        }
    }

    /// The same sums about `o + shift`; `gram` applies `Σxxᵀ` (about zero) to a vector.
    pub fn moved(&self, shift: &[f64], gram: &dyn Fn(&[f64]) -> Vec<f64>) -> Self {
        let n = self.n_samples as f64;
        // (Σuuᵀ)δ = Gδ − o(Σu)ᵀδ − (Σu)oᵀδ − n·o·oᵀδ
        let (along_sum, along_origin) = (dot(&self.sum, shift), dot(&self.origin, shift));
        let mut second = gram(shift);
        for ((second, origin), sum) in second.iter_mut().zip(&self.origin).zip(&self.sum) {
            *second -= origin * along_sum + (sum + n * origin) * along_origin;
        }
        let length = dot(shift, shift);
        let along_cubic = dot(&self.cubic, shift);
        // Σ‖u − δ‖²(u − δ), the square of the distance written out
        let cubic = (0..shift.len())
            .map(|i| {
                self.cubic[i] - 2.0 * second[i] + length * self.sum[i]
                    - shift[i] * (self.square - 2.0 * along_sum + n * length)
            })
            .collect();
        Self {
            origin: self
                .origin
                .iter()
                .zip(shift)
                .map(|(origin, shift)| origin + shift)
                .collect(),
            n_samples: self.n_samples,
            sum: self.sum.iter().zip(shift).map(|(sum, shift)| sum - n * shift).collect(),
            square: self.square - 2.0 * along_sum + n * length,
            cubic,
            quartic: self.quartic + 4.0 * dot(shift, &second) + n * length * length - 4.0 * along_cubic
                + 2.0 * length * self.square
                - 4.0 * length * along_sum,
        }
    }

    /// Adds `weight` (1 or −1) times `other`, which must be about the same origin.
    pub fn combine(&mut self, other: &Self, weight: f64) {
        for (sum, other) in self.sum.iter_mut().zip(&other.sum) {
            *sum += weight * other;
        }
        for (cubic, other) in self.cubic.iter_mut().zip(&other.cubic) {
            *cubic += weight * other;
        }
        self.square += weight * other.square;
        self.quartic += weight * other.quartic;
        self.n_samples = if weight > 0.0 {
            self.n_samples + other.n_samples
        } else {
            self.n_samples.saturating_sub(other.n_samples)
        };
    }

    /// The mean of the rows, `[d]`.
    pub fn mean(&self) -> Vec<f64> {
        let n = self.n_samples as f64;
        self.origin
            .iter()
            .zip(&self.sum)
            .map(|(origin, sum)| origin + sum / n)
            .collect()
    }
}
