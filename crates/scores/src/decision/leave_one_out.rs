//! Every data set of a record predicted from the others.

use std::collections::{BTreeMap, BTreeSet};

use super::fit::DecisionModel;
use super::options::DecisionOptions;
use super::outlook::{Outlook, OutlookOptions};
use super::past::{Past, PastResult};
use super::posterior::Posterior;
use super::target::{Candidate, DecisionTarget};
use crate::error::{Error, ErrorKind, Result};

/// A data set that was left out.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LeftOut {
    /// The data set.
    pub data_set: String,
    /// Its models, in order of their rows.
    pub models: Vec<String>,
    /// What the other data sets say of them.
    pub posterior: Posterior,
    /// P(best), rank intervals and expected regrets.
    pub outlook: Outlook,
    /// What was measured, `[K]`.
    pub accuracies: Vec<f64>,
}

/// Predicts the accuracies of each data set from the rows of the others, and from its own scores of the names in `columns`. The rows are
/// of one protocol, without trials, and at most one of a model on a data set. Results are in order of the data sets' names.
///
/// # Errors
/// [`ErrorKind::Shape`] with fewer than two data sets, or two rows of one model on a data set; otherwise as [`Past::new`] and
/// [`DecisionModel::fit`].
///
/// # Examples
/// ```
/// use ranktune_scores::decision::{DecisionOptions, OutlookOptions, PastResult, leave_one_out};
///
/// let row = |model: &str, data_set: &str, accuracy| PastResult {
///     model: model.to_owned(),
///     data_set: data_set.to_owned(),
///     accuracy,
///     ..PastResult::default()
/// };
/// let rows = [
///     row("resnet", "pets", 0.92), row("vit", "pets", 0.95),
///     row("resnet", "cars", 0.88), row("vit", "cars", 0.90),
///     row("resnet", "food", 0.80), row("vit", "food", 0.84),
/// ];
/// let left_out = leave_one_out(&rows, &[], &DecisionOptions::default(), &OutlookOptions::default())?;
/// assert_eq!(left_out.len(), 3);
/// assert!(left_out.iter().all(|set| set.models[set.outlook.first] == "vit"));
/// # Ok::<(), ranktune_scores::Error>(())
/// ```
pub fn leave_one_out(
    rows: &[PastResult],
    columns: &[&str],
    options: &DecisionOptions,
    outlook: &OutlookOptions,
) -> Result<Vec<LeftOut>> {
    let data_sets: BTreeSet<&str> = rows.iter().map(|row| row.data_set.as_str()).collect();
    if data_sets.len() < 2 {
        let message = format!(
            "leaving one data set out needs at least 2 data sets, got {}",
            data_sets.len()
        );
        return Err(Error::new(ErrorKind::Shape, message));
    }
    data_sets
        .iter()
        .map(|data_set| left_out(data_set, rows, columns, options, outlook))
        .collect()
}

fn left_out(
    data_set: &str,
    rows: &[PastResult],
    columns: &[&str],
    options: &DecisionOptions,
    outlook: &OutlookOptions,
) -> Result<LeftOut> {
    let chosen = |row: &PastResult| -> BTreeMap<String, f64> {
        let scores = row.scores.iter();
        scores
            .filter(|(name, _)| columns.contains(&name.as_str()))
            .map(|(name, &value)| (name.clone(), value))
            .collect()
    };
    let (wanted, others): (Vec<&PastResult>, Vec<&PastResult>) = rows.iter().partition(|row| row.data_set == data_set);
    let mut seen = BTreeSet::new();
    if let Some(row) = wanted.iter().find(|row| !seen.insert(&row.model)) {
        let message = format!(
            "model {:?} has two rows on data set {data_set:?}; give their mean",
            row.model
        );
        return Err(Error::new(ErrorKind::Shape, message));
    }
    let past = others.into_iter().map(|row| PastResult {
        scores: chosen(row),
        ..row.clone()
    });
    let target = DecisionTarget {
        data_set: data_set.to_owned(),
        protocol: wanted.first().map(|row| row.protocol.clone()).unwrap_or_default(),
        models: wanted
            .iter()
            .map(|row| Candidate {
                name: row.model.clone(),
                family: row.family.clone(),
                scores: chosen(row),
                score_error: None,
            })
            .collect(),
        trials: Vec::new(),
    };
    let model = DecisionModel::fit(&Past::new(past.collect())?, options.clone())?;
    let posterior = model.predict(&target)?;
    Ok(LeftOut {
        data_set: data_set.to_owned(),
        models: target.models.into_iter().map(|model| model.name).collect(),
        outlook: posterior.outlook(outlook)?,
        posterior,
        accuracies: wanted.iter().map(|row| row.accuracy).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(model: &str, data_set: &str, accuracy: f64, logme: f64) -> PastResult {
        PastResult {
            model: model.to_owned(),
            data_set: data_set.to_owned(),
            accuracy,
            scores: [("logme".to_owned(), logme), ("nce".to_owned(), -logme)].into(),
            ..PastResult::default()
        }
    }

    fn rows() -> Vec<PastResult> {
        let mut rows = Vec::new();
        for (place, data_set) in ["a", "b", "c", "d"].iter().enumerate() {
            for (model, strength) in [("x", 0.0), ("y", 0.04), ("z", 0.08)] {
                let level = 0.7 + 0.02 * place as f64;
                rows.push(row(model, data_set, level + strength, strength));
            }
        }
        rows
    }

    #[test]
    fn a_data_sets_own_accuracies_do_not_change_what_is_said_of_it() {
        let (options, outlook) = (DecisionOptions::default(), OutlookOptions::default());
        let before = leave_one_out(&rows(), &["logme"], &options, &outlook).unwrap();
        let mut changed = rows();
        changed
            .iter_mut()
            .filter(|row| row.data_set == "b")
            .for_each(|row| row.accuracy = 0.1);
        let after = leave_one_out(&changed, &["logme"], &options, &outlook).unwrap();
        assert_eq!(before[1].posterior.mean(), after[1].posterior.mean());
        assert_eq!(after[1].accuracies, [0.1; 3]);
        assert_ne!(before[0].posterior.mean(), after[0].posterior.mean());
        assert_eq!(before[2].models[before[2].outlook.first], "z");
    }

    #[test]
    fn columns_that_are_not_asked_for_change_nothing() {
        let (options, outlook) = (DecisionOptions::default(), OutlookOptions::default());
        let without = leave_one_out(&rows(), &[], &options, &outlook).unwrap();
        let mut bare = rows();
        bare.iter_mut().for_each(|row| row.scores.clear());
        let of_bare = leave_one_out(&bare, &["logme"], &options, &outlook).unwrap();
        assert_eq!(without[0].posterior.mean(), of_bare[0].posterior.mean());
        let with = leave_one_out(&rows(), &["logme"], &options, &outlook).unwrap();
        assert_ne!(with[0].posterior.mean(), without[0].posterior.mean());
    }

    #[test]
    fn one_data_set_and_repeated_rows_are_refused() {
        let of = |rows: &[PastResult]| {
            let result = leave_one_out(rows, &[], &DecisionOptions::default(), &OutlookOptions::default());
            result.unwrap_err().to_string()
        };
        assert!(of(&rows()[..3]).contains("at least 2 data sets, got 1"));
        let mut twice = rows();
        twice.push(row("x", "a", 0.5, 0.0));
        assert!(of(&twice).contains("model \"x\" has two rows on data set \"a\""));
    }
}
