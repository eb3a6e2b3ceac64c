//! LogME: the maximum evidence, averaged over target columns. The numerics are in [`crate::evidence`].

use super::{DefaultUse, Needs, Replicates, Score, ScoreData, ScoreOptions, ScoreOutcome};
use crate::error::Result;

pub(super) const SCORE: Score = Score {
    name: "logme",
    summary: "maximum evidence of a linear model on the features (You et al. 2021)",
    source: "You, Liu, Wang, Long: LogME: Practical Assessment of Pre-trained Models for Transfer Learning, ICML 2021",
    needs: Needs::Statistics,
    default_use: DefaultUse::EveryTask,
    always_with_error: true,
    bounds_error: true,
    replicates: Replicates::EvidenceAtOptimum,
    run,
};

fn run(data: &ScoreData<'_>, options: &ScoreOptions) -> Result<ScoreOutcome> {
    let fit = data.solution(options.compat)?;
    let evidence = fit.evidence().clone();
    Ok(ScoreOutcome {
        error_bound: Some(fit.error_bound()),
        ..ScoreOutcome::of(evidence.value).with_evidence(evidence)
    })
}
