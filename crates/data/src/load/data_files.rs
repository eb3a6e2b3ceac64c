//! Which files of a repository belong to which split of a data set.
//!
//! A card that lists `configs` decides. Without one, names do, as in the library `datasets`: `data/train-00000-of-00002.parquet`,
//! `train.csv`, `test/cat/1.jpg`, and `CONFIGURATION/train/0000.parquet` on the branch `refs/convert/parquet`. Files whose names say
//! no split are for training.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use glob::{MatchOptions, Pattern};

use super::class_folders::is_image;
use super::options::Split;
use super::table::is_table;
use super::{conll, shards};
use crate::card::{CardConfig, DatasetCard};
use crate::error::listed;
use crate::{Error, Result};

/// JSON files of the library `datasets` that describe a data set.
const DESCRIPTIONS: [&str; 4] = [
    "dataset_info.json",
    "dataset_infos.json",
    "dataset_dict.json",
    "state.json",
];

/// The files of one configuration, by split.
#[derive(Clone, Debug, PartialEq)]
pub struct DataFiles {
    /// The configuration, where there are several or one was asked for.
    pub config: Option<String>,
    /// Whether a card lists the files, rather than their names telling what they are.
    pub is_listed: bool,
    /// What the user should know about the choice.
    pub notes: Vec<String>,
    splits: Vec<(Option<Split>, Vec<String>)>,
}

impl DataFiles {
    /// The splits that files are named by.
    pub fn splits(&self) -> Vec<Split> {
        self.splits.iter().filter_map(|(split, _)| *split).collect()
    }

    /// The names of the files of `split` in order, with those of no split where training is asked for or images lie beside them; empty
    /// if there are none.
    pub fn of(&self, split: Split) -> Vec<String> {
        let named = |wanted: Option<Split>| {
            let found = self.splits.iter().find(|(split, _)| *split == wanted);
            found.map(|(_, files)| files.as_slice()).unwrap_or_default()
        };
        let (own, shared) = (named(Some(split)), named(None));
        if own.is_empty() {
            return if split == Split::Train {
                shared.to_vec()
            } else {
                Vec::new()
            };
        }
        // A table above the folders of its splits, as metadata.csv of images.
        let shows = |name: &String| is_image(Path::new(name));
        let above = shared.iter().filter(|name| own.iter().any(shows) && !shows(name));
        own.iter().chain(above).cloned().collect()
    }
}

/// The files among `names`, all files of a repository, that hold the data of `config`.
///
/// # Errors
/// `NotFound`: no such configuration; no file that could hold data; a pattern of the card that fits no file. `Invalid`: several
/// configurations, and none is named.
pub fn data_files(names: &BTreeSet<String>, card: &DatasetCard, config: Option<&str>) -> Result<DataFiles> {
    let data: BTreeSet<&str> = names.iter().map(String::as_str).filter(|name| is_data(name)).collect();
    if data.is_empty() {
        return Err(without_data(names));
    }
    match chosen(card, config)? {
        Some(chosen) if !chosen.files.is_empty() => listed_files(&data, chosen, card.configs.len() > 1),
        Some(chosen) => {
            let folder = chosen.folder.clone().unwrap_or_default();
            let within = below(&data, &folder);
            if within.is_empty() {
                return Err(nothing(&chosen.name, &[folder]));
            }
            Ok(by_names(&within, Some(chosen.name.clone())))
        }
        None => by_folders(&data, config),
    }
}

/// The configuration of the card that `config` names, or that is taken without a name; `None` where the card lists none of it.
fn chosen<'a>(card: &'a DatasetCard, config: Option<&str>) -> Result<Option<&'a CardConfig>> {
    let configs = &card.configs;
    let by_name = |name: &str| configs.iter().find(|config| config.name == name);
    match (config, configs.as_slice()) {
        (_, []) => Ok(None),
        (Some(name), _) => match by_name(name) {
            Some(config) => Ok(Some(config)),
            None => Err(unknown(
                name,
                &configs.iter().map(|config| config.name.as_str()).collect::<Vec<_>>(),
            )),
        },
        (None, [only]) => Ok(Some(only)),
        (None, several) => {
            let default = several
                .iter()
                .find(|config| config.is_default)
                .or_else(|| by_name("default"));
            if default.is_some() {
                return Ok(default);
            }
            Err(ambiguous(
                &several.iter().map(|config| config.name.as_str()).collect::<Vec<_>>(),
            ))
        }
    }
}

fn unknown(name: &str, known: &[&str]) -> Error {
    let hint = ranktune_core::names::did_you_mean(name, known.iter().copied());
    Error::not_found(format!(
        "no configuration {name:?}; the configurations are {}{hint}",
        listed(known)
    ))
}

fn ambiguous(names: &[&str]) -> Error {
    Error::invalid(format!(
        "holds {} configurations: {}; name one with --config, or behind the name of the repository (hf:datasets/ORG/NAME/{})",
        names.len(),
        listed(names),
        names.first().unwrap_or(&"CONFIG")
    ))
}

fn listed_files(data: &BTreeSet<&str>, config: &CardConfig, is_named: bool) -> Result<DataFiles> {
    let (mut splits, mut others) = (Vec::new(), Vec::new());
    for (name, patterns) in &config.files {
        let mut files: BTreeSet<&str> = BTreeSet::new();
        for pattern in patterns {
            files.extend(matching(data, config.folder.as_deref(), pattern));
        }
        let split = Split::named(name);
        if split.is_none() {
            others.push((name.clone(), files));
        } else if !files.is_empty() {
            splits.push((split, files));
        }
    }
    let mut notes = Vec::new();
    // One split of another name is all there is: `all`, `full`.
    if splits.is_empty() && others.len() == 1 {
        let (name, files) = others.remove(0);
        notes.push(format!("read {name:?}, the only split"));
        splits.push((Some(Split::Train), files));
    }
    if !others.is_empty() {
        let names: Vec<&str> = others.iter().map(|(name, _)| name.as_str()).collect();
        notes.push(format!("splits of other names are not read: {}", listed(&names)));
    }
    if splits.iter().all(|(_, files)| files.is_empty()) {
        let patterns: Vec<String> = config.files.iter().flat_map(|(_, patterns)| patterns.clone()).collect();
        return Err(nothing(&config.name, &patterns));
    }
    let owned = |files: BTreeSet<&str>| files.into_iter().map(str::to_owned).collect();
    Ok(DataFiles {
        config: is_named.then(|| config.name.clone()),
        is_listed: true,
        notes,
        splits: splits.into_iter().map(|(split, files)| (split, owned(files))).collect(),
    })
}

fn nothing(config: &str, patterns: &[String]) -> Error {
    Error::not_found(format!(
        "the README.md lists {} for the configuration {config:?}, and no such file of a format that is read is there",
        listed(patterns)
    ))
}

/// The names that a pattern of a card fits: `*` within a folder, `**` across folders; a folder stands for all files in it.
fn matching<'a>(data: &BTreeSet<&'a str>, folder: Option<&str>, pattern: &str) -> Vec<&'a str> {
    const OPTIONS: MatchOptions = MatchOptions {
        case_sensitive: true,
        require_literal_separator: true,
        require_literal_leading_dot: false,
    };
    let pattern = pattern.trim_start_matches("./");
    let full = match folder.map(|folder| folder.trim_matches('/').trim_start_matches("./")) {
        Some(folder) if !folder.is_empty() && folder != "." => format!("{folder}/{pattern}"),
        _ => pattern.to_owned(),
    };
    let inner = format!("{}/", full.trim_end_matches('/'));
    let glob = Pattern::new(&full).ok();
    let fits = |name: &&&str| {
        **name == full || name.starts_with(&inner) || glob.as_ref().is_some_and(|glob| glob.matches_with(name, OPTIONS))
    };
    data.iter().filter(fits).copied().collect()
}

/// The files of a repository whose card lists none.
fn by_folders(data: &BTreeSet<&str>, config: Option<&str>) -> Result<DataFiles> {
    let folders = configurations(data);
    let names: Vec<&str> = folders.iter().copied().collect();
    let Some(config) = config else {
        return match names.as_slice() {
            [_, _, ..] if folders.contains("default") => {
                Ok(by_names(&below(data, "default"), Some("default".to_owned())))
            }
            [_, _, ..] => Err(ambiguous(&names)),
            _ => Ok(by_names(data, None)),
        };
    };
    for folder in [config.to_owned(), format!("data/{config}")] {
        let within = below(data, &folder);
        if !within.is_empty() {
            return Ok(by_names(&within, Some(config.to_owned())));
        }
    }
    // Every data set has this configuration, even if no file says so.
    if config == "default" && names.len() < 2 {
        return Ok(by_names(data, None));
    }
    Err(unknown(config, &names))
}

fn below<'a>(data: &BTreeSet<&'a str>, folder: &str) -> BTreeSet<&'a str> {
    let prefix = format!("{}/", folder.trim_matches('/'));
    data.iter()
        .filter(|name| prefix == "/" || name.starts_with(&prefix))
        .copied()
        .collect()
}

/// The outer folders, where each of them holds tables of splits and no table lies elsewhere.
fn configurations<'a>(data: &BTreeSet<&'a str>) -> BTreeSet<&'a str> {
    let mut folders = BTreeSet::new();
    for name in data.iter().filter(|name| is_table(Path::new(name))) {
        match name.split_once('/') {
            Some((folder, rest)) if folder != "data" && Split::named(folder).is_none() && split_of(rest).is_some() => {
                folders.insert(folder);
            }
            _ => return BTreeSet::new(),
        }
    }
    folders
}

fn by_names(data: &BTreeSet<&str>, config: Option<String>) -> DataFiles {
    let mut splits: BTreeMap<Option<usize>, Vec<String>> = BTreeMap::new();
    for name in data {
        let split = split_of(name).and_then(|split| Split::ALL.iter().position(|other| *other == split));
        splits.entry(split).or_default().push((*name).to_owned());
    }
    let mut notes = Vec::new();
    let splits = splits.into_iter().map(|(split, files)| {
        let (files, note) = of_one_format(files);
        notes.extend(note);
        (split.map(|at| Split::ALL[at]), files)
    });
    let splits = splits.collect();
    DataFiles {
        config,
        is_listed: false,
        notes,
        splits,
    }
}

/// The split that the name of a file says, or else the nearest folder that is named by one.
fn split_of(name: &str) -> Option<Split> {
    let path = Path::new(name);
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let own = shards::name(&stem).split.or_else(|| shards::split_word(&stem));
    // A picture called `train.jpg` shows one.
    let own = own.filter(|_| !is_image(path));
    own.or_else(|| name.rsplit('/').skip(1).find_map(Split::named))
}

/// Tables of the format that most of them have: repositories often hold the same rows twice.
fn of_one_format(files: Vec<String>) -> (Vec<String>, Option<String>) {
    let ending = |name: &String| {
        Path::new(name)
            .extension()
            .map(|end| end.to_string_lossy().to_lowercase())
    };
    let mut counts: BTreeMap<Option<String>, usize> = BTreeMap::new();
    for name in files.iter().filter(|name| is_table(Path::new(name))) {
        *counts.entry(ending(name)).or_default() += 1;
    }
    let has_images = files.iter().any(|name| is_image(Path::new(name)));
    let rank = |(end, count): &(&Option<String>, &usize)| (**count, end.as_deref() == Some("parquet"));
    let Some((most, _)) = counts
        .iter()
        .max_by_key(rank)
        .filter(|_| counts.len() > 1 && !has_images)
    else {
        return (files, None);
    };
    let (kept, left): (Vec<String>, Vec<String>) = files
        .into_iter()
        .partition(|name| !is_table(Path::new(name)) || ending(name) == *most);
    let note = format!(
        "read the tables in .{}, not {}",
        most.as_deref().unwrap_or_default(),
        listed(&left)
    );
    (kept, Some(note))
}

/// Whether a file of this name may hold data.
fn is_data(name: &str) -> bool {
    let path = Path::new(name);
    let last = name.rsplit('/').next().unwrap_or_default();
    let is_hidden = name.split('/').any(|part| part.starts_with('.'));
    // Words and tags, where the name says a split: `train.txt`.
    let is_text = || path.extension().is_some_and(|end| end == "txt") && split_of(name).is_some();
    let is_known = || is_table(path) || is_image(path) || conll::is_columns(path) || is_text();
    !is_hidden && !is_description(last) && is_known()
}

/// Whether a file of this name describes a data set, instead of holding its rows.
pub(super) fn is_description(name: &str) -> bool {
    DESCRIPTIONS.contains(&name)
}

fn without_data(names: &BTreeSet<String>) -> Error {
    let shown: Vec<&str> = names
        .iter()
        .map(String::as_str)
        .filter(|name| !name.starts_with('.'))
        .collect();
    let ends_with = |ends: &[&str]| shown.iter().any(|name| ends.iter().any(|end| name.ends_with(end)));
    let advice = if ends_with(&[".py"]) {
        "; its data come from a script, which is not run; "
    } else if ends_with(&[".zip", ".tar", ".gz", ".tgz"]) {
        "; its data are in archives, which are not unpacked; "
    } else {
        "; "
    };
    Error::not_found(format!(
        "holds no data of a format that is read: found {}{advice}the hub keeps a copy in Parquet of many data sets, at the revision refs/convert/parquet (hf:datasets/ORG/NAME@refs/convert/parquet)",
        listed(&shown)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &[&str]) -> BTreeSet<String> {
        list.iter().map(|name| (*name).to_owned()).collect()
    }

    fn of(list: &[&str], card: &str, config: Option<&str>, split: Split) -> Result<Vec<String>> {
        Ok(data_files(&names(list), &DatasetCard::of_readme(card), config)?.of(split))
    }

    #[test]
    fn without_a_card_the_names_of_files_and_folders_say_their_split() {
        use Split::{Test, Train, Validation};
        for (list, config, split, expected) in [
            (
                &[
                    "README.md",
                    ".gitattributes",
                    "data/train-00000-of-00002.parquet",
                    "data/train-00001-of-00002.parquet",
                    "data/test-00000-of-00001.parquet",
                ][..],
                None,
                Train,
                &["data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet"][..],
            ),
            (
                &["train.csv", "dev.csv", "dataset_infos.json"],
                None,
                Validation,
                &["dev.csv"],
            ),
            (&["all.csv"], None, Train, &["all.csv"]),
            (&["all.csv"], None, Test, &[]),
            (
                &["a/train/0000.parquet", "b/train/0000.parquet"],
                Some("b"),
                Train,
                &["b/train/0000.parquet"],
            ),
            (
                &["default/train/0000.parquet", "default/test/0000.parquet"],
                None,
                Test,
                &["default/test/0000.parquet"],
            ),
            (
                &["train/cat/1.jpg", "train/dog/train.jpg", "test/cat/2.jpg"],
                None,
                Test,
                &["test/cat/2.jpg"],
            ),
            (
                &["cat/train.jpg", "dog/1.jpg"],
                None,
                Train,
                &["cat/train.jpg", "dog/1.jpg"],
            ),
            (
                &["train/1.jpg", "test/2.jpg", "metadata.csv"],
                None,
                Train,
                &["train/1.jpg", "metadata.csv"],
            ),
            (&["train.csv", "train.parquet"], None, Train, &["train.parquet"]),
            (&["sst2_train.tsv", "sst2_test.tsv"], None, Train, &["sst2_train.tsv"]),
        ] {
            let found = of(list, "", config, split).unwrap();
            assert_eq!(found, expected, "{list:?} {split}");
        }
    }

    #[test]
    fn a_card_lists_files_by_patterns() {
        let card = "---\nconfigs:\n- config_name: one\n  default: true\n  data_files:\n  - split: train\n    path: ['data/tr*.csv', extra/**]\n  - split: test\n    path: data/x\n- config_name: two\n  data_files: '**/z.csv'\n- config_name: three\n  data_dir: extra\n---\n";
        let list = [
            "data/tr1.csv",
            "data/tr/2.csv",
            "extra/a/3.csv",
            "extra/4.csv",
            "data/x/5.csv",
            "deep/er/z.csv",
            "train.csv",
        ];
        for (config, split, expected) in [
            (
                None,
                Split::Train,
                &["data/tr1.csv", "extra/4.csv", "extra/a/3.csv"][..],
            ),
            (None, Split::Test, &["data/x/5.csv"]),
            (Some("two"), Split::Train, &["deep/er/z.csv"]),
            (Some("three"), Split::Train, &["extra/4.csv", "extra/a/3.csv"]),
        ] {
            assert_eq!(of(&list, card, config, split).unwrap(), expected, "{config:?} {split}");
        }
        let error = of(&list, card, Some("tow"), Split::Train).unwrap_err().to_string();
        assert!(
            error.contains("\"one\", \"two\", \"three\"") && error.contains("did you mean \"two\"?"),
            "{error}"
        );
    }

    #[test]
    fn what_cannot_be_chosen_or_read_is_an_error_with_the_way_out() {
        let error = |list: &[&str], card: &str| of(list, card, None, Split::Train).unwrap_err().to_string();
        let several = error(&["a/train/0.parquet", "b/train/0.parquet"], "");
        assert!(
            several.contains("2 configurations: \"a\", \"b\"") && several.contains("--config"),
            "{several}"
        );
        let two = "---\nconfigs:\n- {config_name: a, data_files: a.csv}\n- {config_name: b, data_files: b.csv}\n---\n";
        assert!(error(&["a.csv", "b.csv"], two).contains("hf:datasets/ORG/NAME/a"));
        assert!(error(&["imdb.py", "README.md"], "").contains("@refs/convert/parquet"));
        assert!(error(&["images.zip"], "").contains("archives"));
        let gone = "---\nconfigs:\n- {config_name: a, data_files: gone/*.csv}\n---\n";
        assert!(error(&["b.csv"], gone).contains("\"gone/*.csv\""));
    }
}
