//! Tables of texts, numbers and file names, and tagged words.

use std::path::Path;

use ranktune_data::arrays::read_targets;
use ranktune_data::{LoadOptions, Task, load};

use super::Target;
use crate::outcome::Outcome;
use crate::scratch::Scratch;
use crate::seeds;

pub(super) const CSV: Target = Target {
    name: "csv",
    about: "a table of delimited text",
    words: &[
        "\"",
        "\"\"",
        ",",
        ";",
        "\t",
        "\r\n",
        "\u{feff}",
        "\0",
        "label",
        "NaN",
        "1,000",
        "[\"a\", \"b\"]",
        "[1, 0]",
    ],
    seeds: csv_seeds,
    run: |bytes, scratch| table(&scratch.put("t.csv", bytes)),
};

pub(super) const JSONL: Target = Target {
    name: "jsonl",
    about: "a table of one JSON object a line, also packed with gzip",
    words: JSON_WORDS,
    seeds: jsonl_seeds,
    run: |bytes, scratch| table(&scratch.put("t.jsonl", bytes)),
};

pub(super) const JSON: Target = Target {
    name: "json",
    about: "a table that is one JSON document",
    words: JSON_WORDS,
    seeds: json_seeds,
    run: |bytes, scratch| table(&scratch.put("t.json", bytes)),
};

pub(super) const CONLL: Target = Target {
    name: "conll",
    about: "columns of words and tags",
    words: &[
        "-DOCSTART-",
        "B-",
        "I-",
        "O",
        "S-PER",
        "E-",
        "\n\n",
        "\t",
        "# text",
        "1-2",
        "\u{a0}",
    ],
    seeds: conll_seeds,
    run: conll,
};

const JSON_WORDS: &[&str] = &[
    "null",
    "true",
    "[]",
    "{}",
    "\"label\":",
    "\"text\":",
    "\\u0000",
    "\\ud800",
    "1e999",
    "[1,0,1]",
    "\"tokens\":[\"a\"]",
    ",",
];

fn csv_seeds() -> Vec<Vec<u8>> {
    vec![
        b"text,label\n\"a, b\",x\nc,\"y\"\n\"d\ne\",x\n".to_vec(),
        b"id;text;score\n1;one;0,5\n2;two;1,5\n3;three;2,5\n".to_vec(),
        b"text\tlabel\na\t[\"x\", \"y\"]\nb\t[\"x\"]\n".to_vec(),
        b"file,target\na.png,0\nb.png,1\nc.png,0\nd.png,1\n".to_vec(),
    ]
}

fn jsonl_seeds() -> Vec<Vec<u8>> {
    let mut seeds = vec![
        b"{\"text\": \"a\", \"label\": [\"x\", \"y\"]}\n{\"text\": \"b\", \"label\": [\"x\"]}\n".to_vec(),
        b"{\"tokens\": [\"a\", \"b\"], \"ner_tags\": [\"O\", \"B-X\"]}\n{\"tokens\": [\"c\"], \"ner_tags\": [\"I-X\"]}\n".to_vec(),
    ];
    seeds.extend(
        seeds::files(&["examples/data/topics/train.jsonl"])
            .into_iter()
            .map(|mut file| {
                file.truncate(4000);
                file
            }),
    );
    seeds
}

fn json_seeds() -> Vec<Vec<u8>> {
    [
        "[{\"text\": \"a\", \"label\": 1.5}, {\"text\": \"b\", \"label\": null}, {\"text\": \"c\", \"label\": 2.5}]",
        "{\"text\": {\"0\": \"a\", \"1\": \"b\"}, \"label\": {\"0\": \"x\", \"1\": \"y\"}}",
        "{\"columns\": [\"text\", \"label\"], \"index\": [0, 1], \"data\": [[\"a\", \"x\"], [\"b\", \"y\"]]}",
        "{\"text\": [\"a\", \"b\"], \"label\": [\"x\", \"y\"]}",
    ]
    .iter()
    .map(|text| text.as_bytes().to_vec())
    .collect()
}

fn conll_seeds() -> Vec<Vec<u8>> {
    [
        "-DOCSTART- -X- O O\n\nEU NNP I-NP B-ORG\nrejects VBZ I-VP O\n\nPeter NNP I-NP B-PER\n",
        "# id a\tdomain=en\nthe _ _ O\ncat _ _ B-ANIMAL\n\n# id b\nrome _ _ B-LOC\n",
        "1\tA\tO\n2\tB\tB-X\n\n1\tC\tI-X\n",
    ]
    .iter()
    .map(|text| text.as_bytes().to_vec())
    .collect()
}

fn lenient(task: Option<Task>) -> LoadOptions {
    LoadOptions {
        max_skipped: 1.0,
        task,
        ..LoadOptions::default()
    }
}

/// As a data set, and as targets alone.
pub(super) fn table(path: &Path) -> Outcome {
    let mut outcome = Outcome::default();
    outcome.add(load(path, &lenient(None)));
    outcome.add(load(path, &lenient(Some(Task::Classification))));
    outcome.add(read_targets(path, None));
    outcome
}

fn conll(bytes: &[u8], scratch: &Scratch) -> Outcome {
    let mut outcome = Outcome::default();
    let path = scratch.put("t.conll", bytes);
    outcome.add(load(&path, &lenient(Some(Task::Tokens))));
    outcome
}
