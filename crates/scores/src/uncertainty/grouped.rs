//! Scores and their jackknife from one pass over the rows: statistics of each of J groups, which add up to those of all.
//!
//! ```text
//! rows ──► S_1 … S_J        S = Σ_g S_g,    S without group g = S − S_g  (where more samples than features are left),  else  Σ_{h≠g} S_h
//! ```
//!
//! No rows are kept once a group has more samples than features; before that a group holds its own, as [`Statistics`] does.
//! What needs more than second moments of the features (TransRate, LEEP, NCE) is not computed here.

use super::Jackknife;
use crate::error::{Error, ErrorKind, Result};
use crate::evidence::{self, Compat};
use crate::features::FeatureView;
use crate::scores::{self, Needs, Prepared, ScoreOptions, ScoreOutcome};
use crate::statistics::Statistics;
use crate::targets::Targets;

/// Statistics of samples by group.
#[derive(Clone, Debug)]
pub struct Grouped {
    groups: Vec<Statistics>,
}

impl Grouped {
    /// Empty statistics of `n_groups` groups of samples with `n_features` features and targets of the kind of `like`.
    ///
    /// # Errors
    /// [`ErrorKind::OutOfRange`] with fewer than two groups; as [`Statistics::for_classes`].
    pub fn new(n_features: usize, like: &Targets<'_>, n_groups: usize) -> Result<Self> {
        if n_groups < 2 {
            let text = format!("the number of groups must be at least 2, got {n_groups}");
            return Err(Error::new(ErrorKind::OutOfRange, text));
        }
        let empty = if like.labels().is_some() {
            Statistics::for_classes(n_features, like.n_columns())?
        } else {
            Statistics::for_columns(n_features, like.n_columns())?
        };
        Ok(Self {
            groups: vec![empty; n_groups],
        })
    }

    /// Adds samples: features `[n, d]`, targets `[n]` or `[n, c]`, and the group of each `[n]`.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] where sizes differ or targets are of another kind, [`ErrorKind::OutOfRange`] for a group that is not
    /// there.
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
        let c = targets.n_columns();
        for (group, statistics) in self.groups.iter_mut().enumerate() {
            let rows: Vec<usize> = (0..n).filter(|&row| groups[row] == group).collect();
            if rows.is_empty() {
                continue;
            }
            let own = features.gather(&rows);
            let own = FeatureView::new(&own, rows.len(), features.n_features())?;
            if let Some(labels) = targets.labels() {
                let labels: Vec<u32> = rows.iter().map(|&row| labels[row]).collect();
                statistics.update(&own, &Targets::classes(&labels, c)?)?;
            } else {
                let values = targets.values().unwrap_or_default();
                let rows = rows.iter().flat_map(|&row| &values[row * c..(row + 1) * c]);
                let values: Vec<f64> = rows.copied().collect();
                statistics.update(&own, &Targets::columns(&values, c)?)?;
            }
        }
        Ok(())
    }

    /// Samples so far.
    pub fn n_samples(&self) -> usize {
        self.groups.iter().map(Statistics::n_samples).sum()
    }

    /// The statistics of all samples.
    ///
    /// # Errors
    /// As [`Statistics::merge`].
    pub fn total(&self) -> Result<Statistics> {
        self.sum(None)
    }

    fn sum(&self, without: Option<usize>) -> Result<Statistics> {
        let mut parts = (0..self.groups.len()).filter(|&group| Some(group) != without);
        // Groups of few samples hold rows, and a total that holds sums takes them in.
        let first = parts.next().unwrap_or(0);
        let mut sum = self.groups[first].clone();
        for group in parts {
            sum.merge(&self.groups[group])?;
        }
        Ok(sum)
    }

    /// The score called `name` of all samples; `total` is from [`Grouped::total`].
    ///
    /// # Errors
    /// [`ErrorKind::UnknownName`]; [`ErrorKind::MissingInput`] where it needs more than second moments; what the score reports.
    pub fn score(&self, total: &Statistics, name: &str, options: &ScoreOptions) -> Result<ScoreOutcome> {
        scores::find(name)?.compute(&Prepared::from_statistics(total.clone()), options)
    }

    /// The jackknife of the score called `name`; `total` is from [`Grouped::total`]. Groups without samples do not count.
    ///
    /// # Errors
    /// As [`Grouped::score`]; and what the score reports of the samples without one group.
    pub fn jackknife(&self, total: &Statistics, name: &str, options: &ScoreOptions) -> Result<Jackknife> {
        let score = scores::find(name)?;
        let groups: Vec<usize> = (0..self.groups.len())
            .filter(|&group| self.groups[group].n_samples() > 0)
            .collect();
        let without = |group: usize| -> Result<Option<Statistics>> {
            let left = total.n_samples() - self.groups[group].n_samples();
            if total.is_dual() || left <= total.n_features() {
                return Ok(None);
            }
            let mut statistics = total.clone();
            statistics.subtract(&self.groups[group])?;
            Ok(Some(statistics))
        };
        let fits_quickly = matches!(score.needs, Needs::Statistics) && score.name == "logme";
        if fits_quickly && options.compat == Compat::Exact && !total.is_dual() {
            let fit = evidence::fit(total, options.compat)?;
            let value = fit.evidence().value;
            let mut left = |at: usize| without(groups[at]);
            if let Some(replicates) = super::logme::replicates(&fit, groups.len(), &mut left)? {
                return Jackknife::new(value, replicates);
            }
        }
        let value = self.score(total, name, options)?.value;
        let replicates = groups
            .iter()
            .map(|&group| {
                let statistics = match without(group)? {
                    Some(statistics) => statistics,
                    None => self.sum(Some(group))?,
                };
                Ok(score.compute(&Prepared::from_statistics(statistics), options)?.value)
            })
            .collect::<Result<Vec<_>>>()?;
        Jackknife::new(value, replicates)
    }
}
