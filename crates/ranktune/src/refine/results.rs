//! What the document, the record and the decision model have of trials.

use ranktune_report::RecordRow;
use ranktune_report::ranking::{Decision, DecisionEnd, RankedModel, TrialResult};
use ranktune_scores::decision::{LEVEL_SCORE, Rung};

use super::options::rung_name;
use super::standing::Standing;
use crate::rank::Answered;
use crate::rank::decide::{Question, TrialKinds};
use crate::record::today;

/// Accuracy of which the noise of few validation samples is taken where nothing is known of the data.
const USUAL_ACCURACY: f64 = 0.8;

/// The rungs of a search, and the noise that the number of validation samples adds to their results: `p (1 − p) / n` at the mean
/// loo-accuracy p of the models, which is known before any trial.
pub(crate) fn trial_kinds(standing: &Standing<'_>, question: &Question, n_validation: usize) -> TrialKinds {
    let full = (standing.configurations * standing.epochs) as f64;
    let accuracy = mean_score(question, LEVEL_SCORE).unwrap_or(USUAL_ACCURACY);
    // One sample right or wrong: an accuracy of 1 is no certainty.
    let n = n_validation.max(1) as f64;
    let accuracy = accuracy.clamp(1.0 / (n + 1.0), n / (n + 1.0));
    let mut count = standing.configurations;
    let (mut from, mut sum) = (0, 0);
    let of_epochs = standing.rungs.iter().map(|&epochs| {
        sum += count * (epochs - from);
        from = epochs;
        count = super::trial::half(count);
        Rung::new(rung_name(epochs, standing.epochs), sum as f64 / full)
    });
    TrialKinds {
        rungs: of_epochs.collect(),
        sampling: accuracy * (1.0 - accuracy) / n,
    }
}

/// The mean of a score over the models that have it.
fn mean_score(question: &Question, score: &str) -> Option<f64> {
    let values: Vec<f64> = question
        .models
        .iter()
        .filter_map(|model| model.scores.get(score).copied())
        .collect();
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// The trials as the document has them.
pub(crate) fn trial_results(question: &Question, standing: &Standing<'_>) -> Vec<TrialResult> {
    let of_models = question.models.iter().zip(&standing.reached);
    of_models
        .flat_map(|(model, reached)| {
            reached.iter().map(|rung| TrialResult {
                model: model.name.clone(),
                rung: rung_name(rung.epochs, standing.epochs),
                epochs: rung.epochs,
                metric: rung.metric.clone(),
                value: rung.value,
                seconds: rung.seconds,
                status: rung.status,
                reason: rung.reason.clone(),
            })
        })
        .collect()
}

/// The trials with a value, as rows of a record, without those that are among the `known` rows.
pub(crate) fn record_rows(question: &Question, standing: &Standing<'_>, known: &[RecordRow]) -> Vec<RecordRow> {
    let mut rows = Vec::new();
    for (model, reached) in question.models.iter().zip(&standing.reached) {
        for rung in reached {
            let (Some(metric), Some(value)) = (&rung.metric, rung.value) else {
                continue;
            };
            let mut row = RecordRow::new(&model.name, &question.data, metric, value, &question.protocol);
            row.digest = Some(model.digest.clone());
            row.hub_id.clone_from(&model.hub_id);
            row.data_digest = Some(question.data_digest.clone());
            row.rung = Some(rung_name(rung.epochs, standing.epochs));
            row.scores.clone_from(&model.scores);
            "ranktune rank --refine, on its held-out samples".clone_into(&mut row.source);
            // The day is no part of what was measured.
            let is_known = known.iter().any(|other| {
                row.date.clone_from(&other.date);
                row == *other
            });
            row.date = today();
            if !is_known {
                rows.push(row);
            }
        }
    }
    rows
}

/// Whether a row of a record is the result of a trial that is kept, and so counted as one.
pub(crate) fn is_of_kept_trial(row: &RecordRow, question: &Question, standing: &Standing<'_>) -> bool {
    if row.data_digest.as_ref() != Some(&question.data_digest) || row.protocol != question.protocol {
        return false;
    }
    let is_rung = |epochs: usize| row.rung.as_deref() == Some(&rung_name(epochs, standing.epochs));
    let of_models = question.models.iter().zip(&standing.reached);
    of_models
        .filter(|(model, _)| row.digest.as_ref() == Some(&model.digest))
        .any(|(_, reached)| reached.iter().any(|rung| is_rung(rung.epochs)))
}

/// The order of trials where there is no decision model: those that came further first, then by value; models without a trial keep their
/// order, and those that are out follow them.
pub(crate) fn by_trials_alone(
    models: &mut [RankedModel],
    question: &Question,
    standing: &Standing<'_>,
    (reason, ended): (&str, DecisionEnd),
) -> Answered {
    let count = standing.reached.len().min(models.len());
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by(|&a, &b| {
        let last = |at: usize| standing.reached[at].last();
        let epochs = |at: usize| last(at).map_or(0, |rung| rung.epochs);
        let value = |at: usize| last(at).and_then(|rung| rung.value).unwrap_or(f64::NEG_INFINITY);
        let out = standing.is_out(a).cmp(&standing.is_out(b));
        out.then(epochs(b).cmp(&epochs(a))).then(value(b).total_cmp(&value(a)))
    });
    let ordered: Vec<RankedModel> = order.into_iter().map(|at| models[at].clone()).collect();
    models[..count].clone_from_slice(&ordered);
    for (place, model) in models.iter_mut().enumerate() {
        model.rank = place + 1;
    }
    let trials = trial_results(question, standing);
    let order = if trials.iter().all(|trial| trial.value.is_none()) {
        ""
    } else {
        " Models with a trial come first, by its length and its result."
    };
    Answered {
        decision: Some(Decision {
            best: models.first().map(|model| model.name.clone()).unwrap_or_default(),
            expected_regret: None,
            record_rows: 0,
            trials,
            cost: Some(standing.cost()),
            ended,
            protocol: question.protocol.clone(),
            score: None,
        }),
        undecided: Some(format!("{reason}{order}")),
    }
}
