//! Data sets of the Hugging Face hub as folders: splits, shards, configurations, names of classes, embedded images, tagged words.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::fs;
use std::path::Path;

use common::table::{Column, of_datasets};
use ranktune_data::image::decode;
use ranktune_data::{DataKind, DatasetTargets, LoadOptions, Split, Task, load};

/// A portable greymap of one pixel, behind the signature that makes it an image.
const IMAGES: [&[u8]; 3] = [b"P5 1 1 255 \x00", b"P5 1 1 255 \x07", b"P5 1 1 255 \xff"];

const NAMED: &str = r#"{"text": {"dtype": "string", "_type": "Value"}, "label": {"names": ["neg", "neutral", "pos"], "_type": "ClassLabel"}}"#;

fn put(folder: &Path, name: &str, bytes: &[u8]) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

fn texts(texts: &[&str], labels: &[i64]) -> Vec<u8> {
    of_datasets(
        &[("text", Column::Texts(texts)), ("label", Column::Classes(labels))],
        NAMED,
    )
}

fn split(split: Split) -> LoadOptions {
    LoadOptions {
        split: Some(split),
        ..LoadOptions::default()
    }
}

/// The class of every sample.
fn classes(targets: &DatasetTargets) -> Vec<&str> {
    (0..targets.n_samples())
        .map(|i| targets.names()[targets.labels_of(i)[0] as usize].as_str())
        .collect()
}

#[test]
fn the_shards_of_a_split_are_read_in_order_wherever_the_hub_has_them() {
    for inner in ["", "data/", "plain_text/", "default/"] {
        let root = tempfile::tempdir().unwrap();
        let path = |name: &str| format!("{inner}{name}");
        put(root.path(), "README.md", b"---\n---\n");
        put(
            root.path(),
            &path("train-00001-of-00002.parquet"),
            &texts(&["c", "d"], &[0, 2]),
        );
        put(
            root.path(),
            &path("train-00000-of-00002.parquet"),
            &texts(&["a", "b"], &[2, 0]),
        );
        put(
            root.path(),
            &path("test-00000-of-00001.parquet"),
            &texts(&["e", "f"], &[2, 1]),
        );
        let train = load(root.path(), &LoadOptions::default()).unwrap();
        assert_eq!(train.inputs.as_texts().unwrap().first, ["a", "b", "c", "d"], "{inner}");
        assert_eq!(classes(&train.targets), ["pos", "neg", "neg", "pos"], "{inner}");
        assert!(
            train
                .notes
                .iter()
                .any(|note| note.contains("read the split train from 2 shards")),
            "{:?}",
            train.notes
        );
        let test = load(root.path(), &split(Split::Test)).unwrap();
        assert_eq!(classes(&test.targets), ["pos", "neutral"], "{inner}");
    }
    // The branch refs/convert/parquet.
    let root = tempfile::tempdir().unwrap();
    put(root.path(), "default/train/0001.parquet", &texts(&["c", "d"], &[0, 2]));
    put(root.path(), "default/train/0000.parquet", &texts(&["a", "b"], &[2, 0]));
    let train = load(root.path(), &LoadOptions::default()).unwrap();
    assert_eq!(train.inputs.as_texts().unwrap().first, ["a", "b", "c", "d"]);
}

#[test]
fn missing_shards_and_several_configurations_are_errors() {
    let root = tempfile::tempdir().unwrap();
    put(
        root.path(),
        "data/train-00000-of-00002.parquet",
        &texts(&["a", "b"], &[2, 0]),
    );
    let error = load(root.path(), &LoadOptions::default()).unwrap_err().to_string();
    assert!(
        error.contains("1 shard of 2 are there: \"train-00000-of-00002.parquet\""),
        "{error}"
    );
    let one = load(
        &root.path().join("data/train-00000-of-00002.parquet"),
        &LoadOptions::default(),
    )
    .unwrap();
    assert_eq!(
        one.notes,
        ["read one of 2 shards; name their folder to read all of them"]
    );
    let root = tempfile::tempdir().unwrap();
    put(
        root.path(),
        "cola/train-00000-of-00001.parquet",
        &texts(&["a", "b"], &[2, 0]),
    );
    put(
        root.path(),
        "sst2/train-00000-of-00001.parquet",
        &texts(&["a", "b"], &[2, 0]),
    );
    let error = load(root.path(), &LoadOptions::default()).unwrap_err().to_string();
    assert!(
        error.contains("holds 2 data sets: \"cola\", \"sst2\"; name one of them"),
        "{error}"
    );
}

#[test]
fn minus_one_is_no_class_and_the_names_are_those_of_the_file() {
    let root = tempfile::tempdir().unwrap();
    put(
        root.path(),
        "t.parquet",
        &texts(&["a", "b", "c", "d", "e"], &[2, -1, 0, 2, -1]),
    );
    let dataset = load(&root.path().join("t.parquet"), &LoadOptions::default()).unwrap();
    assert_eq!(classes(&dataset.targets), ["pos", "neg", "pos"]);
    assert_eq!(dataset.targets.names(), ["neg", "pos"]);
    assert_eq!((dataset.n_samples(), dataset.skipped), (3, 0));
    assert_eq!(
        dataset.notes,
        ["skipped rows: 2 of 5 rows have no label: column \"label\" holds \"-1\" (row 2, column \"label\"; …)"]
    );
    assert_eq!(
        dataset.inferred.reason,
        "column \"label\" holds 3 classes that the file names: \"neg\", \"neutral\", \"pos\"; 1 of them without a row: \"neutral\""
    );
    put(root.path(), "test.parquet", &texts(&["a", "b"], &[-1, -1]));
    let error = load(&root.path().join("test.parquet"), &LoadOptions::default())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("no row has a label") && error.contains("another split"),
        "{error}"
    );
    put(root.path(), "odd.parquet", &texts(&["a", "b"], &[0, 3]));
    let error = load(&root.path().join("odd.parquet"), &LoadOptions::default())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("row 2, column \"label\": expected the index of one of the 3 classes"),
        "{error}"
    );
}

#[test]
fn images_that_a_table_stores_are_samples() {
    let root = tempfile::tempdir().unwrap();
    let features = r#"{"image": {"_type": "Image"}, "label": {"names": ["cat", "dog"], "_type": "ClassLabel"}}"#;
    let table = |images: &[(Option<&[u8]>, &str)]| {
        of_datasets(
            &[
                ("image", Column::Images(images)),
                ("label", Column::Classes(&[0, 1, 0])),
            ],
            features,
        )
    };
    let images = [
        (Some(IMAGES[0]), "1.pgm"),
        (Some(IMAGES[1]), "2.pgm"),
        (Some(IMAGES[2]), "3.pgm"),
    ];
    put(root.path(), "data/train-00000-of-00001.parquet", &table(&images));
    let options = LoadOptions {
        image_folder: Some(root.path().join("images")),
        ..LoadOptions::default()
    };
    let dataset = load(root.path(), &options).unwrap();
    assert_eq!(dataset.kind(), DataKind::Images);
    assert_eq!(classes(&dataset.targets), ["cat", "dog", "cat"]);
    let grey: Vec<u8> = dataset
        .inputs
        .files()
        .unwrap()
        .iter()
        .map(|file| decode(file).unwrap().pixels[0])
        .collect();
    assert_eq!(grey, [0, 7, 255]);
    assert!(
        dataset
            .notes
            .iter()
            .any(|note| note.contains("the 3 images stored in column \"image\"")),
        "{:?}",
        dataset.notes
    );
    // The digest is that of the files, wherever they lie.
    put(root.path(), "folders/cat/1.pgm", IMAGES[0]);
    put(root.path(), "folders/cat/3.pgm", IMAGES[2]);
    put(root.path(), "folders/dog/2.pgm", IMAGES[1]);
    let folders = load(&root.path().join("folders"), &LoadOptions::default()).unwrap();
    let sorted = |mut digests: Vec<_>| {
        digests.sort();
        digests
    };
    assert_eq!(sorted(folders.input_digests()), sorted(dataset.input_digests()));
}

#[test]
fn paths_beside_the_bytes_name_files_where_there_are_no_bytes() {
    let root = tempfile::tempdir().unwrap();
    let images = [(None, "1.pgm"), (None, "2.pgm"), (None, "3.pgm")];
    let table = of_datasets(
        &[
            ("image", Column::Images(&images)),
            ("label", Column::Classes(&[0, 1, 0])),
        ],
        "{}",
    );
    put(root.path(), "metadata.parquet", &table);
    for (image, name) in IMAGES.iter().zip(["1.pgm", "2.pgm", "3.pgm"]) {
        put(root.path(), name, image);
    }
    let dataset = load(root.path(), &LoadOptions::default()).unwrap();
    assert_eq!(dataset.inputs.files().unwrap()[2], root.path().join("3.pgm"));
    assert_eq!(dataset.targets.names(), ["0", "1"]);
}

#[test]
fn lists_of_words_and_tags_are_tagged_words() {
    let words: &[&[&str]] = &[&["EU", "rejects"], &[], &["Peter", "Blackburn"]];
    let tags: &[&[i64]] = &[&[1, 0], &[], &[1, 2]];
    let columns = || {
        [
            ("tokens", Column::TextLists(words)),
            ("ner_tags", Column::ClassLists(tags)),
        ]
    };
    for feature in [
        r#"{"feature": {"names": ["O", "B-X", "I-X"], "_type": "ClassLabel"}, "_type": "Sequence"}"#,
        r#"{"feature": {"names": ["O", "B-X", "I-X"], "_type": "ClassLabel"}, "_type": "List"}"#,
        r#"[{"names": ["O", "B-X", "I-X"], "_type": "ClassLabel"}]"#,
    ] {
        let root = tempfile::tempdir().unwrap();
        let table = of_datasets(&columns(), &format!("{{\"ner_tags\": {feature}}}"));
        put(root.path(), "data/train-00000-of-00001.parquet", &table);
        for task in [None, Some(Task::Tokens)] {
            let options = LoadOptions {
                task,
                ..LoadOptions::default()
            };
            let dataset = load(root.path(), &options).unwrap();
            assert_eq!(
                dataset.inputs.as_sentences().unwrap().words,
                [["EU", "rejects"], ["Peter", "Blackburn"]]
            );
            assert_eq!(dataset.targets.names(), ["B-X", "I-X", "O"]);
            assert_eq!(dataset.targets.labels_of(1), [0, 1]);
            assert_eq!(dataset.inferred.reason, "column \"ner_tags\" holds 3 tags, scheme iob2");
            assert!(
                dataset.notes.contains(&"skipped 1 row without words".to_owned()),
                "{:?}",
                dataset.notes
            );
        }
    }
    let root = tempfile::tempdir().unwrap();
    put(
        root.path(),
        "t.jsonl",
        b"{\"tokens\": [\"a\", \"b\"], \"tags\": [\"O\"]}\n",
    );
    let error = load(&root.path().join("t.jsonl"), &LoadOptions::default())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("t.jsonl: line 1, column \"tags\": there are 2 words but 1 tag"),
        "{error}"
    );
    put(
        root.path(),
        "n.jsonl",
        b"{\"tokens\": [\"a\", \"b\"], \"ner_tags\": [0, 1]}\n",
    );
    let dataset = load(&root.path().join("n.jsonl"), &LoadOptions::default()).unwrap();
    assert!(
        dataset.notes[0].contains("numbers without names"),
        "{:?}",
        dataset.notes
    );
}

const CARD: &str = "---\nconfigs:\n- config_name: small\n  default: true\n  data_files:\n  - split: train\n    path: files/part-*.csv\n  - split: test\n    path: files/held.csv\n- config_name: big\n  data_files: all/**\ndataset_info:\n  features:\n  - name: label\n    dtype:\n      class_label:\n        names:\n          '0': neg\n          '1': pos\n---\n# Reviews\n";

#[test]
fn the_card_of_a_repository_lists_files_and_names_classes() {
    let root = tempfile::tempdir().unwrap();
    put(root.path(), "README.md", CARD.as_bytes());
    put(root.path(), "files/part-1.csv", b"text,label\na,1\nb,0\n");
    put(root.path(), "files/part-2.csv", b"text,label\nc,1\nd,-1\n");
    put(root.path(), "files/held.csv", b"text,label\ne,0\nf,1\n");
    put(
        root.path(),
        "all/x/y.jsonl",
        b"{\"text\": \"g\", \"label\": 0}\n{\"text\": \"h\", \"label\": 1}\n",
    );
    let read = |config: Option<&str>, split: Option<Split>| {
        let options = LoadOptions {
            config: config.map(str::to_owned),
            split,
            ..LoadOptions::default()
        };
        load(root.path(), &options)
    };
    let train = read(None, None).unwrap();
    assert_eq!(train.inputs.as_texts().unwrap().first, ["a", "b", "c"]);
    assert_eq!(classes(&train.targets), ["pos", "neg", "pos"]);
    for note in [
        "2 files that the README.md lists",
        "names the classes of column \"label\"",
        "1 of 4 rows have no label",
    ] {
        assert!(
            train.notes.iter().any(|found| found.contains(note)),
            "{note}: {:?}",
            train.notes
        );
    }
    let test = read(Some("small"), Some(Split::Test)).unwrap();
    assert_eq!(classes(&test.targets), ["neg", "pos"]);
    assert_eq!(
        read(Some("big"), None).unwrap().inputs.as_texts().unwrap().first,
        ["g", "h"]
    );
    let error = read(Some("huge"), None).unwrap_err().to_string();
    assert!(
        error.contains("no configuration \"huge\"") && error.contains("\"big\""),
        "{error}"
    );
    let error = read(None, Some(Split::Validation)).unwrap_err().to_string();
    assert!(error.contains("no split validation"), "{error}");
}

#[test]
fn a_configuration_names_a_folder_where_the_card_lists_none() {
    let root = tempfile::tempdir().unwrap();
    put(root.path(), "cola/train/0000.parquet", &texts(&["a", "b"], &[2, 0]));
    put(root.path(), "sst2/train/0000.parquet", &texts(&["c", "d"], &[0, 1]));
    let options = LoadOptions {
        config: Some("sst2".to_owned()),
        name: Some("hf:datasets/acme/glue@main/sst2".to_owned()),
        ..LoadOptions::default()
    };
    let dataset = load(root.path(), &options).unwrap();
    assert_eq!(classes(&dataset.targets), ["neg", "neutral"]);
    assert_eq!(dataset.path, Path::new("hf:datasets/acme/glue@main/sst2"));
}

#[test]
fn images_of_a_card_are_classes_by_their_folders() {
    let root = tempfile::tempdir().unwrap();
    put(root.path(), "README.md", b"---\nconfigs:\n- config_name: default\n  data_files:\n  - {split: train, path: 'tr/**'}\n  - {split: test, path: 'te/**'}\n---\n");
    for (name, image) in [
        ("tr/cat/1.pgm", 0),
        ("tr/dog/2.pgm", 1),
        ("te/cat/3.pgm", 2),
        ("te/dog/4.pgm", 0),
    ] {
        put(root.path(), name, IMAGES[image]);
    }
    let train = load(root.path(), &LoadOptions::default()).unwrap();
    assert_eq!((train.n_samples(), classes(&train.targets)), (2, vec!["cat", "dog"]));
    assert_eq!(train.inputs.files().unwrap()[0], root.path().join("tr/cat/1.pgm"));
}

#[test]
fn names_that_do_not_fit_the_column_are_said_and_not_used() {
    let root = tempfile::tempdir().unwrap();
    put(
        root.path(),
        "README.md",
        CARD.replace("config_name: big", "config_name: other").as_bytes(),
    );
    put(root.path(), "files/part-1.csv", b"text,label\na,joy\nb,fear\n");
    let dataset = load(root.path(), &LoadOptions::default()).unwrap();
    assert_eq!(classes(&dataset.targets), ["joy", "fear"]);
    assert!(
        dataset
            .notes
            .iter()
            .any(|note| note.contains("not those of column \"label\", which holds \"joy\"")),
        "{:?}",
        dataset.notes
    );
}

#[test]
fn a_repository_whose_large_files_were_not_pulled_says_so() {
    let root = tempfile::tempdir().unwrap();
    let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n";
    put(root.path(), "data/train-00000-of-00001.parquet", pointer);
    let error = load(root.path(), &LoadOptions::default()).unwrap_err().to_string();
    assert!(error.contains("git lfs pull"), "{error}");
}

#[test]
fn the_card_names_the_tags_that_lists_of_words_have_as_numbers() {
    let root = tempfile::tempdir().unwrap();
    put(root.path(), "README.md", b"---\ndataset_info:\n  features:\n  - name: tokens\n    sequence: string\n  - name: ner_tags\n    sequence:\n      class_label:\n        names:\n          '0': O\n          '1': B-PER\n          '2': I-PER\n---\n");
    put(
        root.path(),
        "train.jsonl",
        b"{\"tokens\": [\"Ann\", \"Lee\", \"left\"], \"ner_tags\": [1, 2, 0]}\n{\"tokens\": [\"Bob\"], \"ner_tags\": [1]}\n",
    );
    let dataset = load(root.path(), &LoadOptions::default()).unwrap();
    assert_eq!(dataset.targets.names(), ["B-PER", "I-PER", "O"]);
    assert_eq!(dataset.targets.labels_of(0), [0, 1, 2]);
    assert!(
        !dataset.notes.iter().any(|note| note.contains("without names")),
        "{:?}",
        dataset.notes
    );
}
