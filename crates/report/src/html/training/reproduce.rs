//! The data and the settings of a run.

use serde_json::Value;

use crate::html::facts::{self, Facts};
use crate::html::text::quoted;
use crate::training::Training;

pub(crate) fn data(training: &Training) -> Option<String> {
    let data = &training.data;
    let list = vec![
        ("data set", data.path.clone()),
        ("task", training.task.clone()),
        ("training samples", data.samples.to_string()),
        ("validation samples", data.validation_samples.to_string()),
        (facts::targets(&training.task), data.classes.len().to_string()),
        ("digest", data.digest.clone()),
    ];
    Some(
        Facts {
            command: None,
            list: facts::owned(list),
            names: data.classes.clone(),
            names_title: facts::targets(&training.task),
            unreadable: training.unreadable.clone(),
        }
        .html(),
    )
}

pub(crate) fn html(training: &Training) -> Option<String> {
    let mut list = facts::owned(vec![
        ("model", training.model.clone()),
        ("model digest", training.model_digest.clone()),
        ("method", training.method.clone()),
        ("seed", training.seed.to_string()),
        ("epochs", training.epochs.to_string()),
    ]);
    list.extend(facts::options(&training.settings));
    list.push(("document".to_owned(), training.schema.clone()));
    Some(
        Facts {
            command: Some(command(training)),
            list,
            names: Vec::new(),
            names_title: "",
            unreadable: Vec::new(),
        }
        .html(),
    )
}

/// The command, with the settings that have an option of the same meaning. The document does not state the hub.
fn command(training: &Training) -> String {
    let mut text = "ranktune tune --hub HUB".to_owned();
    let mut add = |option: &str, value: &str| text.push_str(&format!(" --{option} {}", quoted(value)));
    add("data", &training.data.path);
    add("task", &training.task);
    add("model", &training.model);
    add("method", &training.method);
    if !training.teachers.is_empty() {
        let names: Vec<&str> = training.teachers.iter().map(|teacher| teacher.name.as_str()).collect();
        add("teachers", &names.join(","));
    }
    add("epochs", &training.epochs.to_string());
    for (key, option) in [
        ("learning_rate", "learning-rate"),
        ("batch_size", "batch-size"),
        ("batch_norm", "batch-norm"),
        ("lambda", "lambda"),
        ("read_out", "read-out"),
        ("augmentation", "augmentation"),
    ] {
        match training.settings.get(key) {
            Some(Value::Number(value)) => add(option, &value.to_string()),
            Some(Value::String(value)) => add(option, value),
            _ => {}
        }
    }
    add("seed", &training.seed.to_string());
    text.push_str(" --out tuned/");
    text
}
