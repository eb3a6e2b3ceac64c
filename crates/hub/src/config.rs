//! A model's configuration files: `config.json` in the Hugging Face or timm format, and `1_Pooling/config.json`.
//!
//! Only labels are checked strictly, because a wrong order of labels gives wrong predictions. Other fields are informative: one
//! of an unexpected type (some families store a list where others store a number) is treated as absent.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

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
    /// Class names by output index: `id2label`, or else `label2id` or timm's `label_names`.
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
    /// a JSON object or the class names are invalid.
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

type Labels = BTreeMap<usize, String>;

/// The class names, from the first field that has them. `transformers` writes `LABEL_0`, `LABEL_1` … in `id2label` where nobody has
/// named the classes, so other fields come before those.
fn labels(object: &Object) -> Result<Labels, Error> {
    let timm = object.get("pretrained_cfg").and_then(Value::as_object);
    let usual = by_index(object, "id2label")?;
    let is_named = |labels: &Labels| labels.iter().any(|(index, label)| *label != format!("LABEL_{index}"));
    if is_named(&usual) {
        return Ok(usual);
    }
    let others = [
        by_label(object, "label2id")?,
        by_index(object, "label_names")?,
        timm.map_or(Ok(Labels::new()), |timm| by_index(timm, "label_names"))?,
    ];
    Ok(others.into_iter().find(is_named).unwrap_or(usual))
}

/// Class names in a list, or in an object whose keys are indices written as strings.
fn by_index(object: &Object, name: &str) -> Result<Labels, Error> {
    let text = |label: &Value| label.as_str().map_or_else(|| label.to_string(), str::to_owned);
    let mut labels = Labels::new();
    match json::field(object, name) {
        None => {}
        Some(Value::Array(list)) => labels.extend(list.iter().map(text).enumerate()),
        Some(Value::Object(map)) => {
            for (key, label) in map {
                let index = key
                    .parse()
                    .map_err(|_| Error::malformed(format!("field {name:?}: {key:?} is not an index")))?;
                insert(&mut labels, name, index, text(label))?;
            }
        }
        Some(other) => {
            return Err(json::unexpected(
                name,
                "an object of index and label, or a list of labels",
                other,
            ));
        }
    }
    Ok(labels)
}

/// Class names that are the keys of an object, with indices as values.
fn by_label(object: &Object, name: &str) -> Result<Labels, Error> {
    let mut labels = Labels::new();
    let Some(value) = json::field(object, name) else {
        return Ok(labels);
    };
    let Value::Object(map) = value else {
        return Err(json::unexpected(name, "an object of label and index", value));
    };
    for (label, index) in map {
        let number = json::whole(index).or_else(|| index.as_str()?.parse().ok());
        let index = number.ok_or_else(|| json::unexpected(name, "an object of label and index", index))?;
        insert(&mut labels, name, index, label.clone())?;
    }
    Ok(labels)
}

fn insert(labels: &mut Labels, name: &str, index: usize, label: String) -> Result<(), Error> {
    match labels.insert(index, label) {
        None => Ok(()),
        Some(_) => Err(Error::malformed(format!("field {name:?}: duplicate index {index}"))),
    }
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

    /// Reads the settings of the pooling of sentence-transformers in `dir`: `config.json` in the folder that `modules.json`
    /// names, or in `1_Pooling`. `None` if there is none.
    ///
    /// Versions before 5.4 have a flag for each mode (`pooling_mode_mean_tokens`), later ones a name or a list of names
    /// (`"pooling_mode": "mean"`).
    ///
    /// # Errors
    /// As [`ModelConfig::from_dir`].
    pub fn from_dir(dir: &Path) -> Result<Option<Self>, Error> {
        let path = dir.join(pooling_folder(dir)).join("config.json");
        let Some(object) = json::read_object(&path)? else {
            return Ok(None);
        };
        let mut on: Vec<&str> = match json::field(&object, "pooling_mode") {
            Some(Value::String(mode)) => vec![mode],
            Some(Value::Array(modes)) => modes.iter().filter_map(Value::as_str).collect(),
            Some(other) => {
                let expected = "the name of a mode, or a list of names";
                return Err(json::unexpected("pooling_mode", expected, other).in_file(&path));
            }
            None => Vec::new(),
        };
        on.extend(
            object
                .iter()
                .filter(|(name, value)| name.starts_with("pooling_mode_") && value.as_bool() == Some(true))
                .map(|(name, _)| name.as_str()),
        );
        Ok(Some(match on[..] {
            ["mean" | "pooling_mode_mean_tokens"] => Self::Mean,
            ["cls" | "pooling_mode_cls_token"] => Self::FirstToken,
            ["lasttoken" | "pooling_mode_lasttoken"] => Self::LastToken,
            [] => {
                let text = "no pooling mode is set; expected \"pooling_mode\": \"mean\", or \"pooling_mode_mean_tokens\": true";
                return Err(Error::malformed(text).in_file(&path));
            }
            _ => Self::Other(on.join(" and ")),
        }))
    }
}

/// The folder of the pooling's settings, by `modules.json`.
fn pooling_folder(dir: &Path) -> PathBuf {
    let modules = std::fs::read(dir.join("modules.json")).ok();
    let modules: Vec<Value> = modules
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_default();
    let field = |module: &Value, name: &str| module.get(name).and_then(Value::as_str).map(str::to_owned);
    let pooling = modules
        .iter()
        .find(|module| field(module, "type").is_some_and(|kind| kind.rsplit('.').next() == Some("Pooling")));
    let path = pooling.and_then(|module| field(module, "path")).map(PathBuf::from);
    // A path that leads elsewhere is not followed.
    let is_inside = |path: &PathBuf| path.components().all(|part| matches!(part, Component::Normal(_)));
    path.filter(|path| is_inside(path) && !path.as_os_str().is_empty())
        .unwrap_or_else(|| PathBuf::from("1_Pooling"))
}
