//! What is in a folder, and which of its ONNX files are its models.

use std::fs;
use std::path::{Path, PathBuf};

use super::names::name_of;
use super::parts;
use crate::candidate::Candidate;
use crate::repository::is_commit;
use crate::{Error, foreign};

/// The contents of a folder, sorted, without hidden ones.
pub(super) struct ModelFolder {
    dir: PathBuf,
    /// What its model is called.
    name: String,
    pub(super) onnx: Vec<PathBuf>,
    pub(super) folders: Vec<PathBuf>,
    /// Files of models in other formats.
    foreign: Vec<PathBuf>,
}

impl ModelFolder {
    /// The folder, or the snapshot that is in use of a repository in the cache of Python's `huggingface_hub`.
    pub(super) fn open(dir: &Path) -> Result<Self, Error> {
        let Some(snapshot) = snapshot_in_use(dir) else {
            return Self::read(dir);
        };
        let name = name_of(dir);
        let name = name.rsplit("--").next().unwrap_or(&name).to_owned();
        Ok(Self {
            name,
            ..Self::read(&snapshot)?
        })
    }

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
                if !is_of_another_kind(&path) {
                    folders.push(path);
                }
            } else if is_onnx(&path) {
                onnx.push(path);
            } else if foreign::by_name(&path).is_some() {
                foreign.push(path);
            }
        }
        onnx.sort();
        folders.sort();
        foreign.sort();
        Ok(Self {
            dir: dir.to_owned(),
            name: name_of(dir),
            onnx,
            folders,
            foreign,
        })
    }

    /// The folder's only model, named after the folder.
    pub(super) fn candidate(&self) -> Result<Candidate, Error> {
        let mut found = self.candidates()?;
        match (found.pop(), found.as_slice()) {
            (Some(only), []) => Ok(only),
            _ => Err(self.no_model()),
        }
    }

    /// The folder's model, or its encoders where it has several: CLIP's towers are a model of texts and one of images.
    pub(super) fn candidates(&self) -> Result<Vec<Candidate>, Error> {
        let named = |name: String, model| Candidate::new(name, model, Some(self.dir.clone()));
        let files = self.model_files();
        let encoders = parts::encoders(&files);
        if let [(_, only)] = encoders.as_slice()
            && self.model().is_none()
        {
            return Ok(vec![named(self.name.clone(), only.clone())]);
        }
        if encoders.len() > 1 {
            let named = encoders
                .into_iter()
                .map(|(part, file)| named(format!("{}-{part}", self.name), file));
            return Ok(named.collect());
        }
        let model = self.model().or_else(|| parts::of_one_model(&files));
        let model = model.ok_or_else(|| self.no_model())?;
        Ok(vec![named(self.name.clone(), model)])
    }

    /// Whether the folder holds encoders, rather than files that stand for themselves.
    pub(super) fn has_encoders(&self) -> bool {
        !parts::encoders(&self.model_files()).is_empty()
    }

    /// The ONNX files of the folder, or else those in its folder `onnx`.
    fn model_files(&self) -> Vec<PathBuf> {
        if self.onnx.is_empty() {
            return Self::read(&self.dir.join("onnx"))
                .map(|inner| inner.onnx)
                .unwrap_or_default();
        }
        self.onnx.clone()
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
                .any(|folder| Self::open(folder).is_ok_and(|inner| inner.candidates().is_ok()))
    }

    /// Whether the folder has files of models, but none in ONNX.
    pub(super) fn is_foreign(&self) -> bool {
        self.onnx.is_empty() && !self.foreign.is_empty()
    }

    pub(super) fn no_model(&self) -> Error {
        if self.is_foreign()
            && let Some(error) = foreign::refused_folder(&self.foreign)
        {
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

/// The snapshot of a repository, `models--ORGANISATION--NAME`, that its branch `main` is at, or else the latest one.
fn snapshot_in_use(dir: &Path) -> Option<PathBuf> {
    if !name_of(dir).starts_with("models--") {
        return None;
    }
    let snapshots = dir.join("snapshots");
    let main = fs::read_to_string(dir.join("refs/main")).ok();
    // What is no commit could lead out of the folder.
    let commit = main.as_deref().map(str::trim).filter(|commit| is_commit(commit));
    let main = commit.map(|commit| snapshots.join(commit)).filter(|path| path.is_dir());
    main.or_else(|| {
        let folders = fs::read_dir(&snapshots)
            .ok()?
            .flatten()
            .filter(|item| item.path().is_dir());
        let dated = folders.map(|item| (item.metadata().and_then(|meta| meta.modified()).ok(), item.path()));
        dated.max().map(|(_, path)| path)
    })
}

/// Whether a folder is a data set or an application in the cache of Python's `huggingface_hub`.
fn is_of_another_kind(dir: &Path) -> bool {
    let name = name_of(dir);
    ["datasets--", "spaces--"].iter().any(|kind| name.starts_with(kind))
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
