//! `docs/reference/json.md` against what the commands print on `examples/`: every printed key is documented, and every documented
//! key is printed.

#![expect(clippy::unwrap_used, reason = "a fixture that cannot be made is a failed test")]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use common::{Place, numbers, write_labels, write_matrix};
use serde_json::{Value, json};

/// Documented keys that these commands cannot print: they describe downloaded models, earlier results, trials, or scores of thousands of
/// images.
const NOT_PRINTED_HERE: [(&str, &str); 18] = [
    // The classes are of images.
    ("ranktune.ranking/2", "models[].classes.hardest[].text"),
    ("ranktune.evaluation/1", "errors[].text"),
    // Pages alone have pictures.
    ("ranktune.ranking/2", "models[].classes.hardest[].thumbnail"),
    ("ranktune.evaluation/1", "errors[].thumbnail"),
    // There are fewer classes.
    ("ranktune.ranking/2", "models[].classes.classes_omitted"),
    ("ranktune.ranking/2", "models[].classes.confusions_omitted"),
    // The hub of the test has no two models of one architecture.
    ("ranktune.training/1", "settings.sources"),
    ("ranktune.ranking/2", "models[].predicted.matched_by"),
    ("ranktune.ranking/2", "models[].predicted.family"),
    ("ranktune.ranking/2", "decision.trials[].model"),
    ("ranktune.ranking/2", "decision.trials[].rung"),
    ("ranktune.ranking/2", "decision.trials[].value"),
    ("ranktune.ranking/2", "decision.trials[].seconds"),
    ("ranktune.ranking/2", "decision.trials[].reason"),
    ("ranktune.training/1", "source"),
    ("ranktune.ranking/2", "models[].scores.SCORE.estimate"),
    ("ranktune.ranking/2", "models[].source"),
    ("ranktune.hub/1", "models[].source"),
];

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The keys of every document, by schema, in the order of the page.
fn documented() -> BTreeMap<String, Vec<String>> {
    let page = fs::read_to_string(repository().join("docs/reference/json.md")).unwrap();
    let mut keys: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut schema = None;
    for line in page.lines() {
        if let Some(heading) = line.strip_prefix("## `") {
            schema = heading.strip_suffix('`').map(str::to_owned);
            continue;
        }
        let key = line.strip_prefix("| `").and_then(|rest| rest.split_once('`'));
        if let (Some(schema), Some((key, _))) = (&schema, key) {
            keys.entry(schema.clone()).or_default().push(key.to_owned());
        }
    }
    keys
}

/// The paths of all values that are not objects; `[]` marks a list of objects.
fn paths(value: &Value, path: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                path.push(key.clone());
                paths(value, path, found);
                path.pop();
            }
        }
        Value::Array(list) if list.iter().any(Value::is_object) => {
            if let Some(last) = path.last_mut() {
                last.push_str("[]");
            }
            for value in list {
                paths(value, path, found);
            }
            if let Some(last) = path.last_mut() {
                last.truncate(last.len() - 2);
            }
        }
        _ => found.push(path.clone()),
    }
}

/// Whether a documented key stands for a path: names in capitals stand for any name, and `…` for everything below.
fn stands_for(key: &str, path: &[String]) -> bool {
    let (key, is_open) = match key.strip_suffix('…') {
        Some(key) => (key, true),
        None => (key, false),
    };
    let parts: Vec<&str> = key.split('.').collect();
    let is_any = |part: &str| part.chars().all(|letter| letter.is_ascii_uppercase() || letter == '_');
    let fits = parts.iter().zip(path).all(|(part, name)| is_any(part) || part == name);
    fits && (parts.len() == path.len() || is_open && path.len() > parts.len())
}

/// Whether a path is that of an empty list whose objects are documented.
fn is_empty_list_of(key: &str, path: &[String]) -> bool {
    key.starts_with(&format!("{}[].", path.join(".")))
}

/// What every command printed, by schema.
struct Printed {
    place: Place,
    documents: BTreeMap<String, Vec<Vec<String>>>,
}

impl Printed {
    fn new() -> Self {
        Self {
            place: Place::new(),
            documents: BTreeMap::new(),
        }
    }

    fn add(&mut self, document: &Value) {
        let schema = document["schema"].as_str().unwrap().to_owned();
        paths(document, &mut Vec::new(), self.documents.entry(schema).or_default());
    }

    /// Runs a command that prints JSON; one that skips something ends in 1.
    #[track_caller]
    fn run(&mut self, command: &str, more: &[&str]) -> Value {
        let arguments: Vec<&str> = command.split(' ').chain(more.iter().copied()).collect();
        let run = self.place.run(&[&arguments[..], &["--format", "json"]].concat());
        assert!(matches!(run.code, Some(0 | 1)), "{command}: {run:?}");
        let document = run.json();
        self.add(&document);
        document
    }
}

/// Digits in a table, one file broken and one missing; class folders; small models beside them.
fn copy_examples(place: &Place) {
    let examples = repository().join("examples");
    let mut table = "file,label\n".to_owned();
    fs::create_dir_all(place.path("images")).unwrap();
    for class in 0..10 {
        let folder = examples.join(format!("data/digits/train/{class}"));
        let mut files: Vec<PathBuf> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        files.sort();
        for file in files.iter().take(8) {
            let name = file.file_name().unwrap().to_str().unwrap();
            fs::copy(file, place.path("images").join(name)).unwrap();
            table.push_str(&format!("images/{name},{class}\n"));
        }
    }
    fs::write(place.path("images/broken.png"), "no image").unwrap();
    table.push_str("images/broken.png,3\nimages/missing.png,4\n");
    fs::write(place.path("digits.csv"), table).unwrap();
    for name in ["mtcnn-onet-face", "ppocr-text-orientation", "glove-50d-1k"] {
        let (from, to) = (examples.join("hub").join(name), place.path("hub").join(name));
        fs::create_dir_all(&to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
            }
        }
    }
}

/// A few texts with targets of one kind.
fn texts(place: &Place, name: &str, target: impl Fn(usize) -> Value) {
    let words = ["rain", "oven", "goal", "code", "snow", "soup", "team", "file"];
    let lines: Vec<String> = (0..40)
        .map(|i| {
            let text = format!("{} and {} {i}", words[i % 8], words[(i + i / 8) % 8]);
            json!({"text": text, "label": target(i)}).to_string()
        })
        .collect();
    fs::write(place.path(name), lines.join("\n")).unwrap();
}

fn tagged_words(place: &Place) {
    let sentence = "Ann B-PER\nlives O\nin O\nRome B-LOC\n\nThe O\nsoup O\nin O\nParis B-LOC\nis O\ngood O\n\n";
    fs::write(place.path("words.conll"), sentence.repeat(20)).unwrap();
}

#[test]
fn every_printed_key_is_documented_and_every_documented_key_is_printed() {
    let mut printed = Printed::new();
    copy_examples(&printed.place);
    texts(&printed.place, "labels.jsonl", |i| {
        let (topic, letter) = (["weather", "food"][i % 2], ["a", "b", "c"][i % 3]);
        json!([topic, letter])
    });
    texts(&printed.place, "numbers.jsonl", |i| json!(i as f64 * 0.5));
    tagged_words(&printed.place);
    let digits = repository().join("examples/data/digits");
    let digits = digits.to_str().unwrap();
    let topics = repository().join("examples/data/topics");
    let topics = topics.to_str().unwrap();

    printed.run("rank --hub hub --data digits.csv --out ranking", &[]);
    printed.run("rank --hub hub --race --top-k 1 --data", &[digits]);
    printed.run("rank --hub hub --race --task tokens --data words.conll", &[]);
    printed.run("rank --hub hub --scores logme,leep --data", &[topics]);
    printed.run("rank --hub hub --scores knn --max-samples 10 --data", &[topics]);
    // Trials of several labels follow from nothing that is known: there are always some.
    let examples = repository().join("examples/hub");
    printed.run(
        "rank --refine 1h --tolerance 0 --trials trials --hub",
        &[examples.to_str().unwrap(), "--data", "labels.jsonl"],
    );
    fs::write(
        printed.place.path("models.toml"),
        "[[models]]\npath = \"hub/mtcnn-onet-face\"\nlicense = \"mit\"\n",
    )
    .unwrap();
    printed.run(
        "rank --hub models.toml --license mit --max-parameters 1G --max-latency 1h --data digits.csv",
        &[],
    );
    printed.run("rank --hub hub --scores logme,loo-accuracy,ncti --data digits.csv", &[]);
    printed.run(
        "rank --hub hub/ppocr-text-orientation --feature layers --data digits.csv",
        &[],
    );

    printed.run("rank --hub hub --data digits.csv --no-cache --dry-run", &[]);

    fs::write(
        printed.place.path("truth.csv"),
        "model,accuracy\nmtcnn-onet-face,0.9\nppocr-text-orientation,0.5\n",
    )
    .unwrap();
    printed.run("compare ranking/ranking.json truth.csv", &[]);

    let features = [
        "features",
        "--model",
        "hub/mtcnn-onet-face",
        "--data",
        digits,
        "--out",
        "f.safetensors",
    ];
    printed.place.run(&features).assert_code(0);
    let score = "score --features f.safetensors:features --targets f.safetensors:labels";
    printed.run(&format!("{score} --standard-errors"), &[]);
    // Larger than what is read whole, so that it is streamed.
    write_matrix(&printed.place.path("large.npy"), 4200, 256, &numbers(2, 4200 * 256));
    let labels: Vec<i64> = (0..4200).map(|row| row % 3).collect();
    write_labels(&printed.place.path("labels.npy"), &labels);
    printed.run("score --features large.npy --targets labels.npy --precision fast", &[]);
    printed.run(
        "score --features large.npy --targets labels.npy --scores loo-accuracy,parc",
        &[],
    );
    // One class has no score yet, but its statistics can be saved.
    write_matrix(&printed.place.path("f.npy"), 4, 2, &numbers(1, 8));
    write_labels(&printed.place.path("y.npy"), &[0; 4]);
    printed.run(
        "score --features f.npy --targets y.npy --task classification --save-statistics s.stats",
        &[],
    );

    let tune = "tune --hub hub --model mtcnn-onet-face --epochs 1 --augmentation none --image-size 48";
    printed.run(
        &format!("{tune} --data digits.csv --out tuned --learning-rate 1e-3,1e-2 --lambda 0,10 --test"),
        &[digits],
    );
    printed.run(&format!("{tune} --data digits.csv --out none --list-parameters"), &[]);
    let one = "--model mtcnn-onet-face --teachers mtcnn-onet-face";
    for method in [
        format!("{one} --method wise-ft --epochs 1 --out wise"),
        format!("{one} --method soup --epochs 1 --learning-rate 1e-3,1e-2 --out soup"),
        format!(
            "{one} --method fine-tune --epochs 3 --budget 1ms --patience 2 --ema 0.9 --class-weights balanced --out short"
        ),
        format!("{one} --method fine-tune --epochs 1 --batch-size 32 --memory 24M --out parts"),
        format!("{one} --method auto --epochs 1 --out auto"),
        // At this rate all but the joint head diverge.
        format!("{one} --method auto --epochs 3 --learning-rate 1e30 --out diverged"),
        "--teachers mtcnn-onet-face --method ensemble --epochs 1 --out several".to_owned(),
    ] {
        let plain = "--augmentation none --image-size 48 --data digits.csv";
        printed.run(&format!("tune --hub hub {method} {plain}"), &[]);
    }
    printed.run("eval --model tuned --data digits.csv", &[]);
    // Digits that it has not seen, some of which are confused.
    printed.run("eval --model tuned --split test --data", &[digits]);
    printed.run("predict --model tuned images images/broken.png", &[]);

    let glove = "tune --hub hub/glove-50d-1k --model glove-50d-1k --method fine-tune --epochs 1";
    printed.run(&format!("{glove} --out labels --data labels.jsonl"), &[]);
    printed.run("predict --model labels", &["rain and soup"]);
    printed.run(&format!("{glove} --out numbers --data numbers.jsonl"), &[]);
    printed.run("predict --model numbers", &["rain and soup"]);
    printed.run("eval --model numbers --data numbers.jsonl", &[]);
    printed.run(&format!("{glove} --out tags --task tokens --data words.conll"), &[]);
    printed.run("predict --model tags", &["Ann is in Paris"]);

    texts(&printed.place, "classes.jsonl", |i| json!(["weather", "food"][i % 2]));
    let study = "study --hub hub --scores logme --data classes.jsonl";
    printed.run(&format!("{study} --dry-run --out study --data"), &[topics]);
    printed.run(
        &format!("{study} --epochs 1 --learning-rate 0.01 --out study --data"),
        &[topics],
    );
    // At this rate the loss diverges.
    printed.run(&format!("{study} --epochs 3 --learning-rate 1e30 --out failed"), &[]);

    fs::create_dir_all(printed.place.path("hub/broken")).unwrap();
    fs::write(printed.place.path("hub/broken/model.onnx"), "no model").unwrap();
    printed.run("hub list hub", &[]);
    printed.run("hub inspect hub", &[]);
    printed.run("hub verify hub", &[]);

    // Nothing is downloaded here, so the document is made and read by the type that the command prints.
    let pull = json!({
        "schema": "ranktune.pull/1",
        "models": [{"name": "a", "source": "hf:o/a@c", "folder": "f", "files": ["model.onnx"], "bytes": 1}],
        "skipped": [{"name": "b", "reason": "r"}],
    });
    let pull: ranktune_report::Pull = serde_json::from_value(pull).unwrap();
    printed.add(&serde_json::to_value(pull).unwrap());
    let search = json!({
        "schema": "ranktune.search/1", "query": "bird", "precision": "float32", "bytes": 2, "missing_bytes": 1,
        "models": [{
            "name": "o/a", "source": "hf:o/a@c", "revision": "c", "task": "image-classification", "licenses": ["mit"],
            "parameters": 7, "parameters_are_estimated": false, "file": "model.onnx", "bytes": 2, "missing_bytes": 1,
            "downloads": 3, "gated": "auto", "private": false,
        }],
        "skipped": [{"name": "b", "reason": "r"}],
    });
    let search: ranktune_report::SearchListing = serde_json::from_value(search).unwrap();
    printed.add(&serde_json::to_value(search).unwrap());

    let mut faults = Vec::new();
    let documented = documented();
    for (schema, paths) in &printed.documents {
        let Some(keys) = documented.get(schema) else {
            faults.push(format!("{schema} is printed, but has no section"));
            continue;
        };
        let is_known = |path: &[String]| {
            keys.iter()
                .any(|key| stands_for(key, path) || is_empty_list_of(key, path))
        };
        let unknown = paths.iter().filter(|path| !is_known(path));
        faults.extend(unknown.map(|path| format!("{schema}: {} is printed, but not documented", path.join("."))));
    }
    for (schema, keys) in &documented {
        let paths = printed.documents.get(schema).map_or(&[][..], Vec::as_slice);
        let unprinted = keys.iter().filter(|key| {
            let is_remote = NOT_PRINTED_HERE.contains(&(schema.as_str(), key.as_str()));
            !is_remote && !paths.iter().any(|path| stands_for(key, path))
        });
        faults.extend(unprinted.map(|key| format!("{schema}: {key} is documented, but never printed")));
    }
    faults.sort();
    faults.dedup();
    assert!(faults.is_empty(), "docs/reference/json.md:\n{}", faults.join("\n"));
}

#[test]
fn a_documented_key_stands_for_the_paths_it_names() {
    let path = |text: &str| text.split('/').map(str::to_owned).collect::<Vec<_>>();
    for (key, text, expected) in [
        ("models[].scores.SCORE.value", "models[]/scores/h-score/value", true),
        ("models[].scores.SCORE.value", "models[]/scores/h-score/status", false),
        ("settings.optimizer…", "settings/optimizer/sgd/momentum", true),
        ("settings.optimizer…", "settings/optimizer", true),
        ("settings.optimizer", "settings/optimizer/sgd", false),
        ("models", "models[]/name", false),
        ("metrics.METRIC", "metrics/f1_micro", true),
    ] {
        assert_eq!(stands_for(key, &path(text)), expected, "{key} and {text}");
    }
}
