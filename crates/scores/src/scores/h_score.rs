//! H-score: how much of the features' covariance lies between classes (Bao et al., ICIP 2019).
//!
//! ```text
//! H = tr(cov(F)⁺ cov(E[F|y])) = Σ_y v_yᵀ S⁺ v_y = Σ_y ‖P u_y‖²      P: projection on the range of the centred features
//! ```
//!
//! so `0 ≤ H ≤ min(c − 1, d)`. A value of c − 1 is *saturated*: all differences between classes lie in the range of the features, as they do
//! for almost any features of no more samples than features, and the value tells such features apart by rounding only. Published code takes the pseudo-inverse of the covariance with a cut at 1e-15, which keeps
//! rounding as if it were data once features depend on each other. Ours standardises the features first (H does not
//! change under linear maps) and cuts the correlation matrix at 1e-12 of its largest eigenvalue; for n ≤ d the projection is
//! taken in sample space. Where the covariance is regular the two are the same number.

use super::scatter::Scatter;
use super::{DefaultUse, Needs, Replicates, Score, ScoreData, ScoreOptions, ScoreOutcome};
use crate::error::Result;
use crate::statistics::Statistics;

pub(super) const SCORE: Score = Score {
    name: "h-score",
    summary: "covariance between classes against all covariance (Bao et al. 2019)",
    source: "Bao, Li, Huang, Zhang, Zheng, Zamir, Guibas: An Information-Theoretic Approach to Transferability in Task Transfer Learning, ICIP 2019",
    needs: Needs::ClassStatistics,
    default_use: DefaultUse::OnRequest,
    always_with_error: false,
    bounds_error: false,
    replicates: Replicates::Recompute,
    run,
};

/// `c − 1`, which features reach that tell all classes apart: those of no more samples than features almost always do.
pub(super) fn most(statistics: &Statistics) -> f64 {
    statistics.target_columns().len() as f64 - 1.0
}

fn run(data: &ScoreData<'_>, _: &ScoreOptions) -> Result<ScoreOutcome> {
    let statistics = data.statistics()?;
    let value = Scatter::explained(statistics, SCORE.name)?;
    Ok(ScoreOutcome::of(value).capped(most(statistics)))
}
