//! Leave-one-out residuals from an eigendecomposition, which serves all columns as they differ in t only.
//!
//! With `G = VΛVᵀ`, `Z = FV`, `u = z/√λ`, `ŷ = Λ^{-½}Vᵀ(Fᵀy)`:
//!
//! ```text
//! n > d    1 − H_ii = (1 − Σ_k u_ik²) + Σ_k u_ik² t/(λ_k + t)           [n, d] · [d, c]
//!          (y − Fm)_i = (y_i − Σ_k u_ik ŷ_k) + Σ_k u_ik ŷ_k t/(λ_k + t)
//! n ≤ d    FFᵀ = UΣUᵀ,  q_i = Σ_k u_ik²/(σ_k + t),  r_i = (Σ_k u_ik ŷ_k/(σ_k + t)) / q_i,   1 − H_ii = t·q_i      [n, n] · [n, c]
//! ```
//!
//! The second terms are exact however small t is, and so is the first where the features reproduce a sample (leverage 1): it is zero there.
//! In the dual form the limit t → 0 (noise-free columns) needs no case of its own, but for its variance `1/(α q_i)`.
//!
//! Cost: an eigendecomposition of `min(n, d)²`, `2nd²` for Z, and `6ncd` for all columns; the rows are taken in blocks, so memory is that
//! of `[d, d]` and a block of `[rows, d + c]`.

use faer::Mat;

use super::{BLOCK, Collected, block_of, product};
use crate::error::{Error, ErrorKind, Result};
use crate::features::FeatureView;
use crate::linalg::{self, Eigen};
use crate::statistics::Statistics;
use crate::statistics::gram::dual_gram;

/// Eigenvalues below this part of the largest are rounding: such directions predict nothing.
const RANK_CUT: f64 = 1e-13;
/// A sample is reproduced by the features where less than this is left of it outside their range.
const REPRODUCED: f64 = 1e-8;

/// Predicts the samples of `features`, which in the dual form are all of those of `statistics`.
///
/// # Errors
/// [`ErrorKind::Precision`] where eigenvalues do not converge.
pub(super) fn predict(statistics: &Statistics, features: &FeatureView<'_>, out: &mut Collected<'_>) -> Result<()> {
    if statistics.is_dual() {
        dual(features, out)
    } else {
        primal(statistics, features, out)
    }
}

/// `t/(λ + t)`, also at the ends.
fn shrunk(lambda: f64, t: f64) -> f64 {
    if t.is_infinite() { 1.0 } else { t / (lambda + t) }
}

fn eigen(matrix: &Mat<f64>) -> Result<Eigen> {
    linalg::eigen(matrix.as_ref()).ok_or_else(|| {
        Error::new(
            ErrorKind::Precision,
            "the eigenvalues of the features' second moments did not converge; scale the features",
        )
    })
}

fn primal(statistics: &Statistics, features: &FeatureView<'_>, out: &mut Collected<'_>) -> Result<()> {
    let columns = out.columns;
    let Some(gram) = statistics.gram() else {
        return Err(Error::new(ErrorKind::Unsupported, "statistics hold no second moments"));
    };
    let (d, c) = (features.n_features(), columns.len());
    let Eigen {
        values: lambda,
        vectors,
    } = eigen(&gram.dense())?;
    let largest = lambda.iter().copied().fold(0.0, f64::max);
    let kept: Vec<usize> = (0..d).filter(|&k| lambda[k] > RANK_CUT * largest).collect();
    // V/√λ, so that products with rows of features are rows of u.
    let basis = Mat::from_fn(d, kept.len(), |i, k| vectors[(i, kept[k])] / lambda[kept[k]].sqrt());
    let products: Vec<&[f64]> = {
        let all = statistics.target_columns();
        all.iter().map(|column| column.product).collect()
    };
    let right = Mat::from_fn(d, c, |i, j| products[j][i]);
    let fitted = product(basis.transpose(), right.as_ref());
    let weights = Mat::from_fn(kept.len(), c, |k, j| shrunk(lambda[kept[k]], columns[j].t));
    let shrunk_fit = Mat::from_fn(kept.len(), c, |k, j| fitted[(k, j)] * weights[(k, j)]);
    for first in (0..features.n_samples()).step_by(BLOCK) {
        let rows = BLOCK.min(features.n_samples() - first);
        let u = product(block_of(features, first, rows).transpose(), basis.as_ref());
        let squares = Mat::from_fn(rows, kept.len(), |i, k| u[(i, k)] * u[(i, k)]);
        let (inside, left, leverage) = (
            product(u.as_ref(), fitted.as_ref()),
            product(u.as_ref(), shrunk_fit.as_ref()),
            product(squares.as_ref(), weights.as_ref()),
        );
        // What is left of a sample outside the features' range; nothing where they reproduce it.
        let outside: Vec<f64> = (0..rows)
            .map(|i| 1.0 - (0..kept.len()).map(|k| squares[(i, k)]).sum::<f64>())
            .map(|outside| if outside < REPRODUCED { 0.0 } else { outside })
            .collect();
        let y = Mat::from_fn(rows, c, |i, j| out.target(first + i, j));
        let one_less = |i: usize, j: usize| leverage[(i, j)] + outside[i];
        out.add(
            (first, rows),
            |i, j| {
                let beyond = if outside[i] > 0.0 {
                    y[(i, j)] - inside[(i, j)]
                } else {
                    0.0
                };
                (beyond + left[(i, j)]) / one_less(i, j).max(f64::MIN_POSITIVE)
            },
            |i, j| columns[j].beta.unwrap_or(0.0) * one_less(i, j),
        );
    }
    Ok(())
}

fn dual(features: &FeatureView<'_>, out: &mut Collected<'_>) -> Result<()> {
    let columns = out.columns;
    let (n, c) = (features.n_samples(), columns.len());
    let Eigen {
        values: sigma,
        vectors: u,
    } = eigen(&dual_gram(features.data(), features.n_features(), None, None))?;
    let largest = sigma.iter().copied().fold(0.0, f64::max);
    // What rounding leaves of a zero must not be negative, and not zero where t is.
    let sigma: Vec<f64> = sigma.iter().map(|value| value.max(f64::EPSILON * largest)).collect();
    let y = Mat::from_fn(n, c, |i, j| out.target(i, j));
    let rotated = product(u.transpose(), y.as_ref());
    // 1/(σ + t), and in the limit t → ∞ t/(σ + t): the ratio of the two sums is what counts.
    let inverse = Mat::from_fn(n, c, |k, j| {
        let t = columns[j].t;
        if t.is_infinite() { 1.0 } else { 1.0 / (sigma[k] + t) }
    });
    let scaled = Mat::from_fn(n, c, |k, j| rotated[(k, j)] * inverse[(k, j)]);
    let squares = Mat::from_fn(n, n, |i, k| u[(i, k)] * u[(i, k)]);
    let (above, below) = (
        product(u.as_ref(), scaled.as_ref()),
        product(squares.as_ref(), inverse.as_ref()),
    );
    out.add(
        (0, n),
        |i, j| above[(i, j)] / below[(i, j)],
        |i, j| columns[j].precision(below[(i, j)]),
    );
    Ok(())
}
