//! All scores by name. A new score is one file here and one line in [`SCORES`].
//!
//! A score is a function of [`ScoreData`]: features, targets, the source head's probabilities if there are any, and the
//! second-moment statistics, which are computed once for all scores that need them. An entry of the list holds everything that
//! callers need to know about a score: its name, its source, its inputs, whether a ranking shows it by default, and how its
//! standard error is computed. No code compares scores by name.

pub mod company;
mod data;
mod discriminant;
mod draw;
mod gbc;
mod h_score;
mod knn;
mod leep;
mod logme;
mod loo_accuracy;
mod loo_log_likelihood;
mod mixture;
mod n_leep;
mod nce;
mod outcome;
mod pactran;
mod parc;
mod principal;
mod quality;
mod scatter;
mod sfda;
mod shrinkage_h_score;
mod special;
mod transrate;

use ranktune_core::names::nearest_name;

use crate::error::{Error, ErrorKind, Result};
use crate::evidence::Compat;

pub use data::{ScoreData, ScoreInputs};
pub use outcome::ScoreOutcome;

/// Every score, in the order in which they are listed for users.
pub static SCORES: &[Score] = &[
    logme::SCORE,
    leep::SCORE,
    nce::SCORE,
    h_score::SCORE,
    shrinkage_h_score::SCORE,
    transrate::SCORE,
    loo_accuracy::SCORE,
    loo_log_likelihood::SCORE,
    knn::SCORE,
    n_leep::SCORE,
    pactran::SCORE,
    gbc::SCORE,
    parc::SCORE,
    sfda::SCORE,
];

/// The name of LogME, by which models are ranked and teachers weighted where no other score is asked for.
pub const LOGME: &str = logme::SCORE.name;

/// What a score needs beyond features and targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Needs {
    /// The mergeable second-moment statistics, and nothing else: any kind of target.
    Statistics,
    /// The statistics, and one class per sample.
    ClassStatistics,
    /// The rows of features, or the statistics of every class ([`ScoreData::with_classes`]), and one class per sample.
    ClassRows,
    /// The source head's probabilities, and one class per sample.
    Probabilities,
    /// The rows of features: any kind of target.
    Rows,
    /// The rows of features, or, for an estimate, the statistics of disjoint groups ([`ScoreData::with_groups`]): any kind of target.
    RowsOrGroups,
    /// The rows of features, and one class or several labels a sample.
    LabelRows,
    /// The rows of features, and one class a sample. Statistics of the classes are not enough.
    ClassSamples,
}

impl Needs {
    /// Whether targets may be columns of numbers: several labels a sample, or values of a regression.
    pub fn allows_columns(self) -> bool {
        matches!(
            self,
            Self::Statistics | Self::Rows | Self::RowsOrGroups | Self::LabelRows
        )
    }

    /// Whether columns of numbers must be labels, 0 or 1.
    pub fn is_of_labels(self) -> bool {
        self == Self::LabelRows
    }

    /// Whether there is no value without the rows of features or the statistics of every class.
    pub fn is_of_rows(self) -> bool {
        matches!(
            self,
            Self::ClassRows | Self::Rows | Self::LabelRows | Self::ClassSamples
        )
    }

    /// Whether the value is best found from the rows of features.
    pub fn prefers_rows(self) -> bool {
        self.is_of_rows() || self == Self::RowsOrGroups
    }
}

/// Whether a ranking computes a score when the user has named none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DefaultUse {
    /// For every task.
    EveryTask,
    /// Where targets are classes.
    Classes,
    /// Only where the user names it.
    OnRequest,
}

/// How a score is recomputed without a group of samples, for its standard error (delete-a-group jackknife).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Replicates {
    /// By computing the score again.
    Recompute,
    /// From the evidence at the optimum of all samples, which costs a few Cholesky factors a group.
    EvidenceAtOptimum,
    /// As the mean of what the other samples contribute ([`ScoreOutcome::samples`]), which costs nothing; by computing the score again
    /// where it is no such mean.
    SampleMeans,
}

/// One transferability score.
#[derive(Debug)]
#[non_exhaustive]
pub struct Score {
    /// The name on the command line and in JSON.
    pub name: &'static str,
    /// A description in one line.
    pub summary: &'static str,
    /// Where it was published: authors, title, venue and year.
    pub source: &'static str,
    /// The inputs it needs.
    pub needs: Needs,
    /// Whether a ranking computes it by default.
    pub default_use: DefaultUse,
    /// Whether a ranking shows its standard error even where another score orders the models.
    pub always_with_error: bool,
    /// Whether its outcome bounds its rounding error ([`ScoreOutcome::error_bound`]), as products in f32 require.
    pub bounds_error: bool,
    /// How its standard error is computed.
    pub replicates: Replicates,
    /// Computes it.
    run: fn(&ScoreData<'_>, &ScoreOptions) -> Result<ScoreOutcome>,
}

/// Settings of the scores.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ScoreOptions {
    /// Which LogME; default [`Compat::Exact`].
    pub compat: Compat,
    /// TransRate's distortion ε; default 1e-4, as in its authors' code.
    pub transrate_epsilon: f64,
}

impl Default for ScoreOptions {
    fn default() -> Self {
        Self {
            compat: Compat::Exact,
            transrate_epsilon: 1e-4,
        }
    }
}

impl Score {
    /// Whether the score can be computed from statistics, without the rows of features.
    pub fn is_of_statistics(&self) -> bool {
        matches!(self.needs, Needs::Statistics | Needs::ClassStatistics)
    }

    /// Computes the score.
    ///
    /// # Errors
    /// [`ErrorKind::MissingInput`] where an input that it [`needs`](Score::needs) is missing,
    /// [`ErrorKind::TooFewClasses`] where it compares classes and fewer than two occur, and what the score itself documents.
    pub fn compute(&self, data: &ScoreData<'_>, options: &ScoreOptions) -> Result<ScoreOutcome> {
        let outcome = (self.run)(data, options)?;
        if outcome.value.is_finite() {
            Ok(outcome)
        } else {
            Err(Error::new(
                ErrorKind::NonFinite,
                format!(
                    "{} is {} for these inputs; check the features' scale",
                    self.name, outcome.value
                ),
            ))
        }
    }
}

/// The score called `name`.
///
/// # Errors
/// [`ErrorKind::UnknownName`], with the nearest known name.
pub fn find(name: &str) -> Result<&'static Score> {
    SCORES.iter().find(|score| score.name == name).ok_or_else(|| {
        let names = || SCORES.iter().map(|score| score.name);
        let advice = match nearest_name(name, names()) {
            Some(nearest) => format!("did you mean {nearest:?}?"),
            None => format!("known scores are {}", names().collect::<Vec<_>>().join(", ")),
        };
        Error::new(ErrorKind::UnknownName, format!("unknown score {name:?}; {advice}"))
    })
}

/// All scores of `names`, in their order; one that fails does not stop the others.
///
/// # Errors
/// [`ErrorKind::Shape`] where the inputs do not fit together, [`ErrorKind::UnknownName`] where a name is not known.
///
/// # Examples
/// ```
/// use ranktune_scores::{FeatureView, ScoreInputs, ScoreOptions, Targets, score_all};
/// let inputs = ScoreInputs {
///     features: FeatureView::new(&[1.0, 0.1, 0.9, -0.2, -1.1, 0.3, -0.8, 0.1], 4, 2)?,
///     targets: Targets::classes(&[0, 0, 1, 1], 2)?,
///     probabilities: None,
/// };
/// let scores = score_all(&inputs, &["logme", "leep"], &ScoreOptions::default())?;
/// assert!(scores[0].1.is_ok());
/// assert!(scores[1].1.is_err()); // LEEP needs probabilities
/// # Ok::<(), ranktune_scores::Error>(())
/// ```
pub fn score_all(
    inputs: &ScoreInputs<'_>,
    names: &[&str],
    options: &ScoreOptions,
) -> Result<Vec<(&'static str, Result<ScoreOutcome>)>> {
    let scores = names.iter().map(|name| find(name)).collect::<Result<Vec<_>>>()?;
    let data = ScoreData::new(inputs)?;
    Ok(scores
        .iter()
        .map(|score| (score.name, score.compute(&data, options)))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_name_suggests_the_nearest_score() {
        let error = find("log-me").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnknownName);
        assert!(error.to_string().contains("did you mean \"logme\"?"), "{error}");
        assert!(
            find("xyz")
                .unwrap_err()
                .to_string()
                .contains("known scores are logme, leep")
        );
    }
}
