//! What a ranking was computed from: the command, the options and the digests.

use serde_json::Value;

use crate::html::facts::{self, Facts};
use crate::html::render;
use crate::html::table::{Cell, Column, DataTable, Row};
use crate::html::text::quoted;
use crate::ranking::Ranking;

pub(crate) fn html(ranking: &Ranking, prefix: &str) -> Option<String> {
    let facts = Facts {
        command: Some(command(ranking)),
        list: facts::options(&ranking.options)
            .chain([("document".to_owned(), ranking.schema.clone())])
            .collect(),
        names: Vec::new(),
        names_title: "",
        unreadable: Vec::new(),
    };
    let rows = ranking.models.iter().map(|model| {
        Row::new(vec![
            Cell::head(model.name.as_str()),
            Cell::text(model.feature_tensor.as_str()),
            Cell::text(model.source.as_deref().unwrap_or("this machine")),
            Cell::text(model.digest.as_str()),
        ])
    });
    let table = DataTable {
        id: format!("{prefix}-reproduce-models"),
        caption: "Models by content".to_owned(),
        columns: vec![
            Column::text("model"),
            Column::text("feature tensor"),
            Column::text("source"),
            Column::text("digest"),
        ],
        rows: rows.collect(),
    };
    Some(format!(
        "{}<details><summary>Digests and feature tensors</summary>{}</details>",
        facts.html(),
        render(&table)
    ))
}

/// The command, from what the document states. The hub is stated only where all models were downloaded.
fn command(ranking: &Ranking) -> String {
    let sources: Option<Vec<String>> = ranking
        .models
        .iter()
        .map(|model| model.source.as_deref().map(quoted))
        .collect();
    let hub = match sources {
        Some(sources) if !sources.is_empty() && sources.len() <= 20 => sources.join(" "),
        _ => "HUB".to_owned(),
    };
    let mut text = format!("ranktune rank --hub {hub} --data {}", quoted(&ranking.data.path));
    let mut add = |option: &str, value: String| text.push_str(&format!(" --{option} {}", quoted(&value)));
    add("task", ranking.task.clone());
    let stated = |name: &str| ranking.options.get(name);
    if let Some(scores) = stated("scores").and_then(Value::as_array) {
        add(
            "scores",
            scores.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(","),
        );
    }
    for (key, option) in [
        ("feature", "feature"),
        ("pooling", "pooling"),
        ("engine", "engine"),
        ("batch_size", "batch-size"),
        ("max_samples", "max-samples"),
        ("layers", "layers"),
        ("seed", "seed"),
    ] {
        match stated(key) {
            Some(Value::String(value)) if value != "auto" => add(option, value.clone()),
            Some(Value::Number(value)) => add(option, value.to_string()),
            _ => {}
        }
    }
    match stated("record").and_then(Value::as_str) {
        Some("own") => text.push_str(" --record RECORD"),
        Some("none") => text.push_str(" --no-record"),
        _ => {}
    }
    if stated("race").and_then(Value::as_bool) == Some(true) {
        text.push_str(" --race");
        if let Some(budget) = stated("budget").and_then(Value::as_f64) {
            text.push_str(&format!(" --budget {budget}s"));
        }
        text.push_str(&format!(" --top-k {}", ranking.top_k()));
    }
    text
}
