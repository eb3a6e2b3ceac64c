//! An ONNX file, with the configuration files beside it if it is its folder's model.

use std::fs;
use std::path::Path;

use super::SourceKind;
use super::model_folder::{ModelFolder, is_configured};
use super::names::{name_of, stem_of};
use crate::candidate::Candidate;

pub(super) const KIND: SourceKind = SourceKind {
    recognizes: Path::is_file,
    repositories: None,
    find: |source, _| Ok(vec![Ok(single_file(source))]),
};

/// The model in a file that was named itself. The configuration files beside it are its own; without any, those one level up
/// are, because of `onnx/model_O3.onnx`, if the folder is named `onnx` or the file is the outer folder's model.
pub(super) fn single_file(path: &Path) -> Candidate {
    let canonical = fs::canonicalize(path).ok();
    let is_model_of = |dir: &&Path| {
        let model = ModelFolder::read(dir).ok().and_then(|folder| folder.model());
        model
            .and_then(|model| fs::canonicalize(model).ok())
            .is_some_and(|model| Some(model) == canonical)
    };
    let parents: Vec<&Path> = canonical
        .iter()
        .flat_map(|path| path.ancestors().skip(1).take(2))
        .collect();
    let stem = stem_of(path);
    let beside = || match parents[..] {
        [inner, ..] if is_configured(inner) => Some(inner),
        [inner, outer] if name_of(inner) == "onnx" && is_configured(outer) => Some(outer),
        _ => None,
    };
    let model_of = parents.iter().rev().copied().find(|dir| is_model_of(dir));
    // `onnx/model.onnx` is the model of `onnx`, and has the configuration one level up.
    let configured = model_of.filter(|dir| is_configured(dir)).or_else(beside);
    let Some(dir) = configured.or(model_of) else {
        return Candidate::new(stem, path.to_owned(), None);
    };
    let name = if stem == "model" { name_of(dir) } else { stem };
    Candidate::new(name, path.to_owned(), Some(dir.to_owned()))
}
