//! Sums by channel: f32 over a few rows at a time, f64 over those partial sums.

use rayon::prelude::*;

use super::elementwise::{CHUNK, vectorized};

/// Rows that are summed in f32 before they are added up in f64.
pub(super) const BLOCK: usize = 16;

/// Two sums by channel, over many rows.
pub(super) struct ExactSums {
    /// The first sums, then the second ones.
    pub total: Vec<f64>,
    block: Vec<f32>,
}

impl ExactSums {
    pub(super) fn new(c: usize) -> Self {
        Self {
            total: vec![0.0; 2 * c],
            block: vec![0.0; 2 * c],
        }
    }

    /// Adds the two sums that `add` computes over a few rows.
    #[inline(always)]
    pub(super) fn block(&mut self, add: impl FnOnce(&mut [f32], &mut [f32])) {
        self.block.fill(0.0);
        let (first, second) = self.block.split_at_mut(self.total.len() / 2);
        add(first, second);
        self.total
            .iter_mut()
            .zip(&self.block)
            .for_each(|(total, &block)| *total += f64::from(block));
    }
}

/// The sum of every channel over rows of channels.
pub(super) fn sums_by_channel(y: &[f32], c: usize) -> Vec<f32> {
    let rows = (CHUNK / c).max(1) * c;
    let parts: Vec<Vec<f64>> = y
        .par_chunks(rows)
        .map(|y| {
            let mut sums = ExactSums::new(c);
            vectorized(
                #[inline(always)]
                || {
                    for y in y.chunks(BLOCK * c) {
                        sums.block(|plain, _| {
                            let plain = &mut plain[..c];
                            for y in y.chunks_exact(c) {
                                plain.iter_mut().zip(y).for_each(|(plain, y)| *plain += y);
                            }
                        });
                    }
                },
            );
            sums.total
        })
        .collect();
    let total = total_of(&parts);
    total[..c].iter().map(|&value| value as f32).collect()
}

/// The sum of equally long vectors.
pub(super) fn total_of(parts: &[Vec<f64>]) -> Vec<f64> {
    let mut total = vec![0.0f64; parts.first().map_or(0, Vec::len)];
    for part in parts {
        total.iter_mut().zip(part).for_each(|(total, part)| *total += part);
    }
    total
}
