//! Seeded random numbers: splitmix64 (Steele et al. 2014).
//!
//! By hand, because a seed has to give the same groups and draws on every machine and in every version, which the usual
//! crates do not promise.

/// A seeded generator of 64-bit numbers.
#[derive(Clone, Debug)]
pub struct Random {
    state: u64,
}

impl Random {
    /// A generator that starts from `seed`.
    pub fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The generator of one of many independent streams of a seed, such as that of an epoch.
    pub fn of_stream(seed: u64, stream: u64) -> Self {
        Self::new(mix(seed ^ mix(stream)))
    }

    /// The next number, uniform over all of `u64`.
    #[expect(
        clippy::should_implement_trait,
        reason = "an endless generator is no iterator that can end"
    )]
    pub fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.state)
    }

    /// A number below `bound`, which must be positive; the bias of taking the high half of a product is below `bound/2⁶⁴`.
    pub fn below(&mut self, bound: usize) -> usize {
        let wide = u128::from(self.next()) * bound as u128;
        (wide >> 64) as usize
    }

    /// Puts `items` in random order (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i + 1));
        }
    }
}

/// The finalizer of splitmix64.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_numbers_are_those_of_the_reference_implementation() {
        let mut random = Random::new(1_234_567);
        assert_eq!(random.next(), 6_457_827_717_110_365_317);
        assert_eq!(random.next(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn streams_of_a_seed_differ_and_a_stream_repeats() {
        let first = |seed, stream| Random::of_stream(seed, stream).next();
        assert_eq!(first(1, 2), first(1, 2));
        assert_ne!(first(1, 2), first(1, 3));
        assert_ne!(first(1, 2), first(2, 2));
    }

    #[test]
    fn a_shuffle_keeps_every_item() {
        let mut items: Vec<usize> = (0..100).collect();
        Random::new(3).shuffle(&mut items);
        assert_ne!(items, (0..100).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn numbers_below_a_bound_are_the_high_half_of_the_product() {
        // ⌊6457827717110365317 · 10 / 2⁶⁴⌋ and ⌊3203168211198807973 · 1000 / 2⁶⁴⌋
        let mut random = Random::new(1_234_567);
        assert_eq!((random.below(10), random.below(1000)), (3, 173));
    }

    #[test]
    fn every_order_is_about_as_frequent() {
        let mut counts = std::collections::BTreeMap::new();
        for seed in 0..6000 {
            let mut items = [0, 1, 2];
            Random::new(seed).shuffle(&mut items);
            *counts.entry(items).or_insert(0) += 1;
        }
        // Six standard deviations of a binomial count with mean 1000.
        assert_eq!(counts.len(), 6);
        assert!(counts.values().all(|count| (827..=1173).contains(count)), "{counts:?}");
    }

    #[test]
    fn seeds_that_differ_in_one_bit_have_different_streams() {
        let first: std::collections::BTreeSet<u64> = (0..1024).map(|seed| Random::of_stream(seed, 1).next()).collect();
        assert_eq!(first.len(), 1024);
    }
}
