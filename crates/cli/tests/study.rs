//! `ranktune study`: one resumable command.

#![expect(clippy::unwrap_used, reason = "a fixture that cannot be made is a failed test")]

mod common;

use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread;
use std::time::Duration;

use common::{Place, write_hub, write_images};
use serde_json::Value;

/// Three models and two data sets of images.
fn place() -> Place {
    let place = Place::new();
    write_hub(&place.path("hub"));
    write_images(&place.path("fruit"), &["apple", "pear", "plum"], 12);
    write_images(&place.path("nuts"), &["hazel", "wal", "pea"], 14);
    place
}

const STUDY: [&str; 16] = [
    "study",
    "--hub",
    "hub",
    "--data",
    "fruit",
    "nuts",
    "--epochs",
    "2",
    "--learning-rate",
    "1e-3,1e-2",
    "--scores",
    "logme,h-score",
    "--seeds",
    "2",
    "--out",
    "study",
];

fn without_times(value: &mut Value) {
    match value {
        Value::Object(object) => {
            object.retain(|key, _| !key.contains("seconds"));
            object.values_mut().for_each(without_times);
        }
        Value::Array(values) => values.iter_mut().for_each(without_times),
        _ => {}
    }
}

fn document(path: &Path) -> Value {
    let mut value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    without_times(&mut value);
    value
}

/// Number of finished tunings.
fn finished(place: &Place) -> usize {
    let is_cell = |entry: &fs::DirEntry| !entry.file_name().to_string_lossy().starts_with('.');
    let count = |data: &str| {
        let entries = fs::read_dir(place.path("study/cells").join(data));
        entries.map_or(0, |entries| entries.flatten().filter(is_cell).count())
    };
    count("fruit") + count("nuts")
}

/// Starts the study and kills it once so many tunings are finished.
fn kill_at(place: &Place, count: usize) {
    let mut child: Child = place
        .command(&STUDY)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while finished(place) < count && child.try_wait().unwrap().is_none() {
        thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_study_that_is_killed_goes_on_and_has_the_same_documents() {
    let whole = place();
    let expected = whole.run(&[&STUDY[..], &["--format", "json"]].concat());
    let models = expected.assert_code(0).json()["models"].as_array().unwrap().len();

    let killed = place();
    for count in [1, models + 1] {
        kill_at(&killed, count);
        assert!(!killed.path("study/study.json").exists(), "it was killed too late");
    }
    let before = finished(&killed);
    let run = killed.run(&STUDY);
    run.assert_code(0);
    assert!(
        run.stderr.contains("going on with the study in study"),
        "{}",
        run.stderr
    );
    let again = run.stderr.lines().filter(|line| line.contains(", seed ")).count();
    assert_eq!(again, 4 * models - before, "{}", run.stderr);
    assert_eq!(
        document(&whole.path("study/study.json")),
        document(&killed.path("study/study.json"))
    );
    for name in ["study.md", "accuracies.csv", "scores.csv", "record.jsonl"] {
        assert!(killed.path("study").join(name).exists(), "{name}");
    }
}

#[test]
fn workers_share_the_cells_and_the_documents_are_those_of_one_process() {
    let one = place();
    one.run(&STUDY).assert_code(0);
    let two = place();
    let run = two.run(&[&STUDY[..], &["--processes", "2"]].concat());
    run.assert_code(0);
    let models = document(&one.path("study/study.json"))["models"]
        .as_array()
        .unwrap()
        .len();
    let lines = run.stderr.lines().filter(|line| line.contains(", seed ")).count();
    assert_eq!(lines, 4 * models, "{}", run.stderr);
    assert_eq!(
        document(&one.path("study/study.json")),
        document(&two.path("study/study.json"))
    );
}

#[test]
fn a_dry_run_writes_nothing_and_names_the_cells() {
    let place = place();
    let run = place.run(&[&STUDY[..], &["--dry-run"]].concat());
    run.assert_code(0);
    for part in [
        "fruit",
        "nuts",
        "12 tunings: 6 pairs of model and data set, 1 method, 2 seeds",
        "take about",
    ] {
        assert!(run.stdout.contains(part), "{part:?} is missing in {}", run.stdout);
    }
    assert!(!place.path("study").exists());
}

#[test]
fn another_configuration_and_wrong_arguments_are_refused() {
    let place = place();
    place.run(&STUDY).assert_code(0);
    place
        .run(&[&STUDY[..], &["--resume", "--max-samples", "20"]].concat())
        .assert_refused(&["another configuration", "max_samples: none there, 20 here"]);
    place
        .run(&[
            "study",
            "--hub",
            "hub",
            "--data",
            "fruit",
            "--methods",
            "fine-tun",
            "--out",
            "other",
        ])
        .assert_refused(&["fine-tune"]);
    place
        .run(&["study", "--hub", "hub", "--data", "fruit", "fruit", "--out", "other"])
        .assert_refused(&["given twice"]);
    place
        .run(&["study", "--hub", "hub", "--data", "nowhere", "--out", "other"])
        .assert_refused(&["nowhere"]);
    assert!(!place.path("other").exists());
}
