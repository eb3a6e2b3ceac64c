//! The models of a hub: `ranktune.hub/1`, and `ranktune.verification/1` with the results of each engine.

use serde::{Deserialize, Serialize};

use crate::format::count;
use crate::omitted::skipped_lines;
use crate::ranking::SkippedModel;
use crate::table::{Align, Style, Table, csv};

/// The models of a hub.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HubListing {
    /// `ranktune.hub/1`
    pub schema: String,
    /// In the hub's order.
    pub models: Vec<ModelInspection>,
    /// Models that cannot be used.
    pub skipped: Vec<SkippedModel>,
}

/// One model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelInspection {
    /// Name in the hub.
    pub name: String,
    /// The model file.
    pub path: String,
    /// The repository at its commit, in the form of `--hub`, for a downloaded model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Content digest of the model's files.
    pub digest: String,
    /// `image`, `text` or `other`.
    pub modality: String,
    /// Inputs of the graph.
    pub inputs: Vec<TensorSpec>,
    /// Outputs of the graph.
    pub outputs: Vec<TensorSpec>,
    /// Description of the preprocessing; `null` if unknown.
    pub preprocessing: Option<String>,
    /// The tensor of the features; `null` if none was found.
    pub feature_tensor: Option<String>,
    /// How a feature map or a sequence is pooled into one vector per sample: `none`, `global-average`, `tokens`.
    pub pooling: Option<String>,
    /// Number of features per sample, if the graph states it.
    pub feature_dim: Option<usize>,
    /// The tensor of the classifier's logits; `null` for a model without a classifier.
    pub logits: Option<String>,
    /// Number of weights.
    pub parameters: u64,
    /// Type of the weights: `float32`, `float16` or `quantized`; only float weights can be tuned.
    #[serde(default)]
    pub weights: String,
    /// Version of the operator set.
    pub opset: i64,
    /// The graph's fixed batch size; `null` if it is dynamic.
    pub batch_size: Option<usize>,
    /// Operators with their counts, most frequent first.
    pub operators: Vec<(String, usize)>,
    /// Remarks for the user.
    pub notes: Vec<String>,
}

/// A graph's input or output.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TensorSpec {
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
    /// Models that cannot be used.
    pub skipped: Vec<SkippedModel>,
}

/// One model's verdicts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VerifiedModel {
    /// Name in the hub.
    pub name: String,
    /// One for each engine of this build.
    pub engines: Vec<EngineVerdict>,
    /// Largest difference between the engines' features, relative to their norm; `null` if fewer than two ran.
    pub difference: Option<f64>,
}

/// The result of one engine for a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EngineVerdict {
    /// `rten`, `onnxruntime`, …
    pub engine: String,
    /// Whether it ran with finite features of the expected shape.
    pub runs: bool,
    /// Why it did not.
    pub reason: Option<String>,
}

impl HubListing {
    /// The models as a table with all columns.
    pub fn table(&self) -> String {
        self.list(Style {
            is_wide: true,
            ..Style::default()
        })
    }

    /// The models as a table, one line for each. Without [`Style::is_wide`], inputs and feature tensors are left out.
    pub fn list(&self, style: Style) -> String {
        self.main_table(style).styled(style) + &skipped_lines(&self.skipped)
    }

    /// The table of models in Markdown.
    pub fn markdown(&self, style: Style) -> String {
        self.main_table(style).markdown()
    }

    /// The models as CSV. Names of columns are the keys of the JSON; a value that is not known is empty.
    pub fn csv(&self) -> String {
        let header = [
            "name",
            "modality",
            "inputs",
            "feature_tensor",
            "feature_dim",
            "logits",
            "parameters",
            "weights",
            "opset",
            "source",
            "digest",
        ];
        let rows = self.models.iter().map(|model| {
            vec![
                model.name.clone(),
                model.modality.clone(),
                input_types(model),
                model.feature_tensor.clone().unwrap_or_default(),
                model.feature_dim.map_or_else(String::new, |dim| dim.to_string()),
                model.logits.clone().unwrap_or_default(),
                model.parameters.to_string(),
                model.weights.clone(),
                model.opset.to_string(),
                model.source.clone().unwrap_or_default(),
                model.digest.clone(),
            ]
        });
        csv(&header.map(str::to_owned), rows)
    }

    fn main_table(&self, style: Style) -> Table {
        let mut columns = vec![("model", Align::Left), ("modality", Align::Left)];
        if style.is_wide {
            columns.extend([("input", Align::Left), ("feature tensor", Align::Left)]);
        }
        columns.extend([
            ("dim", Align::Right),
            ("params", Align::Right),
            ("weights", Align::Left),
            ("classes", Align::Left),
        ]);
        if style.is_wide {
            columns.push(("opset", Align::Right));
        }
        let mut table = Table::new(&columns);
        for model in &self.models {
            let mut row = vec![model.name.clone(), model.modality.clone()];
            if style.is_wide {
                row.extend([
                    input_types(model),
                    model.feature_tensor.clone().unwrap_or_else(|| "–".to_owned()),
                ]);
            }
            row.extend([
                model.feature_dim.map_or_else(|| "–".to_owned(), |dim| dim.to_string()),
                count(model.parameters),
                model.weights.clone(),
                model.logits.as_ref().map_or("no classifier", |_| "yes").to_owned(),
            ]);
            if style.is_wide {
                row.push(model.opset.to_string());
            }
            table.row(row);
        }
        table
    }

    /// The full description of every model.
    pub fn text(&self) -> String {
        let models: Vec<String> = self.models.iter().map(ModelInspection::text).collect();
        models.join("\n") + &skipped_lines(&self.skipped)
    }
}

/// The types of a model's inputs, separated by spaces.
fn input_types(model: &ModelInspection) -> String {
    let types: Vec<&str> = model.inputs.iter().map(|input| input.r#type.as_str()).collect();
    types.join(" ")
}

impl ModelInspection {
    /// The full description of the model, one property per line.
    pub fn text(&self) -> String {
        let list = |values: &[TensorSpec]| {
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

/// Engines whose features differ by more, relative to their norm, do not compute the same. Rounding stays below on every model
/// of the test suite.
pub const AGREEMENT: f64 = 1e-3;

impl VerifiedModel {
    /// Whether the engines that ran the model disagree by more than [`AGREEMENT`].
    pub fn disagrees(&self) -> bool {
        self.difference
            .is_some_and(|difference| difference.is_nan() || difference > AGREEMENT)
    }
}

impl Verification {
    /// Number of models that cannot be used, that an engine does not run, or on which engines disagree.
    pub fn failures(&self) -> usize {
        let fails = |model: &&VerifiedModel| model.disagrees() || model.engines.iter().any(|verdict| !verdict.runs);
        self.models.iter().filter(fails).count() + self.skipped.len()
    }

    /// The models as a table.
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
            row.extend(model.engines.iter().map(|verdict| {
                if verdict.runs {
                    return "runs".to_owned();
                }
                verdict.reason.clone().unwrap_or_else(|| "fails".to_owned())
            }));
            row.push(
                model
                    .difference
                    .map_or_else(|| "–".to_owned(), |difference| format!("{difference:.1e}")),
            );
            table.row(row);
        }
        let differ = self.models.iter().filter(|model| model.disagrees()).map(|model| {
            let difference = model.difference.unwrap_or_default();
            format!(
                "{}: the features of the engines differ by {difference:.1e}, and rounding by less than {AGREEMENT:.0e}; \
                 choose one with --engine\n",
                model.name
            )
        });
        table.render() + &differ.collect::<String>() + &skipped_lines(&self.skipped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verified(difference: Option<f64>, runs: &[bool]) -> VerifiedModel {
        VerifiedModel {
            name: "resnet".to_owned(),
            engines: runs
                .iter()
                .map(|&runs| EngineVerdict {
                    engine: "rten".to_owned(),
                    runs,
                    reason: None,
                })
                .collect(),
            difference,
        }
    }

    #[test]
    fn a_model_fails_where_an_engine_does_not_run_it_or_engines_disagree() {
        let of = |model| Verification {
            schema: String::new(),
            models: vec![model],
            skipped: Vec::new(),
        };
        for (difference, runs, failures) in [
            (None, &[true][..], 0),
            (Some(9e-4), &[true, true], 0),
            (Some(1.1e-3), &[true, true], 1),
            (Some(f64::INFINITY), &[true, true], 1),
            (Some(f64::NAN), &[true, true], 1),
            (None, &[true, false], 1),
        ] {
            let verification = of(verified(difference, runs));
            assert_eq!(verification.failures(), failures, "{difference:?}, {runs:?}");
            let says_so = verification
                .table()
                .contains("resnet: the features of the engines differ");
            assert_eq!(
                says_so,
                failures == 1 && difference.is_some(),
                "{}",
                verification.table()
            );
        }
    }
}
