//! Scores and their jackknife from one pass over the rows: the statistics of J groups, which add up to those of all samples.
//!
//! ```text
//! rows ──► S_1 … S_J        S = Σ_g S_g,    S without group g = S − S_g  (where more samples than features are left),  else  Σ_{h≠g} S_h
//! ```
//!
//! Every row is read once and enters one symmetric product. The price is one triangle of `G` per group: about `J · d² · 4` bytes, 184 MB
//! for ten groups of 2,048 features. The rows of a group are buffered until there are enough for an efficient product; a single
//! group takes them at once.
//! The scores of the groups are those of [`GroupedScores`](super::GroupedScores).

use std::borrow::Cow;

use super::{Jackknife, logme};
use crate::error::{Error, ErrorKind, Result};
use crate::evidence::Compat;
use crate::features::FeatureView;
use crate::scores::{self, Needs, Replicates, Score, ScoreData, ScoreOptions};
use crate::statistics::Statistics;
use crate::statistics::strips::Wide;
use crate::targets::Targets;

/// Rows of a group that are buffered before they are added.
const WAITING: usize = 256;

#[derive(Clone, Debug, Default)]
struct Waiting {
    rows: Vec<f32>,
    labels: Vec<u32>,
    values: Vec<f64>,
}

/// Statistics of disjoint groups, filled from batches of rows.
#[derive(Clone, Debug)]
pub struct Grouped {
    groups: Vec<Statistics>,
    waiting: Vec<Waiting>,
    buffer: Wide,
}

impl Grouped {
    /// `n_groups` copies of `empty`.
    pub fn new(empty: &Statistics, n_groups: usize) -> Self {
        Self {
            groups: vec![empty.clone(); n_groups],
            waiting: vec![Waiting::default(); n_groups],
            buffer: Wide::default(),
        }
    }

    /// Adds samples: features `[n, d]`, targets `[n]` or `[n, c]`, and the group of each `[n]`.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] where sizes differ or targets are of another kind than before, [`ErrorKind::OutOfRange`] for a group
    /// that does not exist.
    pub fn update(&mut self, features: &FeatureView<'_>, targets: &Targets<'_>, groups: &[usize]) -> Result<()> {
        let n = features.n_samples();
        if groups.len() != n || targets.n_samples() != n {
            let text = format!(
                "features have {n} rows but targets have {} and groups {}",
                targets.n_samples(),
                groups.len()
            );
            return Err(Error::new(ErrorKind::Shape, text));
        }
        if let Some(group) = groups.iter().find(|&&group| group >= self.groups.len()) {
            let text = format!("groups are numbered below {}, got {group}", self.groups.len());
            return Err(Error::new(ErrorKind::OutOfRange, text));
        }
        if let Some(first) = self.groups.first() {
            first.check_like(features.n_features(), targets.labels().is_some(), targets.n_columns())?;
        }
        if let [only] = self.groups.as_mut_slice() {
            return only.update(features, targets);
        }
        let (d, c) = (features.n_features(), targets.n_columns());
        for (row, &group) in groups.iter().enumerate() {
            let waiting = &mut self.waiting[group];
            waiting.rows.extend_from_slice(features.row(row));
            if let Some(labels) = targets.labels() {
                waiting.labels.push(labels[row]);
            }
            if let Some(values) = targets.values() {
                waiting.values.extend_from_slice(&values[row * c..(row + 1) * c]);
            }
            if waiting.rows.len() >= WAITING * d {
                self.add_waiting(group)?;
            }
        }
        Ok(())
    }

    fn add_waiting(&mut self, group: usize) -> Result<()> {
        let (waiting, statistics) = (&mut self.waiting[group], &mut self.groups[group]);
        if waiting.rows.is_empty() {
            return Ok(());
        }
        let (d, c) = (statistics.n_features(), statistics.n_columns());
        let features = FeatureView::new(&waiting.rows, waiting.rows.len() / d, d)?;
        let targets = if statistics.is_classes() {
            Targets::classes(&waiting.labels, c)?
        } else {
            Targets::columns(&waiting.values, c)?
        };
        statistics.swap_buffer(&mut self.buffer);
        let added = statistics.update(&features, &targets);
        statistics.swap_buffer(&mut self.buffer);
        added?;
        waiting.rows.clear();
        waiting.labels.clear();
        waiting.values.clear();
        Ok(())
    }

    /// The statistics of every group so far.
    ///
    /// # Errors
    /// As [`Grouped::update`].
    pub fn groups(&mut self) -> Result<&[Statistics]> {
        for group in 0..self.groups.len() {
            self.add_waiting(group)?;
        }
        Ok(&self.groups)
    }

    /// The statistics of every group.
    ///
    /// # Errors
    /// As [`Grouped::update`].
    pub fn into_groups(mut self) -> Result<Vec<Statistics>> {
        self.groups()?;
        Ok(self.groups)
    }
}

/// The statistics of all groups together; those of a single group are not copied.
///
/// # Errors
/// [`ErrorKind::Shape`] without groups, or where they do not fit together.
pub fn total(groups: &[Statistics]) -> Result<Cow<'_, Statistics>> {
    match groups {
        [one] => Ok(Cow::Borrowed(one)),
        _ => sum(groups, None).map(Cow::Owned),
    }
}

fn sum(groups: &[Statistics], without: Option<usize>) -> Result<Statistics> {
    let mut parts = (0..groups.len()).filter(|&group| Some(group) != without);
    let first = parts
        .next()
        .ok_or_else(|| Error::new(ErrorKind::Shape, "there are no groups, expected at least one"))?;
    // Groups of few samples hold rows, and a sum that holds sums takes them in.
    let mut sum = groups[first].clone();
    for group in parts {
        sum.merge(&groups[group])?;
    }
    Ok(sum)
}

/// The jackknife of the score called `name` from the statistics of the groups and their [`total`]. Groups without samples do not count.
///
/// # Errors
/// [`ErrorKind::UnknownName`]; [`ErrorKind::MissingInput`] for a score that needs more than statistics; and what the score reports of all
/// samples, or of those without one group.
pub fn jackknife_of_groups(
    total: &Statistics,
    groups: &[Statistics],
    name: &str,
    options: &ScoreOptions,
) -> Result<Jackknife> {
    of_data(&ScoreData::from_statistics(total), groups, scores::find(name)?, options)
}

/// The same from data that hold the total; LogME's solution for them is not computed again.
pub(super) fn of_data(
    data: &ScoreData<'_>,
    groups: &[Statistics],
    score: &Score,
    options: &ScoreOptions,
) -> Result<Jackknife> {
    let total = data.statistics()?;
    if !matches!(score.needs, Needs::Statistics | Needs::ClassStatistics) {
        return Err(Error::new(
            ErrorKind::MissingInput,
            format!(
                "the standard error of {} needs the rows, got statistics of groups only",
                score.name
            ),
        ));
    }
    let filled: Vec<usize> = (0..groups.len())
        .filter(|&group| groups[group].n_samples() > 0)
        .collect();
    let without = |group: usize| -> Result<Option<Statistics>> {
        let left = total.n_samples() - groups[group].n_samples();
        if total.is_dual() || left <= total.n_features() {
            return Ok(None);
        }
        let mut statistics = total.clone();
        statistics.subtract(&groups[group])?;
        Ok(Some(statistics))
    };
    if score.replicates == Replicates::EvidenceAtOptimum && options.compat == Compat::Exact && !total.is_dual() {
        let fit = data.solution(options.compat)?;
        let value = fit.evidence().value;
        if let Some(replicates) = logme::replicates(&fit, filled.len(), &mut |at| without(filled[at]))? {
            return Jackknife::new(value, replicates);
        }
    }
    let value = score.compute(data, options)?.value;
    let replicates = filled
        .iter()
        .map(|&group| {
            let statistics = match without(group)? {
                Some(statistics) => statistics,
                None => sum(groups, Some(group))?,
            };
            Ok(score.compute(&ScoreData::from_statistics(statistics), options)?.value)
        })
        .collect::<Result<Vec<_>>>()?;
    Jackknife::new(value, replicates)
}
