//! Documents that the program wrote, or someone else: records of results, and rankings.

use ranktune::compare;
use ranktune_report::Ranking;
use ranktune_report::record::{ImportOptions, import_csv, parse};

use super::Target;
use crate::outcome::Outcome;
use crate::scratch::Scratch;

pub(super) const RECORD: Target = Target {
    name: "record",
    about: "the record of past results, and its table",
    words: &[
        "ranktune.record/1",
        "\"value\":",
        "\"model\":",
        "\\u001b[31m",
        "null",
        "-1e999",
        "\n",
    ],
    seeds: || {
        let line = r#"{"schema":"ranktune.record/1","model":"resnet50","data":"flowers5","metric":"accuracy","value":0.91,"protocol":"ranktune b-tuning"}"#;
        vec![format!("{line}\n{line}\n").into_bytes()]
    },
    run: |bytes, _| {
        let (record, notes) = parse(&String::from_utf8_lossy(bytes));
        let messages = notes.iter().map(ToString::to_string).collect();
        record.table();
        let mut outcome = Outcome {
            is_read: !record.rows.is_empty(),
            messages,
        };
        outcome.add(record.to_jsonl());
        outcome
    },
};

pub(super) const RECORD_CSV: Target = Target {
    name: "record_csv",
    about: "accuracies in CSV, as they are imported into a record",
    words: &[",", "\"", "%", "±", "model", "accuracy", "1,000", "\u{feff}"],
    seeds: || {
        [
            "model,data,metric,value,protocol\nresnet50,flowers5,accuracy,0.91,theirs\nvit,flowers5,accuracy,0.93,theirs\n",
            "model,flowers,pets\nresnet50,91.2,88 %\nvit,93.1,\n",
        ]
        .iter()
        .map(|text| text.as_bytes().to_vec())
        .collect()
    },
    run: |bytes, _| {
        let mut outcome = Outcome::default();
        outcome.add(import_csv(&String::from_utf8_lossy(bytes), &ImportOptions::default()));
        outcome
    },
};

pub(super) const RANKING: Target = Target {
    name: "ranking",
    about: "ranking.json or CSV, as table and page, and compared with accuracies",
    words: &[
        "\"p_best\":",
        "\"scores\":",
        "\"status\":",
        "\"skipped\":",
        "null",
        "1e308",
        "-1",
        "<script>",
        "\\u001b[2J",
    ],
    seeds: || {
        let ranking = r#"{"schema":"ranktune.ranking/1","task":"classification","data":{"path":"d","samples":4,"classes":2,"digest":"x"},
            "options":{},"models":[{"rank":1,"name":"a","digest":"y","parameters":7,"feature_tensor":"f","feature_dim":3,
            "scores":{"logme":{"value":0.5,"standard_error":0.1,"status":"ok"}},"p_best":0.9,"rank_interval":[1,2],
            "seconds":{"extract":1.0,"score":0.1},"images_per_second":5.0}],"skipped":[{"name":"b","reason":"broken"}]}"#;
        vec![ranking.as_bytes().to_vec(), b"model,score\na,0.5\nb,0.7\n".to_vec()]
    },
    run: ranking,
};

fn ranking(bytes: &[u8], scratch: &Scratch) -> Outcome {
    let mut outcome = Outcome::default();
    if let Ok(ranking) = serde_json::from_slice::<Ranking>(bytes) {
        outcome.is_read = true;
        ranking.table();
        ranking.csv();
    }
    let truth = scratch.put("truth.csv", b"model,accuracy\na,0.9\nb,0.8\n");
    for name in ["ranking.json", "ranking.csv"] {
        outcome.add(compare(&scratch.put(name, bytes), &truth, None));
    }
    outcome
}
