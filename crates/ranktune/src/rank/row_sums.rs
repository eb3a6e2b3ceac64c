//! The statistics of a model's rows: rows come in parts, in order, and none of them is kept.
//!
//! ```text
//! engine or store ──rows──► statistics of group g, g = 1 … J ──► scores and their jackknife      (logits are kept for LEEP and NCE)
//! ```
//!
//! Features that fit in memory are scored from the rows instead: this takes as long, and a column whose sums have lost
//! precision can be computed again from the rows.

use std::ops::Range;

use ranktune_data::Dataset;
use ranktune_features::extract::ExtractedFeatures;
use ranktune_scores::baseline::PermutedSums;
use ranktune_scores::scores::{Needs, find};
use ranktune_scores::uncertainty::{Accumulator, SampleData, groups};
use ranktune_scores::{FeatureView, Probabilities};

use super::baseline;
use super::scores::{Detail, GROUPS, ScoreList, Scoring};
use crate::error::{Error, ErrorKind};
use crate::scoring::{Columns, probabilities};

/// Rows that go into the statistics at a time.
const BLOCK: usize = 2048;

/// Whether every score can be computed without the rows of features.
pub(super) fn is_possible(scoring: &Scoring<'_>) -> bool {
    let names = scoring.names;
    let needs = |name: &String| find(name).map(|score| score.needs);
    let first = names.first().map(needs);
    scoring.company.is_empty()
        && !names.iter().any(|name| needs(name).is_ok_and(Needs::is_of_rows))
        && matches!(first, Some(Ok(needs)) if needs != Needs::Probabilities)
}

/// Whether some score of `names` is found from a draw of rows where not all are kept.
pub(super) fn keeps_draw(names: &[String]) -> bool {
    let needs = |name: &String| find(name).map(|score| score.needs);
    names.iter().any(|name| matches!(needs(name), Ok(Needs::RowsOrGroups)))
}

/// The group of every sample of the data set: those of the race, or groups drawn at random.
///
/// # Errors
/// Where there are too few samples for groups.
pub(super) fn groups_of(scoring: &Scoring<'_>) -> Result<Vec<usize>, Error> {
    if let Some(groups) = &scoring.groups {
        return Ok(groups.clone());
    }
    let columns = Columns::all(&scoring.dataset.targets);
    let targets = columns.view()?;
    Ok(groups::assign(&targets, GROUPS.min(targets.n_samples()), scoring.seed)?)
}

/// The statistics of the rows so far.
pub(super) struct RowSums<'a> {
    dataset: &'a Dataset,
    /// The group of every sample.
    groups: &'a [usize],
    /// Whether some rows are kept.
    keeps_draw: bool,
    /// From the first valid rows on, which tell the number of features.
    sums: Option<Accumulator>,
    /// Sums over permuted labels, where they are kept.
    permuted: Option<PermutedSums>,
    logits: Vec<f32>,
    n_logits: usize,
    valid: Vec<bool>,
}

impl<'a> RowSums<'a> {
    pub(super) fn new(scoring: &Scoring<'a>, groups: &'a [usize]) -> Self {
        Self {
            dataset: scoring.dataset,
            groups,
            keeps_draw: keeps_draw(scoring.names),
            sums: None,
            permuted: baseline::keeps_sums(scoring.names).then(PermutedSums::default),
            logits: Vec::new(),
            n_logits: 0,
            valid: Vec::new(),
        }
    }

    /// Which of the rows so far are valid.
    pub(super) fn valid(&self) -> &[bool] {
        &self.valid
    }

    /// Adds the next rows.
    pub(super) fn add(
        &mut self,
        features: &mut ExtractedFeatures,
        rows: Range<usize>,
        scoring: &Scoring<'_>,
    ) -> Result<(), Error> {
        let d = features.n_features();
        for begin in rows.clone().step_by(BLOCK) {
            let block = begin..(begin + BLOCK).min(rows.end);
            let data = features.features_of(block.clone())?;
            let valid = features.valid();
            let kept: Vec<usize> = block.filter(|&row| valid[row]).collect();
            if kept.is_empty() {
                continue;
            }
            let columns = Columns::of(&self.dataset.targets, kept.iter().copied());
            let sums = match &mut self.sums {
                Some(sums) => sums,
                None => {
                    let sums = Accumulator::new(&columns.empty_statistics(d)?, GROUPS);
                    self.sums.insert(if self.keeps_draw { sums.with_draw() } else { sums })
                }
            };
            let groups: Vec<usize> = kept.iter().map(|&row| self.groups[row]).collect();
            let view = FeatureView::new(&data, kept.len(), d)?;
            sums.update(&view, &columns.view()?, &groups)?;
            if let Some(permuted) = &mut self.permuted {
                baseline::add(permuted, &view, &kept, scoring)?;
            }
        }
        if let Some((logits, columns)) = features.logits_of(rows.clone())? {
            self.logits.extend(logits);
            self.n_logits = columns;
        }
        self.valid.extend_from_slice(&features.valid()[rows]);
        Ok(())
    }

    /// The scores of all rows so far, with the number of features.
    pub(super) fn scores(&mut self, scoring: &Scoring<'_>, detail: Detail) -> Result<(ScoreList, usize), Error> {
        let kept: Vec<usize> = (0..self.valid.len()).filter(|&row| self.valid[row]).collect();
        let none = || Error::new(ErrorKind::Extraction, "no sample could be read");
        let sums = self.sums.as_mut().ok_or_else(none)?;
        let columns = Columns::of(&self.dataset.targets, kept.iter().copied());
        let groups: Vec<usize> = kept.iter().map(|&row| self.groups[row]).collect();
        let source = (self.n_logits > 0).then(|| probabilities(&self.logits, self.n_logits));
        let scores = sums.scores(Some(SampleData {
            targets: columns.view()?,
            probabilities: source
                .as_ref()
                .map(|(values, columns)| Probabilities::new(values, *columns))
                .transpose()?,
            groups: Some(&groups),
        }))?;
        let none = PermutedSums::default();
        let permuted = self.permuted.as_ref().unwrap_or(&none);
        Ok((
            scoring.of_groups(&scores, permuted, detail)?,
            scores.total()?.n_features(),
        ))
    }
}
