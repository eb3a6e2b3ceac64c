//! Arrays that are written are read back, and reference arrays are read.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::collections::BTreeMap;

use common::bytes::{Place, f32s, npy, npz, two_by_three, with_member};
use common::table;
use proptest::prelude::*;
use ranktune_data::arrays::{
    FeatureFile, Matrix, MatrixReader, read_matrix, read_probabilities, read_targets, write_npy, write_safetensors,
};
use ranktune_data::{DatasetTargets, Task};
use ranktune_testing::shared;
use zip::CompressionMethod;

#[test]
fn writing_refuses_what_does_not_fit() {
    let place = Place::new();
    let path = place.0.path().join("out.npy");
    let matrix = Matrix {
        rows: 2,
        cols: 2,
        data: vec![1.0; 3],
    };
    assert!(
        write_npy(&path, matrix.view())
            .unwrap_err()
            .to_string()
            .contains("expected 2 × 2 numbers of the matrix, got 3")
    );
    let targets = DatasetTargets::Classes {
        names: vec!["a".to_owned()],
        labels: vec![0],
    };
    let features = two_by_three();
    let file = FeatureFile {
        features: features.view(),
        targets: Some(&targets),
        probabilities: None,
        metadata: BTreeMap::new(),
    };
    let error = write_safetensors(&path, &file).unwrap_err().to_string();
    assert!(error.contains("features have 2 rows but targets have 1"), "{error}");
    assert!(write_npy(&place.0.path().join("no/such/folder/f.npy"), features.view()).is_err());
    assert_eq!(
        std::fs::read_dir(place.0.path()).unwrap().count(),
        0,
        "nothing is left behind"
    );
}

fn targets(n: usize) -> impl Strategy<Value = DatasetTargets> {
    let names = |c: usize| -> Vec<String> { (0..c).map(|i| format!("name \"{i}\" é")).collect() };
    prop_oneof![
        (2..5_usize).prop_flat_map(move |c| {
            proptest::collection::vec(0..c as u32, n).prop_map(move |labels| DatasetTargets::Classes {
                names: names(c),
                labels,
            })
        }),
        (1..4_usize).prop_flat_map(move |c| {
            let row = proptest::collection::btree_set(0..c as u32, 0..=c);
            proptest::collection::vec(row, n).prop_map(move |rows| DatasetTargets::MultiLabel {
                names: names(c),
                rows: rows.into_iter().map(|row| row.into_iter().collect()).collect(),
            })
        }),
        (1..4_usize).prop_flat_map(move |c| {
            let value = proptest::num::f64::NORMAL | proptest::num::f64::ZERO;
            proptest::collection::vec(value, n * c).prop_map(move |values| DatasetTargets::Regression {
                names: names(c),
                values,
            })
        }),
    ]
}

fn case() -> impl Strategy<Value = (Matrix, Matrix, DatasetTargets)> {
    (1..20_usize, 1..9_usize, 1..5_usize).prop_flat_map(|(n, d, z)| {
        let matrix = move |cols: usize| {
            let value = proptest::num::f32::ANY;
            proptest::collection::vec(value, n * cols).prop_map(move |data| Matrix { rows: n, cols, data })
        };
        (matrix(d), matrix(z), targets(n))
    })
}

fn bits(matrix: &Matrix) -> (usize, usize, Vec<u32>) {
    (
        matrix.rows,
        matrix.cols,
        matrix.data.iter().map(|value| value.to_bits()).collect(),
    )
}

/// A matrix as every format has it, written by hand or by the library of the format.
fn in_every_format(matrix: &Matrix, group: usize) -> Vec<(&'static str, Vec<u8>)> {
    let (n, d) = (matrix.rows, matrix.cols);
    let shape = format!("({n}, {d})");
    let transposed: Vec<f32> = (0..d)
        .flat_map(|j| (0..n).map(move |i| matrix.data[i * d + j]))
        .collect();
    let plain = npy("<f4", false, &shape, &f32s(&matrix.data));
    let fortran = npy("<f4", true, &shape, &f32s(&transposed));
    let wide: Vec<u8> = matrix
        .data
        .iter()
        .flat_map(|value| f64::from(*value).to_be_bytes())
        .collect();
    let zipped = |file: &Vec<u8>, method| npz(&[("features.npy", file.clone())], method);
    let bytes = f32s(&matrix.data);
    let tensor = safetensors::tensor::TensorView::new(safetensors::Dtype::F32, vec![n, d], &bytes).unwrap();
    vec![
        ("npz", zipped(&plain, CompressionMethod::Stored)),
        ("deflated npz", zipped(&plain, CompressionMethod::Deflated)),
        (
            "deflated npz in Fortran order",
            zipped(&fortran, CompressionMethod::Deflated),
        ),
        ("big-endian f64 npy", npy(">f8", false, &shape, &wide)),
        ("npy", plain),
        ("npy in Fortran order", fortran),
        (
            "safetensors",
            safetensors::serialize([("features", tensor)], None).unwrap(),
        ),
        ("Parquet lists", table::lists("features", &matrix.data, d, group)),
        ("Parquet columns", table::columns(&matrix.data, d, group)),
    ]
}

/// A matrix of numbers (NaN has payloads that conversions may change), a group size of Parquet, and a range of its rows.
fn readable() -> impl Strategy<Value = (Matrix, usize, std::ops::Range<usize>)> {
    (1..40_usize, 1..7_usize).prop_flat_map(|(n, d)| {
        use proptest::num::f32::{INFINITE, NEGATIVE, NORMAL, POSITIVE, SUBNORMAL, ZERO};
        let value = INFINITE | NEGATIVE | NORMAL | POSITIVE | SUBNORMAL | ZERO;
        let data = proptest::collection::vec(value, n * d);
        let matrix = data.prop_map(move |data| Matrix { rows: n, cols: d, data });
        let range = (0..=n, 0..=n).prop_map(|(a, b)| a.min(b)..a.max(b));
        (matrix, 1..50_usize, range)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn matrices_of_every_format_are_read_whole_and_in_blocks((matrix, group, range) in readable()) {
        let place = Place::new();
        let expected = Matrix {
            rows: range.len(),
            cols: matrix.cols,
            data: matrix.data[range.start * matrix.cols..range.end * matrix.cols].to_vec(),
        };
        for (what, bytes) in in_every_format(&matrix, group) {
            let path = place.put(&bytes);
            prop_assert_eq!(bits(&read_matrix(&path).unwrap()), bits(&matrix), "{}", what);
            let mut block = Matrix { data: Vec::new(), ..expected.clone() };
            MatrixReader::open(&path).unwrap().read_rows(range.clone(), &mut block.data).unwrap();
            prop_assert_eq!(bits(&block), bits(&expected), "{} {:?}", what, &range);
        }
    }

    #[test]
    fn what_is_written_is_read_back((features, probabilities, targets) in case()) {
        let place = Place::new();
        let path = place.0.path().join("f.npy");
        write_npy(&path, features.view()).unwrap();
        prop_assert_eq!(bits(&read_matrix(&path).unwrap()), bits(&features));
        prop_assert_eq!(std::fs::read(&path).unwrap().len() % 64, features.data.len() * 4 % 64, "the data are aligned");

        let path = place.0.path().join("f.safetensors");
        let metadata = BTreeMap::from([("model".to_owned(), "m".to_owned())]);
        let file = FeatureFile { features: features.view(), targets: Some(&targets), probabilities: Some(probabilities.view()), metadata };
        write_safetensors(&path, &file).unwrap();
        let first = std::fs::read(&path).unwrap();
        prop_assert!(safetensors::SafeTensors::deserialize(&first).is_ok());
        prop_assert_eq!(bits(&read_matrix(&path).unwrap()), bits(&features));
        prop_assert_eq!(bits(&read_matrix(&with_member(&path, "probabilities")).unwrap()), bits(&probabilities));
        let distinct = match &targets {
            DatasetTargets::Classes { labels, .. } => labels.iter().any(|label| *label != labels[0]),
            _ => true,
        };
        match read_targets(&path, None) {
            Ok((read, _)) => prop_assert_eq!(&read, &targets),
            Err(error) => prop_assert!(!distinct, "{}", error),
        }
        write_safetensors(&path, &file).unwrap();
        prop_assert_eq!(std::fs::read(&path).unwrap(), first, "the same content gives the same bytes");
    }
}

#[test]
fn the_shared_vectors_are_read() {
    let Some(root) = shared("vectors") else { return };
    for (case, n, d, task) in [
        ("iris", 150, 4, Task::Classification),
        ("diabetes", 442, 10, Task::Regression),
        ("linnerud", 20, 3, Task::Regression),
        ("multilabel", 400, 32, Task::MultiLabel),
        ("wide", 60, 200, Task::Classification),
    ] {
        let features = read_matrix(&root.join(case).join("features.npy")).unwrap();
        assert_eq!((features.rows, features.cols), (n, d), "{case}");
        let (targets, inferred) = read_targets(&root.join(case).join("labels.npy"), None).unwrap();
        assert_eq!((targets.n_samples(), inferred.task), (n, task), "{case}");
        if task == Task::Classification {
            let probabilities = read_probabilities(root.join(case).join("probabilities.npy")).unwrap();
            assert_eq!((probabilities.rows, probabilities.cols), (n, 11), "{case}");
        }
    }
}
