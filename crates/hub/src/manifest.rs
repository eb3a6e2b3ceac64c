//! A hub as a file: which models, where each is, and which settings override the model's own files.
//!
//! ```toml
//! [[models]]
//! path = "resnet50"                        # a folder or an ONNX file, relative to the manifest
//! feature = "/avgpool/GlobalAveragePool_output_0"
//! preprocessing = { crop_size = 288, image_mean = [0.5, 0.5, 0.5] }
//!
//! [[models]]
//! name = "bge"
//! hf = "BAAI/bge-small-en-v1.5"            # with revision = "…", precision = "int8", file = "onnx/model_O2.onnx"
//! pooling = "first-token"
//! license = "mit"                          # takes precedence over the model card
//! ```
//!
//! The same in JSON: `{"models": [{"path": "resnet50"}]}`. An unknown key is an error that names the line and the nearest known
//! key: a setting that is silently ignored would give a wrong ranking.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use crate::{Error, FileChoice, License, RepoId, TextPooling};

mod table;

use table::explain;

/// Where a model of a manifest is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Location {
    /// A folder or an ONNX file.
    Path(PathBuf),
    /// A repository on a hub.
    Repository {
        /// Its name and revision.
        id: RepoId,
        /// Which of its files.
        choice: FileChoice,
    },
}

/// Settings of a manifest that take the place of those in a model's own files.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Overrides {
    /// Name of the feature tensor.
    pub feature: Option<String>,
    /// How the features of tokens are pooled.
    pub pooling: Option<TextPooling>,
    /// Fields of `preprocessor_config.json` that take the place of the file's.
    pub preprocessing: Option<serde_json::Map<String, Value>>,
    /// The license, instead of that of the model card.
    pub license: Option<License>,
}

/// One model of a manifest.
#[derive(Clone, Debug, PartialEq)]
pub struct ManifestModel {
    /// Default: the name of the folder, file or repository.
    pub name: Option<String>,
    /// Where it is.
    pub location: Location,
    /// Settings that take the place of those in the model's files.
    pub overrides: Overrides,
}

/// The models of a hub.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    /// In the file's order.
    pub models: Vec<ManifestModel>,
}

/// Enough for some ten thousand models; bounds the memory that a wrong file can take.
const MAX_BYTES: u64 = 4 << 20;

impl Manifest {
    /// Whether a file is a manifest, by its name.
    pub fn is_manifest(path: &Path) -> bool {
        has_extension(path, "toml") || has_extension(path, "json")
    }

    /// Reads a manifest; TOML unless the name ends in `.json`.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](crate::ErrorKind::Io): the file cannot be read; [`ErrorKind::Malformed`](crate::ErrorKind::Malformed):
    /// it is not a manifest. The text names the file and the line.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let mut bytes = Vec::new();
        File::open(path)
            .and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes))
            .map_err(|e| Error::io("cannot read the manifest", e, path))?;
        if bytes.len() as u64 > MAX_BYTES {
            let text = format!("the manifest is too large: expected at most {MAX_BYTES} bytes");
            return Err(Error::malformed(text).in_file(path));
        }
        let text = String::from_utf8(bytes).map_err(|_| Error::malformed("not valid UTF-8").in_file(path))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let manifest = if has_extension(path, "json") {
            Self::from_json(&text, folder)
        } else {
            Self::from_toml(&text, folder)
        };
        manifest.map_err(|e| e.in_file(path))
    }

    /// Reads a manifest in TOML, whose paths are relative to `folder`.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed), with the line.
    pub fn from_toml(text: &str, folder: &Path) -> Result<Self, Error> {
        let document: Document = toml::from_str(text).map_err(|e| {
            let before = e.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            Error::malformed(format!("line {line}: {}", explain(e.message())))
        })?;
        Self::checked(document, folder)
    }

    /// Reads a manifest in JSON, whose paths are relative to `folder`.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed), with the line.
    pub fn from_json(text: &str, folder: &Path) -> Result<Self, Error> {
        let document: Document = serde_json::from_str(text).map_err(|e| {
            let message = e.to_string();
            let message = message.split(" at line ").next().unwrap_or_default();
            Error::malformed(format!("line {}: {}", e.line(), explain(message)))
        })?;
        Self::checked(document, folder)
    }

    fn checked(document: Document, folder: &Path) -> Result<Self, Error> {
        let mut models = document.models;
        if models.is_empty() {
            return Err(Error::malformed("no model; expected [[models]] with a path or an hf"));
        }
        let mut seen = BTreeMap::new();
        for (i, model) in models.iter().enumerate() {
            if let Some(name) = &model.name
                && let Some(first) = seen.insert(name.clone(), i)
            {
                let text = format!("models {} and {} are both called {name:?}", first + 1, i + 1);
                return Err(Error::malformed(text));
            }
        }
        for model in &mut models {
            if let Location::Path(path) = &mut model.location {
                *path = folder.join(&*path);
            }
        }
        Ok(Self { models })
    }
}

/// A manifest file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a manifest with models")]
struct Document {
    #[serde(default)]
    models: Vec<ManifestModel>,
}

fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|end| end.eq_ignore_ascii_case(extension))
}

#[cfg(test)]
mod tests;
