//! Shrinkage H-score: the H-score with Ledoit–Wolf's covariance (Ibrahim et al. 2021; Ledoit & Wolf 2004).
//!
//! ```text
//! C = S/n,  κ = tr C/d,   Σ = (1 − δ)C + δκI
//! δ = min(b, a)/a,   a = (‖C‖² − dκ²)/d,   b = (Σ_i ‖x̃_i‖⁴/n − ‖C‖²)/(d·n)       δ = 0 for one feature
//! score = (1 − δ) Σ_y v_yᵀ Σ⁻¹ v_y / (n − 1)
//! ```
//!
//! δ is scikit-learn's `LedoitWolf`, and C is divided by n but the covariance between classes by n − 1, as in the published
//! code. For n ≤ d everything is in sample space: `v_yᵀΣ⁻¹v_y = u_yᵀ((1 − δ)K̃/n + δκI)⁻¹K̃u_y`.
//! Without shrinkage (δ = 0) the inverse becomes the pseudo-inverse of the H-score.

use faer::Mat;
use faer::linalg::triangular_solve::solve_upper_triangular_in_place;

use super::h_score;
use super::scatter::{Scatter, squared_solution};
use super::{DefaultUse, Needs, Replicates, Score, ScoreData, ScoreOptions, ScoreOutcome};
use crate::error::Result;
use crate::linalg;
use crate::statistics::Statistics;

pub(super) const SCORE: Score = Score {
    name: "shrinkage-h-score",
    summary: "H-score with Ledoit–Wolf shrinkage (Ibrahim et al. 2021)",
    source: "Ibrahim, Ponomareva, Mazumder: Newer is not always better: Rethinking transferability metrics, their peculiarities, stability and performance, 2021",
    needs: Needs::ClassStatistics,
    default_use: DefaultUse::Classes,
    always_with_error: false,
    bounds_error: false,
    replicates: Replicates::Recompute,
    run,
};

fn run(data: &ScoreData<'_>, _: &ScoreOptions) -> Result<ScoreOutcome> {
    let statistics = data.statistics()?;
    let scatter = Scatter::new(statistics, SCORE.name)?;
    let n = scatter.n as f64;
    let (shrinkage, mean_variance) = shrinkage(&scatter, statistics);
    let ridge = shrinkage * mean_variance;
    let weight = (1.0 - shrinkage) / n;
    let scale = n / (n - 1.0);
    let mut most = f64::INFINITY;
    let value = if shrinkage >= 1.0 || mean_variance <= 0.0 {
        0.0
    } else if let Some(value) = (ridge > 0.0).then(|| regularised(&scatter, weight, ridge)).flatten() {
        (1.0 - shrinkage) * value / (n - 1.0)
    } else {
        // Without shrinkage it is the H-score, and saturated where that is.
        most = h_score::most(statistics) * scale;
        Scatter::explained(statistics, SCORE.name)? * scale
    };
    Ok(ScoreOutcome::of(value).capped(most))
}

/// Ledoit–Wolf's δ, and κ.
fn shrinkage(scatter: &Scatter, statistics: &Statistics) -> (f64, f64) {
    let (n, d) = (scatter.n as f64, scatter.d as f64);
    let m = &scatter.matrix;
    let size = m.nrows();
    let trace: f64 = (0..size).map(|i| m[(i, i)]).sum::<f64>() / n;
    let mean_variance = trace / d;
    if scatter.d == 1 || mean_variance <= 0.0 {
        return (0.0, mean_variance);
    }
    // ‖S‖ = ‖K̃‖; the lower triangle holds every pair once.
    let norm = (0..size)
        .map(|j| {
            let column = &m.col_as_slice(j)[j..];
            column[0] * column[0] + 2.0 * column[1..].iter().map(|x| x * x).sum::<f64>()
        })
        .sum::<f64>()
        / (n * n);
    let quartic = if scatter.is_dual {
        (0..size).map(|i| m[(i, i)] * m[(i, i)]).sum()
    } else {
        let moments = statistics.moments();
        let shift: Vec<f64> = moments.sum.iter().map(|sum| sum / n).collect();
        moments.moved(&shift, &|vector| statistics.apply_gram(vector)).quartic
    };
    let a = (norm - d * mean_variance * mean_variance) / d;
    let b = (quartic / n - norm) / (d * n);
    let b = b.min(a);
    let delta = if b <= 0.0 || a <= 0.0 { 0.0 } else { b / a };
    (delta, mean_variance)
}

/// `Σ_y v_yᵀ(weight·S + ridge·I)⁻¹v_y`; `None` where the matrix is singular to rounding.
fn regularised(scatter: &Scatter, weight: f64, ridge: f64) -> Option<f64> {
    let m = &scatter.matrix;
    let size = m.nrows();
    let shrunk = Mat::from_fn(size, size, |i, j| match i.cmp(&j) {
        std::cmp::Ordering::Less => 0.0,
        std::cmp::Ordering::Equal => weight * m[(i, i)] + ridge,
        std::cmp::Ordering::Greater => weight * m[(i, j)],
    });
    let factor = linalg::cholesky(shrunk)?;
    if !scatter.is_dual {
        return Some(squared_solution(factor.as_ref(), scatter.between.clone()));
    }
    let mut solved = scatter.between.clone();
    linalg::solve_lower(factor.as_ref(), solved.as_mut());
    solve_upper_triangular_in_place(factor.transpose(), solved.as_mut(), linalg::parallel());
    let full = Mat::from_fn(size, size, |i, j| m[(i.max(j), i.min(j))]);
    let product = linalg::product(full.as_ref(), scatter.between.as_ref(), linalg::parallel());
    Some(
        (0..solved.ncols())
            .map(|j| {
                solved
                    .col_as_slice(j)
                    .iter()
                    .zip(product.col_as_slice(j))
                    .map(|(a, b)| a * b)
                    .sum::<f64>()
            })
            .sum(),
    )
}
