//! `ranktune.predictions/1`: the prediction of a model for each input.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::format::metric_cell;
use crate::omitted::unreadable_lines;
use crate::ranking::Unreadable;
use crate::table::{Align, Table};

/// Predictions of a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Predictions {
    /// `ranktune.predictions/1`.
    pub schema: String,
    /// The model, as the user named it.
    pub model: String,
    /// `classification`, `multilabel`, `regression` or `tokens`.
    pub task: String,
    /// In the order of the inputs.
    pub predictions: Vec<Prediction>,
    /// Unreadable inputs with the reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<Unreadable>,
}

/// Name and version of [`Predictions`].
pub const PREDICTIONS_SCHEMA: &str = "ranktune.predictions/1";

/// The prediction for one input.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Prediction {
    /// The file, or the text.
    pub input: String,
    /// The most probable class; none for other tasks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Labels with a probability of at least ½, for multi-label tasks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<Vec<String>>,
    /// Probability of every class or label by name.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub probabilities: Map<String, Value>,
    /// Predicted values by target column, for regression.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub values: Map<String, Value>,
    /// The tag of every word, for tagged words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<TaggedWord>>,
}

/// A word and its predicted tag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaggedWord {
    /// The word.
    pub word: String,
    /// Its tag.
    pub tag: String,
}

impl Prediction {
    /// An empty prediction for an input.
    pub fn of(input: String) -> Self {
        Self {
            input,
            label: None,
            labels: None,
            probabilities: Map::new(),
            values: Map::new(),
            tags: None,
        }
    }
}

impl Predictions {
    /// The predictions as a table, one per line.
    pub fn table(&self) -> String {
        let numbers: Vec<&str> = self
            .predictions
            .first()
            .map(|first| first.values.keys().map(String::as_str).collect())
            .unwrap_or_default();
        if self.predictions.iter().any(|prediction| prediction.tags.is_some()) {
            return self.tagged();
        }
        let mut columns = vec![("input", Align::Left)];
        if numbers.is_empty() {
            columns.extend([("label", Align::Left), ("probability", Align::Right)]);
        } else {
            columns.extend(numbers.iter().map(|name| (*name, Align::Right)));
        }
        let mut table = Table::new(&columns);
        let cell =
            |object: &Map<String, Value>, name: &str| object.get(name).map_or_else(|| "–".to_owned(), metric_cell);
        for prediction in &self.predictions {
            let mut row = vec![prediction.input.clone()];
            match (&prediction.label, &prediction.labels) {
                (Some(label), _) => row.extend([label.clone(), cell(&prediction.probabilities, label)]),
                (None, Some(labels)) => {
                    let list: Vec<String> = labels
                        .iter()
                        .map(|label| cell(&prediction.probabilities, label))
                        .collect();
                    row.extend([labels.join(", "), list.join(", ")]);
                }
                (None, None) => row.extend(numbers.iter().map(|name| cell(&prediction.values, name))),
            }
            table.row(row);
        }
        let mut text = table.render();
        text.push_str(&unreadable_lines(&self.unreadable));
        text
    }

    /// Words with their tags, one word per line and an empty line after each text, as in files of tagged words.
    fn tagged(&self) -> String {
        let mut text = String::new();
        for prediction in &self.predictions {
            for tagged in prediction.tags.iter().flatten() {
                let _ = writeln!(text, "{} {}", tagged.word, tagged.tag);
            }
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn predictions_of_every_task_have_one_row_per_input() {
        let prediction = |label: Option<&str>, labels: Option<Vec<String>>, values: Value| Prediction {
            input: "a.jpg".to_owned(),
            label: label.map(str::to_owned),
            labels,
            probabilities: object(json!({"cat": 0.75, "dog": 0.25})),
            values: object(values),
            tags: None,
        };
        let table = |prediction: Prediction| {
            Predictions {
                schema: PREDICTIONS_SCHEMA.to_owned(),
                model: "tuned".to_owned(),
                task: "task".to_owned(),
                predictions: vec![prediction],
                unreadable: vec![],
            }
            .table()
        };
        let classes = table(prediction(Some("cat"), None, json!({})));
        assert!(classes.contains("cat") && classes.contains("0.7500"), "{classes}");
        let labels = table(prediction(
            None,
            Some(vec!["cat".to_owned(), "dog".to_owned()]),
            json!({}),
        ));
        assert!(
            labels.contains("cat, dog") && labels.contains("0.7500, 0.2500"),
            "{labels}"
        );
        let numbers = table(prediction(None, None, json!({"price": 12.5})));
        assert!(numbers.contains("price") && numbers.contains("12.5000"), "{numbers}");
    }
}
