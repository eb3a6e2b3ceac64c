//! `ranktune.ranking/2`: the models of a hub in the order of their score on a data set.
//!
//! Version 1 is still read. It differs in one thing: `p_top_k` of a model was always the chance to be among the first three, while
//! `race.p_top_k` was that of the first `--top-k`. In version 2 both are of the first `options.top_k`.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

mod layers;
mod race;
mod table;

pub use layers::LayerScore;
pub use race::{RaceEnd, RaceRecord, RaceRound, RaceSummary, RaceUnit};

/// Name and version of the document.
pub const SCHEMA: &str = "ranktune.ranking/2";

/// The k of `p_top_k` in documents of version 1, which do not state it.
const FIRST_VERSION_TOP_K: u64 = 3;

/// A ranking: its options, the models from best to worst, and those that could not be ranked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ranking {
    /// [`SCHEMA`].
    pub schema: String,
    /// `classification`, `multilabel`, `regression` or `tokens`.
    pub task: String,
    /// The data set.
    pub data: Data,
    /// The options that can change the result, by their names on the command line.
    pub options: Map<String, Value>,
    /// Best first.
    pub models: Vec<RankedModel>,
    /// How the race went, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub race: Option<RaceSummary>,
    /// Models that could not be ranked, in the hub's order.
    pub skipped: Vec<SkippedModel>,
}

/// The data set of a ranking.
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
    /// Rows of a table that were skipped because their target or their file is missing.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub skipped: usize,
    /// What was read, left out and guessed, and which options change it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
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
    /// By name; the score that orders the ranking comes first.
    pub scores: Map<String, Value>,
    /// The score of every layer, from the first to the last, where layers were asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<LayerScore>,
    /// Share of the resampled data sets on which this model comes first.
    pub p_best: Option<f64>,
    /// Share of the resampled data sets on which this model is among the first `options.top_k`.
    #[serde(default)]
    pub p_top_k: Option<f64>,
    /// The ranks between which 90 % of the resampled data sets place this model.
    pub rank_interval: Option<[usize; 2]>,
    /// How far the model came in a race.
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

    /// Rows per second of the extraction; `None` where features came from the cache.
    pub(crate) fn throughput(&self) -> Option<f64> {
        self.images_per_second
            .as_ref()
            .or(self.samples_per_second.as_ref())?
            .as_f64()
    }
}

impl Ranking {
    /// The k of `p_top_k`.
    pub fn top_k(&self) -> u64 {
        let stated = self.options.get("top_k").and_then(Value::as_u64);
        stated.unwrap_or(FIRST_VERSION_TOP_K)
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
                notes: vec![],
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
    fn p_top_k_is_of_the_first_three_in_version_1_and_of_the_stated_k_since() {
        let mut document = serde_json::to_value(ranking()).unwrap();
        document["schema"] = json!("ranktune.ranking/1");
        let first: Ranking = serde_json::from_value(document).unwrap();
        assert!(first.table().contains("P(top 3)"), "{}", first.table());
        let mut second = ranking();
        second.options.insert("top_k".into(), json!(5));
        assert!(second.table().contains("P(top 5)"), "{}", second.table());
    }

    #[test]
    fn the_default_table_fits_80_columns_and_csv_has_all_digits() {
        let mut ranking = ranking();
        ranking.models[1].name = "organisation/a-name-of-more-than-thirty-characters".into();
        let text = ranking.text(crate::Style {
            width: Some(80),
            ..crate::Style::default()
        });
        let rows: Vec<&str> = text.lines().take(4).collect();
        assert!(rows.iter().all(|row| row.chars().count() <= 80), "{text}");
        assert!(
            rows[0].contains("params") && rows[1].contains("0.75") && rows[1].contains('█'),
            "{text}"
        );
        assert!(!rows[0].contains("seconds") && ranking.table().contains("seconds"));
        let csv = ranking.csv();
        let lines: Vec<&str> = csv.lines().collect();
        assert!(
            lines[0].starts_with("rank,model,logme,logme_standard_error,leep,leep_standard_error,p_best,"),
            "{csv}"
        );
        assert!(
            lines[1].starts_with("1,good,0.25,0.01,,,0.75,1,1,2,1280,4652008,43.21,10.25,,"),
            "{csv}"
        );
        assert!(
            ranking
                .markdown(crate::Style::default())
                .starts_with("| rank | model | logme | P(best) | params | images/s |\n")
        );
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
