//! The wrong predictions that a model is surest of.

use ranktune_data::Dataset;
use ranktune_report::evaluation::{WORST, WrongPrediction};
use ranktune_scores::metrics::largest;

use crate::excerpt;
use crate::scoring::probabilities;

/// The wrong predictions with the highest probability, from logits `[n, c]` in the order of `dataset`, whose classes `names` and `labels`
/// are in the order of the model's outputs.
pub(super) fn worst(
    dataset: &Dataset,
    (logits, c): (&[f32], usize),
    (names, labels): (&[String], &[u32]),
) -> Vec<WrongPrediction> {
    let rows = logits.chunks_exact(c.max(1)).zip(labels).enumerate();
    let mut wrong: Vec<(usize, usize, f32)> = rows
        .filter_map(|(row, (logits, &label))| {
            let found = largest(logits);
            let is_wrong = found != label as usize;
            is_wrong.then(|| (row, found, probabilities(logits, c).0[found]))
        })
        .collect();
    // Sorting is stable: equal ones stay in the order of the data.
    wrong.sort_by(|a, b| b.2.total_cmp(&a.2));
    let listed = wrong
        .into_iter()
        .take(WORST)
        .map(|(row, found, probability)| WrongPrediction {
            sample: excerpt::name(dataset, row),
            text: excerpt::text(dataset, row),
            thumbnail: None,
            class: names[labels[row] as usize].clone(),
            predicted: names[found].clone(),
            probability: f64::from(probability),
        });
    listed.collect()
}
