//! Every score against what was measured: weighted τ with its interval, and regret.

use ranktune_report::study::{Agreement, DataAgreement, ScoreAgreement, StudyAccuracy, StudyRanking};
use ranktune_scores::correlation::{
    BootstrapOptions, central_interval, top_k_regret, weighted_tau, weighted_tau_draws,
};

use super::accuracies::mean;
use super::group::Group;
use crate::error::Error;

/// Coverage of the intervals.
const LEVEL: f64 = 0.9;

/// The agreement of every score with the accuracies of a group; `None` where there are no scores.
pub(super) fn of_group(group: &Group<'_>, rankings: &[StudyRanking]) -> Result<Option<Agreement>, Error> {
    let mut names: Vec<&String> = Vec::new();
    let of_group = |ranked: &&StudyRanking| group.sets.iter().any(|(name, _)| *name == ranked.data);
    for ranked in rankings.iter().filter(of_group) {
        for name in ranked
            .ranking
            .iter()
            .flat_map(|ranking| &ranking.models)
            .flat_map(|model| model.scores.keys())
        {
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    if names.is_empty() {
        return Ok(None);
    }
    Ok(Some(Agreement {
        method: group.method.to_owned(),
        metric: group.metric.to_owned(),
        kind: group.kind.to_owned(),
        level: LEVEL,
        scores: names
            .into_iter()
            .map(|name| of_score(name, group))
            .collect::<Result<_, _>>()?,
    }))
}

fn of_score(score: &str, group: &Group<'_>) -> Result<ScoreAgreement, Error> {
    let mut data = Vec::new();
    let mut draws: Vec<Vec<Option<f64>>> = Vec::new();
    for (place, (name, rows)) in group.sets.iter().enumerate() {
        let rows = rows.iter().filter_map(|row| Some((*row.scores.get(score)?, *row)));
        let (scores, rows): (Vec<f64>, Vec<&StudyAccuracy>) = rows.unzip();
        let values: Vec<f64> = rows.iter().map(|row| row.value).collect();
        let runs: Vec<Vec<f64>> = rows.iter().map(|row| row.values.clone()).collect();
        let tau = weighted_tau(&scores, &values)?;
        // The same draws for every score, so that differences between scores are not those of the draws.
        let options = BootstrapOptions {
            seed: place as u64,
            ..BootstrapOptions::default()
        };
        let drawn = weighted_tau_draws(&scores, &runs, &options)?;
        let defined: Vec<f64> = drawn.iter().copied().flatten().collect();
        let regret = |k| -> Result<Option<f64>, Error> { Ok(top_k_regret(&scores, &values, k)?) };
        data.push(DataAgreement {
            data: (*name).to_owned(),
            models: values.len(),
            weighted_tau: tau,
            interval: tau.and_then(|_| central_interval(&defined, LEVEL)),
            top_1_regret: regret(1)?,
            top_3_regret: regret(3)?,
        });
        if tau.is_some() {
            draws.push(drawn);
        }
    }
    let over_data = |of: fn(&DataAgreement) -> Option<f64>| mean(&data.iter().filter_map(of).collect::<Vec<_>>());
    Ok(ScoreAgreement {
        score: score.to_owned(),
        weighted_tau: over_data(|data| data.weighted_tau),
        interval: central_interval(&means_of_draws(&draws), LEVEL),
        top_1_regret: over_data(|data| data.top_1_regret),
        top_3_regret: over_data(|data| data.top_3_regret),
        data,
    })
}

/// The mean over data sets of every draw that has a value on some.
fn means_of_draws(draws: &[Vec<Option<f64>>]) -> Vec<f64> {
    let count = draws.first().map_or(0, Vec::len);
    let of_draw = |draw: usize| {
        let defined: Vec<f64> = draws.iter().filter_map(|of_set| of_set[draw]).collect();
        mean(&defined)
    };
    (0..count).filter_map(of_draw).collect()
}
