//! Leave-one-out log-likelihood: the log density that LogME's linear model gives to a sample that it has not seen.
//!
//! ```text
//! (1/(nc)) Σ_ij ln N(y_ij; ŷ₋ᵢⱼ, 1/(β_j(1 − H_ii)))        H at t_j = α_j/β_j
//! ```
//!
//! in nats a sample and column, as LogME is, but about samples that were left out: a feature that only memorises lowers it. The numerics
//! are in `evidence/left_out.rs`. Where rows are not kept, it is that of a random draw of them, each predicted by all other
//! samples. Where only statistics of groups are known it is estimated by leaving out a group at a time:
//!
//! ```text
//! Σ_g ln p(y_g | y_rest) = Σ_g (n L(y) − (n − n_g) L(y_rest))       differences of evidence at fixed α and β
//! ```
//!
//! which is lower, as a tenth of the samples is missing from each fit.

use super::{DefaultUse, Needs, Replicates, Score, ScoreData, ScoreOptions, ScoreOutcome};
use crate::error::{Error, ErrorKind, Result};
use crate::evidence::ColumnEvidence;
use crate::statistics::Statistics;
use crate::uncertainty::parts_at;

pub(super) const SCORE: Score = Score {
    name: "loo-log-likelihood",
    summary: "leave-one-out log density of LogME's linear model",
    source: "Rasmussen, Williams: Gaussian Processes for Machine Learning, 2006, section 5.4.2; You et al. 2021 for the model",
    needs: Needs::RowsOrGroups,
    default_use: DefaultUse::OnRequest,
    always_with_error: false,
    bounds_error: false,
    replicates: Replicates::SampleMeans,
    run,
};

fn run(data: &ScoreData<'_>, options: &ScoreOptions) -> Result<ScoreOutcome> {
    let rows = data.left_out_rows(SCORE.name);
    if let (Err(_), Some(groups)) = (&rows, data.groups)
        && groups.len() > 1
    {
        return of_groups(data, groups, options);
    }
    let (features, targets) = rows?;
    if targets.labels().is_some() {
        targets.labels_for(SCORE.name)?;
    }
    let n = data.statistics()?.n_samples();
    let left_out = data.left_out(SCORE.name, options.compat)?;
    Ok(ScoreOutcome::mean_of(left_out.log_densities.clone()).of_draw(features.n_samples(), n))
}

/// The estimate from statistics of groups.
fn of_groups(data: &ScoreData<'_>, groups: &[Statistics], options: &ScoreOptions) -> Result<ScoreOutcome> {
    let total = data.statistics()?;
    let fit = data.solution(options.compat)?;
    let columns: Vec<&ColumnEvidence> = fit.evidence().columns.iter().collect();
    let all = log_evidence(total, &columns)?;
    let (mut sum, mut count) = (0.0, 0);
    for group in groups.iter().filter(|group| group.n_samples() > 0) {
        let mut rest = total.clone();
        rest.subtract(group)?;
        sum += all - log_evidence(&rest, &columns)?;
        count += 1;
    }
    let value = sum / (total.n_samples() * columns.len()) as f64;
    Ok(ScoreOutcome::of(value).with_estimate(Some(format!(
        "from statistics of {count} groups, each left out in turn"
    ))))
}

/// `Σ_j ln p(y_j | α_j, β_j)` of the samples of `statistics`, at fixed α and β.
fn log_evidence(statistics: &Statistics, columns: &[&ColumnEvidence]) -> Result<f64> {
    let n = statistics.n_samples() as f64;
    let lost = || {
        Error::new(
            ErrorKind::Precision,
            format!(
                "{} of groups is lost to rounding; score from the rows instead",
                SCORE.name
            ),
        )
    };
    let shift = |column: &ColumnEvidence| match (column.alpha, column.beta) {
        (Some(alpha), Some(beta)) => alpha / beta,
        _ => f64::INFINITY,
    };
    let shifts: Vec<(usize, f64)> = columns.iter().map(|column| (column.column, shift(column))).collect();
    let parts = parts_at(statistics, &shifts).ok_or_else(lost)?;
    let mut sum = 0.0;
    for (column, (residual, log_ratio)) in columns.iter().zip(parts) {
        let beta = column.beta.ok_or_else(lost)?;
        sum += 0.5 * (n * (beta.ln() - (2.0 * std::f64::consts::PI).ln()) - beta * residual - log_ratio);
    }
    Ok(sum)
}
