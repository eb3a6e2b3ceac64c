//! `ranktune score` on shards, and on statistics that other runs saved.

mod common;

use std::fs;

use common::{Place, numbers, write_labels, write_matrix};
use serde_json::Value;

/// Enough numbers to be streamed, and features enough for the band.
const N: usize = 3_000;
const D: usize = 400;
const CLASSES: i64 = 5;

fn labels() -> Vec<i64> {
    (0..N as i64).map(|i| (i * i + i / 7) % CLASSES).collect()
}

fn features() -> Vec<f32> {
    let mut features = numbers(1, N * D);
    for (row, label) in features.chunks_exact_mut(D).zip(labels()) {
        row[label as usize] += 0.8;
        row[7] = 0.5 * row[6] + 0.1 * row[7] + 3.0;
    }
    features
}

/// `f.npy` and `y.npy` whole, and `f0.npy`, `y0.npy` … in parts of rows that are chosen by `part`.
fn place(parts: usize, part: impl Fn(usize, i64) -> usize) -> Place {
    let place = Place::new();
    let (features, labels) = (features(), labels());
    write_matrix(&place.path("f.npy"), N, D, &features);
    write_labels(&place.path("y.npy"), &labels);
    for number in 0..parts {
        let rows: Vec<usize> = (0..N).filter(|&row| part(row, labels[row]) == number).collect();
        let own: Vec<f32> = rows
            .iter()
            .flat_map(|&row| features[row * D..(row + 1) * D].to_vec())
            .collect();
        let own_labels: Vec<i64> = rows.iter().map(|&row| labels[row]).collect();
        write_matrix(&place.path(&format!("f{number}.npy")), rows.len(), D, &own);
        write_labels(&place.path(&format!("y{number}.npy")), &own_labels);
    }
    place
}

const WHOLE: [&str; 7] = ["score", "--features", "f.npy", "--targets", "y.npy", "--format", "json"];

fn score(place: &Place, arguments: &[&str]) -> Value {
    place.run(arguments).assert_code(0).json()
}

#[track_caller]
fn same(a: &Value, b: &Value, what: &str) {
    for name in a["scores"].as_object().expect("scores are an object").keys() {
        let value = |document: &Value| document["scores"][name]["value"].as_f64().expect("a score is a number");
        let (x, y) = (value(a), value(b));
        assert!((x - y).abs() <= 1e-9 * x.abs(), "{what}: {name} is {x} and {y}");
    }
    assert_eq!((&a["samples"], &a["columns"]), (&b["samples"], &b["columns"]), "{what}");
}

const SCORES: [&str; 2] = ["--scores", "logme,h-score,shrinkage-h-score,transrate"];

#[test]
fn shards_in_any_order_and_saved_statistics_give_the_score_of_the_whole() {
    // The last part lacks class 0, the first has few rows (the dual form).
    let place = place(3, |row, label| {
        if row < 200 {
            0
        } else if label == 0 || row % 2 == 0 {
            1
        } else {
            2
        }
    });
    let whole = score(&place, &[&WHOLE[..], &SCORES].concat());
    for (features, targets) in [
        ("f0.npy,f1.npy,f2.npy", "y0.npy,y1.npy,y2.npy"),
        ("f2.npy,f0.npy,f1.npy", "y2.npy,y0.npy,y1.npy"),
    ] {
        let sharded = score(
            &place,
            &[
                &[
                    "score",
                    "--features",
                    features,
                    "--targets",
                    targets,
                    "--format",
                    "json",
                ][..],
                &SCORES,
            ]
            .concat(),
        );
        same(&whole, &sharded, features);
    }
    for part in ["0", "1", "2"] {
        let (f, y, s) = (format!("f{part}.npy"), format!("y{part}.npy"), format!("{part}.stats"));
        score(
            &place,
            &[
                "score",
                "--features",
                &f,
                "--targets",
                &y,
                "--save-statistics",
                &s,
                "--format",
                "json",
            ],
        );
    }
    for files in ["0.stats,1.stats,2.stats", "2.stats,1.stats,0.stats"] {
        let merged = score(
            &place,
            &[&["score", "--statistics", files, "--format", "json"][..], &SCORES].concat(),
        );
        same(&whole, &merged, files);
        assert_eq!(merged["scores"]["logme"]["columns"][0]["name"], "0");
    }
    let mixed = score(
        &place,
        &[
            &[
                "score",
                "--features",
                "f1.npy",
                "--targets",
                "y1.npy",
                "--statistics",
                "2.stats,0.stats",
                "--format",
                "json",
            ][..],
            &SCORES,
        ]
        .concat(),
    );
    same(&whole, &mixed, "features and statistics");
}

#[test]
fn a_shard_of_one_class_is_saved_and_counts_when_added() {
    let place = place(2, |_, label| usize::from(label == 3));
    let run = place.run(&[
        "score",
        "--features",
        "f1.npy",
        "--targets",
        "y1.npy",
        "--save-statistics",
        "1.stats",
        "--format",
        "json",
    ]);
    assert!(run.assert_code(1).json()["scores"]["logme"]["value"].is_null());
    score(
        &place,
        &[
            "score",
            "--features",
            "f0.npy",
            "--targets",
            "y0.npy",
            "--save-statistics",
            "0.stats",
            "--format",
            "json",
        ],
    );
    let merged = score(
        &place,
        &["score", "--statistics", "0.stats,1.stats", "--format", "json"],
    );
    let whole = score(&place, &[&WHOLE[..], &["--scores", "logme"]].concat());
    same(&whole, &merged, "a class of its own");
}

#[test]
fn standard_errors_of_a_stream_are_those_of_the_rows_and_survive_saving() {
    let place = place(0, |_, _| 0);
    let errors = |document: &Value, name: &str| document["scores"][name]["standard_error"].as_f64().unwrap();
    let base = [&WHOLE[..], &["--standard-errors"]].concat();
    let scores = ["--scores", "logme,h-score,shrinkage-h-score"];
    let streamed = score(
        &place,
        &[&base[..], &scores, &["--save-statistics", "all.stats"]].concat(),
    );
    // Transrate needs the rows, so everything is computed from them.
    let rows = score(
        &place,
        &[&base[..], &["--scores", "logme,h-score,shrinkage-h-score,transrate"]].concat(),
    );
    let saved = score(
        &place,
        &[
            &[
                "score",
                "--statistics",
                "all.stats",
                "--standard-errors",
                "--format",
                "json",
            ][..],
            &scores,
        ]
        .concat(),
    );
    for name in ["logme", "h-score", "shrinkage-h-score"] {
        let (a, b, c) = (errors(&streamed, name), errors(&rows, name), errors(&saved, name));
        assert!(
            a > 0.0 && (a - b).abs() < 1e-6 * a && (a - c).abs() < 1e-9 * a,
            "{name}: {a} {b} {c}"
        );
    }
}

#[test]
fn fast_products_say_their_error_and_keep_to_it() {
    let place = place(0, |_, _| 0);
    let exact = score(&place, &WHOLE)["scores"]["logme"]["value"].as_f64().unwrap();
    let fast = score(&place, &[&WHOLE[..], &["--precision", "fast"]].concat());
    let (value, bound) = (
        fast["scores"]["logme"]["value"].as_f64().unwrap(),
        fast["scores"]["logme"]["error_bound"].as_f64().unwrap(),
    );
    assert!(
        (value - exact).abs() <= bound && bound < 1e-4,
        "{value} {exact} {bound}"
    );
    assert!(fast["notes"][0].as_str().unwrap().contains("off by at most"));
}

#[test]
fn each_way_saved_statistics_can_be_bad_is_named() {
    let place = place(2, |row, _| row % 2);
    let save = |features: &str, targets: &str, to: &str| {
        let arguments = [
            "score",
            "--features",
            features,
            "--targets",
            targets,
            "--save-statistics",
            to,
            "--format",
            "json",
        ];
        score(&place, &arguments);
    };
    save("f0.npy", "y0.npy", "good.stats");
    let good = fs::read(place.path("good.stats")).unwrap();
    fs::write(place.path("cut.stats"), &good[..good.len() / 2]).unwrap();
    let mut damaged = good.clone();
    damaged[good.len() / 3] ^= 1;
    fs::write(place.path("damaged.stats"), &damaged).unwrap();
    let mut version = good.clone();
    version[16] = 7;
    fs::write(place.path("version.stats"), &version).unwrap();
    write_matrix(&place.path("narrow.npy"), 20, 3, &numbers(2, 60));
    write_labels(&place.path("few.npy"), &(0..20).map(|i| i % 2).collect::<Vec<i64>>());
    save("narrow.npy", "few.npy", "narrow.stats");
    for (files, parts) in [
        ("cut.stats", vec!["cut.stats", "cut short"]),
        ("good.stats,damaged.stats", vec!["damaged.stats", "checksum"]),
        ("version.stats", vec!["version.stats", "version 7"]),
        ("good.stats,narrow.stats", vec!["narrow.stats", "3 features", "400"]),
        ("y.npy", vec!["y.npy", "not a file of saved statistics"]),
        ("nowhere.stats", vec!["nowhere.stats"]),
    ] {
        place.run(&["score", "--statistics", files]).assert_refused(&parts);
    }
    for (arguments, parts) in [
        (
            vec!["score", "--features", "f0.npy,f1.npy", "--targets", "y0.npy"],
            vec!["2 files", "1 of targets"],
        ),
        (
            vec![
                "score",
                "--features",
                "f0.npy,narrow.npy",
                "--targets",
                "y0.npy,few.npy",
            ],
            vec!["narrow.npy", "3 columns", "400"],
        ),
        (
            vec!["score", "--features", "f0.npy,f1.npy", "--targets", "y0.npy,few.npy"],
            vec!["f1.npy", "1500 rows", "20"],
        ),
        (
            vec!["score", "--statistics", "good.stats", "--scores", "leep"],
            vec!["leep", "probabilities"],
        ),
        (vec!["score"], vec!["--features"]),
    ] {
        place.run(&arguments).assert_refused(&parts);
    }
}
