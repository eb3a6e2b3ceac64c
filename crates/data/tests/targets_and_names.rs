//! Targets in other notations, and names that are no files: what is read, said, or refused.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use common::tree;
use ranktune_data::{Dataset, DatasetTargets, LoadOptions, Result, Task, load};

fn table(name: &str, content: &str, options: &LoadOptions) -> Result<Dataset> {
    let root = tree(&[(name, content)]);
    load(&root.path().join(name), options)
}

fn rows(n: usize, cell: impl Fn(usize) -> String) -> String {
    (0..n).map(|i| format!("word {i},{}\n", cell(i))).collect()
}

#[test]
fn numbers_with_separators_are_the_numbers() {
    let plain = table(
        "t.csv",
        &format!("text,label\n{}", rows(20, |i| format!("{}.5", 1000 + 137 * i))),
        &LoadOptions::default(),
    )
    .unwrap();
    for (notation, cell) in [
        (
            "thousands",
            Box::new(|i: usize| format!("\"{},{:03}.5\"", (1000 + 137 * i) / 1000, (1000 + 137 * i) % 1000))
                as Box<dyn Fn(usize) -> String>,
        ),
        (
            "German",
            Box::new(|i: usize| format!("\"{}.{:03},5\"", (1000 + 137 * i) / 1000, (1000 + 137 * i) % 1000)),
        ),
        (
            "decimal comma",
            Box::new(|i: usize| format!("\"{},5\"", 1000 + 137 * i)),
        ),
        ("currency", Box::new(|i: usize| format!("${}.5", 1000 + 137 * i))),
    ] {
        let dataset = table(
            "t.csv",
            &format!("text,label\n{}", rows(20, cell)),
            &LoadOptions::default(),
        )
        .unwrap();
        assert_eq!(dataset.targets, plain.targets, "{notation}");
        assert_eq!(dataset.inferred.task, Task::Regression);
        assert!(
            dataset.notes[0].contains("holds numbers written as"),
            "{notation}: {:?}",
            dataset.notes
        );
    }
}

#[test]
fn a_class_per_sample_is_refused_unless_it_is_asked_for() {
    for (what, content) in [
        ("texts", rows(20, |i| format!("name {i}"))),
        ("dates", rows(20, |i| format!("2020-01-{:02}", i + 1))),
    ] {
        let content = format!("text,label\n{content}");
        let error = table("t.csv", &content, &LoadOptions::default())
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("holds 20 different values in 20 rows") && error.contains("--target"),
            "{what}: {error}"
        );
        let asked = LoadOptions {
            task: Some(Task::Classification),
            ..LoadOptions::default()
        };
        assert_eq!(
            table("t.csv", &content, &asked).unwrap().targets.names().len(),
            20,
            "{what}"
        );
    }
}

#[test]
fn whole_numbers_with_a_point_are_classes_where_integers_would_be() {
    let content = format!("text,label\n{}", rows(12, |i| format!("{}.0", i % 3)));
    let dataset = table("t.csv", &content, &LoadOptions::default()).unwrap();
    assert_eq!(dataset.targets.names(), ["0.0", "1.0", "2.0"]);
    assert!(
        dataset.inferred.reason.contains("--task regression"),
        "{}",
        dataset.inferred.reason
    );
    let content = format!("text,price\n{}", rows(12, |i| format!("{}.0", 3 * i)));
    let options = LoadOptions {
        targets: vec!["price".to_owned()],
        ..LoadOptions::default()
    };
    let dataset = table("t.csv", &content, &options).unwrap();
    assert_eq!(dataset.inferred.task, Task::Regression);
    assert!(
        dataset.inferred.reason.contains("--task classification"),
        "{}",
        dataset.inferred.reason
    );
}

#[test]
fn minus_one_without_names_is_a_class_that_is_said_and_can_be_left_out() {
    let content = format!("text,label\n{}", rows(12, |i| (i as i64 % 3 - 1).to_string()));
    let dataset = table("t.csv", &content, &LoadOptions::default()).unwrap();
    assert_eq!(dataset.targets.names(), ["-1", "0", "1"]);
    assert!(
        dataset.inferred.reason.contains("--no-label -1"),
        "{}",
        dataset.inferred.reason
    );
    let options = LoadOptions {
        no_label: vec!["-1".to_owned()],
        ..LoadOptions::default()
    };
    let dataset = table("t.csv", &content, &options).unwrap();
    assert_eq!(dataset.targets.names(), ["0", "1"]);
    assert_eq!((dataset.n_samples(), dataset.skipped), (8, 0));
    assert!(
        dataset.notes[0].contains("4 of 12 rows have no label"),
        "{:?}",
        dataset.notes
    );
    assert!(matches!(dataset.targets, DatasetTargets::Classes { .. }));
}

#[test]
fn identifiers_are_the_images_that_they_name() {
    let ids = "id,breed\ni0,a\ni1,b\ni2,a\n";
    let target = LoadOptions {
        targets: vec!["breed".to_owned()],
        ..LoadOptions::default()
    };
    let asked = LoadOptions {
        input_column: Some("id".to_owned()),
        ..target.clone()
    };
    for (where_, files, first) in [
        ("beside", ["i0.png", "i1.png", "i2.png"], "i0.png"),
        (
            "in the table's folder",
            ["train/i0.jpg", "train/i1.jpg", "train/i2.jpg"],
            "train/i0.jpg",
        ),
        (
            "in another folder",
            ["photos/i0.JPG", "photos/i1.JPG", "photos/i2.JPG"],
            "photos/i0.JPG",
        ),
    ] {
        let mut all = vec![("train.csv", ids)];
        all.extend(files.iter().map(|file| (*file, "")));
        let root = tree(&all);
        for options in [&target, &asked] {
            let dataset = load(&root.path().join("train.csv"), options).unwrap();
            assert_eq!(dataset.inputs.files().unwrap()[0], root.path().join(first), "{where_}");
            assert!(
                dataset.notes[0].contains("column \"id\" names images without their ending"),
                "{where_}: {:?}",
                dataset.notes
            );
        }
    }
    // train/ wins over test/, and of two other folders none does.
    let root = tree(&[
        ("train.csv", ids),
        ("train/i0.png", ""),
        ("train/i1.png", ""),
        ("train/i2.png", ""),
        ("test/i0.png", ""),
        ("test/i1.png", ""),
        ("test/i2.png", ""),
    ]);
    assert_eq!(
        load(&root.path().join("train.csv"), &target)
            .unwrap()
            .inputs
            .files()
            .unwrap()[1],
        root.path().join("train/i1.png")
    );
    let root = tree(&[
        ("t.csv", ids),
        ("a/i0.png", ""),
        ("a/i1.png", ""),
        ("a/i2.png", ""),
        ("b/i0.png", ""),
        ("b/i1.png", ""),
        ("b/i2.png", ""),
    ]);
    let error = load(&root.path().join("t.csv"), &target).unwrap_err().to_string();
    assert!(error.contains("in several folders: \"a\", \"b\""), "{error}");
}

#[test]
fn identifiers_that_are_no_files_are_doubted_and_words_are_not() {
    let asked = |column: &str| LoadOptions {
        input_column: Some(column.to_owned()),
        ..LoadOptions::default()
    };
    let error = table("t.csv", "id,label\ni0,a\ni1,b\n", &asked("id"))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("identifiers such as \"i0\"") && error.contains("--input-column"),
        "{error}"
    );
    let error = table("t.csv", "id,label\ni0,a\ni1,b\n", &LoadOptions::default())
        .unwrap_err()
        .to_string();
    assert!(error.contains("identifiers such as \"i0\""), "{error}");
    let dataset = table("t.csv", "name,label\nSchmidt,a\nBrown,b\n", &asked("name")).unwrap();
    assert_eq!(dataset.inputs.as_texts().unwrap().first, ["Schmidt", "Brown"]);
}

#[test]
fn paths_of_another_machine_are_found_by_their_last_part() {
    let root = tree(&[
        ("t.csv", "image,label\n/data/upload/1/a.png,x\n/data/upload/1/b.png,y\n"),
        ("images/a.png", ""),
        ("images/b.png", ""),
    ]);
    let dataset = load(&root.path().join("t.csv"), &LoadOptions::default()).unwrap();
    assert_eq!(dataset.inputs.files().unwrap()[1], root.path().join("images/b.png"));
    assert!(dataset.notes[0].contains("of another machine"), "{:?}", dataset.notes);
}

#[test]
fn tables_packed_with_gzip_are_read() {
    use std::io::Write;
    for (name, content) in [
        ("train.csv.gz", "text,label\na,x\nb,y\n"),
        (
            "train.jsonl.gz",
            "{\"text\": \"a\", \"label\": \"x\"}\n{\"text\": \"b\", \"label\": \"y\"}\n",
        ),
    ] {
        let root = tempfile::tempdir().unwrap();
        let file = std::fs::File::create(root.path().join(name)).unwrap();
        let mut packed = flate2::write::GzEncoder::new(file, flate2::Compression::default());
        packed.write_all(content.as_bytes()).unwrap();
        packed.finish().unwrap();
        assert_eq!(
            load(root.path(), &LoadOptions::default()).unwrap().targets.names(),
            ["x", "y"],
            "{name}"
        );
    }
}

#[test]
fn a_folder_of_another_format_is_named_with_what_to_do() {
    for (file, expected) in [
        ("a/1.avif", "convert them to PNG or JPEG"),
        ("data.ods", "save the workbook as .xlsx"),
        ("doc.ann", "1.ann beside 1.txt"),
        ("images.tar", "unpack"),
    ] {
        let root = tree(&[(file, "")]);
        let error = load(root.path(), &LoadOptions::default()).unwrap_err().to_string();
        assert!(error.contains(expected), "{file}: {error}");
    }
}
