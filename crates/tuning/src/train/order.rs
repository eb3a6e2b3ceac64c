//! Which samples and views make up each batch: a function of the seed and the epoch alone, so that it needs no state.

use super::{EVALUATION, Pick, Views};

/// SplitMix64.
struct Random(u64);

impl Random {
    fn new(seed: u64, stream: u64) -> Self {
        Self(mix(seed ^ mix(stream)))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// Below `end`, evenly.
    fn below(&mut self, end: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(end)) >> 64) as u64
    }
}

fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// Number of batches of at most `batch_size` samples.
pub(super) fn count(n_samples: usize, batch_size: usize) -> usize {
    n_samples.div_ceil(batch_size)
}

/// The batches of an epoch: every sample once, in an order drawn from the seed, in batches whose sizes differ by one at most.
pub(super) fn batches(n_samples: usize, batch_size: usize, views: Views, seed: u64, epoch: usize) -> Vec<Vec<Pick>> {
    let mut order: Vec<usize> = (0..n_samples).collect();
    let mut random = Random::new(seed, epoch as u64);
    for at in (1..n_samples).rev() {
        order.swap(at, random.below(at as u64 + 1) as usize);
    }
    let view = |sample: usize| match views {
        Views::Plain => EVALUATION,
        Views::Fresh => u32::try_from(epoch).unwrap_or(u32::MAX) % EVALUATION,
        Views::Finite(n) => {
            let first = Random::new(!seed, sample as u64).below(u64::from(n));
            ((first + epoch as u64) % u64::from(n)) as u32
        }
    };
    let count = count(n_samples, batch_size);
    (0..count)
        .map(|batch| {
            let range = batch * n_samples / count..(batch + 1) * n_samples / count;
            order[range]
                .iter()
                .map(|&sample| Pick {
                    sample,
                    view: view(sample),
                })
                .collect()
        })
        .collect()
}

/// All samples in order, in the evaluation view.
pub(super) fn evaluation(n_samples: usize, batch_size: usize) -> Vec<Vec<Pick>> {
    let picks: Vec<Pick> = (0..n_samples)
        .map(|sample| Pick {
            sample,
            view: EVALUATION,
        })
        .collect();
    picks.chunks(batch_size).map(<[Pick]>::to_vec).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_comes_once_an_epoch_in_batches_of_like_size() {
        let batches = batches(100, 32, Views::Fresh, 7, 3);
        let sizes: Vec<usize> = batches.iter().map(Vec::len).collect();
        assert_eq!(sizes, [25, 25, 25, 25]);
        let mut samples: Vec<usize> = batches.concat().iter().map(|pick| pick.sample).collect();
        assert_ne!(samples, (0..100).collect::<Vec<_>>());
        samples.sort_unstable();
        assert_eq!(samples, (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn the_order_is_a_function_of_seed_and_epoch() {
        let of = |seed, epoch| batches(50, 8, Views::Fresh, seed, epoch);
        assert_eq!(of(1, 2), of(1, 2));
        assert_ne!(of(1, 2), of(2, 2));
        let samples = |epoch| of(1, epoch).concat().iter().map(|pick| pick.sample).collect::<Vec<_>>();
        assert_ne!(samples(2), samples(3));
    }

    #[test]
    fn finite_views_are_seen_equally_often() {
        let mut seen = vec![[0; 4]; 10];
        for epoch in 0..8 {
            for pick in batches(10, 4, Views::Finite(4), 0, epoch).concat() {
                seen[pick.sample][pick.view as usize] += 1;
            }
        }
        assert!(seen.iter().all(|views| *views == [2; 4]), "{seen:?}");
        let first: std::collections::HashSet<u32> = batches(10, 4, Views::Finite(4), 0, 0)
            .concat()
            .iter()
            .map(|pick| pick.view)
            .collect();
        assert!(first.len() > 1);
    }
}
