//! The shared data sets: counts, inferred tasks, digests.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use ranktune_data::{DataKind, Dataset, DatasetTargets, LoadOptions, Split, Task, load};
use ranktune_testing::shared;

fn options(target: &str) -> LoadOptions {
    let targets = if target.is_empty() {
        Vec::new()
    } else {
        vec![target.to_owned()]
    };
    LoadOptions {
        targets,
        ..LoadOptions::default()
    }
}

fn lines(dataset: &str, file: &str) -> Option<usize> {
    let text = std::fs::read_to_string(shared(dataset)?.join(file)).unwrap();
    Some(text.lines().count())
}

#[test]
fn image_folders_have_their_classes_and_images() {
    for (name, train, test, classes) in [("data/flowers5", 100, 50, 5), ("data/cifar10", 100, 50, 10)] {
        let Some(path) = shared(name) else { return };
        for (split, each) in [(None, train), (Some(Split::Train), train), (Some(Split::Test), test)] {
            let options = LoadOptions {
                split,
                ..LoadOptions::default()
            };
            let dataset = load(&path, &options).unwrap();
            assert_eq!(dataset.inferred.task, Task::Classification);
            let DatasetTargets::Classes { names, labels } = &dataset.targets else {
                panic!("{name}")
            };
            assert_eq!(names.len(), classes);
            assert!(names.is_sorted());
            for class in 0..classes as u32 {
                assert_eq!(
                    labels.iter().filter(|label| **label == class).count(),
                    each,
                    "{name} {split:?}"
                );
            }
        }
    }
}

#[test]
fn a_split_may_be_named_directly_and_is_the_same_data() {
    let Some(path) = shared("data/flowers5") else { return };
    let whole = load(&path, &LoadOptions::default()).unwrap();
    let train = load(&path.join("train"), &LoadOptions::default()).unwrap();
    assert_eq!(whole.inputs, train.inputs);
    assert_eq!(whole.digest(), train.digest());
    let test = load(&path.join("test"), &LoadOptions::default()).unwrap();
    assert_ne!(whole.digest(), test.digest());
    let unknown = LoadOptions {
        split: Some(Split::Validation),
        ..LoadOptions::default()
    };
    let error = load(&path, &unknown).unwrap_err().to_string();
    assert!(
        error.contains("no split validation") && error.contains("\"test\", \"train\""),
        "{error}"
    );
}

#[test]
fn house_prices_are_a_regression_on_images() {
    let Some(path) = shared("data/houses") else { return };
    let dataset = load(&path, &options("log10_price")).unwrap();
    assert_eq!((dataset.inferred.task, dataset.n_samples()), (Task::Regression, 400));
    let DatasetTargets::Regression { names, values } = &dataset.targets else {
        panic!()
    };
    assert_eq!(names, &["log10_price"]);
    assert_eq!(values[0], 5.93927);
    assert!(values.iter().all(|value| (4.0..7.0).contains(value)));
    let Some(files) = dataset.inputs.files() else { panic!() };
    assert!(files.iter().all(|file| file.is_file()));

    let error = load(&path, &LoadOptions::default()).unwrap_err().to_string();
    assert!(
        error.contains("no target column") && error.contains("\"log10_price\""),
        "{error}"
    );
    let error = load(&path.join("train"), &LoadOptions::default())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("no class folders") && error.contains("train.csv"),
        "{error}"
    );

    let two = LoadOptions {
        targets: vec!["price".to_owned(), "area".to_owned()],
        split: Some(Split::Test),
        ..LoadOptions::default()
    };
    let dataset = load(&path, &two).unwrap();
    assert_eq!(dataset.n_samples(), 131);
    assert_eq!(dataset.targets.names(), ["price", "area"]);
    assert_eq!(
        load(&path, &options("bedrooms")).unwrap().inferred.task,
        Task::Regression
    );
}

#[test]
fn emotions_are_multi_label() {
    let Some(path) = shared("data/goemotions") else { return };
    let dataset = load(&path, &LoadOptions::default()).unwrap();
    assert_eq!((dataset.inferred.task, dataset.n_samples()), (Task::MultiLabel, 2000));
    let DatasetTargets::MultiLabel { names, rows } = &dataset.targets else {
        panic!()
    };
    assert_eq!(Some(names.len()), lines("data/goemotions", "labels.txt"));
    assert_eq!(rows.iter().filter(|row| row.len() > 1).count(), 308);
    assert!(rows.iter().all(|row| row.is_sorted()));
}

#[test]
fn questions_are_classes_and_similarity_is_a_regression_on_pairs() {
    let Some(path) = shared("data/trec") else { return };
    let dataset = load(&path, &LoadOptions::default()).unwrap();
    assert_eq!(
        (dataset.inferred.task, Some(dataset.n_samples())),
        (Task::Classification, lines("data/trec", "train.jsonl"))
    );
    assert_eq!(dataset.targets.names(), ["ABBR", "DESC", "ENTY", "HUM", "LOC", "NUM"]);

    let Some(path) = shared("data/stsb") else { return };
    let dataset = load(&path, &LoadOptions::default()).unwrap();
    assert_eq!(
        (dataset.inferred.task, Some(dataset.n_samples())),
        (Task::Regression, lines("data/stsb", "train.jsonl"))
    );
    assert!(dataset.kind() == DataKind::TextPairs);
}

#[test]
fn a_draw_of_real_classes_is_balanced_and_repeatable() {
    let Some(path) = shared("data/cifar10") else { return };
    let dataset = load(&path, &LoadOptions::default()).unwrap();
    let draw: Dataset = dataset.subsample(200, 1);
    assert_eq!(draw, dataset.subsample(200, 1));
    assert_ne!(draw, dataset.subsample(200, 2));
    let DatasetTargets::Classes { labels, .. } = &draw.targets else {
        panic!()
    };
    assert!((0..10).all(|class| labels.iter().filter(|label| **label == class).count() == 20));
}
