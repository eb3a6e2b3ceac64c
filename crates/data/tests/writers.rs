//! Files as their writers write them (`writers/make.py`): pandas, polars, `datasets`, Excel.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs;
use std::path::{Path, PathBuf};

use ranktune_core::random::Random;
use ranktune_data::image::decode;
use ranktune_data::{Dataset, DatasetTargets, LoadOptions, Split, Task, load};

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/writers").join(name)
}

fn texts(dataset: &Dataset) -> &[String] {
    &dataset.inputs.as_texts().unwrap().first
}

fn classes(dataset: &Dataset) -> Vec<&str> {
    let name = |i| dataset.targets.names()[dataset.targets.labels_of(i)[0] as usize].as_str();
    (0..dataset.n_samples()).map(name).collect()
}

#[test]
fn tables_of_pandas_and_polars_are_the_rows_that_were_written() {
    for name in [
        "pandas.feather",
        "pandas_zstd.feather",
        "pandas.xlsx",
        "polars.arrow",
        "polars_lz4.arrow",
    ] {
        let dataset = load(&file(name), &LoadOptions::default()).unwrap();
        assert_eq!(texts(&dataset), ["a", "b", "c", "d", "e", "f"], "{name}");
        assert_eq!(classes(&dataset), ["neg", "pos", "neg", "pos", "neg", "pos"], "{name}");
    }
}

#[test]
fn numbers_keep_their_value_and_a_missing_one_is_a_row_without_target() {
    let options = LoadOptions {
        targets: vec!["price".to_owned()],
        max_skipped: 0.5,
        ..LoadOptions::default()
    };
    for name in ["pandas.feather", "pandas.xlsx"] {
        let dataset = load(&file(name), &options).unwrap();
        assert_eq!(
            (dataset.inferred.task, dataset.skipped),
            (Task::Regression, 1),
            "{name}"
        );
        let DatasetTargets::Regression { values, .. } = &dataset.targets else {
            panic!("{name}: {:?}", dataset.targets)
        };
        assert_eq!(*values, [1.5, 3.0, 4.25, 5.0, 6.0], "{name}");
    }
}

#[test]
fn a_sheet_without_rows_is_passed_over_and_the_choice_is_said() {
    let notes = load(&file("pandas.xlsx"), &LoadOptions::default()).unwrap().notes;
    assert_eq!(
        notes,
        ["read the sheet \"Data\" of \"About\", \"Data\"; save another as a workbook of its own"]
    );
}

#[test]
fn what_save_to_disk_writes_is_read_by_split_with_the_names_of_classes() {
    let train = load(&file("saved"), &LoadOptions::default()).unwrap();
    assert_eq!(texts(&train), ["a", "b", "c", "d", "e", "f"]);
    assert_eq!(classes(&train), ["neg", "pos", "neg", "pos", "neg", "pos"]);
    let options = LoadOptions {
        split: Some(Split::Test),
        ..LoadOptions::default()
    };
    let test = load(&file("saved"), &options).unwrap();
    assert_eq!(
        (texts(&test), classes(&test)),
        (&["x".to_owned(), "y".to_owned()][..], vec!["pos", "neg"])
    );

    let folder = tempfile::tempdir().unwrap();
    let options = LoadOptions {
        image_folder: Some(folder.path().to_owned()),
        ..LoadOptions::default()
    };
    let images = load(&file("saved_images"), &options).unwrap();
    assert_eq!(classes(&images), ["cat", "dog", "cat"]);
    let files = images.inputs.files().unwrap().iter();
    assert_eq!(
        files.map(|file| decode(file).unwrap().pixels[0]).collect::<Vec<_>>(),
        [0, 7, 255]
    );

    let tagged = load(&file("saved_tags"), &LoadOptions::default()).unwrap();
    assert_eq!(
        tagged.inputs.as_sentences().unwrap().words,
        [["EU", "rejects"], ["Peter", "Blackburn"]]
    );
    assert_eq!(tagged.targets.names(), ["B-X", "I-X", "O"]);
}

/// A copy of the saved data set in another folder.
fn saved() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["data-00000-of-00002.arrow", "data-00001-of-00002.arrow", "state.json"] {
        fs::copy(file("saved/train").join(name), folder.path().join(name)).unwrap();
    }
    folder
}

#[test]
fn only_the_files_that_the_state_lists_are_read_and_all_of_them() {
    let folder = saved();
    fs::copy(
        folder.path().join("data-00000-of-00002.arrow"),
        folder.path().join("cache-0123.arrow"),
    )
    .unwrap();
    assert_eq!(load(folder.path(), &LoadOptions::default()).unwrap().n_samples(), 6);
    fs::remove_file(folder.path().join("data-00001-of-00002.arrow")).unwrap();
    let error = load(folder.path(), &LoadOptions::default()).unwrap_err().to_string();
    assert!(
        error.contains("lists \"data-00001-of-00002.arrow\", which is not there"),
        "{error}"
    );
    fs::write(
        folder.path().join("state.json"),
        r#"{"_data_files": [{"filename": "../secret.arrow"}]}"#,
    )
    .unwrap();
    let error = load(folder.path(), &LoadOptions::default()).unwrap_err().to_string();
    assert!(error.contains("no file of this folder"), "{error}");
}

#[test]
fn damaged_files_are_errors_or_tables_and_never_end_the_program() {
    let mut random = Random::new(18);
    for name in [
        "pandas.feather",
        "pandas_zstd.feather",
        "polars.arrow",
        "saved_images/data-00000-of-00001.arrow",
        "pandas.xlsx",
    ] {
        let whole = fs::read(file(name)).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let options = LoadOptions {
            image_folder: Some(folder.path().join("images")),
            max_skipped: 1.0,
            ..LoadOptions::default()
        };
        let ending = Path::new(name).extension().unwrap();
        let path = folder.path().join("t").with_extension(ending);
        for round in 0..400 {
            let mut bytes = whole.clone();
            for _ in 0..=random.below(3) {
                let at = random.below(bytes.len());
                match random.below(5) {
                    0 => bytes.truncate(at.max(1)),
                    1 => {
                        let end = (at + 8).min(bytes.len());
                        bytes[at..end].fill([0, 0x7f, 0xff][random.below(3)]);
                    }
                    _ => bytes[at] ^= 1 << random.below(8),
                }
            }
            fs::write(&path, &bytes).unwrap();
            if let Err(error) = load(&path, &options) {
                assert!(!error.to_string().is_empty(), "{name} {round}");
            }
        }
    }
}

#[test]
fn files_of_other_kinds_under_these_names_are_named() {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes, expected) in [
        ("a.arrow", &b"PAR1 not"[..], "Arrow file"),
        ("b.feather", b"FEA1\0\0\0\0", "Arrow file"),
        ("c.arrow", b"", "truncated Arrow file"),
        ("d.arrow", b"\xff\xff\xff\xff\xff\xff\xff\x7f", "truncated Arrow file"),
        ("e.xlsx", b"PK\x03\x04 not", "is not an Excel workbook"),
        ("f.xlsx", b"text,label\na,b\n", "is not an Excel workbook"),
        ("g.xls", b"\xd0\xcf\x11\xe0", "save the workbook as .xlsx"),
    ] {
        fs::write(folder.path().join(name), bytes).unwrap();
        let error = load(&folder.path().join(name), &LoadOptions::default())
            .unwrap_err()
            .to_string();
        assert!(error.contains(expected), "{name}: {error}");
    }
}
