//! Reads the reference vectors, and generates small data.
#![allow(dead_code, reason = "every test file uses its own part of this module")]
#![allow(clippy::unwrap_used, reason = "a helper of tests: it may stop the test")]

pub mod reference;

use std::path::{Path, PathBuf};

use ranktune_testing::shared;
use serde_json::Value;

/// The folders of reference vectors: the one in this repository, and the larger one outside it where that is present.
#[track_caller]
pub fn vectors() -> Vec<PathBuf> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    [Some(own), shared("vectors")].into_iter().flatten().collect()
}

/// `expected.json` of a folder of vectors.
pub fn expected(vectors: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(vectors.join("expected.json")).unwrap()).unwrap()
}

/// A two-dimensional array of f64; a one-dimensional one has one column.
pub struct Array {
    pub rows: usize,
    pub columns: usize,
    pub values: Vec<f64>,
}

pub fn read_npy(path: &Path) -> Array {
    let bytes = std::fs::read(path).unwrap();
    let header_length = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let header = std::str::from_utf8(&bytes[10..10 + header_length]).unwrap();
    assert!(header.contains("'fortran_order': False"), "{header}");
    let shape: Vec<usize> = header
        .split('(')
        .nth(1)
        .unwrap()
        .split(')')
        .next()
        .unwrap()
        .split(',')
        .filter_map(|part| part.trim().parse().ok())
        .collect();
    let body = &bytes[10 + header_length..];
    let values = if header.contains("<f4") {
        body.chunks_exact(4)
            .map(|b| f64::from(f32::from_le_bytes(b.try_into().unwrap())))
            .collect()
    } else if header.contains("<f8") {
        body.chunks_exact(8)
            .map(|b| f64::from_le_bytes(b.try_into().unwrap()))
            .collect()
    } else if header.contains("|i1") {
        body.iter().map(|&b| f64::from(i8::from_ne_bytes([b]))).collect()
    } else {
        assert!(header.contains("<i8"), "{header}");
        body.chunks_exact(8)
            .map(|b| i64::from_le_bytes(b.try_into().unwrap()) as f64)
            .collect()
    };
    Array {
        rows: shape[0],
        columns: shape.get(1).copied().unwrap_or(1),
        values,
    }
}

/// One case of a folder of vectors.
pub struct Case {
    pub name: String,
    pub expected: Value,
    pub features: Vec<f32>,
    pub n: usize,
    pub d: usize,
    pub labels: Vec<u32>,
    pub n_classes: usize,
    pub values: Vec<f64>,
    pub n_columns: usize,
    pub probabilities: Vec<f32>,
    pub n_sources: usize,
}

impl Case {
    pub fn features(&self) -> ranktune_scores::FeatureView<'_> {
        ranktune_scores::FeatureView::new(&self.features, self.n, self.d).unwrap()
    }

    /// One column of Y.
    pub fn column(&self, column: usize) -> Vec<f64> {
        if self.labels.is_empty() {
            self.values
                .iter()
                .skip(column)
                .step_by(self.n_columns)
                .copied()
                .collect()
        } else {
            self.labels
                .iter()
                .map(|&label| f64::from(u8::from(label as usize == column)))
                .collect()
        }
    }

    pub fn targets(&self) -> ranktune_scores::Targets<'_> {
        if self.labels.is_empty() {
            ranktune_scores::Targets::columns(&self.values, self.n_columns).unwrap()
        } else {
            ranktune_scores::Targets::classes(&self.labels, self.n_classes).unwrap()
        }
    }
}

/// The cases of every folder, each in its file's order.
#[track_caller]
pub fn cases() -> Vec<Case> {
    vectors().iter().flat_map(|folder| cases_of(folder)).collect()
}

fn cases_of(vectors: &Path) -> Vec<Case> {
    let expected = expected(vectors);
    expected["cases"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, expected)| {
            let folder = vectors.join(name);
            let features = read_npy(&folder.join("features.npy"));
            let targets = read_npy(&folder.join("labels.npy"));
            let is_classes = expected["task"] == "classification";
            let probabilities = folder.join("probabilities.npy");
            let probabilities = probabilities.is_file().then(|| read_npy(&probabilities));
            let labels: Vec<u32> = if is_classes {
                targets.values.iter().map(|&v| v as u32).collect()
            } else {
                Vec::new()
            };
            Case {
                name: name.clone(),
                expected: expected.clone(),
                features: features.values.iter().map(|&v| v as f32).collect(),
                n: features.rows,
                d: features.columns,
                n_classes: labels.iter().max().map_or(0, |&label| label as usize + 1),
                labels,
                n_columns: targets.columns,
                values: targets.values,
                n_sources: probabilities.as_ref().map_or(0, |p| p.columns),
                probabilities: probabilities
                    .map(|p| p.values.iter().map(|&v| v as f32).collect())
                    .unwrap_or_default(),
            }
        })
        .collect()
}

/// `|got − expected| ≤ tolerance · |expected|`, with a message that names the case.
#[track_caller]
pub fn close(name: &str, got: f64, expected: f64, tolerance: f64) {
    let error = (got - expected).abs();
    assert!(
        error <= tolerance * expected.abs(),
        "{name}: got {got}, expected {expected}, relative error {:e}",
        error / expected.abs()
    );
}

/// Seeded random numbers, uniform or roughly normal.
pub struct Random(pub u64);

impl Random {
    pub fn uniform(&mut self) -> f64 {
        // splitmix64
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.uniform() * n as f64) as usize
    }
}

/// Features `[n, d]` around a centre per class, and labels; `spread` is the noise around the centres.
pub fn clusters(n: usize, d: usize, n_classes: usize, spread: f64, seed: u64) -> (Vec<f32>, Vec<u32>) {
    let mut random = Random(seed);
    let centres: Vec<f64> = (0..n_classes * d).map(|_| random.normal()).collect();
    let mut features = Vec::with_capacity(n * d);
    let mut labels = Vec::with_capacity(n);
    for i in 0..n {
        let class = if i < n_classes { i } else { random.below(n_classes) };
        labels.push(class as u32);
        for j in 0..d {
            features.push((centres[class * d + j] + spread * random.normal()) as f32);
        }
    }
    (features, labels)
}

/// Probabilities `[n, 4]` of a source head that tends towards the class of each sample.
pub fn source_probabilities(labels: &[u32]) -> Vec<f32> {
    let mut random = Random(3);
    labels
        .iter()
        .flat_map(|&label| {
            let row: Vec<f64> = (0..4)
                .map(|z| random.uniform() + if z == label { 1.0 } else { 0.1 })
                .collect();
            let sum: f64 = row.iter().sum();
            row.into_iter().map(move |p| (p / sum) as f32)
        })
        .collect()
}
