//! What annotation tools and competitions export: brat, Label Studio, CVAT, Kaggle.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs;
use std::path::Path;

use ranktune_data::{DataKind, Dataset, DatasetTargets, LoadOptions, Split, TagScheme, Task, load};

const IMAGE: &[u8] = b"P5 1 1 255 \x07";

/// A folder of these files; a name that ends like an image is one.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = root.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let is_image = [".pgm", ".jpg", ".png"].iter().any(|end| name.ends_with(end));
        fs::write(path, if is_image { IMAGE } else { text.as_bytes() }).unwrap();
    }
    root
}

fn read(path: &Path) -> Dataset {
    load(path, &LoadOptions::default()).unwrap()
}

fn refused(path: &Path, options: &LoadOptions) -> String {
    load(path, options).unwrap_err().to_string()
}

fn labels(dataset: &Dataset) -> Vec<Vec<&str>> {
    let of = |i| {
        let labels = dataset.targets.labels_of(i).iter();
        labels
            .map(|label| dataset.targets.names()[*label as usize].as_str())
            .collect()
    };
    (0..dataset.n_samples()).map(of).collect()
}

/// The words of every sentence with their tags.
fn tagged(dataset: &Dataset) -> Vec<String> {
    let words = &dataset.inputs.as_sentences().unwrap().words;
    let of = |(i, words): (usize, &Vec<String>)| {
        let tags = dataset.targets.labels_of(i).iter();
        let pairs: Vec<String> = words
            .iter()
            .zip(tags)
            .map(|(word, tag)| format!("{word}/{}", dataset.targets.names()[*tag as usize]))
            .collect();
        pairs.join(" ")
    };
    words.iter().enumerate().map(of).collect()
}

const BRAT: [(&str, &str); 5] = [
    ("train/1.txt", "Ann Lee lives in Rome.\nShe left.\n"),
    (
        "train/1.ann",
        "T1\tPER 0 7\tAnn Lee\nT2\tLOC 17 21\tRome\nR1\tLives-In Arg1:T1 Arg2:T2\n",
    ),
    ("dev/2.txt", "Bob is here"),
    ("dev/2.ann", "T1\tPER 0 3\tBob\n"),
    ("annotation.conf", "[entities]\n"),
];

#[test]
fn documents_of_brat_are_tagged_words_by_split() {
    let root = folder(&BRAT);
    for task in [None, Some(Task::Tokens)] {
        let options = LoadOptions {
            task,
            ..LoadOptions::default()
        };
        let train = load(root.path(), &options).unwrap();
        assert_eq!(
            tagged(&train),
            ["Ann/B-PER Lee/I-PER lives/O in/O Rome/B-LOC ./O", "She/O left/O ./O"]
        );
        assert!(matches!(
            &train.targets,
            DatasetTargets::Tags {
                scheme: TagScheme::Iob2,
                ..
            }
        ));
        assert!(
            train
                .notes
                .iter()
                .any(|note| note.contains("annotation other than entities")),
            "{:?}",
            train.notes
        );
    }
    let options = LoadOptions {
        split: Some(Split::Validation),
        ..LoadOptions::default()
    };
    assert_eq!(tagged(&load(root.path(), &options).unwrap()), ["Bob/B-PER is/O here/O"]);
    assert_eq!(tagged(&read(&root.path().join("dev/2.ann"))), ["Bob/B-PER is/O here/O"]);
    let alone = folder(&[("1.ann", "T1\tPER 0 3\tBob\n")]);
    let error = refused(alone.path(), &LoadOptions::default());
    assert!(error.contains("1.ann beside 1.txt"), "{error}");
}

#[test]
fn label_studio_is_read_as_json_json_min_and_csv() {
    let task = |text: &str, choices: &str| {
        format!(
            r#"{{"id": 1, "annotations": [{{"id": 2, "was_cancelled": false, "result": [{{"value": {{"choices": {choices}}}, "id": "a", "from_name": "mood", "to_name": "text", "type": "choices", "origin": "manual"}}]}}], "data": {{"text": "{text}"}}, "predictions": []}}"#
        )
    };
    let full = format!("[{},{}]", task("good", r#"["pos"]"#), task("bad", r#"["neg"]"#));
    let several = format!("[{},{}]", task("good", r#"["pos", "calm"]"#), task("bad", r#"["neg"]"#));
    let root = folder(&[
        ("full.json", &full),
        ("several.json", &several),
        (
            "min.json",
            r#"[{"text": "good", "id": 1, "choice": "pos", "annotator": 1}, {"text": "bad", "id": 2, "choice": "neg", "annotator": 1}]"#,
        ),
        (
            "one.csv",
            "annotation_id,annotator,choice,id,text\n1,1,pos,1,good\n2,1,neg,2,bad\n",
        ),
        (
            "several.csv",
            "annotation_id,choice,text\n1,\"{\"\"choices\"\":[\"\"pos\"\",\"\"calm\"\"]}\",good\n2,neg,bad\n",
        ),
    ]);
    for name in ["full.json", "min.json", "one.csv"] {
        let dataset = read(&root.path().join(name));
        assert_eq!(dataset.inputs.as_texts().unwrap().first, ["good", "bad"], "{name}");
        assert_eq!(labels(&dataset), [["pos"], ["neg"]], "{name}");
        assert_eq!(dataset.inferred.task, Task::Classification, "{name}");
    }
    for name in ["several.json", "several.csv"] {
        let dataset = read(&root.path().join(name));
        assert_eq!(dataset.inferred.task, Task::MultiLabel, "{name}");
        let mut first = labels(&dataset)[0].clone();
        first.sort_unstable();
        assert_eq!(
            (first, labels(&dataset)[1].clone()),
            (vec!["calm", "pos"], vec!["neg"]),
            "{name}"
        );
    }
}

#[test]
fn spans_of_label_studio_are_tagged_words_and_those_of_its_csv_are_named() {
    let span = |start: usize, end: usize, kind: &str| {
        format!(
            r#"{{"value": {{"start": {start}, "end": {end}, "text": "x", "labels": ["{kind}"]}}, "from_name": "label", "to_name": "text", "type": "labels"}}"#
        )
    };
    let task = format!(
        r#"[{{"id": 1, "data": {{"text": "Ann Lee left Rome"}}, "annotations": [{{"result": [{}, {}]}}]}}]"#,
        span(0, 7, "PER"),
        span(13, 17, "LOC")
    );
    let csv = "text,label\nAnn left,\"[{\"\"start\"\":0,\"\"end\"\":3,\"\"text\"\":\"\"Ann\"\",\"\"labels\"\":[\"\"PER\"\"]}]\"\n";
    let root = folder(&[("ner.json", &task), ("ner.csv", csv)]);
    assert_eq!(
        tagged(&read(&root.path().join("ner.json"))),
        ["Ann/B-PER Lee/I-PER left/O Rome/B-LOC"]
    );
    let error = refused(&root.path().join("ner.csv"), &LoadOptions::default());
    assert!(error.contains("spans of Label Studio"), "{error}");
}

#[test]
fn tags_of_cvat_are_classes_of_images_and_shapes_are_not() {
    let image =
        |name: &str, inner: &str| format!("<image id=\"0\" name=\"{name}\" width=\"1\" height=\"1\">{inner}</image>\n");
    let tag = |label: &str| format!("<tag label=\"{label}\" source=\"manual\"></tag>");
    let shape = "<box label=\"cat\" xtl=\"0\" ytl=\"0\" xbr=\"1\" ybr=\"1\"/>";
    let file = |images: &str| {
        format!("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<annotations><version>1.1</version>{images}</annotations>")
    };
    let one = file(&(image("a/1.jpg", &(tag("cat &amp; kitten") + shape)) + &image("2.jpg", &tag("dog"))));
    let root = folder(&[("annotations.xml", &one), ("images/a/1.jpg", ""), ("images/2.jpg", "")]);
    let dataset = read(root.path());
    assert_eq!(
        (dataset.kind(), labels(&dataset)),
        (DataKind::Images, vec![vec!["cat & kitten"], vec!["dog"]])
    );
    assert!(
        dataset
            .notes
            .iter()
            .any(|note| note.contains("ignored 1 shape of CVAT")),
        "{:?}",
        dataset.notes
    );
    assert_eq!(dataset.inputs.files().unwrap()[0], root.path().join("images/a/1.jpg"));

    let two = file(&(image("1.jpg", &(tag("cat") + &tag("indoors"))) + &image("2.jpg", &tag("dog"))));
    let root = folder(&[("annotations.xml", &two), ("1.jpg", ""), ("2.jpg", "")]);
    assert_eq!(read(root.path()).inferred.task, Task::MultiLabel);
    for (text, expected) in [
        (file(&image("1.jpg", shape)), "1 image have no tags, only 1 shape"),
        (
            "<annotation><filename>1.jpg</filename></annotation>".to_owned(),
            "Pascal VOC",
        ),
        ("<annotations><image".to_owned(), "not valid XML"),
    ] {
        let root = folder(&[("annotations.xml", &text)]);
        let error = refused(&root.path().join("annotations.xml"), &LoadOptions::default());
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn folders_of_kaggle_are_read_beside_their_submissions() {
    let submission = "id,label\n1,cat\n2,cat\n";
    for files in [
        &[
            ("trainLabels.csv", "id,label\n1,cat\n2,dog\n"),
            ("sampleSubmission.csv", submission),
            ("train/1.png", ""),
            ("train/2.png", ""),
            ("test/1.png", ""),
            ("test/2.png", ""),
        ][..],
        &[
            ("train.csv", "Image,Id\n1.jpg,cat\n2.jpg,dog\n"),
            ("sample_submission.csv", submission),
            ("train/1.jpg", ""),
            ("train/2.jpg", ""),
            ("test/1.jpg", ""),
        ],
        &[
            ("train_labels.csv", "image_id,label\n1,cat\n2,dog\n"),
            ("sample_submission.csv", submission),
            ("train_images/1.png", ""),
            ("train_images/2.png", ""),
            ("test_images/1.png", ""),
        ],
        &[
            ("labels.csv", "id,breed\n1,cat\n2,dog\n"),
            ("sample_submission.csv", submission),
            ("train/1.jpg", ""),
            ("train/2.jpg", ""),
            ("test/1.jpg", ""),
        ],
    ] {
        let root = folder(files);
        let target = ["Id", "breed"]
            .iter()
            .find(|name| files[0].1.contains(&format!(",{name}\n")));
        let options = LoadOptions {
            targets: target.map(|name| (*name).to_owned()).into_iter().collect(),
            ..LoadOptions::default()
        };
        let dataset = load(root.path(), &options).unwrap();
        assert_eq!(labels(&dataset), [["cat"], ["dog"]], "{files:?}");
        let first = dataset.inputs.files().unwrap()[0].clone();
        assert!(
            first.starts_with(root.path())
                && first
                    .parent()
                    .unwrap()
                    .file_name()
                    .unwrap()
                    .to_string_lossy()
                    .starts_with("train"),
            "{first:?}"
        );
    }
}
