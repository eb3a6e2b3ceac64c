//! Time of every score of the same features, as multiples of LogME's.
//!
//! ```text
//! cargo bench -p ranktune-scores --bench scores            # n = 10,000, d = 2,048, c = 100
//! cargo bench -p ranktune-scores --bench scores -- knn     # one of them
//! ```
//!
//! Each includes its own statistics, as if it were the only score that is asked for. In a ranking they are shared.

use std::sync::OnceLock;

use divan::Bencher;
use ranktune_core::random::Random;
use ranktune_scores::scores::company::COMPANY_SCORES;
use ranktune_scores::scores::{SCORES, ScoreData, find};
use ranktune_scores::{FeatureView, Probabilities, ScoreInputs, ScoreOptions, Targets};

const SAMPLES: usize = 10_000;
const FEATURES: usize = 2_048;
const CLASSES: usize = 100;
const SOURCES: usize = 1_000;

fn main() {
    divan::main();
}

struct Data {
    features: Vec<f32>,
    labels: Vec<u32>,
    probabilities: Vec<f32>,
}

/// Features around a centre per class whose variances fall off, as those of a network do, none below zero.
fn data() -> &'static Data {
    static DATA: OnceLock<Data> = OnceLock::new();
    DATA.get_or_init(|| {
        let mut random = Random::new(1);
        let mut normal = move || {
            (0..4)
                .map(|_| (random.next() >> 40) as f32 / (1_u32 << 24) as f32)
                .sum::<f32>()
                - 2.0
        };
        let centres: Vec<f32> = (0..CLASSES * FEATURES).map(|_| normal()).collect();
        let labels: Vec<u32> = (0..SAMPLES).map(|i| (i * 37 % CLASSES) as u32).collect();
        let mut features = Vec::with_capacity(SAMPLES * FEATURES);
        let mut probabilities = Vec::with_capacity(SAMPLES * SOURCES);
        for &label in &labels {
            let common: Vec<f32> = (0..16).map(|_| normal()).collect();
            for j in 0..FEATURES {
                let scale = 4.0 / (1.0 + j as f32 / 32.0).sqrt();
                let value = 0.4 * centres[label as usize * FEATURES + j] + normal() + common[j % 16];
                features.push((scale * value).max(0.0));
            }
            let row: Vec<f32> = (0..SOURCES)
                .map(|z| 0.01 + (normal() + if z % CLASSES == label as usize { 2.0 } else { 0.0 }).exp())
                .collect();
            let sum: f32 = row.iter().sum();
            probabilities.extend(row.iter().map(|value| value / sum));
        }
        Data {
            features,
            labels,
            probabilities,
        }
    })
}

fn inputs(data: &Data) -> ScoreInputs<'_> {
    ScoreInputs {
        features: FeatureView::new(&data.features, SAMPLES, FEATURES).expect("the sizes fit"),
        targets: Targets::classes(&data.labels, CLASSES).expect("labels are below the number of classes"),
        probabilities: Some(Probabilities::new(&data.probabilities, SOURCES).expect("rows add up to one")),
    }
}

#[divan::bench(args = SCORES.iter().map(|score| score.name), sample_count = 3, sample_size = 1)]
fn score(bencher: Bencher<'_, '_>, name: &str) {
    let inputs = inputs(data());
    let score = find(name).expect("the list knows its scores");
    bencher.bench(|| {
        let data = ScoreData::new(&inputs).expect("inputs fit together");
        score
            .compute(&data, &ScoreOptions::default())
            .expect("the score is defined")
            .value
    });
}

#[divan::bench(args = COMPANY_SCORES.iter().map(|score| score.name), sample_count = 3, sample_size = 1)]
fn terms(bencher: Bencher<'_, '_>, name: &str) {
    let inputs = inputs(data());
    let score = ranktune_scores::scores::company::find(name).expect("the list knows its scores");
    bencher.bench(|| {
        let data = ScoreData::new(&inputs).expect("inputs fit together");
        score
            .terms_of(&data, &ScoreOptions::default())
            .expect("the terms are defined")
    });
}
