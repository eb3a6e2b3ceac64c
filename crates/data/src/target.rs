//! The task, and the target of every sample.

use std::collections::{HashMap, HashSet};
use std::fmt;

use crate::modality::pick;
use crate::tags::TagScheme;
use crate::{Error, Result};
use ranktune_core::digest::FieldHasher;

/// The kind of prediction. [`Task::name`] is its name on the command line and in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Task {
    /// One class per sample.
    Classification,
    /// Any number of labels per sample.
    MultiLabel,
    /// One or more numbers per sample.
    Regression,
    /// One class per word (named-entity recognition).
    Tokens,
}

impl Task {
    /// `classification`, `multilabel`, `regression` or `tokens`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Classification => "classification",
            Self::MultiLabel => "multilabel",
            Self::Regression => "regression",
            Self::Tokens => "tokens",
        }
    }
}

impl fmt::Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The targets of `n` samples.
#[derive(Clone, Debug, PartialEq)]
pub enum DatasetTargets {
    /// `labels[i]` indexes `names`; names are sorted (as numbers where all of them are numbers, else as texts), and all of
    /// them occur unless the data set declares more or is a selection of a larger one.
    Classes {
        /// Class names.
        names: Vec<String>,
        /// `[n]`
        labels: Vec<u32>,
    },
    /// `rows[i]` lists the labels of sample `i`, ascending, without repeats.
    MultiLabel {
        /// Label names.
        names: Vec<String>,
        /// `[n]` lists
        rows: Vec<Vec<u32>>,
    },
    /// Numbers, row-major `[n, names.len()]`, all finite.
    Regression {
        /// Target columns' names.
        names: Vec<String>,
        /// `[n, c]`
        values: Vec<f64>,
    },
    /// `sentences[i][w]`, the tag of word `w` of sentence `i`, indexes `names`, which are as those of classes.
    Tags {
        /// Tags by name.
        names: Vec<String>,
        /// `[n]` lists, one tag per word.
        sentences: Vec<Vec<u32>>,
        /// How the names mark entities.
        scheme: TagScheme,
    },
}

impl DatasetTargets {
    /// Number of samples, `n`; for tagged words the number of sentences.
    pub fn n_samples(&self) -> usize {
        match self {
            Self::Tags { sentences, .. } => sentences.len(),
            Self::Classes { labels, .. } => labels.len(),
            Self::MultiLabel { rows, .. } => rows.len(),
            Self::Regression { names, values } => values.len() / names.len().max(1),
        }
    }

    /// Number of predictions: one per word for tagged words, else one per sample.
    pub fn n_predicted(&self) -> usize {
        match self {
            Self::Tags { sentences, .. } => sentences.iter().map(Vec::len).sum(),
            _ => self.n_samples(),
        }
    }

    /// Number of predictions for sample `i`: the words of a sentence, else 1.
    ///
    /// # Panics
    /// If `i` is not below `n`.
    pub(crate) fn n_predicted_of(&self, i: usize) -> usize {
        match self {
            Self::Tags { sentences, .. } => sentences[i].len(),
            _ => 1,
        }
    }

    /// The labels of sample `i`, as indices into [`names`](Self::names): its class, its labels, or the tags of its words.
    /// Empty for regression.
    ///
    /// # Panics
    /// If `i` is not below `n`.
    pub fn labels_of(&self, i: usize) -> &[u32] {
        match self {
            Self::Classes { labels, .. } => std::slice::from_ref(&labels[i]),
            Self::MultiLabel { rows, .. } => &rows[i],
            Self::Tags { sentences, .. } => &sentences[i],
            Self::Regression { .. } => &[],
        }
    }

    /// Names of the classes, labels, tags or target columns, `c` of them.
    pub fn names(&self) -> &[String] {
        match self {
            Self::Classes { names, .. }
            | Self::MultiLabel { names, .. }
            | Self::Regression { names, .. }
            | Self::Tags { names, .. } => names,
        }
    }

    /// The task that has such targets.
    pub fn task(&self) -> Task {
        match self {
            Self::Classes { .. } => Task::Classification,
            Self::MultiLabel { .. } => Task::MultiLabel,
            Self::Regression { .. } => Task::Regression,
            Self::Tags { .. } => Task::Tokens,
        }
    }

    /// The targets at `indices`; all names are kept.
    ///
    /// # Panics
    /// If an index is not below `n`.
    pub fn select(&self, indices: &[usize]) -> Self {
        match self {
            Self::Classes { names, labels } => Self::Classes {
                names: names.clone(),
                labels: pick(labels, indices),
            },
            Self::MultiLabel { names, rows } => Self::MultiLabel {
                names: names.clone(),
                rows: pick(rows, indices),
            },
            Self::Regression { names, values } => {
                let c = names.len();
                Self::Regression {
                    names: names.clone(),
                    values: indices
                        .iter()
                        .flat_map(|&i| values[i * c..(i + 1) * c].iter().copied())
                        .collect(),
                }
            }
            Self::Tags {
                names,
                sentences,
                scheme,
            } => Self::Tags {
                names: names.clone(),
                sentences: pick(sentences, indices),
                scheme: *scheme,
            },
        }
    }

    /// The same targets with other names: what was name `i` becomes `names[places[i]]`. `names` may hold more names than occur.
    ///
    /// # Panics
    /// If there are fewer places than names, or a place is not below the number of `names`.
    pub fn renamed(&self, names: &[String], places: &[u32]) -> Self {
        let place = |label: &u32| places[*label as usize];
        let names = names.to_vec();
        match self {
            Self::Classes { labels, .. } => Self::Classes {
                names,
                labels: labels.iter().map(place).collect(),
            },
            Self::MultiLabel { rows, .. } => Self::MultiLabel {
                names,
                rows: rows
                    .iter()
                    .map(|row| {
                        let mut row: Vec<u32> = row.iter().map(place).collect();
                        row.sort_unstable();
                        row
                    })
                    .collect(),
            },
            Self::Regression { values, .. } => {
                let mut moved = vec![0.0; values.len() / places.len().max(1) * names.len()];
                for (row, moved) in values
                    .chunks_exact(places.len().max(1))
                    .zip(moved.chunks_exact_mut(names.len().max(1)))
                {
                    for (value, place) in row.iter().zip(places) {
                        moved[*place as usize] = *value;
                    }
                }
                Self::Regression { names, values: moved }
            }
            Self::Tags { sentences, scheme, .. } => Self::Tags {
                names,
                sentences: sentences.iter().map(|tags| tags.iter().map(place).collect()).collect(),
                scheme: *scheme,
            },
        }
    }

    pub(crate) fn hash_into(&self, hasher: &mut FieldHasher) {
        hasher.text(self.task().name());
        hasher.number(self.names().len() as u64);
        for name in self.names() {
            hasher.text(name);
        }
        match self {
            Self::Classes { labels, .. } => labels.iter().for_each(|&label| hasher.number(label.into())),
            Self::MultiLabel { rows, .. } => {
                for row in rows {
                    hasher.number(row.len() as u64);
                    row.iter().for_each(|&label| hasher.number(label.into()));
                }
            }
            Self::Regression { values, .. } => values.iter().for_each(|value| hasher.number(value.to_bits())),
            Self::Tags { sentences, .. } => {
                for tags in sentences {
                    hasher.number(tags.len() as u64);
                    tags.iter().for_each(|&tag| hasher.number(tag.into()));
                }
            }
        }
    }
}

/// The distinct names in the order of [`DatasetTargets::Classes`], and the index of each.
///
/// # Errors
/// `Unsupported` if there are more than 2³².
pub(crate) fn distinct_names<'a>(texts: impl Iterator<Item = &'a str>) -> Result<(Vec<String>, HashMap<&'a str, u32>)> {
    let mut distinct: Vec<&str> = texts.collect::<HashSet<_>>().into_iter().collect();
    let number = |name: &str| name.parse().ok().filter(|number: &f64| number.is_finite());
    if distinct.iter().all(|name| number(name).is_some()) {
        let value = |name: &str| number(name).unwrap_or(0.0);
        distinct.sort_unstable_by(|a, b| value(a).total_cmp(&value(b)).then_with(|| a.cmp(b)));
    } else {
        distinct.sort_unstable();
    }
    if u32::try_from(distinct.len()).is_err() {
        return Err(Error::unsupported(format!(
            "expected fewer than 2^32 classes, found {}",
            distinct.len()
        )));
    }
    let index = distinct.iter().copied().zip(0..).collect();
    Ok((distinct.into_iter().map(str::to_owned).collect(), index))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    /// Two names, `a` and `b`, and three samples for every task.
    fn every_task() -> [DatasetTargets; 4] {
        let names = named(&["a", "b"]);
        [
            DatasetTargets::Classes {
                names: names.clone(),
                labels: vec![1, 0, 1],
            },
            DatasetTargets::MultiLabel {
                names: names.clone(),
                rows: vec![vec![0, 1], vec![], vec![1]],
            },
            DatasetTargets::Regression {
                names: names.clone(),
                values: vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
            },
            DatasetTargets::Tags {
                names,
                sentences: vec![vec![0, 1, 1], vec![0], vec![1, 0]],
                scheme: TagScheme::Plain,
            },
        ]
    }

    #[test]
    fn every_task_selects_samples_with_their_predictions_and_labels() {
        for targets in every_task() {
            let selected = targets.select(&[2, 0]);
            assert_eq!((selected.n_samples(), selected.task()), (2, targets.task()));
            assert_eq!(selected.names(), targets.names());
            for (to, from) in [(0, 2), (1, 0)] {
                assert_eq!(selected.labels_of(to), targets.labels_of(from), "{targets:?}");
                assert_eq!(selected.n_predicted_of(to), targets.n_predicted_of(from), "{targets:?}");
            }
            let each: usize = (0..3).map(|i| targets.n_predicted_of(i)).sum();
            assert_eq!(each, targets.n_predicted(), "{targets:?}");
        }
    }

    #[test]
    fn every_task_keeps_its_labels_names_when_names_move() {
        let names = named(&["b", "new", "a"]);
        for targets in every_task() {
            let renamed = targets.renamed(&names, &[2, 0]);
            assert_eq!(renamed.names(), names);
            let of = |targets: &DatasetTargets, i: usize| -> Vec<String> {
                let labels = targets.labels_of(i).iter();
                let mut found: Vec<String> = labels.map(|label| targets.names()[*label as usize].clone()).collect();
                if targets.task() == Task::MultiLabel {
                    found.sort_unstable();
                }
                found
            };
            for i in 0..3 {
                assert_eq!(of(&renamed, i), of(&targets, i), "{targets:?}");
            }
            assert!(
                targets.task() != Task::MultiLabel || renamed.labels_of(0) == [0, 2],
                "ascending"
            );
        }
        let DatasetTargets::Regression { values, .. } = every_task()[2].renamed(&names, &[2, 0]) else {
            unreachable!()
        };
        assert_eq!(values, [2.0, 0.0, 1.0, 4.0, 0.0, 3.0, 6.0, 0.0, 5.0]);
    }
}
