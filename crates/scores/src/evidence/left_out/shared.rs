//! Leave-one-out residuals from the band matrix that LogME was solved in, without eigenvectors.
//!
//! With `G = Q A Qᵀ` (or `FFᵀ` where n ≤ d) and `A` a band matrix, divided by its scale:
//!
//! ```text
//! n > d    Z = FQ [n, d]:   1 − H_ii = 1 − z_iᵀ(A + tI)⁻¹z_i,   (Fm)_i = z_iᵀ(A + tI)⁻¹Qᵀ(Fᵀy)
//! n ≤ d    Z = Q  [n, n]:   q_i = z_iᵀ(A + tI)⁻¹z_i,            r_i = (Q(A + tI)⁻¹Qᵀy)_i / q_i
//! zᵀ(A + tI)⁻¹z = ‖L_t⁻¹z‖²,  L_tL_tᵀ = A + tI                  2nk(b + 4) operations at one t;  k = min(n, d), b the band's half-width
//! ```
//!
//! `1 − H_ii` and `q_i` are sums of `t/(λ + t)` and `1/(λ + t)` with positive weights, analytic in `ln t` in the strip of half-width π. Columns
//! whose t are close together therefore share the values at a few Chebyshev nodes: the interpolant's relative error is below 1e-12. Where
//! there are no more columns than nodes, each has its own t.
//!
//! `1 − H_ii` is a difference, which loses its digits for a sample that the features reproduce. Such samples, and factors that are lost to
//! rounding, are left to the eigendecomposition: then there is no result here.
//!
//! Cost: `4k³/3` for Q, `2nd²` for Z (nothing where n ≤ d), a forward substitution for every node and sample, `4nkc`.

use faer::{Mat, MatRef};
use rayon::prelude::*;

use super::super::forward::Packed;
use super::super::interpolant::{Nodes, lagrange};
use super::super::profile::Form;
use super::super::shifted::Shifted;
use super::super::{InBand, band::Band};
use super::{BLOCK, Collected, block_of, product};
use crate::features::FeatureView;

/// What is left of a sample, `1 − H_ii`, below which too many digits are lost.
const LEAST: f64 = 1e-6;
/// The longest interval of ln t that is interpolated at once.
const PIECE: f64 = 3.0;
/// Minus the logarithm of the interpolant's relative error.
const DIGITS: f64 = 27.6;

/// Adds the samples of `features` to `out`, which is empty. False where rounding has spoiled them: then `out` is of no use.
pub(super) fn predict(solution: &InBand<'_>, features: &FeatureView<'_>, out: &mut Collected<'_>) -> bool {
    let plan = Plan::new(solution.shifts);
    let Some(factors) = plan.factors(solution.band) else {
        return false;
    };
    let shared = Shared {
        scale: solution.band.scale,
        rotation: solution.band.rotation(),
        solutions: solution.rotated(),
        plan,
        factors,
    };
    match solution.form {
        Form::Primal => shared.primal(features, out),
        Form::Dual => {
            shared.dual(out);
            true
        }
    }
}

/// What all samples share.
struct Shared {
    /// The number that the band matrix was divided by.
    scale: f64,
    /// `Q` `[k, k]`
    rotation: Mat<f64>,
    /// `(A + tI)⁻¹` times the right-hand sides, `[k, c]`.
    solutions: Mat<f64>,
    plan: Plan,
    factors: Vec<Shifted>,
}

impl Shared {
    fn primal(&self, features: &FeatureView<'_>, out: &mut Collected<'_>) -> bool {
        let columns = out.columns;
        let root = 1.0 / self.scale.sqrt();
        for first in (0..features.n_samples()).step_by(BLOCK) {
            let rows = BLOCK.min(features.n_samples() - first);
            let mut z = product(block_of(features, first, rows).transpose(), self.rotation.as_ref());
            z.as_mut().par_col_iter_mut().for_each(|column| {
                for value in column.iter_mut() {
                    *value *= root;
                }
            });
            let mut left = self.forms(z.as_ref());
            for j in 0..left.ncols() {
                for value in left.col_as_slice_mut(j) {
                    *value = 1.0 - *value;
                }
            }
            let is_kept = |value: &f64| *value >= LEAST;
            if !(0..left.ncols()).all(|j| left.col_as_slice(j).iter().all(is_kept)) {
                return false;
            }
            let (one_less, fitted) = (
                product(left.as_ref(), self.plan.weights.as_ref()),
                product(z.as_ref(), self.solutions.as_ref()),
            );
            let y = Mat::from_fn(rows, columns.len(), |i, j| out.target(first + i, j));
            // Without information nothing is fitted, and no sample has leverage.
            let one_less = |i: usize, j: usize| {
                if columns[j].t.is_finite() {
                    one_less[(i, j)]
                } else {
                    1.0
                }
            };
            out.add(
                (first, rows),
                |i, j| (y[(i, j)] - fitted[(i, j)]) / one_less(i, j),
                |i, j| columns[j].beta.unwrap_or(0.0) * one_less(i, j),
            );
        }
        true
    }

    fn dual(&self, out: &mut Collected<'_>) {
        let (columns, n) = (out.columns, self.rotation.nrows());
        for first in (0..n).step_by(BLOCK) {
            let rows = BLOCK.min(n - first);
            let z = self.rotation.as_ref().subrows(first, rows);
            let below = product(self.forms(z).as_ref(), self.plan.weights.as_ref());
            let above = product(z, self.solutions.as_ref());
            let y = Mat::from_fn(rows, columns.len(), |i, j| out.target(first + i, j));
            out.add(
                (first, rows),
                |i, j| {
                    if columns[j].t.is_finite() {
                        above[(i, j)] / below[(i, j)]
                    } else {
                        y[(i, j)]
                    }
                },
                |i, j| columns[j].precision(below[(i, j)] / self.scale),
            );
        }
    }

    /// `z_iᵀ(A + t_kI)⁻¹z_i` of the rows of `z` `[m, k]` at every node, `[m, nodes]`.
    fn forms(&self, z: MatRef<'_, f64>) -> Mat<f64> {
        let packed = Packed::from_rows(z);
        let of_nodes: Vec<Vec<f64>> = self.factors.par_iter().map(|factor| factor.products(&packed)).collect();
        Mat::from_fn(z.nrows(), self.factors.len(), |i, k| of_nodes[k][i])
    }
}

/// At which t there are factors, and how columns follow from them.
struct Plan {
    /// The values of t.
    nodes: Vec<f64>,
    /// `[nodes, c]`; zero for columns of infinite t.
    weights: Mat<f64>,
}

impl Plan {
    fn new(shifts: &[f64]) -> Self {
        let mut sorted: Vec<f64> = shifts.iter().copied().filter(|t| t.is_finite()).collect();
        sorted.sort_by(f64::total_cmp);
        sorted.dedup();
        let (mut nodes, mut of_column) = (Vec::new(), vec![Vec::new(); shifts.len()]);
        let mut rest = &sorted[..];
        while let Some(&first) = rest.first() {
            // Zero, the limit of columns without noise, is a node of its own.
            let reach = if first > 0.0 { first * PIECE.exp() } else { 0.0 };
            let (piece, later) = rest.split_at(rest.partition_point(|&t| t <= reach));
            rest = later;
            let from = nodes.len();
            let logs: Vec<f64> = piece.iter().map(|t| t.ln()).collect();
            let length = logs[logs.len() - 1] - logs[0];
            let count = if length > 0.0 { count(length) } else { 1 };
            let is_own = piece.len() <= count;
            let points = if is_own {
                logs.clone()
            } else {
                Nodes::new(logs[0], logs[logs.len() - 1], count).points()
            };
            if is_own {
                nodes.extend_from_slice(piece);
            } else {
                nodes.extend(points.iter().map(|x| x.exp()));
            }
            for (column, &t) in shifts.iter().enumerate() {
                let Some(place) = piece.iter().position(|&other| other == t) else {
                    continue;
                };
                of_column[column] = if is_own {
                    vec![(from + place, 1.0)]
                } else {
                    let weights = lagrange(&points, t.ln());
                    weights.into_iter().enumerate().map(|(k, w)| (from + k, w)).collect()
                };
            }
        }
        let mut weights = Mat::zeros(nodes.len(), shifts.len());
        for (column, list) in of_column.iter().enumerate() {
            for &(node, weight) in list {
                weights[(node, column)] = weight;
            }
        }
        Self { nodes, weights }
    }

    /// A factor for every node; `None` where a matrix is not positive definite to rounding.
    fn factors(&self, band: &Band) -> Option<Vec<Shifted>> {
        self.nodes.par_iter().map(|&t| Shifted::new(band, t)).collect()
    }
}

/// Nodes of an interval of ln t of this length: the error falls like `ρ⁻ᴺ`, `ln ρ = asinh(2π/length)`.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a small positive number"
)]
fn count(length: f64) -> usize {
    let rate = (2.0 * std::f64::consts::PI / length).asinh();
    (DIGITS / rate).ceil() as usize + 2
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The functions that are interpolated are sums of these.
    #[test]
    fn columns_between_the_nodes_have_the_values_of_their_own_t() {
        let shifts: Vec<f64> = (0..200)
            .map(|i| 1e-3 * (5.0 * f64::from(i) / 199.0).exp())
            .chain([f64::INFINITY, 0.0])
            .collect();
        let plan = Plan::new(&shifts);
        assert!(plan.nodes.len() < 60, "{}", plan.nodes.len());
        for lambda in [1e-7, 1e-3, 2e-2, 0.5, 40.0] {
            for (j, &t) in shifts.iter().enumerate() {
                let interpolated = |value: &dyn Fn(f64) -> f64| -> f64 {
                    let at = |(k, &node): (usize, &f64)| value(node) * plan.weights[(k, j)];
                    plan.nodes.iter().enumerate().map(at).sum()
                };
                if t.is_infinite() {
                    assert_eq!(interpolated(&|_| 1.0), 0.0);
                    continue;
                }
                let (left, inverse) = (|t: f64| t / (lambda + t), |t: f64| 1.0 / (lambda + t));
                assert!((interpolated(&left) - left(t)).abs() <= 1e-11 * left(t), "{lambda} {t}");
                assert!(
                    (interpolated(&inverse) - inverse(t)).abs() <= 1e-11 * inverse(t),
                    "{lambda} {t}"
                );
            }
        }
    }

    #[test]
    fn few_columns_have_factors_of_their_own() {
        let plan = Plan::new(&[2.0, 0.5, 2.0]);
        assert_eq!(plan.nodes, [0.5, 2.0]);
        assert_eq!(
            (plan.weights[(1, 0)], plan.weights[(0, 1)], plan.weights[(1, 2)]),
            (1.0, 1.0, 1.0)
        );
    }
}
