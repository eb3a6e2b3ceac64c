//! Lists of well-known models to begin with: `starter:vision` and `starter:text`.
//!
//! They are manifests of repositories that publish ONNX, kept as data; each says why it is in the list. They follow the
//! repositories' main branch; a ranking notes the commits.

use crate::{Error, ErrorKind, Manifest};

/// Name and manifest of every list.
const LISTS: [(&str, &str); 2] = [
    ("vision", include_str!("starter/vision.toml")),
    ("text", include_str!("starter/text.toml")),
];

/// The names of the lists.
pub fn names() -> impl Iterator<Item = &'static str> {
    LISTS.iter().map(|(name, _)| *name)
}

/// The list called `name`.
///
/// # Errors
/// [`ErrorKind::NotFound`]: there is no such list; the text names those there are.
pub fn list(name: &str) -> Result<Manifest, Error> {
    let Some((_, text)) = LISTS.iter().find(|(known, _)| *known == name) else {
        let known: Vec<String> = names().map(|name| format!("starter:{name}")).collect();
        let text = format!("no list is called starter:{name}; expected {}", known.join(" or "));
        return Err(Error::new(ErrorKind::NotFound, text));
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
