//! Predictions of one model for inputs without targets.

mod texts;

use std::fs;
use std::path::{Path, PathBuf};

use ranktune_core::{Interrupt, Progress};
use ranktune_data::image::{EXTENSIONS, decode};
use ranktune_data::{DataKind, Dataset, DatasetTargets, Inputs, Task};
use ranktune_features::extract::{CacheOptions, ExtractOptions};
use ranktune_report::Predictions;
use ranktune_report::evaluation::{PREDICTIONS_SCHEMA, Prediction};
use ranktune_report::ranking::Unreadable;
use ranktune_scores::metrics::largest;
use serde_json::{Map, Value, json};

use crate::ensemble::EnsembleFile;
use crate::error::{Error, ErrorKind};
use crate::predictor::{Predictor, RunContext, only, shown};
use crate::scoring::probabilities;
use crate::sources::Sources;
use crate::tagger::{Tagger, is_tagger};

/// Predicts every input. For a model of images these are files, and folders that are searched for images in the order of their
/// names; for a model of texts the inputs themselves, or the lines of files. Images that do not exist or cannot be read are listed in the
/// result.
///
/// # Errors
/// [`ErrorKind::Data`] if no input exists, for a folder without images, or a text that the model does not take; the others
/// as in [`evaluate`](crate::evaluate()).
///
/// # Examples
/// ```
/// use ranktune::{ExtractOptions, Interrupt, Silent, Sources};
///
/// let model = Sources::from("../../examples/hub/mtcnn-onet-face");
/// let folder = "../../examples/data/digits/test/3".into();
/// let predictions = ranktune::predict(&model, &[folder], &ExtractOptions::default(), &Silent, &Interrupt::default())?;
/// assert_eq!(predictions.predictions.len(), 20);
/// assert!(predictions.predictions.iter().all(|digit| digit.label.as_deref() == Some("not_face")));
/// # Ok::<(), ranktune::Error>(())
/// ```
pub fn predict(
    sources: &Sources,
    inputs: &[PathBuf],
    options: &ExtractOptions,
    progress: &dyn Progress,
    interrupt: &Interrupt,
) -> Result<Predictions, Error> {
    let source = shown(sources);
    let options = &ExtractOptions {
        cache: CacheOptions::Off,
        ..options.clone()
    };
    let context = RunContext {
        options,
        progress,
        interrupt,
    };
    let document = |task: Task, predictions, unreadable| Predictions {
        schema: PREDICTIONS_SCHEMA.to_owned(),
        model: source.clone(),
        task: task.name().to_owned(),
        predictions,
        unreadable,
    };
    let mut predictor = if EnsembleFile::of(sources)?.is_some() {
        Predictor::open(sources, None, context)?
    } else {
        let hub = sources.open(progress, interrupt)?;
        let entry = only(&hub, sources)?;
        if is_tagger(entry) {
            let tagger = Tagger::of(entry, sources, context)?;
            let predictions = texts::tagged(&tagger, texts::texts(inputs, progress)?, context)?;
            return Ok(document(Task::Tokens, predictions, Vec::new()));
        }
        Predictor::of(&hub, sources, None, context)?
    };
    let task = predictor.task.unwrap_or(Task::Classification);
    if let Some(side) = predictor.model.texts() {
        let texts = texts::texts(inputs, progress)?;
        let dataset = texts::dataset(&texts, side)?;
        if dataset.kind() == DataKind::TextPairs {
            predictor = predictor.into_pairs()?;
        }
        let predictions = predicted(&predictor, &dataset, texts, &source, context)?;
        return Ok(document(task, predictions, Vec::new()));
    }
    let (files, mut unreadable) = files(inputs)?;
    let mut readable = Vec::new();
    for file in files {
        match decode(&file) {
            Ok(_) => readable.push(file),
            Err(error) => unreadable.push(Unreadable {
                file: file.display().to_string(),
                reason: error.reason(),
            }),
        }
    }
    let names = readable.iter().map(|file| file.display().to_string()).collect();
    let dataset = without_targets(Inputs::images(readable))?;
    let predictions = predicted(&predictor, &dataset, names, &source, context)?;
    Ok(document(task, predictions, unreadable))
}

/// A data set without targets: one class for all samples, which is ignored.
fn without_targets(inputs: Inputs) -> Result<Dataset, Error> {
    let targets = DatasetTargets::Classes {
        names: vec![String::new()],
        labels: vec![0; inputs.len()],
    };
    Dataset::new("inputs", inputs, targets).map_err(|error| Error::new(ErrorKind::Data, error))
}

/// The predictions for the samples of `dataset`, which are named `inputs`.
fn predicted(
    predictor: &Predictor,
    dataset: &Dataset,
    inputs: Vec<String>,
    source: &str,
    context: RunContext<'_>,
) -> Result<Vec<Prediction>, Error> {
    if inputs.is_empty() {
        return Ok(Vec::new());
    }
    let found = predictor.logits(dataset, &dataset.input_digests(), context)?;
    if found.columns != predictor.names.len() {
        let message = format!(
            "{source}: the model has {} outputs but {} labels",
            found.columns,
            predictor.names.len()
        );
        return Err(Error::new(ErrorKind::Hub, message));
    }
    let task = predictor.task.unwrap_or(Task::Classification);
    let rows = found.values.chunks_exact(found.columns);
    let predictions = inputs.into_iter().zip(rows);
    Ok(predictions
        .map(|(input, row)| prediction(input, row, &predictor.names, task))
        .collect())
}

/// The prediction of logits `[c]`.
fn prediction(input: String, logits: &[f32], names: &[String], task: Task) -> Prediction {
    let named = |values: &[f32]| -> Map<String, Value> {
        names
            .iter()
            .cloned()
            .zip(values.iter().map(|value| json!(value)))
            .collect()
    };
    let mut prediction = Prediction::of(input);
    match task {
        Task::Regression => prediction.values = named(logits),
        Task::MultiLabel => {
            let shares: Vec<f32> = logits.iter().map(|logit| 1.0 / (1.0 + (-logit).exp())).collect();
            let there = names.iter().zip(&shares).filter(|(_, share)| **share >= 0.5);
            prediction.labels = Some(there.map(|(name, _)| name.clone()).collect());
            prediction.probabilities = named(&shares);
        }
        _ => {
            // A single logit is that of the one label.
            let shares = match logits {
                [_] => probabilities(logits, 1).0[1..].to_vec(),
                _ => probabilities(logits, logits.len()).0,
            };
            prediction.label = names.get(largest(&shares)).cloned();
            prediction.probabilities = named(&shares);
        }
    }
    prediction
}

/// The files of the inputs, and the inputs that do not exist.
fn files(inputs: &[PathBuf]) -> Result<(Vec<PathBuf>, Vec<Unreadable>), Error> {
    let (mut files, mut missing) = (Vec::new(), Vec::new());
    for input in inputs {
        let wrong =
            |reason: &dyn std::fmt::Display| Error::new(ErrorKind::Data, format!("{}: {reason}", input.display()));
        let metadata = match fs::metadata(input) {
            Ok(metadata) => metadata,
            Err(error) => {
                let reason = match error.kind() {
                    std::io::ErrorKind::NotFound => "no such file or folder".to_owned(),
                    _ => error.to_string(),
                };
                if missing.len() + 1 == inputs.len() {
                    return Err(wrong(&reason));
                }
                let file = input.display().to_string();
                missing.push(Unreadable { file, reason });
                continue;
            }
        };
        if metadata.is_dir() {
            let before = files.len();
            walk(input, &mut files).map_err(|error| wrong(&error))?;
            if files.len() == before {
                return Err(wrong(&format!(
                    "expected files ending in {}, found no image",
                    EXTENSIONS.join(", ")
                )));
            }
        } else {
            files.push(input.clone());
        }
    }
    Ok((files, missing))
}

/// The images in a folder and its subfolders, by name. Links to folders are not followed.
fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    let mut entries: Vec<_> = fs::read_dir(folder)?.collect::<Result<_, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        let extension = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        if entry.file_type()?.is_dir() {
            walk(&path, files)?;
        } else if EXTENSIONS.contains(&extension.as_str()) {
            files.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn logits_become_what_the_task_is_about() {
        let names = names(&["cat", "dog"]);
        let classes = prediction("a".to_owned(), &[0.0, 3.0_f32.ln()], &names, Task::Classification);
        assert_eq!(classes.label.as_deref(), Some("dog"));
        assert!((classes.probabilities["dog"].as_f64().unwrap() - 0.75).abs() < 1e-6);
        let labels = prediction("a".to_owned(), &[3.0_f32.ln(), -1.0], &names, Task::MultiLabel);
        assert_eq!(labels.labels, Some(vec!["cat".to_owned()]));
        assert!((labels.probabilities["cat"].as_f64().unwrap() - 0.75).abs() < 1e-6);
        let numbers = prediction("a".to_owned(), &[1.5, -2.0], &names, Task::Regression);
        assert_eq!(numbers.values["dog"], json!(-2.0_f32));
        assert!(numbers.label.is_none() && numbers.probabilities.is_empty());
    }

    #[test]
    fn folders_are_walked_for_images_in_the_order_of_names() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        fs::create_dir_all(at("in/b")).unwrap();
        for name in [
            "in/c.PNG",
            "in/a.jpg",
            "in/notes.txt",
            "in/.hidden.png",
            "in/b/x.webp",
            "alone.xyz",
        ] {
            fs::write(at(name), "").unwrap();
        }
        let (found, missing) = files(&[at("alone.xyz"), at("missing.png"), at("in")]).unwrap();
        assert_eq!(missing.len(), 1);
        assert!(missing[0].file.ends_with("missing.png") && !missing[0].reason.is_empty());
        assert_eq!(
            found,
            [at("alone.xyz"), at("in/a.jpg"), at("in/b/x.webp"), at("in/c.PNG")]
        );
        assert!(
            files(&[at("missing.png")])
                .unwrap_err()
                .to_string()
                .contains("missing.png")
        );
        fs::create_dir(at("empty")).unwrap();
        assert!(files(&[at("empty")]).unwrap_err().to_string().contains("no image"));
    }
}
