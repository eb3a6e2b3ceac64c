//! The calibration of the decision model: one data set left out at a time.

use ranktune_report::study::{DecisionCalibration, ProbabilityRange};
use ranktune_scores::correlation::weighted_tau;
use ranktune_scores::decision::{Calibration, DecisionOptions, OutlookOptions, PastResult, leave_one_out};
use ranktune_scores::scores::LOGME;

use super::accuracies::mean;
use super::group::Group;
use crate::error::Error;

/// Levels of the intervals.
const LEVELS: [f64; 3] = [0.5, 0.8, 0.9];

/// Upper ends of the ranges of P(best).
const BOUNDS: [f64; 3] = [0.1, 0.5, 1.0];

/// The record alone, with LogME, and with all scores.
pub(super) fn of_group(group: &Group<'_>) -> Result<Vec<DecisionCalibration>, Error> {
    let rows: Vec<PastResult> = group
        .sets
        .iter()
        .flat_map(|(_, rows)| rows)
        .map(|row| PastResult {
            model: row.model.clone(),
            data_set: row.data.clone(),
            protocol: group.method.to_owned(),
            accuracy: row.value,
            scores: row.scores.clone(),
            ..PastResult::default()
        })
        .collect();
    let mut all: Vec<&str> = rows
        .iter()
        .flat_map(|row| row.scores.keys().map(String::as_str))
        .collect();
    all.sort_unstable();
    all.dedup();
    let logme: Vec<&str> = all.iter().copied().filter(|name| *name == LOGME).collect();
    let mut columns = vec![Vec::new(), logme, all];
    columns.dedup();
    columns
        .iter()
        .map(|columns| of_columns(group, &rows, columns))
        .collect()
}

fn of_columns(group: &Group<'_>, rows: &[PastResult], columns: &[&str]) -> Result<DecisionCalibration, Error> {
    let left_out = leave_one_out(rows, columns, &DecisionOptions::default(), &OutlookOptions::default())?;
    let mut calibration = Calibration::new(&LEVELS, &BOUNDS);
    let (mut taus, mut regrets, mut expected) = (Vec::new(), Vec::new(), Vec::new());
    for set in &left_out {
        calibration.add(&set.posterior, &set.outlook, &set.accuracies)?;
        taus.extend(weighted_tau(&set.posterior.mean(), &set.accuracies)?);
        let best = set.accuracies.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        regrets.push(best - set.accuracies[set.outlook.first]);
        expected.push(set.outlook.expected_regret);
    }
    let range = |bin: &ranktune_scores::decision::ProbabilityBin| {
        let share = |sum: f64| (bin.predictions > 0).then(|| sum / bin.predictions as f64);
        ProbabilityRange {
            below: bin.below,
            predictions: bin.predictions,
            probability: share(bin.probability),
            best: share(bin.best),
        }
    };
    Ok(DecisionCalibration {
        method: group.method.to_owned(),
        metric: group.metric.to_owned(),
        kind: group.kind.to_owned(),
        scores: columns.iter().map(|name| (*name).to_owned()).collect(),
        data_sets: calibration.n_data_sets(),
        predictions: calibration.n_models(),
        weighted_tau: mean(&taus),
        top_1_regret: mean(&regrets),
        expected_regret: mean(&expected),
        levels: LEVELS.to_vec(),
        coverage: calibration.coverage().unwrap_or_default(),
        coverage_of_differences: calibration.coverage_of_differences().unwrap_or_default(),
        brier: calibration.brier(),
        uniform_brier: calibration.uniform_brier(),
        bins: calibration.bins().iter().map(range).collect(),
    })
}
