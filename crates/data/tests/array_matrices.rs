//! Matrices made elsewhere: every type and order, the choice of an array, blocks of rows, and every way a file can be bad.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::path::Path;

use common::bytes::{Place, SIX, f32s, i64s, matrix, npy, npz, safetensors, two_by_three, with_member};
use common::table;
use ranktune_data::arrays::{MatrixReader, MemoryArray, read_matrix, read_probabilities};

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
                let mut memory = MemoryArray {
                    name: "F".to_owned(),
                    dtype: format!("{sign}{code}"),
                    column_major: fortran,
                    shape: vec![2, 3],
                    bytes: &elements,
                };
                let mut rows = Vec::new();
                let mut reader = MatrixReader::open(memory.clone()).unwrap();
                reader.read_rows(1..2, &mut rows).unwrap();
                assert_eq!(rows, [4.0, 5.0, 6.0], "{sign}{code} fortran: {fortran}, in memory");
                memory.bytes = &elements[..elements.len() - 1];
                let error = MatrixReader::open(memory).unwrap_err().to_string();
                assert!(error.starts_with("F: shape [2, 3]"), "{error}");
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
        error.contains("\"a\", \"b\" could all be the features; name one of them, as in FILE:a"),
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
        let mut reader = MatrixReader::open(place.put(&bytes)).unwrap();
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
        ("text", b"1,2,3\n4,5,6\n".to_vec(), "is not an array file"),
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
            "has a shape that is not made of sizes",
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
            "expected numbers as features, found texts",
        ),
        (
            "one dimension",
            npy("<f4", false, "(6,)", &f32s(&SIX)),
            "expected features of shape [rows, columns], found shape [6]",
        ),
        (
            "three dimensions",
            npy("<f4", false, "(1, 2, 3)", &f32s(&SIX)),
            "found shape [1, 2, 3]",
        ),
        (
            "no rows",
            npy("<f4", false, "(0, 3)", &[]),
            "expected features with rows and columns",
        ),
        (
            "no columns",
            npy("<f4", false, "(9223372036854775807, 0)", &[]),
            "expected features with rows and columns",
        ),
        (
            "truncated zip",
            deflated[..deflated.len() - 30].to_vec(),
            "is not an .npz file",
        ),
        (
            "zip without arrays",
            npz(&[("a.txt", Vec::new())], zip::CompressionMethod::Stored),
            "no array for features",
        ),
        (
            "zip of another file",
            npz(&[("x.npy", b"hello, world".to_vec())], zip::CompressionMethod::Stored),
            "array \"x\": is not an .npy array",
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
        (
            "safetensors: no JSON",
            safetensors("{\"a\"", b""),
            "header is malformed",
        ),
        (
            "safetensors: shape and bytes differ",
            safetensors(&tensor("F32", "[2,3]", 20), &[0; 20]),
            "header is malformed",
        ),
        (
            "safetensors: overflow",
            safetensors(&tensor("F32", "[4294967296,4294967296,4]", 24), &[0; 24]),
            "header is malformed",
        ),
        (
            "safetensors: offsets that wrap",
            safetensors(&format!("{{{overflow}}}"), &[0; 8]),
            "header is malformed",
        ),
        (
            "safetensors: truncated",
            safetensors(&tensor("F32", "[2,3]", 24), &[0; 23]),
            "expected 24 bytes of tensors, found 23",
        ),
        (
            "safetensors: complex",
            safetensors(&tensor("C64", "[1,1]", 8), &[0; 8]),
            "type C64 is not supported",
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
            "no numeric columns",
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
fn probabilities_must_be_distributions() {
    let read = |values: &[f32]| {
        let place = Place::new();
        read_probabilities(place.put(&npy("<f4", false, "(2, 2)", &f32s(values)))).map_err(|error| error.to_string())
    };
    assert_eq!(read(&[0.25, 0.75, 1.0, 0.0]).unwrap().data, [0.25, 0.75, 1.0, 0.0]);
    assert!(read(&[0.2504, 0.75, 1.0, 0.0]).is_ok());
    for (values, expected) in [
        ([0.5, 0.5, 3.0, -2.0], "row 2: -2 is not a probability"),
        (
            [0.5, 0.5, 0.75, 0.75],
            "row 2: expected probabilities with sum 1, found 1.5",
        ),
        ([f32::NAN, 0.5, 0.5, 0.5], "row 1: NaN is not a probability"),
        ([f32::INFINITY, 0.5, 0.5, 0.5], "row 1: inf is not a probability"),
    ] {
        let error = read(&values).unwrap_err();
        assert!(error.contains(expected) && error.contains("softmax"), "{error}");
    }
}
