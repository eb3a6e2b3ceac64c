//! Entries of the feature store, complete and partial.

use ranktune_features::store::{Block, EntryState, Key, KeyParts, Reader, Store, StoreOptions};

use super::Target;
use crate::outcome::Outcome;
use crate::scratch::Scratch;

pub(super) const STORE: Target = Target {
    name: "store",
    about: "an entry of the feature store; the checksums of every other input fit again",
    words: &["rows", "done", "RTfeat\0\u{1}"],
    seeds,
    run,
};

/// `magic [8] · key [32] · d · z`, then the check.
const HEADER: usize = 56;
/// `tag [4] · encoding [4] · first row · rows`, then the check.
const RECORD: usize = 24;
const CHECK: usize = 16;
/// The most rows that a test reads.
const ROWS: usize = 1 << 16;

fn key() -> Key {
    Key::of(&KeyParts {
        model: b"model",
        preprocessing: b"none",
        feature_tensor: "features",
        pooling: "",
        data: b"data",
    })
}

fn seeds() -> Vec<Vec<u8>> {
    let scratch = Scratch::new();
    let written = || -> Result<(), ranktune_features::Error> {
        let store = Store::open(scratch.path(), &StoreOptions::default())?;
        if let EntryState::Absent(mut writer) = store.entry(&key())? {
            for first in [0_u8, 4] {
                let features: Vec<f32> = (0..12).map(|at| f32::from(first + at)).collect();
                writer.append(
                    4,
                    &Block {
                        features: &features,
                        logits: Some(&[0.5; 8]),
                        valid: None,
                    },
                )?;
            }
            writer.finish()?;
        }
        Ok(())
    };
    let entry = scratch.path().join(name("features"));
    match written().map(|()| std::fs::read(entry)) {
        Ok(Ok(bytes)) => vec![bytes],
        other => panic!("an entry cannot be written: {other:?}"),
    }
}

fn name(extension: &str) -> String {
    format!("features-1/{}.f32.{extension}", key().hex())
}

/// Rewrites the check of the header and of every record that lies in the file, as an attacker would.
fn repaired(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let key_bytes = blake3::Hash::from_hex(key().hex())
        .map(|hash| *hash.as_bytes())
        .unwrap_or_default();
    let check = |parts: &[&[u8]]| {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&key_bytes);
        for part in parts {
            hasher.update(part);
        }
        hasher.finalize()
    };
    let number = |bytes: &[u8], at: usize| {
        let eight = bytes.get(at..at + 8).and_then(|eight| eight.try_into().ok());
        eight.map_or(u64::MAX, u64::from_le_bytes)
    };
    if bytes.len() < HEADER + CHECK {
        return bytes;
    }
    bytes[8..40].copy_from_slice(&key_bytes);
    let header = check(&[&bytes[..HEADER]]);
    bytes[HEADER..HEADER + CHECK].copy_from_slice(&header.as_bytes()[..CHECK]);
    let (d, z) = (number(&bytes, 40), number(&bytes, 48));
    let mut at = HEADER + CHECK;
    while at + RECORD + CHECK <= bytes.len() {
        let start = at + RECORD + CHECK;
        let is_end = bytes[at..].starts_with(b"done");
        let element = if bytes[at + 4] == 1 { 2 } else { 4 };
        let row = d.wrapping_mul(element).wrapping_add(z.wrapping_mul(4)).wrapping_add(1);
        let payload = if is_end {
            0
        } else {
            number(&bytes, at + 16).wrapping_mul(row)
        };
        let end = usize::try_from(payload)
            .ok()
            .and_then(|payload| start.checked_add(payload));
        let Some(end) = end.filter(|&end| end <= bytes.len()) else {
            break;
        };
        let found = check(&[&bytes[at..at + RECORD], &bytes[start..end]]);
        bytes[at + RECORD..start].copy_from_slice(&found.as_bytes()[..CHECK]);
        at = end;
    }
    bytes
}

fn run(bytes: &[u8], scratch: &Scratch) -> Outcome {
    let mut outcome = Outcome::default();
    for (extension, bytes) in [
        ("features", bytes.to_vec()),
        ("features", repaired(bytes)),
        ("partial", repaired(bytes)),
    ] {
        for other in ["features", "partial"] {
            let _ = std::fs::remove_file(scratch.path().join(name(other)));
        }
        scratch.put(&name(extension), &bytes);
        let Some(store) = outcome.add(Store::open(scratch.path(), &StoreOptions::default())) else {
            continue;
        };
        match outcome.add(store.entry(&key())) {
            Some(EntryState::Complete(reader)) => read(reader, &mut outcome),
            Some(EntryState::Partial(writer)) => {
                if let Some(reader) = outcome.add(writer.so_far()) {
                    read(reader, &mut outcome);
                }
            }
            _ => {}
        }
    }
    outcome
}

fn read(mut reader: Reader, outcome: &mut Outcome) {
    let rows = reader.n_rows().min(ROWS);
    let mut into = Vec::new();
    outcome.add(reader.read_features(0..rows, &mut into));
    outcome.add(reader.read_logits(0..rows, &mut into));
}
