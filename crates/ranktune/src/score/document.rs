//! The document of scores, filled outcome by outcome.

use std::sync::Arc;

use ranktune_data::Task;
use ranktune_report::{Scores, scores};
use ranktune_scores::evidence::Fit;
use ranktune_scores::{Precision, ScoreOptions, ScoreOutcome, Statistics};
use serde_json::{Map, Value, json};

use super::saved::Part;
use super::shards::Shards;
use super::{Fitted, ScoreFileOptions};
use crate::scoring::{ListColumns, insert_error, score_json};

/// The settings of the scores.
pub(super) fn settings(options: &ScoreFileOptions) -> ScoreOptions {
    let mut settings = ScoreOptions::default();
    settings.compat = options.compat;
    settings
}

/// A document that is being filled.
pub(super) struct Scored {
    document: Scores,
    names: Vec<String>,
    /// Of LogME, if it was computed.
    pub(super) error_bound: Option<f64>,
    /// Of LogME, if it was computed.
    pub(super) fit: Option<Arc<Fit>>,
}

impl Scored {
    pub(super) fn new(task: Task, samples: usize, features: usize, columns: usize, names: &[String]) -> Self {
        Self {
            document: Scores {
                schema: scores::SCHEMA.to_owned(),
                task: task.name().to_owned(),
                samples,
                features,
                columns,
                scores: Map::new(),
                notes: Vec::new(),
            },
            names: names.to_vec(),
            error_bound: None,
            fit: None,
        }
    }

    /// A document without scores, for the samples of `shards`.
    pub(super) fn of_shards(shards: &Shards<'_>) -> Self {
        let columns = shards.names.len();
        Self::new(
            shards.task,
            shards.n_samples(),
            shards.n_features(),
            columns,
            &shards.names,
        )
    }

    /// A document without scores, for the samples of `part`.
    pub(super) fn of_part(part: &Part) -> Self {
        let samples = part.groups.iter().map(Statistics::n_samples).sum();
        let features = part.groups.first().map_or(0, Statistics::n_features);
        Self::new(part.task, samples, features, part.names.len(), &part.names)
    }

    /// States for every score why there is none.
    pub(super) fn no_scores(&mut self, names: &[String], reason: &str) {
        for name in names {
            let object = Map::from_iter([("value".to_owned(), Value::Null), ("reason".to_owned(), json!(reason))]);
            self.document.scores.insert(name.clone(), Value::Object(object));
        }
        self.note(&format!(
            "the statistics are saved, but there is no score yet: {reason}"
        ));
    }

    pub(super) fn add(&mut self, name: &str, outcome: &ScoreOutcome, precision: Precision) {
        let mut object = score_json(outcome, &self.names, Some(ListColumns));
        if let Some(evidence) = &outcome.evidence {
            self.document.columns = evidence.columns.len();
        }
        self.error_bound = self.error_bound.or(outcome.error_bound);
        if let (Precision::Fast, Some(bound)) = (precision, outcome.error_bound) {
            object.insert("error_bound".to_owned(), json!(bound));
            self.note(&format!("products in f32: {name} is off by at most {bound:.1e}"));
        }
        self.document.scores.insert(name.to_owned(), Value::Object(object));
    }

    /// Adds the standard error of a score from `n_groups` groups, and the interval that follows from it.
    pub(super) fn standard_error(&mut self, name: &str, error: Option<f64>, n_groups: usize) {
        if let Some(Value::Object(object)) = self.document.scores.get_mut(name) {
            insert_error(object, error, n_groups);
        }
    }

    pub(super) fn note(&mut self, note: &str) {
        if !self.document.notes.iter().any(|known| known == note) {
            self.document.notes.push(note.to_owned());
        }
    }

    /// A note that stands before all others.
    pub(super) fn first_note(&mut self, note: String) {
        self.document.notes.insert(0, note);
    }

    pub(super) fn fitted(self) -> Fitted {
        Fitted {
            scores: self.document,
            logme: self.fit,
            names: self.names,
        }
    }
}
