//! Conversions around scores: targets and logits to the inputs of scores, and outcomes to JSON.

use std::ops::Range;

use ranktune_data::{DatasetTargets, Task};
use ranktune_scores::scores::{Needs, SCORES, Score, company, find};
use ranktune_scores::uncertainty::interval_factor;
use ranktune_scores::{Evidence, ScoreOutcome, Statistics};
use serde_json::{Map, Value, json};

use crate::error::{Error, ErrorKind};

/// The targets of some samples as numbers.
pub(crate) enum Columns {
    Classes { labels: Vec<u32>, count: usize },
    Numbers { values: Vec<f64>, columns: usize },
}

impl Columns {
    /// The targets of all samples.
    pub(crate) fn all(targets: &DatasetTargets) -> Self {
        Self::of(targets, 0..targets.n_samples())
    }

    /// The targets of the samples at `rows`: labels as 0 and 1, numbers as they are.
    pub(crate) fn of(targets: &DatasetTargets, rows: impl Iterator<Item = usize> + Clone) -> Self {
        match targets {
            DatasetTargets::Classes { names, labels } => Self::Classes {
                labels: rows.map(|row| labels[row]).collect(),
                count: names.len(),
            },
            // One row for every word of the sentences.
            DatasetTargets::Tags { names, sentences, .. } => Self::Classes {
                labels: rows.flat_map(|row| sentences[row].iter().copied()).collect(),
                count: names.len(),
            },
            DatasetTargets::MultiLabel { names, rows: lists } => {
                let columns = names.len();
                let mut values = vec![0.0; rows.clone().count() * columns];
                for (row, into) in rows.zip(values.chunks_exact_mut(columns.max(1))) {
                    for &label in &lists[row] {
                        if let Some(cell) = usize::try_from(label).ok().and_then(|label| into.get_mut(label)) {
                            *cell = 1.0;
                        }
                    }
                }
                Self::Numbers { values, columns }
            }
            DatasetTargets::Regression { names, values } => {
                let columns = names.len();
                Self::Numbers {
                    values: rows
                        .flat_map(|row| &values[row * columns..(row + 1) * columns])
                        .copied()
                        .collect(),
                    columns,
                }
            }
        }
    }

    pub(crate) fn view(&self) -> Result<ranktune_scores::Targets<'_>, ranktune_scores::Error> {
        match self {
            Self::Classes { labels, count } => ranktune_scores::Targets::classes(labels, *count),
            Self::Numbers { values, columns } => ranktune_scores::Targets::columns(values, *columns),
        }
    }

    pub(crate) fn is_classes(&self) -> bool {
        matches!(self, Self::Classes { .. })
    }

    /// The targets of consecutive samples.
    pub(crate) fn slice(&self, rows: Range<usize>) -> Result<ranktune_scores::Targets<'_>, ranktune_scores::Error> {
        match self {
            Self::Classes { labels, count } => ranktune_scores::Targets::classes(&labels[rows], *count),
            Self::Numbers { values, columns } => {
                ranktune_scores::Targets::columns(&values[rows.start * columns..rows.end * columns], *columns)
            }
        }
    }

    /// Appends the targets of further samples, which are of the same kind and have the same names.
    pub(crate) fn append(&mut self, more: Self) {
        match (self, more) {
            (Self::Classes { labels, .. }, Self::Classes { labels: more, .. }) => labels.extend(more),
            (Self::Numbers { values, .. }, Self::Numbers { values: more, .. }) => values.extend(more),
            _ => {}
        }
    }

    /// Statistics without samples, for `n_features` features and targets like these.
    pub(crate) fn empty_statistics(&self, n_features: usize) -> Result<Statistics, ranktune_scores::Error> {
        match self {
            Self::Classes { count, .. } => Statistics::for_classes(n_features, *count),
            Self::Numbers { columns, .. } => Statistics::for_columns(n_features, *columns),
        }
    }
}

/// Whether a score is found from statistics of words, and a draw of them.
pub(crate) fn is_found_from_words(score: &Score) -> bool {
    score.is_of_statistics() || score.needs == Needs::RowsOrGroups
}

/// Refuses unknown scores, and scores that are not defined for the targets of a task.
///
/// # Errors
/// [`ErrorKind::Arguments`].
pub(crate) fn check_scores(names: &[String], task: Task) -> Result<(), Error> {
    for name in names {
        if company::find(name).is_ok() {
            let message =
                format!("{name} compares the models of a hub with each other; it is a column of ranktune rank");
            return Err(Error::new(ErrorKind::Arguments, message));
        }
        let score = find(name)?;
        if is_defined(score, task) {
            continue;
        }
        let others: Vec<&str> = SCORES
            .iter()
            .filter(|score| is_defined(score, task))
            .map(|score| score.name)
            .collect();
        let compared = if score.needs.is_of_labels() {
            "classes or labels"
        } else {
            "classes"
        };
        let message = format!(
            "{name} compares {compared}, but the task is {}; for this task there are {}",
            task.name(),
            others.join(", ")
        );
        return Err(Error::new(ErrorKind::Arguments, message));
    }
    Ok(())
}

/// The scores of a ranking for the targets of a task: those of `names` that it has, or all if there are no names; those that compare the
/// models of a hub come last.
///
/// # Errors
/// [`ErrorKind::Arguments`] for a name that is not known.
pub(crate) fn scores_of_task(names: &[String], task: Task) -> Result<Vec<String>, Error> {
    for name in names {
        if company::find(name).is_err() {
            find(name)?;
        }
    }
    let is_wanted = |name: &str| names.is_empty() || names.iter().any(|wanted| wanted == name);
    let has = |score: &&Score| is_defined(score, task) && (task != Task::Tokens || is_found_from_words(score));
    let own = SCORES.iter().filter(has).map(|score| score.name);
    let is_of_classes = task == Task::Classification;
    let of_hub = company::COMPANY_SCORES.iter().filter(|_| is_of_classes);
    let all = own.chain(of_hub.map(|score| score.name));
    Ok(all.filter(|name| is_wanted(name)).map(str::to_owned).collect())
}

/// Whether a score is defined for the targets of a task.
fn is_defined(score: &Score, task: Task) -> bool {
    match task {
        Task::Classification | Task::Tokens => true,
        Task::MultiLabel => score.needs.allows_columns(),
        _ => score.needs.allows_columns() && !score.needs.is_of_labels(),
    }
}

/// Source probabilities from logits `[n, z]`: their softmax, or for one logit a sigmoid and its complement.
pub(crate) fn probabilities(logits: &[f32], columns: usize) -> (Vec<f32>, usize) {
    if columns == 1 {
        let both = |logit: f32| {
            let positive = 1.0 / (1.0 + (-f64::from(logit)).exp());
            [(1.0 - positive) as f32, positive as f32]
        };
        return (logits.iter().flat_map(|&logit| both(logit)).collect(), 2);
    }
    let mut probabilities = Vec::with_capacity(logits.len());
    for row in logits.chunks_exact(columns.max(1)) {
        let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let exponentials = row.iter().map(|&logit| f64::from(logit - largest).exp());
        let sum: f64 = exponentials.clone().sum();
        probabilities.extend(exponentials.map(|value| (value / sum) as f32));
    }
    (probabilities, columns)
}

/// A score in the JSON contract. `names` are those of the target columns; the evidence of each column is listed only on request.
pub(crate) fn score_json(outcome: &ScoreOutcome, names: &[String], columns: Option<ListColumns>) -> Map<String, Value> {
    let mut object = Map::new();
    object.insert("value".to_owned(), json!(outcome.value));
    if let Some(chance) = outcome.chance {
        object.insert("chance".to_owned(), json!(chance));
    }
    if let Some(estimate) = &outcome.estimate {
        object.insert("estimate".to_owned(), json!(estimate));
    }
    if outcome.is_saturated {
        object.insert("status".to_owned(), json!("saturated"));
    }
    if let Some(evidence) = &outcome.evidence {
        object.insert("status".to_owned(), json!(common_status(evidence)));
        if columns.is_some() {
            let list: Vec<Value> = evidence
                .columns
                .iter()
                .map(|column| {
                    json!({
                        "name": names.get(column.column),
                        "evidence": column.evidence,
                        "alpha": column.alpha,
                        "beta": column.beta,
                        "status": column.status.name(),
                    })
                })
                .collect();
            object.insert("columns".to_owned(), Value::Array(list));
        }
    }
    object
}

/// Adds a score's standard error, and the interval that contains its expected value with probability 90 %; both are `null` where
/// they are unknown.
pub(crate) fn insert_error(object: &mut Map<String, Value>, error: Option<f64>, n_groups: usize) {
    let value = object.get("value").and_then(Value::as_f64);
    let interval = value.zip(error).map(|(value, error)| {
        let reach = interval_factor(LEVEL, n_groups) * error;
        [value - reach, value + reach]
    });
    object.insert("standard_error".to_owned(), json!(error));
    object.insert("interval".to_owned(), json!(interval));
}

/// Coverage of the intervals.
const LEVEL: f64 = 0.9;

/// Makes [`score_json`] list the evidence of every column.
pub(crate) struct ListColumns;

/// The status that all columns share, or `mixed`.
fn common_status(evidence: &Evidence) -> &'static str {
    let mut statuses = evidence.columns.iter().map(|column| column.status.name());
    let first = statuses.next().unwrap_or("interior");
    if statuses.all(|status| status == first) {
        first
    } else {
        "mixed"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_study_has_the_scores_of_its_task() {
        let of = |names: &[&str], task| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            scores_of_task(&names, task).unwrap()
        };
        let all = of(&[], Task::Classification);
        assert_eq!(all.len(), SCORES.len() + company::COMPANY_SCORES.len());
        assert_eq!(all[0], "logme");
        assert!(
            of(&[], Task::Tokens).contains(&"logme".to_owned()) && !of(&[], Task::Tokens).contains(&"knn".to_owned())
        );
        assert_eq!(
            of(&["etran", "nce", "logme"], Task::Classification),
            ["logme", "nce", "etran"]
        );
        assert_eq!(of(&["etran", "nce", "logme"], Task::Regression), ["logme"]);
        assert!(of(&["nce"], Task::Regression).is_empty());
        let error = scores_of_task(&["logmee".to_owned()], Task::Classification).unwrap_err();
        assert!(error.to_string().contains("did you mean \"logme\"?"), "{error}");
    }

    #[test]
    fn probabilities_add_up_to_one_and_keep_the_order_of_the_logits() {
        let (values, columns) = probabilities(&[1.0, 3.0, 2.0, 1000.0, 0.0, -1000.0], 3);
        assert_eq!(columns, 3);
        for row in values.chunks_exact(3) {
            assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-6);
        }
        assert!(values[1] > values[2] && values[2] > values[0] && values[3] > 0.999);
    }

    #[test]
    fn one_logit_is_two_classes() {
        let (values, columns) = probabilities(&[0.0, 100.0, -3.0], 1);
        assert_eq!(columns, 2);
        assert!((values[0] - 0.5).abs() < 1e-7 && (values[1] - 0.5).abs() < 1e-7);
        assert!(values[3] > 0.999 && values[2] < 1e-6);
        assert!((f64::from(values[5]) - 1.0 / (1.0 + 3f64.exp())).abs() < 1e-7);
    }

    #[test]
    fn labels_become_zeros_and_ones_for_the_samples_that_are_asked_for() {
        let targets = DatasetTargets::MultiLabel {
            names: vec!["a".into(), "b".into(), "c".into()],
            rows: vec![vec![0, 2], vec![], vec![1]],
        };
        let Columns::Numbers { values, columns } = Columns::of(&targets, [0, 2].into_iter()) else {
            panic!()
        };
        assert_eq!((values, columns), (vec![1.0, 0.0, 1.0, 0.0, 1.0, 0.0], 3));
    }
}
