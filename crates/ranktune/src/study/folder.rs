//! The folder of a study.
//!
//! | name | contents |
//! |---|---|
//! | `configuration.json` | what decides the result; another configuration is refused |
//! | `rankings/DATA.json` | a finished ranking |
//! | `cells/DATA/MODEL.METHOD.SEED.json` | a finished tuning, or why it failed |
//! | `tuning/…/` | checkpoints of a tuning that is not finished; deleted with it |
//! | `claims/…` | files that processes lock |
//! | `study.json`, `study.md`, `accuracies.csv`, `scores.csv`, `record.jsonl` | the documents, at the end |

use std::fs;
use std::path::{Path, PathBuf};

use ranktune_core::Digest;
use ranktune_core::files::write_atomically;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::claims::Claim;
use super::configuration::differences;
use crate::error::{Error, ErrorKind};

const CONFIGURATION: &str = "configuration.json";

/// The folder of a study with one configuration.
pub(super) struct StudyFolder {
    path: PathBuf,
}

/// A part of a study: its files have this name under each folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// `rankings` or `cells`.
    pub(super) folder: &'static str,
    /// Its name there, without an ending.
    pub(super) name: String,
}

impl StudyFolder {
    /// The folder at `path`, which need not exist.
    ///
    /// # Errors
    /// As [`begin`](Self::begin), without writing anything.
    pub(super) fn at(path: &Path, configuration: &Map<String, Value>) -> Result<Self, Error> {
        let folder = Self { path: path.to_owned() };
        folder.check(configuration)?;
        Ok(folder)
    }

    /// Creates the folder, or goes on with it if it is of the same configuration.
    ///
    /// # Errors
    /// [`ErrorKind::Output`]: it holds other files or a study of another configuration, which differs as the text says; it cannot be
    /// written to.
    pub(super) fn begin(&self, configuration: &Map<String, Value>) -> Result<(), Error> {
        self.check(configuration)?;
        let _claim = Claim::wait(&self.path.join("claims/configuration.lock"))
            .map_err(|error| self.cannot_write(Path::new("claims"), &error))?;
        // Another process may have written it since.
        if self.check(configuration)? {
            return Ok(());
        }
        self.write(Path::new(CONFIGURATION), configuration)
    }

    /// Whether the folder has this configuration; not if it has none yet.
    fn check(&self, configuration: &Map<String, Value>) -> Result<bool, Error> {
        let shown = self.path.display();
        if self.path.exists() && !self.path.is_dir() {
            let message = format!("{shown}: a file of that name exists; choose a folder with --out");
            return Err(Error::new(ErrorKind::Output, message));
        }
        let file = self.path.join(CONFIGURATION);
        if file.exists() {
            let there: Map<String, Value> = self.read(&file)?;
            let found = differences(&there, configuration);
            if found.is_empty() {
                return Ok(true);
            }
            let message = format!(
                "{shown}: the folder holds a study of another configuration; choose another with --out\n  {}",
                found.join("\n  ")
            );
            return Err(Error::new(ErrorKind::Output, message));
        }
        // Another process may be about to write the configuration.
        let is_own = |name: &str| name == "claims" || name.starts_with('.');
        let holds_others = fs::read_dir(&self.path).is_ok_and(|entries| {
            let mut names = entries.flatten().map(|entry| entry.file_name());
            names.any(|name| !is_own(&name.to_string_lossy()))
        });
        // The configuration may have been written between the two looks.
        if holds_others && !file.exists() {
            let message = format!("{shown}: the folder holds other files; choose an empty or a new one with --out");
            return Err(Error::new(ErrorKind::Output, message));
        }
        Ok(false)
    }

    /// Whether the part is finished.
    pub(super) fn has(&self, part: &Part) -> bool {
        self.file(part).exists()
    }

    /// The finished part.
    ///
    /// # Errors
    /// [`ErrorKind::Output`] where it cannot be read.
    pub(super) fn part<T: DeserializeOwned>(&self, part: &Part) -> Result<T, Error> {
        self.read(&self.file(part))
    }

    /// Writes a finished part, whole or not at all.
    ///
    /// # Errors
    /// [`ErrorKind::Output`].
    pub(super) fn finish(&self, part: &Part, document: &impl Serialize) -> Result<(), Error> {
        self.write(&relative(part), document)
    }

    /// Removes a finished part, so that it is done again.
    pub(super) fn reopen(&self, part: &Part) {
        let _ = fs::remove_file(self.file(part));
    }

    /// Claims a part; `None` if another process has it.
    ///
    /// # Errors
    /// [`ErrorKind::Output`] where files cannot be locked.
    pub(super) fn claim(&self, part: &Part) -> Result<Option<Claim>, Error> {
        let path = Path::new("claims")
            .join(part.folder)
            .join(format!("{}.lock", part.name));
        Claim::attempt(&self.path.join(&path)).map_err(|error| self.cannot_write(&path, &error))
    }

    /// The folder for the checkpoints of a part.
    pub(super) fn tuning(&self, part: &Part) -> PathBuf {
        self.path.join("tuning").join(&part.name)
    }

    /// The folder of the study.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a text, whole or not at all.
    ///
    /// # Errors
    /// [`ErrorKind::Output`].
    pub(super) fn write_text(&self, name: &str, text: &str) -> Result<(), Error> {
        self.write_bytes(Path::new(name), text.as_bytes())
    }

    /// Removes what only work in progress needs.
    pub(super) fn tidy(&self) {
        for name in ["claims", "tuning"] {
            let _ = fs::remove_dir_all(self.path.join(name));
        }
    }

    fn file(&self, part: &Part) -> PathBuf {
        self.path.join(relative(part))
    }

    fn read<T: DeserializeOwned>(&self, path: &Path) -> Result<T, Error> {
        let unreadable = |reason: String| {
            let message = format!("{}: {reason}; delete the file to do this part again", path.display());
            Error::new(ErrorKind::Output, message)
        };
        let bytes = fs::read(path).map_err(|error| unreadable(format!("cannot be read: {error}")))?;
        serde_json::from_slice(&bytes).map_err(|error| unreadable(format!("expected a part of a study: {error}")))
    }

    fn write(&self, path: &Path, document: &impl Serialize) -> Result<(), Error> {
        let text = ranktune_report::to_json(document).map_err(|error| Error::new(ErrorKind::Output, error))?;
        self.write_bytes(path, text.as_bytes())
    }

    fn write_bytes(&self, path: &Path, bytes: &[u8]) -> Result<(), Error> {
        let full = self.path.join(path);
        let written = full.parent().map_or(Ok(()), fs::create_dir_all);
        written
            .and_then(|()| write_atomically(&full, bytes))
            .map_err(|error| self.cannot_write(path, &error))
    }

    fn cannot_write(&self, path: &Path, error: &std::io::Error) -> Error {
        let message = format!(
            "{}: cannot be written: {error}; finished parts are kept: free space or fix permissions, then run the same command again",
            self.path.join(path).display()
        );
        Error::new(ErrorKind::Output, message)
    }
}

fn relative(part: &Part) -> PathBuf {
    Path::new(part.folder).join(format!("{}.json", part.name))
}

/// A name as a file name: letters, digits and `.-_` as they are. Names that differ stay different.
pub(super) fn file_name(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let plain: String = name
        .chars()
        .map(|c| if is_plain(c) { c } else { '_' })
        .take(80)
        .collect();
    if plain == name && !name.starts_with('.') {
        return plain;
    }
    let digest = Digest::of(name.as_bytes()).to_string();
    format!("{}-{}", plain.trim_start_matches('.'), &digest[..8])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn configuration(seeds: u64) -> Map<String, Value> {
        json!({"seeds": seeds, "methods": ["fine-tune"]})
            .as_object()
            .cloned()
            .unwrap()
    }

    #[test]
    fn another_configuration_is_refused_with_what_differs() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("study");
        let folder = StudyFolder::at(&path, &configuration(1)).unwrap();
        assert!(!path.exists(), "nothing is written before the work begins");
        folder.begin(&configuration(1)).unwrap();
        StudyFolder::at(&path, &configuration(1))
            .unwrap()
            .begin(&configuration(1))
            .unwrap();
        let error = StudyFolder::at(&path, &configuration(2)).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Output);
        assert!(error.to_string().contains("seeds: 1 there, 2 here"), "{error}");
    }

    #[test]
    fn a_folder_of_other_files_is_refused() {
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join("thesis.tex"), "").unwrap();
        let error = StudyFolder::at(place.path(), &configuration(1)).err().unwrap();
        assert!(error.to_string().contains("holds other files"), "{error}");
        let file = place.path().join("thesis.tex");
        let error = StudyFolder::at(&file, &configuration(1)).err().unwrap();
        assert!(error.to_string().contains("a file of that name exists"), "{error}");
    }

    #[test]
    fn a_part_is_there_once_it_is_finished_and_a_damaged_one_is_named() {
        let place = tempfile::tempdir().unwrap();
        let folder = StudyFolder::at(&place.path().join("study"), &configuration(1)).unwrap();
        let part = Part {
            folder: "cells",
            name: "flowers/vit.fine-tune.0".to_owned(),
        };
        assert!(!folder.has(&part));
        folder.finish(&part, &json!({"value": 0.5})).unwrap();
        assert_eq!(folder.part::<Value>(&part).unwrap()["value"], 0.5);
        fs::write(folder.path().join("cells/flowers/vit.fine-tune.0.json"), "{").unwrap();
        let error = folder.part::<Value>(&part).unwrap_err().to_string();
        assert!(
            error.contains("vit.fine-tune.0.json") && error.contains("delete the file"),
            "{error}"
        );
        folder.reopen(&part);
        assert!(!folder.has(&part));
    }

    #[test]
    fn names_become_different_file_names() {
        assert_eq!(file_name("resnet-18.v1_a"), "resnet-18.v1_a");
        let odd = ["a/b", "a_b", "a b", "..", ".a", "é", &"x".repeat(300), &"x".repeat(301)].map(file_name);
        for (place, name) in odd.iter().enumerate() {
            assert!(
                !name.contains('/') && !name.starts_with('.') && name.len() < 100,
                "{name}"
            );
            assert!(!odd[..place].contains(name), "{name}");
        }
    }
}
