//! Which classes are taken for which.
//!
//! ```text
//! precision_k = right_k / predicted_k     recall_k = right_k / true_k     F1_k = 2·right_k / (true_k + predicted_k)
//! macro F1    = mean of F1_k over the classes that some sample has or is predicted to have
//! ```
//!
//! As scikit-learn's `precision_recall_fscore_support` with `zero_division=0`. Its macro mean differs only where it is given classes that
//! neither occur nor are predicted.

use std::collections::BTreeMap;

use super::classes::largest;
use super::counts::Counts;
use super::mean_of_known;

/// The predictions of a classifier against the classes of the samples.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Confusion {
    /// By class, `[c]`.
    pub classes: Vec<Counts>,
    /// How many samples of a class were predicted to be of another, by (class, prediction).
    pub confused: BTreeMap<(usize, usize), usize>,
}

impl Confusion {
    /// The confusion of `predictions` `[n, c]`, of which the largest counts, and `labels` `[n]`, below `c`.
    ///
    /// # Examples
    /// ```
    /// use ranktune_scores::metrics::Confusion;
    /// let confusion = Confusion::new(&[0.1, 0.9, 0.8, 0.2], &[1, 1], 2);
    /// assert_eq!((confusion.classes[1].recall(), confusion.confused[&(1, 0)]), (0.5, 1));
    /// ```
    pub fn new(predictions: &[f32], labels: &[u32], c: usize) -> Self {
        let mut confusion = Self {
            classes: vec![Counts::default(); c],
            confused: BTreeMap::new(),
        };
        for (row, &label) in predictions.chunks_exact(c.max(1)).zip(labels) {
            let (truth, found) = (label as usize, largest(row));
            confusion.classes[truth].truth += 1;
            confusion.classes[found].found += 1;
            if truth == found {
                confusion.classes[truth].right += 1;
            } else {
                *confusion.confused.entry((truth, found)).or_default() += 1;
            }
        }
        confusion
    }

    /// The mean F1 of the classes that some sample has or is predicted to have; `None` without samples.
    pub fn f1_macro(&self) -> Option<f64> {
        mean_of_known(
            self.classes
                .iter()
                .map(|counts| (counts.truth + counts.found > 0).then(|| counts.f1())),
        )
    }

    /// Pairs (class, prediction) with their number of samples, the most frequent first, then in the order of the classes.
    pub fn most_confused(&self) -> Vec<((usize, usize), usize)> {
        let mut pairs: Vec<((usize, usize), usize)> =
            self.confused.iter().map(|(pair, count)| (*pair, *count)).collect();
        pairs.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
        pairs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(found: &[usize], c: usize) -> Vec<f32> {
        let one_hot = |&class: &usize| (0..c).map(move |j| if j == class { 1.0 } else { 0.0 });
        found.iter().flat_map(one_hot).collect()
    }

    /// Values of scikit-learn 1.7: `precision_recall_fscore_support(y, f, zero_division=0)`, `f1_score(average="macro")` and
    /// `confusion_matrix`.
    #[test]
    fn classes_have_the_values_of_scikit_learn() {
        let labels = [0, 0, 1, 1, 1, 2, 2, 3, 0, 1];
        let found = [0, 1, 1, 1, 2, 2, 0, 2, 0, 1];
        let confusion = Confusion::new(&rows(&found, 5), &labels, 5);
        let expected = [
            (2.0 / 3.0, 2.0 / 3.0, 2.0 / 3.0, 3),
            (0.75, 0.75, 0.75, 4),
            (1.0 / 3.0, 0.5, 0.4, 2),
            (0.0, 0.0, 0.0, 1),
        ];
        for (counts, (precision, recall, f1, support)) in confusion.classes.iter().zip(expected) {
            assert!((counts.precision() - precision).abs() < 1e-12, "{counts:?}");
            assert!((counts.recall() - recall).abs() < 1e-12, "{counts:?}");
            assert!((counts.f1() - f1).abs() < 1e-12, "{counts:?}");
            assert_eq!(counts.truth, support);
        }
        // The fifth class is nowhere, and in no mean.
        assert!((confusion.f1_macro().unwrap() - 0.454_166_666_666_666_6).abs() < 1e-12);
        assert_eq!(
            confusion.most_confused(),
            [((0, 1), 1), ((1, 2), 1), ((2, 0), 1), ((3, 2), 1)]
        );
    }

    #[test]
    fn the_most_frequent_confusion_is_the_first() {
        let confusion = Confusion::new(&rows(&[1, 1, 0, 2], 3), &[2, 2, 1, 2], 3);
        assert_eq!(confusion.most_confused(), [((2, 1), 2), ((1, 0), 1)]);
        assert_eq!(Confusion::new(&[], &[], 3).f1_macro(), None);
    }
}
