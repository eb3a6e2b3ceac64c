//! `ranktune.training/1`: how a model was tuned, and its metrics.

mod card;
mod contest;
mod curves;
mod time;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::format::{metric_cell, seconds};
use crate::omitted::unreadable_lines;
use crate::ranking::Unreadable;
use crate::table::{Align, Table};

pub use card::CardFacts;
pub use contest::{Contestant, Member};
pub use curves::{LambdaPoint, Measured, RatePoint, ValidatedEpoch};
pub use time::TimeSpent;

/// Name and version of the document.
pub const SCHEMA: &str = "ranktune.training/1";

/// A finished training run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Training {
    /// [`SCHEMA`].
    pub schema: String,
    /// Name of the model in its hub.
    pub model: String,
    /// Content digest of the model's files before training.
    pub model_digest: String,
    /// The repository at its commit, as `--hub` takes it, for a model from another hub.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Name of the method.
    pub method: String,
    /// Teachers with their shares; empty for methods without.
    pub teachers: Vec<Teacher>,
    /// `classification`, `multilabel`, `regression` or `tokens`.
    pub task: String,
    /// The data set.
    pub data: TrainingData,
    /// All settings that decide the result, by name.
    pub settings: Map<String, Value>,
    /// Seed of everything random.
    pub seed: u64,
    /// Number of epochs.
    pub epochs: usize,
    /// The epoch whose weights the model has, from 1.
    pub chosen_epoch: usize,
    /// Metrics by split and name.
    pub metrics: Metrics,
    /// One entry per epoch.
    pub history: Vec<Epoch>,
    /// The validation of every learning rate, if it was chosen from several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rate_curve: Vec<RatePoint>,
    /// The validation of every λ, if it was chosen from a grid.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lambda_curve: Vec<LambdaPoint>,
    /// Wall-clock time of the whole run, with teachers, validation and writing.
    pub seconds: f64,
    /// The parts of that time; none in documents of earlier releases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<TimeSpent>,
    /// Mean time of a training step, including waiting for its samples.
    pub seconds_per_step: f64,
    /// Training steps.
    pub steps: u64,
    /// What ended training before the last epoch: `patience` or `budget`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
    /// The models of which the result consists, for methods whose result is several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<Member>,
    /// The candidates of `--method auto`, in the order in which they were tried.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contest: Vec<Contestant>,
    /// Unreadable samples, which were left out, with the reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<Unreadable>,
}

/// A teacher.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Teacher {
    /// Name in the hub.
    pub name: String,
    /// Its share π of the predictions; the shares add up to 1.
    pub weight: f64,
    /// Its LogME on the data set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logme: Option<f64>,
}

/// The data set a model was tuned on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainingData {
    /// The path that was given.
    pub path: String,
    /// Number of training samples.
    pub samples: usize,
    /// Number of validation samples.
    pub validation_samples: usize,
    /// Classes, labels or target columns by name, in the order of the model's outputs.
    pub classes: Vec<String>,
    /// Content digest of inputs and targets, validation samples included.
    pub digest: String,
    /// Content digest of the data set as it was given, before a part was held out: that of a ranking of the same data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset_digest: Option<String>,
}

/// Metrics by name, for each split of the data.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// Of the training samples, without augmentation.
    pub train: Map<String, Value>,
    /// Of the validation samples; empty without any.
    pub validation: Map<String, Value>,
    /// Of the test samples; empty without any.
    pub test: Map<String, Value>,
}

/// An epoch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Epoch {
    /// From 1.
    pub epoch: usize,
    /// Mean loss over its steps, with all terms.
    pub loss: f64,
    /// Mean of each term.
    pub parts: Map<String, Value>,
    /// Loss and metric on the validation samples.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation: Option<Map<String, Value>>,
    /// Time it took.
    pub seconds: f64,
}

impl Training {
    /// The learning rates that were tried; the chosen one is marked.
    fn rate_table(&self) -> String {
        let points = self.rate_curve.iter().map(|point| {
            let labels = vec![point.learning_rate.to_string(), point.batch_norm.clone()];
            (labels, &point.measured)
        });
        let rate = self.setting("learning_rate");
        let statistics = self.settings.get("batch_norm").and_then(Value::as_str);
        let kept = |point: &RatePoint| rate == Some(point.learning_rate) && statistics == Some(&point.batch_norm);
        let place = self.rate_curve.iter().position(kept);
        curves::table(&["learning rate", "batch norm"], &points.collect::<Vec<_>>(), place)
    }

    /// The grid of λ; the chosen value is marked.
    fn lambda_table(&self) -> String {
        let points = self.lambda_curve.iter();
        let points = points.map(|point| (vec![point.lambda.to_string()], &point.measured));
        let kept = self.setting("lambda");
        let place = self.lambda_curve.iter().position(|point| kept == Some(point.lambda));
        curves::table(&["lambda"], &points.collect::<Vec<_>>(), place)
    }

    fn setting(&self, name: &str) -> Option<f64> {
        self.settings.get(name).and_then(Value::as_f64)
    }

    /// The run as text: teachers, curves, epochs and metrics.
    pub fn table(&self) -> String {
        let mut text = format!("{}: {} by {}\n", self.model, self.task, self.method);
        for teacher in &self.teachers {
            text.push_str(&format!("  teacher {:.3}  {}\n", teacher.weight, teacher.name));
        }
        if !self.rate_curve.is_empty() {
            text.push_str(&format!("\n{}", self.rate_table()));
        }
        if !self.lambda_curve.is_empty() {
            text.push_str(&format!("\n{}", self.lambda_table()));
        }
        if !self.contest.is_empty() {
            text.push_str(&format!("\n{}", contest::table(&self.contest)));
        }
        for member in &self.members {
            text.push_str(&format!("  member {:.3}  {}\n", member.weight, member.name));
        }
        let metric = self.history.iter().find_map(|epoch| {
            let validation = epoch.validation.as_ref()?;
            validation.keys().find(|key| *key != "loss").cloned()
        });
        let mut columns = vec![("epoch", Align::Right), ("loss", Align::Right)];
        if let Some(metric) = &metric {
            columns.push((metric, Align::Right));
        }
        columns.push(("seconds", Align::Right));
        let mut table = Table::new(&columns);
        for epoch in &self.history {
            let mark = if epoch.epoch == self.chosen_epoch { "*" } else { "" };
            let mut row = vec![format!("{mark}{}", epoch.epoch), format!("{:.4}", epoch.loss)];
            if let Some(metric) = &metric {
                let value = epoch.validation.as_ref().and_then(|metrics| metrics.get(metric));
                row.push(value.map_or_else(|| "–".to_owned(), metric_cell));
            }
            row.push(seconds(epoch.seconds));
            table.row(row);
        }
        if !self.history.is_empty() {
            text.push_str(&format!("\n{}\n", table.render()));
        }
        for (part, metrics) in [
            ("train", &self.metrics.train),
            ("validation", &self.metrics.validation),
            ("test", &self.metrics.test),
        ] {
            if !metrics.is_empty() {
                let list: Vec<String> = metrics
                    .iter()
                    .map(|(name, value)| format!("{name} {}", metric_cell(value)))
                    .collect();
                text.push_str(&format!("{part:<10}  {}\n", list.join(", ")));
            }
        }
        if let Some(stopped) = &self.stopped {
            text.push_str(&format!("ended before the last epoch by {stopped}\n"));
        }
        if self.steps > 0 {
            let noun = if self.steps == 1 { "step" } else { "steps" };
            text.push_str(&format!("{} {noun} of {:.3} s, ", self.steps, self.seconds_per_step));
        }
        text.push_str(&format!("{} s in all\n", seconds(self.seconds)));
        if let Some(time) = &self.time {
            text.push_str(&format!("time: {}\n", time.list()));
        }
        text.push_str(&unreadable_lines(&self.unreadable));
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn measured() -> Measured {
        Measured {
            metric: "accuracy".to_owned(),
            value: 0.8,
            loss: 0.65,
            standard_error: None,
        }
    }

    pub(super) fn training() -> Training {
        let object = |value: Value| value.as_object().cloned().unwrap_or_default();
        Training {
            schema: SCHEMA.to_owned(),
            model: "resnet".to_owned(),
            model_digest: "d".to_owned(),
            source: None,
            method: "b-tuning".to_owned(),
            teachers: vec![Teacher {
                name: "vit".to_owned(),
                weight: 0.75,
                logme: Some(0.5),
            }],
            task: "classification".to_owned(),
            data: TrainingData {
                path: "photos".to_owned(),
                samples: 90,
                validation_samples: 10,
                classes: vec!["a".to_owned(), "b".to_owned()],
                digest: "x".to_owned(),
                dataset_digest: None,
            },
            settings: object(json!({"learning_rate": 0.003, "batch_norm": "frozen", "lambda": 10.0})),
            seed: 0,
            epochs: 1,
            chosen_epoch: 1,
            metrics: Metrics {
                train: object(json!({"accuracy": 0.9})),
                validation: object(json!({"accuracy": 0.8})),
                test: Map::new(),
            },
            history: vec![Epoch {
                epoch: 1,
                loss: 0.7,
                parts: object(json!({"task": 0.6})),
                validation: Some(object(json!({"loss": 0.65, "accuracy": 0.8}))),
                seconds: 3.0,
            }],
            rate_curve: vec![RatePoint {
                learning_rate: 0.003,
                batch_norm: "frozen".to_owned(),
                measured: measured(),
                epochs: Vec::new(),
            }],
            lambda_curve: vec![LambdaPoint {
                lambda: 10.0,
                measured: measured(),
            }],
            seconds: 12.5,
            time: Some(TimeSpent::default().of_run(12.5)),
            seconds_per_step: 0.25,
            steps: 12,
            stopped: None,
            members: Vec::new(),
            contest: Vec::new(),
            unreadable: vec![],
        }
    }

    #[test]
    fn the_json_reads_back_as_it_was_written() {
        let text = crate::to_json(&training()).unwrap();
        assert_eq!(serde_json::from_str::<Training>(&text).unwrap(), training());
    }

    #[test]
    fn the_json_has_the_keys_of_the_contract() {
        let value = serde_json::to_value(training()).unwrap();
        for key in [
            "schema",
            "model",
            "method",
            "teachers",
            "settings",
            "seed",
            "epochs",
            "metrics",
            "seconds",
            "seconds_per_step",
            "steps",
        ] {
            assert!(value.get(key).is_some(), "{key} is missing");
        }
        for part in ["train", "validation", "test"] {
            assert!(value["metrics"][part].is_object(), "{part}");
        }
        assert!(value["teachers"][0]["name"].is_string() && value["teachers"][0]["weight"].is_number());
    }

    #[test]
    fn the_table_marks_the_epoch_that_was_kept() {
        let text = training().table();
        for part in [
            "*1",
            "teacher 0.750  vit",
            "*0.003",
            "*10",
            "validation  accuracy 0.8000",
            "12 steps of 0.250 s, 12.5 s in all\ntime: other 12.5 s\n",
        ] {
            assert!(text.contains(part), "{part:?} is missing in {text}");
        }
    }
}
