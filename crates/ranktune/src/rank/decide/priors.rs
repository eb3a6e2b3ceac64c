//! What the program knows of accuracies and scores before any record of the user: from published tables (`experiments/decision`).

use ranktune_scores::decision::{CorrelatedScore, DecisionOptions, LEVEL_SCORE, NormalPrior, Rung};

/// The score of which the correlation with accuracies is known. Other scores are left out: LEEP's mean correlation is lower (0.39), and
/// none is independent of LogME, so that using several as if they were would count the same twice.
pub(super) const SCORE: &str = "logme";

/// Correlation of LogME with the accuracy after tuning over the models of a data set: mean and standard deviation over ten ImageNet
/// networks on eight data sets, with the accuracies of two laboratories (0.59 and 0.37).
const CORRELATION: NormalPrior = NormalPrior { mean: 0.48, sd: 0.30 };

/// The data sets that the correlation counts as, beside those of a record.
const CORRELATION_WEIGHT: f64 = 8.0;

/// The share of a full tuning that a trial of the record is taken for, where its rung is not one of today's.
pub(super) const RUNG_SHARE: f64 = 0.1;

/// The settings of the decision model.
pub(super) fn options(rungs: Vec<Rung>, sampling: f64) -> DecisionOptions {
    let mut options = DecisionOptions::default();
    options.correlated = Some(CorrelatedScore {
        name: SCORE.to_owned(),
        correlation: CORRELATION,
        weight: CORRELATION_WEIGHT,
    });
    // It tells how hard the data are. What it adds to LogME in the order of models has not been measured.
    options.without_slope = [LEVEL_SCORE.to_owned()].into();
    options.rungs = rungs;
    options.sampling = sampling;
    options
}

/// Whether the decision model is given a score.
pub(super) fn is_used(score: &str) -> bool {
    score == SCORE || score == LEVEL_SCORE
}
