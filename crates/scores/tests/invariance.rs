//! Changes of the data that must not change LogME, for random data of random sizes.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod common;

use common::{Random, clusters};
use proptest::prelude::*;
use ranktune_scores::{Compat, FeatureView, Statistics, Targets, evidence};

fn logme(features: &[f32], d: usize, labels: &[u32]) -> f64 {
    let features = FeatureView::new(features, labels.len(), d).unwrap();
    let targets = Targets::classes(labels, 8).unwrap();
    let statistics = Statistics::of(&features, &targets).unwrap();
    evidence::fit_rows(&statistics, &features, &targets, Compat::Exact)
        .unwrap()
        .evidence()
        .value
}

/// The same rows, each changed by `piece`.
fn rebuilt(features: &[f32], d: usize, piece: impl Fn(&[f32]) -> Vec<f32>) -> Vec<f32> {
    features.chunks(d).flat_map(piece).collect()
}

fn sizes() -> impl Strategy<Value = (usize, usize, usize, f64, u64)> {
    (4_usize..70, 1_usize..50, 2_usize..5, 0.3_f64..6.0, any::<u64>())
        .prop_filter("classes fit in samples", |(n, _, c, _, _)| c < n)
}

/// Equal within 1e-8, relative for values above one.
fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-8 * a.abs().max(1.0)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn evidence_is_unchanged_by_duplicated_features((n, d, c, spread, seed) in sizes(), copies in 2_usize..4) {
        let (features, labels) = clusters(n, d, c, spread, seed);
        let plain = logme(&features, d, &labels);
        let repeated = rebuilt(&features, d, |row| row.repeat(copies));
        let again = logme(&repeated, d * copies, &labels);
        prop_assert!(close(plain, again), "{plain} {again}");
    }

    #[test]
    fn evidence_is_unchanged_by_zero_features((n, d, c, spread, seed) in sizes(), zeros in 1_usize..80) {
        let (features, labels) = clusters(n, d, c, spread, seed);
        let plain = logme(&features, d, &labels);
        let padded = rebuilt(&features, d, |row| [row, &vec![0.0; zeros][..]].concat());
        let again = logme(&padded, d + zeros, &labels);
        prop_assert!(close(plain, again), "{plain} {again}");
    }

    #[test]
    fn evidence_is_unchanged_by_the_order_of_rows_and_features((n, d, c, spread, seed) in sizes()) {
        let (features, labels) = clusters(n, d, c, spread, seed);
        let plain = logme(&features, d, &labels);
        let mut random = Random(seed ^ 1);
        let mut order: Vec<usize> = (0..n).collect();
        for i in (1..n).rev() {
            order.swap(i, random.below(i + 1));
        }
        let rows: Vec<f32> = order.iter().flat_map(|&i| features[i * d..(i + 1) * d].iter().rev().copied()).collect();
        let labels: Vec<u32> = order.iter().map(|&i| labels[i]).collect();
        let again = logme(&rows, d, &labels);
        prop_assert!(close(plain, again), "{plain} {again}");
    }

    #[test]
    fn evidence_is_unchanged_by_the_names_of_classes((n, d, c, spread, seed) in sizes()) {
        let (features, labels) = clusters(n, d, c, spread, seed);
        let plain = logme(&features, d, &labels);
        let renamed: Vec<u32> = labels.iter().map(|label| 7 - label).collect();
        let again = logme(&features, d, &renamed);
        prop_assert!(close(plain, again), "{plain} {again}");
    }
}
