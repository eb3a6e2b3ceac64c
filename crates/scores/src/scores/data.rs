//! The inputs of scores, checked against each other, and the statistics that all scores share.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use crate::error::{Error, ErrorKind, Result};
use crate::evidence::{self, Compat, Fit, LeftOut};
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
    /// Of disjoint groups that add up to all samples.
    pub(super) groups: Option<&'a [Statistics]>,
    /// Some of the samples, drawn at random, where there are no rows of all.
    draw: Option<(FeatureView<'a>, Targets<'a>)>,
    /// LogME's solution, for the scores that start from it.
    solution: OnceLock<(Compat, Result<Arc<Fit>>)>,
    /// Leave-one-out predictions at LogME's solution.
    left_out: OnceLock<(Compat, Result<Arc<LeftOut>>)>,
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
            groups: None,
            draw: None,
            solution: OnceLock::new(),
            left_out: OnceLock::new(),
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
            groups: None,
            draw: None,
            solution: OnceLock::new(),
            left_out: OnceLock::new(),
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
            groups: None,
            draw: None,
            solution: OnceLock::new(),
            left_out: OnceLock::new(),
        }
    }

    /// Adds the statistics of each class by itself, which replace the rows where a score needs [`Needs::ClassRows`](super::Needs::ClassRows).
    #[must_use]
    pub fn with_classes(mut self, classes: Vec<Statistics>) -> Self {
        self.classes = Some(classes);
        self
    }

    /// The same with statistics of disjoint groups, from which scores of [`Needs::RowsOrGroups`](super::Needs::RowsOrGroups) are
    /// estimated where there are no rows.
    #[must_use]
    pub fn with_groups(mut self, groups: &'a [Statistics]) -> Self {
        self.groups = Some(groups);
        self
    }

    /// The same with rows of some samples, drawn at random: enough for the scores that look at samples one by one, beside the statistics.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] where the numbers of rows differ.
    pub fn with_draw(mut self, features: FeatureView<'a>, targets: Targets<'a>) -> Result<Self> {
        targets.check_rows(features.n_samples())?;
        self.draw = Some((features, targets));
        Ok(self)
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

    /// LogME's solution, found once for all scores that start from it.
    ///
    /// # Errors
    /// As [`evidence::fit_rows`].
    pub fn solution(&self, compat: Compat) -> Result<Arc<Fit>> {
        once(&self.solution, compat, || {
            let statistics = self.statistics()?;
            match self.features.zip(self.targets) {
                Some((features, targets)) => evidence::fit_rows(statistics, &features, &targets, compat),
                None => evidence::fit(statistics, compat),
            }
            .map(Arc::new)
        })
    }

    /// The rows that are left out one by one: all of them, or a draw.
    pub(super) fn left_out_rows(&self, score: &str) -> Result<(FeatureView<'_>, Targets<'_>)> {
        if self.features.is_some() {
            return self.rows(score);
        }
        // Statistics of no more samples than features hold the rows of all.
        if let Some(held) = self.statistics()?.held()? {
            return Ok(held);
        }
        match self.draw {
            Some(draw) => Ok(draw),
            None => self.rows(score),
        }
    }

    /// Leave-one-out predictions at LogME's solution, made once for all scores that read them.
    ///
    /// # Errors
    /// As [`evidence::fit_rows`], and [`ErrorKind::MissingInput`] without rows.
    pub(super) fn left_out(&self, score: &str, compat: Compat) -> Result<Arc<LeftOut>> {
        once(&self.left_out, compat, || {
            let (features, targets) = self.left_out_rows(score)?;
            let fit = self.solution(compat)?;
            LeftOut::new(self.statistics()?, &features, &targets, &fit).map(Arc::new)
        })
    }

    /// What the scores are computed from, where the rows of features are there.
    pub(crate) fn inputs(&self) -> Option<ScoreInputs<'a>> {
        Some(ScoreInputs {
            features: self.features?,
            targets: self.targets?,
            probabilities: self.probabilities,
        })
    }

    /// The targets of all samples, and the source head's probabilities, where they are there.
    pub(crate) fn samples(&self) -> (Option<Targets<'a>>, Option<Probabilities<'a>>) {
        (self.targets, self.probabilities)
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

/// What `make` gives for `compat`, kept for the first variant that is asked for.
fn once<T: Clone>(cell: &OnceLock<(Compat, Result<T>)>, compat: Compat, make: impl Fn() -> Result<T>) -> Result<T> {
    let (found, value) = cell.get_or_init(|| (compat, make()));
    if *found == compat { value.clone() } else { make() }
}
