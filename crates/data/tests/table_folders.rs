//! Folders that hold tables: which one is taken, and where its files are looked for.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use common::tree;
use ranktune_data::{Inputs, LoadOptions, load};

#[test]
fn file_names_are_relative_to_the_tables_folder() {
    let root = tree(&[
        ("d/t.csv", "file,label\nimg/1.png,a\n img/2.png ,b\n"),
        ("d/img/1.png", ""),
        ("d/img/2.png", ""),
    ]);
    let dataset = load(&root.path().join("d"), &LoadOptions::default()).unwrap();
    let folder = root.path().join("d");
    assert_eq!(
        dataset.inputs,
        Inputs::images(vec![folder.join("img/1.png"), folder.join("img/2.png")])
    );
    assert!(dataset.notes[0].contains("read table \"t.csv\""));
}

#[test]
fn a_folder_of_tables_gives_that_of_the_split() {
    let table = |label: &str| format!("text,label\na,{label}\nb,other\n");
    let (train, test) = (table("x"), table("y"));
    let root = tree(&[
        ("train.csv", train.as_str()),
        ("test.csv", test.as_str()),
        ("train/1.png", ""),
    ]);
    let dataset = load(root.path(), &LoadOptions::default()).unwrap();
    assert_eq!(dataset.targets.names(), ["other", "x"]);
    let options = LoadOptions {
        split: Some(ranktune_data::Split::Test),
        ..LoadOptions::default()
    };
    assert_eq!(load(root.path(), &options).unwrap().targets.names(), ["other", "y"]);

    let root = tree(&[("train.csv", train.as_str()), ("train.tsv", "text\tlabel\n")]);
    let error = load(root.path(), &LoadOptions::default()).unwrap_err().to_string();
    assert!(
        error.contains("split train occurs 2 times: \"train.csv\", \"train.tsv\"; name the one to read"),
        "{error}"
    );

    let root = tree(&[("one.csv", train.as_str()), ("two.csv", train.as_str())]);
    let error = load(root.path(), &LoadOptions::default()).unwrap_err().to_string();
    assert!(error.contains("found 2 tables"), "{error}");
}

#[test]
fn metadata_within_a_split_folder_is_its_table() {
    let table = "file_name,label\n1.png,a\n2.png,b\n";
    let root = tree(&[
        ("train/metadata.csv", table),
        ("train/1.png", ""),
        ("train/2.png", ""),
        ("test/metadata.csv", table),
    ]);
    let dataset = load(root.path(), &LoadOptions::default()).unwrap();
    assert_eq!(dataset.n_samples(), 2);
    assert_eq!(dataset.path, root.path().join("train/metadata.csv"));
}

#[test]
fn a_table_beside_class_folders_is_said_and_left() {
    let root = tree(&[("a/1.png", ""), ("b/1.png", ""), ("notes.csv", "x,y\n")]);
    let dataset = load(root.path(), &LoadOptions::default()).unwrap();
    assert_eq!(dataset.n_samples(), 2);
    assert!(
        dataset.notes[0].contains("read class folders, not \"notes.csv\""),
        "{:?}",
        dataset.notes
    );
}

#[test]
fn the_same_images_in_a_table_and_in_folders_have_the_same_input_digests() {
    let root = tree(&[
        ("a/1.png", "one"),
        ("b/2.png", "two"),
        ("t.csv", "file,label\na/1.png,x\nb/2.png,y\n"),
    ]);
    let folders = load(root.path(), &LoadOptions::default()).unwrap();
    let table = load(&root.path().join("t.csv"), &LoadOptions::default()).unwrap();
    assert_eq!(folders.input_digests(), table.input_digests());
    assert_ne!(folders.digest(), table.digest());
}
