//! Folders of images: what is found, what is left out, what is refused.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::path::Path;

use common::tree;
use ranktune_data::{Dataset, DatasetTargets, ErrorKind, LoadOptions, Result, Split, Task, load};

fn read(path: &Path) -> Result<Dataset> {
    load(path, &LoadOptions::default())
}

fn files(dataset: &Dataset, root: &Path) -> Vec<String> {
    let Some(files) = dataset.inputs.files() else {
        panic!("no images")
    };
    let relative = files
        .iter()
        .map(|file| file.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/"));
    relative.collect()
}

fn empty(names: &[&str]) -> tempfile::TempDir {
    let files: Vec<(&str, &str)> = names.iter().map(|name| (*name, "")).collect();
    tree(&files)
}

#[test]
fn images_come_by_class_then_by_path_at_any_depth() {
    let root = empty(&[
        "b/2.png",
        "b/10.JPG",
        "a/z.jpeg",
        "a/inner/deep/x.webp",
        "a/inner/y.bmp",
        "B/q.tif",
    ]);
    let dataset = read(root.path()).unwrap();
    let expected = [
        "B/q.tif",
        "a/inner/deep/x.webp",
        "a/inner/y.bmp",
        "a/z.jpeg",
        "b/10.JPG",
        "b/2.png",
    ];
    assert_eq!(files(&dataset, root.path()), expected);
    let DatasetTargets::Classes { names, labels } = &dataset.targets else {
        panic!()
    };
    assert_eq!(names, &["B", "a", "b"]);
    assert_eq!(labels, &[0, 1, 1, 1, 2, 2]);
    assert_eq!(dataset.inferred.reason, "there are 3 class folders of images");
}

#[test]
fn hidden_files_and_other_files_are_ignored_and_counted() {
    let root = empty(&[
        "a/1.png",
        "b/1.png",
        "a/.DS_Store",
        "a/._1.png",
        "b/Thumbs.db",
        ".git/x/1.png",
        "__MACOSX/a/1.png",
        "a/notes.txt",
        "b/README",
        "stray.png",
    ]);
    let dataset = read(root.path()).unwrap();
    assert_eq!(files(&dataset, root.path()), ["a/1.png", "b/1.png"]);
    let notes = dataset.notes.join("\n");
    assert!(notes.contains("ignored 1 image outside the class folders"), "{notes}");
    assert!(notes.contains("ignored 5 hidden files"), "{notes}");
    assert!(
        notes.contains("ignored 2 files that are not images of a supported format: \".txt\", \"no extension\""),
        "{notes}"
    );
    assert_eq!(dataset.skipped, 0);
}

#[test]
fn an_empty_class_folder_is_said_and_dropped() {
    let root = empty(&["a/1.png", "b/1.png", "c/notes.txt"]);
    std::fs::create_dir(root.path().join("d")).unwrap();
    let dataset = read(root.path()).unwrap();
    assert_eq!(dataset.targets.names(), ["a", "b"]);
    assert!(
        dataset
            .notes
            .contains(&"ignored 2 class folders without images: \"c\", \"d\"".to_owned())
    );
}

#[test]
fn a_single_class_is_refused() {
    let root = empty(&["daisy/1.png", "daisy/2.png"]);
    let error = read(root.path()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.to_string().contains("fewer than two classes"), "{error}");
    assert!(error.to_string().contains("found 1: \"daisy\""), "{error}");
}

#[test]
fn images_without_class_folders_are_refused_with_what_to_do() {
    let root = empty(&["1.png", "2.png"]);
    let error = read(root.path()).unwrap_err().to_string();
    assert!(
        error.contains("holds 2 images but no class folders") && error.contains("or name a table"),
        "{error}"
    );
}

#[test]
fn a_path_without_data_is_refused_by_what_is_there() {
    let root = empty(&["notes.txt", "photo.png.zip", "a.png", "f.npy", "bare", "flowers/x.txt"]);
    let error = |name: &str| read(&root.path().join(name)).unwrap_err().to_string();
    assert!(
        error("flower").contains("no such file or folder; did you mean \"flowers\"?"),
        "{}",
        error("flower")
    );
    assert!(error("x/y/z").contains("neither does"), "{}", error("x/y/z"));
    assert!(
        error("notes.txt").contains("unknown format \"txt\""),
        "{}",
        error("notes.txt")
    );
    assert!(error("a.png").contains("is a single image"), "{}", error("a.png"));
    assert!(error("f.npy").contains("is an array"), "{}", error("f.npy"));
    assert!(error("bare").contains("has no extension"), "{}", error("bare"));
    assert!(error("flowers").contains("holds no data set"), "{}", error("flowers"));
    std::fs::create_dir(root.path().join("nothing")).unwrap();
    assert!(error("nothing").contains("the folder is empty"), "{}", error("nothing"));
    assert!(read(Path::new("")).is_err());
}

#[test]
fn splits_are_found_by_their_names_and_train_is_the_default() {
    let root = empty(&[
        "Train/a/1.png",
        "Train/b/1.png",
        "val/a/2.png",
        "val/b/2.png",
        "docs/readme.md",
    ]);
    let dataset = read(root.path()).unwrap();
    assert_eq!(files(&dataset, root.path()), ["Train/a/1.png", "Train/b/1.png"]);
    assert!(dataset.notes[0].contains("read the split train"), "{:?}", dataset.notes);
    let options = |split| LoadOptions {
        split: Some(split),
        ..LoadOptions::default()
    };
    let validation = load(root.path(), &options("valid".parse().unwrap())).unwrap();
    assert_eq!(files(&validation, root.path()), ["val/a/2.png", "val/b/2.png"]);
    let error = load(root.path(), &options(Split::Test)).unwrap_err().to_string();
    assert!(
        error.contains("no split test: expected test or testing, found \"Train\", \"val\""),
        "{error}"
    );
    assert!("tset".parse::<Split>().is_err());
}

#[test]
fn a_class_may_be_called_train() {
    let root = empty(&["bus/1.png", "car/1.png", "train/1.png"]);
    assert_eq!(read(root.path()).unwrap().targets.names(), ["bus", "car", "train"]);
}

#[test]
fn folders_of_data_sets_are_no_classes() {
    let root = empty(&[
        "one/train/a/1.png",
        "one/train/b/1.png",
        "two/train.csv",
        "two/train/1.png",
        "three/1.png",
    ]);
    let error = read(root.path()).unwrap_err().to_string();
    assert!(
        error.contains("\"one\", \"two\" hold splits, so they are data sets"),
        "{error}"
    );
}

#[test]
fn splits_without_train_must_be_chosen_unless_there_is_one() {
    let root = empty(&["test/a/1.png", "test/b/1.png", "val/a/1.png", "val/b/1.png"]);
    let error = read(root.path()).unwrap_err().to_string();
    assert!(error.contains("no train split among"), "{error}");
    std::fs::remove_dir_all(root.path().join("val")).unwrap();
    assert_eq!(read(root.path()).unwrap().n_samples(), 2);
    let root = empty(&["val/a/1.png", "val/b/1.png", "valid/a/1.png", "valid/b/1.png"]);
    let error = read(root.path()).unwrap_err().to_string();
    assert!(error.contains("split validation occurs 2 times"), "{error}");
}

#[test]
fn options_that_need_a_table_are_refused() {
    let root = empty(&["a/1.png", "b/1.png"]);
    let error = |options: LoadOptions| load(root.path(), &options).unwrap_err().to_string();
    let default = LoadOptions::default;
    for task in [Task::Regression, Task::MultiLabel, Task::Tokens] {
        let task = Some(task);
        error(LoadOptions { task, ..default() });
    }
    let targets = vec!["price".to_owned()];
    assert!(error(LoadOptions { targets, ..default() }).contains("target column \"price\" was requested"));
    let input_column = Some("file".to_owned());
    assert!(
        error(LoadOptions {
            input_column,
            ..default()
        })
        .contains("input column")
    );
    let label_delimiter = Some("|".to_owned());
    assert!(
        error(LoadOptions {
            label_delimiter,
            ..default()
        })
        .contains("label delimiter")
    );
}

#[cfg(unix)]
#[test]
fn links_are_followed_and_loops_end() {
    let root = empty(&["a/1.png", "b/1.png", "other/2.png"]);
    let link = |to: &str, from: &str| std::os::unix::fs::symlink(root.path().join(to), root.path().join(from)).unwrap();
    link("a", "a/self");
    link("", "a/root");
    link("a/ping", "a/pong");
    link("a/pong", "a/ping");
    link("nowhere", "b/dead.png");
    link("other/2.png", "b/linked.png");
    let dataset = read(root.path()).unwrap();
    let found = files(&dataset, root.path());
    assert!(found.contains(&"b/linked.png".to_owned()) && found.contains(&"a/1.png".to_owned()));
    assert!(!found.iter().any(|file| file.contains("dead")));
    assert_eq!(
        found
            .iter()
            .filter(|file| file.starts_with("a/") && file.ends_with("/a/1.png"))
            .count(),
        0
    );
    assert_eq!(
        found,
        files(&read(root.path()).unwrap(), root.path()),
        "the order is fixed"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn class_names_that_are_not_utf_8_stay_distinct() {
    use std::os::unix::ffi::OsStrExt;
    let root = tempfile::tempdir().unwrap();
    for name in [&b"caf\xe9"[..], b"caf\xe8", b"caf\\xe9"] {
        let class = root.path().join(std::ffi::OsStr::from_bytes(name));
        std::fs::create_dir(&class).unwrap();
        std::fs::write(class.join("1.png"), "").unwrap();
    }
    let names = read(root.path()).unwrap().targets.names().to_vec();
    assert_eq!(names.len(), 3);
    assert!(
        names.is_sorted() && names.windows(2).all(|pair| pair[0] != pair[1]),
        "{names:?}"
    );
}

#[cfg(unix)]
#[test]
fn a_pipe_named_like_an_image_is_not_opened() {
    let root = empty(&["a/1.png", "b/1.png"]);
    let made = std::process::Command::new("mkfifo")
        .arg(root.path().join("a/pipe.png"))
        .status()
        .unwrap();
    assert!(made.success());
    let dataset = read(root.path()).unwrap();
    assert_eq!(dataset.n_samples(), 2);
    assert_eq!(dataset.input_digests().len(), 2);
}

#[test]
fn images_of_several_frames_are_counted() {
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    let root = tempfile::tempdir().unwrap();
    for (to, from) in [
        ("a/1.gif", "two_frames.gif"),
        ("a/2.gif", "palette.gif"),
        ("b/3.tif", "two_pages.tif"),
        ("b/4.png", "rgb.png"),
    ] {
        let to = root.path().join(to);
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(vectors.join(from), to).unwrap();
    }
    let dataset = load(root.path(), &LoadOptions::default()).unwrap();
    assert_eq!(
        dataset.notes,
        ["the first frame or page is taken of 2 of 4 images: \"1.gif\", …"]
    );
}
