//! Disjoint, stratified groups of samples.
//!
//! Classes are dealt out like cards, each class shuffled and the dealing continued where the last class stopped, so that
//! every group has its share of every class and all sizes differ by at most one. Columns of numbers are dealt in
//! the order of their values (first column first), J neighbours to J groups in random order.

use crate::error::{Error, ErrorKind, Result};
use crate::random::Random;
use crate::targets::{Compact, Targets};

/// The number of groups where nothing else is asked for.
pub const DEFAULT_GROUPS: usize = 10;

/// The group, `0..n_groups`, of every sample `[n]`. The same targets and seed give the same groups.
///
/// # Errors
/// [`ErrorKind::OutOfRange`] where there are fewer than two groups, or more groups than samples.
///
/// # Examples
/// ```
/// use ranktune_scores::{Targets, uncertainty::groups};
/// let groups = groups::assign(&Targets::classes(&[0, 0, 0, 1, 1, 1], 2)?, 3, 0)?;
/// assert_eq!(groups.len(), 6);
/// assert_ne!(groups[0], groups[1]); // one of each class in every group
/// # Ok::<(), ranktune_scores::Error>(())
/// ```
pub fn assign(targets: &Targets<'_>, n_groups: usize, seed: u64) -> Result<Vec<usize>> {
    let n = targets.n_samples();
    if n_groups < 2 || n_groups > n {
        return Err(Error::new(
            ErrorKind::OutOfRange,
            format!("the number of groups must be from 2 to the number of samples, {n}, got {n_groups}"),
        ));
    }
    let mut random = Random::new(seed);
    let mut groups = vec![0; n];
    if let Some(labels) = targets.labels() {
        let mut next = 0;
        for mut members in Compact::new(labels).members() {
            random.shuffle(&mut members);
            for row in members {
                groups[row] = next;
                next = (next + 1) % n_groups;
            }
        }
    } else {
        let c = targets.n_columns();
        let values = targets.values().unwrap_or_default();
        let mut order: Vec<usize> = (0..n).collect();
        random.shuffle(&mut order);
        order.sort_by(|&a, &b| {
            let row = |at: usize| values[at * c..(at + 1) * c].iter();
            row(a)
                .zip(row(b))
                .map(|(a, b)| a.total_cmp(b))
                .find(|order| order.is_ne())
                .unwrap_or(std::cmp::Ordering::Equal)
        });
        let mut deal: Vec<usize> = (0..n_groups).collect();
        for neighbours in order.chunks(n_groups) {
            random.shuffle(&mut deal);
            for (&row, &group) in neighbours.iter().zip(&deal) {
                groups[row] = group;
            }
        }
    }
    Ok(groups)
}

/// The group, `0..n_groups`, of every sample `[n]`, dealt in the samples' own order so that *every prefix* is dealt evenly: each
/// sample goes to the group with the fewest of its class, of several to the one with the fewest samples. The order is the
/// caller's draw.
///
/// # Errors
/// [`ErrorKind::OutOfRange`] where there are fewer than two groups, or more groups than samples.
pub fn deal(targets: &Targets<'_>, n_groups: usize) -> Result<Vec<usize>> {
    let n = targets.n_samples();
    if n_groups < 2 || n_groups > n {
        return Err(Error::new(
            ErrorKind::OutOfRange,
            format!("the number of groups must be from 2 to the number of samples, {n}, got {n_groups}"),
        ));
    }
    let mut sizes = vec![0usize; n_groups];
    let mut of_class: std::collections::HashMap<u32, Vec<usize>> = std::collections::HashMap::new();
    let mut groups = Vec::with_capacity(n);
    for row in 0..n {
        let class = targets.labels().map_or(0, |labels| labels[row]);
        let counts = of_class.entry(class).or_insert_with(|| vec![0; n_groups]);
        let group = (0..n_groups)
            .min_by_key(|&group| (counts[group], sizes[group]))
            .unwrap_or(0);
        counts[group] += 1;
        sizes[group] += 1;
        groups.push(group);
    }
    Ok(groups)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_group_has_its_share_of_every_class() {
        let labels: Vec<u32> = (0..103).map(|i| if i % 5 == 0 { 1 } else { 0 }).collect();
        let groups = assign(&Targets::classes(&labels, 2).unwrap(), 10, 42).unwrap();
        for class in 0..2 {
            let counts: Vec<usize> = (0..10)
                .map(|group| (0..103).filter(|&i| groups[i] == group && labels[i] == class).count())
                .collect();
            assert!(
                counts.iter().max().unwrap() - counts.iter().min().unwrap() <= 1,
                "{counts:?}"
            );
        }
        let sizes: Vec<usize> = (0..10)
            .map(|group| groups.iter().filter(|&&g| g == group).count())
            .collect();
        assert!(sizes.iter().all(|&size| size == 10 || size == 11), "{sizes:?}");
    }

    #[test]
    fn every_prefix_is_dealt_evenly() {
        let labels: Vec<u32> = (0..203).map(|i| [0, 1, 0, 2, 0][i % 5]).collect();
        let groups = deal(&Targets::classes(&labels, 3).unwrap(), 10).unwrap();
        for n in [10, 37, 100, 203] {
            let spread = |counts: Vec<usize>| counts.iter().max().unwrap() - counts.iter().min().unwrap();
            let sizes = (0..10)
                .map(|group| groups[..n].iter().filter(|&&g| g == group).count())
                .collect();
            assert!(spread(sizes) <= 2, "{n}");
            for class in 0..3 {
                let count = |group: usize| (0..n).filter(|&i| groups[i] == group && labels[i] == class).count();
                assert!(spread((0..10).map(count).collect()) <= 1, "{n}");
            }
        }
    }

    #[test]
    fn groups_of_a_regression_have_like_means() {
        let values: Vec<f64> = (0..200).map(|i| f64::from(i * 37 % 200)).collect();
        let groups = assign(&Targets::columns(&values, 1).unwrap(), 10, 0).unwrap();
        for group in 0..10 {
            let own: Vec<f64> = (0..200).filter(|&i| groups[i] == group).map(|i| values[i]).collect();
            assert_eq!(own.len(), 20);
            assert!((own.iter().sum::<f64>() / 20.0 - 99.5).abs() < 5.0);
        }
    }

    #[test]
    fn the_seed_decides() {
        let labels = vec![0; 50];
        let targets = Targets::classes(&labels, 1).unwrap();
        assert_eq!(assign(&targets, 5, 1).unwrap(), assign(&targets, 5, 1).unwrap());
        assert_ne!(assign(&targets, 5, 1).unwrap(), assign(&targets, 5, 2).unwrap());
    }

    #[test]
    fn too_few_or_too_many_groups_are_refused() {
        let targets = Targets::classes(&[0, 1, 0], 2).unwrap();
        assert!(assign(&targets, 1, 0).is_err());
        assert!(assign(&targets, 4, 0).is_err());
    }
}
