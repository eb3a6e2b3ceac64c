//! Samples that occur more than once.
//!
//! With at most as many samples as features, duplicates let features of rank below n fit a target column exactly, and the evidence
//! of such a column has no maximum. Duplicates add no information there, so they are left out.

use std::collections::HashMap;

use ranktune_data::{Dataset, Digest};

/// The samples to keep, in order: all but those whose content and target both occurred before.
pub(crate) fn without_copies(dataset: &Dataset, digests: &[Digest]) -> Vec<usize> {
    let target = |index: usize| dataset.select(&[index]).ok().map(|sample| sample.targets);
    let mut seen: HashMap<&Digest, Vec<usize>> = HashMap::new();
    (0..dataset.n_samples())
        .filter(|&index| {
            let alike = seen.entry(&digests[index]).or_default();
            let copy = !alike.is_empty() && alike.iter().any(|&other| target(other) == target(index));
            alike.push(index);
            !copy
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use ranktune_data::{DatasetTargets, Inputs};

    use super::*;

    #[test]
    fn a_copy_goes_only_if_its_target_is_the_same_too() {
        let first = ["x", "y", "x", "x", "y"].map(str::to_owned).to_vec();
        let targets = DatasetTargets::Classes {
            names: vec!["a".to_owned(), "b".to_owned()],
            labels: vec![0, 1, 0, 1, 1],
        };
        let dataset = Dataset::new("memory", Inputs::texts(first), targets).unwrap();
        assert_eq!(without_copies(&dataset, &dataset.input_digests()), [0, 1, 3]);
    }
}
