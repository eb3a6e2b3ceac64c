//! What is to be predicted: the task, and every sample's target.

use std::fmt;

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
    /// `labels[i]` indexes `names`; names are sorted, and all of them occur unless the data set declares more.
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
}

impl Targets {
    /// Number of samples, `n`.
    pub fn n_samples(&self) -> usize {
        match self {
            Self::Classes { labels, .. } => labels.len(),
            Self::MultiLabel { rows, .. } => rows.len(),
            Self::Regression { names, values } => values.len() / names.len().max(1),
        }
    }

    /// Names of the classes, labels or target columns, `c` of them.
    pub fn names(&self) -> &[String] {
        match self {
            Self::Classes { names, .. } | Self::MultiLabel { names, .. } | Self::Regression { names, .. } => names,
        }
    }

    /// The task these targets are of.
    pub fn task(&self) -> Task {
        match self {
            Self::Classes { .. } => Task::Classification,
            Self::MultiLabel { .. } => Task::MultiLabel,
            Self::Regression { .. } => Task::Regression,
        }
    }
}
