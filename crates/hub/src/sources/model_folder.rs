//! What is in a folder, and which of its ONNX files is its model.

use std::fs;
use std::path::{Path, PathBuf};

use crate::candidate::Candidate;
use crate::{Error, foreign};

/// The contents of a folder, sorted, without hidden ones.
pub(super) struct ModelFolder {
    dir: PathBuf,
    pub(super) onnx: Vec<PathBuf>,
    pub(super) folders: Vec<PathBuf>,
    /// Files of models in other formats.
    foreign: Vec<PathBuf>,
}

impl ModelFolder {
    pub(super) fn read(dir: &Path) -> Result<Self, Error> {
        let io = |e| Error::io("cannot list the folder", e, dir);
        let (mut onnx, mut folders, mut foreign) = (Vec::new(), Vec::new(), Vec::new());
        for item in fs::read_dir(dir).map_err(io)? {
            let item = item.map_err(io)?;
            let path = item.path();
            if item.file_name().to_string_lossy().starts_with('.') {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if is_onnx(&path) {
                onnx.push(path);
            } else if foreign::by_name(&path).is_some() {
                foreign.push(path);
            }
        }
        onnx.sort();
        folders.sort();
        foreign.sort();
        let dir = dir.to_owned();
        Ok(Self {
            dir,
            onnx,
            folders,
            foreign,
        })
    }

    /// The folder's model, named after the folder.
    pub(super) fn candidate(&self) -> Result<Candidate, Error> {
        let model = self.model().ok_or_else(|| self.no_model())?;
        Ok(Candidate::new(name_of(&self.dir), model, Some(self.dir.clone())))
    }

    /// The ONNX file that is the folder's model, if it is clear which: `model.onnx`, `onnx/model.onnx`, or the only file.
    pub(super) fn model(&self) -> Option<PathBuf> {
        let named = |dir: &Path, files: &[PathBuf]| Some(dir.join("model.onnx")).filter(|file| files.contains(file));
        if let Some(model) = named(&self.dir, &self.onnx) {
            return Some(model);
        }
        let inner = self.dir.join("onnx");
        let inner_files = Self::read(&inner).map(|inner| inner.onnx).unwrap_or_default();
        if let Some(model) = named(&inner, &inner_files) {
            return Some(model);
        }
        match (&inner_files[..], &self.onnx[..]) {
            ([only], []) | (_, [only]) => Some(only.clone()),
            _ => None,
        }
    }

    /// Whether the folder is a hub of models rather than one: it has no configuration of its own, and some folder in it holds a
    /// model (apart from `onnx`, where exporters put the folder's own).
    pub(super) fn is_hub(&self) -> bool {
        let is_inner = |folder: &&PathBuf| name_of(folder) != "onnx";
        !is_configured(&self.dir)
            && self
                .folders
                .iter()
                .filter(is_inner)
                .any(|folder| Self::read(folder).is_ok_and(|inner| inner.model().is_some()))
    }

    /// Whether the folder has files of models, but none in ONNX.
    pub(super) fn is_foreign(&self) -> bool {
        self.onnx.is_empty() && !self.foreign.is_empty()
    }

    pub(super) fn no_model(&self) -> Error {
        if self.is_foreign()
            && let Some(format) = self.foreign.iter().find_map(|file| foreign::by_name(file))
        {
            let mut names: Vec<String> = self.foreign.iter().take(3).map(|file| name_of(file)).collect();
            if self.foreign.len() > 3 {
                names.push(format!("and {} more", self.foreign.len() - 3));
            }
            let error = format.error(&names.join(", "));
            return error.in_file(&self.dir);
        }
        let names: Vec<String> = self.onnx.iter().take(5).map(|file| name_of(file)).collect();
        let text = if names.is_empty() {
            "no model: expected model.onnx, onnx/model.onnx or one ONNX file".to_owned()
        } else {
            let (n, names) = (self.onnx.len(), names.join(", "));
            format!("expected model.onnx or one ONNX file, found {n} ({names}); rename the one to use to model.onnx")
        };
        Error::not_found(text).in_file(&self.dir)
    }
}

/// Whether a folder has configuration files of a model.
pub(super) fn is_configured(dir: &Path) -> bool {
    const FILES: [&str; 7] = [
        "config.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "preprocessor_config.json",
        "processor_config.json",
        "sentence_bert_config.json",
        "modules.json",
    ];
    FILES.iter().any(|file| dir.join(file).is_file())
}

fn is_onnx(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("onnx"))
}

/// The last part of a path, also of `.` and `..`.
pub(super) fn name_of(path: &Path) -> String {
    let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
    name(path)
        .or_else(|| name(&fs::canonicalize(path).ok()?))
        .unwrap_or_else(|| path.display().to_string())
}

/// The last part of a path without its extension.
pub(super) fn stem_of(path: &Path) -> String {
    path.file_stem()
        .map_or_else(|| name_of(path), |stem| stem.to_string_lossy().into_owned())
}
