//! The samples and views of each batch: a function of the seed and the epoch alone, so there is no state to store.

use std::collections::BTreeMap;

use ranktune_core::random::Random;

use crate::options::ViewSchedule;
use crate::samples::{Batching, EVALUATION_VIEW, Lengths, Pick, Samples};

/// Batches whose samples are sorted by length together: enough for little padding, few enough that the samples of a batch change
/// from epoch to epoch.
const POOL: usize = 50;

/// How samples are put into batches.
#[derive(Debug)]
pub(crate) struct Order<'a> {
    n_samples: usize,
    batch_size: usize,
    lengths: Option<Lengths<'a>>,
}

impl<'a> Order<'a> {
    /// The order of `samples`, in batches of at most `batch_size`.
    pub(crate) fn new(samples: &'a dyn Samples, batch_size: usize) -> Self {
        let n_samples = samples.n_samples();
        Self {
            n_samples,
            batch_size,
            lengths: samples.lengths().filter(|lengths| lengths.of.len() == n_samples),
        }
    }

    /// Number of batches per epoch.
    pub(crate) fn count(&self) -> usize {
        match self.lengths {
            Some(Lengths {
                of,
                batching: Batching::EqualLengths,
            }) => {
                let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
                of.iter().for_each(|&length| *counts.entry(length).or_default() += 1);
                counts.values().map(|count| count.div_ceil(self.batch_size)).sum()
            }
            _ => self.n_samples.div_ceil(self.batch_size),
        }
    }

    /// The batches of an epoch: every sample once, in an order drawn from the seed. Batch sizes differ by one at most, where batches
    /// hold samples of one length among those of that length.
    pub(crate) fn batches(&self, views: ViewSchedule, seed: u64, epoch: usize) -> Vec<Vec<Pick>> {
        let mut order: Vec<usize> = (0..self.n_samples).collect();
        let mut random = Random::of_stream(seed, epoch as u64);
        random.shuffle(&mut order);
        let view = |sample: usize| match views {
            ViewSchedule::Plain => EVALUATION_VIEW,
            ViewSchedule::Fresh => u32::try_from(epoch).unwrap_or(u32::MAX) % EVALUATION_VIEW,
            ViewSchedule::Finite(n) => {
                let first = Random::of_stream(!seed, sample as u64).below(n as usize) as u64;
                ((first + epoch as u64) % u64::from(n)) as u32
            }
        };
        let mut batches = match self.lengths {
            None => self.cut(&order),
            Some(Lengths {
                of,
                batching: Batching::EqualLengths,
            }) => {
                // Stable: samples of one length stay in their random order.
                order.sort_by_key(|&sample| of[sample]);
                let same = order.chunk_by(|&a, &b| of[a] == of[b]);
                same.flat_map(|samples| self.cut(samples)).collect()
            }
            Some(Lengths { of, .. }) => {
                let sizes: Vec<usize> = self.cut(&order).iter().map(Vec::len).collect();
                let mut start = 0;
                for pool in sizes.chunks(POOL) {
                    let end = start + pool.iter().sum::<usize>();
                    order[start..end].sort_by_key(|&sample| of[sample]);
                    start = end;
                }
                self.cut(&order)
            }
        };
        if self.lengths.is_some() {
            random.shuffle(&mut batches);
        }
        let pick = |sample| Pick {
            sample,
            view: view(sample),
        };
        let picked = batches.into_iter().map(|batch| batch.into_iter().map(pick).collect());
        picked.collect()
    }

    /// Cuts samples into batches of similar sizes.
    fn cut(&self, samples: &[usize]) -> Vec<Vec<usize>> {
        let n = samples.len();
        let count = n.div_ceil(self.batch_size);
        (0..count)
            .map(|batch| samples[batch * n / count..(batch + 1) * n / count].to_vec())
            .collect()
    }

    /// All samples in the evaluation view: in their order, or by length where they have lengths.
    pub(crate) fn evaluation(&self) -> Vec<Vec<Pick>> {
        let mut order: Vec<usize> = (0..self.n_samples).collect();
        if let Some(Lengths { of, .. }) = self.lengths {
            order.sort_by_key(|&sample| of[sample]);
        }
        let together = |&a: &usize, &b: &usize| match self.lengths {
            Some(Lengths {
                of,
                batching: Batching::EqualLengths,
            }) => of[a] == of[b],
            _ => true,
        };
        let pick = |&sample: &usize| Pick {
            sample,
            view: EVALUATION_VIEW,
        };
        let batches = order.chunk_by(together).flat_map(|same| same.chunks(self.batch_size));
        batches.map(|batch| batch.iter().map(pick).collect()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BatchInputs, LoadError};

    /// Samples without content.
    struct Empty {
        count: usize,
        lengths: Vec<usize>,
        batching: Batching,
    }

    impl Samples for Empty {
        fn n_samples(&self) -> usize {
            self.count
        }

        fn lengths(&self) -> Option<Lengths<'_>> {
            let of = self.lengths.as_slice();
            (!of.is_empty()).then_some(Lengths {
                of,
                batching: self.batching,
            })
        }

        fn load(&self, _: &[Pick]) -> Result<BatchInputs, LoadError> {
            Ok(BatchInputs::default())
        }
    }

    fn batches(n_samples: usize, batch_size: usize, views: ViewSchedule, seed: u64, epoch: usize) -> Vec<Vec<Pick>> {
        let samples = Empty {
            count: n_samples,
            lengths: Vec::new(),
            batching: Batching::Padded,
        };
        Order::new(&samples, batch_size).batches(views, seed, epoch)
    }

    #[test]
    fn samples_of_like_length_go_together_and_batches_come_in_any_order() {
        for batching in [Batching::Padded, Batching::EqualLengths] {
            let samples = Empty {
                count: 1000,
                lengths: (0..1000).map(|at| 3 + at * 7 % 13).collect(),
                batching,
            };
            let order = Order::new(&samples, 8);
            let batches = order.batches(ViewSchedule::Plain, 3, 1);
            assert_eq!(batches.len(), order.count(), "{batching:?}");
            let spread = |batch: &Vec<Pick>| {
                let lengths = batch.iter().map(|pick| samples.lengths[pick.sample]);
                lengths.clone().max().unwrap_or(0) - lengths.min().unwrap_or(0)
            };
            let widest = batches.iter().map(spread).max();
            assert!(
                widest <= Some(if batching == Batching::EqualLengths { 0 } else { 1 }),
                "{widest:?}"
            );
            let firsts: Vec<usize> = batches.iter().map(|batch| samples.lengths[batch[0].sample]).collect();
            assert!(!firsts.is_sorted());
            let mut all: Vec<usize> = batches.concat().iter().map(|pick| pick.sample).collect();
            all.sort_unstable();
            assert_eq!(all, (0..1000).collect::<Vec<_>>());
            assert_eq!(batches, order.batches(ViewSchedule::Plain, 3, 1));
            assert_ne!(batches, order.batches(ViewSchedule::Plain, 3, 2));
            let evaluation = order.evaluation();
            let mut all: Vec<usize> = evaluation.concat().iter().map(|pick| pick.sample).collect();
            assert!(
                evaluation.iter().map(spread).max() <= Some(if batching == Batching::EqualLengths { 0 } else { 1 })
            );
            all.sort_unstable();
            assert_eq!(all, (0..1000).collect::<Vec<_>>());
        }
    }

    #[test]
    fn every_sample_comes_once_an_epoch_in_batches_of_like_size() {
        let batches = batches(100, 32, ViewSchedule::Fresh, 7, 3);
        let sizes: Vec<usize> = batches.iter().map(Vec::len).collect();
        assert_eq!(sizes, [25, 25, 25, 25]);
        let mut samples: Vec<usize> = batches.concat().iter().map(|pick| pick.sample).collect();
        assert_ne!(samples, (0..100).collect::<Vec<_>>());
        samples.sort_unstable();
        assert_eq!(samples, (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn the_order_is_a_function_of_seed_and_epoch() {
        let of = |seed, epoch| batches(50, 8, ViewSchedule::Fresh, seed, epoch);
        assert_eq!(of(1, 2), of(1, 2));
        assert_ne!(of(1, 2), of(2, 2));
        let samples = |epoch| of(1, epoch).concat().iter().map(|pick| pick.sample).collect::<Vec<_>>();
        assert_ne!(samples(2), samples(3));
    }

    #[test]
    fn finite_views_are_seen_equally_often() {
        let mut seen = vec![[0; 4]; 10];
        for epoch in 0..8 {
            for pick in batches(10, 4, ViewSchedule::Finite(4), 0, epoch).concat() {
                seen[pick.sample][pick.view as usize] += 1;
            }
        }
        assert!(seen.iter().all(|views| *views == [2; 4]), "{seen:?}");
        let first: std::collections::HashSet<u32> = batches(10, 4, ViewSchedule::Finite(4), 0, 0)
            .concat()
            .iter()
            .map(|pick| pick.view)
            .collect();
        assert!(first.len() > 1);
    }
}
