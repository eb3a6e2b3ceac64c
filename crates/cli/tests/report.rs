//! Reports, lists for other programs, completion scripts and manual pages, as a user asks for them.

#![allow(clippy::unwrap_used, reason = "a test fails where this panics")]

mod common;

use std::fs;

use common::{Place, write_hub, write_images};

fn place() -> Place {
    let place = Place::new();
    write_hub(&place.path("hub"));
    write_images(&place.path("data"), &["apple", "pear", "plum"], 12);
    place
}

const RANK: [&str; 5] = ["rank", "--hub", "hub", "--data", "data"];

#[test]
fn the_page_of_rank_is_the_page_of_what_it_wrote() {
    let place = place();
    let run = place.run(&[&RANK[..], &["--out", "out", "--report", "pages/rank.html"]].concat());
    run.assert_code(0);
    assert!(
        run.stderr.contains("the report is in pages/rank.html"),
        "{}",
        run.stderr
    );
    let again = place.run(&["report", "out", "--out", "again.html"]);
    again.assert_code(0);
    assert_eq!(again.stdout, "");
    let page = fs::read_to_string(place.path("pages/rank.html")).unwrap();
    assert_eq!(page, fs::read_to_string(place.path("again.html")).unwrap());
    for text in [
        "<!DOCTYPE html>",
        "narrow",
        "middle",
        "wide",
        "images/s",
        "ranktune rank --hub HUB --data data",
    ] {
        assert!(page.contains(text), "{text}");
    }
}

#[test]
fn the_line_after_a_ranking_is_a_command_that_tunes_its_best_model() {
    let place = place();
    let run = place.run(&[&RANK[..], &["--out", "my ranking", "--seed", "3"]].concat());
    let line = run
        .stderr
        .lines()
        .find_map(|line| line.strip_prefix("next: ranktune "))
        .unwrap();
    let best = run.stdout.lines().nth(1).unwrap().split_whitespace().nth(1).unwrap();
    assert_eq!(
        line,
        format!("tune --hub hub --data data --ranking 'my ranking/ranking.json' --model {best} --seed 3 --out tuned")
    );
    // Its parts are what the shell makes of the line; the list of parameters shows that the command is accepted.
    let arguments: Vec<String> = line
        .replace("'my ranking/ranking.json'", "RANKING")
        .split(' ')
        .map(|word| word.replace("RANKING", "my ranking/ranking.json"))
        .collect();
    let mut arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    arguments.push("--list-parameters");
    place.run(&arguments).assert_code(0);
    let json = place.run(&[&RANK[..], &["--format", "json"]].concat());
    assert!(!json.stderr.contains("next:"), "{}", json.stderr);
}

#[test]
fn the_table_fits_the_terminal_and_wide_has_all_columns() {
    let place = place();
    let output = |columns: &str, more: &[&str]| {
        let mut command = place.command(&[&RANK[..], more].concat());
        command.env("COLUMNS", columns);
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    };
    for columns in [40, 60, 80, 120] {
        let text = output(&columns.to_string(), &[]);
        let rows: Vec<&str> = text.lines().take(4).collect();
        assert!(
            rows.iter().all(|row| row.chars().count() <= columns),
            "{columns}:\n{text}"
        );
    }
    let (narrow, wide) = (output("80", &[]), output("80", &["--wide"]));
    assert!(narrow.contains("params") && !narrow.contains("seconds"), "{narrow}");
    assert!(
        wide.contains("seconds") && wide.contains("ranks") && wide.contains("nce"),
        "{wide}"
    );
    assert!(!narrow.contains('\u{1b}') && output("80", &["--color", "always"]).contains("\u{1b}[1m"));
}

#[test]
fn lists_are_csv_and_markdown_too() {
    let place = place();
    let json = place.run(&[&RANK[..], &["--format", "json"]].concat()).json();
    let csv = place.run(&[&RANK[..], &["--format", "csv"]].concat());
    let lines: Vec<&str> = csv.assert_code(0).stdout.lines().collect();
    assert_eq!(lines.len(), 4);
    let best = &json["models"][0];
    let cells: Vec<(&str, &str)> = lines[0].split(',').zip(lines[1].split(',')).collect();
    let cell = |name: &str| cells.iter().find(|(head, _)| *head == name).unwrap().1;
    assert_eq!((cell("rank"), cell("model")), ("1", best["name"].as_str().unwrap()));
    for (name, value) in [
        ("predicted", &best["predicted"]["value"]),
        ("p_best", &best["predicted"]["p_best"]),
        ("logme", &best["scores"]["logme"]["value"]),
    ] {
        assert_eq!(cell(name), value.to_string(), "{name}");
    }
    let markdown = place.run(&[&RANK[..], &["--format", "markdown"]].concat());
    assert!(
        markdown
            .stdout
            .starts_with("| rank | model | predicted | P(best) | logme |"),
        "{}",
        markdown.stdout
    );
    let hub = place.run(&["hub", "list", "hub"]);
    assert_eq!(hub.assert_code(0).stdout.lines().count(), 4, "{}", hub.stdout);
    let hub = place.run(&["hub", "list", "hub", "--format", "csv"]);
    assert!(hub.stdout.starts_with("name,modality,inputs,"), "{}", hub.stdout);
}

#[test]
fn what_no_report_can_be_made_of_is_named() {
    let place = place();
    fs::create_dir(place.path("empty")).unwrap();
    fs::write(place.path("notes.json"), "{\"schema\": \"ranktune.hub/1\"}").unwrap();
    fs::write(place.path("broken.json"), "{\"schema\": \"ranktune.ranking/2\"}").unwrap();
    place
        .run(&["report", "empty"])
        .assert_refused(&["empty", "ranking.json or training.json"]);
    place.run(&["report", "missing.json"]).assert_refused(&["missing.json"]);
    place
        .run(&["report", "notes.json"])
        .assert_refused(&["notes.json", "ranktune.hub/1"]);
    place
        .run(&["report", "broken.json"])
        .assert_refused(&["broken.json", "missing field"]);
    place
        .run(&[&RANK[..], &["--report", "empty"]].concat())
        .assert_refused(&["empty", "report.html"]);
    assert!(!place.path("report.html").exists());
}

#[test]
fn every_shell_has_a_completion_script_and_every_command_a_manual_page() {
    let place = Place::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = place.run(&["completions", shell]);
        assert!(script.assert_code(0).stdout.contains("report"), "{shell}");
    }
    place.run(&["man", "--out", "man"]).assert_code(0);
    for page in [
        "ranktune.1",
        "ranktune-rank.1",
        "ranktune-tune.1",
        "ranktune-hub-list.1",
        "ranktune-report.1",
    ] {
        let text = fs::read_to_string(place.path("man").join(page)).unwrap();
        assert!(text.contains(".TH"), "{page}");
    }
}
