//! `ranktune score` and `ranktune compare` as a user runs them.

mod common;

use std::fs;

use common::{Place, numbers, write_labels, write_matrix, write_npy};

const N: usize = 60;
const D: usize = 6;

/// Features of three classes that lie apart.
fn place() -> Place {
    let place = Place::new();
    let labels: Vec<i64> = (0..N as i64).map(|i| i % 3).collect();
    let mut features = numbers(1, N * D);
    for (row, &label) in features.chunks_exact_mut(D).zip(&labels) {
        row[label as usize] += 2.0;
    }
    write_matrix(&place.path("f.npy"), N, D, &features);
    write_labels(&place.path("y.npy"), &labels);
    let probabilities: Vec<f32> = labels
        .iter()
        .flat_map(|&label| if label == 0 { [0.7, 0.3] } else { [0.2, 0.8] })
        .collect();
    write_matrix(&place.path("p.npy"), N, 2, &probabilities);
    place
}

const SCORE: [&str; 5] = ["score", "--features", "f.npy", "--targets", "y.npy"];

fn with<'a>(more: &[&'a str]) -> Vec<&'a str> {
    SCORE.iter().chain(more).copied().collect()
}

#[test]
fn the_json_keeps_the_contract() {
    let run = place().run(&with(&[
        "--probabilities",
        "p.npy",
        "--scores",
        "logme,leep,nce,h-score",
        "--format",
        "json",
    ]));
    let scores = run.assert_code(0).json();
    assert_eq!(scores["schema"], "ranktune.scores/1");
    assert_eq!(
        (
            &scores["task"],
            &scores["samples"],
            &scores["features"],
            &scores["columns"]
        ),
        (&"classification".into(), &N.into(), &D.into(), &3.into())
    );
    let logme = &scores["scores"]["logme"];
    assert_eq!(logme["status"], "interior");
    let columns = logme["columns"].as_array().unwrap();
    assert_eq!(columns.len(), 3);
    let mean = columns
        .iter()
        .map(|column| column["evidence"].as_f64().unwrap())
        .sum::<f64>()
        / 3.0;
    assert!((mean - logme["value"].as_f64().unwrap()).abs() < 1e-12);
    for column in columns {
        assert!(column["alpha"].as_f64().unwrap() > 0.0 && column["beta"].as_f64().unwrap() > 0.0);
        assert_eq!(column["status"], "interior");
    }
    for name in ["leep", "nce", "h-score"] {
        assert!(scores["scores"][name]["value"].is_number(), "{name}");
    }
}

#[test]
fn the_published_value_is_near_the_right_one_where_there_are_many_samples() {
    let place = place();
    let value = |compat: &str| {
        place.run(&with(&["--compat", compat, "--format", "json"])).json()["scores"]["logme"]["value"]
            .as_f64()
            .unwrap()
    };
    let (exact, published) = (value("exact"), value("published"));
    assert!(
        published <= exact + 1e-12 && (exact - published).abs() < 1e-3,
        "{exact} {published}"
    );
}

#[test]
fn each_way_the_input_can_be_bad_is_refused_with_nothing_on_stdout() {
    let place = place();
    let mut bad = numbers(1, N * D);
    bad[2 * D + 1] = f32::NAN;
    write_matrix(&place.path("nan.npy"), N, D, &bad);
    bad[2 * D + 1] = f32::INFINITY;
    write_matrix(&place.path("inf.npy"), N, D, &bad);
    write_labels(&place.path("short.npy"), &[0, 1, 2]);
    write_labels(&place.path("one.npy"), &[1; N]);
    write_npy(
        &place.path("absurd.npy"),
        "<f4",
        "(99999999999999, 99999999999999)",
        &[0; 16],
    );
    write_npy(&place.path("negative.npy"), "<f4", "(-4, 4)", &[0; 16]);
    write_npy(&place.path("object.npy"), "|O", "(4, 4)", &[0; 16]);
    fs::write(place.path("text.npy"), "not an array").unwrap();
    write_matrix(&place.path("no_sum.npy"), N, 2, &[0.9; 2 * N]);
    for (arguments, parts) in [
        (
            vec!["score", "--features", "nowhere.npy", "--targets", "y.npy"],
            vec!["nowhere.npy"],
        ),
        (
            vec!["score", "--features", "nan.npy", "--targets", "y.npy"],
            vec!["NaN", "row 2", "column 1"],
        ),
        (
            vec!["score", "--features", "inf.npy", "--targets", "y.npy"],
            vec!["inf", "row 2", "column 1"],
        ),
        (
            vec!["score", "--features", "f.npy", "--targets", "short.npy"],
            vec!["60", "3"],
        ),
        (
            vec!["score", "--features", "f.npy", "--targets", "one.npy"],
            vec!["two classes"],
        ),
        (
            vec!["score", "--features", "absurd.npy", "--targets", "y.npy"],
            vec!["absurd.npy"],
        ),
        (
            vec!["score", "--features", "negative.npy", "--targets", "y.npy"],
            vec!["negative.npy"],
        ),
        (
            vec!["score", "--features", "object.npy", "--targets", "y.npy"],
            vec!["object.npy"],
        ),
        (
            vec!["score", "--features", "text.npy", "--targets", "y.npy"],
            vec!["text.npy"],
        ),
        (
            with(&["--probabilities", "no_sum.npy", "--scores", "leep"]),
            vec!["no_sum.npy", "sum"],
        ),
        (with(&["--scores", "leep"]), vec!["leep", "--probabilities"]),
        (with(&["--scores", "hscore"]), vec!["hscore", "h-score"]),
        (with(&["--compat", "publshed"]), vec!["published"]),
    ] {
        let run = place.run(&arguments);
        assert_eq!(run.code, Some(2), "{arguments:?}: {run:?}");
        run.assert_refused(&parts);
    }
}

#[test]
fn a_ranking_is_held_against_accuracies() {
    let place = place();
    fs::write(place.path("scores.csv"), "model,score\na,1\nb,2\nc,3\n").unwrap();
    fs::write(place.path("truth.csv"), "model,accuracy\na,0.6\nb,0.8\nc,0.7\n").unwrap();
    let comparison = place
        .run(&["compare", "scores.csv", "truth.csv", "--format", "json"])
        .assert_code(0)
        .json();
    assert_eq!(comparison["schema"], "ranktune.comparison/1");
    assert_eq!(comparison["models"], 3);
    assert!((comparison["kendall_tau"].as_f64().unwrap() - 1.0 / 3.0).abs() < 1e-12);
    assert!((comparison["top_1_regret"].as_f64().unwrap() - 0.1).abs() < 1e-12);
    assert!(comparison["top_3_regret"].as_f64().unwrap().abs() < 1e-12);
    place
        .run(&["compare", "nowhere.json", "truth.csv"])
        .assert_refused(&["nowhere.json"]);
}
