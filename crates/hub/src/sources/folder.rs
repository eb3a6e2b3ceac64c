//! A folder: itself a model, or a folder of models, searched one level deep and without hidden folders. The cache of Python's
//! `huggingface_hub` is one, whose models lie in snapshots.

use std::fs;
use std::io;
use std::path::Path;

use super::SourceKind;
use super::model_folder::{ModelFolder, is_configured};
use super::names::{name_of, stem_of};
use crate::candidate::{Candidate, Found, SkippedInHub};
use crate::{Error, ErrorKind};

pub(super) const KIND: SourceKind = SourceKind {
    recognizes: |_| true,
    repositories: None,
    find: |source, _| find(source),
};

fn find(path: &Path) -> Result<Vec<Found>, Error> {
    const EXPECTED: &str = "expected a folder of models, a model folder or an ONNX file";
    fs::metadata(path).map_err(|error| match error.kind() {
        // Its cause would say the same again.
        io::ErrorKind::NotFound => {
            Error::new(ErrorKind::Io, format!("no such folder or file; {EXPECTED}")).in_file(path)
        }
        _ => Error::io(format!("cannot open the hub: {EXPECTED}"), error, path),
    })?;
    let folder = ModelFolder::open(path)?;
    let is_model = !folder.is_hub() && (folder.model().is_some() || folder.onnx.is_empty() || folder.has_encoders());
    if is_model && let Ok(candidates) = folder.candidates() {
        return Ok(candidates.into_iter().map(Ok).collect());
    }
    // Several files with one configuration are variants of a model (`model_O3.onnx`, `model_fp16.onnx`).
    let dir = is_configured(path).then(|| path.to_owned());
    let alone = |file: &Path| Ok(Candidate::new(stem_of(file), file.to_owned(), dir.clone()));
    let mut found: Vec<Found> = folder.onnx.iter().map(|file| alone(file.as_path())).collect();
    for inner in &folder.folders {
        match ModelFolder::open(inner).and_then(|folder| folder.candidates()) {
            Ok(candidates) => found.extend(candidates.into_iter().map(Ok)),
            Err(reason) => found.push(Err(SkippedInHub {
                name: name_of(inner),
                path: inner.clone(),
                reason,
            })),
        }
    }
    if folder.is_foreign() {
        found.push(Err(SkippedInHub {
            name: name_of(path),
            path: path.to_owned(),
            reason: folder.no_model(),
        }));
    }
    Ok(found)
}
