//! The same inputs in the same order have the same bits, whatever the number of threads.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod common;

use common::{Random, clusters, source_probabilities};
use ranktune_scores::scores::SCORES;
use ranktune_scores::uncertainty::{groups, jackknife};
use ranktune_scores::{
    Compat, FeatureView, Precision, Probabilities, ScoreInputs, ScoreOptions, ScoreOutcome, Statistics, Targets,
    evidence, score_all,
};

/// Checks that `work` gives the same on 1, 2 and 4 threads, and twice on 4.
#[track_caller]
fn same_on_any_threads<R: PartialEq + Send>(name: &str, work: impl Fn() -> R + Sync) {
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(&work)
    };
    let one = on(1);
    for threads in [2, 4, 4] {
        assert!(
            on(threads) == one,
            "{name}: other bits on {threads} threads than on one"
        );
    }
}

/// All numbers of an outcome.
fn bits(outcome: &ScoreOutcome) -> Vec<Option<u64>> {
    let mut numbers = vec![Some(outcome.value), outcome.error_bound];
    for column in outcome.evidence.iter().flat_map(|evidence| &evidence.columns) {
        numbers.extend([Some(column.evidence), column.alpha, column.beta]);
    }
    numbers.into_iter().map(|number| number.map(f64::to_bits)).collect()
}

/// Features `[n, d]`, labels below 5, and source probabilities.
struct Data {
    features: Vec<f32>,
    labels: Vec<u32>,
    probabilities: Vec<f32>,
    d: usize,
}

impl Data {
    fn new(n: usize, d: usize) -> Self {
        let (features, labels) = clusters(n, d, 5, 4.0, 8);
        Self {
            features,
            probabilities: source_probabilities(&labels),
            labels,
            d,
        }
    }

    fn inputs(&self) -> ScoreInputs<'_> {
        ScoreInputs {
            features: FeatureView::new(&self.features, self.labels.len(), self.d).unwrap(),
            targets: Targets::classes(&self.labels, 5).unwrap(),
            probabilities: Some(Probabilities::new(&self.probabilities, 4).unwrap()),
        }
    }

    fn check_scores(&self, name: &str, options: &ScoreOptions) {
        for score in SCORES {
            same_on_any_threads(&format!("{} of {name}", score.name), || {
                let outcome = score_all(&self.inputs(), &[score.name], options).unwrap().remove(0).1;
                outcome.map(|outcome| bits(&outcome))
            });
        }
    }
}

/// Small, and large enough for every blocked and parallel part: more samples than features, and fewer.
const SIZES: [(usize, usize); 6] = [(61, 6), (19, 40), (400, 250), (250, 400), (700, 300), (300, 520)];

#[test]
fn every_score_has_the_same_bits_on_any_number_of_threads() {
    for (n, d) in SIZES {
        Data::new(n, d).check_scores(&format!("n {n}, d {d}"), &ScoreOptions::default());
    }
}

#[test]
fn features_that_depend_on_each_other_give_the_same_bits() {
    // The pseudo-inverse of the H-score takes eigenvectors here.
    for (n, d) in [(700, 400), (300, 520)] {
        let mut data = Data::new(n, d);
        for row in data.features.chunks_mut(d) {
            row.copy_within(..d / 4, d / 2);
        }
        data.check_scores(&format!("repeated features, n {n}, d {d}"), &ScoreOptions::default());
    }
}

#[test]
fn columns_that_are_solved_from_the_rows_have_the_same_bits() {
    // Singular values over nine decades, and targets that only the small ones explain.
    for (n, d) in [(700, 300), (280, 300)] {
        let mut data = Data::new(n, d);
        for row in data.features.chunks_mut(d) {
            for (j, x) in row.iter_mut().enumerate() {
                *x *= 10_f32.powf(5.0 - 9.0 * j as f32 / d as f32);
            }
        }
        let mut random = Random(1);
        let values: Vec<f64> = data
            .features
            .chunks(d)
            .map(|row| f64::from(row[d - 1]) * 1e4 + 1e-6 * random.normal())
            .collect();
        let features = FeatureView::new(&data.features, n, d).unwrap();
        let targets = Targets::columns(&values, 1).unwrap();
        same_on_any_threads(&format!("n {n}, d {d}"), || {
            let statistics = Statistics::of(&features, &targets).unwrap();
            let fit = evidence::fit_rows(&statistics, &features, &targets, Compat::Exact).unwrap();
            let mut numbers = fit.weights();
            numbers.push(fit.evidence().value);
            numbers.into_iter().map(f64::to_bits).collect::<Vec<_>>()
        });
    }
}

#[test]
fn the_published_iteration_has_the_same_bits() {
    let mut options = ScoreOptions::default();
    options.compat = Compat::Published;
    for (n, d) in [(700, 400), (350, 400)] {
        let data = Data::new(n, d);
        same_on_any_threads(&format!("n {n}, d {d}"), || {
            let outcome = score_all(&data.inputs(), &["logme"], &options).unwrap().remove(0).1;
            bits(&outcome.unwrap())
        });
    }
}

#[test]
fn statistics_have_the_same_bytes() {
    for (n, d) in SIZES {
        let data = Data::new(n, d);
        let inputs = data.inputs();
        let mut random = Random(5);
        let values: Vec<f64> = (0..3 * n).map(|_| random.normal()).collect();
        let numbers = Targets::columns(&values, 3).unwrap();
        for precision in [Precision::Double, Precision::Fast] {
            same_on_any_threads(&format!("n {n}, d {d}, {precision:?}"), || {
                let of_classes = Statistics::for_classes(d, 5).unwrap();
                let of_numbers = Statistics::for_columns(d, 3).unwrap();
                [(of_classes, &inputs.targets), (of_numbers, &numbers)].map(|(empty, targets)| {
                    let mut statistics = empty.with_precision(precision);
                    statistics.update(&inputs.features, targets).unwrap();
                    statistics.to_bytes("")
                })
            });
        }
    }
}

#[test]
fn standard_errors_have_the_same_bits() {
    for (n, d) in [(120, 10), (800, 300)] {
        let data = Data::new(n, d);
        let inputs = data.inputs();
        let groups = groups::assign(&inputs.targets, 4, 0).unwrap();
        for score in SCORES {
            same_on_any_threads(&format!("{} at n {n}, d {d}", score.name), || {
                let jackknife = jackknife(&inputs, score.name, &ScoreOptions::default(), &groups).unwrap();
                jackknife.replicates.into_iter().map(f64::to_bits).collect::<Vec<_>>()
            });
        }
    }
}
