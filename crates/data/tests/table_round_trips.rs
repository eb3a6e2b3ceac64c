//! Property tests: a table that another library writes is read back unchanged, in every format.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::path::Path;

use common::table;
use proptest::prelude::*;
use ranktune_data::{DataKind, Dataset, DatasetTargets, LoadOptions, Task, load};
use serde_json::json;

/// Labels that need quotes, look like numbers, or are not ASCII.
const LABELS: [&str; 5] = ["red", "dark, \"blue\"", "07", "vert é", "a\tb"];

/// A table of two columns of texts as every format has it: file name and content.
fn texts_in_every_format(names: [&str; 2], rows: &[(String, String)]) -> Vec<(&'static str, Vec<u8>)> {
    let separated = |delimiter: u8| {
        let mut writer = csv::WriterBuilder::new().delimiter(delimiter).from_writer(Vec::new());
        writer.write_record(names).unwrap();
        for (first, second) in rows {
            writer.write_record([first, second]).unwrap();
        }
        writer.into_inner().unwrap()
    };
    let objects: Vec<serde_json::Value> = rows
        .iter()
        .map(|(first, second)| json!({ names[0]: first, names[1]: second }))
        .collect();
    let lines: Vec<String> = objects.iter().map(ToString::to_string).collect();
    let column = |of: fn(&(String, String)) -> &str| -> Vec<&str> { rows.iter().map(of).collect() };
    let (first, second) = (column(|row| &row.0), column(|row| &row.1));
    vec![
        ("t.csv", separated(b',')),
        ("t.tsv", separated(b'\t')),
        ("t.jsonl", lines.join("\n").into_bytes()),
        ("t.json", json!(objects).to_string().into_bytes()),
        ("t.parquet", table::two_texts(&names, &[&first, &second])),
    ]
}

fn read(folder: &Path, name: &str, content: &[u8], options: &LoadOptions) -> Dataset {
    let path = folder.join(name);
    std::fs::write(&path, content).unwrap();
    load(&path, options).unwrap_or_else(|error| panic!("{name}: {error}\n{}", String::from_utf8_lossy(content)))
}

/// The class names of the samples.
fn labels(dataset: &Dataset) -> Vec<&str> {
    let names = dataset.targets.names();
    let of = |i| {
        dataset
            .targets
            .labels_of(i)
            .iter()
            .map(|label| names[*label as usize].as_str())
    };
    (0..dataset.n_samples()).flat_map(of).collect()
}

/// Texts that are neither empty nor numbers. A quoted cell of a TSV with a tab and a line break reads as well as two rows of two
/// cells, so such texts are left out; `lines_that_another_reading_would_join_are_said` is about them.
fn text() -> impl Strategy<Value = String> {
    "t[ -~é漢\\n\\t]{0,12}".prop_filter("a tab and a line break", |text| {
        !(text.contains('\t') && text.contains('\n'))
    })
}

fn rows() -> impl Strategy<Value = Vec<(String, String)>> {
    proptest::collection::vec((text(), 0..LABELS.len()), 2..12).prop_map(|rows| {
        let labelled = rows.into_iter().enumerate().map(|(i, (text, label))| {
            // The first two rows have different labels, so that there are two classes.
            let label = if i < 2 { i } else { label };
            (text, LABELS[label].to_owned())
        });
        labelled.collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn texts_and_classes_are_read_as_they_were_written(rows in rows()) {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in texts_in_every_format(["text", "label"], &rows) {
            let dataset = read(folder.path(), name, &content, &LoadOptions::default());
            prop_assert_eq!(dataset.kind(), DataKind::Texts, "{}", name);
            prop_assert_eq!(dataset.targets.task(), Task::Classification, "{}", name);
            let texts: Vec<&String> = dataset.inputs.as_texts().unwrap().first.iter().collect();
            prop_assert_eq!(texts, rows.iter().map(|row| &row.0).collect::<Vec<_>>(), "{}", name);
            prop_assert_eq!(labels(&dataset), rows.iter().map(|row| row.1.as_str()).collect::<Vec<_>>(), "{}", name);
        }
    }

    #[test]
    fn all_formats_have_the_same_digest(rows in rows()) {
        let folder = tempfile::tempdir().unwrap();
        let digests: std::collections::HashSet<_> = texts_in_every_format(["text", "label"], &rows)
            .into_iter()
            .map(|(name, content)| read(folder.path(), name, &content, &LoadOptions::default()).digest())
            .collect();
        prop_assert_eq!(digests.len(), 1);
    }

    #[test]
    fn numbers_are_read_to_the_bit(values in proptest::collection::vec(proptest::num::f32::NORMAL, 1..12)) {
        let folder = tempfile::tempdir().unwrap();
        let rows: Vec<(String, String)> = values.iter().map(|value| ("t".to_owned(), value.to_string())).collect();
        let numbers: Vec<String> = values.iter().map(|value| format!("{{\"text\": \"t\", \"price\": {value:e}}}")).collect();
        let mut files = texts_in_every_format(["text", "price"], &rows);
        files.push(("numbers.jsonl", numbers.join("\n").into_bytes()));
        let options = LoadOptions {
            task: Some(Task::Regression),
            targets: vec!["price".to_owned()],
            ..LoadOptions::default()
        };
        for (name, content) in files {
            let dataset = read(folder.path(), name, &content, &options);
            let DatasetTargets::Regression { values: found, .. } = dataset.targets else { unreachable!() };
            let found: Vec<u32> = found.iter().map(|value| (*value as f32).to_bits()).collect();
            prop_assert_eq!(found, values.iter().map(|value| value.to_bits()).collect::<Vec<_>>(), "{}", name);
        }
    }

    #[test]
    fn lists_of_labels_are_read_as_sets(rows in proptest::collection::vec(proptest::collection::vec(0..LABELS.len(), 0..4), 1..12)) {
        let some = rows.iter().any(|row| !row.is_empty());
        let folder = tempfile::tempdir().unwrap();
        let named = |row: &Vec<usize>| -> Vec<&str> { row.iter().map(|&label| LABELS[label]).collect() };
        let lines: Vec<String> = rows.iter().map(|row| json!({"text": "t", "label": named(row)}).to_string()).collect();
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(["text", "label"]).unwrap();
        for row in &rows {
            writer.write_record(["t", &json!(named(row)).to_string()]).unwrap();
        }
        for (name, content) in [("t.jsonl", lines.join("\n").into_bytes()), ("t.csv", writer.into_inner().unwrap())] {
            let path = folder.path().join(name);
            std::fs::write(&path, content).unwrap();
            let Ok(dataset) = load(&path, &LoadOptions::default()) else {
                prop_assert!(!some, "{}", name);
                continue;
            };
            prop_assert_eq!(dataset.targets.task(), Task::MultiLabel, "{}", name);
            for (i, row) in rows.iter().enumerate() {
                let own = dataset.targets.labels_of(i).iter().map(|label| dataset.targets.names()[*label as usize].as_str());
                let expected: std::collections::BTreeSet<&str> = named(row).into_iter().collect();
                prop_assert_eq!(own.collect::<std::collections::BTreeSet<_>>(), expected, "{}", name);
                prop_assert!(dataset.targets.labels_of(i).is_sorted_by(|a, b| a < b), "{}", name);
            }
        }
    }
}
