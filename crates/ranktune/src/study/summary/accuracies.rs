//! Means over seeds.

use std::collections::BTreeMap;

use ranktune_report::study::{StudyAccuracy, StudyCell, StudyRanking, StudyRung};

use crate::study::plan::StudyRun;

/// A row for every model, data set and method that has a value of some seed.
pub(super) fn of_cells(run: &StudyRun, cells: &[StudyCell], rankings: &[StudyRanking]) -> Vec<StudyAccuracy> {
    let mut rows = Vec::new();
    for (planned, ranked) in run.sets.iter().zip(rankings) {
        for method in &run.options.methods {
            for model in &planned.models {
                let of_row = |cell: &&StudyCell| {
                    (&cell.data, &cell.method, &cell.model) == (&planned.set.name, method, model)
                        && cell.value.is_some()
                };
                let measured: Vec<&StudyCell> = cells.iter().filter(of_row).collect();
                let values: Vec<f64> = measured.iter().filter_map(|cell| cell.value).collect();
                let Some(value) = mean(&values) else { continue };
                let seconds: Vec<f64> = measured.iter().map(|cell| cell.seconds).collect();
                rows.push(StudyAccuracy {
                    data: planned.set.name.clone(),
                    model: model.clone(),
                    method: method.clone(),
                    metric: planned.set.metric.to_owned(),
                    protocol: run.protocol(planned, method),
                    value,
                    deviation: deviation(&values),
                    values,
                    seconds: mean(&seconds).unwrap_or(0.0),
                    scores: scores(ranked, model),
                    rungs: rungs(&measured),
                });
            }
        }
    }
    rows
}

/// The mean over seeds of every rung that all of them have.
fn rungs(cells: &[&StudyCell]) -> Vec<StudyRung> {
    let Some((first, _)) = cells.split_first() else {
        return Vec::new();
    };
    let of_rung = |rung: &StudyRung| {
        let of_cell = |cell: &&StudyCell| {
            cell.rungs
                .iter()
                .find(|other| other.rung == rung.rung)
                .map(|other| other.value)
        };
        let values: Option<Vec<f64>> = cells.iter().map(of_cell).collect();
        Some(StudyRung {
            rung: rung.rung.clone(),
            value: mean(&values?)?,
        })
    };
    first.rungs.iter().filter_map(of_rung).collect()
}

/// The scores of a model that have a value.
fn scores(ranked: &StudyRanking, model: &str) -> BTreeMap<String, f64> {
    let models = ranked.ranking.iter().flat_map(|ranking| &ranking.models);
    let Some(found) = models.into_iter().find(|found| found.name == model) else {
        return BTreeMap::new();
    };
    let names = found.scores.keys();
    names
        .filter_map(|name| Some((name.clone(), found.score(name)?)))
        .collect()
}

/// The mean; `None` without values.
pub(super) fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// The standard deviation, with n − 1; `None` for fewer than two values.
pub(super) fn deviation(values: &[f64]) -> Option<f64> {
    let centre = mean(values)?;
    let square: f64 = values.iter().map(|value| (value - centre).powi(2)).sum();
    (values.len() > 1).then(|| (square / (values.len() - 1) as f64).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deviation_takes_two_values() {
        assert_eq!((mean(&[]), deviation(&[]), deviation(&[0.5])), (None, None, None));
        assert_eq!(
            (mean(&[1.0, 3.0]), deviation(&[1.0, 3.0])),
            (Some(2.0), Some(2.0_f64.sqrt()))
        );
    }
}
