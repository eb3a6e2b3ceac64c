//! Data sets on a hub of Hugging Face's kind, by name: `hf:datasets/ORGANISATION/NAME@REVISION/CONFIGURATION`.
//!
//! Branches with a slash in their names are cut where the hub's own are: `refs/convert/parquet`, `refs/pr/7`. Behind any other revision
//! the next slash begins the configuration.

use std::fmt;

use crate::{Error, RepoId};

/// A data set, at a revision or at its default branch, with or without a configuration.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DatasetId {
    repository: RepoId,
    config: Option<String>,
}

const SCHEME: &str = "hf:datasets/";

impl DatasetId {
    /// Whether `text` names a repository of a hub, of a data set or by mistake of a model.
    pub fn is_meant(text: &str) -> bool {
        text.starts_with("hf:")
    }

    /// Parses `hf:datasets/ORGANISATION/NAME`, with an optional `@REVISION` and an optional `/CONFIGURATION` behind it. A name without
    /// an organisation takes a configuration behind a revision only.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed), with the fault of the name.
    ///
    /// # Examples
    /// ```
    /// use ranktune_hub::DatasetId;
    /// let id = DatasetId::parse("hf:datasets/nyu-mll/glue@main/sst2")?;
    /// assert_eq!((id.repository().name(), id.repository().revision()), ("nyu-mll/glue", Some("main")));
    /// assert_eq!(id.config(), Some("sst2"));
    /// # Ok::<(), ranktune_hub::Error>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self, Error> {
        let bad = |fault: &str| {
            Error::malformed(format!(
                "{text:?} is not a data set: {fault}; expected hf:datasets/ORGANISATION/NAME, with @REVISION and /CONFIGURATION behind it or without"
            ))
        };
        let Some(id) = text.strip_prefix(SCHEME) else {
            return Err(bad("it does not begin with hf:datasets/"));
        };
        let (name, config) = match id.split_once('@') {
            Some((name, rest)) => {
                // `refs/convert/parquet` and `refs/pr/7`.
                let parts = if rest.starts_with("refs/") { 3 } else { 1 };
                let cut = rest.match_indices('/').nth(parts - 1).map(|(at, _)| at);
                let (revision, config) = match cut {
                    Some(at) => (&rest[..at], Some(&rest[at + 1..])),
                    None => (rest, None),
                };
                (format!("{name}@{revision}"), config)
            }
            None => match id.match_indices('/').nth(1) {
                Some((at, _)) => (id[..at].to_owned(), Some(&id[at + 1..])),
                None => (id.to_owned(), None),
            },
        };
        if let Some(fault) = config.and_then(config_fault) {
            return Err(bad(&fault));
        }
        if name.starts_with("hf:") {
            return Err(bad("the scheme is written twice"));
        }
        let repository =
            RepoId::parse(&name).map_err(|error| bad("its name or revision is not valid").caused_by(error))?;
        Ok(Self {
            repository,
            config: config.map(str::to_owned),
        })
    }

    /// The repository, with its revision.
    pub fn repository(&self) -> &RepoId {
        &self.repository
    }

    /// The configuration; `None` for the default one.
    pub fn config(&self) -> Option<&str> {
        self.config.as_deref()
    }

    // Only downloads pin a data set.
    #[cfg(feature = "remote")]
    /// The same data set at a commit, with the configuration that was taken.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed): `commit` cannot be a revision.
    pub(crate) fn pinned(&self, commit: &str, config: Option<&str>) -> Result<Self, Error> {
        Ok(Self {
            repository: self.repository.at(commit)?,
            config: config.map(str::to_owned),
        })
    }
}

/// Why `config` cannot be the name of a configuration, if it cannot: it becomes the name of a folder.
fn config_fault(config: &str) -> Option<String> {
    if config.is_empty() || config.len() > 200 {
        return Some("a configuration has 1 to 200 characters".to_owned());
    }
    if config.starts_with('.') || config.ends_with('.') {
        return Some("a configuration does not begin or end with '.'".to_owned());
    }
    let is_bad = |c: char| c.is_control() || "/\\:*?\"<>|@".contains(c);
    let bad = config.chars().find(|&c| is_bad(c))?;
    Some(format!("{bad:?} is not allowed in the name of a configuration"))
}

impl fmt::Display for DatasetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(SCHEME)?;
        f.write_str(self.repository.name())?;
        if let Some(revision) = self.repository.revision() {
            write!(f, "@{revision}")?;
        }
        self.config.as_ref().map_or(Ok(()), |config| write!(f, "/{config}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_data_set_is_read_with_and_without_revision_and_configuration() {
        for (text, name, revision, config) in [
            ("hf:datasets/imdb", "imdb", None, None),
            ("hf:datasets/a/b", "a/b", None, None),
            ("hf:datasets/a/b/c", "a/b", None, Some("c")),
            ("hf:datasets/a/b@v1", "a/b", Some("v1"), None),
            ("hf:datasets/a/b@v1/20220301.en", "a/b", Some("v1"), Some("20220301.en")),
            (
                "hf:datasets/imdb@main/plain_text",
                "imdb",
                Some("main"),
                Some("plain_text"),
            ),
            (
                "hf:datasets/a/b@refs/convert/parquet",
                "a/b",
                Some("refs/convert/parquet"),
                None,
            ),
            (
                "hf:datasets/a/b@refs/convert/parquet/c",
                "a/b",
                Some("refs/convert/parquet"),
                Some("c"),
            ),
            ("hf:datasets/a/b@refs/pr/7", "a/b", Some("refs/pr/7"), None),
        ] {
            let id = DatasetId::parse(text).unwrap();
            let found = (id.repository().name(), id.repository().revision(), id.config());
            assert_eq!(found, (name, revision, config), "{text}");
            assert_eq!(id.to_string(), text);
        }
    }

    #[test]
    fn what_could_lead_elsewhere_is_refused() {
        for text in [
            "hf:a/b",
            "hf:datasets/",
            "hf:datasets/a/b/",
            "hf:datasets/a/b/..",
            "hf:datasets/a/b/c/d",
            "hf:datasets/a/../b",
            "hf:datasets/hf:a/b",
            "hf:datasets/a/b@",
            "hf:datasets/a/b@../x",
            "hf:datasets/a/b@main/../x",
            "hf:datasets/a/b@main/c:d",
            "hf:datasets/https://huggingface.co/datasets/a/b",
        ] {
            let error = DatasetId::parse(text).unwrap_err();
            assert!(error.to_string().contains("expected hf:datasets/"), "{text}: {error}");
        }
    }
}
