//! Data sets of a hub as a user names them, against a server on this machine that speaks the hub's protocol.

#![expect(clippy::unwrap_used, reason = "a fixture that cannot be made is a failed test")]

mod common;
#[path = "../../hub/tests/hub_server/mod.rs"]
mod hub_server;

use std::fmt::Write as _;
use std::process::Command;

use common::{Place, Run, WORDS, text_model, write_text_model};
use hub_server::{COMMIT, HubServer};

const CARD: &str = "---\nconfigs:\n- config_name: plain\n  default: true\n  data_files:\n  - {split: train, path: train.csv}\n  - {split: test, path: test.csv}\n- config_name: other\n  data_files: other.jsonl\ndataset_info:\n  features:\n  - name: label\n    dtype:\n      class_label:\n        names:\n          '0': colour\n          '1': number\n---\n";

/// `n` texts of two words, with the numbers of their classes.
fn table(n: usize) -> Vec<u8> {
    let mut table = "text,label\n".to_owned();
    for at in 0..n {
        let class = at % 2;
        let word = |step: usize| WORDS[(at * 7 + step * 5) % 3 + 3 * class];
        writeln!(table, "{} {},{class}", word(0), word(1)).unwrap();
    }
    table.into_bytes()
}

/// A folder with a model, and a hub with a data set.
fn place() -> (Place, HubServer) {
    let place = Place::new();
    write_text_model(&place.path("hub/words"), &text_model());
    let server = HubServer::of_data(vec![
        ("README.md", CARD.as_bytes().to_vec()),
        ("train.csv", table(60)),
        ("test.csv", table(20)),
        ("other.jsonl", b"{\"text\": \"red\", \"label\": \"x\"}\n".to_vec()),
    ]);
    (place, server)
}

fn command(place: &Place, server: &HubServer, arguments: &[&str]) -> Command {
    place.hub_command(server.address(), arguments)
}

fn run(place: &Place, server: &HubServer, arguments: &[&str]) -> Run {
    Run::from(command(place, server, arguments).output().unwrap())
}

const RANK: [&str; 7] = [
    "rank",
    "--hub",
    "hub",
    "--data",
    "hf:datasets/acme/tiny",
    "--format",
    "json",
];

#[test]
fn a_data_set_of_the_hub_ranks_as_its_files_do_and_its_commit_is_in_the_ranking() {
    let (place, server) = place();
    let first = run(&place, &server, &RANK);
    let ranking = first.assert_code(0).json();
    let data = &ranking["data"];
    assert_eq!(data["path"], format!("hf:datasets/acme/tiny@{COMMIT}/plain"));
    assert_eq!(
        (&data["samples"], &data["classes"]),
        (&60.into(), &serde_json::json!(["colour", "number"]))
    );
    for part in ["1 file to download", "commit 0123456789ab", "that the README.md lists"] {
        assert!(first.stderr.contains(part), "{part}: {}", first.stderr);
    }
    assert!(server.requests_of("/test.csv").is_empty());

    let card: Vec<u8> = CARD.as_bytes().to_vec();
    std::fs::create_dir_all(place.path("local")).unwrap();
    std::fs::write(place.path("local/README.md"), card).unwrap();
    std::fs::write(place.path("local/train.csv"), table(60)).unwrap();
    let local = place.run(&[
        "rank",
        "--hub",
        "hub",
        "--data",
        "local",
        "--format",
        "json",
        "--no-cache",
    ]);
    assert_eq!(
        local.assert_code(0).json()["models"][0]["scores"],
        ranking["models"][0]["scores"]
    );

    // What the ranking notes can be given back as it is, and needs no network any more.
    server.forget_requests();
    let again = run(
        &place,
        &server,
        &[
            "rank",
            "--hub",
            "hub",
            "--data",
            data["path"].as_str().unwrap(),
            "--format",
            "json",
        ],
    );
    assert_eq!(
        again.assert_code(0).json()["models"][0]["scores"],
        ranking["models"][0]["scores"]
    );
    assert_eq!(server.requests().len(), 0);
    let offline = [&RANK[..], &["--offline"]].concat();
    assert_eq!(run(&place, &server, &offline).assert_code(0).json()["data"], *data);
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn other_splits_and_commands_download_what_they_read() {
    let (place, server) = place();
    let split = [&RANK[..], &["--split", "test"]].concat();
    assert_eq!(
        run(&place, &server, &split).assert_code(0).json()["data"]["samples"],
        20
    );
    assert!(server.requests_of("/train.csv").is_empty());
    let out = place.path("features.safetensors");
    run(
        &place,
        &server,
        &[
            "features",
            "--model",
            "hub/words",
            "--data",
            "hf:datasets/acme/tiny",
            "--out",
            out.to_str().unwrap(),
        ],
    )
    .assert_code(0);
    assert!(out.is_file());
    let other = run(&place, &server, &[&RANK[..], &["--config", "nope"]].concat());
    other.assert_refused(&[
        "hf:datasets/acme/tiny",
        "no configuration \"nope\"",
        "\"plain\", \"other\"",
    ]);
    let both = run(
        &place,
        &server,
        &[
            "rank",
            "--hub",
            "hub",
            "--data",
            "hf:datasets/acme/tiny/plain",
            "--config",
            "other",
        ],
    );
    both.assert_refused(&["give one of them"]);
}

#[test]
fn every_refusal_says_what_to_do() {
    let (place, server) = place();
    let refused = |arguments: &[&str], parts: &[&str]| run(&place, &server, arguments).assert_refused(parts);
    refused(
        &["rank", "--hub", "hub", "--data", "hf:acme/tiny"],
        &["expected hf:datasets/ORGANISATION/NAME"],
    );
    refused(
        &["rank", "--hub", "hub", "--data", "hf:datasets/acme/other"],
        &["no such public repository"],
    );
    refused(
        &[
            "rank",
            "--hub",
            "hf:datasets/acme/tiny",
            "--data",
            "hf:datasets/acme/tiny",
        ],
        &["is a data set, expected a model", "--data"],
    );
    refused(
        &[&RANK[..], &["--offline"]].concat(),
        &["not in the cache", "--offline"],
    );
}

#[test]
fn a_study_names_a_data_set_of_the_hub_by_its_repository() {
    let (place, server) = place();
    let study = run(
        &place,
        &server,
        &[
            "study",
            "--hub",
            "hub",
            "--data",
            "hf:datasets/acme/tiny",
            "--dry-run",
            "--out",
            "study",
            "--format",
            "json",
        ],
    );
    let plan = study.assert_code(0).json();
    let text = plan.to_string();
    assert!(text.contains("\"tiny-plain\""), "{text}");
    assert!(!server.requests_of("/test.csv").is_empty());
}
