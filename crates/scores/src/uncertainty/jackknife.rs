//! The delete-a-group jackknife: the standard error of any score, from the score without each of J groups.
//!
//! ```text
//! θ_(g)   the score without group g,    θ̄ = (1/J) Σ_g θ_(g)
//! standard error = √( (J − 1)/J · Σ_g (θ_(g) − θ̄)² )
//! ```
//!
//! Scores of second moments are computed from the statistics minus those of the group; memory is one more `G` whatever J is.
//! LogME at n > d is cheaper still: see [`super::logme`]. A score that is a mean over samples (`loo-accuracy`) is averaged over
//! the remaining samples. Everything else (n ≤ d, TransRate, LEEP, NCE) is computed again from the remaining rows.

use crate::error::{Error, ErrorKind, Result};
use crate::evidence::Compat;
use crate::features::FeatureView;
use crate::probabilities::Probabilities;
use crate::scores::{self, Needs, Replicates, Score, ScoreData, ScoreInputs, ScoreOptions, ScoreOutcome};
use crate::statistics::Statistics;
use crate::targets::Targets;

/// A score, the score without each group, and the standard error that follows.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Jackknife {
    /// The score of all samples.
    pub value: f64,
    /// The score without group g, `[J]`.
    pub replicates: Vec<f64>,
    /// The standard error of `value`, in the same unit.
    pub standard_error: f64,
}

impl Jackknife {
    /// From a score and its replicates, of which there must be at least two.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] with fewer than two replicates.
    pub fn new(value: f64, replicates: Vec<f64>) -> Result<Self> {
        if replicates.len() < 2 {
            return Err(Error::new(
                ErrorKind::Shape,
                format!("a jackknife needs at least 2 groups, got {}", replicates.len()),
            ));
        }
        let groups = replicates.len() as f64;
        let mean = replicates.iter().sum::<f64>() / groups;
        let squares: f64 = replicates.iter().map(|replicate| (replicate - mean).powi(2)).sum();
        Ok(Self {
            value,
            standard_error: ((groups - 1.0) / groups * squares).sqrt(),
            replicates,
        })
    }
}

/// The jackknife of the score called `name`; `groups` `[n]` is from [`super::groups::assign`].
///
/// # Errors
/// [`ErrorKind::UnknownName`]; [`ErrorKind::Shape`] where there is no group for every sample or fewer than two groups; and
/// whatever the score reports of all samples, or of the samples without one group.
pub fn jackknife(inputs: &ScoreInputs<'_>, name: &str, options: &ScoreOptions, groups: &[usize]) -> Result<Jackknife> {
    let score = scores::find(name)?;
    let data = ScoreData::new(inputs)?;
    let outcome = score.compute(&data, options)?;
    jackknife_of(&data, score, &outcome, options, groups)
}

/// The jackknife of `score`, of which `outcome` is the value for `data`. Statistics and fits that the value took are not computed again.
///
/// # Errors
/// As [`jackknife`], and [`ErrorKind::MissingInput`] where `data` holds no rows.
pub fn jackknife_of(
    data: &ScoreData<'_>,
    score: &Score,
    outcome: &ScoreOutcome,
    options: &ScoreOptions,
    groups: &[usize],
) -> Result<Jackknife> {
    let inputs = data.inputs().ok_or_else(|| {
        Error::new(
            ErrorKind::MissingInput,
            format!("the standard error of {} needs the rows of features", score.name),
        )
    })?;
    let inputs = &inputs;
    let members = members(groups, inputs.features.n_samples())?;
    let from_statistics = matches!(score.needs, Needs::Statistics | Needs::ClassStatistics);
    if from_statistics && score.replicates == Replicates::EvidenceAtOptimum && options.compat == Compat::Exact {
        let statistics = data.statistics()?;
        let mut left = |group: usize| without(statistics, inputs, &members[group]);
        let fit = data.solution(options.compat)?;
        if let Some(replicates) = super::logme::replicates(&fit, members.len(), &mut left)? {
            return Jackknife::new(outcome.value, replicates);
        }
    }
    if let (Replicates::SampleMeans, Some(samples)) = (score.replicates, &outcome.samples) {
        return Jackknife::new(outcome.value, means_without(samples, &members));
    }
    let replicates = (0..members.len())
        .map(|group| {
            if from_statistics
                && let Some(left) = without(data.statistics()?, inputs, &members[group])?
                && let Ok(outcome) = score.compute(&ScoreData::from_statistics(left), options)
            {
                return Ok(outcome.value);
            }
            from_rows(inputs, score, options, groups, group)
        })
        .collect::<Result<Vec<_>>>()?;
    Jackknife::new(outcome.value, replicates)
}

/// The samples of every group.
///
/// # Errors
/// [`ErrorKind::Shape`] where there is no group for every sample, [`ErrorKind::OutOfRange`] where a number is left out.
fn members(groups: &[usize], n: usize) -> Result<Vec<Vec<usize>>> {
    if groups.len() != n {
        return Err(Error::new(
            ErrorKind::Shape,
            format!("features have {n} rows but groups have {}", groups.len()),
        ));
    }
    let n_groups = groups
        .iter()
        .copied()
        .max()
        .map_or(0, |largest| largest.saturating_add(1));
    if n_groups > n {
        return Err(Error::new(
            ErrorKind::OutOfRange,
            format!(
                "groups must be numbered without gaps, got group {} of {n} samples",
                n_groups - 1
            ),
        ));
    }
    let mut members = vec![Vec::new(); n_groups];
    for (row, &group) in groups.iter().enumerate() {
        members[group].push(row);
    }
    if let Some(empty) = members.iter().position(Vec::is_empty) {
        return Err(Error::new(
            ErrorKind::OutOfRange,
            format!("groups must be numbered without gaps, but group {empty} of {n_groups} has no samples"),
        ));
    }
    Ok(members)
}

/// The mean over the samples of all other groups, for every group.
fn means_without(samples: &[f64], members: &[Vec<usize>]) -> Vec<f64> {
    let sum: f64 = samples.iter().sum();
    members
        .iter()
        .map(|rows| {
            let own: f64 = rows.iter().map(|&row| samples[row]).sum();
            (sum - own) / (samples.len() - rows.len()).max(1) as f64
        })
        .collect()
}

/// `statistics` less those of `rows`, where more samples than features are left.
fn without(statistics: &Statistics, inputs: &ScoreInputs<'_>, rows: &[usize]) -> Result<Option<Statistics>> {
    if statistics.is_dual() || statistics.n_samples() - rows.len() <= statistics.n_features() {
        return Ok(None);
    }
    let taken = Rows::of(inputs, rows);
    let (features, targets, _) = taken.view(inputs)?;
    let mut left = statistics.clone();
    left.subtract(&Statistics::of(&features, &targets)?)?;
    Ok(Some(left))
}

fn from_rows(
    inputs: &ScoreInputs<'_>,
    score: &Score,
    options: &ScoreOptions,
    groups: &[usize],
    group: usize,
) -> Result<f64> {
    let rows: Vec<usize> = (0..groups.len()).filter(|&row| groups[row] != group).collect();
    let left = Rows::of(inputs, &rows);
    let (features, targets, probabilities) = left.view(inputs)?;
    let prepared = ScoreData::new(&ScoreInputs {
        features,
        targets,
        probabilities,
    })?;
    Ok(score.compute(&prepared, options)?.value)
}

/// Some rows of the inputs, copied together.
struct Rows {
    n: usize,
    features: Vec<f32>,
    labels: Vec<u32>,
    values: Vec<f64>,
    probabilities: Vec<f32>,
}

impl Rows {
    fn of(inputs: &ScoreInputs<'_>, rows: &[usize]) -> Self {
        let c = inputs.targets.n_columns();
        Self {
            n: rows.len(),
            features: inputs.features.gather(rows),
            labels: inputs
                .targets
                .labels()
                .map_or_else(Vec::new, |labels| rows.iter().map(|&row| labels[row]).collect()),
            values: inputs.targets.values().map_or_else(Vec::new, |values| {
                rows.iter()
                    .flat_map(|&row| values[row * c..(row + 1) * c].iter().copied())
                    .collect()
            }),
            probabilities: inputs
                .probabilities
                .map_or_else(Vec::new, |probabilities| probabilities.gather(rows)),
        }
    }

    fn view(&self, like: &ScoreInputs<'_>) -> Result<(FeatureView<'_>, Targets<'_>, Option<Probabilities<'_>>)> {
        let features = FeatureView::new(&self.features, self.n, like.features.n_features())?;
        let c = like.targets.n_columns();
        let targets = if like.targets.labels().is_some() {
            Targets::classes(&self.labels, c)?
        } else {
            Targets::columns(&self.values, c)?
        };
        let probabilities = like
            .probabilities
            .map(|probabilities| Probabilities::new(&self.probabilities, probabilities.n_sources()))
            .transpose()?;
        Ok((features, targets, probabilities))
    }
}
