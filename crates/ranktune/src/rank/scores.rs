//! The scores of one model: every score that was asked for, and the jackknife of the one that orders the ranking.

use std::sync::OnceLock;

use ranktune_core::one_line;
use ranktune_data::Dataset;
use ranktune_features::extract::PreparedModel;
use ranktune_report::ranking::{ClassDetail, LayerScore};
use ranktune_scores::baseline::{PermutedScores, PermutedSums};
use ranktune_scores::scores::company::CompanyScore;
use ranktune_scores::scores::{Score, find};
use ranktune_scores::uncertainty::{GroupedScores, Jackknife};
use ranktune_scores::{ScoreOptions, ScoreOutcome};
use serde_json::{Map, Value, json};

use super::classes::Found;
use super::options::LayerChoice;
use crate::error::Error;
use crate::scoring::{insert_error, score_json};

/// The scores of permuted labels of one model, or the one line of why there are none.
pub(super) type Permuted = Result<PermutedScores, String>;

/// Groups of samples that the jackknife leaves out in turn.
pub(super) const GROUPS: usize = 10;

/// The key of the terms in the JSON of a score that compares the models of a hub.
pub(super) const TERMS: &str = "terms";

/// Which scores are computed on a prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Detail {
    /// The score that orders the ranking, with its jackknife. The model may see more samples later.
    Interim,
    /// Every score. The model is finished: it is reported, and its features may be dropped.
    Final,
}

/// One score: its value, and its JSON.
pub(super) struct ScoreEntry {
    pub(super) name: String,
    /// NaN where there is none.
    pub(super) value: f64,
    pub(super) object: Map<String, Value>,
}

/// The scores of some features, and the jackknife of the first.
pub(super) struct ScoreList {
    pub(super) entries: Vec<ScoreEntry>,
    pub(super) jackknife: Option<Jackknife>,
    /// The first score of permuted labels, once all scores are computed.
    pub(super) permuted: Option<Permuted>,
    /// What is known of classes and of single samples.
    pub(super) classes: Option<ClassDetail>,
}

impl ScoreList {
    /// The value that orders the ranking.
    pub(super) fn first(&self) -> f64 {
        self.entries.first().map_or(f64::NAN, |entry| entry.value)
    }
}

/// The scores of a model, and which of its features they are computed from.
pub(super) struct ModelScores {
    pub(super) list: ScoreList,
    /// The feature tensor, or which layers were averaged.
    pub(super) tensor: String,
    pub(super) n_features: usize,
    /// The score of every layer, where layers were asked for.
    pub(super) layers: Vec<LayerScore>,
    /// Samples (or words) that were scored.
    pub(super) n_samples: usize,
    /// Time that the scores took.
    pub(super) seconds: f64,
}

impl ModelScores {
    /// The scores of all features of `model` together.
    pub(super) fn of_all(model: &PreparedModel, list: ScoreList, n_features: usize) -> Self {
        Self {
            list,
            tensor: model.feature_tensor().to_owned(),
            n_features,
            layers: Vec::new(),
            n_samples: 0,
            seconds: 0.0,
        }
    }
}

/// What is scored, the same for every model.
pub(super) struct Scoring<'a> {
    pub(super) dataset: &'a Dataset,
    /// Scores by name; the first orders the ranking.
    pub(super) names: &'a [String],
    /// Scores of each model among the others.
    pub(super) company: &'a [&'static CompanyScore],
    pub(super) layers: LayerChoice,
    pub(super) seed: u64,
    /// Size of features in bytes above which they are added up as they arrive.
    pub(super) keep_bytes: usize,
    /// The group of every sample, dealt so that every prefix has even groups. `None` where all samples are scored at once: then
    /// groups are drawn at random, among the samples that can be read.
    pub(super) groups: Option<Vec<usize>>,
    /// Why there are no standard errors.
    pub(super) too_few: Option<String>,
    /// The orders of the samples whose labels permutations take, for rows that are not kept.
    pub(super) permutations: OnceLock<Vec<Vec<usize>>>,
}

impl Scoring<'_> {
    /// The scores that `detail` asks for, where `compute` computes one of the samples `rows`, with its jackknife if the flag is set. `rows`
    /// may be empty where no single sample is judged.
    ///
    /// # Errors
    /// Why the first score, which orders the ranking, cannot be computed. Any other may be missing: LEEP is for a model
    /// without a classifier.
    pub(super) fn list(
        &self,
        detail: Detail,
        rows: &[usize],
        compute: impl Fn(&Score, bool) -> Result<(ScoreOutcome, Option<Jackknife>), ranktune_scores::Error>,
    ) -> Result<ScoreList, Error> {
        let names = match detail {
            Detail::Interim => &self.names[..self.names.len().min(1)],
            Detail::Final => self.names,
        };
        let mut list = ScoreList {
            entries: Vec::with_capacity(names.len()),
            jackknife: None,
            permuted: None,
            classes: None,
        };
        let mut found = Found::default();
        // A race compares its models on whatever there is.
        let too_few = self.too_few.as_ref().filter(|_| detail == Detail::Final);
        for (place, name) in names.iter().enumerate() {
            let score = find(name)?;
            let with_error = place == 0 || score.always_with_error;
            let (outcome, jackknife) = match compute(score, with_error && too_few.is_none()) {
                Ok(computed) => computed,
                Err(error) if place == 0 => return Err(error.into()),
                Err(error) => {
                    list.entries.push(ScoreEntry {
                        name: name.clone(),
                        value: f64::NAN,
                        object: Map::from_iter([
                            ("value".to_owned(), Value::Null),
                            ("reason".to_owned(), json!(one_line(&error))),
                        ]),
                    });
                    continue;
                }
            };
            found.evidence = found.evidence.or_else(|| outcome.evidence.clone());
            found.left_out = found.left_out.or_else(|| outcome.left_out.clone());
            let mut object = score_json(&outcome, self.dataset.targets.names(), None);
            if with_error {
                let error = jackknife.as_ref().map(|jackknife| jackknife.standard_error);
                let groups = jackknife
                    .as_ref()
                    .map_or(GROUPS, |jackknife| jackknife.replicates.len());
                insert_error(&mut object, error, groups);
                if let Some(reason) = too_few {
                    object.insert("standard_error_reason".to_owned(), json!(reason));
                }
            }
            if place == 0 {
                list.jackknife = jackknife;
            }
            list.entries.push(ScoreEntry {
                name: name.clone(),
                value: outcome.value,
                object,
            });
        }
        if detail == Detail::Final {
            list.classes = found.detail(self.dataset, rows);
        }
        Ok(list)
    }

    /// The scores of samples of which statistics by group are known.
    ///
    /// # Errors
    /// As [`list`](Self::list).
    pub(super) fn of_groups(
        &self,
        scores: &GroupedScores<'_>,
        permuted: &PermutedSums,
        detail: Detail,
    ) -> Result<ScoreList, Error> {
        let options = ScoreOptions::default();
        let mut list = self.list(detail, &[], |score, with_error| {
            let outcome = scores.compute(score, &options)?;
            // A score without a standard error is still a score.
            let jackknife = with_error.then(|| scores.jackknife(score, &options).ok()).flatten();
            Ok((outcome, jackknife))
        })?;
        self.permute(&mut list, detail, |score| {
            scores.permuted(permuted, score, &options, self.seed)
        });
        Ok(list)
    }

    /// Adds the first score of permuted labels, which `compute` computes.
    pub(super) fn permute(
        &self,
        list: &mut ScoreList,
        detail: Detail,
        compute: impl Fn(&Score) -> Result<PermutedScores, ranktune_scores::Error>,
    ) {
        let first = self.names.first().and_then(|name| find(name).ok());
        if let (Some(score), Detail::Final) = (first, detail) {
            list.permuted = Some(compute(score).map_err(|error| one_line(&error)));
        }
    }
}
