//! The validation metric of taggers: F1 of entities, as in `eval`.

use ranktune_scores::metrics::entities::entities;
use ranktune_scores::metrics::largest;
use ranktune_train::{TargetValues, TrainTargets, ValidationMetric};

/// F1 of the entities of tags with these names.
pub(crate) struct EntityF1<'a> {
    pub(crate) names: &'a [String],
}

impl ValidationMetric for EntityF1<'_> {
    fn name(&self) -> &'static str {
        "f1"
    }

    fn value(&self, logits: &[f32], targets: &TrainTargets) -> f64 {
        let TargetValues::Classes { labels, n_classes } = targets.values() else {
            return 0.0;
        };
        let name = |tag: usize| self.names.get(tag).map_or("O", String::as_str);
        let found: Vec<usize> = logits.chunks_exact(*n_classes).map(largest).collect();
        let (mut truth, mut predicted) = (Vec::new(), Vec::new());
        for sample in 0..targets.n_samples() {
            let rows = targets.rows_of(sample);
            truth.push(labels[rows.clone()].iter().map(|&tag| name(tag as usize)).collect());
            predicted.push(found[rows].iter().map(|&tag| name(tag)).collect());
        }
        entities(&truth, &predicted).map_or(0.0, |metrics| metrics.all.f1())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entities_are_counted_sentence_by_sentence() {
        let names = ["B-PER", "I-PER", "O"].map(str::to_owned);
        let labels = vec![0, 1, 2, 0];
        let values = TargetValues::Classes { labels, n_classes: 3 };
        // The second sentence begins with an entity; were it one with the first, it would still be one of its own.
        let targets = TrainTargets::by_row(values, vec![0, 3, 4]).unwrap();
        let metric = EntityF1 { names: &names };
        let one = |tag: usize| (0..3).map(move |at| f32::from(u8::from(at == tag)));
        let logits = |tags: [usize; 4]| tags.into_iter().flat_map(one).collect::<Vec<f32>>();
        assert_eq!(metric.value(&logits([0, 1, 2, 0]), &targets), 1.0);
        // One of two is right, and one that is found is not: precision and recall are a half.
        assert_eq!(metric.value(&logits([0, 2, 2, 0]), &targets), 0.5);
        // Of equal logits the first counts, as in the accuracy: every word is an entity of its own, which is right for the last.
        assert_eq!(metric.value(&[0.0; 12], &targets), 1.0 / 3.0);
    }
}
