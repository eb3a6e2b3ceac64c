//! Repositories on a hub of Hugging Face's kind, by name: `hf:ORGANISATION/NAME@REVISION`.
//!
//! Names and revisions become parts of URLs and folders. Only characters that the hub itself allows are accepted, so neither
//! can escape from the URL or the folder.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::Deserialize;

use crate::Error;

/// A repository, at a revision or at its default branch.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct RepoId {
    name: String,
    revision: Option<String>,
}

/// What a repository holds. The hub has a name of its own for each kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RepoKind {
    /// A model.
    Model,
    /// A data set.
    Dataset,
}

// Only downloads ask a hub.
#[cfg(feature = "remote")]
impl RepoKind {
    /// The plural in addresses of the hub's interface, and in the cache's names of folders.
    pub(crate) fn plural(self) -> &'static str {
        match self {
            Self::Model => "models",
            Self::Dataset => "datasets",
        }
    }

    /// The part of a file's address before the name of the repository `name`, and that name.
    pub(crate) fn place(self, name: &str) -> String {
        match self {
            Self::Model => name.to_owned(),
            Self::Dataset => format!("datasets/{name}"),
        }
    }
}

/// The hub's own limit.
const MAX_NAME: usize = 96;
/// File systems allow 255 for one part of a name.
const MAX_REVISION: usize = 200;

impl RepoId {
    /// Parses `ORGANISATION/NAME` or `NAME`, with an optional `@REVISION` and an optional prefix `hf:`.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed), with the fault of the name.
    ///
    /// # Examples
    /// ```
    /// use ranktune_hub::RepoId;
    /// let id = RepoId::parse("hf:BAAI/bge-small-en-v1.5@main")?;
    /// assert_eq!((id.name(), id.revision()), ("BAAI/bge-small-en-v1.5", Some("main")));
    /// # Ok::<(), ranktune_hub::Error>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self, Error> {
        let id = text.strip_prefix("hf:").unwrap_or(text);
        let (name, revision) = match id.split_once('@') {
            Some((name, revision)) => (name, Some(revision)),
            None => (id, None),
        };
        if let Some(fault) = name_fault(name).or_else(|| revision.and_then(revision_fault)) {
            let text = format!(
                "{text:?} is not a repository: {fault}; expected hf:ORGANISATION/NAME or hf:ORGANISATION/NAME@REVISION"
            );
            return Err(Error::malformed(text));
        }
        Ok(Self {
            name: name.to_owned(),
            revision: revision.map(str::to_owned),
        })
    }

    /// The same repository at another revision.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed): `revision` cannot be a branch, tag or commit.
    pub fn at(&self, revision: &str) -> Result<Self, Error> {
        if let Some(fault) = revision_fault(revision) {
            return Err(Error::malformed(format!("revision {revision:?}: {fault}")));
        }
        Ok(Self {
            name: self.name.clone(),
            revision: Some(revision.to_owned()),
        })
    }

    /// `ORGANISATION/NAME`, or `NAME` for the few repositories without an organisation.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Branch, tag or commit; `None` for the default branch.
    pub fn revision(&self) -> Option<&str> {
        self.revision.as_deref()
    }
}

impl FromStr for RepoId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

impl TryFrom<String> for RepoId {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        Self::parse(&text)
    }
}

impl fmt::Display for RepoId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "hf:{}", self.name)?;
        self.revision
            .as_ref()
            .map_or(Ok(()), |revision| write!(f, "@{revision}"))
    }
}

/// Precision of the weights in an ONNX file, where a repository has several files of one model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum WeightPrecision {
    /// `model.onnx`; required for tuning.
    #[default]
    Float32,
    /// `model_fp16.onnx`.
    Float16,
    /// `model_quantized.onnx` or `model_int8.onnx`.
    Int8,
}

impl WeightPrecision {
    /// Every precision.
    pub const ALL: [Self; 3] = [Self::Float32, Self::Float16, Self::Int8];

    /// `float32`, `float16` or `int8`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Float32 => "float32",
            Self::Float16 => "float16",
            Self::Int8 => "int8",
        }
    }

    /// The precision called `name`.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|precision| precision.name() == name)
    }
}

/// Which of a repository's ONNX files to download.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileChoice {
    /// Default: the downloader's setting.
    pub precision: Option<WeightPrecision>,
    /// The ONNX file's name in the repository; takes precedence over the precision. Default: the usual names.
    pub file: Option<String>,
}

/// A repository's model and its configuration files on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The repository at its commit, which never changes; recorded in rankings.
    pub id: RepoId,
    /// The commit.
    pub commit: String,
    /// The folder with the configuration files.
    pub dir: PathBuf,
    /// The ONNX file in it.
    pub model: PathBuf,
    /// Names in the repository; the ONNX file comes first.
    pub files: Vec<String>,
}

/// Why `name` cannot be the name of a repository, if it cannot.
fn name_fault(name: &str) -> Option<String> {
    if name.contains("://") {
        return Some("found a URL".to_owned());
    }
    if name.len() > MAX_NAME {
        return Some(format!("the name is longer than {MAX_NAME} characters"));
    }
    if name.matches('/').count() > 1 {
        return Some("the name has more than one slash".to_owned());
    }
    name.split('/').find_map(part_fault)
}

/// Why `part` cannot be an organisation or a name within one, if it cannot.
fn part_fault(part: &str) -> Option<String> {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if part.is_empty() {
        return Some("a part of the name is empty".to_owned());
    }
    if let Some(c) = part.chars().find(|&c| !is_allowed(c)) {
        return Some(format!("{c:?} is not allowed in a name"));
    }
    if part.starts_with(['-', '.']) || part.ends_with(['-', '.']) || part.contains("..") || part.contains("--") {
        return Some("'-' and '.' must not be first, last or doubled in a name".to_owned());
    }
    None
}

/// Why `revision` cannot be a revision, if it cannot: branches and tags as git allows them, without characters that are special
/// in a file system or a URL.
fn revision_fault(revision: &str) -> Option<String> {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | '+' | '=');
    if revision.is_empty() || revision.len() > MAX_REVISION {
        return Some(format!("a revision has 1 to {MAX_REVISION} characters"));
    }
    if let Some(c) = revision.chars().find(|&c| !is_allowed(c)) {
        return Some(format!("{c:?} is not allowed in a revision"));
    }
    let is_bad = |part: &str| part.is_empty() || part.starts_with('.') || part.ends_with('.');
    revision
        .split('/')
        .any(is_bad)
        .then(|| "a part of the revision is empty, or begins or ends with '.'".to_owned())
}

/// Whether `text` is a full commit id: 40 hexadecimal digits.
// Only downloads distinguish commits from branches.
#[cfg(any(feature = "remote", test))]
pub(crate) fn is_commit(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_repository_is_the_same_after_display_and_parse(
            name in "[A-Za-z0-9_]{1,20}(/[A-Za-z0-9]([-.]?[A-Za-z0-9_]){0,20})?",
            revision in proptest::option::of("[A-Za-z0-9+=_-]{1,20}(/[A-Za-z0-9+=_-]{1,20}){0,2}"),
        ) {
            let id = RepoId { name, revision };
            prop_assert_eq!(RepoId::parse(&id.to_string()).unwrap(), id);
        }

        #[test]
        fn an_accepted_name_and_revision_stay_inside_their_folder(text in "[a-zA-Z./@:\\\\%~-]{0,24}|\\PC{0,24}") {
            if let Ok(id) = RepoId::parse(&text) {
                let is_normal = |part| matches!(part, std::path::Component::Normal(_));
                let revision = id.revision().unwrap_or("main");
                prop_assert!(std::path::Path::new(id.name()).components().all(is_normal), "{:?}", id);
                prop_assert!(std::path::Path::new(revision).components().all(is_normal), "{:?}", id);
            }
        }
    }

    #[test]
    fn a_repository_is_read_with_and_without_its_revision() {
        for (text, name, revision) in [
            ("gpt2", "gpt2", None),
            ("hf:timm/resnet50.a1_in1k", "timm/resnet50.a1_in1k", None),
            ("a/b@refs/pr/1", "a/b", Some("refs/pr/1")),
            ("hf:a/b@v1.0", "a/b", Some("v1.0")),
        ] {
            let id = RepoId::parse(text).unwrap();
            assert_eq!((id.name(), id.revision()), (name, revision), "{text}");
            assert_eq!(RepoId::parse(&id.to_string()).unwrap(), id, "{text}");
        }
    }

    #[test]
    fn a_name_that_could_lead_elsewhere_is_refused() {
        for text in [
            "",
            "/",
            "a/",
            "/a",
            "a/b/c",
            "../x",
            "a/..",
            "a/.git",
            "a--b/c",
            "a/b c",
            "a/b?x",
            "a/b#",
            "a\\b/c",
            "ä/b",
            "https://huggingface.co/a/b",
            "a/b@",
            "a/b@../x",
            "a/b@/x",
            "a/b@x//y",
            "a/b@x%2f",
            "a/b@x\ny",
            "a/b@.x",
        ] {
            assert!(RepoId::parse(text).is_err(), "{text:?}");
        }
        assert!(RepoId::parse(&"a".repeat(97)).is_err());
        assert!(RepoId::parse(&format!("a/b@{}", "x".repeat(201))).is_err());
    }

    #[test]
    fn only_forty_hexadecimal_digits_are_a_commit() {
        assert!(is_commit(&"0a".repeat(20)));
        for text in ["main", "0a", &"0A".repeat(20), &"0g".repeat(20)] {
            assert!(!is_commit(text), "{text}");
        }
    }
}
