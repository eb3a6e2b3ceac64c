//! Which rows of a record are of which model, and of which data set.
//!
//! A row is of a model if their digests are equal; else, if their repositories are; else, if their names are. A row whose digest or
//! repository is another one is not taken by name: two files called `model` are not one model.

use std::collections::{BTreeMap, BTreeSet};

use ranktune_report::RecordRow;
use ranktune_scores::decision::{Candidate, PastResult};

use super::priors;
use super::question::{ModelFacts, Question};

/// How a row was found to be of a model, the surest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum MatchedBy {
    Digest,
    HubId,
    Name,
}

impl MatchedBy {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Digest => "digest",
            Self::HubId => "hub-id",
            Self::Name => "name",
        }
    }
}

/// What the record has of one model.
#[derive(Clone, Debug, Default)]
pub(super) struct Matched {
    pub(super) rows: usize,
    /// The surest of the ways in which rows were found.
    pub(super) by: Option<MatchedBy>,
    /// Its family, where rows of the record are of that family.
    pub(super) family: Option<String>,
}

/// A record, seen from a question.
pub(super) struct SortedRows {
    pub(super) past: Vec<PastResult>,
    /// In the order of the question's models.
    pub(super) candidates: Vec<Candidate>,
    pub(super) matched: Vec<Matched>,
    /// The question's data set, as the past results name it.
    pub(super) data_set: String,
}

impl SortedRows {
    /// Data sets with results of at least two models.
    pub(super) fn data_sets(&self) -> usize {
        let mut models: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for row in &self.past {
            models.entry(&row.data_set).or_default().insert(&row.model);
        }
        models.values().filter(|models| models.len() > 1).count()
    }
}

/// Sorts the rows of a record by model and data set.
pub(super) fn sort_rows(question: &Question, rows: &[&RecordRow]) -> SortedRows {
    let keys: Vec<String> = question.models.iter().map(key_of_model).collect();
    let mut matched = vec![Matched::default(); keys.len()];
    let mut families: Vec<Option<String>> = question
        .models
        .iter()
        .map(|model| model.family.as_deref().map(plain))
        .collect();
    let mut past = Vec::with_capacity(rows.len());
    for row in rows {
        let found = question
            .models
            .iter()
            .enumerate()
            .filter_map(|(at, model)| Some((compare(row, model)?, at)))
            .min();
        let key = match found {
            Some((by, at)) => {
                // Copies of one file in a hub share what is known of it.
                for (copy, _) in keys.iter().enumerate().filter(|(_, key)| **key == keys[at]) {
                    let matched = &mut matched[copy];
                    matched.rows += 1;
                    matched.by = Some(matched.by.map_or(by, |other| other.min(by)));
                    if let Some(family) = &row.family {
                        families[copy] = Some(plain(family));
                    }
                }
                keys[at].clone()
            }
            None => key_of_row(row),
        };
        past.push(PastResult {
            model: key,
            family: row.family.as_deref().map(plain),
            data_set: data_set_of(row, question),
            protocol: row.protocol.clone(),
            rung: row.rung.clone(),
            accuracy: row.value,
            scores: used(&row.scores),
        });
    }
    let known: BTreeSet<String> = past.iter().filter_map(|row| row.family.clone()).collect();
    let candidates = question.models.iter().zip(keys).zip(&families);
    let candidates = candidates.map(|((model, name), family)| Candidate {
        name,
        family: family.clone(),
        scores: used(&model.scores),
        score_error: model.errors.get(priors::SCORE).copied(),
    });
    let candidates = candidates.collect();
    for (matched, family) in matched.iter_mut().zip(families) {
        matched.family = family.filter(|family| known.contains(family));
    }
    SortedRows {
        past,
        candidates,
        matched,
        data_set: TARGET.to_owned(),
    }
}

/// The name of the question's data set among past results. Other names have a prefix, so that none is equal.
const TARGET: &str = "these data";

fn data_set_of(row: &RecordRow, question: &Question) -> String {
    match &row.data_digest {
        Some(digest) if *digest == question.data_digest => TARGET.to_owned(),
        Some(digest) => format!("digest {digest}"),
        None if row.data == question.data => TARGET.to_owned(),
        None => format!("name {}", row.data),
    }
}

fn compare(row: &RecordRow, model: &ModelFacts) -> Option<MatchedBy> {
    if row.digest.as_ref() == Some(&model.digest) {
        return Some(MatchedBy::Digest);
    }
    if let (Some(row), Some(model)) = (&row.hub_id, &model.hub_id) {
        return (row == model).then_some(MatchedBy::HubId);
    }
    (row.digest.is_none() && row.model == model.name).then_some(MatchedBy::Name)
}

fn key_of_model(model: &ModelFacts) -> String {
    format!("hub {}", model.digest)
}

fn key_of_row(row: &RecordRow) -> String {
    let parts = [("digest", &row.digest), ("repository", &row.hub_id)];
    let found = parts
        .into_iter()
        .find_map(|(kind, id)| Some(format!("{kind} {}", id.as_ref()?)));
    found.unwrap_or_else(|| format!("name {}", row.model))
}

/// Scores that the decision model takes.
fn used(scores: &BTreeMap<String, f64>) -> BTreeMap<String, f64> {
    let kept = scores
        .iter()
        .filter(|(name, value)| priors::is_used(name) && value.is_finite());
    kept.map(|(name, &value)| (name.clone(), value)).collect()
}

/// A family's name in lower case without punctuation: `mobilenet_v2` is `MobileNet-V2`.
fn plain(family: &str) -> String {
    let letters = family.chars().filter(|letter| letter.is_alphanumeric());
    letters.flat_map(char::to_lowercase).collect()
}
