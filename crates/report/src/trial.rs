//! `ranktune.trial/1`: the beginning of a tuning of one model, kept beside its checkpoints.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Name and version of the document.
pub const SCHEMA: &str = "ranktune.trial/1";

/// A tuning that was begun, and its validation at each rung.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrialDocument {
    /// [`SCHEMA`].
    pub schema: String,
    /// Name of the model in its hub.
    pub model: String,
    /// Content digest of the model's files.
    pub model_digest: String,
    /// Content digest of inputs and targets, as split for training and validation.
    pub data_digest: String,
    /// Seed of everything random.
    pub seed: u64,
    /// Epochs of the whole tuning.
    pub epochs: usize,
    /// The settings that decide its result, by name.
    pub settings: Map<String, Value>,
    /// The rungs that were reached, the shortest first.
    pub rungs: Vec<TrialRung>,
}

/// A tuning at one rung.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrialRung {
    /// Epochs at its end, those of shorter rungs counted.
    pub epochs: usize,
    /// How it ended.
    pub status: TrialStatus,
    /// Name of the metric; `None` without a value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<String>,
    /// The metric of the chosen configuration on the validation samples, after its best epoch so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// Wall-clock time from the rung below, with all configurations.
    pub seconds: f64,
    /// Epochs that were trained from the rung below, over all configurations.
    pub epochs_trained: usize,
    /// Why there is no value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The configurations with a value, the chosen one first, then by value.
    pub configurations: Vec<TrialConfiguration>,
}

/// How a trial ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum TrialStatus {
    /// It has a value.
    Done,
    /// The loss diverged in every configuration.
    Diverged,
    /// The model could not be trained.
    Failed,
}

/// A configuration of a search at one rung.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrialConfiguration {
    /// Its position in the search, from 0.
    pub position: usize,
    /// Learning rate of the backbone.
    pub learning_rate: f64,
    /// How BatchNormalization ran: `train`, `frozen` or `adapted`.
    pub batch_norm: String,
    /// The metric on the validation samples.
    pub value: f64,
    /// The validation loss.
    pub loss: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_json_reads_back_as_it_was_written() {
        let trial = TrialDocument {
            schema: SCHEMA.to_owned(),
            model: "resnet".to_owned(),
            model_digest: "m".to_owned(),
            data_digest: "d".to_owned(),
            seed: 3,
            epochs: 10,
            settings: Map::new(),
            rungs: vec![
                TrialRung {
                    epochs: 1,
                    status: TrialStatus::Done,
                    metric: Some("accuracy".to_owned()),
                    value: Some(0.8),
                    seconds: 2.5,
                    epochs_trained: 5,
                    reason: None,
                    configurations: vec![TrialConfiguration {
                        position: 3,
                        learning_rate: 0.01,
                        batch_norm: "frozen".to_owned(),
                        value: 0.8,
                        loss: 0.7,
                    }],
                },
                TrialRung {
                    epochs: 2,
                    status: TrialStatus::Diverged,
                    metric: None,
                    value: None,
                    seconds: 1.0,
                    epochs_trained: 1,
                    reason: Some("the loss is NaN".to_owned()),
                    configurations: vec![],
                },
            ],
        };
        let text = crate::to_json(&trial).unwrap();
        assert!(text.contains("\"diverged\"") && !text.contains("null"), "{text}");
        assert_eq!(serde_json::from_str::<TrialDocument>(&text).unwrap(), trial);
    }
}
