//! Data that could be read in silence as something else: refused, or said.

mod common;

use std::fs;

use common::{Place, WORDS, text_model, write_text_model};

/// A hub with a model of texts.
fn place() -> Place {
    let place = Place::new();
    write_text_model(&place.path("hub/words"), &text_model());
    place
}

/// A table of 40 rows with these cells, in two classes.
fn rows(header: &str, cell: impl Fn(usize) -> String) -> String {
    let rows = (0..40).map(|at| format!("{},{}\n", cell(at), ["a", "b"][at % 2]));
    format!("{header}\n{}", rows.collect::<String>())
}

#[test]
fn texts_of_numbers_are_refused_unless_their_column_is_named() {
    let place = place();
    fs::write(
        place.path("t.csv"),
        rows("text,label", |at| (at * 37 + 1000).to_string()),
    )
    .unwrap();
    place
        .run(&["rank", "--hub", "hub", "--data", "t.csv"])
        .assert_refused(&["column \"text\" holds only numbers, such as \"1000\"", "--input-column"]);
    let named = place.run(&[
        "rank",
        "--hub",
        "hub",
        "--data",
        "t.csv",
        "--input-column",
        "text",
        "--format",
        "json",
    ]);
    let notes = named.json()["data"]["notes"].to_string();
    assert!(
        notes.contains("all texts of column") && notes.contains("are numbers"),
        "{notes}"
    );
}

#[test]
fn words_of_numbers_are_refused_in_columns_and_in_lists() {
    let place = place();
    let conll: String = (0..40)
        .map(|at| format!("{} x {}\n\n", at * 3 + 5, ["B-A", "O"][at % 2]))
        .collect();
    fs::write(place.path("t.conll"), conll).unwrap();
    place
        .run(&["rank", "--hub", "hub", "--data", "t.conll"])
        .assert_refused(&["are numbers", "--word-column"]);
    let lists: String = (0..40)
        .map(|at| format!("{{\"tokens\": [\"{at}\", \"7\"], \"ner_tags\": [\"O\", \"B-A\"]}}\n"))
        .collect();
    fs::write(place.path("t.jsonl"), lists).unwrap();
    place
        .run(&["rank", "--hub", "hub", "--data", "t.jsonl"])
        .assert_refused(&["all words are numbers", "--input-column"]);
}

#[test]
fn identifiers_that_are_no_files_are_refused() {
    let place = place();
    fs::write(place.path("t.csv"), rows("id,label", |at| format!("a{at:05}f"))).unwrap();
    place
        .run(&["rank", "--hub", "hub", "--data", "t.csv"])
        .assert_refused(&["identifiers such as \"a00000f\"", "--input-column"]);
}

#[test]
fn texts_that_a_tokenizer_does_not_know_are_said_with_their_share() {
    let place = place();
    fs::write(
        place.path("known.csv"),
        rows("text,label", |at| WORDS[at % 6].to_owned()),
    )
    .unwrap();
    fs::write(
        place.path("unknown.csv"),
        rows("text,label", |at| format!("qwx{} zzy", "v".repeat(at))),
    )
    .unwrap();
    let warnings = |data: &str| {
        let run = place.run(&["rank", "--hub", "hub", "--data", data, "--format", "json"]);
        run.json()["warnings"].to_string()
    };
    assert!(!warnings("known.csv").contains("unknown to its tokenizer"));
    let said = warnings("unknown.csv");
    assert!(
        said.contains("words: 100 % of the tokens of the first 40 texts are unknown to its tokenizer"),
        "{said}"
    );
}
