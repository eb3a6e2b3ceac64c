//! Arrays made elsewhere: files written byte by byte to their specifications, round trips, and every way they can be bad.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use common::{shared, table};
use proptest::prelude::*;
use ranktune_data::arrays::{
    FeatureFile, Matrix, MatrixReader, read_matrix, read_probabilities, read_targets, write_npy, write_safetensors,
};
use ranktune_data::{Targets, Task};

/// An `.npy` file of this type, order and shape.
fn npy(descr: &str, fortran: bool, shape: &str, elements: &[u8]) -> Vec<u8> {
    let order = if fortran { "True" } else { "False" };
    let mut header = format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}");
    while (10 + header.len() + 1) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(elements);
    bytes
}

fn f32s(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn i64s(values: &[i64]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn utf32(texts: &[&str], length: usize) -> Vec<u8> {
    let code = |text: &str, i: usize| text.chars().nth(i).map_or(0, u32::from);
    texts
        .iter()
        .flat_map(|text| (0..length).flat_map(move |i| code(text, i).to_le_bytes()))
        .collect()
}

fn npz(members: &[(&str, Vec<u8>)], method: zip::CompressionMethod) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in members {
        let options = zip::write::SimpleFileOptions::default().compression_method(method);
        archive.start_file(*name, options).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

fn safetensors(header: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    bytes
}

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn put(&self, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join("file");
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

fn matrix(bytes: &[u8]) -> Matrix {
    read_matrix(&Place::new().put(bytes)).unwrap()
}

fn with_member(path: &Path, member: &str) -> PathBuf {
    PathBuf::from(format!("{}:{member}", path.display()))
}

const SIX: [f32; 6] = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];

fn two_by_three() -> Matrix {
    let data = SIX.to_vec();
    Matrix { rows: 2, cols: 3, data }
}

#[test]
fn every_number_type_byte_order_and_dimension_order_is_read() {
    fn bytes<const N: usize>(big: bool, little_endian: impl Fn(u8) -> [u8; N], order: &[u8]) -> Vec<u8> {
        let element = |i: &u8| {
            let mut bytes = little_endian(*i);
            if big {
                bytes.reverse();
            }
            bytes
        };
        order.iter().flat_map(element).collect()
    }
    for (big, sign) in [(false, '<'), (true, '>')] {
        for (fortran, order) in [(false, [1, 2, 3, 4, 5, 6]), (true, [1, 4, 2, 5, 3, 6])] {
            for (code, elements) in [
                ("u1", order.to_vec()),
                ("i1", order.to_vec()),
                ("u2", bytes(big, |i| u16::from(i).to_le_bytes(), &order)),
                ("i2", bytes(big, |i| i16::from(i).to_le_bytes(), &order)),
                ("u4", bytes(big, |i| u32::from(i).to_le_bytes(), &order)),
                ("i4", bytes(big, |i| i32::from(i).to_le_bytes(), &order)),
                ("u8", bytes(big, |i| u64::from(i).to_le_bytes(), &order)),
                ("i8", bytes(big, |i| i64::from(i).to_le_bytes(), &order)),
                (
                    "f2",
                    bytes(big, |i| half::f16::from_f32(i.into()).to_le_bytes(), &order),
                ),
                ("f4", bytes(big, |i| f32::from(i).to_le_bytes(), &order)),
                ("f8", bytes(big, |i| f64::from(i).to_le_bytes(), &order)),
            ] {
                let file = npy(&format!("{sign}{code}"), fortran, "(2, 3)", &elements);
                assert_eq!(matrix(&file), two_by_three(), "{sign}{code} fortran: {fortran}");
                for method in [zip::CompressionMethod::Stored, zip::CompressionMethod::Deflated] {
                    let archive = npz(&[("x.npy", file.clone())], method);
                    assert_eq!(
                        matrix(&archive),
                        two_by_three(),
                        "{sign}{code} fortran: {fortran} {method}"
                    );
                }
            }
        }
    }
    assert_eq!(matrix(&npy("|b1", false, "(1, 3)", &[1, 0, 7])).data, [1.0, 0.0, 1.0]);
}

#[test]
fn a_path_may_name_the_array_and_the_usual_name_comes_first() {
    let place = Place::new();
    let one = |value: f32| npy("<f4", false, "(1, 1)", &f32s(&[value]));
    let labels = npy("<i8", false, "(1,)", &i64s(&[5]));
    let members = [
        ("a.npy", one(1.0)),
        ("features.npy", one(2.0)),
        ("labels.npy", labels),
        ("readme.txt", Vec::new()),
    ];
    let path = place.put(&npz(&members, zip::CompressionMethod::Deflated));
    assert_eq!(read_matrix(&path).unwrap().data, [2.0]);
    assert_eq!(read_matrix(&with_member(&path, "a")).unwrap().data, [1.0]);
    assert_eq!(read_matrix(&with_member(&path, "a.npy")).unwrap().data, [1.0]);
    let error = read_matrix(&with_member(&path, "feature")).unwrap_err().to_string();
    assert!(
        error.contains("no array \"feature\"") && error.contains("did you mean \"features\"?"),
        "{error}"
    );

    let two = [("a.npy", one(1.0)), ("b.npy", one(2.0))];
    let error = read_matrix(&place.put(&npz(&two, zip::CompressionMethod::Stored)))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("\"a\", \"b\" could all be the features; name one, as in FILE:a"),
        "{error}"
    );

    let path = place.put(&one(1.0));
    let error = read_matrix(&with_member(&path, "a")).unwrap_err().to_string();
    assert!(error.contains("holds one array without a name"), "{error}");
}

#[test]
fn blocks_of_rows_are_those_of_the_whole() {
    let (n, d) = (1000, 7);
    let values: Vec<f32> = (0..n * d).map(|i| i as f32).collect();
    let transposed: Vec<f32> = (0..d).flat_map(|j| (0..n).map(move |i| (i * d + j) as f32)).collect();
    let shape = format!("({n}, {d})");
    let plain = npy("<f4", false, &shape, &f32s(&values));
    let fortran = npy("<f4", true, &shape, &f32s(&transposed));
    let deflated = |file: &Vec<u8>| npz(&[("x.npy", file.clone())], zip::CompressionMethod::Deflated);
    let place = Place::new();
    for (what, bytes) in [
        ("npy", plain.clone()),
        ("Fortran", fortran.clone()),
        ("npz", deflated(&plain)),
        ("Fortran npz", deflated(&fortran)),
        ("Parquet", table::lists("features", &values, d, 128)),
        ("wide Parquet", table::columns(&values, d, 128)),
    ] {
        let mut reader = MatrixReader::open(&place.put(&bytes)).unwrap();
        assert_eq!((reader.n_rows(), reader.n_cols()), (n, d), "{what}");
        let mut block = vec![9.0];
        // Forward, again, backward, over the end of a group, nothing.
        for range in [0..10, 10..300, 10..300, 5..6, 990..1000, 3..3, 0..1000] {
            reader.read_rows(range.clone(), &mut block).unwrap();
            assert_eq!(block, values[range.start * d..range.end * d], "{what} {range:?}");
        }
        assert!(reader.read_rows(999..1001, &mut block).is_err(), "{what}");
        #[expect(clippy::reversed_empty_ranges, reason = "a caller's mistake must be no panic")]
        let backward = reader.read_rows(5..4, &mut block);
        assert!(backward.is_err(), "{what}");
    }
}

#[test]
fn features_in_parquet_leave_out_the_target() {
    let bytes = table::columns_named(
        &["f0", "label", "f1", "__index_level_0__"],
        &[1.0, 9.0, 2.0, 0.0, 3.0, 9.0, 4.0, 1.0],
    );
    let matrix = matrix(&bytes);
    assert_eq!((matrix.rows, matrix.cols), (2, 2));
    assert_eq!(matrix.data, [1.0, 2.0, 3.0, 4.0]);
}

#[test]
fn every_bad_array_file_is_refused_by_what_is_wrong() {
    let ok = npy("<f4", false, "(2, 3)", &f32s(&SIX));
    let deflated = npz(&[("x.npy", ok.clone())], zip::CompressionMethod::Deflated);
    let bomb = npy("<f4", false, "(1099511627776, 1024)", &[]);
    let tensor = |dtype: &str, shape: &str, end: usize| {
        format!("{{\"features\":{{\"dtype\":\"{dtype}\",\"shape\":{shape},\"data_offsets\":[0,{end}]}}}}")
    };
    let mut claimed = safetensors("{}", b"");
    claimed[..8].copy_from_slice(&u64::MAX.to_le_bytes());
    let overflow = (0..8)
        .map(|i| {
            format!(
                "\"t{i}\":{{\"dtype\":\"U8\",\"shape\":[2305843009213693952],\"data_offsets\":[{},{}]}}",
                (i as u64) << 61,
                ((i + 1) as u128) << 61
            )
        })
        .collect::<Vec<_>>()
        .join(",");
    for (what, bytes, expected) in [
        ("empty", Vec::new(), "the file is empty"),
        ("text", b"1,2,3\n4,5,6\n".to_vec(), "is no array file"),
        ("pickle", b"\x80\x04]\x94K\x01a.".to_vec(), "Python pickle"),
        (
            "truncated data",
            ok[..ok.len() - 1].to_vec(),
            "needs 24 bytes, found 23",
        ),
        ("truncated header", ok[..40].to_vec(), "the .npy header claims"),
        (
            "negative",
            npy("<f4", false, "(-2, 3)", &[0; 24]),
            "has a shape that is not of sizes",
        ),
        ("overflow", bomb.clone(), "found 0"),
        (
            "objects",
            npy("|O", false, "(2, 3)", &[0; 48]),
            "pickled Python objects",
        ),
        (
            "texts",
            npy("<U1", false, "(1, 1)", &[65, 0, 0, 0]),
            "must be numbers, found texts",
        ),
        (
            "one dimension",
            npy("<f4", false, "(6,)", &f32s(&SIX)),
            "must have two dimensions, rows and columns; found shape [6]",
        ),
        (
            "three dimensions",
            npy("<f4", false, "(1, 2, 3)", &f32s(&SIX)),
            "found shape [1, 2, 3]",
        ),
        (
            "no rows",
            npy("<f4", false, "(0, 3)", &[]),
            "must have rows and columns",
        ),
        (
            "no columns",
            npy("<f4", false, "(9223372036854775807, 0)", &[]),
            "must have rows and columns",
        ),
        (
            "truncated zip",
            deflated[..deflated.len() - 30].to_vec(),
            "is no .npz file",
        ),
        (
            "zip without arrays",
            npz(&[("a.txt", Vec::new())], zip::CompressionMethod::Stored),
            "no array for features",
        ),
        (
            "zip of another file",
            npz(&[("x.npy", b"hello, world".to_vec())], zip::CompressionMethod::Stored),
            "array \"x\": is no .npy array",
        ),
        (
            "bomb",
            npz(&[("x.npy", bomb)], zip::CompressionMethod::Deflated),
            "array \"x\": shape",
        ),
        (
            "safetensors: header length",
            claimed,
            "header claims 18446744073709551615 bytes",
        ),
        (
            "safetensors: header beyond",
            safetensors("{}", b"")[..9].to_vec(),
            "header claims 2 bytes",
        ),
        ("safetensors: no JSON", safetensors("{\"a\"", b""), "header is damaged"),
        (
            "safetensors: shape and bytes differ",
            safetensors(&tensor("F32", "[2,3]", 20), &[0; 20]),
            "header is damaged",
        ),
        (
            "safetensors: overflow",
            safetensors(&tensor("F32", "[4294967296,4294967296,4]", 24), &[0; 24]),
            "header is damaged",
        ),
        (
            "safetensors: offsets that wrap",
            safetensors(&format!("{{{overflow}}}"), &[0; 8]),
            "damaged",
        ),
        (
            "safetensors: truncated",
            safetensors(&tensor("F32", "[2,3]", 24), &[0; 23]),
            "expected 24 bytes of tensors, found 23",
        ),
        (
            "safetensors: complex",
            safetensors(&tensor("C64", "[1,1]", 8), &[0; 8]),
            "type C64 is not read",
        ),
        ("safetensors: nothing", safetensors("{}", b""), "no array for features"),
        ("Parquet", b"PAR1 and no more".to_vec(), "is not a Parquet file"),
        (
            "Parquet: ragged",
            table::ragged(),
            "row 2, column \"features\": expected a list of 2 numbers as in the first row, found 1",
        ),
        (
            "Parquet: texts",
            table::texts("name", &["a", "b"]),
            "no columns of numbers",
        ),
    ] {
        let path = Place::new();
        let path = path.put(&bytes);
        let error = read_matrix(&path).expect_err(what).to_string();
        assert!(error.contains(expected), "{what}: {error}");
        assert!(
            error.contains(path.to_str().unwrap()),
            "{what} does not name the file: {error}"
        );
    }
    let missing = read_matrix(Path::new("/nowhere/features.npy")).unwrap_err().to_string();
    assert!(missing.contains("no such file"), "{missing}");
    let folder = read_matrix(Place::new().0.path()).unwrap_err().to_string();
    assert!(folder.contains("expected a file"), "{folder}");
}

#[test]
fn damaged_compressed_data_are_found() {
    let ok = npy(
        "<f4",
        false,
        "(100, 30)",
        &f32s(&(0..3000).map(|i| (i * i) as f32).collect::<Vec<_>>()),
    );
    let deflated = npz(&[("x.npy", ok)], zip::CompressionMethod::Deflated);
    let mut found = 0;
    for at in (200..deflated.len() - 200).step_by(101) {
        let mut damaged = deflated.clone();
        damaged[at] ^= 0x55;
        found += usize::from(read_matrix(&Place::new().put(&damaged)).is_err());
    }
    assert_eq!(found, (200..deflated.len() - 200).step_by(101).count());
}

#[test]
fn targets_follow_from_type_and_shape() {
    let names = |names: &[&str]| -> Vec<String> { names.iter().map(|name| (*name).to_owned()).collect() };
    let classes = |of: &[&str], labels: &[u32]| Targets::Classes {
        names: names(of),
        labels: labels.to_vec(),
    };
    let regression = |of: &[&str], values: &[f64]| Targets::Regression {
        names: names(of),
        values: values.to_vec(),
    };
    let multi_label = |of: &[&str], rows: &[&[u32]]| Targets::MultiLabel {
        names: names(of),
        rows: rows.iter().map(|row| row.to_vec()).collect(),
    };
    use Task::{Classification, MultiLabel, Regression};
    for (what, bytes, task, expected) in [
        (
            "integers",
            npy("<i8", false, "(3,)", &i64s(&[10, -9, 10])),
            None,
            classes(&["-9", "10"], &[1, 0, 1]),
        ),
        (
            "a column",
            npy("<i8", false, "(2, 1)", &i64s(&[1, 0])),
            None,
            classes(&["0", "1"], &[1, 0]),
        ),
        (
            "truth",
            npy("|b1", false, "(2,)", &[1, 0]),
            None,
            classes(&["0", "1"], &[1, 0]),
        ),
        (
            "texts",
            npy("<U3", false, "(3,)", &utf32(&["dog", "ä", "dog"], 3)),
            None,
            classes(&["dog", "ä"], &[0, 1, 0]),
        ),
        (
            "bytes",
            npy("|S3", false, "(2,)", b"dogca\0"),
            None,
            classes(&["ca", "dog"], &[1, 0]),
        ),
        (
            "texts of numbers",
            npy("<U2", false, "(2,)", &utf32(&["10", "9"], 2)),
            None,
            classes(&["9", "10"], &[1, 0]),
        ),
        (
            "floats",
            npy("<f4", false, "(2,)", &f32s(&[1.5, 2.0])),
            None,
            regression(&["0"], &[1.5, 2.0]),
        ),
        (
            "whole floats",
            npy("<f4", false, "(2,)", &f32s(&[1.0, 2.0])),
            None,
            regression(&["0"], &[1.0, 2.0]),
        ),
        (
            "0 and 1",
            npy("<i8", false, "(3, 2)", &i64s(&[1, 0, 1, 1, 0, 0])),
            None,
            multi_label(&["0", "1"], &[&[0], &[0, 1], &[]]),
        ),
        (
            "0 and 1 in Fortran order",
            npy("<f4", true, "(3, 2)", &f32s(&[1.0, 1.0, 0.0, 0.0, 1.0, 0.0])),
            None,
            multi_label(&["0", "1"], &[&[0], &[0, 1], &[]]),
        ),
        (
            "columns",
            npy("<f4", true, "(2, 2)", &f32s(&[1.0, 3.0, 2.0, 4.0])),
            None,
            regression(&["0", "1"], &[1.0, 2.0, 3.0, 4.0]),
        ),
        (
            "floats as classes",
            npy("<f4", false, "(3,)", &f32s(&[10.0, 9.0, -0.5])),
            Some(Classification),
            classes(&["-0.5", "9", "10"], &[2, 1, 0]),
        ),
        (
            "integers as numbers",
            npy("<i8", false, "(2,)", &i64s(&[3, 4])),
            Some(Regression),
            regression(&["0"], &[3.0, 4.0]),
        ),
        (
            "one-hot",
            npy("<i8", false, "(2, 2)", &i64s(&[0, 1, 1, 0])),
            Some(Classification),
            classes(&["0", "1"], &[1, 0]),
        ),
        (
            "one label",
            npy("<i8", false, "(2,)", &i64s(&[0, 1])),
            Some(MultiLabel),
            multi_label(&["0"], &[&[], &[0]]),
        ),
    ] {
        let (targets, inferred) =
            read_targets(&Place::new().put(&bytes), task).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(targets, expected, "{what}");
        assert_eq!(inferred.task, expected.task(), "{what}");
    }
}

#[test]
fn every_bad_target_is_named() {
    use Task::{Classification, MultiLabel, Regression, Tokens};
    for (what, bytes, task, expected) in [
        (
            "one class",
            npy("<i8", false, "(2,)", &i64s(&[7, 7])),
            None,
            "fewer than two classes: found 1: \"7\"",
        ),
        (
            "NaN",
            npy("<f4", false, "(2,)", &f32s(&[1.5, f32::NAN])),
            None,
            "row 2: NaN is no finite number",
        ),
        (
            "NaN as a class",
            npy("<f4", false, "(2,)", &f32s(&[1.5, f32::NAN])),
            Some(Classification),
            "row 2: NaN is no class",
        ),
        (
            "text as number",
            npy("<U1", false, "(1,)", &utf32(&["a"], 1)),
            Some(Regression),
            "row 1: \"a\" is no finite number",
        ),
        (
            "two classes at once",
            npy("<i8", false, "(1, 2)", &i64s(&[1, 1])),
            Some(Classification),
            "row 1: expected one class, found 2",
        ),
        (
            "no 0 or 1",
            npy("<i8", false, "(1, 2)", &i64s(&[1, 2])),
            Some(MultiLabel),
            "row 1: expected 0 or 1 for each label, found 2",
        ),
        (
            "tokens",
            npy("<i8", false, "(2,)", &i64s(&[1, 2])),
            Some(Tokens),
            "tokens are not read",
        ),
        ("none", npy("<i8", false, "(0,)", &[]), None, "there are no targets"),
        (
            "a number",
            npy("<i8", false, "()", &i64s(&[1])),
            None,
            "one or two dimensions, found shape []",
        ),
        (
            "three dimensions",
            npy("<i8", false, "(1, 1, 1)", &i64s(&[1])),
            None,
            "one or two dimensions",
        ),
        (
            "texts of nothing",
            npy("<U0", false, "(9223372036854775807,)", &[]),
            None,
            "texts of no characters",
        ),
    ] {
        let error = read_targets(&Place::new().put(&bytes), task)
            .expect_err(what)
            .to_string();
        assert!(error.contains(expected), "{what}: {error}");
    }
}

#[test]
fn targets_may_come_from_a_table_but_none_may_be_missing() {
    let place = Place::new();
    let path = place.0.path().join("t.csv");
    std::fs::write(&path, "id,label,price\n1,dog,2.5\n2,cat,3\n").unwrap();
    let (targets, _) = read_targets(&path, None).unwrap();
    assert_eq!(targets.names(), ["cat", "dog"]);
    let (targets, _) = read_targets(&with_member(&path, "price"), None).unwrap();
    assert_eq!(targets.task(), Task::Regression);
    std::fs::write(&path, "id,label\n1,dog\n2,\n").unwrap();
    let error = read_targets(&path, None).unwrap_err().to_string();
    assert!(
        error.contains("line 3, column \"label\": the target is missing"),
        "{error}"
    );
}

#[test]
fn probabilities_must_be_distributions() {
    let read = |values: &[f32]| {
        let place = Place::new();
        read_probabilities(&place.put(&npy("<f4", false, "(2, 2)", &f32s(values)))).map_err(|error| error.to_string())
    };
    assert_eq!(read(&[0.25, 0.75, 1.0, 0.0]).unwrap().data, [0.25, 0.75, 1.0, 0.0]);
    assert!(read(&[0.2504, 0.75, 1.0, 0.0]).is_ok());
    for (values, expected) in [
        ([0.5, 0.5, 3.0, -2.0], "row 2: -2 is no probability"),
        ([0.5, 0.5, 0.75, 0.75], "row 2: probabilities must sum to 1, found 1.5"),
        ([f32::NAN, 0.5, 0.5, 0.5], "row 1: NaN is no probability"),
        ([f32::INFINITY, 0.5, 0.5, 0.5], "row 1: inf is no probability"),
    ] {
        let error = read(&values).unwrap_err();
        assert!(error.contains(expected) && error.contains("softmax"), "{error}");
    }
}

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
            .contains("2 × 2 numbers were given 3")
    );
    let targets = Targets::Classes {
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

fn targets(n: usize) -> impl Strategy<Value = Targets> {
    let names = |c: usize| -> Vec<String> { (0..c).map(|i| format!("name \"{i}\" é")).collect() };
    prop_oneof![
        (2..5_usize).prop_flat_map(move |c| {
            proptest::collection::vec(0..c as u32, n).prop_map(move |labels| Targets::Classes {
                names: names(c),
                labels,
            })
        }),
        (1..4_usize).prop_flat_map(move |c| {
            let row = proptest::collection::btree_set(0..c as u32, 0..=c);
            proptest::collection::vec(row, n).prop_map(move |rows| Targets::MultiLabel {
                names: names(c),
                rows: rows.into_iter().map(|row| row.into_iter().collect()).collect(),
            })
        }),
        (1..4_usize).prop_flat_map(move |c| {
            let value = proptest::num::f64::NORMAL | proptest::num::f64::ZERO;
            proptest::collection::vec(value, n * c).prop_map(move |values| Targets::Regression {
                names: names(c),
                values,
            })
        }),
    ]
}

fn case() -> impl Strategy<Value = (Matrix, Matrix, Targets)> {
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

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

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
            Targets::Classes { labels, .. } => labels.iter().any(|label| *label != labels[0]),
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
            let probabilities = read_probabilities(&root.join(case).join("probabilities.npy")).unwrap();
            assert_eq!((probabilities.rows, probabilities.cols), (n, 11), "{case}");
        }
    }
}
