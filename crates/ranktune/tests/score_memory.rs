//! Arrays in memory are scored as the files that hold them are, and statistics add up and are taken away.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::PathBuf;

use ranktune::{ArraySource, MemoryArray, SavedStatistics, ScoreFileOptions, ScoreFiles};
use ranktune_data::arrays::{Matrix, write_npy};

/// Features of `n` samples, f32, and a class for each.
struct Samples {
    features: Vec<f32>,
    bytes: Vec<u8>,
    labels: Vec<u8>,
    d: usize,
}

fn samples(n: usize, d: usize) -> Samples {
    let labels: Vec<u8> = (0..n)
        .map(|i| b"abc"[i * i % 3 % 2 + usize::from(i % 5 == 0)] - b'a')
        .collect();
    let features: Vec<f32> = (0..n * d)
        .map(|i| ((i * i + 3 * i) as f32 * 0.37).sin() + f32::from(labels[i / d]) * f32::from(u8::from(i % d == 1)))
        .collect();
    let bytes = features.iter().flat_map(|value| value.to_le_bytes()).collect();
    Samples {
        features,
        bytes,
        labels,
        d,
    }
}

impl Samples {
    fn rows(&self, rows: std::ops::Range<usize>) -> ScoreFiles<'_> {
        let width = 4 * self.d;
        let array = |name: &str, dtype: &str, shape, bytes| {
            ArraySource::Memory(MemoryArray {
                name: name.to_owned(),
                dtype: dtype.to_owned(),
                column_major: false,
                shape,
                bytes,
            })
        };
        ScoreFiles {
            features: vec![array(
                "F",
                "<f4",
                vec![rows.len(), self.d],
                &self.bytes[rows.start * width..rows.end * width],
            )],
            targets: vec![array("y", "|u1", vec![rows.len()], &self.labels[rows])],
            ..ScoreFiles::default()
        }
    }
}

#[test]
fn memory_and_files_have_the_same_document_and_the_weights_predict_the_classes() {
    let folder = tempfile::tempdir().unwrap();
    // Read whole, and streamed.
    for (n, d) in [(60, 7), (4000, 300)] {
        let samples = samples(n, d);
        let matrix = Matrix {
            rows: n,
            cols: d,
            data: samples.features.clone(),
        };
        let path = |name: &str| -> PathBuf { folder.path().join(name) };
        write_npy(&path("F.npy"), matrix.view()).unwrap();
        let header = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': ({n},), }}");
        let mut file = b"\x93NUMPY\x01\x00".to_vec();
        file.extend((u16::try_from(header.len()).unwrap()).to_le_bytes());
        file.extend(header.as_bytes());
        file.extend(&samples.labels);
        std::fs::write(path("y.npy"), file).unwrap();
        let files = ScoreFiles {
            features: vec![path("F.npy").into()],
            targets: vec![path("y.npy").into()],
            ..ScoreFiles::default()
        };
        let options = ScoreFileOptions {
            scores: vec!["logme".to_owned()],
            ..ScoreFileOptions::default()
        };
        let from_memory = ranktune::fit(&samples.rows(0..n), &options).unwrap();
        assert_eq!(from_memory.scores, ranktune::score(&files, &options).unwrap());
        let logme = from_memory.logme.unwrap();
        let (weights, evidence) = (logme.weights(), logme.evidence());
        // The posterior mean is the ridge solution: F^T (y - F m) = (alpha / beta) m.
        for (column, m) in evidence.columns.iter().zip(weights.chunks_exact(d)) {
            let (Some(alpha), Some(beta)) = (column.alpha, column.beta) else {
                continue;
            };
            let mut gradient = vec![0.0; d];
            for (row, &label) in samples.features.chunks_exact(d).zip(&samples.labels) {
                let mean: f64 = row.iter().zip(m).map(|(&x, m)| f64::from(x) * m).sum();
                let left = f64::from(u8::from(usize::from(label) == column.column)) - mean;
                gradient
                    .iter_mut()
                    .zip(row)
                    .for_each(|(sum, &x)| *sum += f64::from(x) * left);
            }
            for (sum, m) in gradient.iter().zip(m) {
                assert!(
                    (sum - alpha / beta * m).abs() < 1e-6 * n as f64,
                    "{sum} and {}",
                    alpha / beta * m
                );
            }
        }
    }
}

#[test]
fn statistics_that_are_added_and_taken_away_are_those_of_the_rows_that_are_left() {
    let samples = samples(80, 6);
    let options = ScoreFileOptions::default();
    let of = |rows| SavedStatistics::of(&samples.rows(rows), &options).unwrap();
    let logme = |statistics: &SavedStatistics| {
        statistics.fit(&options).unwrap().scores.scores["logme"]["value"]
            .as_f64()
            .unwrap()
    };
    let mut sum = of(0..30);
    sum.merge(&of(30..80)).unwrap();
    assert!((logme(&sum) - logme(&of(0..80))).abs() < 1e-9);
    sum.subtract(&of(0..30)).unwrap();
    assert_eq!(sum.n_samples(), 50);
    assert!((logme(&sum) - logme(&of(30..80))).abs() < 1e-9);
    let again = SavedStatistics::from_bytes(&sum.to_bytes(), "bytes").unwrap();
    assert_eq!(logme(&again).to_bits(), logme(&sum).to_bits());
    let error = sum.subtract(&of(30..79)).unwrap_err();
    assert!(error.to_string().contains("more samples than features"), "{error}");
    assert_eq!(sum.n_samples(), 50, "a failed subtraction changes nothing");
}
