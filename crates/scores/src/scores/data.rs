//! The inputs of scores, checked against each other, and the statistics that all scores share.

use std::borrow::Cow;
use std::sync::OnceLock;

use crate::error::{Error, ErrorKind, Result};
use crate::features::FeatureView;
use crate::probabilities::Probabilities;
use crate::statistics::Statistics;
use crate::targets::Targets;

/// What a score is computed from.
///
/// # Shapes
/// features `[n, d]`; targets `[n]` classes or `[n, c]` numbers; probabilities `[n, z]`.
#[derive(Clone, Copy, Debug)]
pub struct ScoreInputs<'a> {
    /// Frozen features of the samples.
    pub features: FeatureView<'a>,
    /// The targets to predict.
    pub targets: Targets<'a>,
    /// The predictions of the model's own head, for LEEP and NCE.
    pub probabilities: Option<Probabilities<'a>>,
}

/// Inputs that have been checked against each other. Statistics are computed on first use.
#[derive(Debug)]
pub struct ScoreData<'a> {
    pub(super) features: Option<FeatureView<'a>>,
    targets: Option<Targets<'a>>,
    probabilities: Option<Probabilities<'a>>,
    statistics: OnceLock<Cow<'a, Statistics>>,
    /// The statistics of each class by itself; those without samples are ignored.
    pub(super) classes: Option<Vec<Statistics>>,
}

impl<'a> ScoreData<'a> {
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

    /// Statistics without rows: enough for scores that need [`Needs::Statistics`](super::Needs::Statistics) or
    /// [`Needs::ClassStatistics`](super::Needs::ClassStatistics).
    pub fn from_statistics(statistics: impl Into<Cow<'a, Statistics>>) -> Self {
        Self {
            features: None,
            targets: None,
            probabilities: None,
            statistics: OnceLock::from(statistics.into()),
            classes: None,
        }
    }

    /// Statistics with targets and probabilities, but without features: enough for every score except those of
    /// [`Needs::ClassRows`](super::Needs::ClassRows).
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

    /// Adds the statistics of each class by itself, which replace the rows where a score needs [`Needs::ClassRows`](super::Needs::ClassRows).
    #[must_use]
    pub fn with_classes(mut self, classes: Vec<Statistics>) -> Self {
        self.classes = Some(classes);
        self
    }

    /// The statistics, computed on first use.
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

    pub(super) fn rows(&self, score: &str) -> Result<(FeatureView<'a>, Targets<'a>)> {
        self.features.zip(self.targets).ok_or_else(|| {
            Error::new(
                ErrorKind::MissingInput,
                format!("{score} needs the rows of features, got statistics only"),
            )
        })
    }

    pub(super) fn probabilities_for(&self, score: &str) -> Result<(Probabilities<'a>, &'a [u32])> {
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
