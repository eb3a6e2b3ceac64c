//! N-LEEP: LEEP with a mixture of Gaussians on the features in place of the source head (Li et al., CVPR 2021).
//!
//! ```text
//! features on the principal components that hold 80 % of the variance, 64 at most;  K Gaussians with full covariances (see `mixture.rs`)
//! θ [n, K] their responsibilities;   P(y|k) = Σ_{i: y_i = y} θ_ik / Σ_i θ_ik;   N-LEEP = (1/n) Σ_i ln Σ_k P(y_i|k) θ_ik
//! ```
//!
//! The share of 80 % and K = 5c are the authors'. 5c Gaussians take more samples than there often are: K = c where there are fewer than
//! ten for each (authors and others set one a class by hand for some data sets), and never more than half the samples.
//! The code that SFDA's authors published under this name leaves out the logarithm, and starts from another random state every time.
//!
//! Cost: n·K·p² a round of EM, so it is taken over a stratified draw where there are more than 5,000 samples.

use super::mixture::responsibilities;
use super::principal::Principal;
use super::{DefaultUse, Needs, Replicates, Score, ScoreData, ScoreOptions, ScoreOutcome, draw};
use crate::error::Result;
use crate::features::FeatureView;
use crate::statistics::Statistics;
use crate::targets::{Compact, Targets};

/// Share of the variance that the components hold.
const VARIANCE: f64 = 0.8;
/// Principal components at most.
const COMPONENTS: usize = 64;
/// Gaussians for every class.
const GAUSSIANS: usize = 5;
/// Samples for every Gaussian below which there is one a class only.
const SAMPLES: usize = 10;
/// Samples that are looked at.
const MOST: usize = 5_000;

pub(super) const SCORE: Score = Score {
    name: "n-leep",
    summary: "LEEP with a mixture of Gaussians on the features in place of the source head (Li et al. 2021)",
    source: "Li, Jia, Sang, Zhu, Green, Wang, Gong: Ranking Neural Checkpoints, CVPR 2021",
    needs: Needs::ClassSamples,
    default_use: DefaultUse::OnRequest,
    always_with_error: false,
    bounds_error: false,
    replicates: Replicates::Recompute,
    run,
};

fn run(data: &ScoreData<'_>, _: &ScoreOptions) -> Result<ScoreOutcome> {
    let (features, targets) = data.rows(SCORE.name)?;
    let labels = Compact::new(targets.labels_for(SCORE.name)?);
    let rows = draw::stratified(&features, Some(&labels.index), MOST);
    let n = rows.len();
    let taken = features.gather(&rows);
    let view = FeatureView::new(&taken, n, features.n_features())?;
    // Only the features' moments are of interest.
    let statistics = Statistics::of(&view, &Targets::classes(&vec![0; n], 1)?)?;
    let mut principal = Principal::new(&statistics, COMPONENTS)?;
    principal.truncate(components(&principal));
    let p = principal.len();
    let coordinates = principal.coordinates(&view);
    let scale = (principal.variances.iter().sum::<f64>() / p.max(1) as f64).sqrt();
    let x: Vec<f64> = (0..n)
        .flat_map(|i| (0..p).map(move |k| (i, k)))
        .map(|(i, k)| coordinates[(i, k)] / scale)
        .collect();
    let c = labels.counts.len();
    let theta = responsibilities(&x, p, n, gaussians(n, c))?;
    let mut logs = vec![0.0; n];
    for shares in theta.chunks_exact(n) {
        let mut joint = vec![0.0; c];
        for (&row, share) in rows.iter().zip(shares) {
            joint[labels.index[row]] += share;
        }
        let marginal: f64 = joint.iter().sum();
        if marginal <= 0.0 {
            continue;
        }
        for ((&row, share), sum) in rows.iter().zip(shares).zip(&mut logs) {
            *sum += joint[labels.index[row]] / marginal * share;
        }
    }
    let value = logs.iter().map(|likelihood| likelihood.ln()).sum::<f64>() / n as f64;
    Ok(ScoreOutcome::of(value)
        .capped(0.0)
        .with_estimate(draw::note(n, features.n_samples())))
}

/// How many components hold the wanted share of the variance.
fn components(principal: &Principal) -> usize {
    let wanted = VARIANCE * principal.total_variance;
    let mut sum = 0.0;
    for (place, variance) in principal.variances.iter().enumerate() {
        sum += variance;
        if sum >= wanted {
            return place + 1;
        }
    }
    principal.len()
}

/// How many Gaussians.
fn gaussians(n: usize, c: usize) -> usize {
    let wanted = if n >= SAMPLES * GAUSSIANS * c { GAUSSIANS * c } else { c };
    wanted.min(n / 2).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_five_gaussians_a_class_where_there_are_samples_for_them() {
        assert_eq!(gaussians(5_000, 10), 50);
        assert_eq!(gaussians(499, 10), 10);
        assert_eq!(gaussians(12, 10), 6);
        assert_eq!(gaussians(1, 1), 1);
    }
}
