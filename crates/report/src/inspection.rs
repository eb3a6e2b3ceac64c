//! What a hub holds: `ranktune.hub/1` (a line a model), `ranktune.model/1` (one model in full), `ranktune.verification/1`.

use serde::{Deserialize, Serialize};

use crate::format::count;
use crate::table::{Align, Table};

/// The models of a hub.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HubListing {
    /// `ranktune.hub/1`
    pub schema: String,
    /// In the hub's order.
    pub models: Vec<Inspection>,
    /// Entries that could not be read.
    pub skipped: Vec<crate::ranking::SkippedModel>,
}

/// One model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Inspection {
    /// Name in the hub.
    pub name: String,
    /// The model file.
    pub path: String,
    /// The repository at its commit, as `--hub` takes it, for a model from another hub.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Content digest of the model's files.
    pub digest: String,
    /// `image`, `text` or `other`.
    pub modality: String,
    /// Inputs of the graph.
    pub inputs: Vec<Value>,
    /// Outputs of the graph.
    pub outputs: Vec<Value>,
    /// What is done to an input before the graph sees it, in words; `null` where nothing says.
    pub preprocessing: Option<String>,
    /// The tensor whose values are the features, and how it is pooled; `null` where none was found.
    pub feature_tensor: Option<String>,
    /// How a map or a sequence becomes one vector a sample: `none`, `global-average`, `tokens`.
    pub pooling: Option<String>,
    /// Features a sample, where the graph tells.
    pub feature_dim: Option<usize>,
    /// The tensor of the classifier's logits; `null` for a model without a classifier.
    pub logits: Option<String>,
    /// Number of weights.
    pub parameters: u64,
    /// How the weights are kept: `float32`, `float16` or `quantized`; only float weights can be tuned.
    #[serde(default)]
    pub weights: String,
    /// Version of the operator set.
    pub opset: i64,
    /// The batch size the graph was exported with; `null` where any size runs.
    pub batch_size: Option<usize>,
    /// Operators with how often they occur, most frequent first.
    pub operators: Vec<(String, usize)>,
    /// What is worth knowing before using it.
    pub notes: Vec<String>,
}

/// A graph's input or output.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Value {
    /// Its name.
    pub name: String,
    /// Its type and shape, such as `f32[batch,3,224,224]`.
    pub r#type: String,
}

/// Whether each engine can run each model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verification {
    /// `ranktune.verification/1`
    pub schema: String,
    /// In the hub's order.
    pub models: Vec<VerifiedModel>,
    /// Entries that could not be read.
    pub skipped: Vec<crate::ranking::SkippedModel>,
}

/// One model's verdicts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VerifiedModel {
    /// Name in the hub.
    pub name: String,
    /// One an engine of this build.
    pub engines: Vec<EngineVerdict>,
    /// Largest difference of the engines' features, relative to their norm; `null` where fewer than two ran.
    pub difference: Option<f64>,
}

/// What one engine made of a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EngineVerdict {
    /// `rten`, `onnxruntime`, …
    pub engine: String,
    /// Whether it ran and gave finite features of the expected shape.
    pub runs: bool,
    /// Why not.
    pub reason: Option<String>,
}

impl HubListing {
    /// A line a model.
    pub fn table(&self) -> String {
        let mut table = Table::new(&[
            ("model", Align::Left),
            ("input", Align::Left),
            ("feature tensor", Align::Left),
            ("dim", Align::Right),
            ("classes", Align::Left),
            ("params", Align::Right),
            ("opset", Align::Right),
        ]);
        for model in &self.models {
            table.row(vec![
                model.name.clone(),
                model
                    .inputs
                    .iter()
                    .map(|input| input.r#type.clone())
                    .collect::<Vec<_>>()
                    .join(" "),
                model.feature_tensor.clone().unwrap_or_else(|| "–".to_owned()),
                model.feature_dim.map_or_else(|| "–".to_owned(), |dim| dim.to_string()),
                model.logits.as_ref().map_or("no classifier", |_| "yes").to_owned(),
                count(model.parameters),
                model.opset.to_string(),
            ]);
        }
        table.render() + &skipped_lines(&self.skipped)
    }

    /// Everything known of every model.
    pub fn text(&self) -> String {
        let models: Vec<String> = self.models.iter().map(Inspection::text).collect();
        models.join("\n") + &skipped_lines(&self.skipped)
    }
}

impl Inspection {
    /// Everything known of the model, a line each.
    pub fn text(&self) -> String {
        let list = |values: &[Value]| {
            values
                .iter()
                .map(|value| format!("{} {}", value.name, value.r#type))
                .collect::<Vec<_>>()
                .join(", ")
        };
        let operators = self
            .operators
            .iter()
            .map(|(name, times)| format!("{name} ×{times}"))
            .collect::<Vec<_>>()
            .join(", ");
        let feature = match (&self.feature_tensor, &self.pooling) {
            (Some(tensor), Some(pooling)) if pooling != "none" => format!("{tensor} ({pooling})"),
            (Some(tensor), _) => tensor.clone(),
            (None, _) => "not found".to_owned(),
        };
        let lines = [
            (
                "source",
                self.source.clone().unwrap_or_else(|| "this machine".to_owned()),
            ),
            ("path", self.path.clone()),
            ("digest", self.digest.clone()),
            ("modality", self.modality.clone()),
            ("inputs", list(&self.inputs)),
            ("outputs", list(&self.outputs)),
            (
                "batch",
                self.batch_size
                    .map_or_else(|| "any size".to_owned(), |size| format!("{size}, fixed")),
            ),
            (
                "preprocessing",
                self.preprocessing.clone().unwrap_or_else(|| "unknown".to_owned()),
            ),
            ("feature tensor", feature),
            (
                "feature dim",
                self.feature_dim
                    .map_or_else(|| "unknown".to_owned(), |dim| dim.to_string()),
            ),
            (
                "logits",
                self.logits.clone().unwrap_or_else(|| "no classifier".to_owned()),
            ),
            (
                "parameters",
                format!("{} ({})", count(self.parameters), self.parameters),
            ),
            ("weights", self.weights.clone()),
            ("opset", self.opset.to_string()),
            ("operators", operators),
        ];
        let mut text = format!("{}\n", self.name);
        for (name, value) in lines {
            text.push_str(&format!("  {name:<15} {value}\n"));
        }
        for note in &self.notes {
            text.push_str(&format!("  note: {note}\n"));
        }
        text
    }
}

impl Verification {
    /// A line a model.
    pub fn table(&self) -> String {
        let engines: Vec<&str> = self
            .models
            .first()
            .map(|model| model.engines.iter().map(|verdict| verdict.engine.as_str()).collect())
            .unwrap_or_default();
        let mut columns = vec![("model", Align::Left)];
        columns.extend(engines.iter().map(|engine| (*engine, Align::Left)));
        columns.push(("difference", Align::Right));
        let mut table = Table::new(&columns);
        for model in &self.models {
            let mut row = vec![model.name.clone()];
            row.extend(
                model
                    .engines
                    .iter()
                    .map(|verdict| match (&verdict.reason, verdict.runs) {
                        (_, true) => "runs".to_owned(),
                        (Some(reason), false) => reason.clone(),
                        (None, false) => "fails".to_owned(),
                    }),
            );
            row.push(
                model
                    .difference
                    .map_or_else(|| "–".to_owned(), |difference| format!("{difference:.1e}")),
            );
            table.row(row);
        }
        table.render() + &skipped_lines(&self.skipped)
    }
}

fn skipped_lines(skipped: &[crate::ranking::SkippedModel]) -> String {
    skipped
        .iter()
        .map(|model| format!("skipped {}: {}\n", model.name, model.reason))
        .collect()
}
