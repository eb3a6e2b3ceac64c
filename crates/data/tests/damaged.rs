//! Files with random damage: reading them gives a value or an error, never a panic.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::path::Path;

use common::bytes::npz;
use common::table;
use ranktune_core::random::Random;
use ranktune_data::arrays::{FeatureFile, Matrix, read_matrix, read_targets, write_npy, write_safetensors};
use ranktune_data::{DatasetTargets, LoadOptions, load};
use zip::CompressionMethod;

/// The bytes with a few of them changed, truncated, or with a piece repeated.
fn damage(random: &mut Random, bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len());
        match random.below(8) {
            0 => bytes.truncate(at.max(1)),
            1 => bytes.extend_from_within(at..),
            2 => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][random.below(5)],
            3 => {
                let end = (at + 4).min(bytes.len());
                bytes[at..end].fill(0xff);
            }
            _ => bytes[at] ^= 1 << random.below(8),
        }
    }
    bytes
}

fn read_everything(path: &Path) {
    let _ = read_matrix(path);
    let _ = read_targets(path, None);
    let options = LoadOptions {
        max_skipped: 1.0,
        ..LoadOptions::default()
    };
    let _ = load(path, &options);
}

fn samples(folder: &Path) -> Vec<(&'static str, Vec<u8>)> {
    let values: Vec<f32> = (0..60).map(|i| i as f32 / 7.0).collect();
    let matrix = Matrix {
        rows: 20,
        cols: 3,
        data: values.clone(),
    };
    let targets = DatasetTargets::Classes {
        names: vec!["a".to_owned(), "b".to_owned()],
        labels: (0..20).map(|i| i % 2).collect(),
    };
    let file = FeatureFile {
        features: matrix.view(),
        targets: Some(&targets),
        probabilities: None,
        metadata: Default::default(),
    };
    let (npy, safetensors) = (folder.join("ok.npy"), folder.join("ok.safetensors"));
    write_npy(&npy, matrix.view()).unwrap();
    write_safetensors(&safetensors, &file).unwrap();
    let npy = std::fs::read(npy).unwrap();
    let npz = |method| npz(&[("features.npy", npy.clone()), ("other.npy", npy.clone())], method);
    let (deflated, stored) = (npz(CompressionMethod::Deflated), npz(CompressionMethod::Stored));
    vec![
        ("f.npy", npy.clone()),
        ("f.npz", deflated),
        ("stored.npz", stored),
        ("f.safetensors", std::fs::read(safetensors).unwrap()),
        ("lists.parquet", table::lists("features", &values, 3, 8)),
        ("columns.parquet", table::columns(&values, 3, 8)),
        (
            "t.parquet",
            table::two_texts(&["text", "label"], &[&["a", "b", "c"], &["x", "y", "x"]]),
        ),
        ("t.csv", b"text,label\n\"a, b\",x\nc,\"y\"\n\"d\ne\",x\n".to_vec()),
        (
            "t.jsonl",
            b"{\"text\": \"a\", \"label\": [\"x\", \"y\"]}\n{\"text\": \"b\", \"label\": [1]}\n".to_vec(),
        ),
        (
            "t.json",
            b"[{\"text\": \"a\", \"label\": 1.5}, {\"text\": \"b\", \"label\": null}]".to_vec(),
        ),
    ]
}

#[test]
fn no_damage_makes_a_reader_panic() {
    const ROUNDS: usize = 300;
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in samples(folder.path()) {
        let mut random = Random::new(7);
        let path = folder.path().join(name);
        for round in 0..ROUNDS {
            std::fs::write(&path, damage(&mut random, &bytes)).unwrap();
            let outcome = std::panic::catch_unwind(|| read_everything(&path));
            assert!(outcome.is_ok(), "round {round} of {name} panics");
        }
    }
}
