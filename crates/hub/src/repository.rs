//! Repositories on a hub of Hugging Face's kind, by name: `hf:ORGANISATION/NAME@REVISION`.
//!
//! Names and revisions become parts of URLs and folders, so only what the hub itself allows is accepted, which leaves nothing
//! that could lead out of either.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::Error;

/// A repository and what is wanted of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepoId {
    name: String,
    revision: Option<String>,
}

/// As on the hub.
const MAX_NAME: usize = 96;
/// File systems allow 255 for one part of a name.
const MAX_REVISION: usize = 200;

impl RepoId {
    /// Reads `ORGANISATION/NAME` or `NAME`, with `@REVISION` or without, with `hf:` before it or without.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed), with what is wrong with the name.
    ///
    /// # Examples
    /// ```
    /// use ranktune_hub::RepoId;
    /// let id = RepoId::parse("hf:BAAI/bge-small-en-v1.5@main")?;
    /// assert_eq!((id.name(), id.revision()), ("BAAI/bge-small-en-v1.5", Some("main")));
    /// # Ok::<(), ranktune_hub::Error>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self, Error> {
        let bad = |why: &str| {
            let text = format!(
                "{text:?} is not a repository: {why}; expected hf:ORGANISATION/NAME or hf:ORGANISATION/NAME@REVISION"
            );
            Error::malformed(text)
        };
        let id = text.strip_prefix("hf:").unwrap_or(text);
        let (name, revision) = match id.split_once('@') {
            Some((name, revision)) => (name, Some(revision)),
            None => (id, None),
        };
        if name.contains("://") {
            return Err(bad("an address is not a name"));
        }
        if name.len() > MAX_NAME {
            return Err(bad("the name is longer than 96 characters"));
        }
        let parts: Vec<&str> = name.split('/').collect();
        if parts.len() > 2 {
            return Err(bad("more than one slash"));
        }
        for part in parts {
            let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
            if part.is_empty() {
                return Err(bad("an empty part"));
            }
            if let Some(c) = part.chars().find(|&c| !is_allowed(c)) {
                return Err(bad(&format!("a name has no {c:?}")));
            }
            if part.starts_with(['-', '.']) || part.ends_with(['-', '.']) || part.contains("..") || part.contains("--")
            {
                return Err(bad("'-' and '.' are neither first, nor last, nor doubled"));
            }
        }
        if let Some(revision) = revision {
            check_revision(revision).map_err(|why| bad(&why))?;
        }
        Ok(Self {
            name: name.to_owned(),
            revision: revision.map(str::to_owned),
        })
    }

    /// The same repository at another revision.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed): no branch, tag or commit is called so.
    pub fn at(&self, revision: &str) -> Result<Self, Error> {
        check_revision(revision).map_err(|why| Error::malformed(format!("revision {revision:?}: {why}")))?;
        Ok(Self {
            name: self.name.clone(),
            revision: Some(revision.to_owned()),
        })
    }

    /// `ORGANISATION/NAME`, or `NAME` for the few that have no organisation.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Branch, tag or commit, if one was asked for.
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

impl fmt::Display for RepoId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "hf:{}", self.name)?;
        self.revision
            .as_ref()
            .map_or(Ok(()), |revision| write!(f, "@{revision}"))
    }
}

/// Which of a repository's ONNX files is wanted, where it has several of the same model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WeightPrecision {
    /// `model.onnx`: the only one that can be tuned.
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

/// Which of a repository's models is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileChoice {
    /// Default: what the downloader is set to.
    pub precision: Option<WeightPrecision>,
    /// The ONNX file's name in the repository, whatever the precision. Default: by the usual names.
    pub file: Option<String>,
}

/// A repository's model and its configuration, on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The repository at its commit, which never changes: what a ranking notes.
    pub id: RepoId,
    /// The commit.
    pub commit: String,
    /// The folder with the configuration files.
    pub dir: PathBuf,
    /// The ONNX file in it.
    pub model: PathBuf,
    /// Names in the repository, the ONNX file's first.
    pub files: Vec<String>,
}

/// Branches and tags as git allows them, less characters that a file system or a URL could take for something else.
fn check_revision(revision: &str) -> Result<(), String> {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | '+' | '=');
    if revision.is_empty() || revision.len() > MAX_REVISION {
        return Err(format!("a revision has 1 to {MAX_REVISION} characters"));
    }
    if let Some(c) = revision.chars().find(|&c| !is_allowed(c)) {
        return Err(format!("a revision has no {c:?}"));
    }
    if revision
        .split('/')
        .any(|part| part.is_empty() || part.starts_with('.') || part.ends_with('.'))
    {
        return Err("a part of the revision is empty, or begins or ends with '.'".to_owned());
    }
    Ok(())
}

/// Whether `text` is a full commit id: 40 hexadecimal digits.
// Only downloads tell commits from branches.
#[cfg(any(feature = "remote", test))]
pub(crate) fn is_commit(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

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
