//! Segments of the feature store.

use std::sync::Arc;

use ranktune_core::Digest;
use ranktune_features::store::{Block, Key, KeyParts, Rows, Store, StoreOptions, Wanted};

use super::Target;
use crate::outcome::Outcome;
use crate::scratch::Scratch;

pub(super) const STORE: Target = Target {
    name: "store",
    about: "a segment of the feature store; the checksums of every other input fit again",
    words: &["RTfeat\0\u{2}", "rten"],
    seeds,
    run,
};

/// `magic [8] · key [32] · engine [32] · d · z · rows · block rows u32 · encoding u32`
const HEADER: usize = 104;
const CHECK: usize = 16;
const SAMPLES: usize = 8;

fn key() -> Key {
    Key::of(&KeyParts {
        model: b"model",
        preprocessing: b"none",
        feature_tensor: "features",
        pooling: "",
    })
}

fn open(scratch: &Scratch) -> Result<Rows, ranktune_features::Error> {
    let digests: Vec<Digest> = (0..SAMPLES).map(|sample| Digest::of(&sample.to_le_bytes())).collect();
    let store = Store::open(scratch.path(), &StoreOptions::default())?;
    store.rows(&key(), &Arc::new(Wanted::new(&digests)), None)
}

fn folder() -> String {
    format!("features-2/{}.f32", key().hex())
}

fn seeds() -> Vec<Vec<u8>> {
    let scratch = Scratch::new();
    let written = || -> Result<(), ranktune_features::Error> {
        let features: Vec<f32> = (0..24_u8).map(f32::from).collect();
        let block = Block {
            features: &features,
            logits: Some(&[0.5; 16]),
            valid: None,
        };
        let positions: Vec<usize> = (0..SAMPLES).collect();
        let mut rows = open(&scratch)?;
        rows.append(&positions, &block, "rten")?;
        rows.finish();
        Ok(())
    };
    let read = || -> std::io::Result<Vec<Vec<u8>>> {
        let files = std::fs::read_dir(scratch.path().join(folder()))?;
        files.map(|file| std::fs::read(file?.path())).collect()
    };
    match (written(), read()) {
        (Ok(()), Ok(segments)) => segments,
        other => panic!("a segment cannot be written: {other:?}"),
    }
}

/// Rewrites the key and the checks of index and blocks that lie in the file, as an attacker would.
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
    if bytes.len() < HEADER + CHECK {
        return bytes;
    }
    bytes[8..40].copy_from_slice(&key_bytes);
    let number = |at: usize, width: usize| {
        let mut eight = [0; 8];
        eight[..width].copy_from_slice(&bytes[at..at + width]);
        u64::from_le_bytes(eight)
    };
    let (d, z, rows) = (number(72, 8), number(80, 8), number(88, 8));
    let (block_rows, encoding) = (number(96, 4), number(100, 4));
    let element = if encoding == 1 { 2 } else { 4 };
    let row = d.wrapping_mul(element).wrapping_add(z.wrapping_mul(4));
    let place = |at: u64| usize::try_from(at).ok().filter(|&at| at <= bytes.len());
    let index_end = place(rows.wrapping_mul(33).wrapping_add(HEADER as u64));
    let Some(mut at) = index_end.filter(|&end| end + CHECK <= bytes.len()) else {
        return bytes;
    };
    let found = check(&[&bytes[..at]]);
    bytes[at..at + CHECK].copy_from_slice(&found.as_bytes()[..CHECK]);
    at += CHECK;
    for block in 0_u64.. {
        let left = rows.saturating_sub(block.wrapping_mul(block_rows)).min(block_rows);
        let length = usize::try_from(left.wrapping_mul(row)).unwrap_or(usize::MAX);
        let end = at
            .checked_add(length)
            .filter(|end| end.saturating_add(CHECK) <= bytes.len());
        let Some(end) = end.filter(|_| left > 0) else { break };
        let found = check(&[&block.to_le_bytes(), &bytes[at..end]]);
        bytes[end..end + CHECK].copy_from_slice(&found.as_bytes()[..CHECK]);
        at = end + CHECK;
    }
    bytes
}

fn run(bytes: &[u8], scratch: &Scratch) -> Outcome {
    let mut outcome = Outcome::default();
    for bytes in [bytes.to_vec(), repaired(bytes)] {
        let _ = std::fs::remove_dir_all(scratch.path().join(folder()));
        scratch.put(&format!("{}/one.rows", folder()), &bytes);
        let Some(mut rows) = outcome.add(open(scratch)) else {
            continue;
        };
        for sample in 0..SAMPLES {
            let mut into = Vec::new();
            outcome.add(rows.read_features(sample..sample + 1, &mut into));
            outcome.add(rows.read_logits(sample..sample + 1, &mut into));
        }
    }
    outcome
}
