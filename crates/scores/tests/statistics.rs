//! Statistics add up: order, shards, merging and subtracting change scores by rounding only.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod common;

use common::{Random, close, clusters};
use ranktune_scores::scores::{self, ScoreData};
use ranktune_scores::{Compat, ErrorKind, FeatureView, Precision, ScoreOptions, Statistics, Targets, evidence};

const SCORES: [&str; 3] = ["logme", "h-score", "shrinkage-h-score"];

fn part<'a>(
    features: &'a [f32],
    labels: &'a [u32],
    d: usize,
    rows: std::ops::Range<usize>,
) -> (FeatureView<'a>, Targets<'a>) {
    (
        FeatureView::new(&features[rows.start * d..rows.end * d], rows.len(), d).unwrap(),
        Targets::classes(&labels[rows], 5).unwrap(),
    )
}

fn values(statistics: Statistics) -> Vec<f64> {
    let prepared = ScoreData::from_statistics(statistics);
    SCORES
        .iter()
        .map(|name| {
            scores::find(name)
                .unwrap()
                .compute(&prepared, &ScoreOptions::default())
                .unwrap()
                .value
        })
        .collect()
}

#[track_caller]
fn same(name: &str, got: Statistics, expected: &[f64]) {
    for ((score, got), expected) in SCORES.iter().zip(values(got)).zip(expected) {
        close(&format!("{name}: {score}"), got, *expected, 1e-10);
    }
}

/// Features far from the origin, one of them constant.
fn data(n: usize, d: usize) -> (Vec<f32>, Vec<u32>) {
    let (mut features, labels) = clusters(n, d, 5, 2.0, 21);
    for row in features.chunks_mut(d) {
        row[0] = 3.0;
        row[1] += 50.0;
    }
    (features, labels)
}

#[test]
fn shards_of_any_size_give_the_same_scores() {
    for (n, d) in [(120, 10), (30, 40), (41, 40)] {
        let (features, labels) = data(n, d);
        let (all, targets) = part(&features, &labels, d, 0..n);
        let expected = values(Statistics::of(&all, &targets).unwrap());
        for size in [1, 7, 25, n] {
            let mut streamed = Statistics::for_classes(d, 5).unwrap();
            let mut merged = Statistics::for_classes(d, 5).unwrap();
            for start in (0..n).step_by(size) {
                let (shard, targets) = part(&features, &labels, d, start..n.min(start + size));
                streamed.update(&shard, &targets).unwrap();
                merged.merge(&Statistics::of(&shard, &targets).unwrap()).unwrap();
            }
            assert_eq!(streamed.is_dual(), n <= d);
            same(&format!("n {n}, d {d}, streamed by {size}"), streamed, &expected);
            same(&format!("n {n}, d {d}, merged by {size}"), merged, &expected);
        }
    }
}

#[test]
fn all_pairs_of_forms_merge() {
    let (n, d) = (100, 30);
    let (features, labels) = data(n, d);
    let (all, targets) = part(&features, &labels, d, 0..n);
    let expected = values(Statistics::of(&all, &targets).unwrap());
    for cut in [20, 50, 80] {
        let (first, first_targets) = part(&features, &labels, d, 0..cut);
        let (second, second_targets) = part(&features, &labels, d, cut..n);
        let mut merged = Statistics::of(&first, &first_targets).unwrap();
        merged
            .merge(&Statistics::of(&second, &second_targets).unwrap())
            .unwrap();
        same(&format!("cut at {cut}"), merged, &expected);
    }
}

#[test]
fn the_order_of_rows_changes_nothing() {
    for (n, d) in [(120, 10), (30, 40)] {
        let (features, labels) = data(n, d);
        let (all, targets) = part(&features, &labels, d, 0..n);
        let expected = values(Statistics::of(&all, &targets).unwrap());
        let mut random = Random(5);
        let mut order: Vec<usize> = (0..n).collect();
        for i in (1..n).rev() {
            order.swap(i, random.below(i + 1));
        }
        let shuffled: Vec<f32> = order
            .iter()
            .flat_map(|&i| features[i * d..(i + 1) * d].to_vec())
            .collect();
        let labels: Vec<u32> = order.iter().map(|&i| labels[i]).collect();
        let (all, targets) = part(&shuffled, &labels, d, 0..n);
        same(
            &format!("n {n}, d {d}"),
            Statistics::of(&all, &targets).unwrap(),
            &expected,
        );
    }
}

#[test]
fn subtracted_samples_leave_no_trace() {
    let (n, d) = (150, 12);
    let (features, labels) = data(n, d);
    let (all, targets) = part(&features, &labels, d, 0..n);
    for taken in [1, 10, 100] {
        let (left, left_targets) = part(&features, &labels, d, taken..n);
        let (away, away_targets) = part(&features, &labels, d, 0..taken);
        let mut statistics = Statistics::of(&all, &targets).unwrap();
        statistics
            .subtract(&Statistics::of(&away, &away_targets).unwrap())
            .unwrap();
        assert_eq!(statistics.n_samples(), n - taken);
        same(
            &format!("{taken} taken"),
            statistics,
            &values(Statistics::of(&left, &left_targets).unwrap()),
        );
    }
}

#[test]
fn a_class_without_samples_after_a_subtraction_does_not_count() {
    let (n, d) = (60, 4);
    let (features, mut labels) = data(n, d);
    labels[..5].fill(4);
    for label in &mut labels[5..] {
        *label %= 4;
    }
    let (all, targets) = part(&features, &labels, d, 0..n);
    let (away, away_targets) = part(&features, &labels, d, 0..5);
    let (left, left_targets) = part(&features, &labels, d, 5..n);
    let mut statistics = Statistics::of(&all, &targets).unwrap();
    statistics
        .subtract(&Statistics::of(&away, &away_targets).unwrap())
        .unwrap();
    same(
        "class gone",
        statistics,
        &values(Statistics::of(&left, &left_targets).unwrap()),
    );
}

#[test]
fn samples_that_were_not_added_cannot_be_subtracted() {
    let (n, d) = (60, 4);
    let (features, labels) = data(n, d);
    let (all, targets) = part(&features, &labels, d, 0..n);
    let mut statistics = Statistics::of(&all, &targets).unwrap();
    let error = statistics
        .subtract(&Statistics::of(&all, &targets).unwrap())
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    let other = vec![4; 10];
    let (away, _) = part(&features, &labels, d, 0..10);
    let away = Statistics::of(&away, &Targets::classes(&other, 5).unwrap()).unwrap();
    let mut few = Statistics::of(&all, &Targets::classes(&vec![1; n], 5).unwrap()).unwrap();
    assert_eq!(few.subtract(&away).unwrap_err().kind(), ErrorKind::Shape);
}

#[test]
fn regression_and_multi_label_columns_stream_too() {
    let (n, d) = (90, 8);
    let (features, labels) = data(n, d);
    let columns: Vec<f64> = labels
        .iter()
        .enumerate()
        .flat_map(|(i, &label)| [f64::from(label) + 0.1, (i % 3) as f64])
        .collect();
    let value = |statistics: Statistics| {
        let prepared = ScoreData::from_statistics(statistics);
        scores::find("logme")
            .unwrap()
            .compute(&prepared, &ScoreOptions::default())
            .unwrap()
            .value
    };
    let all = FeatureView::new(&features, n, d).unwrap();
    let expected = value(Statistics::of(&all, &Targets::columns(&columns, 2).unwrap()).unwrap());
    let mut streamed = Statistics::for_columns(d, 2).unwrap();
    for start in (0..n).step_by(4) {
        let end = n.min(start + 4);
        let shard = FeatureView::new(&features[start * d..end * d], end - start, d).unwrap();
        streamed
            .update(&shard, &Targets::columns(&columns[2 * start..2 * end], 2).unwrap())
            .unwrap();
    }
    close("columns", value(streamed), expected, 1e-11);
}

#[test]
fn fast_products_change_the_evidence_by_no_more_than_their_bound() {
    let (n, d) = (900, 40);
    let (features, labels) = data(n, d);
    let (all, targets) = part(&features, &labels, d, 0..n);
    let logme = |precision| {
        let mut statistics = Statistics::for_classes(d, 5).unwrap().with_precision(precision);
        statistics.update(&all, &targets).unwrap();
        let fit = evidence::fit(&statistics, Compat::Exact).unwrap();
        (statistics.matrix_error(), fit.error_bound(), fit.evidence().value)
    };
    let (no_error, rounding, exact) = logme(Precision::Double);
    let (matrix_error, bound, fast) = logme(Precision::Fast);
    assert_eq!(no_error, 0.0);
    assert!(matrix_error > 0.0 && bound > rounding, "{matrix_error:e}, {bound:e}");
    assert!(
        fast != exact && (fast - exact).abs() < bound,
        "{fast} and {exact}, bound {bound:e}"
    );
    assert!(bound < 1e-3 * exact.abs(), "bound {bound:e} of {exact}");
}

#[test]
fn renumbered_classes_merge_with_statistics_that_numbered_them_first() {
    for (n, d) in [(90, 8), (20, 40)] {
        let (features, labels) = data(n, d);
        let (all, targets) = part(&features, &labels, d, 0..n);
        let expected = values(Statistics::of(&all, &targets).unwrap());
        let half = n / 2;
        let (first, first_targets) = part(&features, &labels, d, 0..half);
        // The second half numbers class i as 4 − i.
        let other: Vec<u32> = labels.iter().map(|label| 4 - label).collect();
        let (second, second_targets) = part(&features, &other, d, half..n);
        let mut merged = Statistics::of(&first, &first_targets).unwrap();
        let mut renumbered = Statistics::of(&second, &second_targets).unwrap();
        renumbered.renumber(&[4, 3, 2, 1, 0], 5).unwrap();
        merged.merge(&renumbered).unwrap();
        same(&format!("n {n}, d {d}"), merged, &expected);
    }
}

#[test]
fn numbers_that_do_not_name_every_class_once_are_refused() {
    let (features, labels) = data(60, 4);
    let (all, targets) = part(&features, &labels, 4, 0..60);
    let statistics = Statistics::of(&all, &targets).unwrap();
    for numbers in [&[0, 1, 2, 3][..], &[0, 1, 2, 3, 5], &[0, 1, 2, 3, 3]] {
        let error = statistics.clone().renumber(numbers, 5).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::OutOfRange, "{numbers:?}: {error}");
    }
    let mut columns = Statistics::of(&all, &Targets::columns(&[1.0; 60], 1).unwrap()).unwrap();
    assert_eq!(columns.renumber(&[0], 1).unwrap_err().kind(), ErrorKind::Unsupported);
}

#[test]
fn batches_that_do_not_fit_are_refused() {
    let features = [0.5_f32; 12];
    let view = FeatureView::new(&features, 4, 3).unwrap();
    let mut statistics = Statistics::for_classes(3, 2).unwrap();
    let kind = |result: ranktune_scores::Result<()>| result.unwrap_err().kind();
    assert_eq!(
        kind(statistics.update(&view, &Targets::classes(&[0, 1], 2).unwrap())),
        ErrorKind::Shape
    );
    assert_eq!(
        kind(statistics.update(&view, &Targets::classes(&[0; 4], 3).unwrap())),
        ErrorKind::Shape
    );
    assert_eq!(
        kind(statistics.update(&view, &Targets::columns(&[0.0; 4], 1).unwrap())),
        ErrorKind::Shape
    );
    let wide = FeatureView::new(&features, 2, 6).unwrap();
    assert_eq!(
        kind(statistics.update(&wide, &Targets::classes(&[0, 1], 2).unwrap())),
        ErrorKind::Shape
    );
    assert!(Statistics::for_classes(0, 2).is_err());
    assert!(Statistics::for_columns(usize::MAX, 2).is_err());
    assert!(Statistics::for_classes(usize::MAX / 2, 2).is_err());
}
