//! From batches of rows to the scores of all samples and their jackknives, without keeping the rows.
//!
//! ```text
//! rows [m, d], m rows at a time ──Accumulator──► statistics by group (and by class) ──GroupedScores──► score, jackknife
//! ```
//!
//! For callers that cannot keep their rows: streamed features, the words of sentences, files in shards, and statistics that
//! other runs have saved. Scores of the source head's probabilities do not use features, so they are computed from the labels
//! and probabilities of all samples ([`SampleData`]), which are small enough to keep.

use std::sync::Arc;

use super::reservoir::Reservoir;
use super::{Grouped, Jackknife, grouped, jackknife, total};
use crate::baseline::{PermutedScores, PermutedSums};
use crate::error::{Error, ErrorKind, Result};
use crate::evidence::{Compat, Fit};
use crate::features::FeatureView;
use crate::probabilities::Probabilities;
use crate::scores::{Needs, Score, ScoreData, ScoreInputs, ScoreOptions, ScoreOutcome};
use crate::statistics::Statistics;
use crate::targets::Targets;

/// Statistics of disjoint groups of samples, and of every class where a score needs them, filled from batches of rows.
#[derive(Clone, Debug)]
pub struct Accumulator {
    groups: Grouped,
    classes: Option<Grouped>,
    draw: Option<Reservoir>,
}

impl Accumulator {
    /// An accumulator of `n_groups` groups, each of which starts as `empty`.
    pub fn new(empty: &Statistics, n_groups: usize) -> Self {
        Self {
            groups: Grouped::new(empty, n_groups),
            classes: None,
            draw: None,
        }
    }

    /// Also keeps statistics of each class, for scores that need [`Needs::ClassRows`].
    #[must_use]
    pub fn with_classes(mut self, empty: &Statistics) -> Self {
        self.classes = Some(Grouped::new(empty, empty.n_columns()));
        self
    }

    /// Also keeps some rows, drawn at random, for scores that look at samples one by one
    /// ([`Needs::RowsOrGroups`]): at most 4,096, and at most 16 MiB.
    #[must_use]
    pub fn with_draw(mut self) -> Self {
        self.draw = Some(Reservoir::new());
        self
    }

    /// Adds rows: features `[m, d]`, targets `[m]` or `[m, c]`, and the group of each row `[m]`.
    ///
    /// # Errors
    /// As [`Grouped::update`].
    pub fn update(&mut self, features: &FeatureView<'_>, targets: &Targets<'_>, groups: &[usize]) -> Result<()> {
        self.groups.update(features, targets, groups)?;
        if let Some(draw) = &mut self.draw {
            draw.update(features, targets);
        }
        if let (Some(classes), Some(labels)) = (&mut self.classes, targets.labels()) {
            let of: Vec<usize> = labels
                .iter()
                .map(|&label| usize::try_from(label).unwrap_or(usize::MAX))
                .collect();
            classes.update(features, targets, &of)?;
        }
        Ok(())
    }

    /// The statistics of every group so far.
    ///
    /// # Errors
    /// As [`Grouped::update`].
    pub fn groups(&mut self) -> Result<&[Statistics]> {
        self.groups.groups()
    }

    /// Takes out the rows that were drawn, where there are any.
    pub fn take_draw(&mut self) -> Option<Reservoir> {
        self.draw.take()
    }

    /// The scores of the rows so far; `samples` are what scores of probabilities need.
    ///
    /// # Errors
    /// As [`Grouped::update`] and [`GroupedScores::new`].
    pub fn scores<'a>(&'a mut self, samples: Option<SampleData<'a>>) -> Result<GroupedScores<'a>> {
        let classes = match &mut self.classes {
            Some(classes) => Some(classes.groups()?),
            None => None,
        };
        let mut scores = GroupedScores::new(self.groups.groups()?, samples)?;
        if let Some((features, targets)) = self.draw.as_ref().map(Reservoir::view).transpose()?.flatten() {
            scores = scores.with_draw(features, targets)?;
        }
        Ok(match classes {
            Some(classes) => scores.with_classes(classes),
            None => scores,
        })
    }

    /// The statistics of every group, and those of every class where they are kept.
    ///
    /// # Errors
    /// As [`Grouped::update`].
    pub fn into_statistics(self) -> Result<(Vec<Statistics>, Option<Vec<Statistics>>)> {
        let classes = self.classes.map(Grouped::into_groups).transpose()?;
        Ok((self.groups.into_groups()?, classes))
    }
}

/// What is kept of every sample besides the statistics.
///
/// # Shapes
/// targets `[n]` or `[n, c]`; probabilities `[n, z]`; groups `[n]`.
#[derive(Clone, Copy, Debug)]
pub struct SampleData<'a> {
    /// The targets.
    pub targets: Targets<'a>,
    /// The predictions of the source head.
    pub probabilities: Option<Probabilities<'a>>,
    /// The group of every sample, which the jackknife of scores of probabilities needs.
    pub groups: Option<&'a [usize]>,
}

/// Scores and jackknives from the statistics of groups.
#[derive(Debug)]
pub struct GroupedScores<'a> {
    groups: &'a [Statistics],
    samples: Option<SampleData<'a>>,
    data: ScoreData<'a>,
}

impl<'a> GroupedScores<'a> {
    /// Adds up `groups`, of which there is at least one.
    ///
    /// # Errors
    /// As [`total`].
    pub fn new(groups: &'a [Statistics], samples: Option<SampleData<'a>>) -> Result<Self> {
        let total = total(groups)?;
        let data = match &samples {
            Some(samples) => ScoreData::streamed(total, samples.targets, samples.probabilities),
            None => ScoreData::from_statistics(total),
        };
        let data = data.with_groups(groups);
        Ok(Self { groups, samples, data })
    }

    /// Adds rows of some samples, drawn at random.
    ///
    /// # Errors
    /// As [`ScoreData::with_draw`].
    pub fn with_draw(mut self, features: FeatureView<'a>, targets: Targets<'a>) -> Result<Self> {
        self.data = self.data.with_draw(features, targets)?;
        Ok(self)
    }

    /// Adds the statistics of every class, for scores that need [`Needs::ClassRows`].
    #[must_use]
    pub fn with_classes(mut self, classes: &[Statistics]) -> Self {
        self.data = self.data.with_classes(classes.to_vec());
        self
    }

    /// The statistics of all groups together.
    ///
    /// # Errors
    /// None: they were added up before.
    pub fn total(&self) -> Result<&Statistics> {
        self.data.statistics()
    }

    /// The score of all samples.
    ///
    /// # Errors
    /// As [`Score::compute`].
    pub fn compute(&self, score: &Score, options: &ScoreOptions) -> Result<ScoreOutcome> {
        score.compute(&self.data, options)
    }

    /// LogME's fit of all samples, found once for all scores that start from it.
    ///
    /// # Errors
    /// As [`evidence::fit`](crate::evidence::fit).
    pub fn solution(&self, compat: Compat) -> Result<Arc<Fit>> {
        self.data.solution(compat)
    }

    /// The values of the score for permuted targets, of which `sums` are of the same rows.
    ///
    /// # Errors
    /// As [`PermutedSums::scores`].
    pub fn permuted(
        &self,
        sums: &PermutedSums,
        score: &Score,
        options: &ScoreOptions,
        seed: u64,
    ) -> Result<PermutedScores> {
        sums.scores(&self.data, score, options, seed)
    }

    /// The score's jackknife over the groups.
    ///
    /// # Errors
    /// [`ErrorKind::MissingInput`] for a score that needs rows, or probabilities that are not there; otherwise as
    /// [`jackknife_of_groups`](super::jackknife_of_groups).
    pub fn jackknife(&self, score: &Score, options: &ScoreOptions) -> Result<Jackknife> {
        if score.needs != Needs::Probabilities {
            return grouped::of_data(&self.data, self.groups, score, options);
        }
        let samples = self.samples.and_then(|samples| Some((samples, samples.groups?)));
        let (samples, groups) = samples.ok_or_else(|| {
            Error::new(
                ErrorKind::MissingInput,
                format!("the standard error of {} needs the group of every sample", score.name),
            )
        })?;
        // These scores do not use features.
        let no_features = vec![0.0; samples.targets.n_samples()];
        let inputs = ScoreInputs {
            features: FeatureView::new(&no_features, samples.targets.n_samples(), 1)?,
            targets: samples.targets,
            probabilities: samples.probabilities,
        };
        jackknife(&inputs, score.name, options, groups)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scores::find;
    use crate::uncertainty::groups;

    /// 40 samples of two features, three classes and three source probabilities that follow the class.
    fn samples() -> (Vec<f32>, Vec<u32>, Vec<f32>) {
        let labels: Vec<u32> = (0..40).map(|i| i % 3).collect();
        let wave = |i: usize, step: f32| (i as f32 * step).sin();
        let features = (0..40)
            .flat_map(|i| [labels[i] as f32 + wave(i, 1.7), wave(i, 2.3)])
            .collect();
        let probabilities = (0..40)
            .flat_map(|i| {
                let likely = 0.5 + 0.2 * wave(i, 0.9);
                (0..3).map(move |class| if class == i % 3 { likely } else { 0.5 * (1.0 - likely) })
            })
            .collect();
        (features, labels, probabilities)
    }

    /// Rows in uneven batches give what all rows at once give: every score, and every jackknife that groups allow.
    #[test]
    fn batches_give_the_scores_and_errors_of_all_rows_at_once() {
        let (features, labels, probabilities) = samples();
        let targets = Targets::classes(&labels, 3).unwrap();
        let source = Probabilities::new(&probabilities, 3).unwrap();
        let groups = groups::assign(&targets, 5, 1).unwrap();
        let empty = Statistics::for_classes(2, 3).unwrap();
        let mut accumulator = Accumulator::new(&empty, 5).with_classes(&empty);
        for rows in [0..1, 1..18, 18..18, 18..40] {
            let part = FeatureView::block(&features[2 * rows.start..2 * rows.end], rows.start, rows.len(), 2);
            let part_targets = Targets::classes(&labels[rows.clone()], 3);
            if rows.is_empty() {
                continue;
            }
            accumulator
                .update(&part.unwrap(), &part_targets.unwrap(), &groups[rows])
                .unwrap();
        }
        let inputs = ScoreInputs {
            features: FeatureView::new(&features, 40, 2).unwrap(),
            targets,
            probabilities: Some(source),
        };
        let whole = ScoreData::new(&inputs).unwrap();
        let options = ScoreOptions::default();
        let kept = SampleData {
            targets,
            probabilities: Some(source),
            groups: Some(&groups),
        };
        let scores = accumulator.scores(Some(kept)).unwrap();
        assert_eq!(scores.total().unwrap().n_samples(), 40);
        for name in ["logme", "h-score", "shrinkage-h-score", "transrate", "leep", "nce"] {
            let score = find(name).unwrap();
            let expected = score.compute(&whole, &options).unwrap().value;
            let found = scores.compute(score, &options).unwrap().value;
            assert!(
                (found - expected).abs() <= 1e-9 * expected.abs(),
                "{name}: {found} against {expected}"
            );
            if score.needs == Needs::ClassRows {
                assert_eq!(
                    scores.jackknife(score, &options).unwrap_err().kind(),
                    ErrorKind::MissingInput
                );
                continue;
            }
            let expected = jackknife(&inputs, name, &options, &groups).unwrap().standard_error;
            let found = scores.jackknife(score, &options).unwrap().standard_error;
            assert!(
                (found - expected).abs() <= 1e-6 * expected,
                "{name}: {found} against {expected}"
            );
        }
    }

    #[test]
    fn one_group_holds_the_statistics_of_all_rows_and_has_no_jackknife() {
        let (features, labels, _) = samples();
        let targets = Targets::classes(&labels, 3).unwrap();
        let view = FeatureView::new(&features, 40, 2).unwrap();
        let mut accumulator = Accumulator::new(&Statistics::for_classes(2, 3).unwrap(), 1);
        accumulator.update(&view, &targets, &[0; 40]).unwrap();
        let options = ScoreOptions::default();
        let logme = find("logme").unwrap();
        let direct = ScoreData::from_statistics(Statistics::of(&view, &targets).unwrap());
        let scores = accumulator.scores(None).unwrap();
        assert_eq!(
            scores.compute(logme, &options).unwrap().value,
            logme.compute(&direct, &options).unwrap().value
        );
        assert!(scores.jackknife(logme, &options).is_err());
        let leep = scores.compute(find("leep").unwrap(), &options);
        assert_eq!(leep.unwrap_err().kind(), ErrorKind::MissingInput);
    }
}
