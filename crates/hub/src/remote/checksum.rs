//! Checksums of files, as stated by a hub and as computed from the downloaded file.
//!
//! Large files (LFS) have the SHA-256 of their bytes; small ones, which git itself keeps, the SHA-1 of
//! `"blob " ‖ length in decimal ‖ 0 ‖ bytes`. SHA-1 protects against accidents more than against attacks, so a redirect to
//! another host requires a SHA-256; a file with only a SHA-1 has to come from the hub itself.

use ring::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY, SHA256};

/// A checksum in lower-case hexadecimal digits, which is safe as a file name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Checksum {
    Sha256(String),
    Git(String),
}

impl Checksum {
    /// Parses `"…"` or `W/"…"`; `None` for an ETag that is not a checksum.
    pub(crate) fn from_etag(etag: &str) -> Option<Self> {
        Self::from_hex(etag.strip_prefix("W/").unwrap_or(etag).trim_matches('"'))
    }

    /// 64 digits are a SHA-256, 40 git's SHA-1.
    pub(crate) fn from_hex(text: &str) -> Option<Self> {
        let text = text.to_ascii_lowercase();
        if !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        match text.len() {
            64 => Some(Self::Sha256(text)),
            40 => Some(Self::Git(text)),
            _ => None,
        }
    }

    pub(crate) fn hex(&self) -> &str {
        match self {
            Self::Sha256(hex) | Self::Git(hex) => hex,
        }
    }

    pub(crate) fn is_sha256(&self) -> bool {
        matches!(self, Self::Sha256(_))
    }

    /// Begins to compute the checksum of a file of `length` bytes.
    pub(crate) fn hasher(&self, length: u64) -> Hasher {
        let mut hasher = Hasher(match self {
            Self::Sha256(_) => Context::new(&SHA256),
            Self::Git(_) => Context::new(&SHA1_FOR_LEGACY_USE_ONLY),
        });
        if let Self::Git(_) = self {
            hasher.update(format!("blob {length}\0").as_bytes());
        }
        hasher
    }
}

/// A checksum that is being computed.
#[derive(Clone)]
pub(crate) struct Hasher(Context);

impl Hasher {
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(crate) fn hex(self) -> String {
        self.0
            .finish()
            .as_ref()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_hexadecimal_etags_of_known_length_are_checksums() {
        let (sha256, git) = ("AB".repeat(32), "cd".repeat(20));
        assert_eq!(
            Checksum::from_etag(&format!("\"{sha256}\"")),
            Some(Checksum::Sha256("ab".repeat(32)))
        );
        assert_eq!(
            Checksum::from_etag(&format!("W/\"{git}\"")),
            Some(Checksum::Git(git.clone()))
        );
        for etag in [
            "",
            "\"\"",
            "../x",
            "\"d41d8cd98f00b204e9800998ecf8427e\"",
            &"../a".repeat(10),
            &"é".repeat(20),
        ] {
            assert_eq!(Checksum::from_etag(etag), None, "{etag}");
        }
    }

    #[test]
    fn the_checksums_are_those_of_sha256sum_and_git_hash_object() {
        // printf 'hello\n' | sha256sum; printf 'hello\n' | git hash-object --stdin
        for hex in [
            "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03",
            "ce013625030ba8dba906f756967f9e9ca394464a",
        ] {
            let mut hasher = Checksum::from_hex(hex).unwrap().hasher(6);
            hasher.update(b"hel");
            hasher.update(b"lo\n");
            assert_eq!(hasher.hex(), hex);
        }
    }
}
