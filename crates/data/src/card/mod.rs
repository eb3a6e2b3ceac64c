//! What a data set of the Hugging Face hub says about itself: `README.md`, `dataset_infos.json`, `dataset_info.json`.
//!
//! ```text
//! ---
//! configs:
//! - config_name: default
//!   data_files: [{split: train, path: data/train-*}, {split: test, path: data/test-*}]
//! dataset_info:
//!   features: [{name: text, dtype: string}, {name: label, dtype: {class_label: {names: {'0': neg, '1': pos}}}}]
//! ---
//! ```
//!
//! Two things are taken from it: which files belong to a split of a configuration ([`data_files`](crate::data_files)), and the names
//! of the classes that a column has as numbers.

pub(crate) mod features;
mod yaml;

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde_json::Value;

/// Descriptions of data sets with thousands of classes and configurations take a few megabytes.
const MAX_BYTES: u64 = 16 << 20;

/// Columns of classes, each with the names of its classes.
type NamedColumns = Vec<(String, Vec<String>)>;

/// The description of a data set. Empty where there is none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DatasetCard {
    pub(crate) configs: Vec<CardConfig>,
    /// Columns of classes, by the configuration that they are of; `None` for all.
    classes: Vec<(Option<String>, NamedColumns)>,
    /// What could not be read, and why.
    pub notes: Vec<String>,
}

/// The files of a configuration.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct CardConfig {
    pub(crate) name: String,
    pub(crate) is_default: bool,
    /// Patterns of its files, by the name of their split.
    pub(crate) files: Vec<(String, Vec<String>)>,
    /// The folder that the patterns are relative to.
    pub(crate) folder: Option<String>,
}

impl DatasetCard {
    /// Names of the files in a repository that describe it.
    pub const FILES: [&'static str; 3] = ["README.md", "dataset_infos.json", "dataset_info.json"];

    /// The description in `folder`. A file that is missing says nothing; one that cannot be read is said in [`Self::notes`].
    pub fn read(folder: &Path) -> Self {
        let text = |name: &str| {
            let mut bytes = Vec::new();
            let file = File::open(folder.join(name)).ok()?;
            file.take(MAX_BYTES).read_to_end(&mut bytes).ok()?;
            Some(String::from_utf8_lossy(&bytes).into_owned())
        };
        let mut card = Self::default();
        if let Some(text) = text("README.md") {
            card.add_readme(&text);
        }
        for name in ["dataset_infos.json", "dataset_info.json"] {
            if let Some(text) = text(name) {
                card.add_infos(name, &text);
            }
        }
        card
    }

    /// The description in the text of a `README.md`.
    pub fn of_readme(text: &str) -> Self {
        let mut card = Self::default();
        card.add_readme(text);
        card
    }

    fn add_readme(&mut self, text: &str) {
        let Some(metadata) = metadata(text) else { return };
        // Metadata of models and of licences need no parser.
        if !["configs", "dataset_info"]
            .iter()
            .any(|key| metadata.lines().any(|line| line.starts_with(key)))
        {
            return;
        }
        let value = match yaml::parse(metadata) {
            Ok(value) => value,
            Err(fault) => {
                self.notes
                    .push(format!("the metadata of README.md are not read: {fault}"));
                return;
            }
        };
        let configs = value.get("configs").and_then(Value::as_array);
        self.configs
            .extend(configs.into_iter().flatten().filter_map(CardConfig::of));
        let infos = match value.get("dataset_info") {
            Some(Value::Array(infos)) => infos.iter().collect(),
            Some(info) => vec![info],
            None => Vec::new(),
        };
        for info in infos {
            let config = info.get("config_name").and_then(Value::as_str);
            self.add_info(config, info);
        }
    }

    fn add_infos(&mut self, name: &str, text: &str) {
        match serde_json::from_str(text) {
            Ok(Value::Object(infos)) if name == "dataset_infos.json" => {
                for (config, info) in &infos {
                    self.add_info(Some(config), info);
                }
            }
            Ok(info) => self.add_info(None, &info),
            Err(fault) => self.notes.push(format!("{name} is not read: {fault}")),
        }
    }

    fn add_info(&mut self, config: Option<&str>, info: &Value) {
        let columns = info.get("features").map(features::named_columns).unwrap_or_default();
        if !columns.is_empty() {
            self.classes.push((config.map(str::to_owned), columns));
        }
    }

    /// The names of the classes that `column` has as numbers, in the configuration `config`.
    pub fn class_names(&self, config: Option<&str>, column: &str) -> Option<Vec<String>> {
        let of = |columns: &[(String, Vec<String>)]| {
            let found = columns.iter().find(|(name, _)| name == column);
            found.map(|(_, names)| names.clone())
        };
        let fits = |own: &Option<String>| own.is_none() || config.is_none() || own.as_deref() == config;
        let mut found = self
            .classes
            .iter()
            .filter(|(own, _)| fits(own))
            .filter_map(|(_, columns)| of(columns));
        let first = found.next()?;
        // Without a configuration, all have to agree.
        found.all(|other| other == first).then_some(first)
    }
}

impl CardConfig {
    fn of(config: &Value) -> Option<Self> {
        let text = |key: &str| config.get(key).and_then(Value::as_str).map(str::to_owned);
        let folder = text("data_dir");
        let mut files: Vec<(String, Vec<String>)> = Vec::new();
        let mut add = |split: &str, paths: &Value| {
            let paths = match paths {
                Value::String(path) => vec![path.clone()],
                Value::Array(paths) => paths
                    .iter()
                    .filter_map(|path| path.as_str().map(str::to_owned))
                    .collect(),
                _ => Vec::new(),
            };
            match files.iter_mut().find(|(name, _)| name == split) {
                Some((_, known)) => known.extend(paths),
                None if paths.is_empty() => {}
                None => files.push((split.to_owned(), paths)),
            }
        };
        match config.get("data_files") {
            Some(Value::Object(splits)) => splits.iter().for_each(|(split, paths)| add(split, paths)),
            Some(Value::Array(items)) => {
                for item in items {
                    match item.get("split").and_then(Value::as_str) {
                        Some(split) => add(split, item.get("path").unwrap_or(&Value::Null)),
                        None => add("train", item),
                    }
                }
            }
            Some(paths) => add("train", paths),
            None => {}
        }
        // A configuration of other settings, such as `drop_labels`, says nothing about files.
        (!files.is_empty() || folder.is_some()).then(|| Self {
            name: text("config_name").unwrap_or_else(|| "default".to_owned()),
            is_default: config.get("default") == Some(&Value::Bool(true)),
            files,
            folder,
        })
    }
}

/// The lines between the first `---` and the next.
fn metadata(card: &str) -> Option<&str> {
    let card = card.trim_start_matches('\u{feff}');
    let first = card.split_inclusive('\n').next()?;
    if first.trim_end() != "---" {
        return None;
    }
    let rest = &card[first.len()..];
    let mut length = 0;
    for line in rest.split_inclusive('\n') {
        if line.trim_end() == "---" {
            return Some(&rest[..length]);
        }
        length += line.len();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const CARD: &str = "---\nlicense: mit\ndataset_info:\n- config_name: a\n  features:\n  - name: label\n    dtype:\n      class_label:\n        names:\n          '0': neg\n          '1': pos\n- config_name: b\n  features:\n  - name: label\n    dtype:\n      class_label:\n        names:\n          '0': no\n          '1': yes\n---\n# Reviews\n---\n";

    #[test]
    fn classes_are_those_of_the_configuration_and_of_none_where_several_differ() {
        let card = DatasetCard::of_readme(CARD);
        assert_eq!(card.class_names(Some("a"), "label").unwrap(), ["neg", "pos"]);
        assert_eq!(card.class_names(Some("b"), "label").unwrap(), ["no", "yes"]);
        assert_eq!(card.class_names(None, "label"), None);
        assert_eq!(card.class_names(Some("a"), "text"), None);
    }

    #[test]
    fn metadata_that_are_no_yaml_are_said_and_other_cards_say_nothing() {
        let card = DatasetCard::of_readme("---\nconfigs: [\n---\n");
        assert!(card.notes[0].contains("README.md"), "{card:?}");
        for text in ["", "# A model", "---\nlicense: [\n---\n", "---\nconfigs:\n"] {
            assert_eq!(DatasetCard::of_readme(text), DatasetCard::default(), "{text:?}");
        }
    }

    #[test]
    fn descriptions_in_json_are_read_beside_the_card() {
        let folder = tempfile::tempdir().unwrap();
        let info = r#"{"features": {"label": {"names": ["x", "y"], "_type": "ClassLabel"}}}"#;
        std::fs::write(folder.path().join("dataset_infos.json"), format!("{{\"a\": {info}}}")).unwrap();
        let card = DatasetCard::read(folder.path());
        assert_eq!(card.class_names(None, "label").unwrap(), ["x", "y"]);
        assert_eq!(card.class_names(Some("b"), "label"), None);
        std::fs::write(folder.path().join("dataset_info.json"), info).unwrap();
        assert_eq!(
            DatasetCard::read(folder.path())
                .class_names(Some("b"), "label")
                .unwrap(),
            ["x", "y"]
        );
    }
}
