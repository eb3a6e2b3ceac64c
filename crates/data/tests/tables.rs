//! Tables: CSV and JSON, the inferred task, and every way they can be bad.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use common::tree;
use ranktune_core::one_line;
use ranktune_data::{DataKind, Dataset, DatasetTargets, ErrorKind, LoadOptions, Result, Task, load};

/// Loads a table of this name and content, beside which images `1.png` to `9.png` lie.
fn read(name: &str, content: &str, options: &LoadOptions) -> Result<Dataset> {
    let images: Vec<String> = (1..10).map(|i| format!("{i}.png")).collect();
    let mut files: Vec<(&str, &str)> = images.iter().map(|image| (image.as_str(), "")).collect();
    files.push((name, content));
    let root = tree(&files);
    load(&root.path().join(name), options)
}

fn task(task: Task) -> LoadOptions {
    LoadOptions {
        task: Some(task),
        ..LoadOptions::default()
    }
}

fn targets(names: &[&str]) -> LoadOptions {
    LoadOptions {
        targets: names.iter().map(|name| (*name).to_owned()).collect(),
        ..LoadOptions::default()
    }
}

fn delimiter(delimiter: &str) -> LoadOptions {
    LoadOptions {
        label_delimiter: Some(delimiter.to_owned()),
        ..LoadOptions::default()
    }
}

fn lenient() -> LoadOptions {
    LoadOptions {
        max_skipped: 0.5,
        ..LoadOptions::default()
    }
}

fn classes(names: &[&str], labels: &[u32]) -> DatasetTargets {
    let names = names.iter().map(|name| (*name).to_owned()).collect();
    let labels = labels.to_vec();
    DatasetTargets::Classes { names, labels }
}

fn multi_label(names: &[&str], rows: &[&[u32]]) -> DatasetTargets {
    let names = names.iter().map(|name| (*name).to_owned()).collect();
    let rows = rows.iter().map(|row| row.to_vec()).collect();
    DatasetTargets::MultiLabel { names, rows }
}

fn regression(names: &[&str], values: &[f64]) -> DatasetTargets {
    let names = names.iter().map(|name| (*name).to_owned()).collect();
    let values = values.to_vec();
    DatasetTargets::Regression { names, values }
}

#[test]
fn targets_are_inferred_from_their_cells() {
    let default = LoadOptions::default();
    for (what, name, content, options, expected) in [
        (
            "texts",
            "t.csv",
            "file,label\n1.png,dog\n2.png, cat \n",
            &default,
            classes(&["cat", "dog"], &[1, 0]),
        ),
        (
            "fractions",
            "t.csv",
            "file,label\n1.png,1\n2.png,2.5\n",
            &default,
            regression(&["label"], &[1.0, 2.5]),
        ),
        (
            "label ids",
            "t.csv",
            "file,label\n1.png,10\n2.png,9\n3.png,8\n",
            &default,
            classes(&["8", "9", "10"], &[2, 1, 0]),
        ),
        (
            "booleans",
            "t.jsonl",
            "{\"file\":\"1.png\",\"label\":true}\n{\"file\":\"2.png\",\"label\":false}\n",
            &default,
            classes(&["false", "true"], &[1, 0]),
        ),
        (
            "number in a text",
            "t.json",
            "[{\"file\":\"1.png\",\"label\":\"2.5\"},{\"file\":\"2.png\",\"label\":\"1\"}]",
            &default,
            classes(&["1", "2.5"], &[1, 0]),
        ),
        (
            "lists",
            "t.jsonl",
            "{\"text\":\"a\",\"label\":[\"y\",\"x\",\"y\"]}\n{\"text\":\"b\",\"label\":[]}\n",
            &default,
            multi_label(&["x", "y"], &[&[0, 1], &[]]),
        ),
        (
            "lists of ids",
            "t.jsonl",
            "{\"text\":\"a\",\"label\":[10,9]}\n{\"text\":\"b\",\"label\":[9]}\n",
            &default,
            multi_label(&["9", "10"], &[&[0, 1], &[0]]),
        ),
        (
            "hot lists",
            "t.jsonl",
            "{\"text\":\"a\",\"label\":[0,1,1]}\n{\"text\":\"b\",\"label\":[0.0,0,0]}\n",
            &default,
            multi_label(&["0", "1", "2"], &[&[1, 2], &[]]),
        ),
        (
            "lists of numbers",
            "t.jsonl",
            "{\"text\":\"a\",\"label\":[0.5,1]}\n{\"text\":\"b\",\"label\":[2,3]}\n",
            &default,
            regression(&["label[0]", "label[1]"], &[0.5, 1.0, 2.0, 3.0]),
        ),
        (
            "JSON in CSV",
            "t.csv",
            "text,label\na,\"[\"\"x\"\", \"\"y\"\"]\"\nb,[]\n",
            &default,
            multi_label(&["x", "y"], &[&[0, 1], &[]]),
        ),
        (
            "Python in CSV",
            "t.csv",
            "text;label\na;['x', 'y']\nb;['y']\n",
            &default,
            multi_label(&["x", "y"], &[&[0, 1], &[1]]),
        ),
        (
            "delimiter",
            "t.tsv",
            "text\tlabel\na\ty| x\nb\t\nc\ty\n",
            &delimiter("|"),
            multi_label(&["x", "y"], &[&[0, 1], &[], &[1]]),
        ),
        (
            "several numbers",
            "t.csv",
            "file,u,v\n1.png,1,2\n2.png,3,4\n",
            &targets(&["v", "u"]),
            regression(&["v", "u"], &[2.0, 1.0, 4.0, 3.0]),
        ),
        (
            "several of 0 and 1",
            "t.csv",
            "file,u,v\n1.png,1,0\n2.png,1,1\n",
            &targets(&["u", "v"]),
            multi_label(&["u", "v"], &[&[0], &[0, 1]]),
        ),
        (
            "asked: classes",
            "t.csv",
            "file,label\n1.png,1.5\n2.png,0.5\n",
            &task(Task::Classification),
            classes(&["0.5", "1.5"], &[1, 0]),
        ),
        (
            "asked: classes of ids",
            "t.csv",
            "file,label\n1.png,1\n2.png,0\n",
            &task(Task::Classification),
            classes(&["0", "1"], &[1, 0]),
        ),
        (
            "asked: numbers",
            "t.csv",
            "file,label\n1.png,1\n2.png,0\n",
            &task(Task::Regression),
            regression(&["label"], &[1.0, 0.0]),
        ),
        (
            "asked: one label each",
            "t.csv",
            "file,label\n1.png,b\n2.png,a\n",
            &task(Task::MultiLabel),
            multi_label(&["a", "b"], &[&[1], &[0]]),
        ),
    ] {
        let dataset = read(name, content, options).unwrap_or_else(|error| panic!("{what}: {}", one_line(&error)));
        assert_eq!(dataset.targets, expected, "{what}");
        assert_eq!(dataset.inferred.task, expected.task(), "{what}");
        assert!(!dataset.inferred.reason.is_empty());
    }
}

#[test]
fn integers_of_another_name_are_numbers_and_the_reason_says_how_to_change_that() {
    let dataset = read("t.csv", "file,grade\n1.png,1\n2.png,5\n3.png,3\n", &targets(&["grade"])).unwrap();
    assert_eq!(dataset.inferred.task, Task::Regression);
    assert!(
        dataset.inferred.reason.contains("set --task classification"),
        "{}",
        dataset.inferred.reason
    );
}

#[test]
fn a_named_input_column_is_of_files_or_texts_by_its_values() {
    let options = LoadOptions {
        input_column: Some("x".to_owned()),
        ..LoadOptions::default()
    };
    let files = read("t.csv", "x,label\n1.png,a\n2.png,b\n", &options).unwrap();
    assert_eq!(files.kind(), DataKind::Images);
    let texts = read("t.csv", "x,label\nhello there,a\nbye,b\n", &options).unwrap();
    assert_eq!(texts.kind(), DataKind::Texts);
}

#[test]
fn rows_without_target_input_or_file_are_skipped_and_counted() {
    let content = "file,label\n1.png,a\n2.png,\n,b\nnowhere.png,b\n5.png,b\n6.png,b\n7.png,a\n8.png,a\n";
    let dataset = read("t.csv", content, &lenient()).unwrap();
    assert_eq!((dataset.n_samples(), dataset.skipped), (5, 3));
    assert_eq!(dataset.targets, classes(&["a", "b"], &[0, 1, 1, 0, 0]));
    let notes = dataset.notes.join("\n");
    assert!(
        notes.contains("skipped rows: no target in 1 of 8 rows: line 3, column \"label\""),
        "{notes}"
    );
    assert!(notes.contains("line 4, column \"file\""), "{notes}");
    assert!(
        notes.contains("line 5, column \"file\"") && notes.contains("nowhere.png"),
        "{notes}"
    );
}

#[test]
fn too_many_rows_to_skip_are_an_error_that_names_some() {
    let default = LoadOptions::default();
    let missing: String = (1..=9).map(|i| format!("photos/{i}.png,c{i}\n")).collect();
    let error = read("t.csv", &format!("file,label\n{missing}"), &default).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let text = error.to_string();
    assert!(
        text.contains("no file in 9 of 9 rows: line 2, column \"file\" (\"photos/1.png\"); line 3"),
        "{text}"
    );
    assert!(
        text.contains("files are looked for in") && text.contains("at most 5 %"),
        "{text}"
    );

    let text = read("t.csv", "file,label\n1.png,a\n2.png,\n3.png,b\n", &default)
        .unwrap_err()
        .to_string();
    assert!(
        text.contains("no target in 1 of 3 rows") && text.contains("at most 5 %"),
        "{text}"
    );
}

#[test]
fn what_stands_for_no_number_is_missing_among_numbers_and_a_name_among_names() {
    let content = "file,label\n1.png,1.5\n2.png,NaN\n3.png,n/a\n4.png,2.5\n";
    let dataset = read("t.csv", content, &lenient()).unwrap();
    assert_eq!(dataset.targets, regression(&["label"], &[1.5, 2.5]));
    let dataset = read("t.csv", "file,label\n1.png,NA\n2.png,US\n", &LoadOptions::default()).unwrap();
    assert_eq!(dataset.targets.names(), ["NA", "US"]);
}

#[test]
fn empty_texts_stay_samples_and_are_told() {
    let content = "{\"text\": \"a\", \"text_pair\": \"b\", \"label\": 1.5}\n{\"text\": \" \", \"text_pair\": \"\", \"label\": 2.5}\n\
                   {\"text\": \"c\", \"text_pair\": \"\", \"label\": 3.5}\n";
    let dataset = read("t.jsonl", content, &LoadOptions::default()).unwrap();
    assert_eq!((dataset.n_samples(), dataset.skipped), (3, 0));
    let expected = [
        "1 of 3 texts are empty: line 2, column \"text\"",
        "2 of 3 texts are empty: line 2, column \"text_pair\"; line 3, column \"text_pair\"",
    ];
    assert_eq!(dataset.notes, expected);
}

#[test]
fn every_bad_table_is_an_error_that_names_the_place() {
    let default = LoadOptions::default();
    for (what, name, content, options, expected) in [
        (
            "no rows",
            "t.csv",
            "file,label\n",
            &default,
            "the table has columns but no rows",
        ),
        ("empty", "t.csv", "", &default, "the table is empty"),
        ("empty JSON", "t.json", "", &default, "the table is empty"),
        (
            "one class",
            "t.csv",
            "file,label\n1.png,a\n2.png,a\n",
            &default,
            "fewer than two classes in column \"label\": found 1: \"a\"",
        ),
        (
            "no target at all",
            "t.csv",
            "file,label\n1.png,\n2.png,\n",
            &default,
            "column \"label\" has no targets",
        ),
        (
            "text in a regression",
            "t.csv",
            "file,label\n1.png,1\n2.png,daisy\n",
            &task(Task::Regression),
            "line 3, column \"label\": expected a finite number for regression, found \"daisy\"",
        ),
        (
            "infinity",
            "t.csv",
            "file,label\n1.png,1.5\n2.png,1e999\n",
            &task(Task::Regression),
            "line 3, column \"label\": expected a finite number for regression, found \"1e999\"",
        ),
        (
            "several columns, a text",
            "t.csv",
            "file,u,v\n1.png,1,2\n2.png,x,4\n",
            &targets(&["u", "v"]),
            "line 3, column \"u\": expected a finite number for regression, found \"x\"",
        ),
        (
            "no such column",
            "t.csv",
            "file,label\n1.png,a\n",
            &targets(&["lable"]),
            "did you mean \"label\"?",
        ),
        (
            "ragged",
            "t.csv",
            "file,label\n1.png\n",
            &default,
            "line 2: expected 2 fields as in the header, found 1",
        ),
        (
            "object",
            "t.jsonl",
            "{\"text\":\"a\",\"label\":{}}",
            &default,
            "line 1, column \"label\": expected a text, number or list, found an object",
        ),
        (
            "list of lists",
            "t.jsonl",
            "{\"text\":\"a\",\"label\":[[1]]}",
            &default,
            "line 1, column \"label\": expected a text, number or list",
        ),
        (
            "list as input",
            "t.jsonl",
            "{\"text\":[\"a\"],\"label\":1}",
            &default,
            "line 1, column \"text\": expected a text or file name, found a list",
        ),
        (
            "lists and texts",
            "t.jsonl",
            "{\"text\":\"a\",\"label\":[\"x\"]}\n{\"text\":\"b\",\"label\":\"x\"}",
            &default,
            "line 2, column \"label\": expected a list as in other rows",
        ),
        (
            "several labels, one class",
            "t.jsonl",
            "{\"text\":\"a\",\"label\":[\"x\",\"y\"]}",
            &task(Task::Classification),
            "line 1, column \"label\": expected one value, found a list of 2",
        ),
        (
            "lists of two lengths",
            "t.jsonl",
            "{\"text\":\"a\",\"label\":[0.5,1]}\n{\"text\":\"b\",\"label\":[2]}",
            &default,
            "line 2, column \"label\": expected 2 numbers as in the first row, found 1",
        ),
        (
            "no label",
            "t.jsonl",
            "{\"text\":\"a\",\"label\":[]}",
            &default,
            "no row has a label",
        ),
        (
            "a broken list",
            "t.csv",
            "text;label\na;['x']\nb;['x' y]\n",
            &default,
            "line 3, column \"label\": expected a list such as",
        ),
        (
            "classes of several columns",
            "t.csv",
            "file,u,v\n1.png,1,2\n",
            &LoadOptions {
                targets: targets(&["u", "v"]).targets,
                ..task(Task::Classification)
            },
            "classification takes one target column",
        ),
        (
            "labels that are not 0 or 1",
            "t.csv",
            "file,u,v\n1.png,1,2\n",
            &LoadOptions {
                targets: targets(&["u", "v"]).targets,
                ..task(Task::MultiLabel)
            },
            "line 2, column \"v\": expected 0 or 1",
        ),
        (
            "empty delimiter",
            "t.csv",
            "file,label\n1.png,a\n",
            &delimiter(""),
            "the label delimiter is empty",
        ),
        (
            "tokens",
            "t.csv",
            "file,label\n1.png,a\n",
            &task(Task::Tokens),
            "tagged words are read from CoNLL columns",
        ),
        (
            "split of a table",
            "t.csv",
            "file,label\n1.png,a\n",
            &LoadOptions {
                split: Some(ranktune_data::Split::Test),
                ..default.clone()
            },
            "a table has no splits",
        ),
        (
            "share",
            "t.csv",
            "file,label\n1.png,a\n",
            &LoadOptions {
                max_skipped: f64::NAN,
                ..default.clone()
            },
            "must be between 0 and 1",
        ),
        (
            "not Parquet",
            "t.parquet",
            "file,label\n",
            &default,
            "is not a Parquet file",
        ),
    ] {
        let error = read(name, content, options).expect_err(what);
        let text = error.to_string();
        assert!(text.contains(expected), "{what}: {}", one_line(&error));
        assert!(text.contains(name), "{what} does not name the file: {text}");
    }
}
