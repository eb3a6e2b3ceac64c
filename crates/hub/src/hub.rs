//! The models of a user's `--hub` arguments.
//!
//! | a source | its models |
//! |---|---|
//! | a folder with `model.onnx`, `onnx/model.onnx`, or one ONNX file | the folder itself, unless it has no configuration and a folder in it holds a model |
//! | a folder with `encoder_model.onnx`, or CLIP's `vision_model.onnx` and `text_model.onnx` | each encoder, with the folder's configuration |
//! | the cache of Python's `huggingface_hub`, or a repository in it | the snapshot of each repository that is in use |
//! | a folder with several ONNX files | each of them, with the configuration beside them, and the folders in it |
//! | a folder of folders | each folder, as above, and the ONNX files beside them |
//! | an ONNX file | itself, with the configuration beside it, or one level up from `onnx/` |
//! | a manifest, `.toml` or `.json` | those it names, see [`Manifest`](crate::Manifest) |
//! | `hf:ORGANISATION/NAME@REVISION` | the repository's model, downloaded |
//! | `search:WORDS` | what a search finds, once it is replaced by the repositories, see [`Source::query`](crate::Source::query) |
//! | `starter:LIST` | those of a list that is part of the program, see [`starter`](crate::starter) |
//!
//! A model that cannot be used is listed under [`Hub::skipped`] with its reason and does not affect the others.

use std::collections::BTreeSet;
use std::fs;

use crate::candidate::{Candidate, Download, SkippedInHub};
use crate::{Error, ErrorKind, FileChoice, HubEntry, RepoId, Source};

/// Models, sorted by name.
#[derive(Debug, Default)]
pub struct Hub {
    /// The models.
    pub entries: Vec<HubEntry>,
    /// Models that were found and cannot be used.
    pub skipped: Vec<SkippedInHub>,
}

impl Hub {
    /// Finds the models of `sources` on disk. A model that is reached twice is listed once; models of the same name get a
    /// number.
    ///
    /// # Errors
    /// [`ErrorKind::Io`]: a source does not exist or cannot be read. [`ErrorKind::Malformed`]: an invalid manifest.
    /// [`ErrorKind::NotFound`]: no source, or no model in any of them. [`ErrorKind::Unsupported`]: the only model would have to
    /// be downloaded.
    pub fn open(sources: &[Source]) -> Result<Self, Error> {
        Self::open_with(sources, &mut |id, _| {
            let text =
                format!("{id}: downloads are not available here; download the model and give its folder instead");
            Err(Error::unsupported(text))
        })
    }

    /// As [`Hub::open`], with downloads. A repository that cannot be downloaded is skipped with the reason.
    ///
    /// # Errors
    /// As [`Hub::open`]; and `download`'s error, if there is no other model.
    pub fn open_with(sources: &[Source], download: &mut Download<'_>) -> Result<Self, Error> {
        if sources.is_empty() {
            return Err(Error::not_found(
                "no hub given: expected a folder of models, or ONNX files",
            ));
        }
        let mut hub = Self::default();
        let mut candidates = Vec::new();
        for source in sources {
            for found in source.find(download)? {
                match found {
                    Ok(candidate) => candidates.push(candidate),
                    Err(skipped) => hub.skipped.push(skipped),
                }
            }
        }
        for candidate in distinct(candidates) {
            match candidate.open() {
                Ok(entry) => hub.entries.push(entry),
                Err(skipped) => hub.skipped.push(skipped),
            }
        }
        hub.entries.sort_by(|a, b| a.name.cmp(&b.name));
        hub.skipped.sort_by(|a, b| (&a.name, &a.path).cmp(&(&b.name, &b.path)));
        if hub.entries.is_empty() {
            return Err(no_model(sources, hub.skipped));
        }
        Ok(hub)
    }

    /// The repositories that opening `sources` downloads, each once and in order, so that a caller can fetch several at a time.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`]: an invalid name or manifest; [`ErrorKind::Io`]: a manifest that cannot be read;
    /// [`ErrorKind::NotFound`]: an unknown starter list.
    pub fn repositories(sources: &[Source]) -> Result<Vec<(RepoId, FileChoice)>, Error> {
        let mut unique: Vec<(RepoId, FileChoice)> = Vec::new();
        for source in sources {
            for repository in source.repositories()? {
                if !unique.contains(&repository) {
                    unique.push(repository);
                }
            }
        }
        Ok(unique)
    }

    /// The model called `name`.
    pub fn get(&self, name: &str) -> Option<&HubEntry> {
        self.entries.iter().find(|entry| entry.name == name)
    }
}

/// Each model once, under a name of its own. One file with two sets of overrides is two models.
fn distinct(candidates: Vec<Candidate>) -> Vec<Candidate> {
    let (mut known, mut names) = (BTreeSet::new(), BTreeSet::new());
    let mut models = Vec::new();
    for mut candidate in candidates {
        let file = fs::canonicalize(&candidate.model).unwrap_or_else(|_| candidate.model.clone());
        if !known.insert((file, format!("{:?}", candidate.overrides))) {
            continue;
        }
        candidate.name = free_name(candidate.name, &names);
        names.insert(candidate.name.clone());
        models.push(candidate);
    }
    models
}

/// `name`, or the first of `name-2`, `name-3`, … that is not taken.
fn free_name(name: String, taken: &BTreeSet<String>) -> String {
    if !taken.contains(&name) {
        return name;
    }
    let numbered = (2..).map(|number: usize| format!("{name}-{number}"));
    let mut free = numbered.filter(|name| !taken.contains(name));
    free.next().unwrap_or_default()
}

/// The error for a hub without any model: what was searched, and why each model in it was skipped.
fn no_model(sources: &[Source], mut skipped: Vec<SkippedInHub>) -> Error {
    // The fault of the only model is more useful than the statement that there is none.
    if skipped.len() == 1
        && let Some(only) = skipped.pop()
    {
        return only.reason;
    }
    let sources: Vec<String> = sources.iter().map(Source::to_string).collect();
    let mut text = format!(
        "no model found in {}: expected an ONNX file, or folders that hold model.onnx, onnx/model.onnx or one ONNX file",
        sources.join(", ")
    );
    for skipped in skipped.iter().take(3) {
        text += &format!("; {}: {}", skipped.name, ranktune_core::one_line(&skipped.reason));
    }
    if skipped.len() > 3 {
        text += &format!("; and {} more", skipped.len() - 3);
    }
    Error::new(ErrorKind::NotFound, text)
}
