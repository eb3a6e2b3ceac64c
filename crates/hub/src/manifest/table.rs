//! One table of `[[models]]` as it is written, and its conversion to a [`ManifestModel`].
//!
//! Types and keys are checked by `serde`'s derived code. Two things are added: the nearest known key in the error for an
//! unknown one ([`explain`]), and a visitor for `preprocessing` that refuses a key given twice, where `serde`'s maps keep the
//! last value.

use std::fmt;

use ranktune_core::names::did_you_mean;
use ranktune_core::terminal::shortened;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};

use super::{Location, ManifestModel, Overrides};
use crate::json::Object;
use crate::{Error, FileChoice, License, RepoId, TextPooling, WeightPrecision};

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

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a model with a path or an hf")]
struct ModelTable {
    name: Option<ModelName>,
    path: Option<Filled>,
    hf: Option<RepoId>,
    revision: Option<Filled>,
    precision: Option<WeightPrecision>,
    file: Option<Filled>,
    feature: Option<Filled>,
    pooling: Option<TextPooling>,
    preprocessing: Option<Preprocessing>,
    license: Option<License>,
}

impl<'de> Deserialize<'de> for ManifestModel {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let table = ModelTable::deserialize(deserializer)?;
        Self::try_from(table).map_err(D::Error::custom)
    }
}

impl TryFrom<ModelTable> for ManifestModel {
    type Error = Error;

    fn try_from(table: ModelTable) -> Result<Self, Error> {
        let choice = FileChoice {
            precision: table.precision,
            file: table.file.map(String::from),
        };
        let revision = table.revision.map(String::from);
        let location = match (table.path, table.hf) {
            (Some(_), Some(_)) => return Err(Error::malformed("a model has a path or an hf, not both")),
            (None, None) => return Err(Error::malformed("a model needs a path or an hf")),
            (Some(path), None) => {
                if revision.is_some() || choice != FileChoice::default() {
                    return Err(Error::malformed(
                        "revision, precision and file belong to hf, not to path",
                    ));
                }
                Location::Path(String::from(path).into())
            }
            (None, Some(id)) => Location::Repository {
                id: at_revision(id, revision)?,
                choice,
            },
        };
        Ok(Self {
            name: table.name.map(String::from),
            location,
            overrides: Overrides {
                feature: table.feature.map(String::from),
                pooling: table.pooling,
                preprocessing: table.preprocessing.map(|Preprocessing(fields)| fields),
                license: table.license,
            },
        })
    }
}

/// The repository at the revision that is given beside it or with it.
fn at_revision(id: RepoId, revision: Option<String>) -> Result<RepoId, Error> {
    let Some(revision) = revision else { return Ok(id) };
    if id.revision().is_some() {
        return Err(Error::malformed("the revision is given twice, in hf and in revision"));
    }
    id.at(&revision)
}

/// A text that is not blank.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Filled(String);

impl TryFrom<String> for Filled {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        if text.trim().is_empty() {
            return Err(Error::malformed("expected a text, found an empty one"));
        }
        Ok(Self(text))
    }
}

impl From<Filled> for String {
    fn from(text: Filled) -> Self {
        text.0
    }
}

/// The name of a model, which is also shown in tables and used for files.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct ModelName(String);

impl TryFrom<String> for ModelName {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        let is_plain = text.chars().all(|c| !c.is_control() && c != '/' && c != '\\') && text.trim() == text;
        if text.is_empty() || text.len() > 200 || !is_plain {
            let text = format!(
                "{:?} cannot be the name of a model: expected 1 to 200 printable characters without slashes",
                shortened(&text, 200)
            );
            return Err(Error::malformed(text));
        }
        Ok(Self(text))
    }
}

impl From<ModelName> for String {
    fn from(name: ModelName) -> Self {
        name.0
    }
}

/// Fields of `preprocessor_config.json`.
struct Preprocessing(Object);

impl<'de> Deserialize<'de> for Preprocessing {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PreprocessingVisitor)
    }
}

struct PreprocessingVisitor;

impl<'de> Visitor<'de> for PreprocessingVisitor {
    type Value = Preprocessing;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table of the keys of preprocessor_config.json")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Object::new();
        while let Some(PreprocessingKey(key)) = map.next_key()? {
            if fields.insert(key.to_owned(), map.next_value()?).is_some() {
                return Err(A::Error::duplicate_field(key));
            }
        }
        Ok(Preprocessing(fields))
    }
}

/// A key of `preprocessor_config.json`. Checked as it is read, so that the error has the key's line.
struct PreprocessingKey(&'static str);

impl<'de> Deserialize<'de> for PreprocessingKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let found = String::deserialize(deserializer)?;
        let known = PREPROCESSING_KEYS.iter().find(|known| **known == found);
        known
            .map(|known| Self(known))
            .ok_or_else(|| D::Error::unknown_field(&found, PREPROCESSING_KEYS))
    }
}

/// An error of `serde` about an unknown key or value, with the nearest known one; other errors as they are.
pub(super) fn explain(message: &str) -> String {
    let kinds = [("unknown field `", "key"), ("unknown variant `", "value")];
    let parts = kinds.into_iter().find_map(|(prefix, kind)| {
        let (found, known) = message.strip_prefix(prefix)?.split_once("`, expected ")?;
        Some((kind, found, known))
    });
    let Some((kind, found, known)) = parts else {
        return message.to_owned();
    };
    let found = &*shortened(found, 80);
    // The known ones stand between backticks.
    let known: Vec<&str> = known.split('`').skip(1).step_by(2).collect();
    let suggestion = did_you_mean(found, known.iter().copied());
    if suggestion.is_empty() {
        return format!("unknown {kind} {found:?}; expected one of {}", known.join(", "));
    }
    format!("unknown {kind} {found:?}{suggestion}")
}
