//! The groups of the jackknife as statistics: standard errors of data that are read once and never held.
//!
//! Every group has statistics of its own; their sum is the statistics of all samples, and taking a group away is a subtraction, so the
//! rows are needed once and the symmetric product is computed once. The price is one `G` a group: `J · d² · 8` bytes, 335 MB for ten groups
//! of 2,048 features. Rows wait in a small buffer until a group has enough of them for a product to pay. ([`super::Grouped`] adds every batch
//! at once, and takes groups that are few rows too.)

use super::{Jackknife, logme};
use crate::error::{Error, ErrorKind, Result};
use crate::evidence::{self, Compat};
use crate::features::FeatureView;
use crate::scores::{self, Needs, Prepared, ScoreOptions};
use crate::statistics::Statistics;
use crate::targets::Targets;

/// Rows of one group that wait to be added.
const WAITING: usize = 256;

#[derive(Clone, Debug, Default)]
struct Waiting {
    rows: Vec<f32>,
    labels: Vec<u32>,
    values: Vec<f64>,
}

/// Statistics of disjoint groups, filled from batches of rows.
#[derive(Clone, Debug)]
pub struct ByGroup {
    groups: Vec<Statistics>,
    waiting: Vec<Waiting>,
}

impl ByGroup {
    /// `n_groups` copies of `empty`.
    pub fn new(empty: &Statistics, n_groups: usize) -> Self {
        Self {
            groups: vec![empty.clone(); n_groups],
            waiting: vec![Waiting::default(); n_groups],
        }
    }

    /// Adds a batch; row `i` belongs to group `groups[i]`.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] where the batch, its targets and its groups have different numbers of rows, or differ in kind from what came
    /// before; [`ErrorKind::OutOfRange`] for a group that does not exist.
    pub fn update(&mut self, features: &FeatureView<'_>, targets: &Targets<'_>, groups: &[usize]) -> Result<()> {
        targets.check_rows(features.n_samples())?;
        if groups.len() != features.n_samples() {
            return Err(Error::new(
                ErrorKind::Shape,
                format!(
                    "features have {} rows but groups have {}",
                    features.n_samples(),
                    groups.len()
                ),
            ));
        }
        let (d, c) = (features.n_features(), targets.n_columns());
        for (i, &group) in groups.iter().enumerate() {
            let n_groups = self.groups.len();
            let waiting = self.waiting.get_mut(group).ok_or_else(|| {
                Error::new(
                    ErrorKind::OutOfRange,
                    format!("group {group} does not exist, there are {n_groups}"),
                )
            })?;
            waiting.rows.extend_from_slice(features.row(i));
            if let Some(labels) = targets.labels() {
                waiting.labels.push(labels[i]);
            }
            if let Some(values) = targets.values() {
                waiting.values.extend_from_slice(&values[i * c..(i + 1) * c]);
            }
            if waiting.rows.len() >= WAITING * d {
                self.add(group, c)?;
            }
        }
        Ok(())
    }

    fn add(&mut self, group: usize, c: usize) -> Result<()> {
        let (Some(waiting), Some(statistics)) = (self.waiting.get_mut(group), self.groups.get_mut(group)) else {
            return Ok(());
        };
        let d = statistics.n_features();
        if waiting.rows.is_empty() {
            return Ok(());
        }
        let features = FeatureView::new(&waiting.rows, waiting.rows.len() / d, d)?;
        let targets = if statistics.is_classes() {
            Targets::classes(&waiting.labels, c)?
        } else {
            Targets::columns(&waiting.values, c)?
        };
        statistics.update(&features, &targets)?;
        waiting.rows.clear();
        waiting.labels.clear();
        waiting.values.clear();
        Ok(())
    }

    /// The statistics of every group.
    ///
    /// # Errors
    /// As [`ByGroup::update`].
    pub fn finish(mut self) -> Result<Vec<Statistics>> {
        for group in 0..self.groups.len() {
            let c = self.groups[group].n_columns();
            self.add(group, c)?;
        }
        Ok(self.groups)
    }
}

/// The statistics of all groups together.
///
/// # Errors
/// [`ErrorKind::Shape`] without groups, or where they do not fit together.
pub fn total(groups: &[Statistics]) -> Result<Statistics> {
    let (first, rest) = groups
        .split_first()
        .ok_or_else(|| Error::new(ErrorKind::Shape, "there are no groups, expected at least one"))?;
    let mut total = first.clone();
    for group in rest {
        total.merge(group)?;
    }
    Ok(total)
}

/// The jackknife of the score called `name` from the statistics of the groups and their [`total`].
///
/// # Errors
/// [`ErrorKind::UnknownName`]; [`ErrorKind::MissingInput`] for a score that needs more than statistics; [`ErrorKind::Unsupported`] where
/// no more samples than features are left without a group; and whatever the score reports.
pub fn jackknife_of_groups(
    total: &Statistics,
    groups: &[Statistics],
    name: &str,
    options: &ScoreOptions,
) -> Result<Jackknife> {
    let score = scores::find(name)?;
    if !matches!(score.needs, Needs::Statistics | Needs::ClassStatistics) {
        return Err(Error::new(
            ErrorKind::MissingInput,
            format!("the standard error of {name} needs the rows, got statistics of groups only"),
        ));
    }
    let without = |group: usize| -> Result<Statistics> {
        let mut left = total.clone();
        left.subtract(&groups[group])?;
        Ok(left)
    };
    if name == "logme" && options.compat == Compat::Exact {
        let fit = evidence::fit(total, options.compat)?;
        let value = fit.evidence().value;
        let found = logme::replicates(&fit, groups.len(), &mut |group| without(group).map(Some))?;
        if let Some(replicates) = found {
            return Jackknife::new(value, replicates);
        }
    }
    let value = score.compute(&Prepared::from_statistics(total.clone()), options)?.value;
    let replicates = (0..groups.len())
        .map(|group| {
            Ok(score
                .compute(&Prepared::from_statistics(without(group)?), options)?
                .value)
        })
        .collect::<Result<Vec<_>>>()?;
    Jackknife::new(value, replicates)
}
