//! LogME without each group, for n > d, from a few Cholesky factors a group instead of a new fit.
//!
//! Write `L_j(t; S)` for column j's evidence at `t` given statistics S, β at its best. At the optimum `t_j` of all samples the
//! derivative in t vanishes, so evaluating the statistics less group g *at t_j* errs only to second order in what
//! the group changes (envelope theorem):
//!
//! ```text
//! θ_(g) ≈ mean_j L_j(t_j; S − S_g)/(n − n_g)
//! R_j(t) = s_j − ‖L_t⁻¹b_j‖²,   ln|G + tI| = 2 Σ ln (L_t)_ii,   L_tL_tᵀ = G − G_g + tI
//! ```
//!
//! `ln R_j` and the determinant are analytic in ln t, and the t_j lie close together: where there are more of them than
//! [`NODES`], they are interpolated from Chebyshev nodes over the range of ln t_j. The interpolation error is nearly the same in
//! every replicate, and cancels in the differences that a standard error is made of. Columns without information stay so.
//! The cost is `J · NODES` Cholesky factors of `[d, d]`, and the memory one more G.

use faer::Mat;

use crate::error::Result;
use crate::evidence::{Fit, lagrange};
use crate::linalg;
use crate::statistics::{Statistics, TargetColumn};

const NODES: usize = 4;

/// The replicates, `[J]`; `None` where the fit is not of the plain primal form, or a factor is lost to rounding. `without` gives
/// the statistics without a group, or `None` where they would be in the dual form.
pub(super) fn replicates(
    fit: &Fit,
    n_groups: usize,
    without: &mut dyn FnMut(usize) -> Result<Option<Statistics>>,
) -> Result<Option<Vec<f64>>> {
    let Some(shifts) = fit.primal_shifts() else {
        return Ok(None);
    };
    let nodes = nodes(&shifts);
    let mut replicates = Vec::with_capacity(n_groups);
    for group in 0..n_groups {
        let Some(left) = without(group)? else {
            return Ok(None);
        };
        let names = fit.evidence().columns.iter().map(|column| column.column);
        let Some(value) = replicate(&left, &nodes, &names.zip(shifts.iter().copied()).collect::<Vec<_>>()) else {
            return Ok(None);
        };
        replicates.push(value);
    }
    Ok(Some(replicates))
}

/// ln t at which factors are taken.
fn nodes(shifts: &[f64]) -> Vec<f64> {
    let mut logs: Vec<f64> = shifts.iter().filter(|t| t.is_finite()).map(|t| t.ln()).collect();
    logs.sort_by(f64::total_cmp);
    logs.dedup();
    if logs.len() <= NODES {
        return logs;
    }
    let (low, high) = (logs[0], logs[logs.len() - 1]);
    (0..NODES)
        .map(|k| {
            let angle = std::f64::consts::PI * (k as f64 + 0.5) / NODES as f64;
            0.5 * (low + high) - 0.5 * (high - low) * angle.cos()
        })
        .collect()
}

/// `mean_j L_j(t_j)/n` of `left`, over the columns it still has; `shifts` pairs columns with their t.
fn replicate(left: &Statistics, nodes: &[f64], shifts: &[(usize, f64)]) -> Option<f64> {
    let n = left.n_samples() as f64;
    let present: Vec<(usize, f64)> = left
        .target_columns()
        .iter()
        .map(|column| shifts.iter().find(|(name, _)| *name == column.index).copied())
        .collect::<Option<_>>()?;
    let parts = parts(left, nodes, &present)?;
    let sum: f64 = parts
        .iter()
        .map(|(residual, log_ratio)| {
            0.5 * (n.ln() - residual.ln()) - 0.5 - 0.5 * (2.0 * std::f64::consts::PI).ln() - log_ratio / (2.0 * n)
        })
        .sum();
    let value = sum / parts.len() as f64;
    value.is_finite().then_some(value)
}

/// `R_j(t_j)` and `ln|G/t_j + I|` of the given columns, which are zero without samples. `None` in the dual form, or where a factor is lost to
/// rounding.
pub(crate) fn parts_at(statistics: &Statistics, shifts: &[(usize, f64)]) -> Option<Vec<(f64, f64)>> {
    let nodes = nodes(&shifts.iter().map(|&(_, t)| t).collect::<Vec<_>>());
    parts(statistics, &nodes, shifts)
}

fn parts(left: &Statistics, nodes: &[f64], shifts: &[(usize, f64)]) -> Option<Vec<(f64, f64)>> {
    let gram = left.gram()?;
    let d = left.n_features();
    let known = left.target_columns();
    // A column that has no samples left, where it is asked for, is zero.
    let columns: Vec<Option<&TargetColumn<'_>>> = shifts
        .iter()
        .map(|(name, _)| known.iter().find(|column| column.index == *name))
        .collect();
    let products = Mat::from_fn(d, columns.len(), |i, j| {
        columns[j].map_or(0.0, |column| column.product[i])
    });
    let square = |j: usize| columns[j].map_or(0.0, |column| column.square);
    // ln R_j and the determinant at every node.
    let mut at_nodes = Vec::with_capacity(nodes.len());
    for node in nodes {
        let t = node.exp();
        let mut shifted = gram.dense();
        for i in 0..d {
            shifted[(i, i)] += t;
        }
        let factor = linalg::cholesky(shifted)?;
        let mut solved = products.clone();
        linalg::solve_lower(factor.as_ref(), solved.as_mut());
        let log_ratio = 2.0 * (0..d).map(|i| factor[(i, i)].ln()).sum::<f64>() - d as f64 * node;
        let residuals: Vec<f64> = (0..columns.len())
            .map(|j| square(j) - solved.col_as_slice(j).iter().map(|x| x * x).sum::<f64>())
            .collect();
        at_nodes.push((residuals, log_ratio));
    }
    let mut found = Vec::with_capacity(shifts.len());
    for (j, &(_, t)) in shifts.iter().enumerate() {
        if !t.is_finite() || square(j) <= 0.0 {
            let log_ratio = if t.is_finite() {
                interpolated(nodes, t, &at_nodes, |at| at.1)
            } else {
                0.0
            };
            found.push((square(j), log_ratio));
            continue;
        }
        let residual = interpolated(nodes, t, &at_nodes, |at| at.0[j].ln()).exp();
        found.push((residual, interpolated(nodes, t, &at_nodes, |at| at.1)));
    }
    found
        .iter()
        .all(|(residual, ratio)| residual.is_finite() && ratio.is_finite())
        .then_some(found)
}

/// A function of ln t between its values at the nodes.
fn interpolated<T>(nodes: &[f64], t: f64, at_nodes: &[T], value: impl Fn(&T) -> f64) -> f64 {
    let weights = lagrange(nodes, t.ln());
    weights
        .iter()
        .zip(at_nodes)
        .map(|(weight, at)| weight * value(at))
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weights_reproduce_a_cubic() {
        let nodes = nodes(&[0.5, 1.0, 2.0, 3.0, 4.0, f64::INFINITY]);
        assert_eq!(nodes.len(), NODES);
        let cubic = |x: f64| 1.0 - 2.0 * x + 0.5 * x.powi(3);
        let x = 0.37;
        let value: f64 = lagrange(&nodes, x)
            .iter()
            .zip(&nodes)
            .map(|(w, &node)| w * cubic(node))
            .sum();
        assert!((value - cubic(x)).abs() < 1e-12);
    }

    #[test]
    fn few_columns_are_their_own_nodes() {
        assert_eq!(nodes(&[2.0, 2.0, 8.0]), [2.0_f64.ln(), 8.0_f64.ln()]);
        assert!(nodes(&[f64::INFINITY]).is_empty());
    }
}
