//! Stratified draws from a data set.
//!
//! Sample `i` of a class of `m` samples gets the position `r/m`, where `r = 0, 1, …` counts the samples of the class in the order
//! of `BLAKE3(seed, i)`. The draw takes the samples of lowest position. So a draw of `k` samples
//! - holds every class once before any class twice (all classes occur if `k ≥ c`), and beyond that the share of a class differs
//!   from its share in the whole by less than one sample;
//! - contains every smaller draw with the same seed, so features of a smaller draw are reused by a larger one;
//! - depends only on `seed`, `k` and the targets.
//!
//! A multi-label sample belongs to the stratum of its rarest label, which keeps rare labels in small draws; a sentence of tagged
//! words to that of its rarest tag. Regression has one stratum. For tagged words the limit is a number of words: whole sentences
//! are drawn as long as their words fit.

use std::collections::HashMap;

use crate::{Dataset, DatasetTargets};

impl Dataset {
    /// At most `max_samples` samples in their original order: all of them, or a stratified draw by `seed` (see the module).
    #[must_use]
    pub fn subsample(&self, max_samples: usize, seed: u64) -> Self {
        let indices = draw(&self.targets, max_samples, seed);
        // `draw` returns indices below `n`, so `select` cannot fail.
        self.select(&indices).unwrap_or_else(|_| self.clone())
    }

    /// The indices of the training samples and of the validation samples, both ascending. Validation is a stratified draw by
    /// `seed` of about `share` of the samples, and of at least one if there are two. Every class keeps a training sample.
    pub fn split(&self, share: f64, seed: u64) -> (Vec<usize>, Vec<usize>) {
        let n = self.n_samples();
        // Tagged words: a share of the words, as the limit of a draw counts words.
        let total = self.targets.n_predicted();
        let count = ((total as f64 * share).round() as usize).clamp(usize::from(n > 1), total.saturating_sub(1));
        let drawn = draw(&self.targets, count, seed);
        let strata = strata(&self.targets);
        let mut held = vec![false; n];
        drawn.iter().for_each(|&i| held[i] = true);
        let mut left: HashMap<u32, usize> = HashMap::new();
        for i in (0..n).filter(|&i| !held[i]) {
            *left.entry(strata[i]).or_default() += 1;
        }
        for &i in &drawn {
            if left.get(&strata[i]).is_none_or(|&left| left == 0) {
                held[i] = false;
                left.insert(strata[i], 1);
            }
        }
        (0..n).partition(|&i| !held[i])
    }

    /// All samples in an order whose prefixes are draws: the first `k` are those of `subsample(k, seed)`.
    pub fn draw_order(&self, seed: u64) -> Vec<usize> {
        order(&self.targets, seed)
    }
}

fn draw(targets: &DatasetTargets, max_samples: usize, seed: u64) -> Vec<usize> {
    let n = targets.n_samples();
    if targets.n_predicted() <= max_samples {
        return (0..n).collect();
    }
    let mut drawn = order(targets, seed);
    let mut predicted = 0;
    drawn.retain(|&i| {
        let more = targets.n_predicted_of(i);
        let fits = predicted + more <= max_samples;
        predicted += if fits { more } else { 0 };
        fits
    });
    drawn.sort_unstable();
    drawn
}

fn order(targets: &DatasetTargets, seed: u64) -> Vec<usize> {
    let n = targets.n_samples();
    let strata = strata(targets);
    let mut sizes: HashMap<u32, usize> = HashMap::new();
    for stratum in &strata {
        *sizes.entry(*stratum).or_default() += 1;
    }
    let mut order: Vec<(u64, usize)> = (0..n).map(|i| (shuffle_key(seed, i), i)).collect();
    order.sort_unstable();

    let mut seen: HashMap<u32, usize> = HashMap::new();
    let mut positions: Vec<(f64, u64, usize)> = order
        .into_iter()
        .map(|(key, i)| {
            let before = seen.entry(strata[i]).or_default();
            let position = *before as f64 / sizes[&strata[i]] as f64;
            *before += 1;
            (position, key, i)
        })
        .collect();
    positions.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)).then(a.2.cmp(&b.2)));
    positions.into_iter().map(|(_, _, i)| i).collect()
}

/// The stratum of each sample: the rarest of its labels, by the number of their occurrences.
fn strata(targets: &DatasetTargets) -> Vec<u32> {
    let rows = || (0..targets.n_samples()).map(|i| targets.labels_of(i));
    let mut counts = vec![0_usize; targets.names().len()];
    for label in rows().flatten() {
        counts[*label as usize] += 1;
    }
    let rarest = |row: &[u32]| row.iter().copied().min_by_key(|label| counts[*label as usize]);
    rows().map(|row| rarest(row).unwrap_or(u32::MAX)).collect()
}

fn shuffle_key(seed: u64, i: usize) -> u64 {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    bytes[8..].copy_from_slice(&(i as u64).to_le_bytes());
    let hash = blake3::hash(&bytes);
    let mut key = [0; 8];
    key.copy_from_slice(&hash.as_bytes()[..8]);
    u64::from_le_bytes(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes(sizes: &[usize]) -> DatasetTargets {
        let names = (0..sizes.len()).map(|i| i.to_string()).collect();
        let labels = sizes
            .iter()
            .enumerate()
            .flat_map(|(class, size)| vec![class as u32; *size])
            .collect();
        DatasetTargets::Classes { names, labels }
    }

    fn counts(targets: &DatasetTargets, drawn: &[usize], c: usize) -> Vec<usize> {
        let DatasetTargets::Classes { labels, .. } = targets else {
            unreachable!()
        };
        let mut counts = vec![0; c];
        for i in drawn {
            counts[labels[*i] as usize] += 1;
        }
        counts
    }

    #[test]
    fn classes_keep_their_shares() {
        let targets = classes(&[700, 200, 100]);
        let counts = counts(&targets, &draw(&targets, 100, 0), 3);
        assert_eq!(counts.iter().sum::<usize>(), 100);
        for (count, share) in counts.iter().zip([70, 20, 10]) {
            assert!(count.abs_diff(share) <= 1, "{counts:?}");
        }
    }

    #[test]
    fn every_prefix_of_the_order_is_a_draw() {
        let targets = classes(&[37, 5, 90]);
        let order = order(&targets, 7);
        for k in [1, 20, 60, 131] {
            let mut prefix = order[..k].to_vec();
            prefix.sort_unstable();
            assert_eq!(prefix, draw(&targets, k, 7), "{k}");
        }
    }

    #[test]
    fn every_class_occurs_once_there_is_room_for_all() {
        let targets = classes(&[1000, 1, 1, 1, 1]);
        assert!(
            counts(&targets, &draw(&targets, 5, 3), 5)
                .iter()
                .all(|count| *count == 1)
        );
    }

    #[test]
    fn a_larger_draw_contains_a_smaller_one_and_keeps_the_order() {
        let targets = classes(&[37, 5, 90]);
        let small = draw(&targets, 20, 7);
        let large = draw(&targets, 60, 7);
        assert!(small.iter().all(|i| large.contains(i)));
        assert!(large.is_sorted() && small.is_sorted());
        assert_ne!(small, draw(&targets, 20, 8), "another seed draws others");
    }

    #[test]
    fn rare_labels_survive_a_multi_label_draw() {
        let rows = (0..1000)
            .map(|i| if i % 500 == 0 { vec![0, 1] } else { vec![0] })
            .collect();
        let names = vec!["common".to_owned(), "rare".to_owned()];
        let targets = DatasetTargets::MultiLabel { names, rows };
        let DatasetTargets::MultiLabel { rows, .. } = targets.select(&draw(&targets, 10, 0)) else {
            unreachable!()
        };
        assert!(rows.iter().any(|row| row.contains(&1)));
    }

    #[test]
    fn sentences_are_drawn_whole_until_there_are_words_enough() {
        let sentences = (0..100)
            .map(|i| if i % 50 == 0 { vec![1, 0, 0] } else { vec![0; 4] })
            .collect();
        let targets = DatasetTargets::Tags {
            names: vec!["O".to_owned(), "B-PER".to_owned()],
            sentences,
            scheme: crate::TagScheme::Iob2,
        };
        let drawn = targets.select(&draw(&targets, 41, 0));
        assert!((38..=41).contains(&drawn.n_predicted()), "{}", drawn.n_predicted());
        let DatasetTargets::Tags { sentences, .. } = drawn else {
            unreachable!()
        };
        assert!(sentences.iter().any(|tags| tags.contains(&1)));
    }

    #[test]
    fn a_split_of_sentences_holds_back_a_share_of_their_words() {
        let lengths: Vec<usize> = (0..200).map(|i| 1 + i % 9).collect();
        let targets = DatasetTargets::Tags {
            names: vec!["O".to_owned()],
            sentences: lengths.iter().map(|&length| vec![0; length]).collect(),
            scheme: crate::TagScheme::Plain,
        };
        let words = lengths.iter().map(|&length| vec![String::new(); length]).collect();
        let dataset = Dataset::new("memory", crate::Inputs::sentences(words), targets).unwrap();
        let (train, held) = dataset.split(0.1, 1);
        assert_eq!(train.len() + held.len(), 200);
        let held: usize = held.iter().map(|&i| lengths[i]).sum();
        let share = held as f64 / lengths.iter().sum::<usize>() as f64;
        assert!((0.08..=0.1).contains(&share), "{share}");
    }

    #[test]
    fn a_split_is_stratified_and_takes_no_class_away_from_training() {
        let targets = classes(&[60, 30, 10, 1]);
        let inputs = crate::Inputs::texts(vec![String::new(); 101]);
        let dataset = Dataset::new("memory", inputs, targets.clone()).unwrap();
        let (train, held) = dataset.split(0.1, 5);
        let mut all: Vec<usize> = train.iter().chain(&held).copied().collect();
        all.sort_unstable();
        assert_eq!(all, (0..101).collect::<Vec<_>>());
        assert!((8..=10).contains(&held.len()), "{}", held.len());
        let found = counts(&targets, &held, 4);
        assert!(
            found[0].abs_diff(6) <= 1 && found[1].abs_diff(3) <= 1 && found[3] == 0,
            "{found:?}"
        );
        assert_ne!(dataset.split(0.1, 6).1, held);
        assert_eq!(dataset.split(0.0, 5).1.len(), 1);
    }

    #[test]
    fn a_draw_of_everything_is_everything() {
        let targets = classes(&[3, 4]);
        assert_eq!(draw(&targets, 7, 0), (0..7).collect::<Vec<_>>());
        assert_eq!(draw(&targets, 0, 0), Vec::<usize>::new());
    }
}
