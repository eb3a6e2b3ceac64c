//! `ranktune rank --refine`, as a user runs it.

#![allow(clippy::unwrap_used, reason = "helpers of tests are test code, too")]

mod common;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use common::{Place, image_model, write_images, write_model};
use serde_json::Value;

const REFINE: [&str; 14] = [
    "rank",
    "--hub",
    "hub",
    "--data",
    "data",
    "--format",
    "json",
    "--refine",
    "1h",
    "--tolerance",
    "0",
    "--trials",
    "trials",
    "--no-cache",
];

fn place() -> Place {
    let place = Place::new();
    for (seed, (name, channels)) in [("a", 6), ("b", 3), ("c", 1)].into_iter().enumerate() {
        let model = image_model(31 + 5 * seed as u64, channels, 5);
        write_model(&place.path(&format!("hub/{name}")), &model);
    }
    write_images(&place.path("data"), &["apple", "pear"], 100);
    place
}

/// The values of the trials of a ranking by model and epochs.
fn values(ranking: &Value) -> BTreeMap<(String, u64), String> {
    let trials = ranking["decision"]["trials"].as_array().unwrap();
    let of_trial = |trial: &Value| {
        let model = trial["model"].as_str().unwrap().to_owned();
        ((model, trial["epochs"].as_u64().unwrap()), trial["value"].to_string())
    };
    trials.iter().map(of_trial).collect()
}

#[test]
fn trials_are_reported_remembered_and_continued_by_the_command_that_is_printed() {
    let place = place();
    let run = place.run(&REFINE);
    let ranking = run.assert_code(0).json();
    let count = values(&ranking).len();
    assert!(count > 0, "{ranking}");
    assert!(ranking["decision"]["cost"]["share"].as_f64().unwrap() > 0.0);
    assert!(run.stderr.contains("next trial: "), "{}", run.stderr);
    let record = std::fs::read_to_string(place.path("record.jsonl")).unwrap();
    assert_eq!(record.lines().count(), count);
    assert!(record.lines().all(|line| line.contains("of 10 epochs")), "{record}");

    // Found again: the table names the command that goes on.
    let table: Vec<&str> = REFINE
        .iter()
        .map(|&part| if part == "json" { "table" } else { part })
        .collect();
    let again = place.run(&table);
    again.assert_code(0);
    assert!(!again.stderr.contains("epoch 1/10"), "{}", again.stderr);
    assert_eq!(std::fs::read_to_string(place.path("record.jsonl")).unwrap(), record);
    let next = again
        .stderr
        .lines()
        .find_map(|line| line.strip_prefix("next: ranktune "));
    let next: Vec<&str> = next.unwrap().split(' ').collect();
    assert!(next.contains(&"--resume") && next.contains(&"fine-tune"), "{next:?}");
    let tuned = place.run(&[&next[..], &["--no-record", "--no-cache"]].concat());
    tuned.assert_code(0);
    assert!(tuned.stderr.contains("resumed after step"), "{}", tuned.stderr);
}

#[test]
fn a_search_that_was_killed_goes_on_to_the_same_values() {
    let place = place();
    let mut child = place
        .command(&REFINE)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // In the middle of the second trial.
    let mut lines = BufReader::new(child.stderr.take().unwrap())
        .lines()
        .map_while(Result::ok);
    assert!(lines.any(|line| line.starts_with("trial of ")));
    assert!(lines.any(|line| line.contains("epoch 1/10")));
    child.kill().unwrap();
    child.wait().unwrap();
    let rest = place.run(&REFINE).assert_code(0).json();
    let other = self::place();
    let whole = other.run(&REFINE).assert_code(0).json();
    let (found, expected) = (values(&rest), values(&whole));
    let common: Vec<_> = found.keys().filter(|trial| expected.contains_key(*trial)).collect();
    assert!(!common.is_empty());
    for trial in common {
        assert_eq!(found[trial], expected[trial], "{trial:?}");
    }
}

#[test]
fn options_of_trials_need_refine_and_times_are_checked() {
    let place = place();
    let refused = |more: &[&str], parts: &[&str]| {
        let arguments = [&["rank", "--hub", "hub", "--data", "data"], more].concat();
        place.run(&arguments).assert_refused(parts);
    };
    refused(&["--tolerance", "1"], &["--refine"]);
    refused(&["--trials", "x"], &["--refine"]);
    refused(
        &["--refine", "soon"],
        &["expected a time such as 20ms, 90s, 5m or 1h, got soon"],
    );
    refused(&["--refine", "0"], &["expected a time above 0, got 0"]);
    refused(&["--refine", "--tolerance", "-1"], &["tolerance"]);
}
