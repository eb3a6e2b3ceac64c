//! All scores by name. A new score is one file here and one line in [`SCORES`].
//!
//! A score is a function of [`Prepared`] inputs: features, targets, the source head's probabilities if there are any, and the
//! second-moment statistics, which are made once and shared by all scores that ask for them.

mod h_score;
mod leep;
mod logme;
mod nce;
mod scatter;
mod shrinkage_h_score;
mod transrate;

use std::borrow::Cow;
use std::sync::OnceLock;

use crate::error::{Error, ErrorKind, Result};
use crate::evidence::{Compat, Evidence};
use crate::features::FeatureView;
use crate::probabilities::Probabilities;
use crate::statistics::Statistics;
use crate::targets::Targets;
use ranktune_core::names::nearest_name;

/// Every score, in the order in which they are listed for users.
pub static SCORES: &[Score] = &[
    logme::SCORE,
    leep::SCORE,
    nce::SCORE,
    h_score::SCORE,
    shrinkage_h_score::SCORE,
    transrate::SCORE,
];

/// What a score needs beyond features and targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Needs {
    /// The mergeable second-moment statistics, and nothing else: any kind of target.
    Statistics,
    /// The statistics, and one class a sample.
    ClassStatistics,
    /// The rows of features, or the statistics of every class ([`Prepared::with_classes`]), and one class a sample.
    ClassRows,
    /// The source head's probabilities, and one class a sample.
    Probabilities,
}

/// One transferability score.
#[derive(Debug)]
#[non_exhaustive]
pub struct Score {
    /// Its name on the command line and in JSON.
    pub name: &'static str,
    /// What it is, in a line.
    pub summary: &'static str,
    /// What it needs.
    pub needs: Needs,
    /// Computes it.
    run: fn(&Prepared<'_>, &ScoreOptions) -> Result<ScoreOutcome>,
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

/// What a score is computed from.
///
/// # Shapes
/// features `[n, d]`; targets `[n]` classes or `[n, c]` numbers; probabilities `[n, z]`.
#[derive(Clone, Copy, Debug)]
pub struct ScoreInputs<'a> {
    /// Frozen features of the samples.
    pub features: FeatureView<'a>,
    /// What is to be predicted.
    pub targets: Targets<'a>,
    /// What the model's own head predicts, for LEEP and NCE.
    pub probabilities: Option<Probabilities<'a>>,
}

/// A score's value, and for LogME what it is made of.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ScoreOutcome {
    /// The score; higher is better.
    pub value: f64,
    /// LogME's columns.
    pub evidence: Option<Evidence>,
    /// A first-order bound of the error of LogME's value.
    pub error_bound: Option<f64>,
}

impl ScoreOutcome {
    fn of(value: f64) -> Self {
        Self {
            value,
            evidence: None,
            error_bound: None,
        }
    }
}

/// Inputs that have been checked against each other, with statistics made on first use.
#[derive(Debug)]
pub struct Prepared<'a> {
    features: Option<FeatureView<'a>>,
    targets: Option<Targets<'a>>,
    probabilities: Option<Probabilities<'a>>,
    statistics: OnceLock<Cow<'a, Statistics>>,
    /// Of every class by itself; those without samples count for nothing.
    classes: Option<Vec<Statistics>>,
}

impl<'a> Prepared<'a> {
    /// Checks that there is a target, and a row of probabilities, for every row of features.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] where the numbers of rows differ.
    pub fn new(inputs: &ScoreInputs<'a>) -> Result<Self> {
        let n = inputs.features.n_samples();
        inputs.targets.check_rows(n)?;
        if let Some(probabilities) = inputs.probabilities
            && probabilities.n_samples() != n
        {
            return Err(Error::new(
                ErrorKind::Shape,
                format!(
                    "features have {n} rows but probabilities have {}",
                    probabilities.n_samples()
                ),
            ));
        }
        Ok(Self {
            features: Some(inputs.features),
            targets: Some(inputs.targets),
            probabilities: inputs.probabilities,
            statistics: OnceLock::new(),
            classes: None,
        })
    }

    /// Inputs of which only the statistics are known: enough for scores that need [`Needs::Statistics`] or
    /// [`Needs::ClassStatistics`].
    pub fn from_statistics(statistics: impl Into<Cow<'a, Statistics>>) -> Self {
        Self {
            features: None,
            targets: None,
            probabilities: None,
            statistics: OnceLock::from(statistics.into()),
            classes: None,
        }
    }

    /// Statistics of samples whose features are not at hand, with their targets and probabilities: enough for every score but those of
    /// [`Needs::ClassRows`].
    pub fn streamed(
        statistics: impl Into<Cow<'a, Statistics>>,
        targets: Targets<'a>,
        probabilities: Option<Probabilities<'a>>,
    ) -> Self {
        Self {
            features: None,
            targets: Some(targets),
            probabilities,
            statistics: OnceLock::from(statistics.into()),
            classes: None,
        }
    }

    /// The same with statistics of every class by itself, which stand for the rows where a score needs [`Needs::ClassRows`].
    #[must_use]
    pub fn with_classes(mut self, classes: Vec<Statistics>) -> Self {
        self.classes = Some(classes);
        self
    }

    /// The statistics, made now if this is the first to ask.
    ///
    /// # Errors
    /// As [`Statistics::of`].
    pub fn statistics(&self) -> Result<&Statistics> {
        if let Some(statistics) = self.statistics.get() {
            return Ok(statistics);
        }
        let (features, targets) = self.rows("these statistics")?;
        let made = Statistics::of(&features, &targets)?;
        Ok(self.statistics.get_or_init(|| Cow::Owned(made)))
    }

    fn rows(&self, score: &str) -> Result<(FeatureView<'a>, Targets<'a>)> {
        self.features.zip(self.targets).ok_or_else(|| {
            Error::new(
                ErrorKind::MissingInput,
                format!("{score} needs the rows of features, got statistics only"),
            )
        })
    }

    fn probabilities_for(&self, score: &str) -> Result<(Probabilities<'a>, &'a [u32])> {
        let probabilities = self.probabilities.ok_or_else(|| {
            Error::new(
                ErrorKind::MissingInput,
                format!(
                    "{score} needs the source head's probabilities, and there are none; give them, or leave {score} out"
                ),
            )
        })?;
        let targets = self.targets.ok_or_else(|| {
            Error::new(
                ErrorKind::MissingInput,
                format!("{score} needs the label of every sample, got statistics only"),
            )
        })?;
        Ok((probabilities, targets.labels_for(score)?))
    }
}

impl Score {
    /// Computes the score.
    ///
    /// # Errors
    /// [`ErrorKind::MissingInput`] where an input that it [`needs`](Score::needs) is missing,
    /// [`ErrorKind::TooFewClasses`] where it compares classes and fewer than two occur, and what the score itself documents.
    pub fn compute(&self, prepared: &Prepared<'_>, options: &ScoreOptions) -> Result<ScoreOutcome> {
        let outcome = (self.run)(prepared, options)?;
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
    let prepared = Prepared::new(inputs)?;
    Ok(scores
        .iter()
        .map(|score| (score.name, score.compute(&prepared, options)))
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
