//! The folder of a tuned model, which is a model of a hub like any other.
//!
//! | file | contents |
//! |---|---|
//! | `model.onnx` | tuned weights, running statistics, the new head; output `logits` |
//! | `config.json` | that of the model, with the new labels, in the order of the logits, and the kind of problem |
//! | `preprocessor_config.json` | the preprocessing at the size that was trained at (timm's is in `config.json`) |
//! | `tokenizer.json` and its other files | those of the model |
//! | `README.md` | the model card: metrics, source and license, with metadata that the Hugging Face hub reads |
//! | `training.json` | settings, history and metrics, `ranktune.training/1`; written last |
//! | `log.jsonl`, `tensorboard/`, `checkpoints/` | records of the run |
//! | `ensemble.json`, `members/` | in place of `model.onnx`, the models of a result that is several |
//! | `auto/` | the candidates of `--method auto` |

use std::fs;
use std::path::{Path, PathBuf};

use ranktune_core::files::{stays_inside, write_atomically};
use ranktune_data::{Dataset, Task};
use ranktune_features::extract::PreparedModel;
use ranktune_hub::ImageProcessor;
use ranktune_hub::processor::ImageSettings;
use ranktune_onnx::Model;
use ranktune_report::Training;
use ranktune_report::training::CardFacts;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::ensemble::EnsembleFile;
use crate::error::{Error, ErrorKind};

/// The files of a tokenizer; only the first is required.
const TOKENIZER_FILES: [&str; 6] = [
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "vocab.txt",
    "sentence_bert_config.json",
    "1_Pooling/config.json",
];

/// The file of the command that began the run.
pub(super) const COMMAND: &str = "command.json";

/// A folder that belongs to one tuning run.
pub(crate) struct OutputFolder {
    pub(crate) path: PathBuf,
}

impl OutputFolder {
    /// Creates the folder, or resumes the run in it.
    ///
    /// # Errors
    /// [`ErrorKind::Output`] when it holds another run or other files, or cannot be written to.
    pub(crate) fn open(path: &Path, resume: bool) -> Result<Self, Error> {
        let output = |message: String| Error::new(ErrorKind::Output, message);
        let shown = path.display();
        if path.exists() && !path.is_dir() {
            return Err(output(format!(
                "{shown}: a file of that name exists; choose a folder with --out"
            )));
        }
        let holds = |name: &str| path.join(name).exists();
        let is_run = ["checkpoints", "training.json", "grid", "members", "auto", COMMAND]
            .into_iter()
            .any(holds);
        // A process that was killed here leaves hidden files, of which the next one makes nothing.
        let is_hidden = |entry: &fs::DirEntry| entry.file_name().as_encoded_bytes().starts_with(b".");
        let is_empty = fs::read_dir(path).map_or(true, |entries| entries.flatten().all(|entry| is_hidden(&entry)));
        if !is_empty && !is_run {
            let message = format!("{shown}: the folder holds other files; choose an empty or a new one with --out");
            return Err(output(message));
        }
        if is_run && !resume {
            return Err(output(if holds("training.json") {
                format!(
                    "{shown}: the folder holds a finished run, whose model is ready; choose another folder with --out"
                )
            } else {
                format!(
                    "{shown}: the folder holds an unfinished run; continue it with --resume, or choose another with --out"
                )
            }));
        }
        let folder = Self { path: path.to_owned() };
        fs::create_dir_all(path).map_err(|error| folder.cannot_write("", error))?;
        // A read-only folder is found before an hour of training, not after.
        folder.write(".writable", b"")?;
        let _ = fs::remove_file(path.join(".writable"));
        Ok(folder)
    }

    /// A folder within one that was opened, which needs no check.
    ///
    /// # Errors
    /// [`ErrorKind::Output`] when it cannot be created.
    pub(crate) fn within(path: PathBuf) -> Result<Self, Error> {
        let folder = Self { path };
        fs::create_dir_all(&folder.path).map_err(|error| folder.cannot_write("", error))?;
        Ok(folder)
    }

    /// Writes the file that makes the folder an ensemble.
    pub(crate) fn write_ensemble(&self, name: &str, file: &EnsembleFile) -> Result<(), Error> {
        let text = ranktune_report::to_json(file).map_err(|error| Error::new(ErrorKind::Output, error))?;
        self.write(name, text.as_bytes())
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Writes a file, whole or not at all.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        write_atomically(&self.path.join(name), bytes).map_err(|error| self.cannot_write(name, error))
    }

    fn cannot_write(&self, name: &str, error: std::io::Error) -> Error {
        let path = self.path.join(name);
        let message = format!(
            "{}: cannot be written: {error}; the checkpoints are kept: free space or fix permissions, then continue with --resume",
            path.display()
        );
        Error::new(ErrorKind::Output, message)
    }

    pub(crate) fn write_json(&self, name: &str, value: &impl Serialize) -> Result<(), Error> {
        let text = ranktune_report::to_json(value).map_err(|error| Error::new(ErrorKind::Output, error))?;
        self.write(name, text.as_bytes())
    }

    /// Writes the tuned model and the files that a hub needs beside it.
    pub(crate) fn write_model(
        &self,
        model: &Model,
        base: &PreparedModel,
        base_folder: Option<&Path>,
        dataset: &Dataset,
    ) -> Result<(), Error> {
        if let Some(folder) = base_folder {
            check_inside(folder, "config.json")?;
        }
        let mut config = config(base_folder);
        label(&mut config, dataset);
        if let Some(side) = base.images() {
            self.write_preprocessing(&side.processor, &mut config)?;
        }
        count_classes(&mut config, dataset.targets.names().len());
        if base.texts().is_some() {
            self.copy_tokenizer(base_folder)?;
        }
        self.write_json("config.json", &config)?;
        model
            .save(&self.path.join("model.onnx"))
            .map_err(|error| Error::new(ErrorKind::Output, error))
    }

    /// Writes the preprocessing of images, or sets it in `config.json`.
    fn write_preprocessing(&self, processor: &ImageProcessor, config: &mut Map<String, Value>) -> Result<(), Error> {
        let (height, width) = processor.input_size();
        if config.contains_key("image_size") {
            config.insert("image_size".to_owned(), json!([height, width]));
        }
        for name in ["pretrained_cfg", "input_size"] {
            config.shift_remove(name);
        }
        match processor.settings() {
            ImageSettings::Timm(fields) => {
                config.insert("pretrained_cfg".to_owned(), Value::Object(fields));
            }
            ImageSettings::HuggingFace(fields) => self.write_json("preprocessor_config.json", &fields)?,
            _ => {}
        }
        Ok(())
    }

    /// Copies the files of the tokenizer.
    fn copy_tokenizer(&self, from: Option<&Path>) -> Result<(), Error> {
        let Some(from) = from else { return Ok(()) };
        for name in TOKENIZER_FILES {
            check_inside(from, name)?;
            let Ok(bytes) = fs::read(from.join(name)) else { continue };
            if let Some((folder, _)) = name.rsplit_once('/') {
                let made = fs::create_dir_all(self.path.join(folder));
                made.map_err(|error| self.cannot_write(folder, error))?;
            }
            self.write(name, &bytes)?;
        }
        Ok(())
    }

    /// Writes the model card and, last of all, the document of the run.
    pub(crate) fn write_training(&self, training: &Training, facts: &CardFacts<'_>) -> Result<(), Error> {
        self.write("README.md", training.card(facts).as_bytes())?;
        self.write_document(training)
    }

    /// Writes the document alone: of a result of several models, which has no model card, or of one whose card is there.
    pub(crate) fn write_document(&self, training: &Training) -> Result<(), Error> {
        let text = ranktune_report::to_json(training).map_err(|error| Error::new(ErrorKind::Output, error))?;
        self.write("training.json", text.as_bytes())
    }
}

/// Refuses to copy a file that is a link out of its folder: a model of someone else's must not put a file of the user's into a folder
/// that is handed on.
fn check_inside(folder: &Path, name: &str) -> Result<(), Error> {
    let path = folder.join(name);
    if stays_inside(folder, &path) {
        return Ok(());
    }
    let message = format!(
        "{}: a link that leads out of the model's folder is not copied to the tuned model; replace it by the file",
        path.display()
    );
    Err(Error::new(ErrorKind::Hub, message))
}

/// The fields of a model's `config.json`; none if the file is missing or not an object.
fn config(folder: Option<&Path>) -> Map<String, Value> {
    folder
        .and_then(|folder| fs::read(folder.join("config.json")).ok())
        .and_then(|bytes| serde_json::from_slice::<Map<String, Value>>(&bytes).ok())
        .unwrap_or_default()
}

/// Sets the labels and the kind of problem.
fn label(config: &mut Map<String, Value>, dataset: &Dataset) {
    let names = dataset.targets.names();
    let problem = match dataset.targets.task() {
        Task::MultiLabel => "multi_label_classification",
        Task::Regression => "regression",
        // Hugging Face has no problem type for tokens.
        Task::Tokens => "",
        _ => "single_label_classification",
    };
    let by_index: Map<String, Value> = names
        .iter()
        .enumerate()
        .map(|(i, name)| (i.to_string(), json!(name)))
        .collect();
    let by_name: Map<String, Value> = names
        .iter()
        .enumerate()
        .map(|(i, name)| (name.clone(), json!(i)))
        .collect();
    for other in ["num_classes", "label_names", "label_descriptions"] {
        config.shift_remove(other);
    }
    config.insert("num_labels".to_owned(), json!(names.len()));
    config.shift_remove("problem_type");
    if !problem.is_empty() {
        config.insert("problem_type".to_owned(), json!(problem));
    }
    config.insert("id2label".to_owned(), Value::Object(by_index));
    config.insert("label2id".to_owned(), Value::Object(by_name));
}

/// Sets the number of classes where timm's files have it once more, beside the arguments of the model or of its preprocessing, and
/// drops the names of the old ones.
fn count_classes(config: &mut Map<String, Value>, classes: usize) {
    for part in ["model_args", "pretrained_cfg"] {
        let Some(Value::Object(fields)) = config.get_mut(part) else {
            continue;
        };
        if let Some(number) = fields.get_mut("num_classes") {
            *number = json!(classes);
        }
        for names in ["label_names", "label_descriptions"] {
            fields.shift_remove(names);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_of_classes_in_a_config_is_the_new_one() {
        let config = json!({
            "architecture": "vit_tiny_patch16_224",
            "model_args": {"num_classes": 1000, "img_size": 96},
            "pretrained_cfg": {"num_classes": 1000, "label_names": ["n01440764"], "crop_pct": 0.9},
        });
        let Value::Object(mut config) = config else {
            panic!("an object")
        };
        count_classes(&mut config, 10);
        let expected = json!({
            "architecture": "vit_tiny_patch16_224",
            "model_args": {"num_classes": 10, "img_size": 96},
            "pretrained_cfg": {"num_classes": 10, "crop_pct": 0.9},
        });
        assert_eq!(Value::Object(config), expected);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_a_file_of_the_user_is_not_copied() {
        let place = tempfile::tempdir().unwrap();
        let (model, secret) = (place.path().join("model"), place.path().join("secret"));
        fs::create_dir(&model).unwrap();
        fs::write(&secret, "{}").unwrap();
        std::os::unix::fs::symlink(&secret, model.join("vocab.txt")).unwrap();
        let out = OutputFolder::open(&place.path().join("out"), false).unwrap();
        let error = out.copy_tokenizer(Some(&model)).unwrap_err().to_string();
        assert!(error.contains("vocab.txt: a link that leads out"), "{error}");
        assert!(!out.join("vocab.txt").exists());
    }

    #[test]
    fn a_process_that_was_killed_at_once_leaves_a_folder_that_is_empty() {
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join("..writable.7.0.tmp"), "").unwrap();
        fs::write(place.path().join(".writable"), "").unwrap();
        OutputFolder::open(place.path(), false).unwrap();
    }

    #[test]
    fn a_folder_of_other_files_or_of_another_run_is_refused() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("out");
        OutputFolder::open(&path, false).unwrap();
        OutputFolder::open(&path, false).unwrap();
        fs::create_dir(path.join("checkpoints")).unwrap();
        let error = OutputFolder::open(&path, false).err().unwrap().to_string();
        assert!(
            error.contains("the folder holds an unfinished run; continue it with --resume"),
            "{error}"
        );
        OutputFolder::open(&path, true).unwrap();
        fs::write(path.join("training.json"), "{}").unwrap();
        let error = OutputFolder::open(&path, false).err().unwrap().to_string();
        assert!(error.contains("a finished run"), "{error}");
        let other = place.path().join("other");
        fs::create_dir(&other).unwrap();
        fs::write(other.join("thesis.tex"), "").unwrap();
        for resume in [false, true] {
            let error = OutputFolder::open(&other, resume).err().unwrap();
            assert_eq!(error.kind(), ErrorKind::Output);
            assert!(error.to_string().contains("other files"), "{error}");
        }
        let file = place.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(OutputFolder::open(&file, false).is_err());
    }
}
