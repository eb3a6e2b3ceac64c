//! Scoring models by the features of words: sums over the words of groups of sentences, and never the words themselves.
//!
//! ```text
//! sentences ──engine──► features of words ──► Statistics of group g, g = 1 … J ──merge──► scores, and without each g their errors
//! ```
//! Groups are of sentences, those of a rare tag not all in one: words of one sentence are no independent samples.

use std::time::Instant;

use ranktune_data::{Dataset, Targets};
use ranktune_features::ErrorKind as FeatureErrorKind;
use ranktune_features::error::one_line;
use ranktune_features::extract::{WordBlock, WordOutcome, WordSink};
use ranktune_scores::scores::{Needs, Prepared as ScoreData, find};
use ranktune_scores::uncertainty::{Jackknife, groups};
use ranktune_scores::{FeatureView, ScoreOptions, Statistics};
use serde_json::{Map, Value, json};

use crate::error::{Error, ErrorKind};
use crate::scoring::{insert_error, score_json};

/// Memory that the statistics of all groups may take; wider features get fewer groups.
const GROUP_BYTES: usize = 1 << 30;

/// A score's name, value and JSON.
pub(crate) type NamedScore = (String, f64, Map<String, Value>);

/// A model's scores.
pub(crate) struct WordScores {
    pub(crate) scores: Vec<NamedScore>,
    pub(crate) jackknife: Option<Jackknife>,
    pub(crate) n_features: usize,
    pub(crate) outcome: WordOutcome,
    /// Time that the scores took, in seconds.
    pub(crate) seconds: f64,
}

/// Takes the features of words, and scores a model when it is through.
pub(crate) struct WordScorer<'a> {
    tags: &'a [Vec<u32>],
    tag_names: &'a [String],
    names: &'a [String],
    /// Of every sentence.
    groups: Vec<usize>,
    /// Of the model that is on its way.
    statistics: Vec<Statistics>,
    seconds: f64,
    /// By the model's position.
    pub(crate) done: Vec<(usize, Result<WordScores, String>)>,
}

impl<'a> WordScorer<'a> {
    /// For the words of `dataset`, if it is of words.
    pub(crate) fn new(dataset: &'a Dataset, names: &'a [String], seed: u64) -> Option<Self> {
        let Targets::Tags {
            names: tag_names,
            sentences,
            ..
        } = &dataset.targets
        else {
            return None;
        };
        Some(Self {
            tags: sentences,
            tag_names,
            names,
            groups: assign(sentences, tag_names.len(), seed),
            statistics: Vec::new(),
            seconds: 0.0,
            done: Vec::new(),
        })
    }

    fn add(&mut self, block: &WordBlock<'_>) -> Result<(), ranktune_scores::Error> {
        let d = block.n_features;
        if self.statistics.is_empty() {
            let count = self.groups.iter().max().map_or(1, |last| last + 1);
            let room = (GROUP_BYTES / (8 * d * d).max(1)).clamp(2, count.max(2));
            let of_group = |_| Statistics::for_classes(d, self.tag_names.len());
            self.statistics = (0..room.min(count)).map(of_group).collect::<Result<_, _>>()?;
        }
        let count = self.statistics.len();
        // The words of a group together: a symmetric update of many rows is faster than many of few.
        let mut rows: Vec<(Vec<f32>, Vec<u32>)> = vec![Default::default(); count];
        let mut rest = block.features;
        for sentence in block.sentences.clone() {
            let tags = &self.tags[sentence];
            let (own, left) = rest.split_at((tags.len() * d).min(rest.len()));
            rest = left;
            let (features, labels) = &mut rows[self.groups[sentence] % count];
            features.extend_from_slice(own);
            labels.extend_from_slice(tags);
        }
        for ((features, labels), statistics) in rows.iter().zip(&mut self.statistics) {
            if !labels.is_empty() {
                let view = FeatureView::new(features, labels.len(), d)?;
                let targets = ranktune_scores::Targets::classes(labels, self.tag_names.len())?;
                statistics.update(&view, &targets)?;
            }
        }
        Ok(())
    }

    fn score(&mut self) -> Result<(Vec<NamedScore>, Option<Jackknife>, usize), String> {
        let text = |error: ranktune_scores::Error| one_line(&error);
        let groups = std::mem::take(&mut self.statistics);
        let without = |left_out: Option<usize>| -> Result<ScoreData<'static>, ranktune_scores::Error> {
            let mut kept = groups.iter().enumerate().filter(|(group, _)| Some(*group) != left_out);
            let mut sum = match kept.next() {
                Some((_, first)) => first.clone(),
                None => Statistics::for_classes(1, 1)?,
            };
            kept.try_for_each(|(_, group)| sum.merge(group))?;
            Ok(ScoreData::from_statistics(sum))
        };
        let options = ScoreOptions::default();
        let all = without(None).map_err(text)?;
        let n_features = all.statistics().map_err(text)?.n_features();
        let mut scores = Vec::new();
        let mut first = None;
        for (place, name) in self.names.iter().enumerate() {
            let score = find(name).map_err(text)?;
            let outcome = match score.compute(&all, &options) {
                Ok(outcome) => outcome,
                // The ranking needs its first score; another one may be missing.
                Err(error) if place == 0 => return Err(one_line(&error)),
                Err(error) => {
                    let reason = [("value", Value::Null), ("reason", json!(error.to_string()))];
                    let object = reason.map(|(key, value)| (key.to_owned(), value));
                    scores.push((name.clone(), f64::NAN, Map::from_iter(object)));
                    continue;
                }
            };
            let mut object = score_json(&outcome, self.tag_names, None);
            if place == 0 || name == "logme" {
                let replicate = |group| Some(score.compute(&without(Some(group)).ok()?, &options).ok()?.value);
                let replicates: Option<Vec<f64>> = (0..groups.len()).map(replicate).collect();
                let jackknife = replicates.and_then(|replicates| Jackknife::new(outcome.value, replicates).ok());
                let error = jackknife.as_ref().map(|jackknife| jackknife.standard_error);
                insert_error(&mut object, error, groups.len());
                if place == 0 {
                    first = jackknife;
                }
            }
            scores.push((name.clone(), outcome.value, object));
        }
        Ok((scores, first, n_features))
    }
}

impl WordSink for WordScorer<'_> {
    fn block(&mut self, _: usize, block: &WordBlock<'_>) -> Result<(), ranktune_features::Error> {
        let begun = Instant::now();
        let added = self.add(block);
        self.seconds += begun.elapsed().as_secs_f64();
        added.map_err(|error| ranktune_features::Error::new(FeatureErrorKind::Inference, error.to_string()))
    }

    fn finished(&mut self, model: usize, outcome: WordOutcome) {
        let begun = Instant::now();
        let result = match &outcome.result {
            Ok(()) => self.score(),
            Err(error) => Err(one_line(error)),
        };
        self.statistics.clear();
        let seconds = std::mem::take(&mut self.seconds) + begun.elapsed().as_secs_f64();
        let scored = result.map(|(scores, jackknife, n_features)| WordScores {
            scores,
            jackknife,
            n_features,
            outcome,
            seconds,
        });
        self.done.push((model, scored));
    }
}

/// A group for every sentence, by its rarest tag.
fn assign(sentences: &[Vec<u32>], n_tags: usize, seed: u64) -> Vec<usize> {
    let mut counts = vec![0_usize; n_tags];
    for &tag in sentences.iter().flatten() {
        counts[tag as usize] += 1;
    }
    let rarest = |tags: &Vec<u32>| {
        tags.iter()
            .copied()
            .min_by_key(|tag| counts[*tag as usize])
            .unwrap_or(0)
    };
    let strata: Vec<u32> = sentences.iter().map(rarest).collect();
    let n_groups = groups::DEFAULT_GROUPS.min(sentences.len());
    ranktune_scores::Targets::classes(&strata, n_tags.max(1))
        .and_then(|targets| groups::assign(&targets, n_groups, seed))
        .unwrap_or_else(|_| vec![0; sentences.len()])
}

/// Refuses scores that cannot be computed from sums.
pub(crate) fn check_names(names: &[String]) -> Result<(), Error> {
    for name in names {
        let score = find(name).map_err(|error| Error::new(ErrorKind::Arguments, error))?;
        if !matches!(score.needs, Needs::Statistics | Needs::ClassStatistics) {
            let from_sums = ranktune_scores::scores::SCORES.iter();
            let from_sums = from_sums.filter(|score| matches!(score.needs, Needs::Statistics | Needs::ClassStatistics));
            let others: Vec<&str> = from_sums.map(|score| score.name).collect();
            let message = format!(
                "{name} needs the features of all words at once, which are not kept; for words there are {}",
                others.join(", ")
            );
            return Err(Error::new(ErrorKind::Arguments, message));
        }
    }
    Ok(())
}
