//! Writes the features of one model to a file.

use std::collections::BTreeMap;
use std::path::Path;

use ranktune_core::{Interrupt, Progress};
use ranktune_data::Dataset;
use ranktune_data::arrays::{self, Matrix};
use ranktune_features::extract::{ExtractOptions, Extraction, extract, extract_words};

use crate::error::{Error, ErrorKind};
use crate::models::{nothing_ranked, prepare};
use crate::scoring::probabilities;
use crate::sources::Sources;

/// The size of an exported file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Export {
    /// Number of rows.
    pub samples: usize,
    /// Features per row.
    pub features: usize,
    /// Samples that could not be read and have no row.
    pub unreadable: usize,
}

/// The format of the file.
#[derive(Clone, Copy)]
enum Format {
    Safetensors,
    Npy,
}

/// Writes the features of the one model of `source` on `dataset` to `out`: a `.safetensors` file with `features`, `labels` or
/// `targets`, and `probabilities` if the model has a classifier; or an `.npy` file with the features alone.
///
/// # Errors
/// [`ErrorKind::Arguments`]: another extension, or several models. [`ErrorKind::Hub`], [`ErrorKind::Extraction`],
/// [`ErrorKind::Interrupted`] as in [`rank`](crate::rank()); [`ErrorKind::Data`] if the file cannot be written.
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
    match format {
        Format::Npy => arrays::write_npy(out, features.view())?,
        Format::Safetensors => {
            let kept = given.select(&rows)?;
            let metadata = BTreeMap::from([
                ("model".to_owned(), model.name().to_owned()),
                ("model_digest".to_owned(), model.digest().to_owned()),
                ("feature_tensor".to_owned(), model.feature_tensor().to_owned()),
                (
                    "classes".to_owned(),
                    serde_json::json!(kept.targets.names()).to_string(),
                ),
            ]);
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
    })
}

/// The features of a model.
struct Extracted {
    features: Matrix,
    probabilities: Option<Matrix>,
    unreadable: usize,
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
        unreadable: unreadable.len(),
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
        unreadable: 0,
        rows: (0..work.dataset.n_samples()).collect(),
    })
}
