//! Precision, recall and F1 of named entities, as the shared task's `conlleval` counts them.
//!
//! ```text
//! entity      a sentence, its first and last word, and its type
//! precision   right / found          right: entities that are both found and true
//! recall      right / true
//! F1          2 · precision · recall / (precision + recall)
//! ```
//!
//! Any tags mark entities, even tags that break their scheme, as predictions may. An entity begins at `B-` or `S-`, after `O`,
//! `E-` or `S-`, and where the type changes. It ends before a word that begins another or is `O`. So IOB1, IOB2 and IOBES give
//! the same entities. (Tjong Kim Sang and Buchholz 2000, `conlleval.pl`; for `E-` and `S-` its later ports.)

use std::collections::{BTreeMap, HashSet};

use super::counts::{Counts, ratio};
use crate::error::{Error, ErrorKind, Result};

/// The result of [`entities`].
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct EntityMetrics {
    /// Over the entities of all types.
    pub all: Counts,
    /// By type.
    pub by_type: BTreeMap<String, Counts>,
    /// Share of words whose tags agree, words outside entities included.
    pub accuracy: f64,
}

/// Compares the predicted tags of sentences with the true ones, `[sentences]` lists of `[words]` tags each.
///
/// # Errors
/// [`ErrorKind::Shape`] where the numbers of sentences, or of a sentence's words, differ.
///
/// # Examples
/// ```
/// use ranktune_scores::metrics::entities::entities;
/// let truth = [vec!["B-PER", "I-PER", "O", "B-LOC"]];
/// let found = [vec!["B-PER", "I-PER", "O", "O"]];
/// let metrics = entities(&truth, &found)?;
/// assert_eq!((metrics.all.precision(), metrics.all.recall()), (1.0, 0.5));
/// # Ok::<(), ranktune_scores::Error>(())
/// ```
pub fn entities(truth: &[Vec<&str>], found: &[Vec<&str>]) -> Result<EntityMetrics> {
    if truth.len() != found.len() {
        let message = format!(
            "there are tags of {} sentences but predictions of {}",
            truth.len(),
            found.len()
        );
        return Err(Error::new(ErrorKind::Shape, message));
    }
    let mut metrics = EntityMetrics::default();
    let (mut words, mut same) = (0, 0);
    for (sentence, (truth, found)) in truth.iter().zip(found).enumerate() {
        if truth.len() != found.len() {
            let message = format!(
                "sentence {} has {} tags but {} predictions",
                sentence + 1,
                truth.len(),
                found.len()
            );
            return Err(Error::new(ErrorKind::Shape, message));
        }
        words += truth.len();
        same += truth.iter().zip(found).filter(|(a, b)| a == b).count();
        let (truth, found) = (spans(truth), spans(found));
        let known: HashSet<&Span<'_>> = truth.iter().collect();
        for span in &truth {
            metrics.count(span.kind, |counts| counts.truth += 1);
        }
        for span in &found {
            metrics.count(span.kind, |counts| {
                counts.found += 1;
                counts.right += usize::from(known.contains(span));
            });
        }
    }
    metrics.accuracy = ratio(same, words);
    Ok(metrics)
}

impl EntityMetrics {
    fn count(&mut self, kind: &str, mut count: impl FnMut(&mut Counts)) {
        count(&mut self.all);
        count(self.by_type.entry(kind.to_owned()).or_default());
    }
}

/// An entity in a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Span<'a> {
    start: usize,
    end: usize,
    kind: &'a str,
}

/// The entities that a sentence's tags mark, in order.
fn spans<'a>(tags: &[&'a str]) -> Vec<Span<'a>> {
    let mut spans: Vec<Span<'a>> = Vec::new();
    let mut before = ("O", "");
    let mut is_open = false;
    for (at, tag) in tags.iter().enumerate() {
        let (mark, kind) = tag.split_once('-').unwrap_or((tag, ""));
        let is_outside = mark == "O";
        let begins = !is_outside
            && (matches!(mark, "B" | "S") || matches!(before.0, "O" | "E" | "S") || before.1 != kind || !is_open);
        if begins {
            spans.push(Span {
                start: at,
                end: at + 1,
                kind,
            });
        } else if !is_outside && let Some(open) = spans.last_mut() {
            open.end = at + 1;
        }
        is_open = !is_outside;
        before = (mark, kind);
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `conlleval`'s own way: one pass over the words with its tables of what begins and ends a chunk.
    mod conlleval {
        fn ends(before: (&str, &str), tag: (&str, &str)) -> bool {
            let table = [
                ("E", "E"),
                ("E", "I"),
                ("E", "O"),
                ("E", "B"),
                ("E", "S"),
                ("S", "S"),
                ("S", "I"),
                ("S", "O"),
                ("S", "B"),
                ("S", "E"),
                ("B", "B"),
                ("B", "O"),
                ("B", "S"),
                ("I", "B"),
                ("I", "O"),
                ("I", "S"),
            ];
            table.contains(&(before.0, tag.0)) || (before.0 != "O" && before.1 != tag.1)
        }

        fn begins(before: (&str, &str), tag: (&str, &str)) -> bool {
            let table = [
                ("B", "B"),
                ("I", "B"),
                ("O", "B"),
                ("E", "B"),
                ("S", "B"),
                ("O", "I"),
                ("E", "E"),
                ("E", "I"),
                ("O", "E"),
                ("S", "I"),
                ("S", "E"),
                ("B", "S"),
                ("I", "S"),
                ("E", "S"),
                ("O", "S"),
                ("S", "S"),
            ];
            table.contains(&(before.0, tag.0)) || (tag.0 != "O" && before.1 != tag.1)
        }

        fn parts(tag: &str) -> (&str, &str) {
            tag.split_once('-').unwrap_or((tag, ""))
        }

        /// True, found and right chunks.
        pub(super) fn counts(truth: &[Vec<&str>], found: &[Vec<&str>]) -> (usize, usize, usize) {
            let (mut n_truth, mut n_found, mut n_right) = (0, 0, 0);
            let (mut last_truth, mut last_found) = (("O", ""), ("O", ""));
            let mut inside = false;
            for (truth, found) in truth.iter().zip(found) {
                // An empty line stands for "O" behind every sentence.
                let truth = truth.iter().copied().chain(["O"]);
                for (truth, found) in truth.zip(found.iter().copied().chain(["O"])) {
                    let (truth, found) = (parts(truth), parts(found));
                    if inside {
                        let (end_truth, end_found) = (ends(last_truth, truth), ends(last_found, found));
                        if end_truth && end_found && last_truth.1 == last_found.1 {
                            inside = false;
                            n_right += 1;
                        } else if end_truth != end_found || truth.1 != found.1 {
                            inside = false;
                        }
                    }
                    let (start_truth, start_found) = (begins(last_truth, truth), begins(last_found, found));
                    if start_truth && start_found && truth.1 == found.1 {
                        inside = true;
                    }
                    n_truth += usize::from(start_truth);
                    n_found += usize::from(start_found);
                    (last_truth, last_found) = (truth, found);
                }
            }
            (n_truth, n_found, n_right)
        }
    }

    fn random(marks: &[&'static str], state: &mut u64) -> Vec<Vec<&'static str>> {
        let mut next = |below: usize| {
            *state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (*state >> 33) as usize % below
        };
        let sizes: Vec<usize> = (0..6).map(|_| next(9)).collect();
        sizes
            .into_iter()
            .map(|words| (0..words).map(|_| marks[next(marks.len())]).collect())
            .collect()
    }

    #[test]
    fn counts_are_those_of_conlleval_on_any_tags() {
        let bio = ["O", "B-A", "I-A", "B-B", "I-B"];
        let all = ["O", "O", "B-A", "I-A", "E-A", "S-A", "B-B", "I-B", "E-B", "S-B"];
        let mut state = 11;
        for marks in [&bio[..], &all[..]] {
            for _ in 0..3000 {
                let truth = random(marks, &mut state);
                // Mostly right, so that many chunks agree.
                let noise = random(marks, &mut state);
                let found: Vec<Vec<&str>> = truth
                    .iter()
                    .enumerate()
                    .map(|(row, tags)| {
                        let other = |at: usize| noise.get(row).and_then(|tags| tags.get(at)).copied();
                        let tags = tags.iter().enumerate();
                        tags.map(|(at, tag)| if at % 4 == 3 { other(at).unwrap_or(tag) } else { tag })
                            .collect()
                    })
                    .collect();
                let metrics = entities(&truth, &found).unwrap().all;
                let counted = (metrics.truth, metrics.found, metrics.right);
                assert_eq!(counted, conlleval::counts(&truth, &found), "{truth:?} {found:?}");
            }
        }
    }

    #[test]
    fn the_three_schemes_mark_the_same_entities() {
        // Two persons that touch, a place of one word.
        let iob1 = spans(&["I-PER", "I-PER", "B-PER", "O", "I-LOC"]);
        let iob2 = spans(&["B-PER", "I-PER", "B-PER", "O", "B-LOC"]);
        let iobes = spans(&["B-PER", "E-PER", "S-PER", "O", "S-LOC"]);
        assert_eq!(iob1.len(), 3);
        assert_eq!((&iob1, &iob2), (&iob2, &iobes));
    }

    #[test]
    fn a_published_example_has_its_published_values() {
        // conlleval's manual: half of an entity counts for nothing.
        let truth = [vec!["B-NP", "I-NP", "I-NP", "O", "B-VP"]];
        let found = [vec!["B-NP", "I-NP", "B-NP", "O", "B-VP"]];
        let metrics = entities(&truth, &found).unwrap();
        assert!((metrics.accuracy - 0.8).abs() < 1e-12);
        assert!((metrics.all.precision() - 1.0 / 3.0).abs() < 1e-12);
        assert!((metrics.all.recall() - 0.5).abs() < 1e-12);
        assert!((metrics.all.f1() - 0.4).abs() < 1e-12);
        assert!((metrics.by_type["VP"].f1() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn nothing_found_is_zero_and_no_division_by_it() {
        let metrics = entities(&[vec!["O"]], &[vec!["O"]]).unwrap();
        assert_eq!((metrics.all.f1(), metrics.accuracy), (0.0, 1.0));
        assert_eq!(entities(&[], &[]).unwrap(), EntityMetrics::default());
    }

    #[test]
    fn predictions_of_other_words_are_refused() {
        assert!(entities(&[vec!["O"]], &[]).is_err());
        let error = entities(&[vec!["O"], vec!["O", "O"]], &[vec!["O"], vec!["O"]]).unwrap_err();
        assert_eq!(error.to_string(), "sentence 2 has 2 tags but 1 predictions");
    }
}
