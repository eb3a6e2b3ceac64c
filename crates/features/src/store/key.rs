//! The name of an entry: a digest of everything that the features of a sample depend on, besides the sample.
//!
//! The digest is written out here and not with `ranktune_core::digest::FieldHasher`, whose bytes differ: keys must stay the same,
//! or every cache would be lost.

use std::fmt;

use super::SCHEMA;

/// What the features of a sample depend on, besides the sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyParts<'a> {
    /// Digest of the model's files.
    pub model: &'a [u8],
    /// Digest of how inputs are prepared for it.
    pub preprocessing: &'a [u8],
    /// Name of the feature tensor.
    pub feature_tensor: &'a str,
    /// How the feature tensor becomes one row per sample, such as `mean over attention_mask`; empty for not at all.
    pub pooling: &'a str,
}

/// The name of an entry.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key([u8; 32]);

impl Key {
    /// The key of an entry with these parts.
    pub fn of(parts: &KeyParts<'_>) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"ranktune features");
        hasher.update(&SCHEMA.to_le_bytes());
        let KeyParts {
            model,
            preprocessing,
            feature_tensor,
            pooling,
        } = parts;
        for part in [model, preprocessing, feature_tensor.as_bytes(), pooling.as_bytes()] {
            // Each part is preceded by its length, so that no two lists of parts have the same bytes.
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        Self(hasher.finalize().into())
    }

    /// 64 hexadecimal digits.
    pub fn hex(&self) -> String {
        blake3::Hash::from_bytes(self.0).to_hex().to_string()
    }

    pub(super) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.hex())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_changes_the_key_and_parts_do_not_run_together() {
        let parts = KeyParts {
            model: b"model",
            preprocessing: b"pre",
            feature_tensor: "features",
            pooling: "mean",
        };
        let others = [
            parts,
            KeyParts {
                model: b"modem",
                ..parts
            },
            KeyParts {
                preprocessing: b"",
                ..parts
            },
            KeyParts {
                feature_tensor: "featuresm",
                pooling: "ean",
                ..parts
            },
            KeyParts {
                pooling: "first",
                ..parts
            },
        ];
        let keys: std::collections::HashSet<_> = others.iter().map(|parts| Key::of(parts)).collect();
        assert_eq!(keys.len(), others.len());
        assert_eq!(Key::of(&parts), Key::of(&parts));
        assert_eq!(Key::of(&parts).hex().len(), 64);
    }
}
