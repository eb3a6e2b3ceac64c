//! A model's configuration files: `config.json` in the Hugging Face or timm format, and `1_Pooling/config.json`.
//!
//! Only labels are checked strictly, because a wrong order of labels gives wrong predictions. Other fields are informative: one
//! of an unexpected type (some families store a list where others store a number) is treated as absent.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use crate::Error;
use crate::json::{self, Object};

/// The fields of `config.json` that are used.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ModelConfig {
    /// Model family, such as `resnet` or `bert`; the architecture for timm.
    pub model_type: Option<String>,
    /// Class names in the framework that the model was trained with.
    pub architectures: Vec<String>,
    /// Class names by output index.
    pub id2label: BTreeMap<usize, String>,
    /// Number of outputs.
    pub num_labels: Option<usize>,
    /// Width of the features (`hidden_size`, `hidden_dim` or timm's `num_features`).
    pub hidden_dim: Option<usize>,
    /// `single_label_classification`, `multi_label_classification` or `regression`.
    pub problem_type: Option<String>,
    /// Longest sequence of tokens.
    pub max_position_embeddings: Option<usize>,
    /// Index of the padding token.
    pub pad_token_id: Option<usize>,
    /// Whether texts get the tokenizer's special tokens.
    pub add_special_tokens: Option<bool>,
}

impl ModelConfig {
    /// Reads `config.json` in `dir`; `None` if there is none.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](crate::ErrorKind::Io), or [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) where the file is not
    /// a JSON object or `id2label` is invalid.
    pub fn from_dir(dir: &Path) -> Result<Option<Self>, Error> {
        let path = dir.join("config.json");
        let Some(object) = json::read_object(&path)? else {
            return Ok(None);
        };
        Self::from_object(&object).map(Some).map_err(|e| e.in_file(&path))
    }

    fn from_object(object: &Object) -> Result<Self, Error> {
        let text = |name| object.get(name).and_then(Value::as_str).map(str::to_owned);
        let whole = |name| object.get(name).and_then(json::whole);
        let list = object.get("architectures").and_then(Value::as_array);
        let id2label = labels(object)?;
        Ok(Self {
            model_type: text("model_type").or_else(|| text("architecture")),
            architectures: list
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect(),
            num_labels: whole("num_labels")
                .or_else(|| whole("num_classes"))
                .or_else(|| (!id2label.is_empty()).then_some(id2label.len())),
            id2label,
            hidden_dim: whole("hidden_dim")
                .or_else(|| whole("hidden_size"))
                .or_else(|| whole("num_features")),
            problem_type: text("problem_type"),
            max_position_embeddings: whole("max_position_embeddings").or_else(|| whole("n_positions")),
            pad_token_id: whole("pad_token_id"),
            add_special_tokens: object.get("add_special_tokens").and_then(Value::as_bool),
        })
    }

    /// Class names in the order of outputs, if every index from 0 has one.
    pub fn labels(&self) -> Option<Vec<&str>> {
        let complete = !self.id2label.is_empty() && self.id2label.keys().copied().eq(0..self.id2label.len());
        complete.then(|| self.id2label.values().map(String::as_str).collect())
    }
}

/// `id2label`, whose keys are numbers written as strings.
fn labels(object: &Object) -> Result<BTreeMap<usize, String>, Error> {
    let Some(value) = json::field(object, "id2label") else {
        return Ok(BTreeMap::new());
    };
    let map = value
        .as_object()
        .ok_or_else(|| json::unexpected("id2label", "an object of index and label", value))?;
    let mut labels = BTreeMap::new();
    for (key, label) in map {
        let index = key
            .parse()
            .map_err(|_| Error::malformed(format!("field \"id2label\": {key:?} is not an index")))?;
        let label = label.as_str().map_or_else(|| label.to_string(), str::to_owned);
        if labels.insert(index, label).is_some() {
            return Err(Error::malformed(format!("field \"id2label\": duplicate index {index}")));
        }
    }
    Ok(labels)
}

/// How the features of tokens are pooled into the feature of a text.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum TextPooling {
    /// The mean over the tokens of the attention mask.
    Mean,
    /// The first token's features.
    #[serde(alias = "first")]
    FirstToken,
    /// The last token's features.
    #[serde(alias = "last")]
    LastToken,
    /// An unsupported pooling, by its name in the file.
    #[serde(skip)]
    Other(String),
}

impl TextPooling {
    /// The pooling called `mean`, `first` (`first-token`) or `last` (`last-token`).
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "mean" => Self::Mean,
            "first" | "first-token" => Self::FirstToken,
            "last" | "last-token" => Self::LastToken,
            _ => return None,
        })
    }

    /// `mean`, `first` or `last`; an unsupported pooling's own name.
    pub fn name(&self) -> &str {
        match self {
            Self::Mean => "mean",
            Self::FirstToken => "first",
            Self::LastToken => "last",
            Self::Other(name) => name,
        }
    }

    /// Reads `1_Pooling/config.json` in `dir`; `None` if there is none.
    ///
    /// # Errors
    /// As [`ModelConfig::from_dir`].
    pub fn from_dir(dir: &Path) -> Result<Option<Self>, Error> {
        let path = dir.join("1_Pooling").join("config.json");
        let Some(object) = json::read_object(&path)? else {
            return Ok(None);
        };
        let on: Vec<&str> = object
            .iter()
            .filter(|(name, value)| name.starts_with("pooling_mode_") && value.as_bool() == Some(true))
            .map(|(name, _)| name.as_str())
            .collect();
        Ok(Some(match on[..] {
            ["pooling_mode_mean_tokens"] => Self::Mean,
            ["pooling_mode_cls_token"] => Self::FirstToken,
            ["pooling_mode_lasttoken"] => Self::LastToken,
            [] => Self::Other("none".to_owned()),
            _ => Self::Other(on.join(" and ")),
        }))
    }
}
