//! A hub's listing of a repository at a revision: the commit, and name, size and checksum of every file.
//!
//! `GET /api/models/NAME/revision/REVISION?blobs=true`; a mirror without support for `blobs` lists names only, and size and
//! checksum then come from the headers of each file.

use std::collections::BTreeMap;

use ranktune_core::terminal::shortened;
use serde::Deserialize;

use super::checksum::Checksum;
use super::select::check_name;
use crate::repository::is_commit;
use crate::{Error, ErrorKind};

/// What the listing states about a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FileInfo {
    pub(crate) checksum: Option<Checksum>,
    pub(crate) size: Option<u64>,
}

/// A repository at a commit.
#[derive(Clone, Debug)]
pub(crate) struct Listing {
    pub(crate) commit: String,
    pub(crate) files: BTreeMap<String, FileInfo>,
}

#[derive(Deserialize)]
struct Answer {
    sha: String,
    #[serde(default)]
    siblings: Vec<Sibling>,
}

#[derive(Deserialize)]
struct Sibling {
    rfilename: String,
    size: Option<u64>,
    #[serde(rename = "blobId")]
    blob_id: Option<String>,
    lfs: Option<Lfs>,
}

#[derive(Deserialize)]
struct Lfs {
    #[serde(alias = "oid")]
    sha256: Option<String>,
    size: Option<u64>,
}

impl Listing {
    /// Parses the response to a request for `revision`.
    ///
    /// # Errors
    /// [`ErrorKind::Untrusted`]: it is not a listing, or a file's name leads out of the repository.
    pub(crate) fn parse(answer: &[u8], revision: &str) -> Result<Self, Error> {
        let answer: Answer = serde_json::from_slice(answer).map_err(|e| {
            let text = "unexpected response from the hub: expected the listing of a repository; check HF_ENDPOINT";
            Error::new(ErrorKind::Untrusted, text).caused_by(e)
        })?;
        let commit = answer.sha;
        if !is_commit(&commit) || (is_commit(revision) && revision != commit) {
            let text = format!(
                "unexpected response from the hub: invalid commit {:?} for revision {revision}",
                shortened(&commit, 60)
            );
            return Err(Error::new(ErrorKind::Untrusted, text));
        }
        let mut files = BTreeMap::new();
        for sibling in answer.siblings {
            check_name(&sibling.rfilename)?;
            files.insert(sibling.rfilename.clone(), sibling.info());
        }
        Ok(Self { commit, files })
    }
}

impl Listing {
    /// The listing in JSON that [`Listing::parse`] reads, to be kept with the downloads.
    pub(crate) fn to_json(&self) -> Vec<u8> {
        let sibling = |(name, info): (&String, &FileInfo)| {
            let mut sibling = serde_json::json!({ "rfilename": name, "size": info.size });
            match &info.checksum {
                Some(Checksum::Sha256(hex)) => sibling["lfs"] = serde_json::json!({ "sha256": hex, "size": info.size }),
                Some(Checksum::Git(hex)) => sibling["blobId"] = hex.as_str().into(),
                None => {}
            }
            sibling
        };
        let siblings: Vec<serde_json::Value> = self.files.iter().map(sibling).collect();
        serde_json::json!({ "sha": self.commit, "siblings": siblings })
            .to_string()
            .into_bytes()
    }
}

impl Sibling {
    fn info(self) -> FileInfo {
        let Some(lfs) = self.lfs else {
            let checksum = self.blob_id.as_deref().and_then(Checksum::from_hex);
            let size = self.size;
            return FileInfo { checksum, size };
        };
        // `blobId` is then the checksum of a pointer, not of the file.
        let sha256 = lfs
            .sha256
            .as_deref()
            .map(|hex| hex.strip_prefix("sha256:").unwrap_or(hex));
        let checksum = sha256.and_then(Checksum::from_hex).filter(Checksum::is_sha256);
        let size = lfs.size.or(self.size);
        FileInfo { checksum, size }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    fn parse(siblings: &str) -> Result<Listing, Error> {
        let text = format!(r#"{{"sha":"{COMMIT}","id":"a/b","gated":"auto","siblings":[{siblings}]}}"#);
        Listing::parse(text.as_bytes(), "main")
    }

    #[test]
    fn a_large_file_has_its_own_checksum_and_not_its_pointers() {
        let (git, sha256) = ("ab".repeat(20), "cd".repeat(32));
        let text = format!(
            r#"{{"rfilename":"config.json","size":7,"blobId":"{git}"}},
               {{"rfilename":"model.onnx","size":9,"blobId":"{git}","lfs":{{"sha256":"{sha256}","size":9,"pointerSize":130}}}},
               {{"rfilename":"README.md"}}"#
        );
        let files = parse(&text).unwrap().files;
        assert_eq!(
            files["config.json"],
            FileInfo {
                checksum: Some(Checksum::Git(git)),
                size: Some(7)
            }
        );
        assert_eq!(
            files["model.onnx"],
            FileInfo {
                checksum: Some(Checksum::Sha256(sha256)),
                size: Some(9)
            }
        );
        assert_eq!(files["README.md"], FileInfo::default());
    }

    #[test]
    fn a_listing_that_was_kept_is_read_as_it_was() {
        let (git, sha256) = ("ab".repeat(20), "cd".repeat(32));
        let text = format!(
            r#"{{"rfilename":"README.md","size":7,"blobId":"{git}"}},{{"rfilename":"x"}},
               {{"rfilename":"data/a.parquet","lfs":{{"sha256":"{sha256}","size":9}}}}"#
        );
        let listing = parse(&text).unwrap();
        assert_eq!(Listing::parse(&listing.to_json(), COMMIT).unwrap().files, listing.files);
    }

    #[test]
    fn an_invalid_listing_is_rejected() {
        for text in [
            "",
            "[]",
            "<html>",
            "{}",
            r#"{"sha":"../../x"}"#,
            r#"{"sha":"main","siblings":[]}"#,
        ] {
            assert_eq!(
                Listing::parse(text.as_bytes(), "main").unwrap_err().kind(),
                ErrorKind::Untrusted,
                "{text}"
            );
        }
        let other = "f".repeat(40);
        assert!(Listing::parse(format!(r#"{{"sha":"{COMMIT}"}}"#).as_bytes(), &other).is_err());
        assert!(parse(r#"{"rfilename":"x","size":-1}"#).is_err());
        assert!(parse(r#"{"rfilename":"../../../home/x/.bashrc"}"#).is_err());
    }
}
