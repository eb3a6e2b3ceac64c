//! `starter:vision` and `starter:text`: lists of well-known models to begin with.
//!
//! The lists are manifests of repositories that publish ONNX files, kept as data; each entry has the reason for its choice. They
//! follow the repositories' main branches; rankings record the commits.

use std::path::Path;

use super::manifest_file::{models, repositories};
use super::{SourceKind, after_scheme};
use crate::{Error, Manifest};

pub(super) const KIND: SourceKind = SourceKind {
    recognizes: |source| after_scheme(source, "starter:").is_some(),
    repositories: Some(|source| manifest(source).map(repositories)),
    find: |source, download| Ok(models(manifest(source)?, download)),
};

/// Name and manifest of every list.
const LISTS: [(&str, &str); 2] = [
    ("vision", include_str!("starter/vision.toml")),
    ("text", include_str!("starter/text.toml")),
];

fn manifest(source: &Path) -> Result<Manifest, Error> {
    list(after_scheme(source, "starter:").unwrap_or_default())
}

/// The names of the lists.
pub fn names() -> impl Iterator<Item = &'static str> {
    LISTS.iter().map(|(name, _)| *name)
}

/// The list called `name`.
///
/// # Errors
/// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound): no such list; the text names the known ones.
pub fn list(name: &str) -> Result<Manifest, Error> {
    let Some((_, text)) = LISTS.iter().find(|(known, _)| *known == name) else {
        let known: Vec<String> = names().map(|name| format!("starter:{name}")).collect();
        let text = format!("unknown list starter:{name}; expected {}", known.join(" or "));
        return Err(Error::not_found(text));
    };
    Manifest::from_toml(text, "".as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Location;

    #[test]
    fn every_list_is_of_repositories_with_names_of_their_own() {
        for name in names() {
            let manifest = list(name).unwrap();
            assert!(manifest.models.len() >= 8, "{name}");
            for model in manifest.models {
                assert!(
                    matches!(model.location, Location::Repository { .. }),
                    "{name}: {model:?}"
                );
            }
        }
        assert!(
            list("audio")
                .unwrap_err()
                .to_string()
                .contains("starter:vision or starter:text")
        );
    }
}
