use std::fs;
use std::io::Write;
use std::path::PathBuf;

use proptest::prelude::*;

use super::*;

fn npy(descr: &str, order: &str, shape: &str, bytes: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}\n");
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend(u16::try_from(header.len()).unwrap().to_le_bytes());
    file.extend(header.as_bytes());
    file.extend(bytes);
    file
}

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }
}

fn bytes_of<const N: usize>(values: &[f64], encode: impl Fn(f64) -> [u8; N]) -> Vec<u8> {
    values.iter().flat_map(|value| encode(*value)).collect()
}

#[test]
fn every_type_of_number_reads_the_same() {
    let values = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
    let place = Place::new();
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("'<f4'", bytes_of(&values, |v| (v as f32).to_le_bytes())),
        ("'>f4'", bytes_of(&values, |v| (v as f32).to_be_bytes())),
        ("'<f8'", bytes_of(&values, f64::to_le_bytes)),
        ("'>f8'", bytes_of(&values, f64::to_be_bytes)),
        ("'<f2'", bytes_of(&values, |v| half::f16::from_f64(v).to_le_bytes())),
        ("'|i1'", bytes_of(&values, |v| (v as i8).to_le_bytes())),
        ("'<i2'", bytes_of(&values, |v| (v as i16).to_le_bytes())),
        ("'>i4'", bytes_of(&values, |v| (v as i32).to_be_bytes())),
        ("'<i8'", bytes_of(&values, |v| (v as i64).to_le_bytes())),
        ("'|u1'", bytes_of(&values, |v| [v as u8])),
        ("'<u2'", bytes_of(&values, |v| (v as u16).to_le_bytes())),
        ("'<u8'", bytes_of(&values, |v| (v as u64).to_le_bytes())),
    ];
    for (descr, bytes) in cases {
        let path = place.file("a.npy", &npy(descr, "False", "(2, 3)", &bytes));
        let matrix = read_features(&path).unwrap_or_else(|error| panic!("{descr}: {error}"));
        assert_eq!((matrix.n_rows, matrix.n_columns), (2, 3));
        assert_eq!(matrix.values, values.map(|value| value as f32), "{descr}");
    }
}

#[test]
fn an_array_in_column_order_is_turned() {
    let place = Place::new();
    let bytes = bytes_of(&[1.0, 4.0, 2.0, 5.0, 3.0, 6.0], f64::to_le_bytes);
    let path = place.file("a.npy", &npy("'<f8'", "True", "(2, 3)", &bytes));
    assert_eq!(read_features(&path).unwrap().values, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
}

#[test]
fn each_way_a_npy_file_can_be_bad_is_named() {
    let place = Place::new();
    let good = npy("'<f4'", "False", "(2, 3)", &[0; 24]);
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("empty", vec![], "another format"),
        ("other format", b"PK\x03\x04 something else".to_vec(), "another format"),
        ("truncated", good[..good.len() - 1].to_vec(), "truncated"),
        ("header cut", good[..20].to_vec(), "truncated"),
        (
            "version",
            b"\x93NUMPY\x09\x00\x00\x00\x00\x00\x00\x00".to_vec(),
            "version 9",
        ),
        ("long header", b"\x93NUMPY\x02\x00\xff\xff\xff\xff".to_vec(), "too long"),
        (
            "overflow",
            npy("'<f4'", "False", "(9999999999999, 9999999999999)", &[0; 24]),
            "larger than any file",
        ),
        (
            "huge",
            npy("'<f4'", "False", "(1000000, 1000000)", &[0; 24]),
            "truncated or its header is wrong",
        ),
        ("negative", npy("'<f4'", "False", "(-2, 3)", &[0; 24]), "\"-2\""),
        ("pickle", npy("'|O'", "False", "(2, 3)", &[0; 24]), "pickle"),
        ("complex", npy("'<c8'", "False", "(2, 3)", &[0; 48]), "not supported"),
        (
            "record",
            npy("[('a', '<f4')]", "False", "(2,)", &[0; 8]),
            "named fields",
        ),
        ("vector", npy("'<f4'", "False", "(6,)", &[0; 24]), "two dimensions"),
        ("no rows", npy("'<f4'", "False", "(0, 3)", &[]), "at least one row"),
        ("no order", npy("'<f4'", "Maybe", "(2, 3)", &[0; 24]), "True or False"),
    ];
    for (name, bytes, expected) in cases {
        let path = place.file("bad.npy", &bytes);
        let message = read_features(&path).expect_err(name).to_string();
        assert!(
            message.contains(expected) && message.contains("bad.npy"),
            "{name}: {message}"
        );
    }
}

fn archive(members: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in members {
        writer
            .start_file(*name, zip::write::SimpleFileOptions::default())
            .unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

#[test]
fn an_archive_gives_the_array_that_is_named_or_usual_or_the_only_one() {
    let place = Place::new();
    let features = npy(
        "'<f4'",
        "False",
        "(1, 2)",
        &[1.0_f32, 2.0].map(f32::to_le_bytes).concat(),
    );
    let others = npy(
        "'<f4'",
        "False",
        "(1, 2)",
        &[3.0_f32, 4.0].map(f32::to_le_bytes).concat(),
    );
    let labels = npy("'<i8'", "False", "(1,)", &7_i64.to_le_bytes());
    let both = [
        ("features.npy", features),
        ("other.npy", others.clone()),
        ("z.npy", labels),
    ];
    let path = place.file("a.npz", &archive(&both));
    assert_eq!(read_features(&path).unwrap().values, [1.0, 2.0]);
    let named = PathBuf::from(format!("{}:other", path.display()));
    assert_eq!(read_features(&named).unwrap().values, [3.0, 4.0]);
    let only = place.file("b.npz", &archive(&both[1..]));
    assert_eq!(read_features(&only).unwrap().values, [3.0, 4.0]);
    let unclear = place.file("c.npz", &archive(&[("u.npy", others.clone()), ("v.npy", others)]));
    assert!(read_features(&unclear).unwrap_err().to_string().contains("FILE:NAME"));
    let missing = PathBuf::from(format!("{}:feature", path.display()));
    assert!(
        read_features(&missing)
            .unwrap_err()
            .to_string()
            .contains("did you mean \"features\"")
    );
}

#[test]
fn a_damaged_archive_is_an_error() {
    let place = Place::new();
    let whole = archive(&[("features.npy", npy("'<f4'", "False", "(1, 2)", &[0; 8]))]);
    for end in 0..whole.len() {
        let path = place.file("a.npz", &whole[..end]);
        assert!(read_features(&path).is_err(), "{end} bytes");
    }
}

#[test]
fn the_task_of_targets_follows_their_type_and_shape() {
    let place = Place::new();
    let ints = |values: &[i64]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
    let path = place.file("y.npy", &npy("'<i8'", "False", "(3,)", &ints(&[10, 2, 10])));
    let classes = Targets::Classes {
        names: vec!["2".into(), "10".into()],
        labels: vec![1, 0, 1],
    };
    assert_eq!(read_targets(&path, None).unwrap(), classes);
    assert_eq!(
        read_targets(&path, Some(Task::Regression)).unwrap().task(),
        Task::Regression
    );
    let path = place.file(
        "y.npy",
        &npy("'<f8'", "False", "(2,)", &bytes_of(&[0.5, 1.5], f64::to_le_bytes)),
    );
    assert_eq!(
        read_targets(&path, None).unwrap(),
        Targets::Regression {
            names: vec!["0".into()],
            values: vec![0.5, 1.5]
        }
    );
    assert!(
        read_targets(&path, Some(Task::Classification))
            .unwrap_err()
            .to_string()
            .contains("whole number")
    );
    let path = place.file("y.npy", &npy("'<i8'", "False", "(2, 2)", &ints(&[1, 0, 0, 1])));
    let labels = Targets::MultiLabel {
        names: vec!["0".into(), "1".into()],
        rows: vec![vec![0], vec![1]],
    };
    assert_eq!(read_targets(&path, None).unwrap(), labels);
    let one_hot = Targets::Classes {
        names: vec!["0".into(), "1".into()],
        labels: vec![0, 1],
    };
    assert_eq!(read_targets(&path, Some(Task::Classification)).unwrap(), one_hot);
    let wide: Vec<u8> = "ab\0c\0\0".chars().flat_map(|c| (c as u32).to_le_bytes()).collect();
    let path = place.file("y.npy", &npy("'<U3'", "False", "(2,)", &wide));
    assert_eq!(
        read_targets(&path, None).unwrap(),
        Targets::Classes {
            names: vec!["ab".into(), "c".into()],
            labels: vec![0, 1]
        }
    );
    let path = place.file(
        "y.npy",
        &npy("'<f8'", "False", "(2,)", &bytes_of(&[0.5, f64::NAN], f64::to_le_bytes)),
    );
    assert!(read_targets(&path, None).unwrap_err().to_string().contains("row 1"));
}

#[test]
fn probabilities_must_be_probabilities() {
    let place = Place::new();
    let matrix = |values: &[f64]| npy("'<f8'", "False", "(1, 2)", &bytes_of(values, f64::to_le_bytes));
    assert!(read_probabilities(&place.file("p.npy", &matrix(&[0.25, 0.75]))).is_ok());
    for bad in [[0.25, 0.5], [1.5, -0.5], [f64::NAN, 1.0]] {
        assert!(
            read_probabilities(&place.file("p.npy", &matrix(&bad)))
                .unwrap_err()
                .to_string()
                .contains("row 0")
        );
    }
}

#[test]
fn a_safetensors_header_that_does_not_fit_is_an_error() {
    let place = Place::new();
    let header = |offsets: &str| format!(r#"{{"features":{{"dtype":"F32","shape":[1,2],"data_offsets":{offsets}}}}}"#);
    let file = |header: &str, data: usize| {
        [
            &(header.len() as u64).to_le_bytes()[..],
            header.as_bytes(),
            &vec![0; data],
        ]
        .concat()
    };
    assert!(read_features(&place.file("a.safetensors", &file(&header("[0,8]"), 8))).is_ok());
    for (name, bytes) in [
        ("short", vec![1, 2, 3]),
        ("huge header", u64::MAX.to_le_bytes().to_vec()),
        ("truncated", file(&header("[0,8]"), 7)),
        ("offsets", file(&header("[0,9999999999]"), 8)),
        ("not json", file("{", 8)),
    ] {
        assert!(read_features(&place.file("a.safetensors", &bytes)).is_err(), "{name}");
    }
}

proptest! {
    #[test]
    fn what_is_written_reads_back(rows in 1_usize..6, columns in 1_usize..6, seed in any::<u32>()) {
        let place = Place::new();
        let values: Vec<f32> = (0..rows * columns).map(|i| f32::from_bits((seed ^ (i as u32 * 0x9E37_79B9)) & 0xBFFF_FFFF)).collect();
        let features = Matrix { n_rows: rows, n_columns: columns, values };
        let npy = place.0.path().join("f.npy");
        write_npy(&npy, &features).unwrap();
        prop_assert_eq!(&read_features(&npy).unwrap(), &features);
        let targets = Targets::Classes { names: vec!["0".into()], labels: vec![0; rows] };
        let file = place.0.path().join("f.safetensors");
        let export = Export { features: &features, targets: &targets, probabilities: None, metadata: Default::default() };
        write_safetensors(&file, &export).unwrap();
        prop_assert_eq!(&read_features(&file).unwrap(), &features);
        prop_assert_eq!(&read_targets(&file, None).unwrap(), &targets);
    }
}
