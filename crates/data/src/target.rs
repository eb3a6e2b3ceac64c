//! What is to be predicted: the task, and every sample's target.

use std::collections::{HashMap, HashSet};
use std::fmt;

use crate::dataset::pick;
use crate::tags::TagScheme;
use crate::{Error, Result};
use ranktune_core::digest::FieldHasher;

/// The kind of prediction. Its names on the command line and in JSON are those of [`Task::name`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Task {
    /// One class a sample.
    Classification,
    /// Any number of labels a sample.
    MultiLabel,
    /// One or more numbers a sample.
    Regression,
    /// One class a token (named-entity recognition).
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
pub enum Targets {
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
        /// `[n]` lists, one tag a word.
        sentences: Vec<Vec<u32>>,
        /// How the names mark entities.
        scheme: TagScheme,
    },
}

impl Targets {
    /// Number of inputs they are for, `n`; of sentences where the samples are words.
    pub fn n_samples(&self) -> usize {
        match self {
            Self::Tags { sentences, .. } => sentences.len(),
            Self::Classes { labels, .. } => labels.len(),
            Self::MultiLabel { rows, .. } => rows.len(),
            Self::Regression { names, values } => values.len() / names.len().max(1),
        }
    }

    /// Number of things that are predicted: words where they are tagged, else samples.
    pub fn n_predicted(&self) -> usize {
        match self {
            Self::Tags { sentences, .. } => sentences.iter().map(Vec::len).sum(),
            _ => self.n_samples(),
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

    /// The task these targets are of.
    pub fn task(&self) -> Task {
        match self {
            Self::Classes { .. } => Task::Classification,
            Self::MultiLabel { .. } => Task::MultiLabel,
            Self::Regression { .. } => Task::Regression,
            Self::Tags { .. } => Task::Tokens,
        }
    }

    /// The targets at `indices`; names stay.
    ///
    /// # Panics
    /// When an index is not below `n`.
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

/// The different names in the order that [`Targets::Classes`] has them, and the place of each.
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
            "{} classes are more than this program handles",
            distinct.len()
        )));
    }
    let index = distinct.iter().copied().zip(0..).collect();
    Ok((distinct.into_iter().map(str::to_owned).collect(), index))
}
