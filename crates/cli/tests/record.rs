//! `ranktune record`, and what `rank` and `tune` do with a record.

#![expect(clippy::unwrap_used, reason = "a fixture that cannot be made is a failed test")]

mod common;

use std::fs;
use std::process::Stdio;

use common::{Place, write_hub, write_images};
use serde_json::Value;

fn add<'a>(model: &'a str, value: &'a str) -> [&'a str; 8] {
    ["record", "add", "--model", model, "--data", "pets", "--value", value]
}

fn lines(place: &Place) -> Vec<Value> {
    let text = fs::read_to_string(place.path("record.jsonl")).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn results_are_added_listed_forgotten_and_added_again() {
    let place = Place::new();
    let empty = place.run(&["record", "list"]);
    assert!(empty.assert_code(0).stderr.contains("there is no record"), "{empty:?}");
    for (model, value) in [("vit", "91.3%"), ("resnet", "0.88"), ("vit", "91.3%")] {
        place.run(&add(model, value)).assert_code(0);
    }
    let found: Vec<_> = lines(&place)
        .iter()
        .map(|row| (row["model"].clone(), row["value"].clone(), row["protocol"].clone()))
        .collect();
    let expected = [("vit", 0.913), ("resnet", 0.88)]
        .map(|(model, value)| (Value::from(model), Value::from(value), Value::from("ranktune b-tuning")));
    assert_eq!(found, expected);

    let listed = place.run(&["record", "list", "--model", "vit"]);
    assert!(
        listed.stdout.contains("0.9130") && !listed.stdout.contains("resnet"),
        "{listed:?}"
    );
    let dry = place.run(&["record", "forget", "--data", "pets", "--dry-run"]);
    assert!(dry.stderr.contains("2 results would be deleted"), "{dry:?}");
    assert_eq!(lines(&place).len(), 2);

    let forgotten = place.run(&["record", "forget", "--model", "vit"]);
    assert!(forgotten.stderr.contains("1 result deleted"), "{forgotten:?}");
    assert_eq!(lines(&place).len(), 1);
    fs::write(place.path("deleted.jsonl"), &forgotten.stdout).unwrap();
    place.run(&["record", "add", "deleted.jsonl"]).assert_code(0);
    assert_eq!(lines(&place).len(), 2);
}

#[test]
fn a_table_is_imported_with_a_note_for_every_odd_line() {
    let place = Place::new();
    let table = "dataset,model,accuracy\npets,vit,91.3\npets,vit,91.3\npets,resnet,0.88\npets,vit,high\ncars,vit,90%\ncars,vit,80%\n";
    fs::write(place.path("table.csv"), table).unwrap();
    let import = ["record", "import", "table.csv", "--protocol", "fine-tune"];
    let dry = place.run(&[&import[..], &["--dry-run"]].concat());
    assert!(
        dry.assert_code(1).stderr.contains("4 results would be added"),
        "{dry:?}"
    );
    assert!(!place.path("record.jsonl").exists());

    let run = place.run(&import);
    run.assert_code(1);
    for note in [
        "table.csv: line 2: \"pets\" has percentages and shares; 91.3 is taken for a percentage",
        "line 3: the same as line 2; counted once",
        "line 4: \"pets\" has percentages and shares; 0.88 is taken for a share",
        "line 5: column accuracy: expected a number, found \"high\"; left out",
        "line 7: accuracy of \"vit\" on \"cars\" is 0.8, but 0.9 on line 6; both are kept",
    ] {
        assert!(run.stderr.contains(note), "{note:?} is missing in {}", run.stderr);
    }
    assert_eq!(lines(&place).len(), 4);
    assert!(
        lines(&place)
            .iter()
            .all(|row| row["source"] == "table.csv" && row["protocol"] == "fine-tune")
    );
    let again = place.run(&import);
    assert!(
        again.stderr.contains("0 results added") && again.stderr.contains("4 are there already"),
        "{again:?}"
    );
}

#[test]
fn bad_arguments_are_refused_and_write_nothing() {
    let place = Place::new();
    place
        .run(&["record", "forget"])
        .assert_refused(&["at least one of --model"]);
    place
        .run(&add("vit", "high"))
        .assert_refused(&["--value", "expected a number", "high"]);
    place
        .run(&add("vit", "913"))
        .assert_refused(&["--value", "percentage up to 100"]);
    place
        .run(&["record", "add", "--model", "vit"])
        .assert_refused(&["--data"]);
    place
        .run(&["record", "add", "none.jsonl"])
        .assert_refused(&["none.jsonl: this file cannot be read"]);
    fs::write(place.path("table.csv"), "model,accuracy\nvit,0.9\n").unwrap();
    place
        .run(&["record", "import", "table.csv"])
        .assert_refused(&["table.csv", "expected a column dataset"]);
    fs::write(place.path("other.json"), "{}").unwrap();
    place
        .run(&["record", "add", "other.json"])
        .assert_refused(&["expected a training.json"]);
    assert!(!place.path("record.jsonl").exists());
}

#[test]
fn processes_that_add_at_once_lose_no_row() {
    let place = Place::new();
    let names: Vec<String> = (0..8).map(|index| format!("model {index}")).collect();
    let running: Vec<_> = names
        .iter()
        .map(|name| place.command(&add(name, "0.5")).stderr(Stdio::null()).spawn().unwrap())
        .collect();
    for mut child in running {
        assert!(child.wait().unwrap().success());
    }
    let mut found: Vec<String> = lines(&place)
        .iter()
        .map(|row| row["model"].as_str().unwrap().to_owned())
        .collect();
    found.sort();
    assert_eq!(found, names);
}

#[test]
fn a_record_decides_the_order_and_no_record_decides_nothing() {
    let place = Place::new();
    write_hub(&place.path("hub"));
    write_images(&place.path("data"), &["apple", "pear", "plum"], 12);
    let rank = |more: &[&str]| {
        let run = place.run(&[&["rank", "--hub", "hub", "--data", "data", "--format", "json"], more].concat());
        run.assert_code(0).json()
    };
    let order = |ranking: &Value| -> Vec<String> {
        let models = ranking["models"].as_array().unwrap().iter();
        models.map(|model| model["name"].as_str().unwrap().to_owned()).collect()
    };
    let by_score = rank(&["--no-record"]);
    assert_eq!(
        (&by_score["options"]["record"], &by_score["decision"]["record_rows"]),
        (&Value::from("none"), &Value::from(0))
    );
    assert!(!place.path("record.jsonl").exists(), "rank writes no record");

    // On five other data sets the model that has the lowest score here was the best.
    let last = order(&by_score).pop().unwrap();
    for set in ["a", "b", "c", "d", "e"] {
        for (model, value) in [("narrow", "0.7"), ("middle", "0.7"), ("wide", "0.7")] {
            let value = if model == last { "0.9" } else { value };
            let row = ["record", "add", "--model", model, "--data", set, "--value", value];
            place.run(&row).assert_code(0);
        }
    }
    let before = lines(&place);
    let by_record = rank(&[]);
    assert_eq!(
        (&by_record["options"]["record"], &order(&by_record)[0]),
        (&Value::from("own"), &last)
    );
    let first = &by_record["models"][0]["predicted"];
    assert_eq!(
        (&first["record_rows"], &first["matched_by"]),
        (&Value::from(5), &Value::from("name"))
    );
    assert_eq!(order(&rank(&["--no-record"])), order(&by_score));
    assert_eq!(lines(&place), before);

    fs::write(place.path("broken.jsonl"), "{\"schema\": 1}\nno json\n").unwrap();
    let run = place.run(&["rank", "--hub", "hub", "--data", "data", "--record", "broken.jsonl"]);
    run.assert_code(0);
    assert!(
        run.stderr
            .contains("note: broken.jsonl: line 2: expected a JSON object"),
        "{run:?}"
    );
    assert!(
        run.stdout.contains("No earlier result of these models is known"),
        "{run:?}"
    );
    let missing = place.run(&["rank", "--hub", "hub", "--data", "data", "--record", "none.jsonl"]);
    missing.assert_refused(&["none.jsonl: expected a record, found no such file"]);
}

#[test]
fn a_finished_tuning_is_remembered_unless_that_is_refused() {
    let place = Place::new();
    write_hub(&place.path("hub"));
    write_images(&place.path("fruit/train"), &["apple", "pear", "plum"], 12);
    let tune = |out: &str, more: &[&str]| {
        let fixed = [
            "tune",
            "--hub",
            "hub",
            "--data",
            "fruit/train",
            "--model",
            "narrow",
            "--method",
            "fine-tune",
            "--epochs",
            "1",
        ];
        place.run(&[&fixed[..], &["--out", out], more].concat())
    };
    let refused = tune("one", &["--no-record"]);
    assert!(
        !refused.assert_code(0).stderr.contains("record") && lines(&place).is_empty(),
        "{refused:?}"
    );
    let silent = tune("two", &["--validation", "none"]);
    assert!(lines(&place).is_empty(), "{silent:?}");

    let run = tune("three", &["--seed", "1"]);
    assert!(run.assert_code(0).stderr.contains("was added to the record"), "{run:?}");
    let rows = lines(&place);
    assert_eq!(rows.len(), 1);
    let training: Value = serde_json::from_slice(&fs::read(place.path("three/training.json")).unwrap()).unwrap();
    for (key, expected) in [
        ("model", Value::from("narrow")),
        ("digest", training["model_digest"].clone()),
        ("data", Value::from("fruit")),
        ("data_digest", training["data"]["dataset_digest"].clone()),
        ("metric", Value::from("accuracy")),
        ("value", training["metrics"]["validation"]["accuracy"].clone()),
        ("protocol", Value::from("ranktune fine-tune, epochs: 1")),
    ] {
        assert_eq!(rows[0][key], expected, "{key}");
    }
    // The data are the same to a ranking, and the digest of the model is found.
    let ranking = place
        .run(&["rank", "--hub", "hub", "--data", "fruit/train", "--format", "json"])
        .json();
    assert_eq!(ranking["data"]["digest"], rows[0]["data_digest"]);
    let models = ranking["models"].as_array().unwrap();
    let narrow = models.iter().find(|model| model["name"] == "narrow").unwrap();
    assert_eq!(narrow["predicted"]["matched_by"], "digest");
    // The same again, from the file.
    let again = place.run(&["record", "add", "three"]);
    assert!(again.assert_code(0).stderr.contains("1 is there already"), "{again:?}");
}
