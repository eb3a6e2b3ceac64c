//! A draw of samples for scores whose cost grows faster than n: stratified, seeded, and the same in whatever order the samples come.
//!
//! Samples are put in an order of their own first, by class and by content, so that a score which depends on where it starts (k-means) or
//! on which samples were drawn gives the same value for the same data.

use std::cmp::Ordering;

use ranktune_core::random::Random;

use crate::features::FeatureView;

/// Seed of the draws.
const SEED: u64 = 0x7261_6e6b;

/// The positions of at most about `most` samples, in the order of class and content. Every class of `strata` has its share, and at least
/// one sample; one stratum where there are none.
pub(super) fn stratified(features: &FeatureView<'_>, strata: Option<&[usize]>, most: usize) -> Vec<usize> {
    let n = features.n_samples();
    let class = |row: usize| strata.map_or(0, |strata| strata[row]);
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&a, &b| {
        class(a)
            .cmp(&class(b))
            .then_with(|| by_content(features.row(a), features.row(b)))
    });
    if n <= most {
        return order;
    }
    let mut drawn = Vec::with_capacity(most);
    for members in order.chunk_by(|&a, &b| class(a) == class(b)) {
        let share = (members.len() as f64 * most as f64 / n as f64).round() as usize;
        let mut places: Vec<usize> = (0..members.len()).collect();
        Random::of_stream(SEED, class(members[0]) as u64).shuffle(&mut places);
        places.truncate(share.max(1));
        places.sort_unstable();
        drawn.extend(places.into_iter().map(|place| members[place]));
    }
    drawn
}

/// What a value from `drawn` of `n` samples says of itself; nothing where all were taken.
pub(super) fn note(drawn: usize, n: usize) -> Option<String> {
    (drawn < n).then(|| format!("from a stratified draw of {drawn} of {n} samples"))
}

fn by_content(a: &[f32], b: &[f32]) -> Ordering {
    a.iter()
        .zip(b)
        .map(|(a, b)| a.total_cmp(b))
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draw_is_of_every_class_by_share_and_does_not_depend_on_the_order_of_samples() {
        let n = 1000;
        let value = |i: usize| (i as f32 * 1.7).sin();
        let class = |i: usize| if i.is_multiple_of(100) { 2 } else { i % 2 };
        let data: Vec<f32> = (0..n).map(value).collect();
        let classes: Vec<usize> = (0..n).map(class).collect();
        let view = FeatureView::new(&data, n, 1).unwrap();
        let drawn = stratified(&view, Some(&classes), 100);
        let count = |which: usize| drawn.iter().filter(|&&i| class(i) == which).count();
        assert_eq!((count(0), count(1), count(2)), (49, 50, 1));
        let order: Vec<usize> = (0..n).map(|i| (i * 7 + 3) % n).collect();
        let moved: Vec<f32> = order.iter().map(|&i| value(i)).collect();
        let moved_classes: Vec<usize> = order.iter().map(|&i| class(i)).collect();
        let again = stratified(&FeatureView::new(&moved, n, 1).unwrap(), Some(&moved_classes), 100);
        let values = |rows: &[usize], data: &[f32]| rows.iter().map(|&i| data[i]).collect::<Vec<_>>();
        assert_eq!(values(&drawn, &data), values(&again, &moved));
    }

    #[test]
    fn few_samples_are_all_taken() {
        let view = FeatureView::new(&[3.0, 1.0, 2.0], 3, 1).unwrap();
        assert_eq!(stratified(&view, None, 3), [1, 2, 0]);
        assert_eq!(note(3, 3), None);
        assert!(note(3, 4).unwrap().contains("3 of 4"));
    }
}
