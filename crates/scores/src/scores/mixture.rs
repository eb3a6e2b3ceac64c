//! A mixture of Gaussians with full covariances, fitted the same way every time: seeded k-means++, Lloyd's steps, then EM.
//!
//! ```text
//! x [n, p]                    scaled beforehand to mean variance one
//! r_ik ∝ w_k N(x_i; μ_k, Σ_k)     responsibilities [n, K];  w_k, μ_k, Σ_k their moments,  Σ_k + εI
//! ```
//!
//! The start is from k-means as in scikit-learn, whose defaults the other settings are too: 100 rounds at most, and an end where the mean log
//! likelihood changes by less than 1e-3. ε = 1e-3 (scikit-learn 1e-6 of the raw features): components of few samples in many
//! dimensions are singular without it, and their responsibilities arbitrary.
//!
//! Cost: n·K·p² a round, as one triangular factor a component turns densities into products.

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatRef, Par};
use ranktune_core::random::Random;
use rayon::prelude::*;

use crate::error::{Error, ErrorKind, Result};
use crate::linalg;

/// Rounds of Lloyd's algorithm, and of EM, at most.
const ROUNDS: usize = 100;
/// Change of the mean log likelihood below which EM ends.
const TOLERANCE: f64 = 1e-3;
/// Added to every variance.
const RIDGE: f64 = 1e-3;
/// Responsibilities below this are left out of moments.
const NEGLIGIBLE: f64 = 1e-12;
const SEED: u64 = 0x6d69_7874;

struct Component {
    log_weight: f64,
    mean: Vec<f64>,
    /// `[p, p]`, lower triangle.
    covariance: Mat<f64>,
}

/// The responsibilities `[K, n]` (component after component) of at most `n_components` Gaussians for `x` `[n, p]`, row-major.
///
/// # Errors
/// [`ErrorKind::Precision`] where a covariance is lost to rounding.
pub(super) fn responsibilities(x: &[f64], p: usize, n: usize, n_components: usize) -> Result<Vec<f64>> {
    if p == 0 {
        return Ok(vec![1.0; n]);
    }
    let assigned = cluster(x, p, &centres(x, p, n_components));
    let count = assigned.iter().max().map_or(1, |last| last + 1);
    let mut shares = vec![0.0; count * n];
    for (row, &component) in assigned.iter().enumerate() {
        shares[component * n + row] = 1.0;
    }
    let mut before = f64::NEG_INFINITY;
    for _ in 0..ROUNDS {
        let components: Vec<Component> = shares.par_chunks_exact(n).map(|shares| moments(x, p, shares)).collect();
        let likelihood = expect(x, p, &components, &mut shares)?;
        if (likelihood - before).abs() < TOLERANCE {
            break;
        }
        before = likelihood;
    }
    Ok(shares)
}

/// k-means++: the first centre at random, every other with a chance in proportion to its squared distance from those before.
fn centres(x: &[f64], p: usize, count: usize) -> Vec<f64> {
    let n = x.len() / p;
    let mut random = Random::new(SEED);
    let row = |i: usize| &x[i * p..(i + 1) * p];
    let mut centres = row(random.below(n)).to_vec();
    let mut nearest = vec![f64::INFINITY; n];
    while centres.len() < count.min(n) * p {
        let newest = centres[centres.len() - p..].to_vec();
        nearest.par_iter_mut().enumerate().for_each(|(i, nearest)| {
            *nearest = nearest.min(squared_distance(row(i), &newest));
        });
        let total: f64 = nearest.iter().sum();
        if total <= 0.0 {
            break;
        }
        let mut left = (random.next() >> 11) as f64 / (1_u64 << 53) as f64 * total;
        let chosen = nearest.iter().position(|&distance| {
            left -= distance;
            left < 0.0
        });
        let last = nearest.iter().rposition(|&distance| distance > 0.0).unwrap_or(0);
        centres.extend_from_slice(row(chosen.unwrap_or(last)));
    }
    centres
}

fn squared_distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}

/// Lloyd's algorithm: the cluster of every row, numbered without gaps.
fn cluster(x: &[f64], p: usize, centres: &[f64]) -> Vec<usize> {
    let n = x.len() / p;
    let mut centres = centres.to_vec();
    let mut assigned = vec![usize::MAX; n];
    for _ in 0..ROUNDS {
        let count = centres.len() / p;
        let lengths: Vec<f64> = centres
            .chunks_exact(p)
            .map(|centre| centre.iter().map(|c| c * c).sum())
            .collect();
        let mut along = Mat::<f64>::zeros(count, n);
        matmul(
            along.as_mut(),
            Accum::Replace,
            MatRef::from_row_major_slice(&centres, count, p),
            MatRef::from_column_major_slice(x, p, n),
            1.0,
            linalg::parallel(),
        );
        let nearest: Vec<usize> = (0..n)
            .into_par_iter()
            .map(|row| {
                let along = along.col_as_slice(row);
                (0..count)
                    .min_by(|&a, &b| {
                        let distance = |k: usize| lengths[k] - 2.0 * along[k];
                        distance(a).total_cmp(&distance(b))
                    })
                    .unwrap_or(0)
            })
            .collect();
        if nearest == assigned {
            break;
        }
        assigned = nearest;
        // Clusters that lost all their rows are gone.
        let mut members = vec![0_usize; count];
        for &own in &assigned {
            members[own] += 1;
        }
        let mut number = vec![usize::MAX; count];
        let filled = (0..count).filter(|&k| members[k] > 0);
        for (new, old) in filled.enumerate() {
            number[old] = new;
        }
        for own in &mut assigned {
            *own = number[*own];
        }
        members.retain(|&count| count > 0);
        centres = vec![0.0; members.len() * p];
        for (row, &own) in x.chunks_exact(p).zip(&assigned) {
            for (centre, x) in centres[own * p..][..p].iter_mut().zip(row) {
                *centre += x;
            }
        }
        for (centre, &count) in centres.chunks_exact_mut(p).zip(&members) {
            for value in centre {
                *value /= count as f64;
            }
        }
    }
    assigned
}

/// The Gaussian of the rows with their shares `[n]`.
fn moments(x: &[f64], p: usize, shares: &[f64]) -> Component {
    let taken: Vec<usize> = (0..shares.len()).filter(|&row| shares[row] > NEGLIGIBLE).collect();
    let total: f64 = taken.iter().map(|&row| shares[row]).sum();
    let mut mean = vec![0.0; p];
    for &row in &taken {
        for (mean, x) in mean.iter_mut().zip(&x[row * p..][..p]) {
            *mean += shares[row] * x / total;
        }
    }
    let scaled = Mat::from_fn(p, taken.len(), |k, i| {
        (shares[taken[i]] / total).sqrt() * (x[taken[i] * p + k] - mean[k])
    });
    let mut covariance = Mat::zeros(p, p);
    matmul(
        covariance.as_mut(),
        Accum::Replace,
        &scaled,
        scaled.transpose(),
        1.0,
        Par::Seq,
    );
    for k in 0..p {
        covariance[(k, k)] += RIDGE;
    }
    Component {
        log_weight: (total / shares.len() as f64).ln(),
        mean,
        covariance,
    }
}

/// Fills the responsibilities; the mean log likelihood.
fn expect(x: &[f64], p: usize, components: &[Component], shares: &mut [f64]) -> Result<f64> {
    let n = x.len() / p;
    shares
        .par_chunks_exact_mut(n)
        .zip(components)
        .try_for_each(|(densities, component)| log_densities(x, component, densities))
        .map_err(|()| {
            Error::new(
                ErrorKind::Precision,
                "n-leep's covariances are lost to rounding; scale the features",
            )
        })?;
    let mut sum = 0.0;
    for row in 0..n {
        let at = |k: usize| k * n + row;
        let largest = (0..components.len())
            .map(|k| shares[at(k)])
            .fold(f64::NEG_INFINITY, f64::max);
        let total: f64 = (0..components.len()).map(|k| (shares[at(k)] - largest).exp()).sum();
        sum += largest + total.ln();
        for k in 0..components.len() {
            shares[at(k)] = (shares[at(k)] - largest).exp() / total;
        }
    }
    Ok(sum / n as f64)
}

/// `ln w + ln N(x_i; μ, Σ)` of every row. A component without samples has −∞.
fn log_densities(x: &[f64], component: &Component, densities: &mut [f64]) -> std::result::Result<(), ()> {
    let (n, p) = (densities.len(), component.mean.len());
    if component.log_weight == f64::NEG_INFINITY {
        densities.fill(f64::NEG_INFINITY);
        return Ok(());
    }
    let factor = linalg::cholesky(component.covariance.clone()).ok_or(())?;
    let lower = factor.as_ref();
    let mut centred = Mat::from_fn(p, n, |k, i| x[i * p + k] - component.mean[k]);
    linalg::solve_lower(lower, centred.as_mut());
    let log_root: f64 = (0..p).map(|k| lower[(k, k)].ln()).sum();
    let constant = component.log_weight - log_root - 0.5 * p as f64 * (2.0 * std::f64::consts::PI).ln();
    for (i, density) in densities.iter_mut().enumerate() {
        let squared: f64 = centred.col_as_slice(i).iter().map(|value| value * value).sum();
        *density = constant - 0.5 * squared;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two clouds far apart in one dimension, of which each component takes one.
    #[test]
    fn clouds_far_apart_have_a_component_each() {
        let x: Vec<f64> = (0..40)
            .map(|i| if i < 30 { -10.0 } else { 10.0 } + 0.1 * f64::from(i % 7))
            .collect();
        let shares = responsibilities(&x, 1, 40, 2).unwrap();
        let first = if shares[0] > 0.5 { 0 } else { 1 };
        for row in 0..40 {
            let own = if row < 30 { first } else { 1 - first };
            assert!((shares[own * 40 + row] - 1.0).abs() < 1e-12, "{row}");
        }
    }

    #[test]
    fn equal_rows_are_one_component() {
        let shares = responsibilities(&[1.0; 20], 2, 10, 5).unwrap();
        assert_eq!(shares, vec![1.0; 10]);
    }

    /// The density of a component is that of the formula, in two dimensions with correlation.
    #[test]
    fn densities_are_those_of_the_formula() {
        let component = Component {
            log_weight: 0.25_f64.ln(),
            mean: vec![1.0, -2.0],
            covariance: Mat::from_fn(2, 2, |i, j| [[2.0, 0.6], [0.6, 0.5]][i][j]),
        };
        let mut found = [0.0];
        log_densities(&[0.3, 0.7], &component, &mut found).unwrap();
        let (a, b): (f64, f64) = (-0.7, 2.7);
        let determinant: f64 = 2.0 * 0.5 - 0.36;
        let squared = (0.5 * a * a - 1.2 * a * b + 2.0 * b * b) / determinant;
        let expected = 0.25_f64.ln() - (2.0 * std::f64::consts::PI).ln() - 0.5 * determinant.ln() - 0.5 * squared;
        assert!((found[0] - expected).abs() < 1e-12);
    }
}
