//! A hub as a file: which models, where each is, and what to do differently with it.
//!
//! ```toml
//! [[models]]
//! path = "resnet50"                        # a folder or an ONNX file, from the manifest's folder
//! feature = "/avgpool/GlobalAveragePool_output_0"
//! preprocessing = { crop_size = 288, image_mean = [0.5, 0.5, 0.5] }
//!
//! [[models]]
//! name = "bge"
//! hf = "BAAI/bge-small-en-v1.5"            # with revision = "…", precision = "int8", file = "onnx/model_O2.onnx"
//! pooling = "first-token"
//! ```
//!
//! The same in JSON: `{"models": [{"path": "resnet50"}]}`. A key that is not known is an error that says the line and the nearest
//! key that is: a setting that is silently not taken would be a wrong ranking.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::de::{self, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use crate::json::Object;
use crate::{Error, ErrorKind, FileChoice, RepoId, TextPooling, WeightPrecision};

/// Where a model of a manifest is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Location {
    /// A folder or an ONNX file.
    Path(PathBuf),
    /// A repository on a hub.
    Repository {
        /// Which.
        id: RepoId,
        /// Which of its files.
        choice: FileChoice,
    },
}

/// What a manifest says differently from a model's own files.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Overrides {
    /// Name of the feature tensor.
    pub feature: Option<String>,
    /// How the features of tokens are pooled.
    pub pooling: Option<TextPooling>,
    /// Fields of `preprocessor_config.json` that take the place of the file's.
    pub preprocessing: Option<serde_json::Map<String, Value>>,
}

/// One model of a manifest.
#[derive(Clone, Debug, PartialEq)]
pub struct ManifestModel {
    /// Default: the name of the folder, file or repository.
    pub name: Option<String>,
    /// Where it is.
    pub location: Location,
    /// What is different.
    pub overrides: Overrides,
}

/// The models of a hub.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    /// In the file's order.
    pub models: Vec<ManifestModel>,
}

/// Some ten thousand models; bounds what a wrong file can cost.
const MAX_BYTES: u64 = 4 << 20;

const MODEL_KEYS: &[&str] = &[
    "name",
    "path",
    "hf",
    "revision",
    "precision",
    "file",
    "feature",
    "pooling",
    "preprocessing",
];

/// The keys of `preprocessor_config.json` that have an effect, or are in nearly every such file.
const PREPROCESSING_KEYS: &[&str] = &[
    "image_processor_type",
    "feature_extractor_type",
    "do_resize",
    "size",
    "resample",
    "crop_pct",
    "do_center_crop",
    "crop_size",
    "do_rescale",
    "rescale_factor",
    "rescale_offset",
    "do_normalize",
    "image_mean",
    "image_std",
    "include_top",
    "do_convert_rgb",
    "do_flip_channel_order",
    "do_reduce_labels",
];

impl Manifest {
    /// Whether a file is a manifest, by its name.
    pub fn is_manifest(path: &Path) -> bool {
        path.extension()
            .is_some_and(|end| end.eq_ignore_ascii_case("toml") || end.eq_ignore_ascii_case("json"))
    }

    /// Reads a manifest; TOML unless the name ends in `.json`.
    ///
    /// # Errors
    /// [`ErrorKind::Io`]: it cannot be read; [`ErrorKind::Malformed`]: it is no manifest, with the line.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let io = |e| {
            Error::new(ErrorKind::Io, "cannot read the manifest")
                .caused_by(e)
                .in_file(path)
        };
        let mut text = Vec::new();
        File::open(path)
            .and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut text))
            .map_err(io)?;
        if text.len() as u64 > MAX_BYTES {
            let text = format!("a manifest of more than {MAX_BYTES} bytes is not read");
            return Err(Error::malformed(text).in_file(path));
        }
        let text = String::from_utf8(text).map_err(|_| Error::malformed("not valid UTF-8").in_file(path))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let is_json = path.extension().is_some_and(|end| end.eq_ignore_ascii_case("json"));
        let read = if is_json {
            Self::from_json(&text, folder)
        } else {
            Self::from_toml(&text, folder)
        };
        read.map_err(|e| e.in_file(path))
    }

    /// Reads a manifest in TOML, whose paths begin at `folder`.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`], with the line.
    pub fn from_toml(text: &str, folder: &Path) -> Result<Self, Error> {
        let read = toml::Deserializer::parse(text).and_then(|document| Models { folder }.deserialize(document));
        let models = read.map_err(|e| {
            let before = e.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            Error::malformed(format!("line {line}: {}", e.message()))
        })?;
        Self::checked(models)
    }

    /// Reads a manifest in JSON, whose paths begin at `folder`.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`], with the line.
    pub fn from_json(text: &str, folder: &Path) -> Result<Self, Error> {
        let mut document = serde_json::Deserializer::from_str(text);
        let read = Models { folder }
            .deserialize(&mut document)
            .and_then(|models| document.end().map(|()| models));
        let models = read.map_err(|e| {
            let message = e.to_string();
            let message = message.split(" at line ").next().unwrap_or_default();
            Error::malformed(format!("line {}: {message}", e.line()))
        })?;
        Self::checked(models)
    }

    fn checked(models: Vec<ManifestModel>) -> Result<Self, Error> {
        if models.is_empty() {
            return Err(Error::malformed("no model; expected [[models]] with a path or an hf"));
        }
        let mut seen = BTreeMap::new();
        for (i, model) in models.iter().enumerate() {
            if let Some(name) = &model.name
                && let Some(first) = seen.insert(name, i)
            {
                let text = format!("models {} and {} are both called {name:?}", first + 1, i + 1);
                return Err(Error::malformed(text));
            }
        }
        Ok(Self { models })
    }
}

/// Reads the document.
struct Models<'a> {
    folder: &'a Path,
}

impl<'de> DeserializeSeed<'de> for Models<'_> {
    type Value = Vec<ManifestModel>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Models<'_> {
    type Value = Vec<ManifestModel>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a manifest with models")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut models = None;
        while map.next_key_seed(Key(&["models"]))?.is_some() {
            once(&models, "models")?;
            models = Some(map.next_value_seed(List { folder: self.folder })?);
        }
        Ok(models.unwrap_or_default())
    }
}

/// Reads the list of models.
struct List<'a> {
    folder: &'a Path,
}

impl<'de> DeserializeSeed<'de> for List<'_> {
    type Value = Vec<ManifestModel>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for List<'_> {
    type Value = Vec<ManifestModel>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of models")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut models = Vec::new();
        while let Some(model) = list.next_element_seed(Model { folder: self.folder })? {
            models.push(model);
        }
        Ok(models)
    }
}

/// Reads one model.
struct Model<'a> {
    folder: &'a Path,
}

impl<'de> DeserializeSeed<'de> for Model<'_> {
    type Value = ManifestModel;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Model<'_> {
    type Value = ManifestModel;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a model with a path or an hf")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut name, mut path, mut id, mut revision) = (None, None, None, None);
        let (mut choice, mut overrides) = (FileChoice::default(), Overrides::default());
        while let Some(key) = map.next_key_seed(Key(MODEL_KEYS))? {
            match key {
                "name" => set(&mut name, key, map.next_value_seed(Text(model_name))?)?,
                "path" => set(&mut path, key, map.next_value_seed(Text(some))?)?,
                "hf" => set(&mut id, key, map.next_value_seed(Text(repository))?)?,
                "revision" => set(&mut revision, key, map.next_value_seed(Text(some))?)?,
                "precision" => set(&mut choice.precision, key, map.next_value_seed(Text(precision))?)?,
                "file" => set(&mut choice.file, key, map.next_value_seed(Text(some))?)?,
                "feature" => set(&mut overrides.feature, key, map.next_value_seed(Text(some))?)?,
                "pooling" => set(&mut overrides.pooling, key, map.next_value_seed(Text(pooling))?)?,
                _ => set(&mut overrides.preprocessing, key, map.next_value_seed(Preprocessing)?)?,
            }
        }
        let location = match (path, id) {
            (Some(path), None) => {
                if revision.is_some() || choice != FileChoice::default() {
                    return Err(A::Error::custom(
                        "revision, precision and file belong to hf, not to path",
                    ));
                }
                Location::Path(self.folder.join(path))
            }
            (None, Some(id)) => {
                let id = match revision {
                    Some(_) if id.revision().is_some() => {
                        return Err(A::Error::custom("the revision is there twice, in hf and in revision"));
                    }
                    Some(revision) => id.at(&revision).map_err(A::Error::custom)?,
                    None => id,
                };
                Location::Repository { id, choice }
            }
            (None, None) => return Err(A::Error::custom("a model needs a path or an hf")),
            (Some(_), Some(_)) => return Err(A::Error::custom("a model has a path or an hf, not both")),
        };
        Ok(ManifestModel {
            name,
            location,
            overrides,
        })
    }
}

/// Reads an object of `preprocessor_config.json`'s fields.
struct Preprocessing;

impl<'de> DeserializeSeed<'de> for Preprocessing {
    type Value = Object;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Preprocessing {
    type Value = Object;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table of the keys of preprocessor_config.json")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut object = Object::new();
        while let Some(key) = map.next_key_seed(Key(PREPROCESSING_KEYS))? {
            once(&object.get(key), key)?;
            object.insert(key.to_owned(), map.next_value()?);
        }
        Ok(object)
    }
}

/// Reads a key that must be one of these.
struct Key(&'static [&'static str]);

impl<'de> DeserializeSeed<'de> for Key {
    type Value = &'static str;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for Key {
    type Value = &'static str;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: de::Error>(self, found: &str) -> Result<Self::Value, E> {
        self.0.iter().find(|known| **known == found).copied().ok_or_else(|| {
            let nearest = match nearest(found, self.0) {
                Some(known) => format!("did you mean {known:?}?"),
                None => format!("expected one of {}", self.0.join(", ")),
            };
            E::custom(format!("key {found:.80?} is not known; {nearest}"))
        })
    }
}

/// Reads a text that must have a meaning.
struct Text<T>(fn(&str) -> Result<T, Cow<'static, str>>);

impl<'de, T> DeserializeSeed<'de> for Text<T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<T> Visitor<'_> for Text<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        (self.0)(text).map_err(E::custom)
    }
}

fn some(text: &str) -> Result<String, Cow<'static, str>> {
    if text.trim().is_empty() {
        Err("an empty text means nothing here".into())
    } else {
        Ok(text.to_owned())
    }
}

fn model_name(text: &str) -> Result<String, Cow<'static, str>> {
    let is_plain = text.chars().all(|c| !c.is_control() && c != '/' && c != '\\') && text.trim() == text;
    if text.is_empty() || text.len() > 200 || !is_plain {
        return Err(format!("{text:.200?} cannot be the name of a model").into());
    }
    Ok(text.to_owned())
}

fn repository(text: &str) -> Result<RepoId, Cow<'static, str>> {
    RepoId::parse(text).map_err(|e| e.to_string().into())
}

fn precision(text: &str) -> Result<WeightPrecision, Cow<'static, str>> {
    let names: Vec<&str> = WeightPrecision::ALL.into_iter().map(WeightPrecision::name).collect();
    WeightPrecision::from_name(text)
        .ok_or_else(|| format!("precision {text:.80?}: expected {}", names.join(", ")).into())
}

fn pooling(text: &str) -> Result<TextPooling, Cow<'static, str>> {
    TextPooling::from_name(text)
        .ok_or_else(|| format!("pooling {text:.80?}: expected mean, first-token or last-token").into())
}

/// JSON may have a key twice; which one is meant nobody knows.
fn once<T, E: de::Error>(known: &Option<T>, key: &str) -> Result<(), E> {
    match known {
        Some(_) => Err(E::custom(format!("key {key:?} is there twice"))),
        None => Ok(()),
    }
}

fn set<T, E: de::Error>(target: &mut Option<T>, key: &str, value: T) -> Result<(), E> {
    once(target, key)?;
    *target = Some(value);
    Ok(())
}

/// The known key that is at most a third of its length away, in Levenshtein's distance.
fn nearest<'a>(found: &str, known: &[&'a str]) -> Option<&'a str> {
    let found: Vec<char> = found.to_lowercase().chars().take(64).collect();
    let distance = |known: &str| {
        let mut row: Vec<usize> = (0..=found.len()).collect();
        for (i, a) in known.chars().enumerate() {
            let mut diagonal = row[0];
            row[0] = i + 1;
            for (j, b) in found.iter().enumerate() {
                let substituted = diagonal + usize::from(a != *b);
                diagonal = row[j + 1];
                row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
            }
        }
        row[found.len()]
    };
    let (nearest, distance) = known
        .iter()
        .map(|known| (*known, distance(known)))
        .min_by_key(|(_, distance)| *distance)?;
    (distance <= nearest.len().div_ceil(3)).then_some(nearest)
}

#[cfg(test)]
mod tests;
