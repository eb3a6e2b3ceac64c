//! NCTI: how near features are to neural collapse on the target classes (Wang et al., ICCV 2023).
//!
//! ```text
//! x [n, p]   features on p ≤ 64 principal components;  s = max(exp(−variance of the first 32), 1e-10)
//! Fisher's discriminant with shrinkage s (see `../discriminant.rs`): coordinates z [n, min(c − 1, p)], probabilities P [n, c]
//! terms      Σ singular values of centred z        (class means spread as a simplex: higher is nearer)
//!            mean probability of the right class    (nearest class centre: higher is nearer)
//!            ln Σ_y Σ singular values of P of class y         (variation within classes: lower is nearer)
//! NCTI = scaled first + scaled second − scaled third, each over the models
//! ```
//!
//! As in the authors' code, which switches to another solver at the least shrinkage: it divides the scatter within classes by n − c there
//! and by n otherwise, so its first term jumps between models by √((n − c)/n); ours divides by n always. Its variance is over n − 1.
//!
//! Cost: the second moments (n·d²) with their eigenvectors (d³), n·p² and n·c².

use faer::{Mat, MatRef, Par};
use rayon::prelude::*;

use super::super::discriminant::Samples;
use super::super::principal::Principal;
use super::super::{ScoreData, ScoreOptions};
use super::CompanyScore;
use crate::error::{Error, ErrorKind, Result};
use crate::linalg;
use crate::targets::Compact;

/// Principal components that are kept.
const COMPONENTS: usize = 64;
/// Components whose variance decides the shrinkage.
const LEADING: usize = 32;
/// The least shrinkage.
const LEAST: f64 = 1e-10;

pub(super) const SCORE: CompanyScore = CompanyScore {
    name: "ncti",
    summary: "nearness to neural collapse, scaled over the models of the hub (Wang et al. 2023)",
    source: "Wang, Luo, Zheng, Huang, Baktashmotlagh: How Far Pre-trained Models Are from Neural Collapse on the Target Dataset Informs their Transferability, ICCV 2023",
    terms: &["seli", "ncc", "vc"],
    weights: &[1.0, 1.0, -1.0],
    of_model,
};

fn of_model(data: &ScoreData<'_>, _: &ScoreOptions) -> Result<Vec<f64>> {
    let (features, targets) = data.rows(SCORE.name)?;
    let labels = Compact::new(targets.labels_for(SCORE.name)?);
    let principal = Principal::new(data.statistics()?, COMPONENTS)?;
    let (n, p, c) = (features.n_samples(), principal.len(), labels.counts.len());
    let unbiased = n as f64 / (n as f64 - 1.0);
    if p == 0 {
        return Ok(without_features(&labels));
    }
    let leading: f64 = principal.variances.iter().take(LEADING).sum::<f64>() * unbiased;
    let shrinkage = (-leading).exp().max(LEAST);
    let coordinates = principal.coordinates(&features);
    let row = |i: usize, to: &mut [f64]| {
        for (k, to) in to.iter_mut().enumerate() {
            *to = coordinates[(i, k)];
        }
    };
    let samples = Samples {
        classes: &labels.index,
        counts: &labels.counts,
        n_features: p,
        row: &row,
    };
    let scatters = samples.scatters();
    let discriminant = scatters.discriminant(&labels.counts, shrinkage)?;
    let mut right = 0.0;
    let mut shares_of_class: Vec<Vec<f64>> = labels
        .counts
        .iter()
        .map(|&count| Vec::with_capacity(count * c))
        .collect();
    samples.for_each_share(&discriminant, |i, shares| {
        right += shares[labels.index[i]];
        shares_of_class[labels.index[i]].extend_from_slice(shares);
    });
    // Many small matrices: one task for each, and the sum in their order.
    let norms: Vec<f64> = shares_of_class
        .par_iter()
        .zip(&labels.counts)
        .map(|(shares, &count)| nuclear_norm(MatRef::from_row_major_slice(shares, count, c), Par::Seq))
        .collect::<Result<_>>()?;
    let within: f64 = norms.iter().sum();
    let spread = if scatters.is_constant {
        0.0
    } else {
        let shrunk = scatters.shrunk(shrinkage);
        let total: Vec<f64> = principal.variances.clone();
        let directions = directions(&shrunk, &total, shrinkage, p.min(c - 1))?;
        // Of a tall matrix, those of its triangular factor.
        let along = linalg::product(coordinates.as_ref(), directions.as_ref(), linalg::parallel());
        nuclear_norm(linalg::triangular_factor(along).as_ref(), linalg::parallel())?
    };
    Ok(vec![spread, right / n as f64, within.ln()])
}

/// The terms of features that are the same for all samples: every sample has the shares of the classes.
fn without_features(labels: &Compact) -> Vec<f64> {
    let n = labels.index.len() as f64;
    let right: f64 = labels.counts.iter().map(|&count| (count as f64 / n).powi(2)).sum();
    let within: f64 = labels.counts.iter().map(|&count| (count as f64 * right).sqrt()).sum();
    vec![0.0, right, within.ln()]
}

/// The leading generalised eigenvectors of the shrunk scatter between classes, `S_T − S`, with respect to `S` (the shrunk scatter within),
/// `[p, k]`, of length one in S. `total` `[p]` is the diagonal scatter of all samples, shrunk here.
fn directions(within: &Mat<f64>, total: &[f64], shrinkage: f64, count: usize) -> Result<Mat<f64>> {
    let p = total.len();
    let lost = || {
        Error::new(
            ErrorKind::Precision,
            "the scatter within classes is singular to rounding; leave out features that repeat others",
        )
    };
    let mean = total.iter().sum::<f64>() / p as f64;
    let mut between = Mat::from_fn(p, p, |i, j| -within[(i.max(j), i.min(j))]);
    for (i, variance) in total.iter().enumerate() {
        between[(i, i)] += (1.0 - shrinkage) * variance + shrinkage * mean;
    }
    let factor = linalg::cholesky(within.clone()).ok_or_else(lost)?;
    let lower = factor.as_ref();
    // L⁻¹BL⁻ᵀ, by two triangular solves.
    linalg::solve_lower(lower, between.as_mut());
    let mut whitened = between.transpose().to_owned();
    linalg::solve_lower(lower, whitened.as_mut());
    let decomposition = linalg::eigen(whitened.as_ref()).ok_or_else(lost)?;
    let mut leading = Mat::from_fn(p, count, |i, k| decomposition.vectors[(i, p - 1 - k)]);
    linalg::solve_lower_transposed(lower, leading.as_mut());
    Ok(leading)
}

/// The sum of singular values.
fn nuclear_norm(matrix: MatRef<'_, f64>, par: Par) -> Result<f64> {
    let values = linalg::singular_values(matrix, par).ok_or_else(|| {
        Error::new(
            ErrorKind::Precision,
            "singular values did not converge; scale the features",
        )
    })?;
    Ok(values.into_iter().sum())
}
