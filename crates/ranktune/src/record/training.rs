//! A row from a finished tuning.

use std::collections::BTreeMap;

use ranktune_report::{Ranking, RecordRow, Training};
use serde_json::{Map, Value};

use super::day::today;
use super::{data_name, hub_id, protocol_of};

/// A tuning of fewer epochs, which is the default for texts, is another protocol.
const FEWEST_EPOCHS: usize = 5;

/// What a tuning says of its model: the metric on the test samples, or else on the held-out ones. `ranking` is that of the same data, if
/// there is one: the row then has the model's scores. `None` where there is no metric that tells models apart, such as without held-out
/// samples.
///
/// # Examples
/// ```
/// # fn of(training: &ranktune::Training) -> Result<(), ranktune::Error> {
/// use ranktune::record::{RecordFile, row_of_training};
///
/// if let (Some(row), Some(file)) = (row_of_training(training, None), RecordFile::of_user()) {
///     file.append(&[row])?;
/// }
/// # Ok(())
/// # }
/// ```
pub fn row_of_training(training: &Training, ranking: Option<&Ranking>) -> Option<RecordRow> {
    // A result of several models is no result of one.
    if !training.members.is_empty() {
        return None;
    }
    let metric = match training.task.as_str() {
        "classification" => "accuracy",
        "multilabel" => "map",
        "tokens" => "f1",
        "regression" => "r2",
        _ => return None,
    };
    let of = |metrics: &Map<String, Value>| metrics.get(metric).and_then(Value::as_f64);
    let (value, part) = match (of(&training.metrics.test), of(&training.metrics.validation)) {
        (Some(value), _) => (value, "test samples"),
        (None, Some(value)) => (value, "held-out samples"),
        (None, None) => return None,
    };
    let mut protocol = protocol_of(&training.method);
    if training.epochs < FEWEST_EPOCHS {
        protocol.push_str(&format!(", epochs: {}", training.epochs));
    }
    let mut row = RecordRow::new(
        &training.model,
        &data_name(&training.data.path),
        metric,
        value,
        &protocol,
    );
    row.digest = Some(training.model_digest.clone());
    row.hub_id = training.source.as_deref().map(hub_id);
    row.data_digest.clone_from(&training.data.dataset_digest);
    row.scores = scores(training, ranking);
    row.source = format!("ranktune tune, on its {part}");
    row.date = today();
    Some(row)
}

/// The scores of the model in a ranking of the same data, or else its LogME as a teacher of itself.
fn scores(training: &Training, ranking: Option<&Ranking>) -> BTreeMap<String, f64> {
    let is_same = |ranking: &&Ranking| training.data.dataset_digest.as_ref() == Some(&ranking.data.digest);
    let ranked = ranking.filter(is_same).and_then(|ranking| {
        ranking
            .models
            .iter()
            .find(|model| model.digest == training.model_digest)
    });
    if let Some(model) = ranked {
        let names = model.scores.keys();
        return names
            .filter_map(|name| Some((name.clone(), model.score(name)?)))
            .collect();
    }
    let own = training.teachers.iter().find(|teacher| teacher.name == training.model);
    own.and_then(|teacher| Some(("logme".to_owned(), teacher.logme?)))
        .into_iter()
        .collect()
}
