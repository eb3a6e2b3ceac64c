//! What the features of a model say of each class and of single samples: from the evidence of LogME's columns, and from its leave-one-out
//! predictions.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use ranktune_data::{Dataset, DatasetTargets};
use ranktune_report::ranking::{ClassConfusion, ClassDetail, ClassEvidence, JudgedSample};
use ranktune_scores::{Evidence, LeftOutClasses};

use crate::excerpt;

/// Classes that are listed at either end.
const CLASSES: usize = 20;
/// Pairs of classes that are listed.
const PAIRS: usize = 20;
/// Samples that are listed at either end.
const SAMPLES: usize = 8;

/// What the scores found besides their values.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    /// Of LogME.
    pub(super) evidence: Option<Evidence>,
    /// Of loo-accuracy.
    pub(super) left_out: Option<LeftOutClasses>,
}

impl Found {
    /// The detail of all classes of `dataset`, where samples (or words) have one each. `rows` are the samples that `left_out` is of.
    pub(super) fn detail(&self, dataset: &Dataset, rows: &[usize]) -> Option<ClassDetail> {
        let evidence = self.evidence.as_ref()?;
        let counts = class_counts(&dataset.targets)?;
        let names = dataset.targets.names();
        let name = |class: usize| names.get(class).cloned().unwrap_or_else(|| class.to_string());
        // Predictions from statistics by group are of rows in an order of their own.
        let left_out = self
            .left_out
            .as_ref()
            .filter(|found| found.predicted.len() == rows.len());
        let judged = match (left_out, &dataset.targets) {
            (Some(left_out), DatasetTargets::Classes { labels, .. }) => Some(Judged { left_out, rows, labels }),
            _ => None,
        };
        let right = judged.as_ref().map(Judged::right);
        let mut listed: Vec<ClassEvidence> = evidence
            .columns
            .iter()
            .map(|column| {
                let samples = counts.get(&column.column).copied().unwrap_or(0);
                let of_class = |right: &BTreeMap<usize, (usize, usize)>| right.get(&column.column).copied();
                ClassEvidence {
                    name: name(column.column),
                    samples,
                    evidence: column.evidence,
                    alpha: column.alpha,
                    beta: column.beta,
                    status: column.status.name().to_owned(),
                    loo_accuracy: right
                        .as_ref()
                        .and_then(of_class)
                        .map(|(right, all)| right as f64 / all as f64),
                }
            })
            .collect();
        listed.sort_by(|a, b| b.evidence.total_cmp(&a.evidence).then_with(|| a.name.cmp(&b.name)));
        let classes_omitted = listed.len().saturating_sub(2 * CLASSES);
        if classes_omitted > 0 {
            listed.drain(CLASSES..CLASSES + classes_omitted);
        }
        let mut detail = ClassDetail {
            evidence: listed,
            classes_omitted,
            ..ClassDetail::default()
        };
        match judged {
            None => detail.reason = Some(self.reason(dataset)),
            Some(judged) => {
                (detail.confusions, detail.confusions_omitted) = judged.confusions(&counts, name);
                let order = judged.by_margin();
                let sample = |&at: &usize| judged.sample(dataset, at, name);
                detail.hardest = order.iter().take(SAMPLES).map(sample).collect();
                let rest = order.len().saturating_sub(SAMPLES);
                detail.clearest = order.iter().rev().take(SAMPLES.min(rest)).map(sample).collect();
            }
        }
        Some(detail)
    }

    /// Why no single sample is judged.
    fn reason(&self, dataset: &Dataset) -> String {
        match dataset.targets {
            DatasetTargets::Classes { .. } => {
                "loo-accuracy was not computed, or the rows of features were not kept: their statistics alone tell no sample from another"
            }
            _ => "rows of features are not kept for words",
        }
        .to_owned()
    }
}

/// The number of samples (or words) of each class; `None` where they have none, several or numbers.
fn class_counts(targets: &DatasetTargets) -> Option<BTreeMap<usize, usize>> {
    let mut counts = BTreeMap::new();
    let mut count = |label: &u32| *counts.entry(*label as usize).or_insert(0) += 1;
    match targets {
        DatasetTargets::Classes { labels, .. } => labels.iter().for_each(&mut count),
        DatasetTargets::Tags { sentences, .. } => sentences.iter().flatten().for_each(&mut count),
        _ => return None,
    }
    Some(counts)
}

/// Samples with their classes and what is predicted of them.
struct Judged<'a> {
    left_out: &'a LeftOutClasses,
    /// The samples, by position in the data set.
    rows: &'a [usize],
    /// Of all samples of the data set.
    labels: &'a [u32],
}

impl Judged<'_> {
    fn class(&self, at: usize) -> usize {
        self.labels[self.rows[at]] as usize
    }

    /// By class: samples that are right, and all.
    fn right(&self) -> BTreeMap<usize, (usize, usize)> {
        let mut right = BTreeMap::new();
        for (at, &predicted) in self.left_out.predicted.iter().enumerate() {
            let class = self.class(at);
            let counts: &mut (usize, usize) = right.entry(class).or_default();
            counts.0 += usize::from(predicted as usize == class);
            counts.1 += 1;
        }
        right
    }

    /// The most frequent confusions, and the number of those that are left out.
    fn confusions(
        &self,
        counts: &BTreeMap<usize, usize>,
        name: impl Fn(usize) -> String,
    ) -> (Vec<ClassConfusion>, usize) {
        let mut pairs: BTreeMap<(usize, usize), usize> = BTreeMap::new();
        for (at, &predicted) in self.left_out.predicted.iter().enumerate() {
            let pair = (self.class(at), predicted as usize);
            if pair.0 != pair.1 {
                *pairs.entry(pair).or_default() += 1;
            }
        }
        let mut pairs: Vec<((usize, usize), usize)> = pairs.into_iter().collect();
        // Sorting is stable: equal ones stay in the order of the classes.
        pairs.sort_by_key(|(_, samples)| std::cmp::Reverse(*samples));
        let omitted = pairs.len().saturating_sub(PAIRS);
        let listed = pairs
            .into_iter()
            .take(PAIRS)
            .map(|((class, predicted), samples)| ClassConfusion {
                class: name(class),
                predicted: name(predicted),
                samples,
                share: samples as f64 / counts.get(&class).copied().unwrap_or(1).max(1) as f64,
            });
        (listed.collect(), omitted)
    }

    /// The samples, the one with the smallest margin first.
    fn by_margin(&self) -> Vec<usize> {
        let margins = &self.left_out.margins;
        let mut order: Vec<usize> = (0..margins.len()).filter(|&at| margins[at].is_finite()).collect();
        order.sort_by(|&a, &b| margins[a].partial_cmp(&margins[b]).unwrap_or(Ordering::Equal));
        order
    }

    fn sample(&self, dataset: &Dataset, at: usize, name: impl Fn(usize) -> String) -> JudgedSample {
        let row = self.rows[at];
        JudgedSample {
            sample: excerpt::name(dataset, row),
            text: excerpt::text(dataset, row),
            thumbnail: None,
            class: name(self.class(at)),
            predicted: name(self.left_out.predicted[at] as usize),
            margin: f64::from(self.left_out.margins[at]),
        }
    }
}

#[cfg(test)]
mod tests {
    use ranktune_data::Inputs;
    use ranktune_scores::scores::{ScoreData, find};
    use ranktune_scores::{FeatureView, ScoreInputs, ScoreOptions, Targets};

    use super::*;

    /// Classes at the corners of a triangle, with small noise; sample 4 of class 1 lies in class 2.
    fn found(labels: &[u32], misplaced: usize) -> Found {
        let corners = [[1.0_f32, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
        let features: Vec<f32> = labels
            .iter()
            .enumerate()
            .flat_map(|(row, &label)| {
                let corner = corners[if row == misplaced { 2 } else { label as usize }];
                corner.map(|x| x + 0.05 * ((row * 7 + 3) % 5) as f32)
            })
            .collect();
        let inputs = ScoreInputs {
            features: FeatureView::new(&features, labels.len(), 3).unwrap(),
            targets: Targets::classes(labels, 3).unwrap(),
            probabilities: None,
        };
        let data = ScoreData::new(&inputs).unwrap();
        let compute = |name: &str| find(name).unwrap().compute(&data, &ScoreOptions::default()).unwrap();
        Found {
            evidence: compute("logme").evidence,
            left_out: compute("loo-accuracy").left_out,
        }
    }

    fn dataset(labels: Vec<u32>) -> Dataset {
        let texts = (0..labels.len())
            .map(|at| format!("{at} {}", "long ".repeat(40)))
            .collect();
        let targets = DatasetTargets::Classes {
            names: ["a", "b", "c"].map(str::to_owned).to_vec(),
            labels,
        };
        Dataset::new("texts.csv", Inputs::texts(texts), targets).unwrap()
    }

    #[test]
    fn the_sample_in_the_wrong_place_is_the_hardest_and_its_classes_are_confused() {
        let labels: Vec<u32> = (0..24).map(|row| row % 3).collect();
        let misplaced = 4;
        let rows: Vec<usize> = (0..24).collect();
        let detail = found(&labels, misplaced).detail(&dataset(labels), &rows).unwrap();
        let hardest = &detail.hardest[0];
        assert_eq!(
            (
                hardest.sample.as_str(),
                hardest.class.as_str(),
                hardest.predicted.as_str()
            ),
            ("text 5", "b", "c")
        );
        assert!(hardest.margin < 0.0);
        assert_eq!(
            hardest.text.as_ref().map(|text| text.chars().count()),
            Some(excerpt::QUOTED + 1)
        );
        let [confusion] = &detail.confusions[..] else {
            panic!("{:?}", detail.confusions)
        };
        assert_eq!((confusion.samples, confusion.share), (1, 0.125));
        let of = |name: &str| detail.evidence.iter().find(|class| class.name == name).unwrap();
        assert_eq!((of("b").samples, of("b").loo_accuracy), (8, Some(0.875)));
        assert!(
            of("a").evidence > of("b").evidence,
            "the class without a fault is explained best"
        );
        assert!(detail.clearest.iter().all(|sample| sample.margin > 0.0));
        assert!(detail.evidence.is_sorted_by(|a, b| a.evidence >= b.evidence));
    }

    #[test]
    fn without_predictions_the_reason_is_said() {
        let labels: Vec<u32> = (0..24).map(|row| row % 3).collect();
        let found = Found {
            left_out: None,
            ..found(&labels, 4)
        };
        let detail = found.detail(&dataset(labels), &[]).unwrap();
        assert!(detail.reason.is_some() && detail.hardest.is_empty());
        assert!(detail.evidence.iter().all(|class| class.loo_accuracy.is_none()));
    }
}
