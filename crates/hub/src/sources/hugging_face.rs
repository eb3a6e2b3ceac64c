//! `hf:ORGANISATION/NAME@REVISION`: a repository on the Hugging Face hub.

use std::path::Path;

use super::{SourceKind, after_scheme};
use crate::candidate::{Candidate, Download, Found, SkippedInHub};
use crate::{Error, FileChoice, RepoId};

pub(super) const KIND: SourceKind = SourceKind {
    recognizes: |source| after_scheme(source, "hf:").is_some(),
    repositories: Some(|source| Ok(vec![(id(source)?, FileChoice::default())])),
    find: |source, download| Ok(vec![repository(&id(source)?, &FileChoice::default(), download)]),
};

fn id(source: &Path) -> Result<RepoId, Error> {
    let name = after_scheme(source, "hf:").unwrap_or_default();
    if name.starts_with("datasets/") {
        let text = format!("hf:{name} is a data set, expected a model; give data sets to --data");
        return Err(Error::malformed(text));
    }
    RepoId::parse(name)
}

/// The model of a repository, named after the repository.
pub(super) fn repository(id: &RepoId, choice: &FileChoice, download: &mut Download<'_>) -> Found {
    let name = id.name().rsplit('/').next().unwrap_or_default().to_owned();
    match download(id, choice) {
        Ok(snapshot) => Ok(Candidate {
            pinned: Some(snapshot.id),
            ..Candidate::new(name, snapshot.model, Some(snapshot.dir))
        }),
        Err(reason) => Err(SkippedInHub {
            name,
            path: id.to_string().into(),
            reason,
        }),
    }
}
