//! Writes the features of one model to a file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ranktune_core::{Interrupt, Progress};
use ranktune_data::arrays::{self, Matrix};
use ranktune_data::{Dataset, DatasetTargets};
use ranktune_features::extract::{ExtractOptions, Extraction, UnreadableSample, extract, extract_words};

use crate::error::{Error, ErrorKind};
use crate::models::{nothing_ranked, prepare};
use crate::scoring::probabilities;
use crate::sources::Sources;

/// The size of an exported file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// Number of rows.
    pub samples: usize,
    /// Features per row.
    pub features: usize,
    /// Samples that could not be read and have no row.
    pub unreadable: Vec<UnreadableSample>,
    /// The table of the rows' inputs and targets that was written beside the features, for a format that cannot hold them.
    pub rows: Option<PathBuf>,
}

/// The format of the file.
#[derive(Clone, Copy)]
enum Format {
    Safetensors,
    Npy,
}

/// Writes the features of the one model of `source` on `dataset` to `out`: a `.safetensors` file with `features`, `labels` or
/// `targets`, and `probabilities` if the model has a classifier; or an `.npy` file with the features alone. The inputs of the rows
/// (the files of images) are in the metadata `inputs` of the former, as a JSON list; beside the latter is a table of inputs and
/// targets, `NAME.rows.csv`, and so it is where the metadata would be too large.
///
/// # Errors
/// [`ErrorKind::Arguments`]: another extension, or several models. [`ErrorKind::Hub`], [`ErrorKind::Extraction`],
/// [`ErrorKind::Interrupted`] as in [`rank`](crate::rank()); [`ErrorKind::Data`] if the file cannot be written.
///
/// # Examples
/// ```
/// use ranktune::{CacheOptions, ExtractOptions, Interrupt, LoadOptions, Silent, Sources};
///
/// let folder = tempfile::tempdir()?;
/// let file = folder.path().join("glove.npy");
/// let data = ranktune::load("../../examples/data/topics".as_ref(), &LoadOptions::default())?;
/// let model = Sources::from("../../examples/hub/glove-50d-1k");
/// let options = ExtractOptions { cache: CacheOptions::Off, ..ExtractOptions::default() };
/// let export = ranktune::export_features(&model, &data, &file, &options, &Silent, &Interrupt::default())?;
/// assert_eq!((export.samples, export.features), (96, 50));
/// assert!(export.unreadable.is_empty());
/// assert!(file.exists());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn export_features(
    source: &Sources,
    dataset: &Dataset,
    out: &Path,
    options: &ExtractOptions,
    progress: &dyn Progress,
    interrupt: &Interrupt,
) -> Result<Export, Error> {
    let format = match out.extension().and_then(|extension| extension.to_str()) {
        Some("safetensors") => Format::Safetensors,
        Some("npy") => Format::Npy,
        _ => {
            let message = format!(
                "{}: expected a file name that ends in .safetensors or .npy",
                out.display()
            );
            return Err(Error::new(ErrorKind::Arguments, message));
        }
    };
    let hub = source.open(progress, interrupt)?;
    if hub.entries.len() > 1 {
        let names: Vec<&str> = hub.entries.iter().map(|entry| entry.name.as_str()).collect();
        let message = format!(
            "expected one model, found {}: {}; name one of their folders",
            names.len(),
            names.join(", ")
        );
        return Err(Error::new(ErrorKind::Arguments, message));
    }
    let (models, skipped) = prepare(&hub, Some(dataset.kind()), options, progress);
    let Some(model) = models.first() else {
        return Err(nothing_ranked(&skipped));
    };
    // The order of rankings, so that their cached features are used.
    let by_word = dataset.kind().is_by_word();
    let order = if by_word {
        (0..dataset.n_samples()).collect()
    } else {
        dataset.draw_order(0)
    };
    let given = dataset;
    let dataset = &given.select(&order)?;
    let digests = dataset.input_digests();
    let work = Extraction {
        models: &models,
        dataset,
        digests: &digests,
        options,
        progress,
        interrupt,
    };
    let extracted = if by_word {
        of_words(&work)?
    } else {
        of_samples(&work, &order)?
    };
    let Extracted {
        features,
        probabilities: source_head,
        unreadable,
        rows,
    } = extracted;
    let kept = given.select(&rows)?;
    let inputs: Vec<String> = (0..kept.n_samples())
        .map(|row| kept.inputs.place(row).display().to_string())
        .collect();
    let mut table = None;
    let write_table = || write_rows(&out.with_extension("rows.csv"), &kept, &inputs);
    match format {
        Format::Npy => {
            arrays::write_npy(out, features.view())?;
            table = Some(write_table()?);
        }
        Format::Safetensors => {
            let listed = serde_json::json!(inputs).to_string();
            let mut metadata = BTreeMap::from([
                ("model".to_owned(), model.name().to_owned()),
                ("model_digest".to_owned(), model.digest().to_owned()),
                ("feature_tensor".to_owned(), model.feature_tensor().to_owned()),
                (
                    "classes".to_owned(),
                    serde_json::json!(kept.targets.names()).to_string(),
                ),
            ]);
            if listed.len() <= METADATA_BYTES {
                metadata.insert("inputs".to_owned(), listed);
            } else {
                table = Some(write_table()?);
            }
            let export = arrays::FeatureFile {
                features: features.view(),
                targets: Some(&kept.targets),
                probabilities: source_head.as_ref().map(Matrix::view),
                metadata,
            };
            arrays::write_safetensors(out, &export)?;
        }
    }
    Ok(Export {
        samples: features.rows,
        features: features.cols,
        unreadable,
        rows: table,
    })
}

/// Readers of safetensors refuse headers of 100 MB; this leaves room.
const METADATA_BYTES: usize = 50 << 20;

/// Writes a table with a line for each row of features: its number, its input, and its target (for words, the sentence and the word).
fn write_rows(path: &Path, kept: &Dataset, inputs: &[String]) -> Result<PathBuf, Error> {
    let quoted = |text: &str| {
        if text.contains([',', '"', '\n', '\r']) {
            format!("\"{}\"", text.replace('"', "\"\""))
        } else {
            text.to_owned()
        }
    };
    let names = kept.targets.names();
    let heads = match &kept.targets {
        DatasetTargets::Regression { .. } => names.iter().map(|name| quoted(name)).collect(),
        DatasetTargets::MultiLabel { .. } => vec!["labels".to_owned()],
        DatasetTargets::Tags { .. } => vec!["word".to_owned(), "label".to_owned()],
        _ => vec!["label".to_owned()],
    };
    let mut text = format!("row,input,{}\n", heads.join(","));
    let mut line = |row: usize, input: &str, cells: &[String]| {
        let cells: Vec<String> = cells.iter().map(|cell| quoted(cell)).collect();
        text += &format!("{row},{},{}\n", quoted(input), cells.join(","));
    };
    let name = |label: &u32| names[*label as usize].clone();
    let mut row = 0;
    for (at, input) in inputs.iter().enumerate() {
        let labels = kept.targets.labels_of(at);
        match &kept.targets {
            DatasetTargets::Regression { values, .. } => {
                let values = &values[at * names.len()..(at + 1) * names.len()];
                line(row, input, &values.iter().map(ToString::to_string).collect::<Vec<_>>());
            }
            DatasetTargets::MultiLabel { .. } => {
                let labels: Vec<String> = labels.iter().map(name).collect();
                line(row, input, &[serde_json::json!(labels).to_string()]);
            }
            DatasetTargets::Tags { .. } => {
                let words = kept.inputs.as_sentences().map(|sentences| &sentences.words[at]);
                for (word, label) in words.into_iter().flatten().zip(labels) {
                    line(row, input, &[word.clone(), name(label)]);
                    row += 1;
                }
                continue;
            }
            _ => line(row, input, &labels.iter().map(name).collect::<Vec<_>>()),
        }
        row += 1;
    }
    ranktune_core::files::write_atomically(path, text.as_bytes()).map_err(|error| {
        Error::new(
            ErrorKind::Data,
            format!("{}: cannot be written: {error}", path.display()),
        )
    })?;
    Ok(path.to_owned())
}

/// The features of a model.
struct Extracted {
    features: Matrix,
    probabilities: Option<Matrix>,
    unreadable: Vec<UnreadableSample>,
    /// The samples that have features; for words, the sentences.
    rows: Vec<usize>,
}

/// One row per sample, in the original order of the data set: sample `k` of `work` is sample `order[k]` of it.
fn of_samples(work: &Extraction<'_>, order: &[usize]) -> Result<Extracted, Error> {
    let mut result = None;
    let unreadable = extract(work, |_, outcome| result = Some(outcome.features))?;
    let mut extracted = match result {
        Some(features) => features?,
        None => return Err(Error::new(ErrorKind::Extraction, "the model has no features")),
    };
    let valid = (0..extracted.n_rows()).filter(|&row| extracted.valid()[row]);
    let samples: Vec<usize> = valid.map(|row| order[row]).collect();
    let mut places: Vec<usize> = (0..samples.len()).collect();
    places.sort_unstable_by_key(|&place| samples[place]);
    let rows: Vec<usize> = places.iter().map(|&place| samples[place]).collect();
    let matrix = |data: Vec<f32>, cols: usize| Matrix {
        rows: rows.len(),
        cols,
        data: places
            .iter()
            .flat_map(|&place| &data[place * cols..(place + 1) * cols])
            .copied()
            .collect(),
    };
    let features = matrix(extracted.features()?, extracted.n_features());
    let head = extracted.logits()?.map(|(logits, columns)| {
        let (values, columns) = probabilities(&logits, columns);
        matrix(values, columns)
    });
    Ok(Extracted {
        features,
        probabilities: head,
        unreadable,
        rows,
    })
}

/// One row per word. The whole matrix is kept, because it is what is exported.
fn of_words(work: &Extraction<'_>) -> Result<Extracted, Error> {
    let (mut data, mut cols) = (Vec::new(), 0);
    extract_words(work, &mut |block| {
        cols = block.n_features;
        data.extend_from_slice(block.features);
        Ok(())
    })?;
    Ok(Extracted {
        features: Matrix {
            rows: data.len() / cols.max(1),
            cols,
            data,
        },
        probabilities: None,
        unreadable: Vec::new(),
        rows: (0..work.dataset.n_samples()).collect(),
    })
}
