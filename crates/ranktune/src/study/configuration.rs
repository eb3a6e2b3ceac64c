//! What decides the result of a study: written at its start, and compared with that of every later start.

use ranktune_report::study::{StudyData, StudyModel};
use serde_json::{Map, Value, json};

use super::options::StudyOptions;
use crate::tune::decimal;

/// The configuration. Paths, threads and processes are not in it: they do not change the result.
pub(super) fn configuration(
    options: &StudyOptions,
    models: &[StudyModel],
    sets: &[(StudyData, &[String])],
) -> Map<String, Value> {
    let models = models.iter().map(|model| (model.name.clone(), json!(model.digest)));
    let data = sets.iter().map(|(data, scores)| {
        let value = json!({
            "digest": data.digest,
            "task": data.task,
            "test": data.test_source,
            "models": data.models,
            "scores": scores,
        });
        (data.name.clone(), value)
    });
    let rates: Vec<f64> = options
        .learning_rates
        .iter()
        .map(|&rate| decimal(f64::from(rate)))
        .collect();
    let mut object = Map::new();
    let mut insert = |name: &str, value: Value| object.insert(name.to_owned(), value);
    insert("models", Value::Object(models.collect()));
    insert("data", Value::Object(data.collect()));
    insert("methods", json!(options.methods));
    insert("seeds", json!(options.seeds()));
    insert("max_samples", json!(options.max_samples));
    insert("max_test_samples", json!(options.max_test_samples));
    insert("test_share", json!(options.test_share));
    insert("validation", json!(options.validation));
    insert("epochs", json!(options.epochs));
    insert(
        "learning_rate",
        if rates.is_empty() { json!("auto") } else { json!(rates) },
    );
    insert("image_size", json!(options.image_size));
    insert("engine", json!(options.extract.engine.name()));
    insert("device", json!(options.extract.device.to_string()));
    object
}

/// What differs between the configuration of a folder and another: one line each.
pub(super) fn differences(there: &Map<String, Value>, here: &Map<String, Value>) -> Vec<String> {
    let mut lines = Vec::new();
    compare(
        "",
        Some(&Value::Object(there.clone())),
        Some(&Value::Object(here.clone())),
        &mut lines,
    );
    lines
}

fn compare(name: &str, there: Option<&Value>, here: Option<&Value>, lines: &mut Vec<String>) {
    if there == here {
        return;
    }
    if let (Some(Value::Object(there)), Some(Value::Object(here))) = (there, here) {
        let more = here.keys().filter(|key| !there.contains_key(*key));
        for key in there.keys().chain(more) {
            let full = if name.is_empty() {
                key.clone()
            } else {
                format!("{name}.{key}")
            };
            compare(&full, there.get(key), here.get(key), lines);
        }
        return;
    }
    let shown = |value: Option<&Value>| value.map_or_else(|| "none".to_owned(), short);
    lines.push(format!("{name}: {} there, {} here", shown(there), shown(here)));
}

/// A value on one line, long ones cut.
fn short(value: &Value) -> String {
    const LONGEST: usize = 80;
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Null => "none".to_owned(),
        other => other.to_string(),
    };
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_named_by_their_path() {
        let object = |value: Value| value.as_object().cloned().unwrap();
        let there = object(json!({"seeds": [0], "data": {"a": {"digest": "x"}, "b": {}}, "epochs": null}));
        let here = object(json!({"seeds": [0, 1], "data": {"a": {"digest": "y"}, "c": {}}, "epochs": null}));
        assert_eq!(
            differences(&there, &here),
            [
                "seeds: [0] there, [0,1] here",
                "data.a.digest: x there, y here",
                "data.b: {} there, none here",
                "data.c: none there, {} here",
            ]
        );
        assert!(differences(&there, &there).is_empty());
    }
}
