//! The folder a tuned model is written to, which is a model of a hub like any other.
//!
//! | file | what |
//! |---|---|
//! | `model.onnx` | tuned weights, running statistics, the new head; output `logits` |
//! | `config.json` | that of the model, with the new labels, in the order of the logits, and the kind of problem |
//! | `preprocessor_config.json` | the preprocessing at the size that was trained at (timm's is in `config.json`) |
//! | `tokenizer.json` and what belongs to it | those of the model |
//! | `training.json` | how it was made and how well it does, `ranktune.training/1`; written last |
//! | `log.jsonl`, `tensorboard/`, `checkpoints/` | the run |

use std::fs;
use std::path::{Path, PathBuf};

use ranktune_data::{Dataset, Task};
use ranktune_features::extract::{InputSide, Prepared};
use ranktune_hub::ImageProcessor;
use ranktune_hub::processor::Settings;
use ranktune_onnx::Model;
use ranktune_report::Training;
use serde_json::{Map, Value, json};

use crate::error::{Error, ErrorKind};

/// What may lie beside a model about its tokens; only the first has to.
const TOKENIZER_FILES: [&str; 6] = [
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "vocab.txt",
    "sentence_bert_config.json",
    "1_Pooling/config.json",
];

/// A folder that is ours to write to.
pub(crate) struct Folder {
    pub(crate) path: PathBuf,
}

impl Folder {
    /// Makes the folder, or takes up the run that is in it.
    ///
    /// # Errors
    /// [`ErrorKind::Output`] where another run or other files lie there, or nothing can be written.
    pub(crate) fn open(path: &Path, resume: bool) -> Result<Self, Error> {
        let output = |message: String| Error::new(ErrorKind::Output, message);
        let shown = path.display();
        if path.exists() && !path.is_dir() {
            return Err(output(format!(
                "{shown}: there is a file of that name; name a folder with --out"
            )));
        }
        let holds = |name: &str| path.join(name).exists();
        let is_run = holds("checkpoints") || holds("training.json") || holds("grid");
        let is_empty = fs::read_dir(path).map_or(true, |mut entries| entries.next().is_none());
        if !is_empty && !is_run {
            let message = format!("{shown}: other files are in this folder; name an empty or a new one with --out");
            return Err(output(message));
        }
        if is_run && !resume {
            let what = if holds("training.json") {
                "a finished run"
            } else {
                "an unfinished run"
            };
            let message =
                format!("{shown}: {what} is in this folder; go on with it by --resume, or name another with --out");
            return Err(output(message));
        }
        let folder = Self { path: path.to_owned() };
        fs::create_dir_all(path).map_err(|error| folder.cannot_write("", error))?;
        // Better to learn that a folder is read-only before an hour of training than after it.
        folder.write(".writable", b"")?;
        let _ = fs::remove_file(path.join(".writable"));
        Ok(folder)
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Writes a file under a temporary name and renames it, so that nobody sees half of it.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let partial = self
            .path
            .join(format!(".{}.{}", name.replace('/', "."), std::process::id()));
        fs::write(&partial, bytes)
            .and_then(|()| fs::rename(&partial, self.path.join(name)))
            .map_err(|error| {
                let _ = fs::remove_file(&partial);
                self.cannot_write(name, error)
            })
    }

    fn cannot_write(&self, name: &str, error: std::io::Error) -> Error {
        let path = self.path.join(name);
        let message = format!(
            "{}: cannot be written: {error}; checkpoints are kept, so free space or rights and go on with --resume",
            path.display()
        );
        Error::new(ErrorKind::Output, message)
    }

    fn write_json(&self, name: &str, value: &Map<String, Value>) -> Result<(), Error> {
        let text = ranktune_report::to_json(value).map_err(|error| Error::new(ErrorKind::Output, error))?;
        self.write(name, text.as_bytes())
    }

    /// Writes the tuned model and what a hub wants beside it.
    pub(crate) fn write_model(
        &self,
        model: &Model,
        base: &Prepared,
        base_folder: Option<&Path>,
        dataset: &Dataset,
    ) -> Result<(), Error> {
        let mut config = config(base_folder);
        label(&mut config, dataset);
        match base.side() {
            InputSide::Image(side) => self.write_preprocessing(&side.processor, &mut config)?,
            InputSide::Text(_) => self.copy_tokenizer(base_folder)?,
            _ => {}
        }
        self.write_json("config.json", &config)?;
        model
            .save(&self.path.join("model.onnx"))
            .map_err(|error| Error::new(ErrorKind::Output, error))
    }

    /// Writes how images are prepared, or sets it in `config.json`.
    fn write_preprocessing(&self, processor: &ImageProcessor, config: &mut Map<String, Value>) -> Result<(), Error> {
        let (height, width) = processor.input_size();
        if config.contains_key("image_size") {
            config.insert("image_size".to_owned(), json!([height, width]));
        }
        for name in ["pretrained_cfg", "input_size"] {
            config.shift_remove(name);
        }
        match processor.settings() {
            Settings::Timm(fields) => {
                config.insert("pretrained_cfg".to_owned(), Value::Object(fields));
            }
            Settings::HuggingFace(fields) => self.write_json("preprocessor_config.json", &fields)?,
            _ => {}
        }
        Ok(())
    }

    /// Copies the files that say how texts are tokenized.
    fn copy_tokenizer(&self, from: Option<&Path>) -> Result<(), Error> {
        let Some(from) = from else { return Ok(()) };
        for name in TOKENIZER_FILES {
            let Ok(bytes) = fs::read(from.join(name)) else { continue };
            if let Some((folder, _)) = name.rsplit_once('/') {
                let made = fs::create_dir_all(self.path.join(folder));
                made.map_err(|error| self.cannot_write(folder, error))?;
            }
            self.write(name, &bytes)?;
        }
        Ok(())
    }

    pub(crate) fn write_training(&self, training: &Training) -> Result<(), Error> {
        let text = ranktune_report::to_json(training).map_err(|error| Error::new(ErrorKind::Output, error))?;
        self.write("training.json", text.as_bytes())
    }
}

/// The fields of a model's `config.json`; none where there is no such file or it is no object.
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
        // Hugging Face has no name for it: what shows it are logits for every token.
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
    for other in ["num_classes", "label_names"] {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_of_other_files_or_of_another_run_is_refused() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("out");
        Folder::open(&path, false).unwrap();
        Folder::open(&path, false).unwrap();
        fs::create_dir(path.join("checkpoints")).unwrap();
        let error = Folder::open(&path, false).err().unwrap().to_string();
        assert!(
            error.contains("an unfinished run is in this folder; go on with it by --resume"),
            "{error}"
        );
        Folder::open(&path, true).unwrap();
        fs::write(path.join("training.json"), "{}").unwrap();
        let error = Folder::open(&path, false).err().unwrap().to_string();
        assert!(error.contains("a finished run"), "{error}");
        let other = place.path().join("other");
        fs::create_dir(&other).unwrap();
        fs::write(other.join("thesis.tex"), "").unwrap();
        for resume in [false, true] {
            let error = Folder::open(&other, resume).err().unwrap();
            assert_eq!(error.kind(), ErrorKind::Output);
            assert!(error.to_string().contains("other files"), "{error}");
        }
        let file = place.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(Folder::open(&file, false).is_err());
    }
}
