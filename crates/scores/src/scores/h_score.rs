//! H-score: how much of the features' covariance lies between classes (Bao et al., ICIP 2019).
//!
//! ```text
//! H = tr(cov(F)⁺ cov(E[F|y])) = Σ_y v_yᵀ S⁺ v_y = Σ_y ‖P u_y‖²      P: projection on the range of the centred features
//! ```
//!
//! so `0 ≤ H ≤ min(c − 1, d)`. Published code takes the pseudo-inverse of the covariance with a cut at 1e-15, which keeps
//! rounding as if it were data once features depend on each other. Ours standardises the features first (H does not
//! change under linear maps) and cuts the correlation matrix at 1e-12 of its largest eigenvalue; for n ≤ d the projection is
//! taken in sample space. Where the covariance is regular the two are the same number.

use super::scatter::Scatter;
use super::{DefaultUse, Needs, Replicates, Score, ScoreData, ScoreOptions, ScoreOutcome};
use crate::error::Result;

pub(super) const SCORE: Score = Score {
    name: "h-score",
    summary: "covariance between classes against all covariance (Bao et al. 2019)",
    source: "Bao, Li, Huang, Zhang, Zheng, Zamir, Guibas: An Information-Theoretic Approach to Transferability in Task Transfer Learning, ICIP 2019",
    needs: Needs::ClassStatistics,
    default_use: DefaultUse::Classes,
    always_with_error: false,
    bounds_error: false,
    replicates: Replicates::Recompute,
    run,
};

fn run(data: &ScoreData<'_>, _: &ScoreOptions) -> Result<ScoreOutcome> {
    Scatter::explained(data.statistics()?, SCORE.name).map(ScoreOutcome::of)
}
