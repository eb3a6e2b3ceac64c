//! `ranktune.ranking/1`: the models of a hub in the order of their score on a data set.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

mod layers;
mod race;

pub use layers::LayerScore;
pub use race::{RaceEnd, RaceRecord, RaceRound, RaceSummary, RaceUnit};

use crate::format::{count, number, seconds};
use crate::table::{Align, Table};

/// Name and version of the document.
pub const SCHEMA: &str = "ranktune.ranking/1";

/// A ranking: what was asked, the models from best to worst, and those that could not be ranked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ranking {
    /// [`SCHEMA`].
    pub schema: String,
    /// `classification`, `multilabel`, `regression` or `tokens`.
    pub task: String,
    /// The data set.
    pub data: Data,
    /// The options that can change the result, by their name on the command line.
    pub options: Map<String, Value>,
    /// Best first.
    pub models: Vec<RankedModel>,
    /// How the race went, where models raced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub race: Option<RaceSummary>,
    /// Models that could not be ranked, in the hub's order.
    pub skipped: Vec<SkippedModel>,
}

/// The data set a ranking was made on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Data {
    /// As the user named it.
    pub path: String,
    /// Samples that were scored.
    pub samples: usize,
    /// Classes, labels or target columns by name.
    pub classes: Vec<String>,
    /// Content digest of inputs and targets.
    pub digest: String,
    /// Rows of a table that were left out because their target or their file is missing.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub skipped: usize,
    /// Samples that could not be read, with the reason; they are in no model's score.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<Unreadable>,
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// A sample that could not be read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Unreadable {
    /// The file.
    pub file: String,
    /// Why.
    pub reason: String,
}

/// One model's place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RankedModel {
    /// From 1.
    pub rank: usize,
    /// Name in the hub.
    pub name: String,
    /// The repository at its commit, as `--hub` takes it, for a model from another hub: `hf:ORGANISATION/NAME@COMMIT`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Content digest of the model's files.
    pub digest: String,
    /// Number of weights.
    pub parameters: u64,
    /// The tensor whose values are the features.
    pub feature_tensor: String,
    /// Features a sample.
    pub feature_dim: usize,
    /// By score name, the one that orders the ranking first.
    pub scores: Map<String, Value>,
    /// The score of every layer, from the first to the last, where layers were asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<LayerScore>,
    /// Share of the resampled data sets on which this model comes first.
    pub p_best: Option<f64>,
    /// Share of the resampled data sets on which this model is among the first three.
    #[serde(default)]
    pub p_top_k: Option<f64>,
    /// The ranks between which 90 % of the resampled data sets place this model.
    pub rank_interval: Option<[usize; 2]>,
    /// How far the model came, where models raced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub race: Option<RaceRecord>,
    /// Wall-clock time.
    pub seconds: Seconds,
    /// Throughput of the extraction, where images are the input; `null` when the features came from the cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub images_per_second: Option<Value>,
    /// Throughput of the extraction, for other inputs; `null` when the features came from the cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub samples_per_second: Option<Value>,
}

/// Where a model's time went, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Seconds {
    /// Reading, preparing and running the model over the samples; near 0 from the cache.
    pub extract: f64,
    /// All scores.
    pub score: f64,
}

/// A model that is not in the ranking.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SkippedModel {
    /// Name in the hub.
    pub name: String,
    /// Why, and what to try.
    pub reason: String,
}

/// How the reason begins for a model that takes another kind of data than the data set has.
pub const NOT_APPLICABLE: &str = "not applicable: ";

impl SkippedModel {
    /// Whether the model takes another kind of data, which is no fault of the model.
    pub fn is_not_applicable(&self) -> bool {
        self.reason.starts_with(NOT_APPLICABLE)
    }
}

impl RankedModel {
    /// The value of a score, where the model has one.
    pub fn score(&self, name: &str) -> Option<f64> {
        self.scores.get(name)?.get("value")?.as_f64()
    }

    fn throughput(&self) -> Option<f64> {
        self.images_per_second
            .as_ref()
            .or(self.samples_per_second.as_ref())?
            .as_f64()
    }
}

impl Ranking {
    /// The ranking as a person reads it: a table, what was skipped, and whether the first places can be told apart.
    pub fn table(&self) -> String {
        let score_names: Vec<&str> = self
            .models
            .first()
            .map(|model| model.scores.keys().map(String::as_str).collect())
            .unwrap_or_default();
        let unit = if self.models.iter().any(|model| model.samples_per_second.is_some()) {
            "samples/s"
        } else {
            "images/s"
        };
        let mut columns = vec![("rank", Align::Right), ("model", Align::Left)];
        columns.extend(score_names.iter().map(|name| (*name, Align::Right)));
        columns.extend([
            ("P(best)", Align::Right),
            ("P(top 3)", Align::Right),
            ("ranks", Align::Right),
            ("dim", Align::Right),
            ("params", Align::Right),
            (unit, Align::Right),
            ("seconds", Align::Right),
        ]);
        let mut table = Table::new(&columns);
        for model in &self.models {
            let mut row = vec![model.rank.to_string(), model.name.clone()];
            row.extend(score_names.iter().map(|name| score_cell(model, name)));
            row.extend([
                model.p_best.map_or_else(dash, |p| format!("{p:.2}")),
                model.p_top_k.map_or_else(dash, |p| format!("{p:.2}")),
                model.rank_interval.map_or_else(dash, |[low, high]| {
                    if low == high {
                        low.to_string()
                    } else {
                        format!("{low}–{high}")
                    }
                }),
                model.feature_dim.to_string(),
                count(model.parameters),
                model.throughput().map_or_else(|| "cached".to_owned(), number),
                seconds(model.seconds.extract + model.seconds.score),
            ]);
            table.row(row);
        }
        let mut text = table.render();
        if let Some(line) = self.tie_line() {
            text.push_str(&format!("\n{line}\n"));
        }
        for model in &self.models {
            text.push_str(&layers::profile(model));
        }
        if let Some(race) = &self.race {
            text.push_str(&race::text(race, &self.models));
        }
        if !self.skipped.is_empty() {
            text.push_str(&format!("\nskipped ({}):\n", self.skipped.len()));
            for model in &self.skipped {
                text.push_str(&format!("  {}: {}\n", model.name, model.reason));
            }
        }
        text
    }

    /// Says in words when the data do not tell the first model from the ones behind it.
    fn tie_line(&self) -> Option<String> {
        let first = self.models.first()?;
        let rivals: Vec<&str> = self.models[1..]
            .iter()
            .filter(|model| model.rank_interval.is_some_and(|[low, _]| low == 1))
            .map(|model| model.name.as_str())
            .collect();
        let certainty = first.p_best?;
        (!rivals.is_empty()).then(|| {
            format!(
                "These samples do not tell {} from {}: it comes first on {:.0} % of resampled data sets.",
                first.name,
                rivals.join(", "),
                100.0 * certainty
            )
        })
    }
}

fn dash() -> String {
    "–".to_owned()
}

fn score_cell(model: &RankedModel, name: &str) -> String {
    let error = model
        .scores
        .get(name)
        .and_then(|score| score.get("standard_error"))
        .and_then(Value::as_f64);
    match (model.score(name), error) {
        (Some(value), Some(error)) => format!("{value:.4} ± {error:.4}"),
        (Some(value), None) => format!("{value:.4}"),
        (None, _) => dash(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn model(rank: usize, name: &str, value: f64, p_best: f64, interval: [usize; 2]) -> RankedModel {
        let mut scores = Map::new();
        scores.insert(
            "logme".into(),
            json!({"value": value, "standard_error": 0.01, "status": "interior"}),
        );
        scores.insert("leep".into(), json!({"value": null, "reason": "no classifier"}));
        RankedModel {
            rank,
            name: name.into(),
            source: None,
            digest: "d".into(),
            parameters: 4_652_008,
            feature_tensor: "pooled".into(),
            feature_dim: 1280,
            scores,
            p_best: Some(p_best),
            p_top_k: Some(1.0),
            rank_interval: Some(interval),
            layers: vec![],
            race: None,
            seconds: Seconds {
                extract: 10.0,
                score: 0.25,
            },
            images_per_second: Some(json!(43.21)),
            samples_per_second: None,
        }
    }

    fn ranking() -> Ranking {
        Ranking {
            schema: SCHEMA.into(),
            task: "classification".into(),
            data: Data {
                path: "data".into(),
                samples: 400,
                classes: vec!["a".into(), "b".into()],
                digest: "x".into(),
                skipped: 0,
                unreadable: vec![],
            },
            options: Map::new(),
            models: vec![
                model(1, "good", 0.25, 0.75, [1, 2]),
                model(2, "rival", 0.24, 0.25, [1, 2]),
                model(3, "bad", -1.0, 0.0, [3, 3]),
            ],
            race: None,
            skipped: vec![SkippedModel {
                name: "broken".into(),
                reason: "truncated".into(),
            }],
        }
    }

    #[test]
    fn the_json_reads_back_as_it_was_written() {
        let text = crate::to_json(&ranking()).unwrap();
        assert_eq!(serde_json::from_str::<Ranking>(&text).unwrap(), ranking());
    }

    #[test]
    fn the_json_has_the_keys_of_the_contract_and_one_throughput() {
        let value = serde_json::to_value(ranking()).unwrap();
        let model = &value["models"][0];
        for key in [
            "rank",
            "name",
            "digest",
            "parameters",
            "feature_tensor",
            "feature_dim",
            "scores",
            "p_best",
            "p_top_k",
            "rank_interval",
            "seconds",
            "images_per_second",
        ] {
            assert!(model.get(key).is_some(), "{key} is missing");
        }
        assert!(model.get("samples_per_second").is_none());
    }

    #[test]
    fn the_table_names_rivals_that_may_be_first_and_what_was_skipped() {
        let text = ranking().table();
        assert!(text.contains("do not tell good from rival:"), "{text}");
        assert!(text.contains("broken: truncated"), "{text}");
        assert!(text.contains("0.2500 ± 0.0100"), "{text}");
        assert!(text.contains("4.7 M"), "{text}");
    }
}
