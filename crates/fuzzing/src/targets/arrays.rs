//! Arrays of features, targets and probabilities.

use std::io::{Cursor, Write};
use std::path::Path;

use ranktune_data::arrays::{read_matrix, read_targets};
use zip::CompressionMethod;
use zip::write::SimpleFileOptions;

use super::Target;
use crate::outcome::Outcome;
use crate::scratch::Scratch;
use crate::seeds;

pub(super) const NPY: Target = Target {
    name: "npy",
    about: "an array of NumPy",
    words: NPY_WORDS,
    seeds: npy_seeds,
    run: |bytes, scratch| read(&scratch.put("f.npy", bytes)),
};

pub(super) const NPZ: Target = Target {
    name: "npz",
    about: "a zip file of arrays; every other input is a valid archive around a damaged array",
    words: NPY_WORDS,
    seeds: npz_seeds,
    run: npz,
};

pub(super) const SAFETENSORS: Target = Target {
    name: "safetensors",
    about: "a file of named tensors",
    words: &[
        "\"F32\"",
        "\"BF16\"",
        "\"I64\"",
        "\"shape\":[",
        "\"data_offsets\":[",
        "__metadata__",
        "\"labels\"",
    ],
    seeds: safetensors_seeds,
    run: |bytes, scratch| read(&scratch.put("f.safetensors", bytes)),
};

const NPY_WORDS: &[&str] = &[
    "'<f4'",
    "'|O'",
    "'<U999999999999'",
    "'|S0'",
    "'<i8'",
    "True",
    "False",
    "(0,)",
    "(1, 9)",
    "'shape'",
];

fn npy_seeds() -> Vec<Vec<u8>> {
    let mut seeds = seeds::files(&[
        "crates/scores/tests/vectors/tall/features.npy",
        "crates/scores/tests/vectors/tall/labels.npy",
        "crates/scores/tests/vectors/several_labels/labels.npy",
    ]);
    // Texts, big-endian numbers, and columns first.
    for (header, elements) in [
        ("{'descr': '<U3', 'fortran_order': False, 'shape': (4,), }\n", 48),
        ("{'descr': '>i2', 'fortran_order': True, 'shape': (2, 3), }\n", 12),
        ("{'descr': '|S2', 'fortran_order': True, 'shape': (2, 2), }\n", 8),
    ] {
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.resize(bytes.len() + elements, b'a');
        seeds.push(bytes);
    }
    seeds
}

fn npz_seeds() -> Vec<Vec<u8>> {
    let mut seeds = npy_seeds();
    let arrays: Vec<_> = seeds.iter().take(2).cloned().collect();
    seeds.push(archive(&arrays, CompressionMethod::Deflated));
    seeds.push(archive(&arrays, CompressionMethod::Stored));
    seeds
}

/// A zip file of these arrays.
fn archive(arrays: &[Vec<u8>], method: CompressionMethod) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (array, name) in arrays.iter().zip(["features.npy", "labels.npy", "other.npy"]) {
        let options = SimpleFileOptions::default().compression_method(method);
        // In memory, nothing of this fails.
        let _ = archive.start_file(name, options);
        let _ = archive.write_all(array);
    }
    archive.finish().map(Cursor::into_inner).unwrap_or_default()
}

/// What does not begin as an archive is put into one, so that damage also reaches the arrays, whose checksums then fit.
fn npz(bytes: &[u8], scratch: &Scratch) -> Outcome {
    if bytes.starts_with(b"PK") {
        return read(&scratch.put("f.npz", bytes));
    }
    let arrays = [bytes.to_vec(), bytes.to_vec()];
    read(&scratch.put("f.npz", &archive(&arrays, CompressionMethod::Deflated)))
}

fn safetensors_seeds() -> Vec<Vec<u8>> {
    let header = r#"{"__metadata__":{"format":"pt"},"features":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"labels":{"dtype":"I64","shape":[2],"data_offsets":[24,40]}}"#;
    let half = r#"{"a":{"dtype":"BF16","shape":[4,2],"data_offsets":[0,16]}}"#;
    vec![seeds::safetensors(header, &[7; 40]), seeds::safetensors(half, &[7; 16])]
}

fn read(path: &Path) -> Outcome {
    let mut outcome = Outcome::default();
    outcome.add(read_matrix(path));
    outcome.add(read_targets(path, None));
    outcome
}
