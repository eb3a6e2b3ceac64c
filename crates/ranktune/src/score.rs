//! Scoring features made elsewhere.

use std::path::Path;

use ranktune_data::{Task, arrays};
use ranktune_report::{Scores, scores};
use ranktune_scores::scores::{Needs, Prepared, find};
use ranktune_scores::uncertainty::{groups, jackknife};
use ranktune_scores::{Compat, FeatureView, Probabilities, ScoreInputs, ScoreOptions as Settings};
use serde_json::{Map, Value, json};

use crate::error::{Error, ErrorKind};
use crate::scoring::{Columns, ListColumns, check_names, score_json};

/// Which scores, and how.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScoreOptions {
    /// The task. Default: inferred from the targets.
    pub task: Option<Task>,
    /// Scores by name. Default: `logme`, and with probabilities `leep` and `nce`.
    pub scores: Vec<String>,
    /// Which LogME. Default: the maximum of the evidence.
    pub compat: Compat,
    /// Whether standard errors are computed, which takes a few times as long as the scores. Default: no.
    pub standard_errors: StandardErrors,
}

/// Whether to compute standard errors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StandardErrors {
    /// Scores only.
    #[default]
    Without,
    /// By leaving out groups of samples, drawn by this seed, in turn.
    Jackknife {
        /// Seed of the groups.
        seed: u64,
    },
}

/// Scores features `[n, d]` for targets of `n` samples, with a source classifier's probabilities `[n, z]` where there are any.
///
/// # Errors
/// [`ErrorKind::Data`]: a file that cannot be read, or does not fit the others. [`ErrorKind::Arguments`]: an unknown score, or one
/// that the task or the missing probabilities do not allow. [`ErrorKind::Scores`]: a score that is not defined for these numbers.
pub fn score(
    features: &Path,
    targets: &Path,
    probabilities: Option<&Path>,
    options: &ScoreOptions,
) -> Result<Scores, Error> {
    let data_error = |error| Error::new(ErrorKind::Data, error);
    let (targets, _) = arrays::read_targets(targets, options.task).map_err(data_error)?;
    let task = targets.task().name();
    let columns = Columns::of(&targets, &vec![true; targets.n_samples()]);
    let names = names(options, probabilities, &columns)?;
    check_names(&names, &columns, task)?;
    let probabilities = probabilities
        .map(arrays::read_probabilities)
        .transpose()
        .map_err(data_error)?;
    let features = arrays::read_matrix(features).map_err(data_error)?;

    let unfit = |error: ranktune_scores::Error| Error::new(ErrorKind::Scores, error);
    let inputs = ScoreInputs {
        features: FeatureView::new(&features.data, features.rows, features.cols).map_err(unfit)?,
        targets: columns.view().map_err(unfit)?,
        probabilities: probabilities
            .as_ref()
            .map(|matrix| Probabilities::new(&matrix.data, matrix.cols))
            .transpose()
            .map_err(unfit)?,
    };
    let mut settings = Settings::default();
    settings.compat = options.compat;
    let prepared = Prepared::new(&inputs).map_err(unfit)?;
    let mut scores = Map::new();
    let mut scored_columns = inputs.targets.n_columns();
    for name in &names {
        let outcome = find(name)
            .map_err(unfit)?
            .compute(&prepared, &settings)
            .map_err(unfit)?;
        let mut object = score_json(&outcome, targets.names(), Some(ListColumns));
        if let Some(evidence) = &outcome.evidence {
            scored_columns = evidence.columns.len();
        }
        if let StandardErrors::Jackknife { seed } = options.standard_errors {
            let groups =
                groups::assign(&inputs.targets, groups::DEFAULT_GROUPS.min(features.rows), seed).map_err(unfit)?;
            let jackknife = jackknife(&inputs, name, &settings, &groups).map_err(unfit)?;
            object.insert("standard_error".to_owned(), json!(jackknife.standard_error));
        }
        scores.insert(name.clone(), Value::Object(object));
    }
    Ok(Scores {
        schema: scores::SCHEMA.to_owned(),
        task: task.to_owned(),
        samples: features.rows,
        features: features.cols,
        columns: scored_columns,
        scores,
    })
}

fn names(options: &ScoreOptions, probabilities: Option<&Path>, columns: &Columns) -> Result<Vec<String>, Error> {
    if options.scores.is_empty() {
        let default: &[&str] = match probabilities {
            Some(_) if columns.is_classes() => &["logme", "leep", "nce"],
            _ => &["logme"],
        };
        return Ok(default.iter().map(|&name| name.to_owned()).collect());
    }
    let needs = |name: &&String| find(name).is_ok_and(|score| score.needs == Needs::Probabilities);
    match options.scores.iter().find(needs) {
        Some(name) if probabilities.is_none() => {
            let message = format!(
                "{name} needs a source classifier's probabilities; give them with --probabilities, or leave {name} out"
            );
            Err(Error::new(ErrorKind::Arguments, message))
        }
        _ => Ok(options.scores.clone()),
    }
}
