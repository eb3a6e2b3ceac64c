//! Where trials are kept, and how they are found again.
//!
//! ```text
//! FOLDER/NAME-KEY/   key = digest of (model digest, data digest, seed, settings)
//!   trial.json       the rungs that were reached, `ranktune.trial/1`
//!   grid/…           checkpoints and logs, as `tune` has them, which `tune --resume` continues
//! ```
//!
//! A folder is named by what it was trained from, so it is never out of date.

use std::fs;
use std::path::{Path, PathBuf};

use ranktune_core::files::write_atomically;
use ranktune_core::{Event, Progress};
use ranktune_data::Digest;
use ranktune_report::trial::{SCHEMA, TrialDocument};
use serde_json::{Map, Value, json};

use crate::error::{Error, ErrorKind};
use crate::tune::TuneOptions;

const DOCUMENT: &str = "trial.json";

/// The folder of one model's trial.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TrialFolder {
    pub(crate) path: PathBuf,
    /// The document of a trial that has not begun.
    empty: TrialDocument,
}

impl TrialFolder {
    /// The folder in `parent` of the trial of a model on data with the digest `data_digest`.
    pub(crate) fn new(
        parent: &Path,
        (model, model_digest): (&str, &str),
        data_digest: &str,
        (options, rungs): (&TuneOptions, &[usize]),
    ) -> Self {
        let empty = TrialDocument {
            schema: SCHEMA.to_owned(),
            model: model.to_owned(),
            model_digest: model_digest.to_owned(),
            data_digest: data_digest.to_owned(),
            seed: options.train.seed,
            epochs: options.train.epochs,
            settings: settings(options, rungs),
            rungs: Vec::new(),
        };
        // The name of a model says nothing of its result.
        let parts = json!([SCHEMA, model_digest, data_digest, empty.seed, empty.settings]);
        let key = Digest::of(parts.to_string().as_bytes()).to_string();
        let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
        let name: String = model
            .chars()
            .map(|letter| if is_plain(letter) { letter } else { '-' })
            .collect();
        let key: String = key.chars().take(16).collect();
        Self {
            path: parent.join(format!("{name}-{key}")),
            empty,
        }
    }

    /// Name of the model in its hub.
    pub(crate) fn model(&self) -> &str {
        &self.empty.model
    }

    /// The trial as far as it came. A document that cannot be read counts as none: what its checkpoints hold is not trained again.
    pub(crate) fn read(&self, progress: &dyn Progress) -> TrialDocument {
        let path = self.path.join(DOCUMENT);
        let Ok(bytes) = fs::read(&path) else {
            return self.empty.clone();
        };
        match serde_json::from_slice::<TrialDocument>(&bytes) {
            Ok(trial) if trial.schema == SCHEMA => trial,
            Ok(trial) => {
                let text = format!(
                    "{}: expected {SCHEMA}, found {}; not used",
                    path.display(),
                    trial.schema
                );
                progress.event(Event::Note(&text));
                self.empty.clone()
            }
            Err(error) => {
                let text = format!("{}: cannot be read ({error}); not used", path.display());
                progress.event(Event::Note(&text));
                self.empty.clone()
            }
        }
    }

    /// Writes the document.
    ///
    /// # Errors
    /// [`ErrorKind::Output`].
    pub(crate) fn write(&self, trial: &TrialDocument) -> Result<(), Error> {
        let path = self.path.join(DOCUMENT);
        let text = ranktune_report::to_json(trial).map_err(|error| Error::new(ErrorKind::Output, error))?;
        let written = fs::create_dir_all(&self.path).and_then(|()| write_atomically(&path, text.as_bytes()));
        written.map_err(|error| {
            let message = format!(
                "{}: cannot be written: {error}; free space, fix permissions, or choose another folder with --trials",
                path.display()
            );
            Error::new(ErrorKind::Output, message)
        })
    }
}

/// The settings that decide the result of a tuning, besides model, data and seed; rungs decide which configurations go on.
fn settings(options: &TuneOptions, rungs: &[usize]) -> Map<String, Value> {
    // Of numbers, strings and lists, so it is always an object.
    let mut settings = match serde_json::to_value(&options.train) {
        Ok(Value::Object(settings)) => settings,
        _ => Map::new(),
    };
    settings.shift_remove("seed");
    let own = json!({
        "method": options.method,
        "rungs": rungs,
        "learning_rates": options.learning_rates,
        "augmentation": options.augmentation.to_string(),
        "views": options.views,
        "image_size": options.image_size,
        "decay": options.decay,
        "feature": format!("{:?}", options.extract.feature),
        "pooling": options.extract.pooling.as_ref().map(|pooling| format!("{pooling:?}")),
    });
    if let Value::Object(own) = own {
        for (name, value) in own {
            settings.insert(
                if name == "decay" {
                    "method_decay".to_owned()
                } else {
                    name
                },
                value,
            );
        }
    }
    settings
}

#[cfg(test)]
mod tests {
    use ranktune_core::Silent;
    use ranktune_report::trial::{TrialRung, TrialStatus};

    use super::*;

    fn folder(parent: &Path, change: impl Fn(&mut TuneOptions)) -> TrialFolder {
        let mut options = TuneOptions::new("");
        change(&mut options);
        TrialFolder::new(parent, ("org/model", "abc"), "data", (&options, &[1]))
    }

    #[test]
    fn a_trial_is_found_again_by_model_data_seed_and_settings() {
        let parent = Path::new("trials");
        let first = folder(parent, |_| {});
        assert_eq!(first, folder(parent, |options| options.out = "elsewhere".into()));
        let name = first.path.file_name().unwrap().to_str().unwrap().to_owned();
        assert!(
            name.starts_with("org-model-") && name.len() == "org-model-".len() + 16,
            "{name}"
        );
        let mut paths = vec![
            first.path.clone(),
            folder(parent, |options| options.train.seed = 1).path,
            folder(parent, |options| options.train.epochs = 3).path,
            folder(parent, |options| options.learning_rates = vec![0.1]).path,
            folder(parent, |options| options.image_size = Some(64)).path,
            TrialFolder::new(parent, ("org/model", "abd"), "data", (&TuneOptions::new(""), &[1])).path,
            TrialFolder::new(parent, ("org/model", "abc"), "date", (&TuneOptions::new(""), &[1])).path,
            TrialFolder::new(parent, ("org/model", "abc"), "data", (&TuneOptions::new(""), &[2])).path,
        ];
        paths.sort();
        paths.dedup();
        assert_eq!(paths.len(), 8);
        let renamed = TrialFolder::new(parent, ("other", "abc"), "data", (&TuneOptions::new(""), &[1]));
        let key = |path: &Path| path.to_str().unwrap().rsplit('-').next().unwrap().to_owned();
        assert_eq!(key(&renamed.path), key(&first.path));
    }

    #[test]
    fn what_was_written_is_read_and_a_damaged_document_counts_as_none() {
        let place = tempfile::tempdir().unwrap();
        let folder = folder(place.path(), |_| {});
        let mut trial = folder.read(&Silent);
        assert!(trial.rungs.is_empty());
        trial.rungs.push(TrialRung {
            epochs: 1,
            status: TrialStatus::Failed,
            metric: None,
            value: None,
            seconds: 0.5,
            epochs_trained: 0,
            reason: Some("no".to_owned()),
            configurations: vec![],
        });
        folder.write(&trial).unwrap();
        assert_eq!(folder.read(&Silent), trial);
        for text in ["{\"schema\"", "{}", "[]"] {
            fs::write(folder.path.join(DOCUMENT), text).unwrap();
            assert!(folder.read(&Silent).rungs.is_empty(), "{text}");
        }
    }
}
