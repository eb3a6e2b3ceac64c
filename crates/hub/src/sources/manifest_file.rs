//! A manifest, `.toml` or `.json`: the models it names.

use std::path::Path;

use super::SourceKind;
use super::hugging_face::repository;
use super::model_folder::ModelFolder;
use super::names::name_of;
use super::onnx_file::single_file;
use crate::candidate::{Candidate, Download, Found, SkippedInHub};
use crate::{Error, FileChoice, Location, Manifest, RepoId};

pub(super) const KIND: SourceKind = SourceKind {
    recognizes: |source| Manifest::is_manifest(source) && source.is_file(),
    repositories: Some(|source| Manifest::read(source).map(repositories)),
    find: |source, download| Ok(models(Manifest::read(source)?, download)),
};

/// The repositories that a manifest names.
pub(super) fn repositories(manifest: Manifest) -> Vec<(RepoId, FileChoice)> {
    let locations = manifest.models.into_iter().map(|model| model.location);
    locations
        .filter_map(|location| match location {
            Location::Repository { id, choice } => Some((id, choice)),
            Location::Path(_) => None,
        })
        .collect()
}

/// The models that a manifest names, with its overrides.
pub(super) fn models(manifest: Manifest, download: &mut Download<'_>) -> Vec<Found> {
    let models = manifest.models.into_iter().map(|model| {
        let found = match &model.location {
            Location::Repository { id, choice } => repository(id, choice, download),
            Location::Path(path) => at_path(path).map_err(|reason| SkippedInHub {
                name: model.name.clone().unwrap_or_else(|| name_of(path)),
                path: path.clone(),
                reason,
            }),
        };
        found.map(|candidate| Candidate {
            name: model.name.unwrap_or(candidate.name),
            overrides: model.overrides,
            ..candidate
        })
    });
    models.collect()
}

/// The one model at a manifest's path.
fn at_path(path: &Path) -> Result<Candidate, Error> {
    if path.is_file() {
        return Ok(single_file(path));
    }
    if !path.is_dir() {
        let text = "no such folder or file, but the manifest names it; its paths are relative to the manifest's folder";
        return Err(Error::not_found(text).in_file(path));
    }
    ModelFolder::read(path)?.candidate()
}
