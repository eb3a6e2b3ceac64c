//! Targets made elsewhere: the task that follows from type and shape, and every way they can be bad.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use common::bytes::{Place, f32s, i64s, npy, utf32, with_member};
use ranktune_data::arrays::read_targets;
use ranktune_data::{DatasetTargets, Task};

#[test]
fn targets_follow_from_type_and_shape() {
    let names = |names: &[&str]| -> Vec<String> { names.iter().map(|name| (*name).to_owned()).collect() };
    let classes = |of: &[&str], labels: &[u32]| DatasetTargets::Classes {
        names: names(of),
        labels: labels.to_vec(),
    };
    let regression = |of: &[&str], values: &[f64]| DatasetTargets::Regression {
        names: names(of),
        values: values.to_vec(),
    };
    let multi_label = |of: &[&str], rows: &[&[u32]]| DatasetTargets::MultiLabel {
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
            "row 2: expected a finite number for regression, found NaN",
        ),
        (
            "NaN as a class",
            npy("<f4", false, "(2,)", &f32s(&[1.5, f32::NAN])),
            Some(Classification),
            "row 2: NaN is not a class",
        ),
        (
            "text as number",
            npy("<U1", false, "(1,)", &utf32(&["a"], 1)),
            Some(Regression),
            "row 1: expected a finite number for regression, found \"a\"",
        ),
        (
            "two classes at once",
            npy("<i8", false, "(1, 2)", &i64s(&[1, 1])),
            Some(Classification),
            "row 1: expected a one-hot row with one class, found 2",
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
            "tagged words are not read from arrays",
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
            "texts without characters",
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
